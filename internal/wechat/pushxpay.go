package wechat

import "strings"

// The events of virtual payment (虚拟支付). Answer them with [PushMessage.XpayAnswer].
const (
	EventXpayGoods     = "xpay_goods_deliver_notify"
	EventXpayRefund    = "xpay_refund_notify"
	EventXpayComplaint = "xpay_complaint_notify"
	EventXpayRisk      = "xpay_wxpay_callback_notify"
	EventXpayInquiry   = "xpay_subscribe_ios_refund_query_notify"
)

// IsXpay tells whether a message is one of virtual payment, known or new.
func (m PushMessage) IsXpay() bool {
	return m.MsgType == "event" && strings.HasPrefix(m.Event, "xpay_")
}

// nameXpayInquiry names Apple's question, which comes without an Event.
func nameXpayInquiry(fields map[string]any) {
	if fields["Event"] == nil && fields["channel_bill"] != nil && fields["bundleid"] != nil {
		fields["MsgType"], fields["Event"] = "event", EventXpayInquiry
	}
}

// XpayAnswer is what a message of virtual payment is answered with, in the clear in every mode; anything else brings it again.
func (m PushMessage) XpayAnswer() (body []byte, contentType string) {
	if m.Format == PushXML {
		return []byte("<xml><ErrCode>0</ErrCode><ErrMsg><![CDATA[success]]></ErrMsg></xml>"), "text/xml; charset=utf-8"
	}
	return []byte(`{"ErrCode":0,"ErrMsg":"success"}`), "application/json; charset=utf-8"
}

// XpayPaidPush is what EventXpayGoods tells. NB! in the clear nobody has signed it: ask [Xpay.Order].
type XpayPaidPush struct {
	OpenID, OutTradeNo string
	Env                int
}

// XpayPaid reads EventXpayGoods. Errors: ErrPushEvent; ErrMissingField without a number or an environment; ErrNotJSON.
func (m PushMessage) XpayPaid() (XpayPaidPush, error) {
	var wire struct {
		OpenID     word    `json:"OpenId"`
		OutTradeNo word    `json:"OutTradeNo"`
		Env        *number `json:"Env"`
	}
	if err := m.read(&wire, EventXpayGoods); err != nil {
		return XpayPaidPush{}, err
	}
	if wire.OutTradeNo == "" || wire.Env == nil {
		return XpayPaidPush{}, ErrMissingField
	}
	return XpayPaidPush{string(wire.OpenID), string(wire.OutTradeNo), int(*wire.Env)}, nil
}

// XpayRefundPush is what EventXpayRefund tells of a refund, of whoever made it. NB! as with XpayPaidPush.
type XpayRefundPush struct {
	WxRefundID, RefundOrderID string // WeChat's and ours, or whoever made it
	OutTradeNo                string // our number of the payment
	Fee                       int64  // fen
	OK                        bool
	Message                   string // WeChat's words when it is not
}

// XpayRefunded reads EventXpayRefund. Errors: ErrPushEvent; ErrMissingField without a payment or a result; ErrNotJSON.
func (m PushMessage) XpayRefunded() (XpayRefundPush, error) {
	var wire struct {
		WxRefundID  word    `json:"WxRefundId"`
		MchRefundID word    `json:"MchRefundId"`
		MchOrderID  word    `json:"MchOrderId"`
		Fee         number  `json:"RefundFee"`
		Code        *number `json:"RetCode"`
		Msg         word    `json:"RetMsg"`
	}
	if err := m.read(&wire, EventXpayRefund); err != nil {
		return XpayRefundPush{}, err
	}
	if wire.MchOrderID == "" || wire.Code == nil {
		return XpayRefundPush{}, ErrMissingField
	}
	return XpayRefundPush{
		WxRefundID: string(wire.WxRefundID), RefundOrderID: string(wire.MchRefundID), OutTradeNo: string(wire.MchOrderID), Fee: int64(wire.Fee),
		OK: *wire.Code == 0, Message: string(wire.Msg),
	}, nil
}

// XpayInquiry is Apple's question before it gives a buyer's money back. It waits three seconds for the answer.
type XpayInquiry struct {
	OutTradeNo string
	Reason     string // such as UNINTENDED_PURCHASE
}

// XpayInquiry reads EventXpayInquiry. Errors: ErrPushEvent, ErrNotJSON.
func (m PushMessage) XpayInquiry() (XpayInquiry, error) {
	var wire struct {
		PayOrderID word `json:"pay_order_id"`
		Reason     word `json:"refund_request_reason"`
	}
	err := m.read(&wire, EventXpayInquiry)
	return XpayInquiry{string(wire.PayOrderID), string(wire.Reason)}, err
}

// XpayInquiryAnswer is the answer to it.
type XpayInquiryAnswer struct {
	Code     int    `json:"result_code"` // 0: give it back, 1: do not
	Info     string `json:"result_info"`
	Evidence string `json:"evidence"` // never empty
}
