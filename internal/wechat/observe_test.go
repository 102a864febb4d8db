package wechat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/wechat"
)

// watcher records an observer's calls.
type watcher struct {
	mu    sync.Mutex
	infos []wechat.CallInfo
}

func (w *watcher) see(i wechat.CallInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.infos = append(w.infos, i)
}

const rid = "62de9a0b-7149b5f1-2eee4908"

func TestObserverIsToldOnce(t *testing.T) {
	t.Parallel()
	token := func(i wechat.CallInfo) wechat.CallInfo {
		i.Op, i.AppID, i.Host = "getStableAccessToken", appID, "wechat.example"
		return i
	}
	call := func(op string, i wechat.CallInfo) wechat.CallInfo {
		i.Op, i.AppID = op, appID
		if i.Tries > 0 {
			i.Host = "wechat.example"
		}
		return i
	}
	const check, code, phone = "checkSessionKey", "code2Session", "getPhoneNumber"
	askPhone := func(ctx context.Context, c *wechat.Client) error { _, err := c.PhoneNumber(ctx, "c"); return err }
	scenarios := []struct {
		name    string
		answers []string // WeChat's answers, in order; "" breaks the connection, "hang" never answers
		call    func(context.Context, *wechat.Client) error
		want    []wechat.CallInfo
	}{
		{"success", []string{`{"openid":"o","session_key":"k"}`}, login, []wechat.CallInfo{call(code, wechat.CallInfo{Tries: 1, Status: 200})}},
		{"refusal", []string{`{"errcode":40029,"errmsg":"invalid code, rid: ` + rid + `"}`}, login, []wechat.CallInfo{
			call(code, wechat.CallInfo{Tries: 1, Status: 200, Kind: wechat.KindCodeInvalid, Errcode: 40029, RID: rid}),
		}},
		{"busy, then good", []string{`{"errcode":-1}`, `{"openid":"o","session_key":"k"}`}, login, []wechat.CallInfo{
			call(code, wechat.CallInfo{Tries: 2, Status: 200, Duration: time.Second}),
		}},
		{"lacks a field", []string{`{"openid":"o"}`}, login, []wechat.CallInfo{
			call(code, wechat.CallInfo{Tries: 1, Status: 200, Kind: wechat.KindBadAnswer}),
		}},
		{"lost answer", []string{""}, login, []wechat.CallInfo{call(code, wechat.CallInfo{Tries: 1, Kind: wechat.KindNetwork})}},
		{"no answer", []string{"hang"}, login, []wechat.CallInfo{
			call(code, wechat.CallInfo{Tries: 1, Kind: wechat.KindNetwork, Duration: 5 * time.Second}),
		}},
		{"with a token", []string{`{"access_token":"70_a","expires_in":7200}`, `{"errcode":0}`}, ask, []wechat.CallInfo{
			token(wechat.CallInfo{Tries: 1, Status: 200}), call(check, wechat.CallInfo{Tries: 1, Status: 200}),
		}},
		{"no token to be had", []string{`{"errcode":40001,"errmsg":"invalid secret rid: ` + rid + `"}`}, ask, []wechat.CallInfo{
			token(wechat.CallInfo{Tries: 1, Status: 200, Kind: wechat.KindConfig, Errcode: 40001, RID: rid}),
			call(check, wechat.CallInfo{Status: 200, Kind: wechat.KindConfig, Errcode: 40001, RID: rid}),
		}},
		{"refused token", []string{`{"access_token":"70_a","expires_in":7200}`, `{"errcode":42001}`, `{"access_token":"70_b","expires_in":7200}`, `{"errcode":0}`}, ask, []wechat.CallInfo{
			token(wechat.CallInfo{Tries: 1, Status: 200}), token(wechat.CallInfo{Tries: 1, Status: 200}), call(check, wechat.CallInfo{Tries: 2, Status: 200}),
		}},
		{"token answer that is none", []string{`{"expires_in":7200}`}, ask, []wechat.CallInfo{
			token(wechat.CallInfo{Tries: 1, Status: 200, Kind: wechat.KindBadAnswer}),
			call(check, wechat.CallInfo{Status: 200, Kind: wechat.KindBadAnswer}),
		}},
		{"number of another app", []string{`{"access_token":"70_a","expires_in":7200}`, `{"phone_info":{"phoneNumber":"1"}}`}, askPhone, []wechat.CallInfo{
			token(wechat.CallInfo{Tries: 1, Status: 200}), call(phone, wechat.CallInfo{Tries: 1, Status: 200, Kind: wechat.KindBadAnswer}),
		}},
		{"wrong arguments are no call", nil, func(ctx context.Context, c *wechat.Client) error { _, err := c.Code2Session(ctx, ""); return err }, nil},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, n := &watcher{}, 0
				o := &outage{fail: func(r *http.Request) (*http.Response, error) {
					said := s.answers[n]
					n++
					switch said {
					case "":
						return refused(r)
					case "hang":
						return hang(r)
					}
					return say(said), nil
				}}
				pause := func(context.Context, time.Duration) error { time.Sleep(time.Second); return nil }
				_ = s.call(t.Context(), o.client(wechat.WithObserver(w.see), wechat.WithSleep(pause)))
				if n != len(s.answers) || len(w.infos) != len(s.want) {
					t.Fatalf("got %d requests and told %+v, want %d and %+v", n, w.infos, len(s.answers), s.want)
				}
				for i, want := range s.want {
					if w.infos[i] != want {
						t.Errorf("got %+v, want %+v", w.infos[i], want)
					}
				}
			})
		})
	}
}

