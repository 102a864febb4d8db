package wechat_test

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

// changed returns a changed copy of an address.
func changed(query url.Values, change func(url.Values)) url.Values {
	c := maps.Clone(query)
	for name, values := range c {
		c[name] = slices.Clone(values)
	}
	change(c)
	return c
}

func without(query url.Values, name string) url.Values {
	return changed(query, func(q url.Values) { q.Del(name) })
}

func setTo(query url.Values, name, value string) url.Values {
	return changed(query, func(q url.Values) { q.Set(name, value) })
}

func doubled(query url.Values, name string) url.Values {
	return changed(query, func(q url.Values) { q.Add(name, q.Get(name)) })
}

func TestOpenRefusesAddresses(t *testing.T) {
	t.Parallel()
	sealedAddress, sealed := sealPush(t, textJSON)
	body := `{"Encrypt":"` + sealed + `"}`
	both := strings.TrimSuffix(textJSON, "}") + `,"Encrypt":"` + sealed + `"}`
	plain := plainQuery()
	encrypted, clear := pushConfig(), pushConfig()
	clear.AESKey = ""
	other := signPush("another-token", "1714112445", pushNonce)
	scenarios := []struct {
		name   string
		config wechat.PushConfig
		query  url.Values
		body   string
		want   error
	}{
		{"plain, no signature", clear, without(plain, "signature"), textJSON, wechat.ErrPushQuery},
		{"plain, empty signature", clear, setTo(plain, "signature", ""), textJSON, wechat.ErrPushQuery},
		{"plain, no timestamp", clear, without(plain, "timestamp"), textJSON, wechat.ErrPushQuery},
		{"plain, no nonce", clear, without(plain, "nonce"), textJSON, wechat.ErrPushQuery},
		{"plain, two signatures", clear, doubled(plain, "signature"), textJSON, wechat.ErrPushQuery},
		{"plain, two timestamps", clear, doubled(plain, "timestamp"), textJSON, wechat.ErrPushQuery},
		{"plain, no address at all", clear, nil, textJSON, wechat.ErrPushQuery},
		{"plain, another token", clear, setTo(plain, "signature", other), textJSON, wechat.ErrPushSignature},
		{"plain, upper case", clear, setTo(plain, "signature", strings.ToUpper(plain.Get("signature"))), textJSON, wechat.ErrPushSignature},
		{"plain, another nonce", clear, setTo(plain, "nonce", "x"), textJSON, wechat.ErrPushSignature},
		{"plain, another time", clear, setTo(plain, "timestamp", "1714112446"), textJSON, wechat.ErrPushSignature},
		{"plain, a signature too long to be one", clear, setTo(plain, "signature", strings.Repeat("a", 513)), textJSON, wechat.ErrPushQuery},
		{"plain where encryption is demanded", encrypted, plain, textJSON, wechat.ErrPushPlain},
		{"plain where encryption is demanded, not signed", encrypted, setTo(plain, "signature", other), textJSON, wechat.ErrPushSignature},
		{"plain, but said to be encrypted", clear, setTo(plain, "encrypt_type", "aes"), textJSON, wechat.ErrPushMalformed},
		{"plain, but signed as encrypted", clear, setTo(plain, "msg_signature", plain.Get("signature")), textJSON, wechat.ErrPushMalformed},
		{"an encryption nobody knows", clear, setTo(plain, "encrypt_type", "rot13"), textJSON, wechat.ErrPushQuery},
		{"two encryptions", clear, changed(plain, func(q url.Values) { q["encrypt_type"] = []string{"raw", "aes"} }), textJSON, wechat.ErrPushQuery},
		{"sealed, no msg_signature", encrypted, without(sealedAddress, "msg_signature"), body, wechat.ErrPushQuery},
		{"sealed, only Encrypt in the body says so", encrypted, plain, both, wechat.ErrPushQuery},
		{"sealed, msg_signature left away where plain is allowed", allowPlain(), without(without(sealedAddress, "msg_signature"), "encrypt_type"), both, wechat.ErrPushQuery},
		{"sealed, signature in place of msg_signature", encrypted, setTo(sealedAddress, "msg_signature", plain.Get("signature")), body, wechat.ErrPushSignature},
		{"sealed, two msg_signatures", encrypted, doubled(sealedAddress, "msg_signature"), body, wechat.ErrPushQuery},
		{"sealed, no timestamp", encrypted, without(sealedAddress, "timestamp"), body, wechat.ErrPushQuery},
		{"sealed, no nonce", encrypted, without(sealedAddress, "nonce"), body, wechat.ErrPushQuery},
		{"sealed, another body", encrypted, sealedAddress, `{"Encrypt":"` + sealed[4:] + `"}`, wechat.ErrPushSignature},
		{"sealed, an empty Encrypt", encrypted, sealedAddress, `{"Encrypt":""}`, wechat.ErrPushMalformed},
		{"sealed, an Encrypt that is a list", encrypted, sealedAddress, `{"Encrypt":["` + sealed + `"]}`, wechat.ErrPushMalformed},
		{"sealed, Encrypt twice in XML", encrypted, sealedAddress, "<xml><Encrypt>" + sealed + "</Encrypt><Encrypt>" + sealed + "</Encrypt></xml>", wechat.ErrPushMalformed},
		{"sealed, without a key", clear, sealedAddress, body, wechat.ErrPushNoKey},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			wantPushRefused(t, s.config, s.query, []byte(s.body), pushTime, s.want)
		})
	}
}

