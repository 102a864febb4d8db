package wxpay_test

import (
	"bytes"
	"crypto/aes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/wxpay"
	"wxbase/internal/wxpay/xmlflat"
)

// sealReqInfo encrypts as WeChat does, with the standard library.
func sealReqInfo(key string, plain []byte) string {
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	return sealBlocks(key, append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...))
}

// sealBlocks expects padded text.
func sealBlocks(key string, text []byte) string {
	sum := md5.Sum([]byte(key))
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	must(err)
	for at := 0; at < len(text); at += aes.BlockSize {
		block.Encrypt(text[at:], text[at:])
	}
	return base64.StdEncoding.EncodeToString(text)
}

// TestReqInfoVector opens a vector made by another program and checked with OpenSSL.
func TestReqInfoVector(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789abcdef"
	const sealed = "dDo+GCOVYtgSlXn23/zEWScGg4Py2s7j7r35Xb/3aR0n08aMxCilN2KrjAN3mbm5bXA1ODnxZNNBtILn3h5Hpz/G4nODw6NnKhixDUYE5qtaoOvaBlZrD1hRivSdoTw4" +
		"S4kMH+B/7fsD42dB/vhRFpPi7268jGCm/bTV/fIlGbWA2+sTqxxJkdKFwFjvVMw8SLHkqzH/S3ih+LgwStOj9tsj4ngOlb6yAJmBD8Go3fy9OyS435dP2ccYVN0lNAS+" +
		"ziXBBjOI2eNeSrMtQnzY3xNQTNRoaDFZPiH2hsha+4RF8Nr7RHeTBvkjsNvVjZeXKOlog6ymuVU/xn459iYW40OzeEteHbClf+HEZxQLZtw="
	const want = "<root><out_refund_no><![CDATA[131811191610442717309]]></out_refund_no><out_trade_no><![CDATA[71106718111915575302817]]></out_trade_no>" +
		"<refund_fee><![CDATA[3960]]></refund_fee><refund_status><![CDATA[SUCCESS]]></refund_status><total_fee><![CDATA[3960]]></total_fee></root>"
	got, err := wxpay.OpenReqInfo(key, sealed)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if got := sealReqInfo(key, []byte(want)); got != sealed {
		t.Errorf("got %s, want the tests to seal the same", got)
	}
}

func TestReqInfoRefusals(t *testing.T) {
	t.Parallel()
	block := strings.Repeat("x", aes.BlockSize-1)
	scenarios := map[string]string{
		"nothing":                         "",
		"a line break":                    "\n",
		"not base64":                      "%%%",
		"half a block":                    base64.StdEncoding.EncodeToString([]byte("12345678")),
		"another key":                     sealReqInfo("ffffffffffffffffffffffffffffffff", []byte("<root><a>1</a></root>")),
		"a padding of none":               sealBlocks(testV2Key, []byte(block+"\x00")),
		"a padding longer than a block":   sealBlocks(testV2Key, []byte(block+"\x11")),
		"a padding longer than the text":  sealBlocks(testV2Key, []byte(block+"\xff")),
		"a padding of different bytes":    sealBlocks(testV2Key, []byte(block[1:]+"\x01\x02")),
		"a padding that is only the last": sealBlocks(testV2Key, []byte(block+"\x10")),
	}
	for name, text := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, err := wxpay.OpenReqInfo(testV2Key, text)
			if err == nil {
				t.Errorf("got %q, want it refused", plain)
			}
			wantNoSecret(t, err)
		})
	}
	if plain, err := wxpay.OpenReqInfo("", sealReqInfo("", []byte("<root/>"))); err == nil {
		t.Errorf("got %q, want no key to open nothing", plain)
	}
	if plain, err := wxpay.OpenReqInfo(testV2Key, sealReqInfo(testV2Key, nil)); err != nil || len(plain) != 0 {
		t.Errorf("got %q, %v, want an empty text", plain, err)
	}
}

