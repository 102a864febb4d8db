package wxpay_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

const doneRefund = `{"mchid":"1900000109","out_trade_no":"ORD-20260101-0001","transaction_id":"4200002026010100000000000001",` +
	`"out_refund_no":"R-20260101-0001","refund_id":"50300000002026010100001","refund_status":"SUCCESS",` +
	`"success_time":"2026-01-01T10:00:00+08:00","user_received_account":"支付用户零钱",` +
	`"amount":{"total":100,"refund":40,"payer_total":90,"payer_refund":36}}`

func refundEnvelope(plain string, modify func(envelope, resource map[string]any)) []byte {
	body, err := json.Marshal(refundNotificationOf([]byte(plain), "SUCCESS", modify))
	must(err)
	return body
}

func TestRefundNotificationRefusals(t *testing.T) {
	t.Parallel()
	type maps = map[string]any
	good := refundEnvelope(doneRefund, nil)
	modified := func(modify func(envelope, resource maps)) []byte { return refundEnvelope(doneRefund, modify) }
	with := func(old, text string) []byte { return refundEnvelope(strings.Replace(doneRefund, old, text, 1), nil) }
	scenarios := []struct {
		name   string
		body   []byte
		stamp  func(*answerStamp)
		header func(http.Header)
		want   error
	}{
		{"signed over other bytes", good, func(s *answerStamp) { s.body = append(s.body, '\n') }, nil, wxpay.ErrNotifySignature},
		{"signed by a stranger", good, func(s *answerStamp) { s.signature = signText(strangerKey(), "x") }, nil, wxpay.ErrNotifySignature},
		{"without a signature", good, nil, func(h http.Header) { h.Del("Wechatpay-Signature") }, wxpay.ErrNotifySignature},
		{"without any header", good, nil, func(h http.Header) { clear(h) }, wxpay.ErrNotifySignature},
		{"five minutes old", good, func(s *answerStamp) { s.at = s.at.Add(-5 * time.Minute) }, nil, wxpay.ErrNotifyStale},
		{"five minutes early", good, func(s *answerStamp) { s.at = s.at.Add(5 * time.Minute) }, nil, wxpay.ErrNotifyStale},
		{"a probe", good, func(s *answerStamp) { s.mark = probeMark }, nil, wxpay.ErrNotifyProbe},
		{"another public key", good, func(s *answerStamp) { s.serial = "PUB_KEY_ID_02" }, nil, wxpay.ErrNotifySerial},
		{"too long", append(append([]byte{}, good...), make([]byte, wxpay.MaxNotificationBytes)...), nil, nil, wxpay.ErrNotifyMalformed},
		{"empty", []byte{}, nil, nil, wxpay.ErrNotifyMalformed},
		{"XML after a blank", []byte(" <xml></xml>"), nil, nil, wxpay.ErrNotifyMalformed},
		{"no resource", []byte(`{"id":"x","event_type":"REFUND.SUCCESS"}`), nil, nil, wxpay.ErrNotifyMalformed},
		{"no id", modified(func(e, _ maps) { delete(e, "id") }), nil, nil, wxpay.ErrNotifyMalformed},
		{"a payment", envelopeOf(paidTrade, nil), nil, nil, wxpay.ErrNotifyUnsupported},
		{"a payment under a refund's name", modified(func(_, r maps) { r["original_type"] = "transaction" }), nil, nil, wxpay.ErrNotifyUnsupported},
		{"an event we do not know", modified(func(e, _ maps) { e["event_type"] = "REFUND.PROCESSING" }), nil, nil, wxpay.ErrNotifyUnsupported},
		{"half an event", modified(func(e, _ maps) { e["event_type"] = "REFUND." }), nil, nil, wxpay.ErrNotifyUnsupported},
		{"another cipher", modified(func(_, r maps) { r["algorithm"] = "AEAD_SM4_GCM" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"a nonce of none", modified(func(_, r maps) { r["nonce"] = "" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"other associated data", modified(func(_, r maps) { r["associated_data"] = "transaction" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"a ciphertext shorter than its tag", modified(func(_, r maps) { r["ciphertext"] = "AAAA" }), nil, nil, wxpay.ErrNotifyDecrypt},
		{"encrypted with the APIv2 key", modified(func(_, r maps) {
			r["ciphertext"] = seal(testV2Key, "refund", []byte(doneRefund))
		}), nil, nil, wxpay.ErrNotifyDecrypt},
		{"a plaintext that is not JSON", refundEnvelope("refunded!", nil), nil, nil, wxpay.ErrNotifyMalformed},
		{"a plaintext that is a trade", refundEnvelope(paidTrade, nil), nil, nil, wxpay.ErrNotifyMalformed},
		{"no number", with(`"out_refund_no"`, `"x"`), nil, nil, wxpay.ErrNotifyMalformed},
		{"no number of WeChat's", with(`"refund_id"`, `"x"`), nil, nil, wxpay.ErrNotifyMalformed},
		{"no state", with(`"refund_status"`, `"x"`), nil, nil, wxpay.ErrNotifyMalformed},
		{"nothing refunded", with(`"refund":40`, `"refund":0`), nil, nil, wxpay.ErrNotifyMalformed},
		{"more than the total", with(`"refund":40`, `"refund":101`), nil, nil, wxpay.ErrNotifyMalformed},
		{"an amount in words", with(`"refund":40`, `"refund":"40"`), nil, nil, wxpay.ErrNotifyMalformed},
		{"done at no time", with(`2026-01-01T10:00:00+08:00`, `now`), nil, nil, wxpay.ErrNotifyMalformed},
		{"another merchant", with(testMchID, "1900000110"), nil, nil, wxpay.ErrNotifyMerchant},
		{"no merchant", with(`"mchid"`, `"x"`), nil, nil, wxpay.ErrNotifyMerchant},
	}
	v := newGateway(t, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	for _, s := range scenarios {
		t.Run(s.name+" is refused", func(t *testing.T) {
			t.Parallel()
			header := signedNotification(s.body, s.stamp)
			if s.header != nil {
				s.header(header)
			}
			note, err := v.ParseRefundNotification(header, s.body)
			if !errors.Is(err, s.want) || note.Refund.State != "" {
				t.Errorf("got %+v, %v, want %v", note, err, s.want)
			}
			wantNoSecret(t, err)
		})
	}
}

func TestRefundNotificationsThatAreRead(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, plain string
		want        func(wxpay.RefundNotification) bool
	}{
		{"the good one", doneRefund, func(n wxpay.RefundNotification) bool {
			return n.Signed && n.ID == "11111111-2222-5333-8444-555555555555" && n.Refund.SuccessAt.Equal(testStart) && n.CreateTime.Equal(testStart.Add(6*time.Second))
		}},
		{"the state inside counts, not the event outside", strings.Replace(doneRefund, `"SUCCESS"`, `"ABNORMAL"`, 1), func(n wxpay.RefundNotification) bool {
			return n.Refund.State == wxpay.RefundAbnormal
		}},
		{"another amount is the caller's to compare", strings.Replace(doneRefund, `"refund":40`, `"refund":1`, 1), func(n wxpay.RefundNotification) bool {
			return n.Refund.Refund == 1
		}},
		{"unknown fields are ignored", strings.Replace(doneRefund, "{", `{"new":[1],`, 1), func(n wxpay.RefundNotification) bool {
			return n.Refund.Refund == 40
		}},
		{"a refund that failed has no time", strings.Replace(strings.Replace(doneRefund, `"SUCCESS"`, `"CLOSED"`, 1), `"success_time"`, `"x"`, 1), func(n wxpay.RefundNotification) bool {
			return n.Refund.State == wxpay.RefundClosed && n.Refund.SuccessAt.IsZero()
		}},
	}
	v := newGateway(t, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			body := refundEnvelope(s.plain, nil)
			note, err := v.ParseRefundNotification(signedNotification(body, nil), body)
			if err != nil || !s.want(note) {
				t.Errorf("got %+v, %v, want it read", note, err)
			}
		})
	}
}

// FuzzParseRefundNotification tries any body without a signature, and any text sealed as v2 seals it.
// FuzzParsePayNotification and FuzzRefundJSON cover signed ones: a signature here would cost a thousand runs each.
func FuzzParseRefundNotification(f *testing.F) {
	v := newGateway(f, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	good := reqInfoXML(reqInfoFields(nil))
	f.Add(refundEnvelope(doneRefund, nil), good)
	f.Add(xmlNotification(good, nil), []byte("<root><refund_fee>1</refund_fee></root>"))
	f.Add([]byte(doneRefund), []byte("<!DOCTYPE root><root/>"))
	f.Add([]byte("<"), []byte(nil))
	f.Fuzz(func(t *testing.T, body, plain []byte) {
		bodies := [][]byte{body}
		if len(plain) < 10_000 { // the XML itself stays under the cap
			bodies = append(bodies, xmlNotification(plain, nil))
		}
		for _, body := range bodies {
			note, err := v.ParseRefundNotification(http.Header{}, body)
			if err != nil {
				continue
			}
			if note.Signed || note.Refund.MchID != testMchID || note.Refund.Validate() != nil || !json.Valid(note.Plaintext) {
				t.Errorf("got %+v, want it refused or a hint", note)
			}
		}
	})
}
