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

// adopt makes token the current one. The same token keeps its history.
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

// postpone sets the next early renewal. note: WeChat returns the same token until five minutes before its end, so
// without the spacing every call in between would ask.
func (t *tokens) postpone(to time.Time) {
	t.due = to
	if soonest := t.c.now().Add(spacing); t.due.Before(soonest) {
		t.due = soonest
	}
}

// newer reports whether the stored token differs from ours and is not older: a store that missed a Save has a dead one.
func (t *tokens) newer(stored Token, cur lease) bool {
	return stored.Value != cur.token.Value && !stored.GotAt.Before(cur.token.GotAt)
}

// lock keeps other processes out of a renewal, if the store can, and returns the unlock function. Renewing without the
// lock costs a token call, at worst a forced one too many; waiting without end would cost every call.
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

// adoptStored makes another process's token the current one. It counts as having worked: when it is refused it died
// since, and asking WeChat may help.
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

// ofToken corrects the kind of the token call's errors: 40001 means a wrong AppSecret there, not a refused token.
func ofToken(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && LookupErrcode(e.Errcode).Retry == RetryRefresh {
		e.Kind = KindConfig
	}
	return err
}

// failed notes a failed renewal: it delays the next early one, and keeps an error that the owner must fix for holdFor,
// so that a wrong secret or a used-up quota does not cause a storm.
func (t *tokens) failed(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.postpone(time.Time{})
	switch kind := KindOf(err); kind {
	case KindConfig, KindQuota, KindRate, KindUnsupported, KindArgs:
		t.held, t.heldTo = err, t.c.now().Add(holdFor)
	case KindBusy, KindCodeInvalid, KindCodeUsed, KindRisk, KindToken, KindSession, KindState, KindNetwork,
		KindBadAnswer, KindUnknown:
		// it may pass in a moment
	}
	return err
}
