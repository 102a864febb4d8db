package wechat

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

func (t *tokens) peek() (lease, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cur, t.due
}

// adopt makes token the current one. The same token told again keeps its history.
func (t *tokens) adopt(token Token) lease {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cur.token.Value != token.Value {
		t.cur.worked = new(atomic.Bool)
	}
	t.cur.token = token
	t.postpone(token.ExpiresAt.Add(-earlyBy - time.Duration(t.c.jitter()*float64(earlyJitter))))
	return t.cur
}

// postpone sets the next early renewal. note: WeChat tells the same token again until five minutes before its end, so
// without the spacing every call in between would ask.
func (t *tokens) postpone(to time.Time) {
	t.due = to
	if soonest := t.c.now().Add(spacing); t.due.Before(soonest) {
		t.due = soonest
	}
}

// newer reports whether the stored token is another and not older than ours: a store that missed a Save has a dead one.
func (t *tokens) newer(stored Token, cur lease) bool {
	return stored.Value != cur.token.Value && !stored.GotAt.Before(cur.token.GotAt)
}

// lock keeps other processes out of a renewal, if the store can, and returns what lets them in again. A lock that is
// not to be had costs a token call, at worst a forced one too many; waiting for it for ever would cost every call.
func (t *tokens) lock(ctx context.Context) (unlock func()) {
	locker, ok := t.c.store.(TokenLocker)
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, t.c.try)
	defer cancel()
	unlock, err := locker.LockToken(ctx, t.c.app.AppID)
	if err != nil {
		t.c.log.Warn("access token was not locked", "appid", t.c.app.AppID, "cause", err)
		return func() {}
	}
	return unlock
}

// adoptStored makes another process's token the current one. Who saved it saw it work, as far as we know: when it is
// refused it died since, and asking WeChat may well mend that.
func (t *tokens) adoptStored(token Token) lease {
	l := t.adopt(token)
	l.worked.Store(true)
	return l
}

func (t *tokens) load(ctx context.Context) Token {
	stored, err := t.c.store.Load(ctx, t.c.app.AppID)
	if err != nil {
		t.c.log.Warn("access token was not loaded", "appid", t.c.app.AppID, "cause", err)
		return Token{}
	}
	return stored
}

// holding returns the refusal that is still in force.
func (t *tokens) holding() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != nil && t.c.now().Before(t.heldTo) {
		return t.held
	}
	return nil
}

// ofToken corrects the kind of what the token call met: 40001 means a wrong AppSecret there; no token was refused.
func ofToken(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && LookupErrcode(e.Errcode).Retry == RetryRefresh {
		e.Kind = KindConfig
	}
	return err
}

// failed notes a failed renewal: the next early one waits, and what the owner must mend is not asked again at once,
// so that a wrong secret or a used-up quota does not turn into a storm.
func (t *tokens) failed(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.postpone(time.Time{})
	switch kind := KindOf(err); kind {
	case KindConfig, KindQuota, KindRate, KindUnsupported, KindArgs:
		t.held, t.heldTo = err, t.c.now().Add(holdFor)
	case KindBusy, KindCodeInvalid, KindCodeUsed, KindRisk, KindToken, KindSession, KindState, KindNetwork,
		KindBadAnswer, KindUnknown:
		// may be over in a moment
	}
	return err
}