func allowPlain() wechat.PushConfig {
	c := pushConfig()
	c.AllowPlain = true
	return c
}

func wantPushRefused(t *testing.T, config wechat.PushConfig, query url.Values, body []byte, now time.Time, want error) {
	t.Helper()
	got, err := codec(t, config).Open(query, body, now)
	if !errors.Is(err, want) || got.Fields != nil || got.FromUserName != "" {
		t.Errorf("got %+v, %v, want %v", got, err, want)
	}
}

func TestOpenIsOfThisTime(t *testing.T) {
	t.Parallel()
	query, sealed := sealPush(t, textJSON)
	body := `{"Encrypt":"` + sealed + `"}`
	short := pushConfig()
	short.Window = time.Minute
	scenarios := []struct {
		name   string
		config wechat.PushConfig
		now    time.Time
		want   error
	}{
		{"5 minutes old", pushConfig(), pushTime.Add(5 * time.Minute), nil},
		{"a second over", pushConfig(), pushTime.Add(5*time.Minute + time.Second), wechat.ErrPushStale},
		{"5 minutes ahead", pushConfig(), pushTime.Add(-5 * time.Minute), nil},
		{"a second further ahead", pushConfig(), pushTime.Add(-5*time.Minute - time.Second), wechat.ErrPushStale},
		{"a minute old, of a minute", short, pushTime.Add(time.Minute), nil},
		{"a second over a minute", short, pushTime.Add(61 * time.Second), wechat.ErrPushStale},
		{"years old", pushConfig(), pushTime.AddDate(5, 0, 0), wechat.ErrPushStale},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := codec(t, s.config)
			if _, err := c.Open(query, []byte(body), s.now); !errors.Is(err, s.want) {
				t.Errorf("got %v for a push, want %v", err, s.want)
			}
			address := setTo(plainQuery(), "echostr", "echo")
			if got, err := c.VerifyURL(address, s.now); !errors.Is(err, s.want) || (got == "echo") != (s.want == nil) {
				t.Errorf("got %q, %v for an address, want %v", got, err, s.want)
			}
		})
	}
}

func TestOpenRefusesTimesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, stamp := range []string{"0", "-1", "+1714112445", "1e9", "171411244500", "99999999999", "0x66", "now", " 1714112445"} {
		query := url.Values{"signature": {signPush(pushToken, stamp, pushNonce)}, "timestamp": {stamp}, "nonce": {pushNonce}, "echostr": {"e"}}
		got, err := codec(t, pushConfig()).VerifyURL(query, pushTime)
		if got != "" || !errors.Is(err, wechat.ErrPushQuery) && !errors.Is(err, wechat.ErrPushStale) {
			t.Errorf("%q: got %q, %v, want it refused", stamp, got, err)
		}
	}
}

