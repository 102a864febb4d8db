package wxpay

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"wxbase/internal/wxpay/xmlflat"
)

const refundsPath = "/v3/refund/domestic/refunds"

// refundBody is the request as sent, in a fixed order. It omits unset fields: WeChat refuses empty ones, and any that
// are not on the official page.
type refundBody struct {
	TransactionID string       `json:"transaction_id,omitempty"`
	OutTradeNo    string       `json:"out_trade_no,omitempty"`
	OutRefundNo   string       `json:"out_refund_no"`
	Reason        string       `json:"reason,omitempty"`
	NotifyURL     string       `json:"notify_url"`
	Amount        refundAmount `json:"amount"`
}

type refundAmount struct {
	Refund   Fen    `json:"refund"`
	Total    Fen    `json:"total"`
	Currency string `json:"currency"`
}

// body prefers our order number to WeChat's: it is known from the first attempt on, so that a repeat is identical.
func (r RefundRequest) body() refundBody {
	b := refundBody{
		OutTradeNo: r.OutTradeNo, OutRefundNo: r.OutRefundNo, Reason: r.Reason, NotifyURL: r.NotifyURL,
		Amount: refundAmount{Refund: r.Refund, Total: r.Total, Currency: Currency},
	}
	if b.OutTradeNo == "" {
		b.TransactionID = r.TransactionID
	}
	return b
}

// matches tells whether the answer is about the requested refund.
func (r RefundRequest) matches(got Refund) bool {
	return got.OutRefundNo == r.OutRefundNo &&
		(r.OutTradeNo == "" || got.OutTradeNo == r.OutTradeNo) &&
		(r.TransactionID == "" || got.TransactionID == r.TransactionID)
}

// Refund implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4013071036 (退款申请).
func (v *V3) Refund(ctx context.Context, req RefundRequest) (Refund, error) {
	if err := req.Validate(); err != nil {
		return Refund{}, paramError(opRefund, err)
	}
	result, err := v.sdk.Post(ctx, consts.WechatPayAPIServer+refundsPath, req.body())
	refund, err := v.readRefund(opRefund, result, err, req.matches)
	if err != nil {
		return Refund{}, err
	}
	// NB! one number is one refund, permanently: WeChat has another refund under this one.
	if refund.Refund != req.Refund || refund.Total != req.Total {
		return Refund{}, newError(opRefund, result, KindReused, "refund of this number has other amounts")
	}
	return refund, nil
}

// QueryRefund implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4013071041 (查询单笔退款).
func (v *V3) QueryRefund(ctx context.Context, outRefundNo string) (Refund, error) {
	if err := checkOutRefundNo(outRefundNo); err != nil {
		return Refund{}, paramError(opQueryRefund, err)
	}
	result, err := v.sdk.Get(ctx, consts.WechatPayAPIServer+refundsPath+"/"+url.PathEscape(outRefundNo))
	return v.readRefund(opQueryRefund, result, err, func(r Refund) bool { return r.OutRefundNo == outRefundNo })
}

// readRefund parses the bytes itself, for the same reason as query.
func (v *V3) readRefund(op string, result *core.APIResult, err error, isMine func(Refund) bool) (Refund, error) {
	if err := classify(op, result, err); err != nil {
		return Refund{}, err
	}
	raw, err := io.ReadAll(result.Response.Body)
	if err != nil {
		return Refund{}, answerError(op, result, "answer cannot be read")
	}
	refund, err := parseRefund(raw)
	if err != nil {
		return Refund{}, answerError(op, result, err.Error())
	}
	// note: v3 omits the merchant in these answers.
	if refund.MchID == "" {
		refund.MchID = v.mchID
	}
	// NB! the signature does not cover the request: compare the numbers, an answer about another refund verifies too.
	if refund.MchID != v.mchID || !isMine(refund) {
		return Refund{}, newError(op, result, KindUnverified, "answer is about another refund")
	}
	return refund, nil
}

// ParseRefundNotification implements [Gateway]. The body decides: v3 JSON is signed; v2 XML is not, and v3 merchants
// receive it for refunds made on the merchant platform.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791865 (退款结果回调通知).
func (v *V3) ParseRefundNotification(header http.Header, body []byte) (RefundNotification, error) {
	if xmlflat.IsXML(body) {
		return OpenXMLRefundNotification(v.apiV2Key, v.mchID, body)
	}
	note, err := v.openNotification(header, body, envelope.isRefund)
	if err != nil {
		return RefundNotification{}, fmt.Errorf("check notification: %w", err)
	}
	refund, err := parseRefund(note.plain)
	if err != nil {
		return RefundNotification{}, fmt.Errorf("read notification: %w: %w", ErrNotifyMalformed, err)
	}
	if refund.MchID != v.mchID {
		return RefundNotification{}, fmt.Errorf("read notification: %w", ErrNotifyMerchant)
	}
	return RefundNotification{
		ID: note.ID, EventType: note.EventType, CreateTime: note.createdAt, Refund: refund, Plaintext: note.plain, Signed: true,
	}, nil
}