// reqInfoFields are the fields that WeChat names, in its spelling.
func reqInfoFields(modify func(map[string]string)) map[string]string {
	fields := map[string]string{
		"transaction_id": "4200002026010100000000000001", "out_trade_no": testNumber, "refund_id": "50300000002026010100001",
		"out_refund_no": testRefundNo, "total_fee": "100", "settlement_total_fee": "90", "refund_fee": "40", "settlement_refund_fee": "36",
		"cash_refund_fee": "36", "refund_status": "SUCCESS", "success_time": "2026-01-01 10:00:00", "refund_recv_accout": "支付用户零钱",
		"refund_account": "REFUND_SOURCE_RECHARGE_FUNDS", "refund_request_source": "VENDOR_PLATFORM",
	}
	if modify != nil {
		modify(fields)
	}
	return fields
}

// reqInfoXML is the fields as WeChat seals them.
func reqInfoXML(fields map[string]string) []byte {
	doc, err := xmlflat.Encode(fields)
	must(err)
	return []byte(strings.NewReplacer("<xml>", "<root>", "</xml>", "</root>").Replace(string(doc)))
}

// xmlNotification is what WeChat posts, with plain sealed in it.
func xmlNotification(plain []byte, modify func(map[string]string)) []byte {
	fields := map[string]string{
		"return_code": "SUCCESS", "appid": testAppID, "mch_id": testMchID, "nonce_str": "TeqClE3i0mvn3DrK", "req_info": sealReqInfo(testV2Key, plain),
	}
	if modify != nil {
		modify(fields)
	}
	doc, err := xmlflat.Encode(fields)
	must(err)
	return doc
}

