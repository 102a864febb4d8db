package wechat

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	opToken = "getStableAccessToken"
	// earlyBy is how long before the end WeChat has the next token ready; the old one works to its end.
	earlyBy = 5 * time.Minute
	// earlyJitter spreads the renewals of processes that share a token.
	earlyJitter = time.Minute
	// spacing is the minimum between two early renewals, and between two forced ones (WeChat's rule).
	spacing = 30 * time.Second
	// forcesPerDay is WeChat's limit on forced renewals.
	forcesPerDay = 20
	// holdFor is how long a refusal that the owner must fix is answered from memory.
	holdFor = 10 * time.Second
)

// AccessToken returns the token of this app's calls, for other programs that need one; they must not fetch their own.
// It is renewed by /cgi-bin/stable_token (server/API/mp-access-token/api_getstableaccesstoken.html, 获取稳定版接口调用凭据) five
// to six minutes before its end, while the old one still works. Errors: KindConfig for a wrong secret or an address off
// the whitelist, KindQuota, KindNetwork.
func (c *Client) AccessToken(ctx context.Context) (Token, error) {
	if err := c.ready(opToken); err != nil {
		return Token{}, err
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	l, err := c.tokens.get(ctx)
	return l.token, err
}

// lease is a token, and whether WeChat ever accepted it.
type lease struct {
	token  Token
	worked *atomic.Bool
}

// used notes whether WeChat accepted the token.
func (l lease) used(err error) {
	if kind := KindOf(err); kind != KindNetwork && kind != KindBadAnswer && kind != KindBusy {
		l.worked.Store(true)
	}
}

// tokens holds the access token. Callers share a renewal, and it outlives them.
type tokens struct {
	c     *caller
	group singleflight.Group
	// renewing is a lock that can be waited for with a deadline. It keeps a normal renewal from overwriting the result
	// of a forced one with a dead token.
	renewing chan struct{}

	mu     sync.Mutex
	cur    lease
	due    time.Time   // when to renew early
	forces []time.Time // forced renewals of the last day
	held   error       // the error to return without a call, until heldTo
	heldTo time.Time
}

// get returns a usable token. If it ends soon, a renewal starts in the background.
func (t *tokens) get(ctx context.Context) (lease, error) {
	now := t.c.now()
	cur, due := t.peek()
	if cur.token.usable(now) && now.Before(due) {
		return cur, nil
	}
	renewal := t.share(ctx, "", t.obtain)
	if cur.token.usable(now) {
		return cur, nil
	}
	return await(ctx, renewal)
}

// renew returns another token than the refused one.
func (t *tokens) renew(ctx context.Context, refused string) (lease, error) {
	return await(ctx, t.share(ctx, refused, func(ctx context.Context) (lease, error) {
		t.c.log.Warn("WeChat refused the access token", "appid", t.c.app.AppID) // once for all callers that share it
		return t.replace(ctx, refused)
	}))
}

// share runs f once for all callers with the same key. It ignores the caller's cancellation, which must not affect the
// other callers.
func (t *tokens) share(
	ctx context.Context, key string, f func(context.Context) (lease, error),
) <-chan singleflight.Result {
	return t.group.DoChan(key, func() (any, error) {
		ctx, cancel := t.c.limited(context.WithoutCancel(ctx))
		defer cancel()
		select {
		case t.renewing <- struct{}{}:
			defer func() { <-t.renewing }()
			return f(ctx)
		case <-ctx.Done():
			return lease{}, tookTooLong(ctx)
		}
	})
}

func await(ctx context.Context, renewal <-chan singleflight.Result) (lease, error) {
	select {
	case r := <-renewal:
		l, _ := r.Val.(lease)
		return l, r.Err
	case <-ctx.Done():
		return lease{}, tookTooLong(ctx)
	}
}

// tookTooLong is the error of waiting for a token. The waiting call was not sent.
func tookTooLong(ctx context.Context) error {
	return &Error{Op: opToken, Kind: KindNetwork, Err: ctx.Err()}
}

// obtain gets a token from the store, where another process may have put one, or from WeChat.
func (t *tokens) obtain(ctx context.Context) (lease, error) {
	now := t.c.now()
	cur, due := t.peek()
	if cur.token.usable(now) && now.Before(due) {
		return cur, nil
	}
	defer t.lock(ctx)()
	if stored := t.load(ctx); t.newer(stored, cur) && stored.usable(now.Add(earlyBy)) {
		return t.adoptStored(stored), nil
	}
	return t.fetch(ctx, false)
}

// replace gets another token than the refused one, in the cheapest way: memory, store, WeChat's current token. Only
// when that is the refused one too, it forces a renewal, which ends the token of every other process at once.
func (t *tokens) replace(ctx context.Context, refused string) (lease, error) {
	now := t.c.now()
	cur, _ := t.peek()
	if cur.token.Value != refused && cur.token.usable(now) {
		return cur, nil
	}
	defer t.lock(ctx)()
	if stored := t.load(ctx); t.newer(stored, cur) && stored.Value != refused && stored.usable(now) {
		return t.adoptStored(stored), nil
	}
	l, err := t.fetch(ctx, false)
	if err != nil || l.token.Value != refused {
		return l, err
	}
	if err := t.mayForce(now); err != nil {
		return lease{}, err
	}
	return t.fetch(ctx, true)
}

// mayForce enforces WeChat's two limits on forced renewals.
func (t *tokens) mayForce(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.forces) > 0 && now.Sub(t.forces[0]) >= 24*time.Hour {
		t.forces = t.forces[1:]
	}
	next := now
	if n := len(t.forces); n > 0 {
		next = t.forces[n-1].Add(spacing)
		if n >= forcesPerDay {
			next = t.forces[0].Add(24 * time.Hour)
		}
	}
	if now.Before(next) {
		t.held, t.heldTo = &Error{Op: opToken, Kind: KindToken, Err: errForceSpaced}, now.Add(min(next.Sub(now), spacing))
		return t.held
	}
	t.forces = append(t.forces, now)
	return nil
}