func TestVerifyURLRefuses(t *testing.T) {
	t.Parallel()
	good := setTo(plainQuery(), "echostr", "echo")
	for name, s := range map[string]struct {
		query url.Values
		want  error
	}{
		"no echostr":       {without(good, "echostr"), wechat.ErrPushQuery},
		"two echostrs":     {doubled(good, "echostr"), wechat.ErrPushQuery},
		"an endless one":   {setTo(good, "echostr", strings.Repeat("x", 513)), wechat.ErrPushQuery},
		"no signature":     {without(good, "signature"), wechat.ErrPushQuery},
		"no nonce":         {without(good, "nonce"), wechat.ErrPushQuery},
		"no timestamp":     {without(good, "timestamp"), wechat.ErrPushQuery},
		"another token":    {setTo(good, "signature", signPush("x", "1714112445", pushNonce)), wechat.ErrPushSignature},
		"nothing":          {url.Values{}, wechat.ErrPushQuery},
		"another's answer": {setTo(good, "nonce", "2"), wechat.ErrPushSignature},
	} {
		if got, err := codec(t, pushConfig()).VerifyURL(s.query, pushTime); got != "" || !errors.Is(err, s.want) {
			t.Errorf("%s: got %q, %v, want %v", name, got, err, s.want)
		}
	}
}

// TestOpenRefusesCiphers tries validly signed but badly sealed pushes.
func TestOpenRefusesCiphers(t *testing.T) {
	t.Parallel()
	frame := framePush(textJSON, appID)
	good := padPush(slices.Clone(frame))
	lastByte := func(b byte) []byte {
		c := slices.Clone(good)
		c[len(c)-1] = b
		return c
	}
	uneven := slices.Clone(good)
	uneven[len(uneven)-2]++
	length := func(n byte) []byte {
		c := slices.Clone(good)
		c[16] = n
		return c
	}
	scenarios := []struct {
		name, sealed string
		want         error
	}{
		{"not base64", "%%%", wechat.ErrPushDecrypt},
		{"a part of a block", "QUJD", wechat.ErrPushDecrypt},
		{"half a block of 32", cryptPush(t, good[:16]), wechat.ErrPushDecrypt},
		{"padding of 0", cryptPush(t, lastByte(0)), wechat.ErrPushDecrypt},
		{"padding of 33", cryptPush(t, lastByte(33)), wechat.ErrPushDecrypt},
		{"whole padding of 33", cryptPush(t, padTo(t, 33, 0)), wechat.ErrPushDecrypt},
		{"whole padding of 16, to blocks of 16", cryptPush(t, padTo(t, 16, 16)), wechat.ErrPushDecrypt},
		{"padding of 255", cryptPush(t, lastByte(255)), wechat.ErrPushDecrypt},
		{"padding that differs", cryptPush(t, uneven), wechat.ErrPushDecrypt},
		{"nothing but padding", cryptPush(t, []byte(strings.Repeat("\x20", 32))), wechat.ErrPushDecrypt},
		{"salt and a half length", cryptPush(t, padPush([]byte("0123456789abcdef\x00\x00"))), wechat.ErrPushDecrypt},
		{"a length over the end", cryptPush(t, length(1)), wechat.ErrPushDecrypt},
		{"a length of 4 billion", cryptPush(t, length(255)), wechat.ErrPushDecrypt},
		{"the head cut off", cryptPush(t, good[32:]), wechat.ErrPushDecrypt},
		{"the tail cut off", cryptPush(t, good[:len(good)-32]), wechat.ErrPushDecrypt},
		{"another app", cryptPush(t, padPush(framePush(textJSON, "wx0000000000000000"))), wechat.ErrPushAppID},
		{"no app", cryptPush(t, padPush(framePush(textJSON, ""))), wechat.ErrPushAppID},
		{"the app and more", cryptPush(t, padPush(framePush(textJSON, appID+"x"))), wechat.ErrPushAppID},
		{"an empty message", cryptPush(t, padPush(framePush("", appID))), wechat.ErrPushMalformed},
		{"a message that is none", cryptPush(t, padPush(framePush("hello", appID))), wechat.ErrPushMalformed},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			wantPushRefused(t, pushConfig(), sealedQuery(s.sealed), []byte(`{"Encrypt":"`+s.sealed+`"}`), pushTime, s.want)
		})
	}
	t.Run("another key", func(t *testing.T) {
		t.Parallel()
		config := pushConfig()
		config.AESKey = strings.Repeat("A", 43)
		query, sealed := sealPush(t, textJSON)
		wantPushRefused(t, config, query, []byte(`{"Encrypt":"`+sealed+`"}`), pushTime, wechat.ErrPushDecrypt)
	})
}

