package sim

import (
	"strconv"
	"strings"
	"time"
)

// v2Seconds is how API v2 writes a time, in Beijing.
const v2Seconds = "20060102150405"

// hostileXML asks a careless parser for a file of the receiver.
const hostileXML = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xml [<!ENTITY steal SYSTEM "file:///etc/passwd">]>
<xml><return_code><![CDATA[SUCCESS]]></return_code><attach>&steal;</attach></xml>`

// sealV2 makes one attempt's message of API v2.
func (s *Sim) sealV2(n *notification, f *fault) ([]byte, error) {
	switch {
	case f.is("xxe"):
		return []byte(hostileXML), nil
	case n.Refund != nil:
		return s.sealRefundV2(f.falsifyRefund(*n.Refund), f)
	case n.Plain != nil:
		return s.sealPaidV2(f.falsify(*n.Plain), n.SignType, f), nil
	}
	return encodeXML("xml", nil), nil
}

// sealPaidV2 tells of a payment, signed in the order's way.
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_7 (支付结果通知)
func (s *Sim) sealPaidV2(t transaction, signType string, f *fault) []byte {
	list := append([]xmlField{{"return_code", "SUCCESS"}, {"result_code", "SUCCESS"}, {"nonce_str", pick(alnum, 32)}}, paidFields(t)...)
	if signType == signHMAC { // note: MD5 is the default and goes unsaid
		list = append(list, xmlField{"sign_type", signHMAC})
	}
	switch {
	case f.is("extra_fields"):
		list = append(list, xmlField{"sim_extra", "2026"}, xmlField{"version", "1.0"})
	case f.is("no_resource"): // the nearest thing: a message that names no order
		list = []xmlField{{"return_code", "SUCCESS"}, {"result_code", "SUCCESS"}, {"nonce_str", pick(alnum, 32)}}
	}
	sign := signV2(fieldMap(list), s.keys.APIV2Key, signType)
	return encodeXML("xml", append(list, xmlField{"sign", f.spoil(sign)}))
}

// paidFields is a paid order as query and notification of v2 tell it.
func paidFields(t transaction) []xmlField {
	device := ""
	if t.SceneInfo != nil {
		device = t.SceneInfo.DeviceID
	}
	var payer int64
	if t.Amount.PayerTotal != nil {
		payer = *t.Amount.PayerTotal
	}
	paid, _ := time.Parse(time.RFC3339, t.SuccessTime)
	list := []xmlField{
		{"appid", t.AppID},
		{"mch_id", t.MchID},
		{"device_info", device},
		{"openid", t.Payer.OpenID},
		{"is_subscribe", "N"},
		{"trade_type", t.TradeType},
		{"bank_type", t.BankType},
		{"total_fee", fenText(t.Amount.Total)},
		{"fee_type", t.Amount.Currency},
		{"cash_fee", fenText(payer)},
		{"cash_fee_type", t.Amount.PayerCurrency},
		{"transaction_id", t.TransactionID},
		{"out_trade_no", t.OutTradeNo},
		{"attach", t.Attach},
		{"time_end", paid.In(beijing()).Format(v2Seconds)},
	}
	var coupons int64
	for i, p := range t.Promotion {
		n := strconv.Itoa(i)
		list = append(list, xmlField{"coupon_id_" + n, p.CouponID}, xmlField{"coupon_type_" + n, "CASH"}, xmlField{"coupon_fee_" + n, fenText(p.Amount)})
		coupons += p.Amount
	}
	if coupons > 0 {
		list = append(list, xmlField{"coupon_fee", fenText(coupons)}, xmlField{"coupon_count", strconv.Itoa(len(t.Promotion))},
			xmlField{"settlement_total_fee", fenText(t.Amount.Total - coupons)})
	}
	return list
}

// sealRefundV2 tells of a refund. NB! the outside is not signed: whoever knows the APIv2 key may have written it.
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_16 (退款结果通知)
func (s *Sim) sealRefundV2(r refund, f *fault) ([]byte, error) {
	source := "API"
	if r.API == byHand {
		source = "VENDOR_PLATFORM"
	}
	success := ""
	if r.Status == refundSuccess && r.SettledAt != nil {
		success = billTime(*r.SettledAt)
	}
	inside := []xmlField{
		{"out_refund_no", r.OutRefundNo},
		{"out_trade_no", r.OutTradeNo},
		{"refund_account", "REFUND_SOURCE_RECHARGE_FUNDS"},
		{"refund_fee", fenText(r.Amount)},
		{"refund_id", r.RefundID},
		{"refund_recv_accout", payerAccount},
		{"refund_request_source", source},
		{"refund_status", refundStateV2(r.Status)},
		{"settlement_refund_fee", fenText(r.PayerAmount)},
		{"settlement_total_fee", fenText(r.PayerTotal)},
		{"cash_refund_fee", fenText(r.PayerAmount)},
		{"success_time", success},
		{"total_fee", fenText(r.Total)},
		{"transaction_id", r.TransactionID},
	}
	if f.is("extra_fields") {
		inside = append(inside, xmlField{"sim_extra", "2026"})
	}
	key := s.keys.APIV2Key
	if f.is("wrong_signature") || f.is("probe") { // there is no signature to spoil; the key is what a receiver can tell by
		key = pick(alnum, 32)
	}
	sealed, err := sealReqInfo(key, encodeXML("root", inside))
	if err != nil {
		return nil, err
	}
	if f.is("no_resource") {
		sealed = ""
	}
	return encodeXML("xml", []xmlField{
		{"return_code", "SUCCESS"}, {"appid", r.AppID}, {"mch_id", r.MchID}, {"nonce_str", pick(alnum, 32)}, {"req_info", sealed},
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

// saysSuccess tells whether a receiver of v2 took the message: its XML says SUCCESS, whatever else it holds.
func saysSuccess(answer string) bool {
	fields, err := parseXML([]byte(answer))
	// note: of an answer, unlike of a request, nobody reported another root than <xml> as accepted
	return err == nil && strings.Contains(answer, "<xml>") && fields["return_code"] == "SUCCESS"
}

func fenText(fen int64) string { return strconv.FormatInt(fen, 10) }
