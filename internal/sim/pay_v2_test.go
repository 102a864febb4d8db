package sim_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

// signV2 signs as documented: sorted, joined, the key at the end.
func (w *merchantSide) signV2(fields map[string]string, signType string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fields[name] != "" && name != "sign" {
			parts = append(parts, name+"="+fields[name])
		}
	}
	line := strings.Join(append(parts, "key="+w.mch.APIV2Key), "&")
	if signType == "HMAC-SHA256" {
		mac := hmac.New(sha256.New, []byte(w.mch.APIV2Key))
		mac.Write([]byte(line))
		return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
	}
	sum := md5.Sum([]byte(line))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func toXML(fields map[string]string) string {
	var out strings.Builder
	out.WriteString("<xml>")
	for name, value := range fields {
		fmt.Fprintf(&out, "<%s>", name)
		_ = xml.EscapeText(&out, []byte(value))
		fmt.Fprintf(&out, "</%s>", name)
	}
	return out.String() + "</xml>"
}

// requestV2 completes and signs a request of API v2.
func (w *merchantSide) requestV2(path string, fields map[string]string) *http.Request {
	w.t.Helper()
	whole := map[string]string{"appid": w.app.AppID, "mch_id": w.mch.MchID, "nonce_str": "ibuaiVcKdpRxkhJA"}
	maps.Copy(whole, fields)
	maps.DeleteFunc(whole, func(_, value string) bool { return value == "-" })
	if _, given := fields["sign"]; !given {
		whole["sign"] = w.signV2(whole, whole["sign_type"])
	}
	return w.request(http.MethodPost, path, toXML(whole))
}

// v2 calls API v2 and expects 200 and, for a known merchant, a valid signature.
func (w *merchantSide) v2(path string, fields map[string]string) map[string]string {
	w.t.Helper()
	a := w.do(w.requestV2(path, fields))
	if a.status != http.StatusOK {
		w.t.Fatalf("got %d %s, want 200 always", a.status, a.body)
	}
	got := flatXML(w.t, a.body)
	if got["return_code"] == "SUCCESS" && got["sign"] != w.signV2(got, fields["sign_type"]) {
		w.t.Fatalf("got %s, want a good signature", a.body)
	}
	return got
}

func wantV2(t *testing.T, got map[string]string, code string) {
	t.Helper()
	if got["return_code"] != "SUCCESS" || got["result_code"] != "FAIL" || got["err_code"] != code || got["err_code_des"] == "" {
		t.Fatalf("got %v, want the error %s", got, code)
	}
}

func orderV2(number, openid string) map[string]string {
	return map[string]string{
		"body": "三鲜面 <b>&", "out_trade_no": number, "total_fee": "100", "spbill_create_ip": "203.0.113.7", "attach": "o=17",
		"notify_url": "https://shop.example.com/pay/v2", "trade_type": "JSAPI", "openid": openid,
	}
}

func (w *merchantSide) prepaidV2(fields map[string]string) string {
	w.t.Helper()
	got := w.v2("/pay/unifiedorder", fields)
	if got["result_code"] != "SUCCESS" || got["prepay_id"] == "" || got["trade_type"] != "JSAPI" {
		w.t.Fatalf("got %v, want a prepay_id", got)
	}
	return got["prepay_id"]
}

// signPayV2 signs the phone's argument as v2 does; appID is the name under which the appid is signed.
func (w *phoneSide) signPayV2(in map[string]any, appID, signType string) {
	in["signType"] = signType
	in["paySign"] = w.signV2(map[string]string{
		appID: w.app.AppID, "timeStamp": in["timeStamp"].(string), "nonceStr": in["nonceStr"].(string), "package": in["package"].(string), "signType": signType,
	}, signType)
}

// paidV2 makes an order of 100 fen by v2, paid by p1.
func (w *merchantSide) paidV2(number, signType string) {
	w.t.Helper()
	openid, _ := w.login("p1")
	fields := orderV2(number, openid)
	if signType == "HMAC-SHA256" {
		fields["sign_type"] = signType
	}
	in := w.payment(w.prepaidV2(fields))
	w.signPayV2(in, "appId", signType)
	if got := w.payAs("p1", in); got != "requestPayment:ok" {
		w.t.Fatalf("pay: got %q, want requestPayment:ok", got)
	}
}

