package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// tokenStore keeps access tokens in the table _params, encrypted, so that a restart burns no quota and two processes on one data
// folder use one token. No API of PocketBase reaches that table, and no dashboard shows it.
type tokenStore struct {
	app   core.App
	vault *settings.Vault
}

// storedToken is a token as it is encrypted; wechat.Token itself refuses to be written.
type storedToken struct {
	Value     string    `json:"value"`
	ExpiresAt time.Time `json:"expiresAt"`
	GotAt     time.Time `json:"gotAt"`
}

var (
	_ wechat.TokenStore  = tokenStore{}
	_ wechat.TokenLocker = tokenStore{}
)

// LockToken implements wechat.TokenLocker: of all processes on this data folder one renews a token at a time. The lock is the system's on
// a file, so that it ends with the process that holds it.
func (s tokenStore) LockToken(ctx context.Context, appID string) (unlock func(), err error) {
	lock := flock.New(filepath.Join(s.app.DataDir(), ".wx_token_"+appID+".lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("lock access token: %w", err)
	}
	return func() { _ = lock.Unlock() }, nil
}

func tokenKey(appID string) string { return "wx_token_" + appID }

// Load implements wechat.TokenStore.
func (s tokenStore) Load(_ context.Context, appID string) (wechat.Token, error) {
	plain, err := LoadParam(s.app, s.vault, tokenKey(appID))
	if err != nil {
		return wechat.Token{}, fmt.Errorf("read access token: %w", err)
	}
	if plain == "" {
		return wechat.Token{}, nil
	}
	var t storedToken
	if err := json.Unmarshal([]byte(plain), &t); err != nil {
		return wechat.Token{}, errors.New("stored access token is damaged")
	}
	return wechat.Token(t), nil
}

// Save implements wechat.TokenStore.
func (s tokenStore) Save(_ context.Context, appID string, t wechat.Token) error {
	plain, err := json.Marshal(storedToken(t))
	if err != nil {
		return errors.New("encode access token")
	}
	if err := SaveParam(s.app, s.vault, tokenKey(appID), string(plain)); err != nil {
		return fmt.Errorf("save access token: %w", err)
	}
	return nil
}