func TestObserverIsToldWhatWasHeldBack(t *testing.T) {
	t.Parallel()
	w, o := &watcher{}, &outage{fail: refused}
	c := o.client(wechat.WithObserver(w.see), wechat.WithBreaker(wechat.Breaker{Failures: 1}))
	_, _ = login(t.Context(), c), login(t.Context(), c)
	if len(w.infos) != 2 || w.infos[0].Tries != 1 || w.infos[1].Tries != 0 || w.infos[1].Kind != wechat.KindBusy || w.infos[1].Host != "" {
		t.Errorf("got %+v, want one try and one call held back", w.infos)
	}
	c = wechat.New(wechat.App{AppID: appID}, wechat.WithObserver(w.see))
	_ = login(t.Context(), c)
	if len(w.infos) != 3 || w.infos[2].Kind != wechat.KindConfig {
		t.Errorf("got %+v, want a call of kind config", w.infos)
	}
}

// every failed call is one line with what WeChat's support asks for, at the right level.
func TestFailedCallsAreLogged(t *testing.T) {
	t.Parallel()
	scenarios := map[string]struct {
		status int
		body   string
		level  slog.Level
		want   map[string]any
	}{
		"used code": {
			200, `{"errcode":40163,"errmsg":"code been used, rid: ` + rid + `"}`, slog.LevelInfo,
			map[string]any{"op": "code2Session", "kind": "code_used", "errcode": 40163.0, "rid": rid, "tries": 1.0},
		},
		"wrong code":  {200, `{"errcode":40029}`, slog.LevelInfo, map[string]any{"kind": "code_invalid", "errcode": 40029.0}},
		"risky user":  {200, `{"errcode":40226}`, slog.LevelInfo, map[string]any{"kind": "risk"}},
		"stale key":   {200, `{"errcode":87009}`, slog.LevelInfo, map[string]any{"kind": "session"}},
		"busy":        {200, `{"errcode":-1}`, slog.LevelWarn, map[string]any{"kind": "busy", "errcode": -1.0, "tries": 3.0}},
		"wrong setup": {200, `{"errcode":40125}`, slog.LevelWarn, map[string]any{"kind": "config"}},
		"unknown":     {200, `{"errcode":99999}`, slog.LevelWarn, map[string]any{"kind": "unknown", "errcode": 99999.0}},
		"edge":        {502, ``, slog.LevelWarn, map[string]any{"kind": "network", "status": 502.0, "host": "wechat.example"}},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			o := &outage{fail: func(*http.Request) (*http.Response, error) { return sayWith(s.status, s.body), nil }}
			c := o.client(wechat.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))
			if err := login(t.Context(), c); err == nil {
				t.Fatal("got no error, want one")
			}
			var line map[string]any
			if err := json.Unmarshal(log.Bytes(), &line); err != nil { // two lines would not be JSON
				t.Fatalf("got %v, want one line: %s", err, log.String())
			}
			if line["level"] != s.level.String() {
				t.Errorf("got level %v, want %v", line["level"], s.level)
			}
			for key, want := range s.want {
				if line[key] != want {
					t.Errorf("got %s %v, want %v", key, line[key], want)
				}
			}
		})
	}
}

// one event is logged once, not by every call it hits: the log of an outage stays readable.
func TestLogOfAnOutageIsShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := &outage{fail: hang}
		c := o.client(wechat.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { wantKind(t, ask(t.Context(), c), wechat.KindNetwork) })
		}
		wg.Wait()
		synctest.Wait() // the token's call logs in a goroutine that outlives its callers
		if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "op=getStableAccessToken") {
			t.Errorf("got %d lines, want one of the token's call:\n%s", got, log.String())
		}
	})
}
