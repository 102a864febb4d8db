package sim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

// fuzzed is a simulator without a network, for arbitrary requests.
type fuzzed struct {
	sim    *sim.Sim
	config sim.Config
	calls  []map[string]any
	token  string
	openid string
}

func newFuzzed(f *testing.F) *fuzzed {
	f.Helper()
	s, err := sim.New(sim.WithTransport(&quietTransport{}), sim.WithPublicBase("http://127.0.0.1"), sim.WithKeyBits(1024), sim.WithKeep(200))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	z := &fuzzed{sim: s, config: s.Config()}
	app := z.config.Apps[0]
	ask := func(method, path string, out any) {
		if err := json.Unmarshal(z.ask(f, method, path, "", nil).Body.Bytes(), out); err != nil {
			f.Fatal(err)
		}
	}
	ask(http.MethodGet, "/_sim/endpoints", &z.calls)
	var login struct{ Code, OpenID, Access_token string }
	ask(http.MethodPost, "/_sim/people/p1/login", &login)
	ask(http.MethodGet, "/sns/jscode2session?grant_type=authorization_code&appid="+app.AppID+"&secret="+app.Secret+"&js_code="+login.Code, &login)
	ask(http.MethodGet, "/cgi-bin/token?grant_type=client_credential&appid="+app.AppID+"&secret="+app.Secret, &login)
	z.openid, z.token = login.OpenID, login.Access_token
	return z
}

// ask makes one request; a panic, or a failure without a documented answer, fails the test.
func (z *fuzzed) ask(tb testing.TB, method, path, body string, header http.Header) *httptest.ResponseRecorder {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		return httptest.NewRecorder() // not a valid request
	}
	req.RequestURI, req.RemoteAddr = path, "127.0.0.1:50000"
	if header != nil {
		req.Header = header
	}
	rec := httptest.NewRecorder()
	z.sim.Handler().ServeHTTP(rec, req)
	if rec.Code == http.StatusInternalServerError || bytes.Contains(rec.Body.Bytes(), []byte("internal error")) {
		tb.Fatalf("%s %s with %q: got %d %s", method, path, body, rec.Code, rec.Body)
	}
	return rec
}

// call picks a call by number among the paths with these prefixes; word becomes part of its path.
func (z *fuzzed) call(n uint8, prefixes []string, word string) (method, path string) {
	var fit []map[string]any
	for _, c := range z.calls {
		for _, prefix := range prefixes {
			if strings.HasPrefix(c["path"].(string), prefix) {
				fit = append(fit, c)
			}
		}
	}
	c := fit[int(n)%len(fit)]
	parts := strings.Split(c["path"].(string), "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") {
			parts[i] = url.PathEscape(word)
		}
	}
	return c["method"].(string), strings.Join(parts, "/")
}

// FuzzAPI calls api.weixin.qq.com with a valid access_token, any body and any query.
func FuzzAPI(f *testing.F) {
	z := newFuzzed(f)
	for i := range z.calls {
		f.Add(uint8(i), "", fmt.Sprintf(`{"appid":%q,"openid":%q,"touser":%q,"path":"pages/a/a","scene":"a=1","content":"x","version":2}`, z.config.Apps[0].AppID, z.openid, z.openid))
		f.Add(uint8(i), "&openid="+z.openid+"&signature=x&sig_method=hmac_sha256", `{"scene":1e400,"page":null,"data":[[]]}`)
	}
	f.Fuzz(func(t *testing.T, n uint8, query, body string) {
		method, path := z.call(n, []string{"/sns/", "/cgi-bin/", "/wxa"}, "x")
		z.ask(t, method, path+"?access_token="+z.token+strings.Map(printable, query), body, nil)
	})
}

// FuzzPay calls api.mch.weixin.qq.com, correctly signed, with any body, query and number in the path.
func FuzzPay(f *testing.F) {
	z := newFuzzed(f)
	m := z.config.Merchants[0]
	key := parseKey(f, m.PrivateKey)
	order := fmt.Sprintf(`{"appid":%q,"mchid":%q,"description":"x","out_trade_no":"ORD-FUZZ-1","notify_url":"https://shop.example.com/n","amount":{"total":100},"payer":{"openid":%q}}`, z.config.Apps[0].AppID, m.MchID, z.openid)
	for i := range z.calls {
		f.Add(uint8(i), "ORD-FUZZ-1", "mchid="+m.MchID, order)
		f.Add(uint8(i), "%|*", "bill_date=2026-02-30&tar_type=GZIP", `{"amount":{"refund":1,"total":100,"currency":"CNY"},"out_refund_no":"R","transaction_id":"x","time_expire":"9999-12-31T23:59:59+08:00"}`)
	}
	f.Fuzz(func(t *testing.T, n uint8, number, query, body string) {
		method, path := z.call(n, []string{"/v3/"}, number)
		if query = strings.Map(printable, query); query != "" {
			path += "?" + query
		}
		now, nonce := fmt.Sprint(time.Now().Unix()), "593BEC0C930BF1AFEB40B4A08C8FB242"
		z.ask(t, method, path, body, http.Header{
			"User-Agent": {"fuzz"}, "Accept": {"*/*"}, "Content-Type": {"application/json"}, "Wechatpay-Serial": {m.PublicKeyID},
			"Authorization": {fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
				m.MchID, nonce, sign(t, key, method, path, now, nonce, body), now, m.CertSerial)},
		})
	})
}

