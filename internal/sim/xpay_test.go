package sim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/sim"
)

func hmacHex(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// virtualWorld sells one item to one person.
type virtualWorld struct {
	*world
	openid, key string // the session_key of now
}

const testItem = `"productId":"vip","goodsPrice":500,`

func newVirtualWorld(t *testing.T, opts ...sim.Option) *virtualWorld {
	t.Helper()
	w := &virtualWorld{world: newWorld(t, opts...)}
	w.login()
	for _, env := range []int{0, 1} {
		w.xpay("start_upload_goods", env, `"upload_item":[{"id":"vip","name":"会员","price":500,"remark":"","item_url":"https://a.example/1.png"}]`)
		w.sim.Advance(2 * time.Second)
		w.xpay("start_publish_goods", env, `"publish_item":[{"id":"vip"}]`)
	}
	w.sim.Advance(2 * time.Second)
	return w
}

// login is wx.login with its session_key.
func (w *virtualWorld) login() {
	w.t.Helper()
	w.sim.Advance(6 * time.Second) // past the age below which a key is not renewed
	code := w.call(http.MethodPost, "/_sim/people/p1/login", `{}`).text("code")
	s := w.call(http.MethodGet, "/sns/jscode2session?grant_type=authorization_code&appid="+w.app.AppID+"&secret="+w.app.Secret+"&js_code="+code, "")
	w.openid, w.key = s.text("openid"), s.text("session_key")
}

// xpay makes a signed call.
func (w *virtualWorld) xpay(name string, env int, fields string) answer {
	w.t.Helper()
	key := w.app.XpayKey
	if env == 1 {
		key = w.app.XpaySandboxKey
	}
	body := `{"env":` + string(rune('0'+env)) + `,` + fields + `}`
	sig := hmacHex(key, "/xpay/"+name+"&"+body)
	return w.call(http.MethodPost, "/xpay/"+name+"?access_token="+w.token()+"&pay_sig="+sig, body)
}

func (w *virtualWorld) signData(number string, env int) string {
	return `{"offerId":"` + w.app.XpayOfferID + `","buyQuantity":1,"env":` + string(rune('0'+env)) + `,"currencyType":"CNY",` + testItem + `"outTradeNo":"` + number + `","attach":""}`
}

// buy is wx.requestVirtualPayment.
func (w *virtualWorld) buy(data, paySig, signature, more string) answer {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{"mode": "short_series_goods", "signData": data, "paySig": paySig, "signature": signature})
	return w.call(http.MethodPost, "/_sim/people/p1/virtual", strings.TrimSuffix(string(body), "}")+more+"}")
}

func (w *virtualWorld) buyWell(number, more string) {
	w.t.Helper()
	data := w.signData(number, 0)
	_ = w.buy(data, hmacHex(w.app.XpayKey, "requestVirtualPayment&"+data), hmacHex(w.key, data), more)
}

// TestXpayVectors: the simulator signs by the vectors of WeChat's documents, as its client does by itself.
func TestXpayVectors(t *testing.T) {
	t.Parallel()
	const body = `{"openid": "xxx", "user_ip": "127.0.0.1", "env": 0}`
	for text, want := range map[string]string{
		"12345 /xpay/query_user_balance&" + body: "c37809f27c6d7fd1837ad2500a04512b66b34fd793a39a385fade56dca89a4b5",
		"12345 requestVirtualPayment&" + body:    "a1ab2651b927b6a766152cf864033417b85c1448fc3c6e1bedbbd7f49416e92f",
		"9hAb/NEYUlkaMBEsmFgzig== " + body:       "089d9e8dc5d308977360c4b79ec600a93d736802802a807d634192328032f6c7",
	} {
		key, message, _ := strings.Cut(text, " ")
		if got := sim.HMACOf(key, message); got != want || hmacHex(key, message) != want {
			t.Errorf("%s: got %s, want %s", message[:20], got, want)
		}
	}
}