func TestV2Story(t *testing.T) {
	t.Parallel()
	for _, signType := range []string{"MD5", "HMAC-SHA256"} {
		t.Run(signType, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sign := map[string]string{"sign_type": signType}
			with := func(fields map[string]string) map[string]string { maps.Copy(fields, sign); return fields }
			openid, _ := w.login("p1")
			prepay := w.prepaidV2(with(orderV2("ORD-V2-1", openid)))
			if again := w.prepaidV2(with(orderV2("ORD-V2-1", openid))); again != prepay || len(prepay) != 36 {
				t.Errorf("got %s and %s, want the same prepay_id for the same parameters", prepay, again)
			}
			got := w.v2("/pay/orderquery", with(map[string]string{"out_trade_no": "ORD-V2-1"}))
			if got["trade_state"] != "NOTPAY" || got["attach"] != "o=17" || got["total_fee"] != "" || got["openid"] != "" {
				t.Errorf("got %v, want NOTPAY and no more", got)
			}
			in := w.payment(prepay)
			w.signPayV2(in, "appId", signType)
			if got := w.payAs("p1", in); got != "requestPayment:ok" {
				t.Fatalf("got %q, want requestPayment:ok", got)
			}
			got = w.v2("/pay/orderquery", with(map[string]string{"out_trade_no": "ORD-V2-1"}))
			want := map[string]string{
				"trade_state": "SUCCESS", "total_fee": "100", "cash_fee": "100", "fee_type": "CNY", "openid": openid, "trade_type": "JSAPI",
				"bank_type": "OTHERS", "time_end": "20260301100000", "attach": "o=17", "is_subscribe": "N", "appid": w.app.AppID, "mch_id": w.mch.MchID,
			}
			for name, value := range want {
				if got[name] != value {
					t.Errorf("%s: got %q, want %q", name, got[name], value)
				}
			}
			if byID := w.v2("/pay/orderquery", with(map[string]string{"transaction_id": got["transaction_id"]})); byID["out_trade_no"] != "ORD-V2-1" {
				t.Errorf("got %v, want the order by its transaction", byID)
			}
			wantV2(t, w.v2("/pay/unifiedorder", with(orderV2("ORD-V2-1", openid))), "ORDERPAID")
			wantV2(t, w.v2("/pay/closeorder", with(map[string]string{"out_trade_no": "ORD-V2-1"})), "ORDERPAID")
			if v3 := w.query("ORD-V2-1"); v3.text("trade_state") != "SUCCESS" || v3.text("transaction_id") != got["transaction_id"] {
				t.Errorf("got %s, want the same books for v3", v3.body)
			}
		})
	}
}

func TestV2Transport(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	good := orderV2("ORD-V2-T", openid)
	with := func(name, value string) *http.Request {
		fields := maps.Clone(good)
		fields[name] = value
		return w.requestV2("/pay/unifiedorder", fields)
	}
	raw := func(method, body string) *http.Request { return w.request(method, "/pay/unifiedorder", body) }
	tampered := func() *http.Request {
		body, err := io.ReadAll(w.requestV2("/pay/unifiedorder", good).Body)
		if err != nil {
			t.Fatal(err)
		}
		return raw(http.MethodPost, strings.Replace(string(body), "<total_fee>100<", "<total_fee>1<", 1))
	}
	extra := func() *http.Request {
		body, err := io.ReadAll(w.requestV2("/pay/unifiedorder", good).Body)
		if err != nil {
			t.Fatal(err)
		}
		return raw(http.MethodPost, strings.Replace(string(body), "</xml>", "<unknown>1</unknown></xml>", 1))
	}
	scenarios := []struct {
		name string
		req  *http.Request
		says string
	}{
		{"GET", raw(http.MethodGet, ""), "请使用post方法"},
		{"nothing", raw(http.MethodPost, ""), "post数据为空"},
		{"JSON", raw(http.MethodPost, `{"appid":"x"}`), "XML格式错误"},
		{"a DTD", raw(http.MethodPost, `<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><appid>&a;</appid></xml>`), "XML格式错误"},
		{"the amount twice", raw(http.MethodPost, "<xml><total_fee>1</total_fee><total_fee>100</total_fee></xml>"), "XML格式错误"},
		{"Latin 1", raw(http.MethodPost, "<xml><body>\xe9</body></xml>"), "编码格式错误，请使用UTF-8"},
		{"no mch_id", with("mch_id", "-"), "缺少参数mch_id"},
		{"another mch_id", with("mch_id", "1900000001"), "商户号mch_id不存在"},
		{"unknown sign_type", with("sign_type", "SHA1"), "sign_type参数错误"},
		{"no sign", with("sign", ""), "签名错误"},
		{"sign in small letters", with("sign", strings.ToLower(w.signV2(map[string]string{"a": "b"}, "MD5"))), "签名错误"},
		{"amount changed after signing", tampered(), "签名错误"},
		{"unknown field added after signing", extra(), "签名错误"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			a := w.do(s.req)
			got := flatXML(t, a.body)
			if a.status != 200 || got["return_code"] != "FAIL" || got["return_msg"] != s.says || got["sign"] != "" || a.header.Get("Content-Type") != "text/plain" {
				t.Fatalf("got %d %s, want an unsigned FAIL that says %s", a.status, a.body, s.says)
			}
			if call := w.list("/calls?limit=1")[0]; call["verdict"] != "refused" || call["host"] != "api.mch.weixin.qq.com" {
				t.Errorf("got %v, want the refusal recorded", call)
			}
		})
	}
	signedExtra := maps.Clone(good)
	signedExtra["unknown"] = "1"
	w.prepaidV2(signedExtra) // valid with all fields signed
}

