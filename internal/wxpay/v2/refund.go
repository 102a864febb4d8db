package v2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"wxbase/internal/wxpay"
)

// The number of refunds of an order, and of those in one answer.
const (
	maxRefundRows       = 50
	refundRowsPerAnswer = 10
)

var errOtherRefund = errors.New("answer is about another refund")

// Refund implements [wxpay.Gateway]. The answer only accepts the refund, so its state is PROCESSING. After an unknown
// outcome, call QueryRefund and then repeat with the same number.
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_4 (申请退款).
func (g *Gateway) Refund(ctx context.Context, req wxpay.RefundRequest) (wxpay.Refund, error) {
	if err := req.Validate(); err != nil {
		return wxpay.Refund{}, paramError(opRefund, err)
	}
	c := g.newCall(opRefund, "/secapi/pay/refund", refundParams(req))
	c.hosts = g.wire.secure
	f, err := g.do(ctx, c)
	if err != nil {
		return wxpay.Refund{}, err
	}
	refund, err := g.readRefund(f, "", wxpay.RefundProcessing)
	if err != nil {
		return wxpay.Refund{}, answerError(opRefund, wxpay.KindUnknown, err)
	}
	if err := checkRefund(req, refund); err != nil {
		return wxpay.Refund{}, err
	}
	return refund, nil
}

// refundParams asks for one refund. WeChat wants one of the two numbers of the order; ours is known from the first
// attempt on, so that a repeat is identical.
func refundParams(r wxpay.RefundRequest) fields {
	f := fields{
		"out_trade_no": r.OutTradeNo, "out_refund_no": r.OutRefundNo, "total_fee": formatFen(r.Total),
		"refund_fee": formatFen(r.Refund), "refund_desc": r.Reason, "notify_url": r.NotifyURL,
	}
	if r.OutTradeNo == "" {
		f["transaction_id"] = r.TransactionID
	}
	return f
}

// checkRefund compares an answer with the request.
func checkRefund(asked wxpay.RefundRequest, got wxpay.Refund) error {
	switch {
	case got.OutRefundNo != asked.OutRefundNo,
		asked.OutTradeNo != "" && got.OutTradeNo != asked.OutTradeNo,
		asked.TransactionID != "" && got.TransactionID != asked.TransactionID:
		return answerError(opRefund, wxpay.KindUnverified, errOtherRefund)
	case got.Refund != asked.Refund || got.Total != asked.Total:
		return answerError(opRefund, wxpay.KindReused, errors.New("refund of this number has other amounts"))
	}
	return nil
}

// QueryRefund implements [wxpay.Gateway].
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_5 (查询退款).
func (g *Gateway) QueryRefund(ctx context.Context, outRefundNo string) (wxpay.Refund, error) {
	if err := checkOutRefundNo(outRefundNo); err != nil {
		return wxpay.Refund{}, paramError(opQueryRefund, err)
	}
	f, err := g.do(ctx, g.newCall(opQueryRefund, "/pay/refundquery", fields{"out_refund_no": outRefundNo}))
	if err != nil {
		return wxpay.Refund{}, err
	}
	row, err := rowOf(f, outRefundNo)
	if err != nil {
		return wxpay.Refund{}, answerError(opQueryRefund, wxpay.KindUnverified, err)
	}
	refund, err := g.readRefund(f, row, wxpay.RefundStateOfV2(f["refund_status"+row]))
	if err != nil {
		return wxpay.Refund{}, answerError(opQueryRefund, wxpay.KindUnknown, err)
	}
	return refund, nil
}

// RefundsOf implements [wxpay.RefundLister]. WeChat returns ten at a time.
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_5 (查询退款).
func (g *Gateway) RefundsOf(ctx context.Context, outTradeNo string) ([]wxpay.Refund, error) {
	if err := checkOutTradeNo(outTradeNo); err != nil {
		return nil, paramError(opQueryRefund, err)
	}
	var all []wxpay.Refund
	for len(all) < maxRefundRows {
		page, err := g.refundPage(ctx, outTradeNo, len(all))
		if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Code == "REFUNDNOTEXIST" {
			return all, nil // note: WeChat also answers so after the last page
		}
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < refundRowsPerAnswer {
			break
		}
	}
	return all, nil
}

func (g *Gateway) refundPage(ctx context.Context, outTradeNo string, offset int) ([]wxpay.Refund, error) {
	asked := fields{"out_trade_no": outTradeNo}
	if offset > 0 {
		asked["offset"] = strconv.Itoa(offset)
	}
	f, err := g.do(ctx, g.newCall(opQueryRefund, "/pay/refundquery", asked))
	if err != nil {
		return nil, err
	}
	if f["out_trade_no"] != outTradeNo {
		return nil, answerError(opQueryRefund, wxpay.KindUnverified, errOtherRefund)
	}
	var page []wxpay.Refund
	for n := range refundRowsPerAnswer {
		row := "_" + strconv.Itoa(n)
		if f["out_refund_no"+row] == "" {
			break
		}
		refund, err := g.readRefund(f, row, wxpay.RefundStateOfV2(f["refund_status"+row]))
		if err != nil {
			return nil, answerError(opQueryRefund, wxpay.KindUnknown, err)
		}
		page = append(page, refund)
	}
	return page, nil
}

// rowOf finds the suffix (_0, _1, ...) of a refund's fields: an answer may contain all refunds of an order.
func rowOf(f fields, outRefundNo string) (string, error) {
	found := ""
	for n := range maxRefundRows {
		row := "_" + strconv.Itoa(n)
		if f["out_refund_no"+row] != outRefundNo {
			continue
		}
		if found != "" {
			return "", errors.New("answer has the refund twice")
		}
		found = row
	}
	if found == "" {
		return "", errOtherRefund
	}
	return found, nil
}

// readRefund reads a refund: row is the suffix in an answer to refundquery, and empty in one to refund.
func (g *Gateway) readRefund(f fields, row string, state wxpay.RefundState) (wxpay.Refund, error) {
	r := wxpay.Refund{
		MchID: g.mchID, OutRefundNo: f["out_refund_no"+row], RefundID: f["refund_id"+row],
		OutTradeNo: f["out_trade_no"], TransactionID: f["transaction_id"], State: state,
		Channel: f["refund_channel"+row], UserReceivedAccount: f["refund_recv_accout"+row], // WeChat's spelling
		Raw: evidence(f),
	}
	var coupon wxpay.Fen
	var timeErr error
	r.SuccessAt, timeErr = readTime(spacedLayout, f["refund_success_time"+row])
	err := errors.Join(timeErr,
		readInto(&r.Refund, f, "refund_fee"+row), readInto(&r.Total, f, "total_fee"), readInto(&r.PayerTotal, f, "cash_fee"),
		readInto(&coupon, f, "coupon_refund_fee"+row))
	if err != nil {
		return wxpay.Refund{}, err
	}
	// the payer's own money is the refund without the coupon.
	r.PayerRefund = r.Refund - coupon
	if err := r.Validate(); err != nil {
		return wxpay.Refund{}, fmt.Errorf("read refund: %w", err)
	}
	return r, nil
}

func readInto(fen *wxpay.Fen, f fields, name string) (err error) {
	*fen, err = readFen(f, name)
	return err
}

// ParseRefundNotification implements [wxpay.Gateway].
//
// NB! it is not signed. Call QueryRefund, and act on its answer alone.
func (g *Gateway) ParseRefundNotification(_ http.Header, body []byte) (wxpay.RefundNotification, error) {
	return wxpay.OpenXMLRefundNotification(g.apiKey, g.mchID, body)
}