// padTo makes a message that ends in n bytes of n and is over bytes longer than whole blocks of 32.
func padTo(tb testing.TB, n, over int) []byte {
	tb.Helper()
	for more := range 32 {
		frame := framePush(`{"MsgType":"text","Content":"`+strings.Repeat("x", more)+`"}`, appID)
		if padded := append(frame, strings.Repeat(string([]byte{byte(n)}), n)...); len(padded)%32 == over {
			return padded
		}
	}
	tb.Fatalf("no message fits a padding of %d", n)
	return nil
}

// TestEveryPaddingOpens tries messages of every length within a block, so every padding of 1 to 32.
func TestEveryPaddingOpens(t *testing.T) {
	t.Parallel()
	c := codec(t, pushConfig())
	for n := range 32 {
		message := `{"MsgType":"text","Content":"` + strings.Repeat("x", n) + `"}`
		query, sealed := sealPush(t, message)
		got, err := c.Open(query, []byte(`{"Encrypt":"`+sealed+`"}`), pushTime)
		if err != nil || string(got.Raw) != message {
			t.Errorf("%d more: got %s, %v, want the message", n, got.Raw, err)
		}
	}
}

func TestOpenRefusesBodies(t *testing.T) {
	t.Parallel()
	clear := pushConfig()
	clear.AESKey = ""
	deep := strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20)
	for name, body := range map[string]string{
		"nothing": "", "blanks": " \n", "text": "hello", "a list": `[{"MsgType":"text"}]`, "null": "null", "half JSON": `{"MsgType":"text"`,
		"JSON and more": `{"MsgType":"text"} {}`, "no type": `{"Event":"x"}`, "an event without a name": `{"MsgType":"event"}`,
		"a type that is a list": `{"MsgType":["text"]}`, "a sender that is an object": `{"MsgType":"text","FromUserName":{"a":1}}`,
		"a time that is none": `{"MsgType":"text","CreateTime":"now"}`, "a time with a part": `{"MsgType":"text","CreateTime":1.5}`,
		"a time beyond numbers":    `{"MsgType":"text","CreateTime":99999999999999999999}`,
		"bytes that are not UTF-8": "{\"MsgType\":\"text\",\"Content\":\"\xff\"}", "JSON too deep": `{"MsgType":"text","x":` + deep + `}`,
		"lists too deep":     `{"MsgType":"text","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		"XML without a type": "<xml><a>1</a></xml>", "a sender twice": "<xml><MsgType>text</MsgType><FromUserName>a</FromUserName><FromUserName>b</FromUserName></xml>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantPushRefused(t, clear, plainQuery(), []byte(body), pushTime, wechat.ErrPushMalformed)
		})
	}
}

func TestOpenHasALimit(t *testing.T) {
	t.Parallel()
	clear := pushConfig()
	clear.AESKey = ""
	const frame = `{"MsgType":"text","Content":""}`
	longest := strings.Replace(frame, `""}`, `"`+strings.Repeat("x", wechat.PushLimit-len(frame))+`"}`, 1)
	if _, err := codec(t, clear).Open(plainQuery(), []byte(longest), pushTime); err != nil {
		t.Errorf("got %v for %d bytes, want it taken", err, len(longest))
	}
	wantPushRefused(t, clear, plainQuery(), []byte(longest+" "), pushTime, wechat.ErrPushTooLarge)
}

func TestOpenToleratesWhatIsHarmless(t *testing.T) {
	t.Parallel()
	clear := pushConfig()
	clear.AESKey = ""
	for name, body := range map[string]string{
		"a byte order mark": "\ufeff" + textJSON, "blanks around": "\n " + textXML + "\n", "times as text": `{"MsgType":"text","CreateTime":"1714112445","MsgId":"23456789012345678"}`,
		"the declaration": `<?xml version="1.0" encoding="UTF-8"?>` + textXML, "raw for a type of encryption": textJSON,
	} {
		query := plainQuery()
		query.Set("encrypt_type", "raw")
		got, err := codec(t, clear).Open(query, []byte(body), pushTime)
		if err != nil || got.MsgID != "23456789012345678" || !got.CreateTime.Equal(pushTime) {
			t.Errorf("%s: got %+v, %v, want the message", name, got, err)
		}
	}
	got, err := codec(t, clear).Open(plainQuery(), []byte(`{"MsgType":"text"}`), pushTime)
	if err != nil || !got.CreateTime.IsZero() {
		t.Errorf("got %v, %v without a time, want none", got.CreateTime, err)
	}
}
