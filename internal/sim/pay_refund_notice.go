package sim

import (
	"time"

	"wxbase/internal/sim/wire"
)

// refundNotice is the decrypted content of a v3 REFUND notification.
// https://pay.weixin.qq.com/doc/v3/merchant/4012791865 (退款结果通知)
type refundNotice struct {
	MchID               string             `json:"mchid"`
	OutTradeNo          string             `json:"out_trade_no"`
	TransactionID       string             `json:"transaction_id"`
	OutRefundNo         string             `json:"out_refund_no"`
	RefundID            string             `json:"refund_id"`
	RefundStatus        string             `json:"refund_status"`
	SuccessTime         string             `json:"success_time,omitempty"`
	UserReceivedAccount string             `json:"user_received_account"`
	Amount              refundNoticeAmount `json:"amount"`
}

// refundNoticeAmount is in fen; this message has no currency.
type refundNoticeAmount struct {
	Total       int64 `json:"total"`
	Refund      int64 `json:"refund"`
	PayerTotal  int64 `json:"payer_total"`
	PayerRefund int64 `json:"payer_refund"`
}

// notice describes the settled refund.
func (r refund) notice() refundNotice {
	n := refundNotice{
		MchID: r.MchID, OutTradeNo: r.OutTradeNo, TransactionID: r.TransactionID, OutRefundNo: r.OutRefundNo, RefundID: r.RefundID,
		RefundStatus: r.Status, UserReceivedAccount: payerAccount,
		Amount: refundNoticeAmount{r.Total, r.Amount, r.PayerTotal, r.PayerAmount},
	}
	if r.Status == refundSuccess && r.SettledAt != nil {
		n.SuccessTime = wire.Stamp(*r.SettledAt)
	}
	return n
}

// refundSummary is the summary of the envelope.
func refundSummary(status string) string {
	switch status {
	case refundAbnormal:
		return "退款异常"
	case refundClosed:
		return "退款关闭"
	}
	return "退款成功"
}

// refundNotification is the message after the end of a refund, nil without an address.
//
// note: a refund without a notify_url, also one made over v3 or by hand, is sent to the merchant's own address, in v2's
// XML.
func (s *Sim) refundNotification(r refund, at time.Time) *notification {
	format, url := r.API, r.NotifyURL
	if url == "" {
		format, url = apiV2, s.settings(r.MchID).RefundURL
	}
	if url == "" {
		return nil
	}
	n := newNotification(eventRefund+r.Status, format, url, at)
	n.OutTradeNo, n.OutRefundNo, n.ByKey, n.Refund = r.OutTradeNo, r.OutRefundNo, r.ByKey, &r
	return n
}

// falsifyRefund changes the content, in ways that a receiver must notice. A v3 message has no appid to change.
func (f *fault) falsifyRefund(r refund) refund {
	switch {
	case f.hasKind("other_amount"):
		r.Amount, r.PayerAmount = r.Amount+1, r.PayerAmount+1
	case f.hasKind("other_appid"):
		r.AppID = wire.NewAppID()
	case f.hasKind("other_mchid"):
		r.MchID = "19" + wire.Pick(wire.Digits, 8)
	case f.hasKind("unknown_order"):
		r.OutTradeNo, r.OutRefundNo = "UNKNOWN-"+wire.Pick(wire.Digits, 12), "UNKNOWN-"+wire.Pick(wire.Digits, 12)
		r.TransactionID, r.RefundID = "4200"+wire.Pick(wire.Digits, 24), "5030"+wire.Pick(wire.Digits, 24)
	}
	return r
}
