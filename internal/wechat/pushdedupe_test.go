package wechat_test

import (
	"regexp"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

// TestARepetitionHasTheSameKey seals one event twice, with another salt and another time in the address.
func TestARepetitionHasTheSameKey(t *testing.T) {
	t.Parallel()
	c := codec(t, pushConfig())
	message := event(wechat.EventSubscribePopup, `,"List":{"TemplateId":"TPL","SubscribeStatusString":"accept"}`)
	first, err := open(t, c, message, "0123456789abcdef", "1714112445", "n1")
	if err != nil {
		t.Fatal(err)
	}
	second, err := open(t, c, message, "fedcba9876543210", "1714112450", "n2")
	if err != nil {
		t.Fatal(err)
	}
	if first.DedupeKey() != second.DedupeKey() {
		t.Errorf("got %s and %s, want the same", first.DedupeKey(), second.DedupeKey())
	}
	if !regexp.MustCompile(`^[a-z0-9:]{20,64}$`).MatchString(first.DedupeKey()) {
		t.Errorf("got %s, want at most 64 letters, digits and colons", first.DedupeKey())
	}
}

// open seals a message with this salt, time and nonce, and opens it.
func open(tb testing.TB, c *wechat.PushCodec, message, salt, stamp, nonce string) (wechat.PushMessage, error) {
	tb.Helper()
	frame := framePush(message, appID)
	copy(frame, salt)
	sealed := cryptPush(tb, padPush(frame))
	query := sealedQuery(sealed)
	query.Set("timestamp", stamp)
	query.Set("nonce", nonce)
	query.Set("msg_signature", signPush(pushToken, stamp, nonce, sealed))
	return c.Open(query, []byte(`{"Encrypt":"`+sealed+`"}`), pushTime)
}

func TestDedupeKeys(t *testing.T) {
	t.Parallel()
	checked := func(trace string) string {
		return event(wechat.EventMediaChecked, `,"trace_id":"`+trace+`","result":{"suggest":"pass","label":100}`)
	}
	scenarios := []struct {
		name, one, other string
		same             bool
	}{
		{"the same message", textJSON, textJSON, true},
		{"the same number, another text", textJSON, strings.Replace(textJSON, "你好", "再见", 1), true},
		{"the same number in XML", textJSON, textXML, true},
		{"another number", textJSON, strings.Replace(textJSON, "23456789012345678", "23456789012345679", 1), false},
		{"the same number of another person", textJSON, strings.Replace(textJSON, openID, "oOther-person-of-this-app-00", 1), false},
		{"two pictures of one user in one second", checked("a"), checked("b"), false},
		{"the order of the fields", `{"MsgType":"event","Event":"e","a":1}`, `{"a":1,"Event":"e","MsgType":"event"}`, true},
		{"a number that a float cannot hold", event("e", `,"id":1864323726461255680`), event("e", `,"id":1864323726461255681`), false},
		{"an event with a number of its own", event("e", `,"MsgId":"1","x":1`), event("e", `,"MsgId":"1","x":2`), false},
		{"another event", event("e", ""), event("f", ""), false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			one, other := opened(t, s.one), opened(t, s.other)
			if (one.DedupeKey() == other.DedupeKey()) != s.same {
				t.Errorf("got %s and %s, want same %v", one.DedupeKey(), other.DedupeKey(), s.same)
			}
		})
	}
	of := opened(t, textJSON)
	elsewhere := of
	elsewhere.AppID = "wx0000000000000000"
	if of.DedupeKey() == elsewhere.DedupeKey() {
		t.Error("got one key for two apps")
	}
}

// FuzzPushOpen tries any body with every kind of app and a validly signed address. It must not panic, a refusal must be
// empty, and a plain message must stay the same when it is sealed.
func FuzzPushOpen(f *testing.F) {
	query, sealed := sealPush(f, textJSON)
	_ = query
	f.Add([]byte(`{"Encrypt":"` + sealed + `"}`))
	f.Add([]byte(`<xml><Encrypt><![CDATA[` + sealed + `]]></Encrypt></xml>`))
	f.Add([]byte(textJSON))
	f.Add([]byte(textXML))
	f.Add([]byte(event(wechat.EventSubscribePopup, `,"List":[{"TemplateId":1}]`)))
	f.Add([]byte(event(wechat.EventMediaChecked, `,"trace_id":"t","detail":{},"result":{"suggest":"pass"}`)))
	clear := pushConfig()
	clear.AESKey = ""
	f.Fuzz(func(t *testing.T, body []byte) {
		secret := codec(t, pushConfig())
		if m, err := secret.Open(sealedQuery(string(body)), []byte(`{"Encrypt":"`+string(body)+`"}`), pushTime); err == nil {
			views(t, m)
		}
		m, err := codec(t, clear).Open(plainQuery(), body, pushTime)
		if err != nil {
			if m.Fields != nil {
				t.Errorf("got %+v with %v, want nothing", m, err)
			}
			return
		}
		views(t, m)
		if len(body) > 32<<10 {
			return // too long for the limit once sealed
		}
		again, err := open(t, secret, string(body), "0123456789abcdef", "1714112445", pushNonce)
		if err != nil || again.DedupeKey() != m.DedupeKey() || string(again.Raw) != string(m.Raw) {
			t.Errorf("got %s, %v sealed, want %s", again.Raw, err, m.Raw)
		}
	})
}
