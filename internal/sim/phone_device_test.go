package sim_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPhoneRefusesPayment(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	stranger := parseKey(t, w.strangerKey())
	scenarios := []struct {
		name, person string
		change       func(in map[string]any)
		want         string
	}{
		{"time as a number", "p1", func(in map[string]any) { in["timeStamp"] = 1772330400 }, "parameter error: parameter.timeStamp should be String instead of Number;"},
		{"no time", "p1", func(in map[string]any) { delete(in, "timeStamp") }, "parameter error: parameter.timeStamp should be String instead of Undefined;"},
		{"forged signature", "p1", func(in map[string]any) {
			in["paySign"] = sign(t, stranger, w.app.AppID, in["timeStamp"].(string), in["nonceStr"].(string), in["package"].(string))
		}, "支付验证签名失败"},
		{"signed for another app", "p1", func(in map[string]any) {
			in["paySign"] = sign(t, w.key, "wx0123456789abcdef", in["timeStamp"].(string), in["nonceStr"].(string), in["package"].(string))
		}, "支付验证签名失败"},
		{"other nonce than signed", "p1", func(in map[string]any) { in["nonceStr"] = "other" }, "支付验证签名失败"},
		{"signature is no base64", "p1", func(in map[string]any) { in["paySign"] = "%" }, "支付验证签名失败"},
		{"no signature", "p1", func(in map[string]any) { in["paySign"] = "" }, "parameter error: paySign is missing"},
		{"other sign type", "p1", func(in map[string]any) { in["signType"] = "MD5" }, "支付验证签名失败"},
		{"unknown sign type", "p1", func(in map[string]any) { in["signType"] = "SHA1" }, "parameter error: signType must be RSA, MD5 or HMAC-SHA256"},
		{"signed in the way of v2", "p1", func(in map[string]any) { w.signPayV2(in, "appId", "MD5") }, "支付验证签名失败"},
		{"time in small letters", "p1", func(in map[string]any) {
			in["timestamp"] = in["timeStamp"]
			delete(in, "timeStamp")
		}, "parameter error: parameter.timeStamp should be String instead of Undefined;"},
		{"nonce in small letters", "p1", func(in map[string]any) {
			in["noncestr"] = in["nonceStr"]
			delete(in, "nonceStr")
		}, "parameter error: nonceStr must be 1 to 32 characters"},
		{"bare prepay_id", "p1", func(in map[string]any) { in["package"] = strings.TrimPrefix(in["package"].(string), "prepay_id=") }, "parameter error: package must be prepay_id=..."},
		{"old time", "p1", func(in map[string]any) { w.resign(in, w.clock.Now().Add(-6*time.Minute), in["package"].(string)) }, "timeStamp已过期"},
		{"unknown prepay_id", "p1", func(in map[string]any) { w.resign(in, w.clock.Now(), "prepay_id=wx00") }, "prepay_id无效"},
		{"another person's phone", "p2", func(map[string]any) {}, "支付账号与下单账号不一致"},
		{"cancelled", "p1", func(in map[string]any) { in["action"] = "cancel" }, "cancel"},
		{"failed", "p1", func(in map[string]any) { in["action"] = "fail" }, "支付失败，请更换支付方式"},
	}
	for i, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			number := "ORD-PHONE-" + strconv.Itoa(i)
			in := w.payment(w.prepaid(number, openid))
			s.change(in)
			if got, want := w.payAs(s.person, in), "requestPayment:fail "+s.want; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := w.query(number).text("trade_state"); got != "NOTPAY" {
				t.Errorf("got %q, want NOTPAY", got)
			}
		})
	}
	if got := w.list("/notifications"); len(got) != 0 {
		t.Errorf("got %d notifications, want none without a payment", len(got))
	}
}

// strangerKey is a key that is not the merchant's: the one of the next simulator.
func (w *phoneSide) strangerKey() string {
	w.t.Helper()
	s := memorySim(w.t)
	return s.Config().Merchants[0].PrivateKey
}