func TestV2Validation(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	scenarios := []struct{ name, field, value, code string }{
		{"no appid", "appid", "-", "LACK_PARAMS"},
		{"unknown appid", "appid", "wx0123456789abcdef", "APPID_NOT_EXIST"},
		{"no nonce", "nonce_str", "-", "LACK_PARAMS"},
		{"long nonce", "nonce_str", strings.Repeat("x", 33), "INVALID_REQUEST"},
		{"no body", "body", "", "LACK_PARAMS"},
		{"long body", "body", strings.Repeat("面", 128), "INVALID_REQUEST"},
		{"short number", "out_trade_no", "12345", "INVALID_REQUEST"},
		{"number with a space", "out_trade_no", "ORD 123456", "INVALID_REQUEST"},
		{"nothing to pay", "total_fee", "0", "INVALID_REQUEST"},
		{"yuan", "total_fee", "1.00", "INVALID_REQUEST"},
		{"a signed amount", "total_fee", "+100", "INVALID_REQUEST"},
		{"no address of the payer", "spbill_create_ip", "", "LACK_PARAMS"},
		{"no address at all", "spbill_create_ip", "home", "INVALID_REQUEST"},
		{"query in the address", "notify_url", "https://shop.example.com/?a=1", "INVALID_REQUEST"},
		{"no host in the address", "notify_url", "/pay", "INVALID_REQUEST"},
		{"no trade_type", "trade_type", "", "LACK_PARAMS"},
		{"another product", "trade_type", "APP", "NOAUTH"},
		{"Native without a product", "trade_type", "NATIVE", "LACK_PARAMS"},
		{"no openid", "openid", "", "LACK_PARAMS"},
		{"somebody else's openid", "openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "INVALID_REQUEST"},
		{"dollars", "fee_type", "USD", "INVALID_REQUEST"},
		{"time of v3", "time_expire", "2026-03-01T10:30:00+08:00", "INVALID_REQUEST"},
		{"time too near", "time_expire", "20260301100059", "INVALID_REQUEST"},
		{"long attach", "attach", strings.Repeat("x", 128), "INVALID_REQUEST"},
		{"unknown limit", "limit_pay", "no_debit", "INVALID_REQUEST"},
		{"scene that is no JSON", "scene_info", "{", "INVALID_REQUEST"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			fields := orderV2("ORD-V2-VALID", openid)
			fields[s.field] = s.value
			wantV2(t, w.v2("/pay/unifiedorder", fields), s.code)
		})
	}
	if n := len(w.list("/orders")); n != 0 {
		t.Errorf("got %d orders, want none", n)
	}
}

