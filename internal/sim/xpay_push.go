package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"wxbase/internal/sim/wire"
)

// What virtual payment pushes.
const (
	eventXpayGoods   = "xpay_goods_deliver_notify"
	eventXpayRefund  = "xpay_refund_notify"
	eventXpayInquiry = "xpay_subscribe_ios_refund_query_notify"
	xpayEvents       = "xpay_"
)

// isXpay tells whether a message is one of virtual payment, which is answered and repeated in a way of its own.
func (m *pushMessage) isXpay() bool { return m != nil && strings.HasPrefix(m.Event, xpayEvents) }

// inquiryTimeout is how long Apple waits for an answer.
const inquiryTimeout = 3 * time.Second

// patience is how long an answer to a message is waited for.
func (n *notification) patience() time.Duration {
	if n.Push != nil && n.Push.Event == eventXpayInquiry {
		return inquiryTimeout
	}
	return notifyTimeout
}

// xpaySteps is when such a message is sent again: after 2, 4, 8 seconds and so on, fifteen times.
func xpaySteps() []time.Duration {
	steps := make([]time.Duration, 15)
	for i := range steps {
		steps[i] = 2 * time.Second << i
	}
	return steps
}

// xpayPaidPush tells of a payment. Apple's have no WeChatPayInfo.
func (s *Sim) xpayPaidPush(o *xpayOrder) *notification {
	fields := pushFields{
		"OpenId": o.OpenID, "OutTradeNo": o.OrderID, "Env": o.Env,
		"GoodsInfo": map[string]any{
			"ProductId": o.ProductID, "Quantity": o.Quantity, "OrigPrice": o.Fee, "ActualPrice": o.Fee, "Attach": o.Attach,
		},
	}
	if !o.isApple() {
		fields["WeChatPayInfo"] = map[string]any{"MchOrderNo": o.WxOrderID, "TransactionId": o.WxpayOrderID, "PaidTime": o.PaidAt.Unix()}
	}
	return s.newEvent(o.AppID, o.OpenID, eventXpayGoods, fields)
}

// xpayRefundPush tells what became of a refund.
func (s *Sim) xpayRefundPush(r, of *xpayOrder) *notification {
	code, text := 0, "ok"
	if r.Status == xpayRefundFail {
		code, text = 268490001, "refund failed"
	}
	return s.newEvent(r.AppID, r.OpenID, eventXpayRefund, pushFields{
		"OpenId": r.OpenID, "WxRefundId": r.WxOrderID, "MchRefundId": r.OrderID, "WxOrderId": of.WxOrderID, "MchOrderId": of.OrderID,
		"RefundFee": r.Fee, "RetCode": code, "RetMsg": text, "RefundStartTimestamp": r.MadeAt.Unix(), "RefundSuccTimestamp": timeOr(r.DoneAt).Unix(),
		"WxpayRefundTransactionId": "", "RetryTimes": 0,
	})
}

// xpayInquiryPush is Apple's question before it gives money back: all text, and no Event among its fields.
func (s *Sim) xpayInquiryPush(o *xpayOrder, why string, now time.Time) *notification {
	n := s.newEvent(o.AppID, o.OpenID, eventXpayInquiry, pushFields{
		"refund_time": stampText(now), "order_time": stampText(*o.PaidAt), "channel_bill": "7" + wire.Pick(wire.Digits, 14), "bundleid": "com.tencent.xin",
		"product_id": o.ProductID, "p_count": asText(o.Quantity), "refund_request_reason": why, "provide_status": map[bool]string{true: "1", false: "0"}[o.DoneAt != nil],
		"consumption_status": "0", "service_type": "1", "pay_order_id": o.OrderID,
	})
	if n != nil {
		n.Push.Bare = true
	}
	return n
}

func stampText(t time.Time) string { return asText(t.Unix()).(string) }

var (
	errXpayAnswer    = errors.New("the answer to virtual payment must be ErrCode 0, in the form of the push")
	errInquiryAnswer = errors.New("the answer to Apple's inquiry must have result_code 0 or 1, result_info and evidence")
)

// checkXpayAnswer tells what is wrong with the answer to a message of virtual payment, which is in the clear in every mode.
func checkXpayAnswer(m *pushMessage, format string, answer []byte) error {
	if m.Event == eventXpayInquiry {
		var said struct {
			Code     *int    `json:"result_code"`
			Info     *string `json:"result_info"`
			Evidence string  `json:"evidence"`
		}
		if decode(answer, &said) != nil || said.Code == nil || *said.Code < 0 || *said.Code > 1 || said.Info == nil || said.Evidence == "" {
			return errInquiryAnswer
		}
		return nil
	}
	if format == PushXML {
		fields, err := wire.ParseXML(bytes.TrimSpace(answer))
		if err != nil || fields["ErrCode"] != "0" {
			return errXpayAnswer
		}
		return nil
	}
	var said struct {
		Code *int `json:"ErrCode"`
	}
	if json.Unmarshal(answer, &said) != nil || said.Code == nil || *said.Code != 0 {
		return errXpayAnswer
	}
	return nil
}

// answered is what an answered message of virtual payment changes: who answers the push of a payment has delivered it. The caller holds s.mu.
func (s *Sim) xpayAnswered(n *notification) {
	if n.State != notifyDone || n.Push == nil || n.Push.Event != eventXpayGoods || n.Replay != nil {
		return
	}
	number, _ := n.Push.Fields["OutTradeNo"].(string)
	o := s.state.xpayOrders[xpayKey(n.AppID, numberIn(n.Push.Fields["Env"]), number)]
	if o == nil || o.DoneAt != nil {
		return
	}
	if err := s.provideXpay(o, s.Now()); err != nil {
		s.note(onPush, "the journal could not keep a delivery: "+err.Error())
	}
}

func numberIn(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case json.Number:
		n, _ := v.Int64()
		return int(n)
	}
	return 0
}
