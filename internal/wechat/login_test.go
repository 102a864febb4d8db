package wechat_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"wxbase/internal/wechat"
)

func TestCode2Session(t *testing.T) {
	t.Parallel()
	const good = `{"session_key":"FXyAgbNxCO7jXW13E177YA==","openid":"o-PON","unionid":"ou"}`
	scenarios := []struct {
		name, code, answer string
		kind               wechat.Kind
		rid                string
		calls              int64
	}{
		{"success", "abc", good, "", "", 1},
		{"devtools guest code", "the code is a mock one", good, "", "", 1},
		{"invalid code", "abc", `{"errcode":40029,"errmsg":"invalid code, rid: 62de9a0b-7149b5f1-2eee4908"}`, wechat.KindCodeInvalid, "62de9a0b-7149b5f1-2eee4908", 1},
		{"code used", "abc", `{"errcode":40163,"errmsg":"code been used, rid: 62de9a0b-7149b5f1-2eee4908"}`, wechat.KindCodeUsed, "62de9a0b-7149b5f1-2eee4908", 1},
		{"errcode as string", "abc", `{"errcode":"40226","errmsg":"x"}`, wechat.KindRisk, "", 1},
		{"rate", "abc", `{"errcode":45011}`, wechat.KindRate, "", 1},
		{"wrong secret", "abc", `{"errcode":40125}`, wechat.KindConfig, "", 1},
		{"busy three times", "abc", `{"errcode":-1,"errmsg":"system error"}`, wechat.KindBusy, "", 3},
		{"no openid", "abc", `{"session_key":"x"}`, wechat.KindBadAnswer, "", 1},
		{"no session key", "abc", `{"openid":"x"}`, wechat.KindBadAnswer, "", 1},
		{"openid of a wrong type", "abc", `{"openid":{},"session_key":"x"}`, wechat.KindBadAnswer, "", 1},
		{"web page", "abc", `<html>502</html>`, wechat.KindBadAnswer, "", 1},
		{"empty answer", "abc", ``, wechat.KindBadAnswer, "", 1},
		{"cut off", "abc", good[:20], wechat.KindBadAnswer, "", 1},
		{"unknown errcode", "abc", `{"errcode":99999}`, wechat.KindUnknown, "", 1},
		{"no code", "", good, wechat.KindArgs, "", 0},
		{"control character", "a\nb", good, wechat.KindArgs, "", 0},
		{"long code", strings.Repeat("a", 513), good, wechat.KindArgs, "", 0},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a, c := serve(t, answer(s.answer))
			got, err := c.Code2Session(t.Context(), s.code)
			wantKind(t, err, s.kind)
			if a.calls.Load() != s.calls {
				t.Errorf("got %d calls, want %d", a.calls.Load(), s.calls)
			}
			if e, ok := errors.AsType[*wechat.Error](err); ok && e.RID != s.rid {
				t.Errorf("got rid %q, want %q", e.RID, s.rid)
			}
			if err == nil && (got.OpenID != "o-PON" || got.UnionID != "ou" || got.SessionKey.Reveal() != "FXyAgbNxCO7jXW13E177YA==") {
				t.Errorf("got %+v, want the session", got)
			}
		})
	}
}

func TestCode2SessionSendsTheQuery(t *testing.T) {
	t.Parallel()
	a, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != "/sns/jscode2session" || q.Get("appid") != appID ||
			q.Get("secret") != secret || q.Get("js_code") != "a+b" || q.Get("grant_type") != "authorization_code" ||
			q.Has("access_token") || r.ContentLength != 0 {
			t.Errorf("got %s %s with a body of %d", r.Method, r.URL, r.ContentLength)
		}
		_, _ = io.WriteString(w, `{"session_key":"k","openid":"o"}`)
	})
	if _, err := c.Code2Session(t.Context(), "a+b"); err != nil {
		t.Error(err)
	}
	if a.fetches.Load() != 0 {
		t.Errorf("got %d token calls, want none", a.fetches.Load())
	}
}

// a code works once: when the connection breaks after the code may have arrived, it is not sent again, also not by Go's
// transport, which repeats a GET on a kept connection by itself.
func TestCode2SessionIsNotRepeatedBlindly(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	a, c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 { // leaves a kept connection behind
			_, _ = io.WriteString(w, `{"session_key":"k","openid":"o"}`)
			return
		}
		panic(http.ErrAbortHandler)
	})
	if _, err := c.Code2Session(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Code2Session(t.Context(), "second")
	wantKind(t, err, wechat.KindNetwork)
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok || !e.MaybeDone || e.Retryable() {
		t.Errorf("got %#v, want MaybeDone and not retryable", e)
	}
	if a.calls.Load() != 2 {
		t.Errorf("got %d calls, want 2", a.calls.Load())
	}
}

func TestCode2SessionAfterBusy(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) < 3 {
			answer(`{"errcode":-1}`)(w, r)
			return
		}
		answer(`{"session_key":"k","openid":"o"}`)(w, r)
	})
	if s, err := c.Code2Session(t.Context(), "abc"); err != nil || s.OpenID != "o" {
		t.Errorf("got %v, %v, want the third answer", s, err)
	}
}
