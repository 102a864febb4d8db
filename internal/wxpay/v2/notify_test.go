package v2_test

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
)

// couponPaid is a notification signed with the documents' own key.
func couponPaid() doc {
	return doc{
		"appid": "wxd930ea5d5a258f4f", "bank_type": "OTHERS", "cash_fee": "90", "coupon_count": "1", "coupon_fee": "10", "coupon_fee_0": "10",
		"coupon_id_0": "10000", "coupon_type_0": "CASH", "fee_type": "CNY", "is_subscribe": "N", "mch_id": "10000100",
		"nonce_str": "B1B1B1B1B1B1B1B1", "openid": testOpenID, "out_trade_no": testNumber, "result_code": "SUCCESS",
		"return_code": "SUCCESS", "time_end": "20260101100005", "total_fee": "100", "trade_type": "JSAPI",
		"transaction_id": "4200000000202601010000000001", "sign": "11A587BDD0BBE83C92584918FF7AC4B5C43E191D8ECC329E69D7B758BA1A81EB",
	}
}

func docGateway(tb testing.TB) *v2.Gateway {
	tb.Helper()
	return newGateway(tb, wxpay.Merchant{MchID: "10000100", APIv2Key: "192006250b4c09247ec02edce69f6a2d"})
}

func TestNotificationOfTheDocuments(t *testing.T) {
	t.Parallel()
	g := docGateway(t)
	body := writeDoc("xml", couponPaid())
	note, err := g.ParsePayNotification(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	paid := time.Date(2026, 1, 1, 2, 0, 5, 0, time.UTC)
	if tr := note.Trade; !tr.SuccessAt.Equal(paid) || tr.Total != 100 || tr.PayerTotal != 90 || tr.Currency != "CNY" || tr.State != wxpay.StateSuccess ||
		tr.AppID != "wxd930ea5d5a258f4f" || tr.TransactionID != "4200000000202601010000000001" || tr.OpenID != testOpenID || tr.Attach != "" {
		t.Errorf("got %+v, want the payment", tr)
	}
	again, err := g.ParsePayNotification(nil, body)
	if err != nil || again.ID != note.ID {
		t.Errorf("got id %q, %v, want %q for the same bytes", again.ID, err, note.ID)
	}
}

func TestNotificationsRefused(t *testing.T) {
	t.Parallel()
	const key = "192006250b4c09247ec02edce69f6a2d"
	g := docGateway(t)
	scenarios := []struct {
		name   string
		modify func(doc)
		sign   string // the sign type to sign anew with; empty: keep the signature
		want   error
	}{
		{"another amount", func(d doc) { d["total_fee"] = "1" }, "", wxpay.ErrNotifySignature},
		{"no sign", func(d doc) { delete(d, "sign") }, "", wxpay.ErrNotifySignature},
		{"a wrong sign", func(d doc) { d["sign"] = strings.Repeat("A", 64) }, "", wxpay.ErrNotifySignature},
		{"a coupon field taken away", func(d doc) { delete(d, "coupon_id_0") }, "", wxpay.ErrNotifySignature},
		{"a field put in", func(d doc) { d["device_info"] = "WEB" }, "", wxpay.ErrNotifySignature},
		{"MD5 where HMAC was asked for", func(doc) {}, "MD5", wxpay.ErrNotifySignature},
		{"MD5 and saying so", func(d doc) { d["sign_type"] = "MD5" }, "MD5", wxpay.ErrNotifySignature},
		{"of another merchant", func(d doc) { d["mch_id"] = "10000101" }, v2.SignHMACSHA256, wxpay.ErrNotifyMerchant},
		{"without a mini program", func(d doc) { delete(d, "appid") }, v2.SignHMACSHA256, wxpay.ErrNotifyMalformed},
		{"that failed", func(d doc) { d["result_code"] = "FAIL" }, v2.SignHMACSHA256, wxpay.ErrNotifyUnsupported},
		{"without a result", func(d doc) { delete(d, "result_code") }, v2.SignHMACSHA256, wxpay.ErrNotifyUnsupported},
		{"that was not even sent well", func(d doc) { d["return_code"] = "FAIL" }, v2.SignHMACSHA256, wxpay.ErrNotifyUnsupported},
		{"without an amount", func(d doc) { delete(d, "total_fee") }, v2.SignHMACSHA256, wxpay.ErrNotifyMalformed},
		{"of nothing", func(d doc) { d["total_fee"] = "0" }, v2.SignHMACSHA256, wxpay.ErrNotifyMalformed},
		{"of less than nothing", func(d doc) { d["total_fee"] = "-100" }, v2.SignHMACSHA256, wxpay.ErrNotifyMalformed},
		{"of a fraction", func(d doc) { d["total_fee"] = "1e2" }, v2.SignHMACSHA256, wxpay.ErrNotifyMalformed},
		{"without a transaction", func(d doc) { delete(d, "transaction_id") }, v2.SignHMACSHA256, wxpay.ErrNotifyMalformed},
		{"without a number", func(d doc) { delete(d, "out_trade_no") }, v2.SignHMACSHA256, wxpay.ErrNotifyMalformed},
		{"at no time", func(d doc) { d["time_end"] = "now" }, v2.SignHMACSHA256, wxpay.ErrNotifyMalformed},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			d := couponPaid()
			s.modify(d)
			if s.sign != "" {
				d = signed(d, s.sign, key)
			}
			note, err := g.ParsePayNotification(nil, writeDoc("xml", d))
			if !errors.Is(err, s.want) || note.Trade.State != "" {
				t.Errorf("got %+v, %v, want %v", note, err, s.want)
			}
		})
	}
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if note, err := g.ParsePayNotification(nil, []byte(text)); !errors.Is(err, wxpay.ErrNotifyMalformed) {
				t.Errorf("got %+v, %v, want %v", note, err, wxpay.ErrNotifyMalformed)
			}
		})
	}
}

