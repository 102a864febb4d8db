package tokens_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"

	"wxbase/internal/tokens"
)

// open gives an app with one user, and what asks the memory who comes with a token.
func open(t *testing.T) (app *tests.TestApp, user *core.Record, who func(token string) *core.Record) {
	t.Helper()
	app, err := tests.NewTestApp(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	users := core.NewAuthCollection("buyers")
	if err := app.Save(users); err != nil {
		t.Fatal(err)
	}
	user = core.NewRecord(users)
	user.SetEmail("buyer@example.com")
	user.SetPassword("a-long-password")
	if err := app.Save(user); err != nil {
		t.Fatal(err)
	}
	handler := tokens.New(app).Handler()
	return app, user, func(token string) *core.Record {
		e := &core.RequestEvent{App: app}
		e.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		e.Request.Header.Set("Authorization", "Bearer "+token)
		if err := handler.Func(e); err != nil {
			t.Fatal(err)
		}
		return e.Auth
	}
}

func tokenFor(t *testing.T, r *core.Record) string {
	t.Helper()
	token, err := r.NewAuthToken()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestRemembers: a person is read once, and whoever gets them cannot change what the next one gets.
func TestRemembers(t *testing.T) {
	t.Parallel()
	app, user, who := open(t)
	token := tokenFor(t, user)
	first := who(token)
	if first == nil || first.Id != user.Id {
		t.Fatalf("got %v, want the user", first)
	}
	first.Set("email", "other@example.com")
	if _, err := app.NonconcurrentDB().NewQuery("UPDATE buyers SET email = 'unseen@example.com'").Execute(); err != nil {
		t.Fatal(err)
	}
	if got := who(token).Email(); got != "buyer@example.com" {
		t.Errorf("got %s, want what was read before", got)
	}
}

// TestForgets: after each of these the old token is worth what PocketBase says it is worth.
func TestForgets(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(app core.App, user *core.Record) error{
		"signed out": func(app core.App, user *core.Record) error {
			user.RefreshTokenKey()
			return app.Save(user)
		},
		"new password": func(app core.App, user *core.Record) error {
			user.SetPassword("another-long-password")
			return app.Save(user)
		},
		"deleted": func(app core.App, user *core.Record) error { return app.Delete(user) },
		"the secret of all tokens": func(app core.App, user *core.Record) error {
			c, err := app.FindCollectionByNameOrId("buyers")
			if err != nil {
				return err
			}
			c.AuthToken.Secret = "another-secret-of-more-than-thirty-characters"
			return app.Save(c)
		},
		"in a transaction": func(app core.App, user *core.Record) error {
			return app.RunInTransaction(func(tx core.App) error {
				user.RefreshTokenKey()
				return tx.Save(user)
			})
		},
	} {
		app, user, who := open(t)
		token := tokenFor(t, user)
		if who(token) == nil {
			t.Fatalf("%s: got nobody before", name)
		}
		fresh, err := app.FindRecordById("buyers", user.Id)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(app, fresh); err != nil {
			t.Fatal(err)
		}
		if got := who(token); got != nil {
			t.Errorf("%s: got %s, want nobody", name, got.Id)
		}
	}
}

// TestChangedWhileRead: who is signed out while somebody reads them is not remembered as they were.
func TestChangedWhileRead(t *testing.T) {
	t.Parallel()
	app, user, _ := open(t)
	slow := &slowApp{App: app}
	handler := tokens.New(app).Handler()
	slow.between = func() {
		user.RefreshTokenKey()
		if err := app.Save(user); err != nil {
			t.Error(err)
		}
	}
	token := tokenFor(t, user)
	for range 2 {
		e := &core.RequestEvent{App: slow}
		e.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		e.Request.Header.Set("Authorization", token)
		if err := handler.Func(e); err != nil {
			t.Fatal(err)
		}
		if slow.between == nil && e.Auth != nil {
			t.Errorf("got %s after the sign-out, want nobody", e.Auth.Id)
		}
		slow.between = nil
	}
}

// slowApp lets something happen after a person was read.
type slowApp struct {
	core.App

	between func()
}

func (a *slowApp) FindAuthRecordByToken(token string, types ...string) (*core.Record, error) {
	found, err := a.App.FindAuthRecordByToken(token, types...)
	if a.between != nil {
		a.between()
	}
	return found, err
}
