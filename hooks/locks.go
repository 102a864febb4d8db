package hooks

import (
	"context"
	"sync"
)

// keyedLocks hands out one lock per key, and forgets the keys that nobody holds or waits for. The zero value is ready.
type keyedLocks struct {
	mu   sync.Mutex
	held map[string]*keyedLock
}

// keyedLock is a mutex that one can stop waiting for: whoever put a token into full holds it.
type keyedLock struct {
	full  chan struct{}
	users int // holder and waiters, guarded by keyedLocks.mu
}

// lock waits for the key and returns its unlock, to be called once.
func (l *keyedLocks) lock(key string) (unlock func()) {
	k := l.join(key)
	k.full <- struct{}{}
	return func() { l.leave(key, k, true) }
}

// lockContext is lock for callers who have somewhere else to be: it fails with the error of ctx when that ends first.
func (l *keyedLocks) lockContext(ctx context.Context, key string) (unlock func(), err error) {
	k := l.join(key)
	select {
	case k.full <- struct{}{}:
		return func() { l.leave(key, k, true) }, nil
	case <-ctx.Done():
		l.leave(key, k, false)
		return nil, ctx.Err()
	}
}

func (l *keyedLocks) join(key string) *keyedLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]*keyedLock{}
	}
	k := l.held[key]
	if k == nil {
		k = &keyedLock{full: make(chan struct{}, 1)}
		l.held[key] = k
	}
	k.users++
	return k
}

func (l *keyedLocks) leave(key string, k *keyedLock, holder bool) {
	if holder {
		<-k.full
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.held, key)
	}
}
