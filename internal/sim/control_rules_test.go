package sim_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

// TestFarTimestamps: a difference of more than 292 years is not near. Milliseconds are the most common mistake.
func TestFarTimestamps(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	in := w.payment(w.prepaid("ORD-FAR-1", openid))
	now := w.clock.Now()
	scenarios := map[string]string{
		"milliseconds":        strconv.FormatInt(now.UnixMilli(), 10),
		"microseconds":        strconv.FormatInt(now.UnixMicro(), 10),
		"the year 2400":       strconv.FormatInt(time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), 10),
		"the year 1":          strconv.FormatInt(time.Time{}.Unix(), 10),
		"the largest number":  "9223372036854775807",
		"the smallest number": "-9223372036854775808",
		"more than a number":  "92233720368547758070",
	}
	for name, timestamp := range scenarios {
		t.Run(name, func(t *testing.T) {
			req := w.signedAs(http.MethodGet, "/v3/certificates", "", timestamp)
			wantPayError(t, w.do(req), http.StatusUnauthorized, "SIGN_ERROR")
			in["timeStamp"] = timestamp
			in["paySign"] = sign(t, w.key, w.app.AppID, timestamp, in["nonceStr"].(string), in["package"].(string))
			if got := w.payAs("p1", in); got != "requestPayment:fail timeStamp已过期" && got != "requestPayment:fail parameter error: timeStamp is not a number of seconds" {
				t.Errorf("got %q from the phone, want the time refused", got)
			}
		})
	}
	if got := w.query("ORD-FAR-1").text("trade_state"); got != "NOTPAY" {
		t.Errorf("got %q, want NOTPAY", got)
	}
}

// TestRulesByRoute: the route sets what WithCloseMinAge and other options set, and the change survives a restart.
func TestRulesByRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithSendTime(0))
	openid, _ := w.login("p1")
	w.prepaid("ORD-RULE-1", openid)
	w.device(http.MethodPost, "/rules", map[string]any{"closeMinAge": "5m", "pages": []string{"pages/index/index"}})
	w.close()
	w = openWorld(t, w.dir, w.clock, sim.WithSendTime(0))

	wantPayError(t, w.closing("ORD-RULE-1"), 403, "TRADE_ERROR")
	wantV2(t, w.v2("/pay/closeorder", map[string]string{"out_trade_no": "ORD-RULE-1"}), "TRADE_STATE_ERROR")
	unpublished := func() answer {
		return w.call(http.MethodPost, "/wxa/getwxacodeunlimit?access_token="+w.token(), `{"scene":"a","page":"pages/none/none"}`)
	}
	wantErrcode(t, unpublished(), 41030)
	wantErrcode(t, w.call(http.MethodPost, "/wxa/generatescheme?access_token="+w.token(), `{"jump_wxa":{"path":"pages/none/none"}}`), 40165)

	w.device(http.MethodPost, "/rules", map[string]any{"closeMinAge": "0s"})
	if a := w.closing("ORD-RULE-1"); a.status != http.StatusNoContent {
		t.Errorf("got %d, want it closed once the rule is lifted", a.status)
	}
	wantErrcode(t, unpublished(), 41030)
	w.device(http.MethodDelete, "/rules", nil)
	if a := unpublished(); a.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("got %s, want a code after the rules are those of the start", a.body)
	}
}