// fetch asks WeChat. Secret and token are only in bodies.
func (t *tokens) fetch(ctx context.Context, force bool) (lease, error) {
	if err := t.holding(); err != nil {
		return lease{}, err
	}
	var token Token
	_, err := t.c.doToken(ctx, call{
		op: opToken, method: http.MethodPost, path: "/cgi-bin/stable_token", repeatable: !force, urgent: true,
		body: map[string]any{
			"grant_type": "client_credential", "appid": t.c.app.AppID, "secret": t.c.app.Secret, "force_refresh": force,
		},
		read: func(body []byte) (err error) {
			token, err = t.parse(body)
			return err
		},
	})
	if err != nil {
		return lease{}, t.failed(err)
	}
	t.c.log.Info("got an access token", "appid", t.c.app.AppID, "token", token, "forced", force)
	l := t.adopt(token)
	if err := t.c.store.Save(ctx, t.c.app.AppID, token); err != nil {
		t.c.log.Warn("access token was not saved", "appid", t.c.app.AppID, "cause", withhold(err, []string{token.Value}))
	}
	return l, nil
}

// ofTokenCall turns the errors of a layer into those of the token's call.
func ofTokenCall(next sender) sender {
	return func(ctx context.Context, q call) ([]byte, error) {
		body, err := next(ctx, q)
		return body, ofToken(err)
	}
}

func (t *tokens) parse(body []byte) (Token, error) {
	var wire struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   number `json:"expires_in"`
	}
	if err := decode(body, &wire); err != nil {
		return Token{}, err
	}
	if wire.AccessToken == "" || wire.ExpiresIn <= 0 {
		return Token{}, ErrMissingField
	}
	now := t.c.now()
	life := time.Duration(min(wire.ExpiresIn, 24*60*60)) * time.Second
	return Token{Value: wire.AccessToken, ExpiresAt: now.Add(life), GotAt: now}, nil
}
