package sim_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// wantPayError checks status, code and the number at the end of Request-Id, and that nothing is signed.
func wantPayError(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.text("code") != code || a.text("message") == "" {
		t.Fatalf("got %d %s, want %d %s", a.status, a.body, status, code)
	}
	if a.header.Get("Wechatpay-Signature") != "" {
		t.Error("got a signed refusal, want it unsigned")
	}
	id := a.header.Get("Request-Id")
	if number := id[strings.LastIndex(id, "-")+1:]; len(number) != 9 || !strings.HasPrefix(number, "26") && !strings.HasPrefix(number, "27") {
		t.Errorf("got Request-Id %q, want a number at its end", id)
	}
}

func TestAuthorizationRefusals(t *testing.T) {
	const certificates, jsapi = "/v3/certificates", "/v3/pay/transactions/jsapi"
	drop := func(name string) func(*world, *http.Request) {
		return func(_ *world, r *http.Request) { r.Header[name] = []string{""} }
	}
	set := func(value string) func(*world, *http.Request) {
		return func(_ *world, r *http.Request) { r.Header.Set("Authorization", value) }
	}
	replace := func(from, to func(w *world) string) func(*world, *http.Request) {
		return func(w *world, r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from(w), to(w), 1))
		}
	}
	text := func(s string) func(*world) string { return func(*world) string { return s } }
	scenarios := []struct {
		name, path string
		change     func(*world, *http.Request)
		status     int
		code, says string
	}{
		{"no User-Agent", certificates, drop("User-Agent"), 400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent"},
		{"no Accept", certificates, drop("Accept"), 400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent"},
		{"no User-Agent at pay", jsapi, drop("User-Agent"), 401, "SIGN_ERROR", "签名信息错误，验签失败"},
		{"no Authorization", certificates, drop("Authorization"), 401, "SIGN_ERROR", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"},
		{"no Authorization at pay", jsapi, drop("Authorization"), 401, "SIGN_ERROR", "签名信息错误，验签失败"},
		{"bearer at pay", jsapi, set("Bearer x"), 401, "SIGN_ERROR", "签名信息错误，验签失败"},
		{"other mchid", certificates, replace(func(w *world) string { return w.mch.MchID }, text("1900000001")), 401, "SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号"},
		{"other serial", certificates, replace(func(w *world) string { return w.mch.CertSerial }, text("ABC")), 401, "SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号"},
		{"platform's serial", certificates, replace(func(w *world) string { return w.mch.CertSerial }, func(w *world) string { return w.mch.PlatformSerial }), 401, "SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号"},
		{"other nonce", certificates, replace(text("593BEC"), text("593BED")), 401, "SIGN_ERROR", "签名错误"},
		{"no time", certificates, replace(text(`timestamp="`), text(`timestamp="x`)), 401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"},
		{"other query", certificates, func(_ *world, r *http.Request) { r.URL.RawQuery = "a=1" }, 401, "SIGN_ERROR", "签名错误"},
	}
	w := newWorld(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			method, body := http.MethodGet, ""
			if s.path == jsapi {
				method, body = http.MethodPost, "{}"
			}
			req := w.signed(method, s.path, body, w.clock.Now())
			s.change(w, req)
			a := w.do(req)
			wantPayError(t, a, s.status, s.code)
			if a.text("message") != s.says {
				t.Errorf("got %q, want %q", a.text("message"), s.says)
			}
		})
	}
}

func TestTimestampWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scenarios := []struct {
		off  time.Duration
		want int
	}{{-5 * time.Minute, 200}, {5 * time.Minute, 200}, {-5*time.Minute - time.Second, 401}, {5*time.Minute + time.Second, 401}}
	for _, s := range scenarios {
		if a := w.do(w.signed(http.MethodGet, "/v3/certificates", "", w.clock.Now().Add(s.off))); a.status != s.want {
			t.Errorf("%v off: got %d %s, want %d", s.off, a.status, a.body, s.want)
		}
	}
}

func TestTamperedBodyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	body := jsonText(t, w.orderBody("ORD-TAMPER-1", openid))
	honest := w.signed(http.MethodPost, "/v3/pay/transactions/jsapi", body, w.clock.Now())
	tampered := w.request(http.MethodPost, "/v3/pay/transactions/jsapi", strings.Replace(body, `"total":100`, `"total":1`, 1))
	tampered.Header = honest.Header
	wantPayError(t, w.do(tampered), 401, "SIGN_ERROR")
	form := w.signed(http.MethodPost, "/v3/pay/transactions/jsapi", body, w.clock.Now())
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	wantPayError(t, w.do(form), 400, "INVALID_REQUEST")
}

func TestPrepayValidation(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	amount := func(total any) map[string]any { return map[string]any{"total": total, "currency": "CNY"} }
	scenarios := []struct {
		name  string
		field string
		value any // nil removes the field
		at    string
	}{
		{"no appid", "appid", nil, "/appid"},
		{"no mchid", "mchid", nil, "/mchid"},
		{"foreign mchid", "mchid", "1900000001", "/mchid"},
		{"no description", "description", nil, "/description"},
		{"empty description", "description", "", "/description"},
		{"description of 129 bytes", "description", strings.Repeat("面", 43), "/description"},
		{"time in the past", "time_expire", "2026-03-01T09:59:59+08:00", "/time_expire"},
		{"time in the year 1", "time_expire", "0001-01-01T00:00:00Z", "/time_expire"},
		{"time in the year 2400", "time_expire", "2400-01-01T00:00:00Z", "/time_expire"},
		{"total of a hundred million yuan and a fen", "amount", amount(10_000_000_001), "/amount/total"},
		{"limit_pay as text", "limit_pay", "no_credit", "/limit_pay"},
		{"limit_pay of numbers", "limit_pay", []int{1}, "/limit_pay/0"},
		{"number of 5", "out_trade_no", "ORD-1", "/out_trade_no"},
		{"number of 33", "out_trade_no", strings.Repeat("1", 33), "/out_trade_no"},
		{"number with a slash", "out_trade_no", "ORD/123456", "/out_trade_no"},
		{"number as a number", "out_trade_no", 12345678, "/out_trade_no"},
		{"attach of 129", "attach", strings.Repeat("a", 129), "/attach"},
		{"time without zone", "time_expire", "2026-03-01T10:30:00", "/time_expire"},
		{"time a week ahead", "time_expire", "2026-03-09T10:30:00+08:00", "/time_expire"},
		{"http url", "notify_url", "http://shop.example.com/n", "/notify_url"},
		{"url with a query", "notify_url", "https://shop.example.com/n?a=1", "/notify_url"},
		{"url without a host", "notify_url", "https:///n", "/notify_url"},
		{"loopback in disguise", "notify_url", "http://127.0.0.1.example.com/n", "/notify_url"},
		{"no total", "amount", map[string]any{}, "/amount/total"},
		{"total of 0", "amount", amount(0), "/amount/total"},
		{"negative total", "amount", amount(-1), "/amount/total"},
		{"total with a fraction", "amount", amount(1.5), "/amount/total"},
		{"total as text", "amount", amount("100"), "/amount/total"},
		{"other currency", "amount", map[string]any{"total": 1, "currency": "USD"}, "/amount/currency"},
		{"extra amount field", "amount", map[string]any{"total": 1, "payer_total": 1}, "/amount/payer_total"},
		{"no payer", "payer", nil, "/payer"},
		{"payer as text", "payer", "x", "/payer"},
		{"no openid", "payer", map[string]any{}, "/payer/openid"},
		{"unknown openid", "payer", map[string]any{"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, "/payer/openid"},
		{"extra field", "sub_mchid", "1900000001", "/sub_mchid"},
		{"scene without an address", "scene_info", map[string]any{"device_id": "1"}, "/scene_info/payer_client_ip"},
		{"scene with a bad address", "scene_info", map[string]any{"payer_client_ip": "1.2.3"}, "/scene_info/payer_client_ip"},
		{"shop without an id", "scene_info", map[string]any{"payer_client_ip": "::1", "store_info": map[string]any{}}, "/scene_info/store_info/id"},
		{"goods without a quantity", "detail", map[string]any{"goods_detail": []any{map[string]any{"merchant_goods_id": "1"}}}, "/detail/goods_detail/0/quantity"},
		{"goods as an object", "detail", map[string]any{"goods_detail": map[string]any{}}, "/detail/goods_detail"},
		{"detail too long", "detail", map[string]any{"invoice_id": strings.Repeat("a", 7000)}, "/detail"},
		{"invoice as text", "support_fapiao", "true", "/support_fapiao"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			body := w.orderBody("ORD-VALID-1", openid)
			body[s.field] = s.value
			if s.value == nil {
				delete(body, s.field)
			}
			a := w.prepay(body)
			wantPayError(t, a, 400, "PARAM_ERROR")
			detail, _ := a.json["detail"].(map[string]any)
			if detail["field"] != s.at || detail["location"] != "body" || detail["issue"] == "" {
				t.Fatalf("got detail %v, want field %s", detail, s.at)
			}
		})
	}
	if got := w.list("/orders"); len(got) != 0 {
		t.Errorf("got %d orders, want none made by refused requests", len(got))
	}
}

func TestPrepayOtherRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	for _, body := range []string{"", "{", "[]", `{"appid":"x"} {}`, "null", "{\"appid\":\"\xe9\"}", `{"appid":"\ud83c"}`, `{"appid":"\udf5c\ud83c"}`} {
		wantPayError(t, w.pay(http.MethodPost, "/v3/pay/transactions/jsapi", body), 400, map[bool]string{true: "PARAM_ERROR", false: "INVALID_REQUEST"}[body != ""])
	}
	unbound := w.orderBody("ORD-APPID-1", openid)
	unbound["appid"] = "wx0123456789abcdef"
	wantPayError(t, w.prepay(unbound), 400, "APPID_MCHID_NOT_MATCH")
	null := w.orderBody("ORD-NULL-1", openid)
	null["attach"] = nil
	wantPayError(t, w.prepay(null), 400, "PARAM_ERROR")
}

