package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/wechat"
)

func TestPausesGrowAndJitter(t *testing.T) {
	t.Parallel()
	scenarios := map[float64][]time.Duration{
		0:   {100 * time.Millisecond, 200 * time.Millisecond},
		0.5: {150 * time.Millisecond, 300 * time.Millisecond},
	}
	for jitter, want := range scenarios {
		var got []time.Duration
		_, c := serve(t, answer(`{"errcode":-1}`),
			wechat.WithJitter(func() float64 { return jitter }),
			wechat.WithSleep(func(_ context.Context, d time.Duration) error {
				got = append(got, d)
				return nil
			}))
		_, err := c.Code2Session(t.Context(), "abc")
		wantKind(t, err, wechat.KindBusy)
		if !slices.Equal(got, want) {
			t.Errorf("jitter %v: got %v, want %v", jitter, got, want)
		}
	}
}

// which calls are repeated after a lost answer.
func TestRepeatsAfterALostAnswer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	scenarios := map[string]struct {
		call  func(*wechat.Client) error
		tries int
	}{
		"login":         {func(c *wechat.Client) error { _, err := c.Code2Session(ctx, "c"); return err }, 1},
		"phone":         {func(c *wechat.Client) error { _, err := c.PhoneNumber(ctx, "c"); return err }, 1},
		"check session": {func(c *wechat.Client) error { _, err := c.CheckSession(ctx, "o", "k"); return err }, 3},
		"reset session": {func(c *wechat.Client) error { _, err := c.ResetSession(ctx, "o", "k"); return err }, 1},
		"unlimited code": {func(c *wechat.Client) error {
			_, err := c.UnlimitedCode(ctx, wechat.CodeRequest{Scene: "a"})
			return err
		}, 3},
		"counted code": {func(c *wechat.Client) error { _, err := c.Code(ctx, wechat.CodeRequest{Path: "a"}); return err }, 1},
	}
	losses := map[string]func() (*http.Response, error){
		"reset by peer": func() (*http.Response, error) { return nil, errors.New("connection reset by peer") },
		"cut off": func() (*http.Response, error) {
			res := say("")
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), broken{}))
			return res, nil
		},
		"HTTP 502": func() (*http.Response, error) {
			res := say("<html>bad gateway</html>")
			res.StatusCode = http.StatusBadGateway
			return res, nil
		},
	}
	for name, s := range scenarios {
		for loss, lose := range losses {
			t.Run(name+" "+loss, func(t *testing.T) {
				t.Parallel()
				var tries int
				c := clientOf(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path == "/cgi-bin/stable_token" {
						return say(`{"access_token":"70_token","expires_in":7200}`), nil
					}
					tries++
					return lose()
				})
				err := s.call(c)
				wantKind(t, err, wechat.KindNetwork)
				if tries != s.tries {
					t.Errorf("got %d tries, want %d", tries, s.tries)
				}
				if e, ok := errors.AsType[*wechat.Error](err); !ok || e.MaybeDone == (s.tries > 1) || e.Retryable() == (s.tries == 1) {
					t.Errorf("got %#v, want its outcome told", err)
				}
			})
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// an unsent code is unused: every call may try again at the next official host.
func TestFailover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		down := true
		c := clientOf(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host)
			if down && r.URL.Host != "sh.api.weixin.qq.com" {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}
			return say(`{"openid":"o","session_key":"k"}`), nil
		})
		login := func(want ...string) {
			t.Helper()
			hosts = nil
			if _, err := c.Code2Session(t.Context(), "abc"); err != nil || !slices.Equal(hosts, want) {
				t.Errorf("got %v, %v, want %v", hosts, err, want)
			}
		}
		login("api.weixin.qq.com", "api2.weixin.qq.com", "sh.api.weixin.qq.com")
		login("sh.api.weixin.qq.com") // the good one is remembered
		down = false
		time.Sleep(time.Minute + time.Second)
		login("api.weixin.qq.com") // and the first is tried again in time
	})
}

// a host that drops packets ends in our deadline, although the code was not sent.
func TestFailoverFromASilentHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var dialled []string
		end := make(chan struct{})
		defer close(end)
		transport := &http.Transport{DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
			mu.Lock()
			dialled = append(dialled, address)
			mu.Unlock()
			<-end // note: the transport lets a dial outlive its request
			return nil, net.ErrClosed
		}}
		c := wechat.New(wechat.App{AppID: appID, Secret: secret}, wechat.WithSleep(noSleep),
			wechat.WithHTTPClient(&http.Client{Transport: transport}))
		_, err := c.Code2Session(t.Context(), "abc")
		wantKind(t, err, wechat.KindNetwork)
		if e, ok := errors.AsType[*wechat.Error](err); !ok || e.MaybeDone {
			t.Errorf("got %#v, want it known as not done", err)
		}
		mu.Lock()
		defer mu.Unlock()
		want := []string{"api.weixin.qq.com:443", "api2.weixin.qq.com:443", "sh.api.weixin.qq.com:443"}
		if !slices.Equal(dialled, want) {
			t.Errorf("got %v, want %v", dialled, want)
		}
	})
}