// TestRulesWhereNobodyKnows: what the fact sheets call unconfirmed can be set either way.
func TestRulesWhereNobodyKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(time.Minute))
	openid, _ := w.login("p1")
	redeem := func(code string) answer {
		return w.call(http.MethodPost, "/wxa/business/getuserphonenumber?access_token="+w.token(), `{"code":"`+code+`"}`)
	}
	code := w.device(http.MethodPost, "/people/p1/phone", map[string]any{}).text("code")
	wantErrcode(t, redeem(code), 0)
	wantErrcode(t, redeem(code), 40029)
	w.device(http.MethodPost, "/rules", map[string]any{"phoneCodeUsed": 40163, "publicKeyOnly": true, "rateLimitCode": "RATELIMIT_EXCEEDED", "mostFen": 99})
	wantErrcode(t, redeem(code), 40163)
	wantPayError(t, w.pay(http.MethodGet, "/v3/certificates", ""), 404, "RESOURCE_NOT_EXISTS")
	wantPayError(t, w.prepay(w.orderBody("ORD-RULE-2", openid)), 400, "PARAM_ERROR")
	w.fault(map[string]any{"on": "query", "kind": "rate_limit"})
	wantPayError(t, w.query("ORD-RULE-2"), 429, "RATELIMIT_EXCEEDED")
	for _, bad := range []string{
		`{"closeMinAge":"soon"}`, `{"closeMinAge":"-1s"}`, `{"phoneCodeUsed":1}`, `{"mostFen":0}`, `{"pages":["/pages?a=1"]}`, `{"billHash":"md5"}`, `{"rateLimitCode":"X"}`,
	} {
		if a := w.call(http.MethodPost, "/_sim/rules", bad); a.status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want 400", bad, a.status, a.body)
		}
	}
}

// TestClientCertificateByRoute: /secapi demands the certificate as soon as the rule is on.
func TestClientCertificateByRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.device(http.MethodPost, "/rules", map[string]any{"clientCertificates": true})
	got := w.v2("/secapi/pay/refund", map[string]string{"out_trade_no": "ORD-NOBODY-1", "out_refund_no": "R1", "total_fee": "1", "refund_fee": "1"})
	if got["return_code"] != "FAIL" || got["return_msg"] != "证书验证失败" {
		t.Errorf("got %v, want the certificate missed", got)
	}
}

// TestLengthsInBytes: the refusal has production's shape, with the measured length as its value.
func TestLengthsInBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	body := w.orderBody("ORD-BYTES-1", openid)
	body["description"] = strings.Repeat("面", 33) + strings.Repeat("x", 36) // 69 characters, 135 bytes
	a := w.prepay(body)
	wantPayError(t, a, 400, "PARAM_ERROR")
	const want = `{"code":"PARAM_ERROR","detail":{"location":"body","field":"/description","value":135,"issue":"字节数 135，大于最大值 127"},` +
		`"message":"输入源“/body/description”映射到值字段“商品描述”字符串规则校验失败，字节数 135，大于最大值 127"}`
	if string(a.body) != want {
		t.Errorf("got %s, want %s", a.body, want)
	}
	fields := map[string]string{
		"body": strings.Repeat("面", 43), "out_trade_no": "ORD-BYTES-2", "total_fee": "1", "spbill_create_ip": "::1", "notify_url": notifyURL, "trade_type": "JSAPI", "openid": openid,
	}
	wantV2(t, w.v2("/pay/unifiedorder", fields), "INVALID_REQUEST")
	fields["body"], fields["total_fee"] = strings.Repeat("面", 42), "10000000001"
	wantV2(t, w.v2("/pay/unifiedorder", fields), "INVALID_REQUEST")
	fields["total_fee"] = "10000000000"
	if got := w.v2("/pay/unifiedorder", fields); got["prepay_id"] == "" {
		t.Errorf("got %v, want 126 bytes accepted", got)
	}
}