// TestXpayNamesTheCause: each way to sign wrongly has its own words, in both languages.
func TestXpayNamesTheCause(t *testing.T) {
	t.Parallel()
	w := newVirtualWorld(t)
	before := w.key
	w.login()
	data := w.signData("cause-0001", 0)
	const name = "requestVirtualPayment&"
	paySig, signature := hmacHex(w.app.XpayKey, name+data), hmacHex(w.key, data)
	raw, _ := base64.StdEncoding.DecodeString(w.key)
	sorted := func() string {
		var v map[string]any
		_ = json.Unmarshal([]byte(data), &v)
		text, _ := json.Marshal(v)
		return string(text)
	}()
	scenarios := []struct {
		what, paySig, signature string
		code                    float64
		says                    string
	}{
		{"other environment", hmacHex(w.app.XpaySandboxKey, name+data), signature, -15006, "the other environment"},
		{"no name", hmacHex(w.app.XpayKey, data), signature, -15006, "over the body alone"},
		{"app secret", hmacHex(w.app.Secret, name+data), signature, -15006, "AppSecret"},
		{"capitals", strings.ToUpper(paySig), signature, -15006, "small letters"},
		{"rewritten", hmacHex(w.app.XpayKey, name+sorted), signature, -15006, "another writing"},
		{"old session", paySig, hmacHex(before, data), -15005, "before the last wx.login"},
		{"decoded", paySig, hmacHex(string(raw), data), -15005, "decoded session_key"},
		{"prefixed", paySig, hmacHex(w.key, name+data), -15005, "begins with requestVirtualPayment"},
		{"rewritten by the user", paySig, hmacHex(w.key, sorted), -15005, "another writing"},
		{"nonsense", paySig, hmacHex("x", data), -15005, "another key"},
	}
	for _, s := range scenarios {
		a := w.buy(data, s.paySig, s.signature, "")
		if a.json["errCode"] != s.code || !strings.Contains(a.text("reason"), s.says) {
			t.Errorf("%s: got %s, want %v that says %q", s.what, a.body, s.code, s.says)
		}
	}
	if a := w.buy(data, paySig, signature, ""); a.text("errMsg") != "requestVirtualPayment:ok" {
		t.Errorf("signed well: got %s", a.body)
	}
	if a := w.buy(strings.Replace(data, "500", "400", 1), "", "", ""); a.json["errCode"] != float64(-15006) {
		t.Errorf("unsigned: got %s", a.body)
	}
	other := strings.Replace(w.signData("cause-0002", 0), "500", "400", 1)
	if a := w.buy(other, hmacHex(w.app.XpayKey, name+other), hmacHex(w.key, other), ""); a.json["errCode"] != float64(-15013) {
		t.Errorf("another price: got %s, want -15013", a.body)
	}
	numeric := strings.Replace(data, `"`+w.app.XpayOfferID+`"`, w.app.XpayOfferID, 1)
	if a := w.buy(numeric, hmacHex(w.app.XpayKey, name+numeric), hmacHex(w.key, numeric), ""); a.json["errCode"] != float64(-15016) {
		t.Errorf("a number for offerId: got %s, want -15016", a.body)
	}
}

// TestXpayRefunds: left_fee has to be what is left, a repeat is told, and Apple's money is not ours to give back.
func TestXpayRefunds(t *testing.T) {
	t.Parallel()
	w := newVirtualWorld(t)
	w.buyWell("refund-0001", "")
	const more = `"refund_reason":"0","req_from":"1","biz_meta":""`
	ask := func(order, number string, left, fee string) answer {
		return w.xpay("refund_order", 0, `"order_id":"`+order+`","refund_order_id":"`+number+`","left_fee":`+left+`,"refund_fee":`+fee+`,`+more)
	}
	wantXpayCode(t, ask("refund-0001", "back-0001", "400", "100"), 268490016)
	wantXpayCode(t, ask("refund-0001", "back-0001", "500", "100"), 0)
	wantXpayCode(t, ask("refund-0001", "back-0001", "500", "100"), 268490004)
	wantXpayCode(t, ask("refund-0001", "back-0002", "500", "100"), 268490016)
	order := w.xpay("query_order", 0, `"order_id":"refund-0001"`).json["order"].(map[string]any)
	if order["left_fee"] != float64(400) || order["env_type"] != float64(1) {
		t.Errorf("got %v, want 400 left and env_type 1", order)
	}
	w.buyWell("apple-0001", `,"device":"ios"`)
	order = w.xpay("query_order", 0, `"order_id":"apple-0001"`).json["order"].(map[string]any)
	if order["order_type"] != float64(7) || order["wxpay_order_id"] != "" {
		t.Errorf("got %v, want an order of Apple's", order)
	}
	wantXpayCode(t, ask("apple-0001", "back-0003", "500", "500"), 268490002)
	if got := w.xpay("query_order", 0, `"order_id":"nobody-0001"`); got.json["order"] != nil {
		t.Errorf("an order that is not there: got %s", got.body)
	}
}

func wantXpayCode(t *testing.T, a answer, want float64) {
	t.Helper()
	if got, _ := a.json["errcode"].(float64); got != want {
		t.Errorf("got %s, want errcode %v", a.body, want)
	}
}

// TestXpayPushWantsErrCode: success, which is enough for other messages, is not for these: they come again.
func TestXpayPushWantsErrCode(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var bodies []string
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		mu.Lock()
		bodies = append(bodies, string(raw))
		n := len(bodies)
		mu.Unlock()
		if n == 1 {
			_, _ = rw.Write([]byte("success"))
			return
		}
		_, _ = rw.Write([]byte(`{"ErrCode":0,"ErrMsg":"success"}`))
	}))
	defer backend.Close()
	w := newVirtualWorld(t)
	if err := w.sim.SetPush("", sim.Push{URL: backend.URL, Mode: sim.PushPlain}); err != nil {
		t.Fatal(err)
	}
	w.sim.Start(t.Context())
	w.buyWell("pushed-0001", "")
	deadline := time.Now().Add(60 * time.Second)
	delivered := false
	for !delivered && time.Now().Before(deadline) {
		w.sim.Advance(time.Second)
		time.Sleep(10 * time.Millisecond)
		delivered = w.xpay("query_order", 0, `"order_id":"pushed-0001"`).json["order"].(map[string]any)["status"] == float64(4)
	}
	mu.Lock()
	defer mu.Unlock()
	if !delivered || len(bodies) != 2 || !strings.Contains(bodies[1], `"OutTradeNo":"pushed-0001"`) || !strings.Contains(bodies[1], "WeChatPayInfo") {
		t.Errorf("got delivered %v after %q, want it after the second push", delivered, bodies)
	}
}