func (w *phoneSide) resign(in map[string]any, at time.Time, pack string) {
	w.t.Helper()
	timestamp := strconv.FormatInt(at.Unix(), 10)
	in["timeStamp"], in["package"] = timestamp, pack
	in["paySign"] = sign(w.t, w.key, w.app.AppID, timestamp, in["nonceStr"].(string), pack)
}

func TestOneOrderIsPaidOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	in := w.payment(w.prepaid("ORD-ONCE-1", openid))
	results := make([]string, 6)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = w.payAs("p1", in) })
	}
	all.Wait()
	paid := 0
	for _, got := range results {
		if got == "requestPayment:ok" {
			paid++
		} else if got != "requestPayment:fail 该订单已支付" {
			t.Errorf("got %q, want it paid already", got)
		}
	}
	if n := len(w.list("/notifications")); paid != 1 || n != 1 {
		t.Fatalf("got paid %d times with %d notifications, want once", paid, n)
	}
}

func decryptOpenData(t *testing.T, sessionKey, iv, sealed string) map[string]any {
	t.Helper()
	var raw [3][]byte
	for i, text := range []string{sessionKey, iv, sealed} {
		part, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		raw[i] = part
	}
	block, err := aes.NewCipher(raw[0])
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCDecrypter(block, raw[1]).CryptBlocks(raw[2], raw[2])
	plain := raw[2][:len(raw[2])-int(raw[2][len(raw[2])-1])]
	var v map[string]any
	if err := json.Unmarshal(plain, &v); err != nil {
		t.Fatalf("decrypted %q: %v", plain, err)
	}
	return v
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.call(http.MethodPost, "/_sim/people/p1/userinfo", ""); a.status != http.StatusConflict {
		t.Fatalf("got %d before a login, want 409", a.status)
	}
	openid, key := w.login("p1")
	a := w.device(http.MethodPost, "/people/p1/userinfo", map[string]any{})
	sum := sha1.Sum([]byte(a.text("rawData") + key))
	if a.text("signature") != hex.EncodeToString(sum[:]) {
		t.Errorf("got signature %s, want sha1(rawData + session_key)", a.text("signature"))
	}
	const grey = "https://mmbiz.qpic.cn/mmbiz/icTdbqWNOwNRna42FI242Lcia07jQodd2FJGIYQfG0LAJGFxM4FbnQP6yfMxBgJ0F3YRqJCJ1aPAK2dQagdusBZg/0"
	if !strings.Contains(a.text("rawData"), `"nickName":"微信用户"`) || !strings.Contains(a.text("rawData"), `"avatarUrl":"`+grey+`"`) {
		t.Errorf("got %s, want the anonymous profile", a.text("rawData"))
	}
	plain := decryptOpenData(t, key, a.text("iv"), a.text("encryptedData"))
	mark, _ := plain["watermark"].(map[string]any)
	if plain["openId"] != openid || plain["nickName"] != "微信用户" || mark["appid"] != w.app.AppID {
		t.Errorf("got %v, want openId and watermark", plain)
	}
	named := w.device(http.MethodPost, "/people/p1/userinfo", map[string]any{"anonymous": false})
	if !strings.Contains(named.text("rawData"), "小明") {
		t.Errorf("got %s, want the nickname", named.text("rawData"))
	}
}

func TestPhoneButton(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.device(http.MethodPost, "/people/p1/phone", map[string]any{})
	if a.text("code") == "" || a.text("encryptedData") != "" {
		t.Errorf("got %s without a session, want a code and nothing encrypted", a.body)
	}
	_, key := w.login("p1")
	a = w.device(http.MethodPost, "/people/p1/phone", map[string]any{"appid": w.app.AppID})
	if plain := decryptOpenData(t, key, a.text("iv"), a.text("encryptedData")); plain["purePhoneNumber"] != "13800138001" {
		t.Errorf("got %v, want the number", plain)
	}
}
