package accounts

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/tests"

	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// newTokenStore is what one process has; two of them on one folder are two processes as far as the lock and the table go.
func newTokenStore(t *testing.T, app *tests.TestApp) tokenStore {
	t.Helper()
	vault, err := settings.NewVault([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return tokenStore{app: app, vault: vault}
}

func TestTokenStoreOfTwoProcesses(t *testing.T) {
	t.Parallel()
	app, err := tests.NewTestApp(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Cleanup()
	one, two := newTokenStore(t, app), newTokenStore(t, app)
	if got, err := two.Load(t.Context(), "wx1"); err != nil || got.Value != "" {
		t.Errorf("before: got %v (%v), want no token and no error", got, err)
	}
	token := wechat.Token{Value: "91_secret", ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Second), GotAt: time.Now().UTC().Truncate(time.Second)}
	for range 2 { // new, then replaced
		if err := one.Save(t.Context(), "wx1", token); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := two.Load(t.Context(), "wx1"); err != nil || got != token {
		t.Errorf("after: got %v (%v), want the token of the other process", got, err)
	}
	if got, err := two.Load(t.Context(), "wx2"); err != nil || got.Value != "" {
		t.Errorf("another mini program: got %v (%v), want no token", got, err)
	}
}

func TestTokenLockIsHeldByOneProcess(t *testing.T) {
	t.Parallel()
	app, err := tests.NewTestApp(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Cleanup()
	one, two := newTokenStore(t, app), newTokenStore(t, app)
	unlock, err := one.LockToken(t.Context(), "wx1")
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := two.LockToken(short, "wx1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is held: got %v, want the deadline", err)
	}
	other, err := two.LockToken(t.Context(), "wx2")
	if err != nil {
		t.Fatalf("another mini program: %v", err)
	}
	other()
	unlock()
	again, err := two.LockToken(t.Context(), "wx1")
	if err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	again()
}
