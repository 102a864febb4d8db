package sim_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slip is a v3 request as a beginner makes it: each signed part may differ from the sent one.
type slip struct {
	method, url, timestamp, nonce, body, end string // as signed
	mchid, serial                            string
	sentBody, sentNonce                      string
	broken                                   func(signature string) string
}

// sendSlip signs and sends one.
func (w *world) sendSlip(method, path, body string, change func(*slip)) answer {
	w.t.Helper()
	s := slip{
		method: method, url: path, timestamp: strconv.FormatInt(w.clock.Now().Unix(), 10), nonce: "593BEC0C930BF1AFEB40B4A08C8FB242", body: body, end: "\n",
		mchid: w.mch.MchID, serial: w.mch.CertSerial, sentBody: body, broken: func(text string) string { return text },
	}
	change(&s)
	text := strings.Join([]string{s.method, s.url, s.timestamp, s.nonce, s.body}, "\n") + s.end
	signature := s.broken(sign(w.t, w.key, strings.TrimSuffix(text, "\n")))
	if s.end == "" {
		signature = signText(w.t, w.key, text)
	}
	if s.sentNonce == "" {
		s.sentNonce = s.nonce
	}
	req := w.request(method, path, s.sentBody)
	req.Header.Set("Authorization", fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		s.mchid, s.sentNonce, signature, s.timestamp, s.serial))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "test/1")
	req.Header.Set("Content-Type", "application/json")
	return w.do(req)
}

// unpadded removes the base64 padding. note: 128 bytes end in =, 129 do not occur.
func unpadded(signature string) string { return strings.TrimRight(signature, "=") }

// TestSigningMistakes: the list of calls names each of the twelve, with both texts when the key is right.
func TestSigningMistakes(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	stranger := parseKey(t, w.strangerKey())
	order := func(number string) string { return strings.TrimSpace(jsonText(t, w.orderBody(number, openid))) }
	number, query := "/v3/pay/transactions/out-trade-no/A%7CB%2AC_1-2", "?mchid="+w.mch.MchID
	decoded, err := url.PathUnescape(number)
	if err != nil {
		t.Fatal(err)
	}
	const jsapi, get, post = "/v3/pay/transactions/jsapi", http.MethodGet, http.MethodPost
	scenarios := []struct {
		name, mistake      string
		method, path, body string
		change             func(*slip)
		line               string // the line that differs
	}{
		{"milliseconds", "milliseconds", get, number + query, "", func(s *slip) { s.timestamp += "123" }, ""},
		{"wrong key", "wrong_key", get, number + query, "", func(s *slip) {
			s.broken = func(string) string { return sign(t, stranger, s.method, s.url, s.timestamp, s.nonce, s.body) }
		}, ""},
		{"wrong serial", "wrong_serial", get, number + query, "", func(s *slip) { s.serial = strings.Repeat("AB", 20) }, "serial_no"},
		{"the platform's serial", "serial_of_platform", get, number + query, "", func(s *slip) { s.serial = w.mch.PlatformSerial }, "serial_no"},
		{"the public key's id", "serial_of_public_key", get, number + query, "", func(s *slip) { s.serial = w.mch.PublicKeyID }, "serial_no"},
		{"re-serialised body, sorted", "body_reserialised", post, jsapi, order("ORD-SLIP-1"), func(s *slip) {
			s.sentBody = `{"out_trade_no": "ORD-SLIP-1", "appid": "x"}`
			s.body = `{"appid":"x","out_trade_no":"ORD-SLIP-1"}`
		}, "body"},
		{"re-serialised body, escaped", "body_reserialised", post, jsapi, order("ORD-SLIP-2"), func(s *slip) {
			s.body = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(s.body)
		}, "body"},
		{"re-serialised body, indented", "body_reserialised", post, jsapi, order("ORD-SLIP-3"), func(s *slip) {
			var out bytes.Buffer
			if err := json.Indent(&out, []byte(s.body), "", "  "); err != nil {
				t.Fatal(err)
			}
			s.body = out.String()
		}, "body"},
		{"missing newline", "missing_newline", get, number + query, "", func(s *slip) { s.end = "" }, "body"},
		{"missing newline after a body", "missing_newline", post, jsapi, order("ORD-SLIP-4"), func(s *slip) { s.end = "" }, "body"},
		{"url without query", "url_without_query", get, number + query, "", func(s *slip) { s.url = number }, "url"},
		{"lower-case method", "method_case", get, number + query, "", func(s *slip) { s.method = "get" }, "method"},
		{"base64 without padding", "base64_no_padding", get, number + query, "", func(s *slip) { s.broken = unpadded }, ""},
		{"base64 for addresses", "base64_url", get, number + query, "", func(s *slip) {
			s.broken = func(text string) string { // note: with a signature whose alphabet shows the mistake
				for i := 0; !strings.ContainsAny(text, "+/"); i++ {
					text = sign(t, w.key, s.method, s.url, s.timestamp, s.nonce, s.body)
				}
				raw, _ := base64.StdEncoding.DecodeString(text)
				return base64.URLEncoding.EncodeToString(raw)
			}
		}, ""},
		{"decoded url", "url_decoded", get, number + query, "", func(s *slip) { s.url = decoded + query }, "url"},
		{"url with its host", "url_with_host", get, number + query, "", func(s *slip) { s.url = "https://api.mch.weixin.qq.com" + s.url }, "url"},
		{"nonce mismatch", "nonce_mismatch", get, number + query, "", func(s *slip) { s.sentNonce = strings.Repeat("7", 32) }, ""},
		{"nonce mismatch in small letters", "nonce_mismatch", post, jsapi, order("ORD-SLIP-5"), func(s *slip) { s.sentNonce = strings.ToLower(s.nonce) }, "nonce_str"},
		{"nonce or body", "nonce_or_body", post, jsapi, order("ORD-SLIP-6"), func(s *slip) { s.sentNonce = strings.Repeat("7", 32) }, ""},
		{"wrong mchid", "wrong_mchid", get, number + query, "", func(s *slip) { s.mchid = "1900000001" }, "mchid"},
		{"clock 6 minutes off", "clock_off", get, number + query, "", func(s *slip) {
			s.timestamp = strconv.FormatInt(w.clock.Now().Add(-6*time.Minute).Unix(), 10)
		}, ""},
		{"body not signed", "body_left_out", post, jsapi, order("ORD-SLIP-7"), func(s *slip) { s.body = "" }, "body"},
		{"two at once", "method_case+url_without_query", get, number + query, "", func(s *slip) { s.method, s.url = "get", number }, "url"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			wantPayError(t, w.sendSlip(s.method, s.path, s.body, s.change), http.StatusUnauthorized, "SIGN_ERROR")
			got := w.found()
			if got.Mistake != s.mistake || got.Says == "" || got.SaysZH == "" {
				t.Fatalf("got %+v, want it named %s", got, s.mistake)
			}
			for _, line := range got.Diff {
				if (line.Name == s.line || s.mistake == "method_case+url_without_query" && line.Name == "method") != (line.At >= 0) {
					t.Errorf("got %+v, want the difference in %q only", line, s.line)
				}
			}
		})
	}
	if off := w.found(); strings.Contains(off.Expected, w.mch.APIV2Key) {
		t.Error("the list of calls tells a key")
	}
}

