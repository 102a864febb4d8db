package wechat

import (
	"errors"
	"testing"
)

// an internal test, because the envelope's codec is unexported.

func TestParseEnvelope(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, body string
		errcode    int
		rid        string
		err        error
	}{
		{"success without errcode", `{"openid":"o"}`, 0, "", nil},
		{"success with errcode", `{"errcode":0,"errmsg":"ok"}`, 0, "", nil},
		{"null errcode", `{"errcode":null}`, 0, "", nil},
		{"number", `{"errcode":40029,"errmsg":"invalid code, rid: 62de9a0b-7149b5f1-2eee4908"}`, 40029, "62de9a0b-7149b5f1-2eee4908", nil},
		{"number as string", `{"errcode":"40029"}`, 40029, "", nil},
		{"negative", `{"errcode":-1,"errmsg":"system error"}`, -1, "", nil},
		{"rid without comma", `{"errcode":45009,"errmsg":"reach max api daily quota limit rid: 617682e0-09059ac5-34a8e2ea"}`, 45009, "617682e0-09059ac5-34a8e2ea", nil},
		{"errmsg not text", `{"errcode":1,"errmsg":{}}`, 1, "", nil},
		{"byte order mark", "\ufeff{\"errcode\":1}", 1, "", nil},
		{"empty", "", 0, "", ErrEmpty},
		{"white space", " \r\n", 0, "", ErrEmpty},
		{"web page", "<html>", 0, "", ErrNotJSON},
		{"array", "[]", 0, "", ErrNotJSON},
		{"null", "null", 0, "", ErrNotJSON},
		{"cut off", `{"errcode":400`, 0, "", ErrNotJSON},
		{"two objects", `{}{}`, 0, "", ErrNotJSON},
		{"errcode not a number", `{"errcode":"x"}`, 0, "", ErrNotJSON},
		{"errcode broken", `{"errcode":1.5}`, 0, "", ErrNotJSON},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			env, err := parseEnvelope([]byte(s.body))
			if !errors.Is(err, s.err) || env.errcode != s.errcode || ridOf(env.errmsg) != s.rid {
				t.Errorf("got %d, rid %q, %v, want %d, rid %q, %v",
					env.errcode, ridOf(env.errmsg), err, s.errcode, s.rid, s.err)
			}
		})
	}
}

func TestEncodeLeavesTextAlone(t *testing.T) {
	t.Parallel()
	got, err := encode(map[string]string{"a": "<中文&>"})
	if want := `{"a":"<中文&>"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"errcode":"40029","errmsg":"invalid code, rid: 62de9a0b-7149b5f1-2eee4908"}`), 200)
	f.Add([]byte(`{"errcode":40164,"errmsg":"invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist"}`), 200)
	f.Add([]byte(`{"session_key":"FXyAgbNxCO7jXW13E177YA==","openid":"o-PON"}`), 200)
	f.Add([]byte(`{"access_token":"70_x","expires_in":"7200"}`), 200)
	f.Add([]byte(`{"phone_info":{"phoneNumber":1,"purePhoneNumber":"1","countryCode":86,"watermark":{"appid":"a","timestamp":"1"}}}`), 200)
	f.Add([]byte("<html>"), 502)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		err := judge(call{op: "fuzz"}, status, body)
		if err != nil {
			if KindOf(err) == "" || err.Error() == "" {
				t.Errorf("got %#v, want a kind and a text", err)
			}
			return
		}
		if status < 200 || status > 299 {
			t.Errorf("got success with HTTP %d", status)
		}
		if s, err := parseSession(body); err == nil && (s.OpenID == "" || s.SessionKey == "") {
			t.Errorf("got an empty session without an error from %q", body)
		}
		var phone struct {
			PhoneInfo phoneWire `json:"phone_info"`
		}
		if decode(body, &phone) == nil {
			if p, err := phone.PhoneInfo.phone("a"); err == nil && p.Watermark.AppID != "a" {
				t.Errorf("got a number of %q, want of a only", p.Watermark.AppID)
			}
		}
	})
}