func TestNoFailoverForACustomBase(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://127.0.0.1:8091", "https://proxy.example/wx", "http://api.weixin.qq.com"} {
		var got []string
		f := tripper(func(r *http.Request) (*http.Response, error) {
			got = append(got, r.URL.Scheme+"://"+r.URL.Host+strings.TrimSuffix(r.URL.Path, "/sns/jscode2session"))
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		})
		c := wechat.New(wechat.App{AppID: appID, Secret: secret, APIBase: base},
			wechat.WithHTTPClient(&http.Client{Transport: f}), wechat.WithSleep(noSleep))
		_, err := c.Code2Session(t.Context(), "abc")
		wantKind(t, err, wechat.KindNetwork)
		if want := []string{base, base, base}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	hang := func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/cgi-bin/stable_token" {
			return say(`{"access_token":"70_token","expires_in":7200}`), nil
		}
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	scenarios := []struct {
		name string
		call func(context.Context, *wechat.Client) error
		want time.Duration
	}{
		{"one try", func(ctx context.Context, c *wechat.Client) error {
			_, err := c.Code2Session(ctx, "abc")
			return err
		}, 5 * time.Second},
		{"all tries", ask, 12 * time.Second},
		{"caller's own", func(ctx context.Context, c *wechat.Client) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return ask(ctx, c)
		}, time.Second},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := s.call(t.Context(), clientOf(hang))
				wantKind(t, err, wechat.KindNetwork)
				if got := time.Since(start); got != s.want || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v after %v, want a deadline after %v", err, got, s.want)
				}
			})
		})
	}
}

func TestPauseEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := tripper(func(*http.Request) (*http.Response, error) { return say(`{"errcode":-1}`), nil })
		c := wechat.New(wechat.App{AppID: appID, Secret: secret}, wechat.WithHTTPClient(&http.Client{Transport: f}))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := c.Code2Session(ctx, "abc")
		wantKind(t, err, wechat.KindBusy)
		if got := time.Since(start); got != 50*time.Millisecond {
			t.Errorf("got back after %v, want 50ms", got)
		}
	})
}

func TestRedirectIsRefused(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/?"+r.URL.RawQuery, status)
		})
		_, err := c.Code2Session(t.Context(), "abc")
		wantKind(t, err, wechat.KindBadAnswer)
		if !errors.Is(err, wechat.ErrRedirect) || followed.Load() {
			t.Errorf("%d: got %v, followed %v, want ErrRedirect and not followed", status, err, followed.Load())
		}
	}
}

func TestStatusAndBody(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		status int
		body   string
		kind   wechat.Kind
		err    error
	}{
		{"errcode wins over the status", 500, `{"errcode":40029}`, wechat.KindCodeInvalid, nil},
		{"good body with a bad status", 404, `{"openid":"o","session_key":"k"}`, wechat.KindBadAnswer, nil},
		{"unknown path", 404, `not found`, wechat.KindBadAnswer, nil},
		{"edge fault", 503, ``, wechat.KindNetwork, nil},
		{"edge fault with a good body", 500, `{"openid":"o","session_key":"k"}`, wechat.KindNetwork, nil},
		{"too large", 200, `{"openid":"` + strings.Repeat("o", 1<<20) + `"}`, wechat.KindBadAnswer, wechat.ErrTooLarge},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(s.status)
				answer(s.body)(w, r)
			})
			_, err := c.Code2Session(t.Context(), "abc")
			wantKind(t, err, s.kind)
			if s.err != nil && !errors.Is(err, s.err) {
				t.Errorf("got %v, want %v", err, s.err)
			}
			if e, ok := errors.AsType[*wechat.Error](err); !ok || e.Status != s.status || a.calls.Load() != 1 {
				t.Errorf("got %#v after %d calls, want status %d after one", err, a.calls.Load(), s.status)
			}
		})
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for _, app := range []wechat.App{
		{Secret: secret},
		{AppID: appID},
		{AppID: appID, Secret: secret, APIBase: "api.weixin.qq.com"},
		{AppID: appID, Secret: secret, APIBase: "ftp://api.weixin.qq.com"},
		{AppID: appID, Secret: secret, APIBase: "https://user:pw@api.weixin.qq.com"},
		{AppID: appID, Secret: secret, APIBase: "https://api.weixin.qq.com?a=1"},
		{AppID: appID, Secret: secret, APIBase: "http://[::1"},
	} {
		c := wechat.New(app)
		_, err := c.Code2Session(t.Context(), "abc")
		wantKind(t, err, wechat.KindConfig)
		_, err = c.AccessToken(t.Context())
		wantKind(t, err, wechat.KindConfig)
	}
}

