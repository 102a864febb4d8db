package wechat

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Token is an access token. It prints, logs and marshals without its value.
type Token struct {
	// Value is the token, at most 512 characters.
	Value string
	// ExpiresAt is when it ends by our clock.
	ExpiresAt time.Time
	// GotAt is when WeChat returned it.
	GotAt time.Time
}

// usable reports whether the token can still be sent.
func (t Token) usable(now time.Time) bool { return t.Value != "" && now.Before(t.ExpiresAt) }

// TokenStore keeps the access token of each app for other processes and for the next start. Its failures are logged and
// ignored: a failing store does not fail a token.
//
// NB! A store writes Value itself, encrypted; Token's own JSON omits it. The store's errors are logged, so they must
// not contain the token.
type TokenStore interface {
	// Load returns the token last saved, or the zero Token.
	Load(ctx context.Context, appID string) (Token, error)
	// Save keeps t as the token of appID.
	Save(ctx context.Context, appID string, t Token) error
}

// TokenLocker is optional for a [TokenStore] that several processes share: renewals of one app then run one at a time,
// and a process that waited finds the other's token in the store. Without it two processes that are refused at the same
// moment both ask WeChat. Usually they get the same token; in the rare case that both must force a renewal, one is
// refused or ends the other's token, and calls at that moment fail.
type TokenLocker interface {
	// LockToken waits for the lock of appID, at most as long as ctx, and returns the function that releases it. The
	// lock of a dead process must be released automatically; a renewal takes 12 s at most, or what [WithTimeouts] says.
	LockToken(ctx context.Context, appID string) (unlock func(), err error)
}

// MemoryTokenStore is a [TokenStore] that lasts as long as the process.
type MemoryTokenStore struct {
	mu     sync.Mutex
	tokens map[string]Token
	locks  map[string]chan struct{}
}

var (
	_ TokenStore  = (*MemoryTokenStore)(nil)
	_ TokenLocker = (*MemoryTokenStore)(nil)
)

// NewMemoryTokenStore returns an empty store; clients of one app may share it.
func NewMemoryTokenStore() *MemoryTokenStore {
	return &MemoryTokenStore{tokens: make(map[string]Token), locks: make(map[string]chan struct{})}
}

// Load returns the token last saved. It never fails.
func (s *MemoryTokenStore) Load(_ context.Context, appID string) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[appID], nil
}

// Save keeps t. It never fails.
func (s *MemoryTokenStore) Save(_ context.Context, appID string, t Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[appID] = t
	return nil
}

// LockToken waits for the lock of appID. It fails only when ctx ends.
func (s *MemoryTokenStore) LockToken(ctx context.Context, appID string) (unlock func(), err error) {
	s.mu.Lock()
	lock, ok := s.locks[appID]
	if !ok {
		lock = make(chan struct{}, 1)
		s.locks[appID] = lock
	}
	s.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("lock access token: %w", ctx.Err())
	}
}
