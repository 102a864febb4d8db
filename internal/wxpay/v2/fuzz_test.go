package v2_test

import (
	"encoding/json"
	"testing"

	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
)

// resigned signs fuzzed fields, so that they pass the signature check.
func resigned(body []byte) []byte {
	d, err := readDoc(body)
	if err != nil {
		return body
	}
	delete(d, "sign")
	delete(d, "sign_type")
	return writeDoc("xml", signed(d, v2.SignHMACSHA256, "192006250b4c09247ec02edce69f6a2d"))
}

func FuzzParsePayNotification(f *testing.F) {
	f.Add(writeDoc("xml", couponPaid()))
	for _, text := range hostile() {
		if len(text) < 4<<10 {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte("<xml><total_fee>1</total_fee><sign>\n</sign></xml>"))
	f.Add([]byte("<xml><return_code>SUCCESS</return_code><mch_id>10000100</mch_id><req_info>\n</req_info></xml>"))
	g := docGateway(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if note, err := g.ParsePayNotification(nil, body); err == nil {
			d, readErr := readDoc(body)
			if readErr != nil || d["sign"] != signDoc(d, v2.SignHMACSHA256, "192006250b4c09247ec02edce69f6a2d") {
				t.Fatalf("got %+v from %q, which nobody signed", note, body)
			}
		}
		if note, err := g.ParsePayNotification(nil, resigned(body)); err == nil {
			wantSoundTrade(t, note.Trade)
			if note.Trade.State != wxpay.StateSuccess || note.Trade.MchID != "10000100" || note.ID == "" {
				t.Fatalf("got %+v, want a payment to us", note)
			}
		}
		if note, err := g.ParseRefundNotification(nil, body); err == nil && (note.Signed || note.Refund.Validate() != nil) {
			t.Fatalf("got %+v, want a sound refund that nobody signed", note)
		}
	})
}

func wantSoundTrade(t *testing.T, trade wxpay.Trade) {
	t.Helper()
	paid := trade.State.IsPaid()
	if trade.OutTradeNo == "" || trade.State == "" || trade.Total < 0 || trade.PayerTotal < 0 || trade.Currency == "" ||
		paid && (trade.Total == 0 || trade.TransactionID == "") || !json.Valid(trade.Raw) {
		t.Fatalf("got %+v, want a trade that can be", trade)
	}
}