// TestRefundMadeOnThePlatform is about a v3 merchant who refunds by hand: WeChat notifies in v2's XML.
func TestRefundMadeOnThePlatform(t *testing.T) {
	t.Parallel()
	v := newGateway(t, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	for word, state := range map[string]wxpay.RefundState{
		"SUCCESS": wxpay.RefundSuccess, "CHANGE": wxpay.RefundAbnormal, "REFUNDCLOSE": wxpay.RefundClosed, "FROZEN": "FROZEN",
	} {
		fields := reqInfoFields(func(f map[string]string) { f["refund_status"], f["new"] = word, "1" })
		note, err := v.ParseRefundNotification(http.Header{}, xmlNotification(reqInfoXML(fields), nil))
		if err != nil {
			t.Fatal(err)
		}
		if note.Signed || note.EventType != "REFUND."+string(state) || note.ID != "" {
			t.Errorf("got %+v, want a hint to ask about, in state %s", note, state)
		}
		want := refundOf("4200002026010100000000000001", state)
		want.Channel, want.PayerTotal = "", 0
		if wantRefund(t, note.Refund, want); !note.Refund.SuccessAt.Equal(testStart) {
			t.Errorf("got %s, want Beijing's %s", note.Refund.SuccessAt, testStart)
		}
		var kept map[string]string
		if err := json.Unmarshal(note.Plaintext, &kept); err != nil || kept["refund_status"] != word || kept["new"] != "1" || len(kept) != len(fields) {
			t.Errorf("got %s, want every field kept", note.Plaintext)
		}
	}
}

func TestXMLRefundRefusals(t *testing.T) {
	t.Parallel()
	type fields = map[string]string
	good := reqInfoXML(reqInfoFields(nil))
	inside := func(modify func(fields)) []byte { return xmlNotification(reqInfoXML(reqInfoFields(modify)), nil) }
	outside := func(modify func(fields)) []byte { return xmlNotification(good, modify) }
	scenarios := []struct {
		name string
		body []byte
		want error
	}{
		{"an external entity", []byte(`<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><req_info>&e;</req_info></xml>`), wxpay.ErrNotifyMalformed},
		{"an external entity inside", xmlNotification([]byte(`<!DOCTYPE root [<!ENTITY e SYSTEM "file:///etc/passwd">]><root><a>&e;</a></root>`), nil), wxpay.ErrNotifyMalformed},
		{"req_info twice", bytes.Replace(outside(nil), []byte("</xml>"), []byte("<req_info>x</req_info></xml>"), 1), wxpay.ErrNotifyMalformed},
		{"an amount twice inside", xmlNotification(bytes.Replace(good, []byte("</root>"), []byte("<refund_fee>1</refund_fee></root>"), 1), nil), wxpay.ErrNotifyMalformed},
		{"only an opening bracket", []byte("<"), wxpay.ErrNotifyMalformed},
		{"a long body", []byte("<xml><a>" + strings.Repeat("x", 1<<20) + "</a></xml>"), wxpay.ErrNotifyMalformed},
		{"a failure", outside(func(f fields) { f["return_code"] = "FAIL" }), wxpay.ErrNotifyMalformed},
		{"no return code", outside(func(f fields) { delete(f, "return_code") }), wxpay.ErrNotifyMalformed},
		{"a payment", outside(func(f fields) { delete(f, "req_info") }), wxpay.ErrNotifyUnsupported},
		{"another merchant", outside(func(f fields) { f["mch_id"] = "1900000110" }), wxpay.ErrNotifyMerchant},
		{"no merchant", outside(func(f fields) { delete(f, "mch_id") }), wxpay.ErrNotifyMerchant},
		{"another key", outside(func(f fields) { f["req_info"] = sealReqInfo(testAPIKey, good) }), wxpay.ErrNotifyDecrypt},
		{"a req_info of a blank", outside(func(f fields) { f["req_info"] = "\n" }), wxpay.ErrNotifyDecrypt},
		{"JSON inside", xmlNotification([]byte(`{"a":1}`), nil), wxpay.ErrNotifyMalformed},
		{"nothing inside", xmlNotification(nil, nil), wxpay.ErrNotifyMalformed},
		{"no number of the refund", inside(func(f fields) { delete(f, "out_refund_no") }), wxpay.ErrNotifyMalformed},
		{"no number of WeChat's", inside(func(f fields) { delete(f, "refund_id") }), wxpay.ErrNotifyMalformed},
		{"no order", inside(func(f fields) { delete(f, "out_trade_no"); delete(f, "transaction_id") }), wxpay.ErrNotifyMalformed},
		{"no state", inside(func(f fields) { delete(f, "refund_status") }), wxpay.ErrNotifyMalformed},
		{"no amount", inside(func(f fields) { delete(f, "refund_fee") }), wxpay.ErrNotifyMalformed},
		{"an amount of yuan", inside(func(f fields) { f["refund_fee"] = "0.40" }), wxpay.ErrNotifyMalformed},
		{"a negative amount", inside(func(f fields) { f["refund_fee"] = "-40" }), wxpay.ErrNotifyMalformed},
		{"an amount with a plus", inside(func(f fields) { f["refund_fee"] = "+40" }), wxpay.ErrNotifyMalformed},
		{"an amount of 20 digits", inside(func(f fields) { f["total_fee"] = strings.Repeat("9", 20) }), wxpay.ErrNotifyMalformed},
		{"more than the total", inside(func(f fields) { f["refund_fee"] = "101" }), wxpay.ErrNotifyMalformed},
		{"a time that is none", inside(func(f fields) { f["success_time"] = "2026-01-01T10:00:00Z" }), wxpay.ErrNotifyMalformed},
	}
	v := newGateway(t, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	for _, s := range scenarios {
		t.Run(s.name+" is refused", func(t *testing.T) {
			t.Parallel()
			note, err := v.ParseRefundNotification(http.Header{}, s.body)
			if !errors.Is(err, s.want) || note.Refund.State != "" || note.Plaintext != nil {
				t.Errorf("got %+v, %v, want %v", note, err, s.want)
			}
			wantNoSecret(t, err)
		})
	}
	t.Run("a merchant without an APIv2 key refuses all", func(t *testing.T) {
		t.Parallel()
		m := testMerchant()
		m.APIv2Key = ""
		note, err := newGateway(t, m).ParseRefundNotification(http.Header{}, outside(nil))
		if !errors.Is(err, wxpay.ErrNotifyDecrypt) || !strings.Contains(err.Error(), "no APIv2 key") {
			t.Errorf("got %+v, %v, want it to say what is missing", note, err)
		}
	})
}

// FuzzReqInfo tries any req_info, and any text sealed as one.
func FuzzReqInfo(f *testing.F) {
	f.Add("\n", []byte("<root><a>1</a></root>"))
	f.Add(sealReqInfo(testV2Key, []byte("x")), []byte(nil))
	f.Fuzz(func(t *testing.T, reqInfo string, plain []byte) {
		if got, err := wxpay.OpenReqInfo(testV2Key, reqInfo); err == nil && len(got) >= len(reqInfo) {
			t.Errorf("got %d bytes of %d, want fewer", len(got), len(reqInfo))
		}
		if got, err := wxpay.OpenReqInfo(testV2Key, sealReqInfo(testV2Key, plain)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("got %q, %v, want %q", got, err, plain)
		}
	})
}