// FuzzPayV2 calls the older API with correctly signed fields of any text, and with arbitrary bytes.
func FuzzPayV2(f *testing.F) {
	z := newFuzzed(f)
	w := (&world{mch: z.config.Merchants[0], app: z.config.Apps[0]}).join()
	for i := range z.calls {
		f.Add(uint8(i), "out_trade_no=ORD-FUZZ-1&body=x&total_fee=100&trade_type=JSAPI&notify_url=https://shop.example.com/n&spbill_create_ip=127.0.0.1&openid="+z.openid, "")
		f.Add(uint8(i), "out_refund_no=R&total_fee=100&refund_fee=1&offset=-1&bill_date=20260230&time_expire=20269999999999", "<xml><a></xml>")
	}
	f.Fuzz(func(t *testing.T, n uint8, form, raw string) {
		method, path := z.call(n, []string{"/pay/", "/secapi/"}, "x")
		if raw != "" {
			z.ask(t, method, path, raw, nil)
		}
		fields := map[string]string{"appid": w.app.AppID, "mch_id": w.mch.MchID, "nonce_str": "n"}
		for pair := range strings.SplitSeq(form, "&") {
			if name, value, ok := strings.Cut(pair, "="); ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == "" {
				fields[name] = strings.ToValidUTF8(strings.Map(printable, value), "")
			}
		}
		fields["sign"] = w.signV2(fields, fields["sign_type"])
		z.ask(t, method, path, toXML(fields), nil)
	})
}

// FuzzControl calls the control API and the phone.
func FuzzControl(f *testing.F) {
	z := newFuzzed(f)
	routes := []string{
		"POST /apps", "POST /push", "POST /quotas", "POST /rules", "POST /open-platform", "POST /people", "POST /people/p1", "POST /people/p1/login", "POST /people/p1/userinfo",
		"POST /people/p1/phone", "POST /people/p1/pay", "POST /people/p1/pay-url", "POST /people/p1/scan", "POST /people/p1/subscribe", "POST /people/p1/unsubscribe",
		"POST /merchant", "POST /trigger", "POST /forge", "POST /state", "POST /clock", "POST /faults", "GET /orders", "GET /refunds", "GET /notifications", "GET /calls",
		"GET /messages", "POST /plays/pay_down", "DELETE /faults", "GET /state", "POST /calls/1/replay", "GET /calls/1/request", "POST /apps/x/push", "POST /apps/x/templates", "GET /media", "GET /chats", "POST /people/p1/chat", "GET /people/p1/chat",
	}
	for i := range routes {
		f.Add(uint8(i), "limit=1&after=x", `{"event":"pay.success","kind":"true","on":"api","nickname":"x","phone":"+999 40226","advance":"1h","timeStamp":"1","package":"prepay_id=x","signType":"RSA","paySign":"AA=="}`)
		f.Add(uint8(i), "since=-1", `{"url":"/v3/certificates","sign":false,"fields":{"List":[{}]},"templateIds":["x"],"scene":"x","image":"AA==","times":-1,"delay":"1ms","msgType":"text"}`)
	}
	f.Fuzz(func(t *testing.T, n uint8, query, body string) {
		method, path, _ := strings.Cut(routes[int(n)%len(routes)], " ")
		path = "/_sim" + path
		if query = strings.Map(printable, query); query != "" {
			path += "?" + query
		}
		z.ask(t, method, path, body, nil)
		z.ask(t, http.MethodDelete, "/_sim/faults", "", nil) // note: a queued fault would cut the next connection
	})
}

// printable keeps the characters that a request line can contain.
func printable(r rune) rune {
	if r <= ' ' || r == '#' || r >= 0x7f {
		return -1
	}
	return r
}
