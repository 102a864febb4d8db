package hooks_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	scenarios := []struct {
		name, token string
		advice      bool
	}{
		{"guest", "", false},
		{"garbage", "x.y.z", false},
		{"user", app.Login("小明").Token, false},
		{"superuser", app.Superuser(), true},
	}
	for _, s := range scenarios {
		got := app.Call(http.MethodGet, "/api/wx/health", s.token, nil)
		if got.Status != 200 || got.Text("status") != "ok" || got.JSON["configured"] != true || got.JSON["simulated"] != true {
			t.Errorf("%s: got %d %s, want ok, configured and simulated", s.name, got.Status, got.Body)
		}
		if _, told := got.JSON["advice"]; told != s.advice {
			t.Errorf("%s: got advice %t, want %t", s.name, told, s.advice)
		}
	}
}

func TestHealthWithoutConfiguration(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) { c.Sim, c.Out = false, io.Discard })
	got := app.Must(http.MethodGet, "/api/wx/health", "", nil)
	if got.JSON["configured"] != false || got.JSON["simulated"] != false || strings.Contains(string(got.Body), "WXBASE") {
		t.Errorf("got %s, want not configured and no word about how", got.Body)
	}
	superusers, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		t.Fatal(err)
	}
	super := core.NewRecord(superusers)
	super.SetEmail("owner@example.com")
	super.SetPassword("a long password")
	if err := app.Save(super); err != nil {
		t.Fatal(err)
	}
	token, err := super.NewAuthToken()
	if err != nil {
		t.Fatal(err)
	}
	advice, _ := app.Must(http.MethodGet, "/api/wx/health", token, nil).JSON["advice"].([]any)
	if len(advice) == 0 {
		t.Error("got no advice for the superuser, want what is missing")
	}
}

func TestHealthWithoutDatabase(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	for _, db := range []any{app.ConcurrentDB(), app.NonconcurrentDB()} {
		closer, ok := db.(io.Closer)
		if !ok {
			t.Fatalf("got a database %T that cannot be closed", db)
		}
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantAnswer(t, app.Call(http.MethodGet, "/api/wx/health", "", nil), http.StatusServiceUnavailable, "not_ready")
}
