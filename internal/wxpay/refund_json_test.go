package wxpay

// The decoder of refunds is unexported, so this file sits inside the package.

import "testing"

// FuzzRefundJSON tries arbitrary decrypted resources and answers.
func FuzzRefundJSON(f *testing.F) {
	f.Add([]byte(`{"refund_id":"5","out_refund_no":"R-1","out_trade_no":"ORD-20260101-0001","status":"PROCESSING","amount":{"total":100,"refund":40,"currency":"CNY"}}`))
	f.Add([]byte(`{"mchid":"1","refund_id":"5","out_refund_no":"R-1","transaction_id":"42","refund_status":"SUCCESS","success_time":"2026-01-01T10:00:05+08:00","amount":{"total":1,"refund":1}}`))
	f.Add([]byte(`{"amount":{"refund":1e400}}`))
	f.Add([]byte(`{"amount":null,"status":[]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRefund(raw)
		if err != nil {
			return
		}
		if r.OutRefundNo == "" || r.RefundID == "" || r.State == "" || r.OutTradeNo == "" && r.TransactionID == "" {
			t.Errorf("got %+v, want it refused without its numbers", r)
		}
		if r.Refund < 1 || r.Refund > r.Total || r.PayerRefund < 0 || r.PayerTotal < 0 {
			t.Errorf("got %+v, want its amounts refused", r)
		}
	})
}

// FuzzReqInfoFields tries arbitrary decrypted req_info: a holder of the key wrote it, or it was cut from other
// messages.
func FuzzReqInfoFields(f *testing.F) {
	f.Add([]byte("<root><out_refund_no>R-1</out_refund_no><refund_id>5</refund_id><out_trade_no>ORD-1</out_trade_no><refund_fee>40</refund_fee>" +
		"<total_fee>100</total_fee><refund_status>CHANGE</refund_status><success_time>2026-01-01 10:00:05</success_time></root>"))
	f.Add([]byte("<root><refund_fee>-1</refund_fee><refund_fee>1</refund_fee></root>"))
	f.Add([]byte("<!DOCTYPE root><root/>"))
	f.Fuzz(func(t *testing.T, plain []byte) {
		r, err := readReqInfo(plain)
		if err != nil {
			return
		}
		if len(r.Raw) == 0 || r.Raw[0] != '{' {
			t.Errorf("got raw %q, want JSON", r.Raw)
		}
		if r.Refund < 1 || r.Refund > r.Total || r.PayerRefund < 0 || r.OutRefundNo == "" || r.State == "" {
			t.Errorf("got %+v, want it refused", r)
		}
	})
}