func TestV2Reentry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	fields := orderV2("ORD-V2-R", openid)
	fields["time_expire"] = "20260301103000"
	first := w.prepaidV2(fields)
	for name, value := range map[string]string{"total_fee": "101", "body": "x", "time_expire": "20260301113000", "sign_type": "HMAC-SHA256", "attach": ""} {
		other := maps.Clone(fields)
		other[name] = value
		wantV2(t, w.v2("/pay/unifiedorder", other), "OUT_TRADE_NO_USED")
	}
	v3 := w.orderBody("ORD-V2-R", openid)
	wantPayError(t, w.prepay(v3), 403, "OUT_TRADE_NO_USED")
	w.clock.Add(30 * time.Minute)
	wantV2(t, w.v2("/pay/unifiedorder", fields), "INVALID_REQUEST")
	long := orderV2("ORD-V2-L", openid)
	old := w.prepaidV2(long)
	w.clock.Add(2 * time.Hour)
	if fresh := w.prepaidV2(long); fresh == old || fresh == first {
		t.Errorf("got %s again after two hours, want a new prepay_id", fresh)
	}
	if got := w.v2("/pay/closeorder", map[string]string{"out_trade_no": "ORD-V2-L"}); got["result_code"] != "SUCCESS" {
		t.Fatalf("got %v, want it closed", got)
	}
	wantV2(t, w.v2("/pay/closeorder", map[string]string{"out_trade_no": "ORD-V2-L"}), "ORDERCLOSED")
	wantV2(t, w.v2("/pay/unifiedorder", long), "ORDERCLOSED")
	wantV2(t, w.v2("/pay/closeorder", map[string]string{"out_trade_no": "ORD-V2-NONE"}), "ORDERNOTEXIST")
	wantV2(t, w.v2("/pay/orderquery", map[string]string{"out_trade_no": "ORD-V2-NONE"}), "ORDERNOTEXIST")
	wantV2(t, w.v2("/pay/orderquery", nil), "LACK_PARAMS")
}

// A v2 request has no time stamp: time_start tells the clock of time_expire, by default the machine's.
func TestV2Deadlines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.sim.Advance(3 * time.Hour) // 13:00 at WeChat, 10:00 on the machine
	until := func(number, start, expire string) string {
		fields := orderV2(number, openid)
		fields["time_start"], fields["time_expire"] = start, expire
		w.prepaidV2(fields)
		return fmt.Sprint(w.list("/orders?limit=1")[0]["payable_until"])
	}
	for number, s := range map[string][3]string{
		"ORD-V2-D1": {"", "20260301103000", "2026-03-01T13:30:00+08:00"},
		"ORD-V2-D2": {"20260301100000", "20260301103000", "2026-03-01T13:30:00+08:00"},
		"ORD-V2-D3": {"20260301130000", "20260301133000", "2026-03-01T13:30:00+08:00"},
		"ORD-V2-D4": {"20260301130000", "20360301133000", "2026-03-08T13:00:00+08:00"},
	} {
		if got := until(number, s[0], s[1]); got != s[2] {
			t.Errorf("%s: got payable until %s, want %s", number, got, s[2])
		}
	}
	late := orderV2("ORD-V2-D5", openid)
	late["time_start"], late["time_expire"] = "20260301130000", "20260301103000"
	wantV2(t, w.v2("/pay/unifiedorder", late), "INVALID_REQUEST")
}

func TestCloseMinAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithCloseMinAge(5*time.Minute))
	openid, _ := w.login("p1")
	w.prepaidV2(orderV2("ORD-YOUNG-1", openid))
	w.prepaid("ORD-YOUNG-2", openid)
	w.sim.Advance(5*time.Minute - time.Second)
	wantV2(t, w.v2("/pay/closeorder", map[string]string{"out_trade_no": "ORD-YOUNG-1"}), "TRADE_STATE_ERROR")
	wantPayError(t, w.closing("ORD-YOUNG-2"), 403, "TRADE_ERROR")
	w.sim.Advance(time.Second)
	if got := w.v2("/pay/closeorder", map[string]string{"out_trade_no": "ORD-YOUNG-1"}); got["result_code"] != "SUCCESS" {
		t.Errorf("got %v, want it closed after five minutes", got)
	}
	if a := w.closing("ORD-YOUNG-2"); a.status != 204 {
		t.Errorf("got %d %s, want 204 after five minutes", a.status, a.body)
	}
}