// leaks are answers and faults that return the request, with its secrets, to us.
func leaks() map[string]tripper {
	echo := func(r *http.Request) string {
		body, _ := io.ReadAll(r.Body)
		q, _ := url.QueryUnescape(r.URL.String())
		return q + string(body)
	}
	return map[string]tripper{
		"transport quotes the address": func(r *http.Request) (*http.Response, error) { return nil, errors.New(r.URL.String()) },
		"transport wraps url.Error": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: io.EOF}
		},
		"hang": func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded },
		"errmsg quotes the request": func(r *http.Request) (*http.Response, error) {
			return say(fmt.Sprintf(`{"errcode":40013,"errmsg":%q}`, echo(r))), nil
		},
		"whitelist message": func(r *http.Request) (*http.Response, error) {
			return say(fmt.Sprintf(`{"errcode":40164,"errmsg":%q}`, "invalid ip 1.2.3.4 "+echo(r))), nil
		},
		"page quotes the request": func(r *http.Request) (*http.Response, error) { return say("<html>" + echo(r)), nil },
		"number quotes the request": func(r *http.Request) (*http.Response, error) {
			return say(fmt.Sprintf(`{"errcode":%q}`, echo(r))), nil
		},
		"field quotes the request": func(r *http.Request) (*http.Response, error) {
			return say(fmt.Sprintf(`{"openid":[%q],"access_token":[],"phone_info":{"countryCode":[%q]}}`, echo(r), echo(r))), nil
		},
		"redirect": func(r *http.Request) (*http.Response, error) {
			res := say("")
			res.StatusCode, res.Header = 302, http.Header{"Location": {r.URL.String()}}
			return res, nil
		},
		"status": func(r *http.Request) (*http.Response, error) {
			res := say(echo(r))
			res.StatusCode = 418
			return res, nil
		},
		"endless": func(r *http.Request) (*http.Response, error) { return say(strings.Repeat(echo(r)+" ", 1<<17)), nil },
	}
}

// every way to fail: message, %#v of the chain and log contain no secret.
func TestErrorsTellNoSecret(t *testing.T) {
	t.Parallel()
	const token, code, key = "70_t0ken", "c0de+of/login", "5essi0nkey=="
	for name, fail := range leaks() {
		for _, tokenFails := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " token ", tokenFails), func(t *testing.T) {
				t.Parallel()
				var log bytes.Buffer
				var seen watcher
				level := &slog.HandlerOptions{Level: slog.LevelDebug}
				c := clientOf(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path == "/cgi-bin/stable_token" && !tokenFails {
						return say(`{"access_token":"` + token + `","expires_in":7200}`), nil
					}
					return fail(r)
				}, wechat.WithLogger(slog.New(slog.NewTextHandler(&log, level))), wechat.WithObserver(seen.see))
				said := []string{}
				tell := func(err error) {
					if err == nil {
						return // some of these are good answers to CheckSession and to codes
					}
					for ; err != nil; err = errors.Unwrap(err) {
						said = append(said, err.Error(), fmt.Sprintf("%+v %#v", err, err))
					}
				}
				_, err := c.Code2Session(t.Context(), code)
				tell(err)
				_, err = c.PhoneNumber(t.Context(), code)
				tell(err)
				_, err = c.CheckSession(t.Context(), "o", key)
				tell(err)
				_, err = c.UnlimitedCode(t.Context(), wechat.CodeRequest{Scene: "a"})
				tell(err)
				_, err = c.AccessToken(t.Context())
				tell(err)
				if len(said) == 0 || len(seen.infos) < 5 {
					t.Fatal("got no error at all, or none observed, want some")
				}
				all := strings.Join(append(said, log.String(), fmt.Sprintf("%#v", seen.infos)), "\n")
				for _, s := range []string{secret, token, code, url.QueryEscape(code), key} {
					if strings.Contains(all, s) {
						t.Errorf("got %q in:\n%s", s, all)
					}
				}
			})
		}
	}
}

func TestWhitelistErrorTellsOurAddress(t *testing.T) {
	t.Parallel()
	_, c := serve(t, answer(`{"errcode":40164,"errmsg":"invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: 62de9a0b-7149b5f1-2eee4908"}`))
	_, err := c.Code2Session(t.Context(), "abc")
	want := "wechat code2Session: errcode 40164: our address is not on the IP whitelist (our address 1.2.3.4) (rid 62de9a0b-7149b5f1-2eee4908)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