// found is the finding of the latest call.
func (w *world) found() (f struct {
	Mistake, Says, Signed, Expected string
	SaysZH                          string `json:"says_zh"`
	Diff                            []struct {
		Name, Signed, Expected string
		At                     int
	}
},
) {
	w.t.Helper()
	raw, err := json.Marshal(w.list("/calls?limit=1")[0]["finding"])
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

// TestSigningMistakesOfV2 is the same for the older API.
func TestSigningMistakesOfV2(t *testing.T) {
	w := newWorld(t)
	good := map[string]string{"appid": w.app.AppID, "mch_id": w.mch.MchID, "nonce_str": "ibuaiVcKdpRxkhJA", "out_trade_no": "ORD-SLIP-1"}
	scenarios := map[string]func() string{
		"sign_lower_case":   func() string { return strings.ToLower(w.signV2(good, "MD5")) },
		"other_sign_type":   func() string { return w.signV2(good, "HMAC-SHA256") },
		"wrong_text_or_key": func() string { return strings.Repeat("A", 32) },
		"apiv3_key_used": func() string {
			other := *w
			other.join()
			other.mch.APIV2Key = w.mch.APIV3Key
			return other.signV2(good, "MD5")
		},
	}
	for mistake, made := range scenarios {
		t.Run(mistake, func(t *testing.T) {
			got := flatXML(t, w.do(w.requestV2("/pay/orderquery", map[string]string{"out_trade_no": "ORD-SLIP-1", "sign": made()})).body)
			if got["return_msg"] != "签名错误" {
				t.Fatalf("got %v, want the sign refused", got)
			}
			if f := w.found(); f.Mistake != mistake || strings.Contains(fmt.Sprint(f), w.mch.APIV2Key) || !strings.Contains(f.Expected, "out_trade_no=ORD-SLIP-1&key=***") {
				t.Errorf("got %+v, want %s and no key", f, mistake)
			}
		})
	}
}

// TestPaySignMistakes is the same for the phone.
func TestPaySignMistakes(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	second := w.device(http.MethodPost, "/apps", map[string]any{}).text("appid")
	in := w.payment(w.prepaid("ORD-PAYSIGN-1", openid))
	text := func(name string) string { return in[name].(string) }
	scenarios := map[string]func(map[string]any){
		"package_without_name": func(m map[string]any) {
			m["paySign"] = sign(t, w.key, w.app.AppID, text("timeStamp"), text("nonceStr"), strings.TrimPrefix(text("package"), "prepay_id="))
		},
		"appid_left_out": func(m map[string]any) {
			m["paySign"] = sign(t, w.key, "", text("timeStamp"), text("nonceStr"), text("package"))
		},
		"signed_for_other_app": func(m map[string]any) {
			m["paySign"] = sign(t, w.key, second, text("timeStamp"), text("nonceStr"), text("package"))
		},
		"missing_newline": func(m map[string]any) {
			m["paySign"] = signText(t, w.key, strings.Join([]string{w.app.AppID, text("timeStamp"), text("nonceStr"), text("package")}, "\n"))
		},
		"wrong_key": func(m map[string]any) {
			m["paySign"] = sign(t, parseKey(t, w.strangerKey()), w.app.AppID, text("timeStamp"), text("nonceStr"), text("package"))
		},
		"unknown_text": func(m map[string]any) { m["nonceStr"] = "another" },
		"milliseconds": func(m map[string]any) { m["timeStamp"] = text("timeStamp") + "000" },
	}
	for mistake, change := range scenarios {
		t.Run(mistake, func(t *testing.T) {
			bad := maps.Clone(in)
			change(bad)
			if got := w.payAs("p1", bad); !strings.HasPrefix(got, "requestPayment:fail") {
				t.Fatalf("got %q, want it refused", got)
			}
			if f := w.found(); f.Mistake != mistake {
				t.Errorf("got %+v, want %s", f, mistake)
			}
		})
	}
}