func TestNotificationsTaken(t *testing.T) {
	t.Parallel()
	const key = "192006250b4c09247ec02edce69f6a2d"
	g := docGateway(t)
	scenarios := []struct {
		name     string
		modify   func(doc)
		currency string
	}{
		{"with fields of tomorrow", func(d doc) { maps.Copy(d, doc{"promotion_detail": `{"a":[1]}`, "coupon_fee_17": "3"}) }, "CNY"},
		{"with a field that is empty", func(d doc) { d["attach"] = "" }, "CNY"},
		{"without a currency, which is CNY", func(d doc) { delete(d, "fee_type") }, "CNY"},
		{"in a currency for the caller to refuse", func(d doc) { d["fee_type"] = "HKD" }, "HKD"},
		{"for another mini program of the merchant, for the caller to compare", func(d doc) { d["appid"] = otherAppID }, "CNY"},
		{"saying its sign type", func(d doc) { d["sign_type"] = v2.SignHMACSHA256 }, "CNY"},
		{"with letters that XML escapes", func(d doc) { d["attach"] = "三鲜面 & <b>" }, "CNY"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			d := couponPaid()
			s.modify(d)
			note, err := g.ParsePayNotification(nil, writeDoc("xml", signed(d, v2.SignHMACSHA256, key)))
			if err != nil || note.Trade.Currency != s.currency || note.Trade.Total != 100 || note.Trade.AppID != d["appid"] || note.Trade.Attach != d["attach"] {
				t.Errorf("got %+v, %v, want it taken", note.Trade, err)
			}
		})
	}
	entities := strings.ReplaceAll(string(writeDoc("xml", couponPaid())), "<![CDATA[SUCCESS]]>", "&#83;UCCESS")
	if _, err := g.ParsePayNotification(nil, []byte(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"+entities)); err != nil {
		t.Errorf("got %v for the same document, written otherwise", err)
	}
}

func TestReply(t *testing.T) {
	t.Parallel()
	if got, want := string(v2.Acknowledge()), "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(v2.Refuse("签名错误")), "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[签名错误]]></return_msg></xml>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, message := range []string{"a]]><b>", strings.Repeat("错", 1000), "a\nb\x00c\xff"} {
		d, err := readDoc(v2.Refuse(message))
		if err != nil || d["return_code"] != "FAIL" || len([]rune(d["return_msg"])) > 128 {
			t.Errorf("got %v, %v for %q, want XML", d, err, message)
		}
	}
	v2.Acknowledge()[0] = 'x'
	if v2.Acknowledge()[0] != '<' {
		t.Error("got an answer that its caller can change for others")
	}
	if got, want := v2.ContentType, "text/xml; charset=utf-8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// this vector of the fact sheet checks the tests' own cipher.
func TestReqInfoVector(t *testing.T) {
	t.Parallel()
	const plain = "<root><out_refund_no><![CDATA[131811191610442717309]]></out_refund_no><out_trade_no><![CDATA[71106718111915575302817]]></out_trade_no>" +
		"<refund_fee><![CDATA[3960]]></refund_fee><refund_status><![CDATA[SUCCESS]]></refund_status><total_fee><![CDATA[3960]]></total_fee></root>"
	sealed := sealReqInfo(testAPIKey, []byte(plain))
	if want := "dDo+GCOVYtgSlXn23/zEWScG"; !strings.HasPrefix(sealed, want) {
		t.Errorf("got %s, want it to begin with %s", sealed, want)
	}
	opened, err := wxpay.OpenReqInfo(testAPIKey, sealed)
	if err != nil || !bytes.Equal(opened, []byte(plain)) {
		t.Errorf("got %s, %v, want %s", opened, err, plain)
	}
	full := strings.Replace(plain, "<root>", "<root><refund_id>50000408942018111907145868882</refund_id>", 1)
	note, err := newGateway(t, testMerchant()).ParseRefundNotification(nil, writeDoc("xml", doc{
		"return_code": "SUCCESS", "mch_id": testMchID, "appid": testAppID, "nonce_str": "x", "req_info": sealReqInfo(testAPIKey, []byte(full)),
	}))
	if err != nil || note.Refund.Refund != 3960 || note.Refund.State != wxpay.RefundSuccess || note.Signed {
		t.Errorf("got %+v, %v, want a refund that nobody signed", note, err)
	}
}
