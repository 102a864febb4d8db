package wechat_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

func officialCodec(tb testing.TB, change func(*wechat.PushConfig)) *wechat.PushCodec {
	tb.Helper()
	v := pushGolden(tb)
	config := wechat.PushConfig{AppID: v.AppID, Token: v.Token, AESKey: v.AESKey}
	if change != nil {
		change(&config)
	}
	return codec(tb, config)
}

func secondsOf(tb testing.TB, text string) time.Time {
	tb.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return time.Unix(n, 0)
}

func TestOfficialURLVector(t *testing.T) {
	t.Parallel()
	v := pushGolden(t).Verify
	query := url.Values{"signature": {v.Signature}, "timestamp": {v.Timestamp}, "nonce": {v.Nonce}, "echostr": {v.Echostr}}
	got, err := officialCodec(t, nil).VerifyURL(query, secondsOf(t, v.Timestamp))
	if err != nil || got != "4375120948345356249" {
		t.Errorf("got %q, %v, want the echostr", got, err)
	}
}

func TestOfficialPlainVector(t *testing.T) {
	t.Parallel()
	v := pushGolden(t)
	query := url.Values{"signature": {v.Plain.Signature}, "timestamp": {v.Plain.Timestamp}, "nonce": {v.Plain.Nonce}}
	plain := officialCodec(t, func(c *wechat.PushConfig) { c.AESKey = "" })
	got, err := plain.Open(query, []byte(v.Safe.Message), secondsOf(t, v.Plain.Timestamp))
	if err != nil || got.Event != "debug_demo" || got.Fields["debug_str"] != "hello world" || got.Encrypted {
		t.Errorf("got %+v, %v, want the official event", got, err)
	}
}

func officialSafe(v pushVectors) url.Values {
	return url.Values{
		"signature": {v.Safe.Signature}, "timestamp": {v.Safe.Timestamp}, "nonce": {v.Safe.Nonce}, "openid": {"o9AgO5Kd5ggOC-bXrbNODIiE3bGY"},
		"encrypt_type": {"aes"}, "msg_signature": {v.Safe.MsgSignature},
	}
}