func TestPrepayAccepts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	for i, change := range []map[string]any{
		{},
		{"notify_url": "http://127.0.0.1:8090/n"},
		{"notify_url": "http://[::1]:8090/n"},
		{"notify_url": "http://localhost/n"},
		{"time_expire": "2026-03-01T10:30:00+08:00"},
		{"time_expire": "2026-03-01T02:30:00Z"},
		{"time_expire": "2026-03-01T02:30:00.123Z"},
		{"out_trade_no": "A|B*C_1-2"},
		{"description": strings.Repeat("面", 42) + "x"}, // 127 bytes
		{"limit_pay": []string{"no_credit"}},
		{"amount": map[string]any{"total": 10_000_000_000}},
		{"support_fapiao": true, "settle_info": map[string]any{"profit_sharing": false}},
		{"scene_info": map[string]any{"payer_client_ip": "203.0.113.7", "device_id": "d", "store_info": map[string]any{"id": "1", "name": "店"}}},
		{"detail": map[string]any{"cost_price": 1, "goods_detail": []any{map[string]any{"merchant_goods_id": "1", "quantity": 1, "unit_price": 1}}}},
	} {
		body := w.orderBody(fmt.Sprintf("ORD-ACCEPT-%d", i), openid)
		maps.Copy(body, change)
		a := w.prepay(body)
		if a.status != 200 || !strings.HasPrefix(a.text("prepay_id"), "wx2026030110") || len(a.text("prepay_id")) != 36 {
			t.Errorf("%v: got %d %s, want a prepay_id", change, a.status, a.body)
			continue
		}
		if err := w.verify(a.header, a.body); err != nil {
			t.Errorf("verify answer: %v", err)
		}
		if !strings.HasSuffix(a.header.Get("Request-Id"), "-0") {
			t.Errorf("got Request-Id %q, want -0 at its end", a.header.Get("Request-Id"))
		}
	}
}

