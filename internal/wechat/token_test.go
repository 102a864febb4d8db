package wechat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/wechat"
)

// issuer is WeChat's token call as a transport: in memory, so that tests control time and order.
type issuer struct {
	mu      sync.Mutex
	n       int           // tokens made so far; the current one is t<n>
	life    time.Duration // how long a token lasts; 0 means 7200 s
	ends    time.Time     // end of the current one
	uses    int           // calls the current one served
	deadly  int           // uses that kill a token; 0 means never
	dead    bool          // whether the current one is refused
	refuse  bool          // refuse every token
	answer  string        // the answer of /cgi-bin/stable_token instead of a token
	fetches []bool        // force_refresh of each token call
	calls   int
	block   chan struct{} // blocks token calls
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if i.block != nil && r.URL.Path == "/cgi-bin/stable_token" {
		select {
		case <-i.block:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.URL.Path == "/cgi-bin/stable_token" {
		return i.token(r), nil
	}
	i.calls++
	if i.refuse || i.dead || i.spent() || r.URL.Query().Get("access_token") != fmt.Sprint("70_issued_", i.n) {
		return say(`{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 62de9a0b-7149b5f1-2eee4908"}`), nil
	}
	i.uses++
	return say(`{"errcode":0,"errmsg":"ok"}`), nil
}

func (i *issuer) token(r *http.Request) *http.Response {
	var body struct {
		GrantType    string `json:"grant_type"`
		AppID        string `json:"appid"`
		Secret       string `json:"secret"`
		ForceRefresh bool   `json:"force_refresh"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	i.fetches = append(i.fetches, body.ForceRefresh)
	switch {
	case i.answer != "":
		return say(i.answer)
	case r.Method != http.MethodPost || body.GrantType != "client_credential" || body.AppID != appID || body.Secret != secret:
		return say(`{"errcode":40125}`)
	}
	// normal mode returns the same token until five minutes before its end.
	if i.n == 0 || i.spent() || body.ForceRefresh || time.Until(i.ends) <= 5*time.Minute {
		if i.life == 0 {
			i.life = 2 * time.Hour
		}
		i.n, i.uses, i.dead, i.ends = i.n+1, 0, false, time.Now().Add(i.life)
	}
	return say(fmt.Sprintf(`{"access_token":"70_issued_%d","expires_in":%d}`, i.n, int(time.Until(i.ends).Seconds())))
}

func (i *issuer) spent() bool { return i.deadly > 0 && i.uses >= i.deadly }

func (i *issuer) forced() (n int) {
	for _, f := range i.fetches {
		if f {
			n++
		}
	}
	return n
}

func say(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
}

// ask makes a call that needs the token.
func ask(ctx context.Context, c *wechat.Client) error {
	_, err := c.CheckSession(ctx, "o1", "key")
	return err
}

func (i *issuer) client(opts ...wechat.Option) *wechat.Client { return clientOf(i.RoundTrip, opts...) }

func TestAccessTokenIsKeptAndRenewedEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		c := i.client(wechat.WithJitter(func() float64 { return 0.5 }))
		token := func(want string, fetches int) {
			t.Helper()
			got, err := c.AccessToken(t.Context())
			synctest.Wait()
			if err != nil || got.Value != want || len(i.fetches) != fetches {
				t.Errorf("got %s, %v after %d fetches, want %s after %d", got.Value, err, len(i.fetches), want, fetches)
			}
		}
		token("70_issued_1", 1)
		time.Sleep(time.Hour)
		token("70_issued_1", 1)
		time.Sleep(54*time.Minute + 25*time.Second) // 35 s into the jitter: WeChat still has the old one
		token("70_issued_1", 1)
		time.Sleep(10 * time.Second)
		token("70_issued_1", 2)
		token("70_issued_1", 2) // and the calls in between do not ask it
		time.Sleep(30 * time.Second)
		token("70_issued_1", 3) // now it made another; this call still had the old one
		token("70_issued_2", 3)
	})
}

func TestEarlyRenewalThatFailsKeepsTheOldToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		c := i.client()
		if err := ask(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		i.answer = `{"errcode":45009}`
		time.Sleep(2*time.Hour - time.Minute)
		for range 100 {
			if got, err := c.AccessToken(t.Context()); err != nil || got.Value != "70_issued_1" {
				t.Fatalf("got %v, %v, want the old token", got, err)
			}
			synctest.Wait()
		}
		if len(i.fetches) != 2 {
			t.Errorf("got %d token calls, want 2", len(i.fetches))
		}
	})
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		prepare func(*issuer)
		kind    wechat.Kind
		fetches []bool
		calls   int
	}{
		{"another process renewed it", func(i *issuer) { i.n++ }, "", []bool{false, false}, 3},
		{"WeChat still gives the refused one", func(i *issuer) { i.dead = true }, "", []bool{false, false, true}, 3},
		{"every token is refused", func(i *issuer) { i.refuse = true }, wechat.KindToken, []bool{false, false, true}, 3},
		{"no other token to be had", func(i *issuer) { i.dead, i.answer = true, `{"errcode":40001}` }, wechat.KindConfig, []bool{false, false}, 2},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := &issuer{}
				c := i.client()
				if err := ask(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				s.prepare(i)
				wantKind(t, ask(t.Context(), c), s.kind)
				if fmt.Sprint(i.fetches) != fmt.Sprint(s.fetches) || i.calls != s.calls {
					t.Errorf("got token calls %v and %d calls, want %v and %d", i.fetches, i.calls, s.fetches, s.calls)
				}
			})
		})
	}
}

func TestForcedRenewalsKeepWeChatsLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{refuse: true}
		c := i.client()
		for range 60 { // many refusals, one call a second for a minute
			wantKind(t, ask(t.Context(), c), wechat.KindToken)
			time.Sleep(time.Second)
		}
		if i.forced() != 2 {
			t.Errorf("got %d forced renewals in a minute, want 2", i.forced())
		}
		if len(i.fetches) > 10 {
			t.Errorf("got %d token calls in a minute, want the storm held back", len(i.fetches))
		}
		for range 24 * 60 {
			_ = ask(t.Context(), c)
			time.Sleep(time.Minute)
		}
		if i.forced() > 21 {
			t.Errorf("got %d forced renewals in a day and a minute, want at most 20 a day", i.forced())
		}
	})
}

func TestWrongSecretIsNotAskedAboutAgainAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: `{"errcode":40125,"errmsg":"invalid appsecret"}`}
		c := i.client()
		for range 100 {
			wantKind(t, ask(t.Context(), c), wechat.KindConfig)
		}
		if len(i.fetches) != 1 {
			t.Errorf("got %d token calls, want 1", len(i.fetches))
		}
		i.answer = ""
		time.Sleep(10 * time.Second)
		wantKind(t, ask(t.Context(), c), "")
	})
}

func TestTokenAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	scenarios := map[string]struct {
		answer string
		kind   wechat.Kind
	}{
		"no token":             {`{"expires_in":7200}`, wechat.KindBadAnswer},
		"no life":              {`{"access_token":"x"}`, wechat.KindBadAnswer},
		"negative life":        {`{"access_token":"x","expires_in":-5}`, wechat.KindBadAnswer},
		"life as a string":     {`{"access_token":"x","expires_in":"7200"}`, ""},
		"absurdly long life":   {`{"access_token":"x","expires_in":9223372036854775807}`, ""},
		"token is a number":    {`{"access_token":1,"expires_in":7200}`, wechat.KindBadAnswer},
		"web page":             {`<html>`, wechat.KindBadAnswer},
		"off the whitelist":    {`{"errcode":40164}`, wechat.KindConfig},
		"wrong secret, 40001":  {`{"errcode":40001}`, wechat.KindConfig},
		"busy after all tries": {`{"errcode":-1}`, wechat.KindBusy},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := &issuer{answer: s.answer}
			got, err := i.client().AccessToken(t.Context())
			wantKind(t, err, s.kind)
			if err == nil && (got.Value != "x" || time.Until(got.ExpiresAt) > 25*time.Hour) {
				t.Errorf("got %v, want x for a day at most", got)
			}
		})
	}
}

// one thousand callers share a token that dies after every 50 calls: each death costs one token call, and every call
// succeeds.
func TestDyingTokenUnderLoad(t *testing.T) {
	t.Parallel()
	i := &issuer{deadly: 50}
	c := i.client()
	var wg sync.WaitGroup
	errs := make(chan error, 1000)
	for range 1000 {
		wg.Go(func() { errs <- ask(t.Context(), c) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(i.fetches) != i.n || i.forced() != 0 {
		t.Errorf("got %d token calls (%d forced) for %d tokens, want one each", len(i.fetches), i.forced(), i.n)
	}
	if i.n != 20 {
		t.Errorf("got %d tokens for 1000 calls, want 50 calls each", i.n)
	}
}

func TestCancelledCallerDoesNotCancelTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{block: make(chan struct{})}
		c := i.client()
		first, cancel := context.WithCancel(t.Context())
		gone, got := make(chan error, 1), make(chan error, 1)
		go func() { gone <- ask(first, c) }()
		synctest.Wait()
		go func() { got <- ask(t.Context(), c) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v for who left, want context.Canceled", err)
		}
		close(i.block)
		if err := <-got; err != nil {
			t.Errorf("got %v for who stayed, want none", err)
		}
		if len(i.fetches) != 1 {
			t.Errorf("got %d token calls, want 1", len(i.fetches))
		}
	})
}

// store fails or returns a token, as a test wants.
type store struct {
	token   wechat.Token
	loadErr error
	saveErr error
	saved   []wechat.Token
}

func (s *store) Load(context.Context, string) (wechat.Token, error) { return s.token, s.loadErr }

func (s *store) Save(_ context.Context, _ string, t wechat.Token) error {
	s.saved = append(s.saved, t)
	return s.saveErr
}

func TestTokenStore(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good := wechat.Token{Value: "70_issued_1", ExpiresAt: now.Add(time.Hour), GotAt: now}
	scenarios := []struct {
		name           string
		store          *store
		issued         int // tokens WeChat gave to others before
		fetches, saves int
	}{
		{"empty store", &store{}, 0, 1, 1},
		{"stored token is taken", &store{token: good}, 1, 0, 0},
		{"failing store is not a failed token", &store{token: good, loadErr: errors.New("locked"), saveErr: errors.New("disk is full")}, 0, 1, 1},
		{"stored token that ended", &store{token: wechat.Token{Value: "70_issued_1", ExpiresAt: now.Add(-time.Second)}}, 1, 1, 1},
		{"stored token that ends soon", &store{token: wechat.Token{Value: "70_issued_1", ExpiresAt: now.Add(time.Minute)}}, 1, 1, 1},
		{"stored token that is refused", &store{token: good}, 2, 1, 1},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			i := &issuer{n: s.issued, ends: now.Add(time.Hour)}
			c := i.client(wechat.WithTokenStore(s.store))
			wantKind(t, ask(t.Context(), c), "")
			if len(i.fetches) != s.fetches || len(s.store.saved) != s.saves {
				t.Errorf("got %d token calls and %d saves, want %d and %d", len(i.fetches), len(s.store.saved), s.fetches, s.saves)
			}
		})
	}
}

// two clients of one app stand for two processes: the refused one takes the token that the other saved.
func TestRefusedTokenIsLookedUpInTheStoreFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, shared := &issuer{}, wechat.NewMemoryTokenStore()
		a, b := i.client(wechat.WithTokenStore(shared)), i.client(wechat.WithTokenStore(shared))
		wantKind(t, ask(t.Context(), a), "")
		wantKind(t, ask(t.Context(), b), "")
		if len(i.fetches) != 1 {
			t.Errorf("got %d token calls, want the second client to find the first one's", len(i.fetches))
		}
		i.dead = true
		wantKind(t, ask(t.Context(), a), "")
		fetches := len(i.fetches)
		wantKind(t, ask(t.Context(), b), "")
		if len(i.fetches) != fetches {
			t.Errorf("got %d more token calls, want none", len(i.fetches)-fetches)
		}
	})
}

// a store that missed a Save holds an older token than ours; using it would be refused once more.
func TestOlderStoredTokenIsNotTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{n: 1, ends: time.Now().Add(time.Hour)}
		old := wechat.Token{Value: "70_issued_1", ExpiresAt: time.Now().Add(time.Hour), GotAt: time.Now()}
		c := i.client(wechat.WithTokenStore(&store{token: old}))
		wantKind(t, ask(t.Context(), c), "")
		for range 2 {
			time.Sleep(time.Minute)
			i.dead = true
			wantKind(t, ask(t.Context(), c), "")
		}
		if i.n != 3 || i.calls != 5 {
			t.Errorf("got token t%d after %d calls, want t3 after 5", i.n, i.calls)
		}
	})
}

func TestTokenNeverReachesTheLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	i := &issuer{}
	failing := &store{saveErr: errors.New("insert 70_issued_1 failed")}
	c := i.client(wechat.WithTokenStore(failing), wechat.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
	wantKind(t, ask(t.Context(), c), "")
	if strings.Contains(out.String(), "70_issued_1") || strings.Contains(out.String(), secret) {
		t.Errorf("got a token or secret in the log:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "was not saved") {
		t.Errorf("got no word of the failing store:\n%s", out.String())
	}
}