func TestOfficialSafeVector(t *testing.T) {
	t.Parallel()
	v := pushGolden(t)
	for name, body := range map[string]string{
		"JSON": `{"ToUserName":"gh_97417a04a28d","Encrypt":"` + v.Safe.Encrypt + `"}`,
		"XML":  `<xml><ToUserName><![CDATA[gh_97417a04a28d]]></ToUserName><Encrypt><![CDATA[` + v.Safe.Encrypt + `]]></Encrypt></xml>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := officialCodec(t, nil).Open(officialSafe(v), []byte(body), secondsOf(t, v.Safe.Timestamp))
			if err != nil || string(got.Raw) != v.Safe.Message || !got.Encrypted || string(got.Format) != strings.ToLower(name) ||
				got.ToUserName != "gh_97417a04a28d" || got.FromUserName != "o9AgO5Kd5ggOC-bXrbNODIiE3bGY" || got.AppID != v.AppID ||
				!got.CreateTime.Equal(time.Unix(1714112445, 0)) || got.MsgType != "event" || got.Event != "debug_demo" {
				t.Errorf("got %+v, %v, want the official event", got, err)
			}
		})
	}
}

// TestOfficialReplyVector makes the official answer to the official push, byte for byte.
func TestOfficialReplyVector(t *testing.T) {
	t.Parallel()
	v := pushGolden(t)
	codec := officialCodec(t, func(c *wechat.PushConfig) { c.Rand = strings.NewReader(v.Reply.Random) })
	m, err := codec.Open(officialSafe(v), []byte(`{"Encrypt":"`+v.Safe.Encrypt+`"}`), secondsOf(t, v.Safe.Timestamp))
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.Seal(m, []byte(v.Reply.Message), time.Unix(v.Reply.Timestamp, 0))
	want := fmt.Sprintf(`{"Encrypt":"%s","MsgSignature":"%s","TimeStamp":%d,"Nonce":"%s"}`,
		v.Reply.Encrypt, v.Reply.MsgSignature, v.Reply.Timestamp, v.Reply.Nonce)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// TestOfficialPushIsSealedTheSame encrypts the official message with the official salt: the other direction of 9.4.
func TestOfficialPushIsSealedTheSame(t *testing.T) {
	t.Parallel()
	v := pushGolden(t)
	codec := officialCodec(t, func(c *wechat.PushConfig) { c.Rand = strings.NewReader(v.Safe.Random) })
	m, err := codec.Open(officialSafe(v), []byte(`{"Encrypt":"`+v.Safe.Encrypt+`"}`), secondsOf(t, v.Safe.Timestamp))
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.Seal(m, []byte(v.Safe.Message), secondsOf(t, v.Safe.Timestamp))
	var envelope struct{ Encrypt, MsgSignature string }
	if json.Unmarshal(got, &envelope) != nil || envelope.Encrypt != v.Safe.Encrypt || envelope.MsgSignature != v.Safe.MsgSignature {
		t.Errorf("got %s, %v, want the official ciphertext and signature", got, err)
	}
}

// TestOfficialReplyOpens reads the official answer as if it were a push.
func TestOfficialReplyOpens(t *testing.T) {
	t.Parallel()
	v := pushGolden(t)
	query := url.Values{
		"timestamp": {strconv.FormatInt(v.Reply.Timestamp, 10)}, "nonce": {v.Reply.Nonce}, "msg_signature": {v.Reply.MsgSignature},
	}
	_, err := officialCodec(t, nil).Open(query, []byte(`{"Encrypt":"`+v.Reply.Encrypt+`"}`), time.Unix(v.Reply.Timestamp, 0))
	// signature and decryption succeed: only the fields of a message are missing
	if !errors.Is(err, wechat.ErrPushMalformed) || !strings.Contains(err.Error(), "does not say what it is") {
		t.Errorf("got %v, want it opened and found to be no message", err)
	}
}

func TestOpenEveryCombination(t *testing.T) {
	t.Parallel()
	inner := func(envelope string) string {
		return strings.TrimSuffix(strings.TrimPrefix(envelope, "<xml>"), "</xml>")
	}
	for format, message := range map[wechat.PushFormat]string{wechat.PushJSON: textJSON, wechat.PushXML: textXML} {
		query, sealed := sealPush(t, message)
		bodies := map[string]string{"safe": `{"ToUserName":"gh_97417a04a28d","Encrypt":"` + sealed + `"}`}
		bodies["compatible"] = strings.TrimSuffix(message, "}") + `,"Encrypt":"` + sealed + `"}`
		if format == wechat.PushXML {
			bodies["safe"] = `<xml><Encrypt><![CDATA[` + sealed + `]]></Encrypt></xml>`
			bodies["compatible"] = `<xml>` + inner(message) + `<Encrypt><![CDATA[` + sealed + `]]></Encrypt></xml>`
		}
		bodies["plain"] = message
		for mode, body := range bodies {
			t.Run(string(format)+" "+mode, func(t *testing.T) {
				t.Parallel()
				config, query := pushConfig(), query
				if mode == "plain" {
					config.AESKey, query = "", plainQuery()
				}
				got, err := codec(t, config).Open(query, []byte(body), pushTime)
				if err != nil || got.Format != format || got.Encrypted != (mode != "plain") || got.MsgType != "text" ||
					got.MsgID != "23456789012345678" || got.FromUserName != openID || got.Fields["Content"] != "你好 <b>" || !got.CreateTime.Equal(pushTime) {
					t.Errorf("got %+v, %v, want the message", got, err)
				}
				var fields map[string]any
				if json.Unmarshal(got.Raw, &fields) != nil || fields["Content"] != "你好 <b>" {
					t.Errorf("got raw %s, want JSON", got.Raw)
				}
			})
		}
	}
}

// TestCompatibleTakesTheSealedPart checks that the fields beside Encrypt, which the signature does not cover, are
// ignored.
func TestCompatibleTakesTheSealedPart(t *testing.T) {
	t.Parallel()
	query, sealed := sealPush(t, textJSON)
	body := `{"MsgType":"text","Content":"forged","FromUserName":"somebody","Encrypt":"` + sealed + `"}`
	got, err := codec(t, pushConfig()).Open(query, []byte(body), pushTime)
	if err != nil || got.Fields["Content"] != "你好 <b>" || got.FromUserName != openID {
		t.Errorf("got %+v, %v, want the sealed message", got, err)
	}
}

func TestAllowPlain(t *testing.T) {
	t.Parallel()
	config := pushConfig()
	config.AllowPlain = true
	if _, err := codec(t, config).Open(plainQuery(), []byte(textXML), pushTime); err != nil {
		t.Errorf("got %v, want it taken", err)
	}
	query, sealed := sealPush(t, textXML)
	if _, err := codec(t, config).Open(query, []byte(`{"Encrypt":"`+sealed+`"}`), pushTime); err != nil {
		t.Errorf("got %v for an encrypted one, want it taken, too", err)
	}
}

func TestSealAndOpenXML(t *testing.T) {
	t.Parallel()
	c := codec(t, pushConfig())
	query, sealed := sealPush(t, textXML)
	m, err := c.Open(query, []byte(`<xml><Encrypt>`+sealed+`</Encrypt></xml>`), pushTime)
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Seal(m, []byte(textXML), pushTime)
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct{ Encrypt, MsgSignature, TimeStamp, Nonce string }
	if err := xml.Unmarshal(first, &envelope); err != nil || envelope.Nonce != pushNonce || envelope.TimeStamp != "1714112445" {
		t.Fatalf("got %s, %v, want the envelope", first, err)
	}
	answered := url.Values{"timestamp": {envelope.TimeStamp}, "nonce": {envelope.Nonce}, "msg_signature": {envelope.MsgSignature}}
	got, err := c.Open(answered, []byte(`{"Encrypt":"`+envelope.Encrypt+`"}`), pushTime)
	if err != nil || got.MsgID != m.MsgID {
		t.Errorf("got %+v, %v, want what was sealed", got, err)
	}
	second, err := c.Seal(m, []byte(textXML), pushTime)
	if err != nil || string(first) == string(second) {
		t.Errorf("got the same answer twice, %v, want a new salt each time", err)
	}
}

func TestSealEdges(t *testing.T) {
	t.Parallel()
	c := codec(t, pushConfig())
	sealed := wechat.PushMessage{Encrypted: true, Format: wechat.PushJSON}
	if got, err := c.Seal(sealed, nil, pushTime); err != nil || len(got) != 0 {
		t.Errorf("got %q, %v for an empty answer, want it empty", got, err)
	}
	if got, err := c.Seal(wechat.PushMessage{}, []byte("reply"), pushTime); err != nil || string(got) != "reply" {
		t.Errorf("got %q, %v in the clear, want the reply", got, err)
	}
	if _, err := c.Seal(sealed, make([]byte, wechat.PushLimit+1), pushTime); !errors.Is(err, wechat.ErrPushTooLarge) {
		t.Errorf("got %v for a reply too large, want ErrPushTooLarge", err)
	}
	config := pushConfig()
	config.Rand = strings.NewReader("short")
	if _, err := codec(t, config).Seal(sealed, []byte("reply"), pushTime); err == nil {
		t.Error("got no error without randomness")
	}
	config.AESKey = ""
	if _, err := codec(t, config).Seal(sealed, []byte("reply"), pushTime); !errors.Is(err, wechat.ErrPushNoKey) {
		t.Errorf("got %v without a key, want ErrPushNoKey", err)
	}
}

func TestNewPushCodec(t *testing.T) {
	t.Parallel()
	with := func(change func(*wechat.PushConfig)) wechat.PushConfig {
		c := pushConfig()
		change(&c)
		return c
	}
	scenarios := []struct {
		name   string
		config wechat.PushConfig
		good   bool
	}{
		{"all there", pushConfig(), true},
		{"no key", with(func(c *wechat.PushConfig) { c.AESKey = "" }), true},
		{"a key with spare bits set", with(func(c *wechat.PushConfig) { c.AESKey = strings.Repeat("9", 43) }), true},
		{"no app", with(func(c *wechat.PushConfig) { c.AppID = "" }), false},
		{"no token", with(func(c *wechat.PushConfig) { c.Token = "" }), false},
		{"a key of 42", with(func(c *wechat.PushConfig) { c.AESKey = strings.Repeat("A", 42) }), false},
		{"a key of 44", with(func(c *wechat.PushConfig) { c.AESKey += "=" }), false},
		{"a key that is not base64", with(func(c *wechat.PushConfig) { c.AESKey = strings.Repeat("!", 43) }), false},
		{"a key with a line break", with(func(c *wechat.PushConfig) { c.AESKey = "\n" + c.AESKey[:42] }), false},
		{"a window into nothing", with(func(c *wechat.PushConfig) { c.Window = -time.Second }), false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := wechat.NewPushCodec(s.config)
			if s.good != (err == nil) || s.good != (got != nil) || !s.good && !errors.Is(err, wechat.ErrPushConfig) {
				t.Errorf("got %v, want good to be %v", err, s.good)
			}
		})
	}
}

func TestPushSettingsDoNotPrint(t *testing.T) {
	t.Parallel()
	config := pushConfig()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := base64.StdEncoding.DecodeString(pushAESKey + "=")
	all := fmt.Sprintf("%v %+v %#v %s %d %x %v %s %v", config, config, config, config, config, codec(t, config), codec(t, config), text, config.LogValue())
	for _, secret := range []string{pushToken, pushAESKey, string(key)} {
		if strings.Contains(all, secret) {
			t.Errorf("got a secret in %s", all)
		}
	}
	if !strings.Contains(all, appID) {
		t.Errorf("got %s, want the app's name", all)
	}
}
