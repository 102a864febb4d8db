package wxpay_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

const paidTrade = `{"mchid":"1900000109","appid":"wxd678efh567hg6787","out_trade_no":"ORD-20260101-0001",` +
	`"transaction_id":"4200002026010100000000000001","trade_state":"SUCCESS","success_time":"2026-01-01T10:00:05+08:00",` +
	`"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},"amount":{"total":100,"payer_total":100,"currency":"CNY"}}`

// signedNotification signs a notification after modify, so that a fault in it has a valid signature.
func signedNotification(body []byte, modify func(*answerStamp)) http.Header {
	f := &fakeWeChat{clock: new(testClock)}
	header := http.Header{}
	f.stamp(header, testKeyID, body, modify)
	return header
}

func envelopeOf(plain string, modify func(envelope, resource map[string]any)) []byte {
	body, err := json.Marshal(notificationOf([]byte(plain), modify))
	must(err)
	return body
}

func atStart() time.Time { return testStart }

func TestNotificationSavedInTestdata(t *testing.T) {
	t.Parallel()
	var saved map[string]string
	raw, err := os.ReadFile("testdata/notification_selfmade.json")
	must(err)
	must(json.Unmarshal(raw, &saved))
	publicKey, err := os.ReadFile("testdata/" + saved["platform_public_key"])
	must(err)
	m := testMerchant()
	m.PublicKey, m.PublicKeyID, m.APIv3Key = string(publicKey), saved["wechatpay_serial"], saved["apiv3_key"]
	seconds, err := strconv.ParseInt(saved["wechatpay_timestamp"], 10, 64)
	must(err)
	v := newGateway(t, m, wxpay.WithNow(func() time.Time { return time.Unix(seconds, 0) }))
	header := http.Header{}
	for _, name := range []string{"Timestamp", "Nonce", "Serial", "Signature"} {
		header.Set("Wechatpay-"+name, saved["wechatpay_"+strings.ToLower(name)])
	}
	note, err := v.ParsePayNotification(header, []byte(saved["body"]))
	if err != nil {
		t.Fatal(err)
	}
	if string(note.Plaintext) != saved["plaintext"] {
		t.Errorf("got %s, want %s", note.Plaintext, saved["plaintext"])
	}
	created := time.Date(2026, 1, 1, 2, 0, 6, 0, time.UTC)
	if note.ID != "11111111-2222-5333-8444-555555555555" || note.EventType != "TRANSACTION.SUCCESS" || note.Summary != "支付成功" ||
		!note.CreateTime.Equal(created) || note.Trade.Total != 100 || note.Trade.OutTradeNo != testNumber {
		t.Errorf("got %+v, want the saved one", note)
	}
}