// TestTextThatIsNone: every call refuses bytes that are not text, and never stores a replacement.
func TestTextThatIsNone(t *testing.T) {
	w := newWorld(t)
	for name, inside := range map[string]string{"Latin 1": "caf\xe9", "half a rune": "\xe9\x9d", "high surrogate": `\ud83c`, "low surrogate": `\udf5c`, "wrong order": `\udf5c\ud83c`} {
		t.Run(name, func(t *testing.T) {
			wantErrcode(t, w.call(http.MethodPost, "/wxa/msg_sec_check?access_token="+w.token(), `{"content":"`+inside+`"}`), 47001)
			if a := w.call(http.MethodPost, "/_sim/people", `{"nickname":"`+inside+`"}`); a.status != http.StatusBadRequest {
				t.Errorf("got %d %s from the control API, want 400", a.status, a.body)
			}
		})
	}
	for _, whole := range []string{`\ud83c\udf5c`, `\\ud83c`, "🍜", `\u9762`} {
		if a := w.call(http.MethodPost, "/_sim/people", `{"nickname":"`+whole+`"}`); a.status != http.StatusOK {
			t.Errorf("%s: got %d %s, want it taken", whole, a.status, a.body)
		}
	}
}

// TestEmptyTextsAreAbsent: SDKs send "" for unset fields.
func TestEmptyTextsAreAbsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithSendTime(0))
	openid, _ := w.login("p1")
	shipped := w.templates()[shippedTitle]
	w.allow("p1", shipped)
	body := card(openid, shipped, shippedValues())
	body["lang"], body["miniprogram_state"], body["page"] = "", "", ""
	wantErrcode(t, w.sendTo(body), 0)
	if got := w.list("/messages")[0]; got["lang"] != "zh_CN" || got["state"] != "formal" {
		t.Errorf("got %v, want WeChat's defaults", got)
	}
	for path, body := range map[string]string{
		"/wxa/generatescheme":   `{"jump_wxa":{"path":"","query":"","env_version":""}}`,
		"/wxa/generate_urllink": `{"path":"","query":"","env_version":""}`,
	} {
		wantErrcode(t, w.call(http.MethodPost, path+"?access_token="+w.token(), body), 0)
	}
	if a := w.call(http.MethodPost, "/wxa/getwxacode?access_token="+w.token(), `{"path":"pages/index/index","env_version":""}`); a.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("got %s, want a code", a.body)
	}
}

// TestSerialInAnyCase: a serial number matches in either case.
func TestSerialInAnyCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req := w.signed(http.MethodGet, "/v3/certificates", "", w.clock.Now())
	req.Header.Set("Authorization", strings.Replace(req.Header.Get("Authorization"), w.mch.CertSerial, strings.ToLower(w.mch.CertSerial), 1))
	if a := w.do(req); a.status != http.StatusOK {
		t.Errorf("got %d %s, want a serial in small letters taken", a.status, a.body)
	}
}

// TestV2Roots: any root is accepted, because SDKs differ.
func TestV2Roots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, root := range []string{"xml", "request", "queryRequest", "closeRequest"} {
		req := w.requestV2("/pay/orderquery", map[string]string{"out_trade_no": "ORD-NOBODY-1"})
		body := "\ufeff<!-- made by an SDK -->" + strings.NewReplacer("<xml>", "<"+root+">", "</xml>", "</"+root+">").Replace(readAll(t, req))
		got := flatXML(t, w.call(http.MethodPost, "/pay/orderquery", body).body)
		wantV2(t, got, "ORDERNOTEXIST")
	}
}

// TestDownloadURLFollowsTheHost: behind a hosts file or a proxy the download URL has WeChat Pay's own host.
func TestDownloadURLFollowsTheHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithBillsAnyTime())
	openid, _ := w.login("p1")
	if got := w.payAs("p1", w.payment(w.prepaid("ORD-HOST-1", openid))); got != "requestPayment:ok" {
		t.Fatalf("got %q, want it paid", got)
	}
	for host, want := range map[string]string{
		"api.mch.weixin.qq.com": "https://api.mch.weixin.qq.com/", "api2.mch.weixin.qq.com:443": "https://api2.mch.weixin.qq.com/", "evil.example.com": w.srv.URL + "/",
	} {
		req := w.signed(http.MethodGet, "/v3/bill/tradebill?bill_date=2026-03-01", "", w.clock.Now())
		req.Host = host
		if got := w.do(req).text("download_url"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want it to begin with %s", host, got, want)
		}
	}
}
