package wechat

import (
	"context"
	"sync"
	"time"
)

// Token is an access token. It prints, logs and marshals without its value.
type Token struct {
	// Value is the token, at most 512 characters.
	Value string
	// ExpiresAt is when it ends by our clock.
	ExpiresAt time.Time
	// GotAt is when WeChat told it to us.
	GotAt time.Time
}

// usable reports whether the token can still be sent.
func (t Token) usable(now time.Time) bool { return t.Value != "" && now.Before(t.ExpiresAt) }

// TokenStore keeps the access token of each app for other processes and for the next start. Its failures are logged
// and passed over: a failing store is not a failed token.
//
// NB! A store writes Value itself, encrypted; Token's own JSON has no value in it. Its errors are logged, so they must
// not name the token.
type TokenStore interface {
	// Load returns the token last saved, or the zero Token when there is none.
	Load(ctx context.Context, appID string) (Token, error)
	// Save keeps t as the token of appID.
	Save(ctx context.Context, appID string, t Token) error
}

// MemoryTokenStore is a [TokenStore] that lasts as long as the process.
type MemoryTokenStore struct {
	mu     sync.Mutex
	tokens map[string]Token
}

var _ TokenStore = (*MemoryTokenStore)(nil)

// NewMemoryTokenStore returns an empty store; clients of one app may share it.
func NewMemoryTokenStore() *MemoryTokenStore {
	return &MemoryTokenStore{tokens: make(map[string]Token)}
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