func TestNotificationRefusals(t *testing.T) {
	t.Parallel()
	type maps = map[string]any
	good := envelopeOf(paidTrade, nil)
	modified := func(modify func(envelope, resource maps)) []byte { return envelopeOf(paidTrade, modify) }
	scenarios := []struct {
		name   string
		body   []byte
		stamp  func(*answerStamp)
		header func(http.Header)
		want   error
	}{
		{"signed over other bytes", good, func(s *answerStamp) { s.body = append(s.body, '\n') }, nil, wxpay.ErrNotifySignature},
		{"signed by a stranger", good, func(s *answerStamp) { s.signature = signText(strangerKey(), "x") }, nil, wxpay.ErrNotifySignature},
		{"signed with another algorithm", good, nil, func(h http.Header) { h.Set("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3") }, wxpay.ErrNotifySignature},
		{"without a signature", good, nil, func(h http.Header) { h.Del("Wechatpay-Signature") }, wxpay.ErrNotifySignature},
		{"without a nonce", good, nil, func(h http.Header) { h.Del("Wechatpay-Nonce") }, wxpay.ErrNotifySignature},
		{"without a serial", good, nil, func(h http.Header) { h.Del("Wechatpay-Serial") }, wxpay.ErrNotifySignature},
		{"without a time", good, nil, func(h http.Header) { h.Del("Wechatpay-Timestamp") }, wxpay.ErrNotifySignature},
		{"with a time that is no number", good, nil, func(h http.Header) { h.Set("Wechatpay-Timestamp", "now") }, wxpay.ErrNotifyStale},
		{"with the smallest number as time", good, nil, func(h http.Header) { h.Set("Wechatpay-Timestamp", "-9223372036854775808") }, wxpay.ErrNotifyStale},
		{"with the largest number as time", good, nil, func(h http.Header) { h.Set("Wechatpay-Timestamp", "9223372036854775807") }, wxpay.ErrNotifyStale},
		{"with another time than was signed", good, nil, func(h http.Header) {
			h.Set("Wechatpay-Timestamp", strconv.FormatInt(testStart.Unix()+1, 10))
		}, wxpay.ErrNotifySignature},
		{"five minutes old", good, func(s *answerStamp) { s.at = s.at.Add(-5 * time.Minute) }, nil, wxpay.ErrNotifyStale},
		{"five minutes early", good, func(s *answerStamp) { s.at = s.at.Add(5 * time.Minute) }, nil, wxpay.ErrNotifyStale},
		{"a probe", good, func(s *answerStamp) { s.mark = probeMark }, nil, wxpay.ErrNotifyProbe},
		{"another public key", good, func(s *answerStamp) { s.serial = "PUB_KEY_ID_02" }, nil, wxpay.ErrNotifySerial},
		{"the merchant's own certificate", good, func(s *answerStamp) { s.serial = testSerial }, nil, wxpay.ErrNotifySerial},
		{"too long", append(append([]byte{}, good...), make([]byte, wxpay.MaxNotificationBytes)...), nil, nil, wxpay.ErrNotifyMalformed},
		{"empty", []byte{}, nil, nil, wxpay.ErrNotifyMalformed},
		{"not JSON", []byte("<xml></xml>"), nil, nil, wxpay.ErrNotifyMalformed},
		{"null", []byte("null"), nil, nil, wxpay.ErrNotifyMalformed},
		{"two documents", append(append([]byte{}, good...), "{}"...), nil, nil, wxpay.ErrNotifyMalformed},
		{"no resource", []byte(`{"id":"x","event_type":"TRANSACTION.SUCCESS"}`), nil, nil, wxpay.ErrNotifyMalformed},
		{"a resource of null", modified(func(e, _ maps) { e["resource"] = nil }), nil, nil, wxpay.ErrNotifyMalformed},
		{"a resource of another type", modified(func(e, _ maps) { e["resource"] = "text" }), nil, nil, wxpay.ErrNotifyMalformed},
		{"no id", modified(func(e, _ maps) { delete(e, "id") }), nil, nil, wxpay.ErrNotifyMalformed},
		{"no event", modified(func(e, _ maps) { delete(e, "event_type") }), nil, nil, wxpay.ErrNotifyMalformed},
		{"a creation time that is none", modified(func(e, _ maps) { e["create_time"] = "2026" }), nil, nil, wxpay.ErrNotifyMalformed},
		{"a refund", modified(func(e, _ maps) { e["event_type"] = "REFUND.SUCCESS" }), nil, nil, wxpay.ErrNotifyUnsupported},
		{"a refund under a payment's name", modified(func(_, r maps) { r["original_type"] = "refund" }), nil, nil, wxpay.ErrNotifyUnsupported},
		{"no original type", modified(func(_, r maps) { delete(r, "original_type") }), nil, nil, wxpay.ErrNotifyUnsupported},
		{"another cipher", modified(func(_, r maps) { r["algorithm"] = "AEAD_SM4_GCM" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"a nonce of 16 bytes", modified(func(_, r maps) { r["nonce"] = "abcdefghijklmnop" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"a nonce of none", modified(func(_, r maps) { r["nonce"] = "" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"another nonce", modified(func(_, r maps) { r["nonce"] = "abcdefghijkm" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"other associated data", modified(func(_, r maps) { r["associated_data"] = "refund" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"no ciphertext", modified(func(_, r maps) { r["ciphertext"] = "" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"a ciphertext shorter than its tag", modified(func(_, r maps) { r["ciphertext"] = "AAAA" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"a ciphertext that is not base64", modified(func(_, r maps) { r["ciphertext"] = "%%%" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"encrypted with another key", modified(func(_, r maps) {
			r["ciphertext"] = seal("ffffffffffffffffffffffffffffffff", "transaction", []byte(paidTrade))
		}), nil, nil, wxpay.ErrNotifyDecrypt},
		{"a plaintext that is not JSON", envelopeOf("paid!", nil), nil, nil, wxpay.ErrNotifyMalformed},
		{"a plaintext without a trade", envelopeOf("{}", nil), nil, nil, wxpay.ErrNotifyMalformed},
		{"paid nothing", envelopeOf(strings.Replace(paidTrade, `"total":100`, `"total":0`, 1), nil), nil, nil, wxpay.ErrNotifyMalformed},
		{"another merchant", envelopeOf(strings.Replace(paidTrade, testMchID, "1900000110", 1), nil), nil, nil, wxpay.ErrNotifyMerchant},
	}
	v := newGateway(t, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	for _, s := range scenarios {
		t.Run(s.name+" is refused", func(t *testing.T) {
			t.Parallel()
			header := signedNotification(s.body, s.stamp)
			if s.header != nil {
				s.header(header)
			}
			note, err := v.ParsePayNotification(header, s.body)
			if !errors.Is(err, s.want) || note.Trade.State != "" {
				t.Errorf("got %+v, %v, want %v", note, err, s.want)
			}
			wantNoSecret(t, err)
		})
	}
}

func TestNotificationsThatAreRead(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, plain string
		modify      func(envelope, resource map[string]any)
		want        func(wxpay.Notification) bool
	}{
		{
			"another amount is the caller's to compare", strings.Replace(paidTrade, `"total":100,`, `"total":1,`, 1), nil,
			func(n wxpay.Notification) bool { return n.Trade.Total == 1 && n.Trade.PayerTotal == 100 },
		},
		{
			"another currency is the caller's to compare", strings.Replace(paidTrade, "CNY", "USD", 1), nil,
			func(n wxpay.Notification) bool { return n.Trade.Currency == "USD" },
		},
		{
			"another appid is the caller's to compare", strings.Replace(paidTrade, testAppID, "wx0000000000000000", 1), nil,
			func(n wxpay.Notification) bool { return n.Trade.AppID == "wx0000000000000000" },
		},
		{
			"the state inside counts, not the event outside", strings.Replace(paidTrade, "SUCCESS", "CLOSED", 1), nil,
			func(n wxpay.Notification) bool { return n.Trade.State == wxpay.StateClosed && !n.Trade.State.IsPaid() },
		},
		{
			"a state we do not know is kept", strings.Replace(paidTrade, "SUCCESS", "FROZEN", 1), nil,
			func(n wxpay.Notification) bool { return n.Trade.State == "FROZEN" && !n.Trade.State.IsPaid() },
		},
		{
			"a refunded trade was paid", strings.Replace(paidTrade, "SUCCESS", "REFUND", 1), nil,
			func(n wxpay.Notification) bool { return n.Trade.State.IsPaid() },
		},
		{
			"unknown fields are ignored", strings.Replace(paidTrade, "{", `{"new":[1],`, 1), func(e, r map[string]any) { e["new"], r["new"] = 1, "2" },
			func(n wxpay.Notification) bool { return n.Trade.Total == 100 },
		},
	}
	v := newGateway(t, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			body := envelopeOf(s.plain, s.modify)
			note, err := v.ParsePayNotification(signedNotification(body, nil), body)
			if err != nil || !s.want(note) {
				t.Errorf("got %+v, %v, want it read", note, err)
			}
		})
	}
}

// FuzzParsePayNotification tries any envelope, plaintext and headers, signed and unsigned.
func FuzzParsePayNotification(f *testing.F) {
	v := newGateway(f, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	good := string(envelopeOf(paidTrade, nil))
	f.Add(good, "1767232800", "nonce", true)
	f.Add(`{"id":"x","event_type":"TRANSACTION.SUCCESS"}`, "1767232800", "nonce", true)
	f.Add(`{"id":"x","event_type":"TRANSACTION.SUCCESS","resource":{"original_type":"transaction","nonce":"1","algorithm":"AEAD_AES_256_GCM"}}`, "1767232800", "", true)
	f.Add(paidTrade, "-1", "\n", false)
	f.Fuzz(func(t *testing.T, body, timestamp, nonce string, signed bool) {
		header := http.Header{"Wechatpay-Timestamp": {timestamp}, "Wechatpay-Nonce": {nonce}, "Wechatpay-Serial": {testKeyID}, "Wechatpay-Signature": {"AAAA"}}
		if signed {
			header.Set("Wechatpay-Signature", signText(platformKey(), timestamp+"\n"+nonce+"\n"+body+"\n"))
		}
		if note, err := v.ParsePayNotification(header, []byte(body)); err == nil && (!signed || note.Trade.MchID != testMchID || note.ID == "") {
			t.Errorf("got %+v, want it refused", note)
		}
		// the encrypted text in a valid envelope
		sealed := envelopeOf(body, nil)
		if note, err := v.ParsePayNotification(signedNotification(sealed, nil), sealed); err == nil && note.Trade.MchID != testMchID {
			t.Errorf("got %+v, want it refused", note)
		}
	})
}

func BenchmarkParsePayNotification(b *testing.B) {
	v := newGateway(b, testMerchant(), wxpay.WithNow(atStart))
	body := envelopeOf(paidTrade, nil)
	header := signedNotification(body, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.ParsePayNotification(header, body); err != nil {
			b.Fatal(err)
		}
	}
}
