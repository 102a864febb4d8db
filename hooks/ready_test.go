package hooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

// TestReadyTriesTheWriter: while somebody holds the one writer, reading works and the server says that it is not ready.
func TestReadyTriesTheWriter(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) { c.ProbeFresh = time.Nanosecond })
	held, release := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- app.RunInTransaction(func(core.App) error { close(held); <-release; return nil })
	}()
	<-held
	start := time.Now()
	wantAnswer(t, app.Call(http.MethodGet, "/api/wx/health", "", nil), http.StatusServiceUnavailable, "not_ready")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s, want a deadline of some seconds", took)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := app.Call(http.MethodGet, "/api/wx/health", "", nil); got.Status != http.StatusOK || got.Text("status") != "ok" {
		t.Errorf("afterwards: got %d %s, want ok", got.Status, got.Body)
	}
}

// TestReadyKnowsWhatWaits: an effect that nobody carries out and a secret that does not open are told to superusers; strangers hear one
// word. The work goes on, so it is no 503.
func TestReadyKnowsWhatWaits(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) { c.ProbeFresh = time.Nanosecond; c.ProbeEvery = 10 * time.Millisecond })
	then, err := types.ParseDateTime(time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error { <-release; return e.Next() })
	order := app.Login("小明").Order("三鲜面", 1)
	newRecord(t, app, "wx_outbox", map[string]any{
		"effect": "order.paid.hooks", "key": "stuck", "nextAt": then, "payload": map[string]any{"order": order.Text("id")},
	})
	apps, err := app.FindCollectionByNameOrId("wx_apps")
	if err != nil {
		t.Fatal(err)
	}
	_, err = app.NonconcurrentDB().Insert("wx_apps", dbx.Params{
		"id": "damaged00000000", "appid": "wx00000000000000ff", "secret": "not what was sealed", "enabled": true,
	}).Execute()
	if err != nil {
		t.Fatalf("%s: %v", apps.Name, err)
	}
	newRecord(t, app, "wx_apps", map[string]any{"appid": "wx00000000000000fe", "secret": strings.Repeat("5e", 16)}) // settings are read anew
	guest := app.Must(http.MethodGet, "/api/wx/health", "", nil)
	if guest.Text("status") != "degraded" || guest.JSON["problems"] != nil {
		t.Errorf("guest: got %s, want degraded and no more", guest.Body)
	}
	got := app.Must(http.MethodGet, "/api/wx/health", app.Superuser(), nil)
	for _, want := range []string{"backlog", "secrets"} {
		if !strings.Contains(fmt.Sprint(got.JSON["problems"]), want) {
			t.Errorf("superuser: got %s, want the problem %s", got.Body, want)
		}
	}
	waitFor(t, app, "wx_alerts", dbx.HashExp{"kind": "secret", "subject": "settings"}, func(r *core.Record) bool { return r.GetDateTime("closedAt").IsZero() })
	row, err := app.FindRecordById("wx_apps", "damaged00000000")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Delete(row); err != nil {
		t.Fatal(err)
	}
	close(release)
	drainOutbox(t, app)
	waitFor(t, app, "wx_alerts", dbx.HashExp{"kind": "secret"}, func(r *core.Record) bool { return !r.GetDateTime("closedAt").IsZero() })
	if got := app.Must(http.MethodGet, "/api/wx/health", "", nil); got.Text("status") != "ok" {
		t.Errorf("afterwards: got %s, want ok", got.Body)
	}
}