// The phone checks the capitals of the signed names, and that the order uses the same sign type.
func TestV2PaySign(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	prepay := w.prepaidV2(orderV2("ORD-V2-P", openid))
	for name, change := range map[string]func(map[string]any){
		"appid in small letters":  func(in map[string]any) { w.signPayV2(in, "appid", "MD5") },
		"another way than signed": func(in map[string]any) { w.signPayV2(in, "appId", "HMAC-SHA256") },
		"sign of the order":       func(in map[string]any) { in["paySign"] = w.signV2(orderV2("ORD-V2-P", openid), "MD5") },
		"in the way of v3":        func(in map[string]any) { maps.Copy(in, w.payment(prepay)) },
		"small letters in the sign": func(in map[string]any) {
			in["paySign"] = strings.ToLower(in["paySign"].(string))
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := w.payment(prepay)
			w.signPayV2(in, "appId", "MD5")
			change(in)
			if got := w.payAs("p1", in); got != "requestPayment:fail 支付验证签名失败" {
				t.Errorf("got %q, want the signature refused", got)
			}
		})
	}
	in := w.payment(prepay)
	w.signPayV2(in, "appId", "MD5")
	if got := w.payAs("p1", in); got != "requestPayment:ok" {
		t.Errorf("got %q, want requestPayment:ok", got)
	}
}

func TestV2Bill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paidV2("ORD-V2-BILL", "MD5")
	w.paid("ORD-V3-BILL")
	w.clock.Add(24 * time.Hour)
	raw := func(fields map[string]string) []byte { return w.do(w.requestV2("/pay/downloadbill", fields)).body }
	_, rows, summary := table(t, raw(map[string]string{"bill_date": "20260301"}))
	if len(rows) != 2 || rows[0]["商户订单号"] != "ORD-V2-BILL" || rows[1]["商户订单号"] != "ORD-V3-BILL" || summary["订单总金额"] != "2.00" {
		t.Errorf("got %v, want orders of v2 and v3 in one bill", rows)
	}
	reader, err := gzip.NewReader(bytes.NewReader(raw(map[string]string{"bill_date": "20260301", "tar_type": "GZIP"})))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil || !bytes.Equal(plain, raw(map[string]string{"bill_date": "20260301", "bill_type": "ALL"})) {
		t.Errorf("got %v, want the same bill packed", err)
	}
	for _, s := range []struct{ date, kind, says string }{
		{"20260228", "ALL", "No Bill Exist"},
		{"20260301", "RECHARGE_REFUND", "No Bill Exist"},
		{"20260301", "NONE", "invalid bill_type"},
		{"20260302", "ALL", "invalid bill_date"},
		{"2026-03-01", "ALL", "invalid bill_date"},
	} {
		got := flatXML(t, raw(map[string]string{"bill_date": s.date, "bill_type": s.kind}))
		if got["return_code"] != "FAIL" || got["return_msg"] != s.says {
			t.Errorf("%s %s: got %v, want %s", s.date, s.kind, got, s.says)
		}
	}
	w.clock.Add(-time.Second)
	if got := flatXML(t, raw(map[string]string{"bill_date": "20260301"})); got["return_msg"] != "Bill Creating" {
		t.Errorf("got %v, want Bill Creating before ten o'clock", got)
	}
	if got := flatXML(t, raw(map[string]string{"bill_date": "20260301", "sign": "X"})); got["return_msg"] != "SIGN ERROR" {
		t.Errorf("got %v, want SIGN ERROR", got)
	}
}

func TestV2Faults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := map[string]string{"out_trade_no": "ORD-V2-NONE"}
	for kind, code := range map[string]string{"busy": "SYSTEMERROR", "rate_limit": "FREQUENCY_LIMITED"} {
		w.fault(map[string]any{"on": "/pay/orderquery", "kind": kind})
		wantV2(t, w.v2("/pay/orderquery", ask), code)
	}
	w.fault(map[string]any{"on": "pay", "kind": "wrong_signature"})
	got := flatXML(t, w.do(w.requestV2("/pay/orderquery", ask)).body)
	if got["sign"] == w.signV2(got, "MD5") || got["err_code"] != "ORDERNOTEXIST" {
		t.Errorf("got %v, want the answer with a wrong sign", got)
	}
	w.fault(map[string]any{"on": "v2_orderquery", "kind": "html"})
	w.wantHTML(w.do(w.requestV2("/pay/orderquery", ask)), 502)
	w.fault(map[string]any{"on": "v2_orderquery", "kind": "empty"})
	w.wantEmpty(w.do(w.requestV2("/pay/orderquery", ask)))
	w.fault(map[string]any{"on": "v2_orderquery", "kind": "cut"})
	_, err := send(w.requestV2("/pay/orderquery", ask))
	w.wantCut(err)
}