func TestReentry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	first := w.prepaid("ORD-AGAIN-1", openid)
	if again := w.prepaid("ORD-AGAIN-1", openid); again != first {
		t.Errorf("got prepay_id %s then %s, want the same", first, again)
	}
	other := w.orderBody("ORD-AGAIN-1", openid)
	other["time_expire"] = "2026-03-01T11:30:00+08:00"
	a := w.prepay(other)
	wantPayError(t, a, 403, "OUT_TRADE_NO_USED")
	if !strings.HasSuffix(a.header.Get("Request-Id"), "-268498688") || a.text("message") != "请求重入时，参数与首次请求时不一致" {
		t.Errorf("got %s %s, want 268498688", a.header.Get("Request-Id"), a.body)
	}
	w.clock.Add(2 * time.Hour)
	fresh := w.prepaid("ORD-AGAIN-1", openid)
	if fresh == first {
		t.Error("got the prepay_id of two hours ago, want a new one")
	}
	if got := w.payAs("p1", w.payment(first)); got != "requestPayment:fail prepay_id已过期" {
		t.Errorf("got %q for the old prepay_id, want it expired", got)
	}
	if got := w.payAs("p1", w.payment(fresh)); got != "requestPayment:ok" {
		t.Errorf("got %q for the new prepay_id, want ok", got)
	}
	wantPayError(t, w.prepay(w.orderBody("ORD-AGAIN-1", openid)), 400, "ORDER_PAID")
	wantPayError(t, w.prepay(other), 400, "ORDER_PAID")
}

func (w *merchantSide) closing(number string) answer {
	w.t.Helper()
	return w.pay(http.MethodPost, "/v3/pay/transactions/out-trade-no/"+number+"/close", `{"mchid":"`+w.mch.MchID+`"}`)
}

func TestClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	prepayID := w.prepaid("ORD-CLOSE-1", openid)
	for range 2 {
		a := w.closing("ORD-CLOSE-1")
		if a.status != http.StatusNoContent || len(a.body) != 0 {
			t.Fatalf("got %d %s, want 204", a.status, a.body)
		}
		if err := w.verify(a.header, nil); err != nil {
			t.Errorf("verify 204: %v", err)
		}
	}
	if got := w.query("ORD-CLOSE-1").text("trade_state"); got != "CLOSED" {
		t.Errorf("got %q, want CLOSED", got)
	}
	if got := w.payAs("p1", w.payment(prepayID)); got != "requestPayment:fail 该订单已关闭" {
		t.Errorf("got %q, want a closed order refused", got)
	}
	wantPayError(t, w.prepay(w.orderBody("ORD-CLOSE-1", openid)), 400, "ORDER_CLOSED")
	wantPayError(t, w.closing("ORD-NOBODY-1"), 404, "ORDER_NOT_EXIST")
	w.payAs("p1", w.payment(w.prepaid("ORD-CLOSE-2", openid)))
	wantPayError(t, w.closing("ORD-CLOSE-2"), 400, "ORDER_PAID")
	for _, body := range []string{`{}`, `{"mchid":"1900000001"}`, `{"mchid":"` + w.mch.MchID + `","x":1}`} {
		wantPayError(t, w.pay(http.MethodPost, "/v3/pay/transactions/out-trade-no/ORD-CLOSE-1/close", body), 400, "PARAM_ERROR")
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	prepayID := w.prepaid("A|B*C_1-2", openid)
	const path = "/v3/pay/transactions/out-trade-no/A%7CB%2AC_1-2"
	a := w.pay(http.MethodGet, path+"?mchid="+w.mch.MchID, "")
	want := fmt.Sprintf(`{"appid":%q,"mchid":%q,"out_trade_no":"A|B*C_1-2","trade_state":"NOTPAY","trade_state_desc":"订单未支付","payer":{},"amount":{"total":100,"currency":"CNY"}}`,
		w.app.AppID, w.mch.MchID)
	if string(a.body) != want {
		t.Errorf("got %s, want %s", a.body, want)
	}
	if err := w.verify(a.header, a.body); err != nil {
		t.Errorf("verify: %v", err)
	}
	wantPayError(t, w.pay(http.MethodGet, path, ""), 400, "PARAM_ERROR")
	wantPayError(t, w.pay(http.MethodGet, path+"?mchid=1900000001", ""), 400, "PARAM_ERROR")
	wantPayError(t, w.query("ORD-NOBODY-1"), 404, "ORDER_NOT_EXIST")
	wantPayError(t, w.query("abc"), 400, "PARAM_ERROR")
	w.payAs("p1", w.payment(prepayID))
	paid := w.pay(http.MethodGet, path+"?mchid="+w.mch.MchID, "")
	if paid.text("trade_state") != "SUCCESS" || len(paid.text("transaction_id")) != 28 || paid.text("success_time") != "2026-03-01T10:00:00+08:00" ||
		paid.text("trade_type") != "JSAPI" || paid.text("bank_type") != "OTHERS" || paid.text("attach") != "o=17" {
		t.Errorf("got %s, want a paid order", paid.body)
	}
	byID := w.pay(http.MethodGet, "/v3/pay/transactions/id/"+paid.text("transaction_id")+"?mchid="+w.mch.MchID, "")
	if string(byID.body) != string(paid.body) {
		t.Errorf("got %s by id, want %s", byID.body, paid.body)
	}
	wantPayError(t, w.pay(http.MethodGet, "/v3/pay/transactions/id/4200?mchid="+w.mch.MchID, ""), 404, "ORDER_NOT_EXIST")
}

func TestOrdersEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.prepaid("ORD-WEEK-1", openid)
	soon := w.orderBody("ORD-SOON-1", openid)
	soon["time_expire"] = "2026-03-01T10:00:30+08:00" // half a minute ahead counts as a minute
	prepayID := w.prepay(soon).text("prepay_id")
	w.clock.Add(59 * time.Second)
	if again := w.prepay(soon).text("prepay_id"); again != prepayID {
		t.Errorf("got %q within the minute, want %s", again, prepayID)
	}
	w.clock.Add(time.Second)
	if got := w.payAs("p1", w.payment(prepayID)); got != "requestPayment:fail 订单已过期" {
		t.Errorf("got %q after time_expire, want it refused", got)
	}
	wantPayError(t, w.prepay(soon), 400, "INVALID_REQUEST")
	if got := w.query("ORD-SOON-1").text("trade_state"); got != "NOTPAY" {
		t.Errorf("got %q, want NOTPAY: time_expire closes nothing", got)
	}
	w.clock.Add(7*24*time.Hour - 2*time.Minute)
	if got := w.query("ORD-WEEK-1").text("trade_state"); got != "NOTPAY" {
		t.Errorf("got %q a minute before seven days, want NOTPAY", got)
	}
	w.clock.Add(time.Minute)
	if got := w.query("ORD-WEEK-1").text("trade_state"); got != "CLOSED" {
		t.Errorf("got %q at seven days, want CLOSED", got)
	}
}

func TestAnswersFollowTheAskedSerial(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	byKey := w.pay(http.MethodGet, "/v3/certificates", "")
	req := w.signed(http.MethodGet, "/v3/certificates", "", w.clock.Now())
	req.Header.Del("Wechatpay-Serial")
	byCert := w.do(req)
	if byKey.header.Get("Wechatpay-Serial") != w.mch.PublicKeyID || byCert.header.Get("Wechatpay-Serial") != w.mch.PlatformSerial {
		t.Errorf("got serials %s and %s, want the asked ones", byKey.header.Get("Wechatpay-Serial"), byCert.header.Get("Wechatpay-Serial"))
	}
	for _, a := range []answer{byKey, byCert} {
		if err := w.verify(a.header, a.body); err != nil {
			t.Errorf("verify: %v", err)
		}
	}
	sealed, _ := byCert.json["data"].([]any)[0].(map[string]any)["encrypt_certificate"].(map[string]any)
	raw, err := base64.StdEncoding.DecodeString(sealed["ciphertext"].(string))
	if err != nil || len(raw) != len(w.mch.PlatformCertificate)+16 {
		t.Errorf("got %d sealed bytes, want the certificate and its tag", len(raw))
	}
}
