// Package locks has one lock per key, so that two steps for one order run in sequence.
package locks

import (
	"context"
	"sync"
)

// Keyed has one lock per key, and forgets unused keys. The zero value is ready.
type Keyed struct {
	Mu   sync.Mutex
	Held map[string]*keyedLock
}

// keyedLock is a mutex whose waiters can give up: the goroutine that put a token into full holds it.
type keyedLock struct {
	full  chan struct{}
	Users int // holder and waiters, guarded by Keyed.mu
}

// Lock waits for the key and returns its unlock, to be called once.
func (l *Keyed) Lock(key string) (unlock func()) {
	k := l.join(key)
	k.full <- struct{}{}
	return func() { l.leave(key, k, true) }
}

// LockContext is lock for callers who have somewhere else to be: it fails with the error of ctx when that ends first.
func (l *Keyed) LockContext(ctx context.Context, key string) (unlock func(), err error) {
	k := l.join(key)
	select {
	case k.full <- struct{}{}:
		return func() { l.leave(key, k, true) }, nil
	case <-ctx.Done():
		l.leave(key, k, false)
		return nil, ctx.Err()
	}
}

func (l *Keyed) join(key string) *keyedLock {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	if l.Held == nil {
		l.Held = map[string]*keyedLock{}
	}
	k := l.Held[key]
	if k == nil {
		k = &keyedLock{full: make(chan struct{}, 1)}
		l.Held[key] = k
	}
	k.Users++
	return k
}

func (l *Keyed) leave(key string, k *keyedLock, holder bool) {
	if holder {
		<-k.full
	}
	l.Mu.Lock()
	defer l.Mu.Unlock()
	if k.Users--; k.Users == 0 {
		delete(l.Held, key)
	}
}
