package sim

import (
	"strconv"
	"strings"
	"time"

	"wxbase/internal/sim/wire"
)

// v2Seconds is API v2's format of time, in Beijing.
const v2Seconds = "20060102150405"

// hostileXML makes a careless parser read a file of the receiver.
const hostileXML = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xml [<!ENTITY steal SYSTEM "file:///etc/passwd">]>
<xml><return_code><![CDATA[SUCCESS]]></return_code><attach>&steal;</attach></xml>`

// sealV2 builds one attempt's message of API v2.
func (s *Sim) sealV2(n *notification, f *fault) ([]byte, error) {
	m := s.sellerOf(n.mchID())
	switch {
	case f.hasKind("xxe"):
		return []byte(hostileXML), nil
	case n.Refund != nil:
		return m.sealRefundV2(f.falsifyRefund(*n.Refund), f)
	case n.Plain != nil:
		return m.sealPaidV2(f.falsify(*n.Plain), n.SignType, f), nil
	}
	return wire.EncodeXML("xml", nil), nil
}

// sealPaidV2 describes a payment, signed with the order's sign type.
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_7 (支付结果通知)
func (m *seller) sealPaidV2(t transaction, signType string, f *fault) []byte {
	list := append([]wire.XMLField{{Name: "return_code", Value: "SUCCESS"}, {Name: "result_code", Value: "SUCCESS"}, {Name: "nonce_str", Value: wire.Pick(wire.Alnum, 32)}}, paidFields(t)...)
	if signType == wire.SignHMAC { // note: MD5 is the default and is not sent
		list = append(list, wire.XMLField{Name: "sign_type", Value: wire.SignHMAC})
	}
	switch {
	case f.hasKind("extra_fields"):
		list = append(list, wire.XMLField{Name: "sim_extra", Value: "2026"}, wire.XMLField{Name: "version", Value: "1.0"})
	case f.hasKind("no_resource"): // the nearest equivalent: a message without an order
		list = []wire.XMLField{{Name: "return_code", Value: "SUCCESS"}, {Name: "result_code", Value: "SUCCESS"}, {Name: "nonce_str", Value: wire.Pick(wire.Alnum, 32)}}
	}
	sign := wire.SignV2(wire.FieldMap(list), m.APIV2Key, signType)
	return wire.EncodeXML("xml", append(list, wire.XMLField{Name: "sign", Value: f.spoil(sign)}))
}

// paidFields are the fields of a paid order in v2's query and notification.
func paidFields(t transaction) []wire.XMLField {
	device := ""
	if t.SceneInfo != nil {
		device = t.SceneInfo.DeviceID
	}
	var payer int64
	if t.Amount.PayerTotal != nil {
		payer = *t.Amount.PayerTotal
	}
	paid, _ := time.Parse(time.RFC3339, t.SuccessTime)
	list := []wire.XMLField{
		{Name: "appid", Value: t.AppID},
		{Name: "mch_id", Value: t.MchID},
		{Name: "device_info", Value: device},
		{Name: "openid", Value: t.Payer.OpenID},
		{Name: "is_subscribe", Value: "N"},
		{Name: "trade_type", Value: t.TradeType},
		{Name: "bank_type", Value: t.BankType},
		{Name: "total_fee", Value: fenText(t.Amount.Total)},
		{Name: "fee_type", Value: t.Amount.Currency},
		{Name: "cash_fee", Value: fenText(payer)},
		{Name: "cash_fee_type", Value: t.Amount.PayerCurrency},
		{Name: "transaction_id", Value: t.TransactionID},
		{Name: "out_trade_no", Value: t.OutTradeNo},
		{Name: "attach", Value: t.Attach},
		{Name: "time_end", Value: paid.In(wire.Beijing()).Format(v2Seconds)},
	}
	var coupons int64
	for i, p := range t.Promotion {
		n := strconv.Itoa(i)
		list = append(list, wire.XMLField{Name: "coupon_id_" + n, Value: p.CouponID}, wire.XMLField{Name: "coupon_type_" + n, Value: "CASH"}, wire.XMLField{Name: "coupon_fee_" + n, Value: fenText(p.Amount)})
		coupons += p.Amount
	}
	if coupons > 0 {
		list = append(list, wire.XMLField{Name: "coupon_fee", Value: fenText(coupons)}, wire.XMLField{Name: "coupon_count", Value: strconv.Itoa(len(t.Promotion))},
			wire.XMLField{Name: "settlement_total_fee", Value: fenText(t.Amount.Total - coupons)})
	}
	return list
}

// sealRefundV2 describes a refund. NB! the envelope is not signed: any holder of the APIv2 key may have written it.
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_16 (退款结果通知)
func (m *seller) sealRefundV2(r refund, f *fault) ([]byte, error) {
	source := "API"
	if r.API == byHand {
		source = "VENDOR_PLATFORM"
	}
	success := ""
	if r.Status == refundSuccess && r.SettledAt != nil {
		success = billTime(*r.SettledAt)
	}
	inside := []wire.XMLField{
		{Name: "out_refund_no", Value: r.OutRefundNo},
		{Name: "out_trade_no", Value: r.OutTradeNo},
		{Name: "refund_account", Value: "REFUND_SOURCE_RECHARGE_FUNDS"},
		{Name: "refund_fee", Value: fenText(r.Amount)},
		{Name: "refund_id", Value: r.RefundID},
		{Name: "refund_recv_accout", Value: payerAccount},
		{Name: "refund_request_source", Value: source},
		{Name: "refund_status", Value: refundStateV2(r.Status)},
		{Name: "settlement_refund_fee", Value: fenText(r.PayerAmount)},
		{Name: "settlement_total_fee", Value: fenText(r.PayerTotal)},
		{Name: "cash_refund_fee", Value: fenText(r.PayerAmount)},
		{Name: "success_time", Value: success},
		{Name: "total_fee", Value: fenText(r.Total)},
		{Name: "transaction_id", Value: r.TransactionID},
	}
	if f.hasKind("extra_fields") {
		inside = append(inside, wire.XMLField{Name: "sim_extra", Value: "2026"})
	}
	key := m.APIV2Key
	if f.hasKind("wrong_signature") || f.hasKind("probe") { // there is no signature to spoil; a receiver can only check the key
		key = wire.Pick(wire.Alnum, 32)
	}
	sealed, err := wire.SealReqInfo(key, wire.EncodeXML("root", inside))
	if err != nil {
		return nil, err
	}
	if f.hasKind("no_resource") {
		sealed = ""
	}
	return wire.EncodeXML("xml", []wire.XMLField{
		{Name: "return_code", Value: "SUCCESS"}, {Name: "appid", Value: r.AppID}, {Name: "mch_id", Value: r.MchID}, {Name: "nonce_str", Value: wire.Pick(wire.Alnum, 32)}, {Name: "req_info", Value: sealed},
	}), nil
}

// refundStateV2 is a refund's state in v2's words.
func refundStateV2(status string) string {
	switch status {
	case refundAbnormal:
		return "CHANGE"
	case refundClosed:
		return "REFUNDCLOSE"
	}
	return status
}

// saysSuccess tells whether a v2 receiver accepted the message: its XML says SUCCESS, besides anything else.
func saysSuccess(answer string) bool {
	fields, err := wire.ParseXML([]byte(answer))
	// note: unlike in a request, another root than <xml> is not known to be accepted in an answer
	return err == nil && strings.Contains(answer, "<xml>") && fields["return_code"] == "SUCCESS"
}

func fenText(fen int64) string { return strconv.FormatInt(fen, 10) }
