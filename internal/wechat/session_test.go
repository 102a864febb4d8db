package wechat_test

import (
	"net/http"
	"testing"

	"wxbase/internal/wechat"
)

func TestSessionSignature(t *testing.T) {
	t.Parallel()
	for key, want := range golden(t).Hmac {
		_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if r.Method != http.MethodGet || q.Get("signature") != want || q.Get("sig_method") != "hmac_sha256" ||
				q.Get("openid") != "o1" || q.Get("access_token") != "70_token" {
				t.Errorf("got %s %s, want signature %s", r.Method, r.URL, want)
			}
			answer(`{"errcode":0,"errmsg":"ok","openid":"o1","session_key":"new"}`)(w, r)
		})
		if valid, err := c.CheckSession(t.Context(), "o1", key); err != nil || !valid {
			t.Errorf("got %v, %v, want true", valid, err)
		}
		if s, err := c.ResetSession(t.Context(), "o1", key); err != nil || s.SessionKey.Reveal() != "new" {
			t.Errorf("got %v, %v, want the new key", s, err)
		}
	}
}

func TestCheckSession(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, openID string
		key          wechat.SessionKey
		answer       string
		valid        bool
		check, reset wechat.Kind
	}{
		{"valid", "o1", "k", `{"errcode":0,"openid":"o1","session_key":"new"}`, true, "", ""},
		{"stale", "o1", "k", `{"errcode":87009,"errmsg":"invalid signature"}`, false, "", wechat.KindSession},
		{"gone", "o1", "k", `{"errcode":87007}`, false, "", wechat.KindSession},
		{"wrong openid", "o1", "k", `{"errcode":40003}`, false, wechat.KindArgs, wechat.KindArgs},
		{"busy", "o1", "k", `{"errcode":-1}`, false, wechat.KindBusy, wechat.KindBusy},
		{"another user's answer", "o1", "k", `{"openid":"o2","session_key":"new"}`, true, "", wechat.KindBadAnswer},
		{"no openid", "", "k", `{}`, false, wechat.KindArgs, wechat.KindArgs},
		{"no key", "o1", "", `{}`, false, wechat.KindArgs, wechat.KindArgs},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, answer(s.answer))
			valid, err := c.CheckSession(t.Context(), s.openID, s.key)
			wantKind(t, err, s.check)
			if valid != s.valid {
				t.Errorf("got %v, want %v", valid, s.valid)
			}
			_, err = c.ResetSession(t.Context(), s.openID, s.key)
			wantKind(t, err, s.reset)
		})
	}
}
