package tokens

import (
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
)

// TestEndsWithToken: a remembered person does not outlive the token.
func TestEndsWithToken(t *testing.T) {
	t.Parallel()
	app, err := tests.NewTestApp(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Cleanup()
	boss := core.NewRecord(mustFind(t, app))
	boss.SetEmail("boss@example.com")
	boss.SetPassword("a-long-password")
	if err := app.Save(boss); err != nil {
		t.Fatal(err)
	}
	token, err := boss.NewStaticAuthToken(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	m := New(app)
	if m.find(app, token) == nil || !m.known.Contains(token) {
		t.Fatal("got nothing remembered")
	}
	m.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	// unseen by the memory: whoever reads again finds that the token is no good
	if _, err := app.NonconcurrentDB().NewQuery("UPDATE _superusers SET tokenKey = 'another-key-of-more-than-thirty-characters'").Execute(); err != nil {
		t.Fatal(err)
	}
	if got := m.find(app, token); got != nil {
		t.Errorf("got %s, want nobody", got.Id)
	}
}

func mustFind(t *testing.T, app core.App) *core.Collection {
	t.Helper()
	c, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
