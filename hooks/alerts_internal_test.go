package hooks

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"

	"wxbase/internal/books"
)

// alertBook is a plugin without a server: enough to write alerts.
func alertBook(t *testing.T) *Plugin {
	t.Helper()
	app, err := tests.NewTestAppWithConfig(core.BaseAppConfig{DataDir: t.TempDir(), DBConnect: Connect})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	return &Plugin{app: app, books: books.New(app, time.Now, time.Second, nil, func() string { return "" })}
}

func alertRows(t *testing.T, p *Plugin, where dbx.Expression) []*core.Record {
	t.Helper()
	rows, err := p.app.FindAllRecords("wx_alerts", where)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestAlertIsOneOpenRow: a repeat counts, another subject or kind is a row of its own, and what was closed opens anew.
func TestAlertIsOneOpenRow(t *testing.T) {
	t.Parallel()
	p := alertBook(t)
	for i := range 3 {
		if err := p.books.Raise(p.app, books.AlertDisputed, "payment1", map[string]any{"try": i}); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []struct {
		kind    books.AlertKind
		subject string
	}{{books.AlertDisputed, "payment2"}, {books.AlertRefund, "payment1"}} {
		if err := p.books.Raise(p.app, other.kind, other.subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	rows := alertRows(t, p, dbx.HashExp{"kind": "disputed", "subject": "payment1"})
	if len(rows) != 1 || rows[0].GetInt("seen") != 3 || rows[0].GetString("details") != `{"try":2}` || rows[0].GetDateTime("since").IsZero() {
		t.Fatalf("got %d rows, %v, want one that was seen 3 times with the last details", len(rows), rows)
	}
	if err := p.books.Settle(p.app, books.AlertDisputed, "payment1", "owner@example.com"); err != nil {
		t.Fatal(err)
	}
	if err := p.books.Settle(p.app, books.AlertDisputed, "payment1", "somebody else"); err != nil {
		t.Fatalf("settle what is closed: got %v, want nothing", err)
	}
	if err := p.books.Raise(p.app, books.AlertDisputed, "payment1", nil); err != nil {
		t.Fatal(err)
	}
	closed := alertRows(t, p, dbx.NewExp("closedAt != ''"))
	if len(closed) != 1 || closed[0].GetString("closedBy") != "owner@example.com" || closed[0].GetInt("seen") != 3 {
		t.Errorf("closed: got %v, want one by owner@example.com", closed)
	}
	if open := alertRows(t, p, dbx.HashExp{"closedAt": ""}); len(open) != 3 {
		t.Errorf("open: got %d, want 3", len(open))
	}
}

// TestAlertLivesAndDiesWithItsTransaction: what is rolled back has not happened.
func TestAlertLivesAndDiesWithItsTransaction(t *testing.T) {
	t.Parallel()
	p := alertBook(t)
	back := errors.New("back")
	err := p.app.RunInTransaction(func(tx core.App) error {
		return errors.Join(p.books.Raise(tx, books.AlertUnmatched, "1", nil), back)
	})
	if !errors.Is(err, back) || len(alertRows(t, p, dbx.NewExp("1=1"))) != 0 {
		t.Fatalf("rolled back: got %v and %d rows, want none", err, len(alertRows(t, p, dbx.NewExp("1=1"))))
	}
	err = p.app.RunInTransaction(func(tx core.App) error { return p.books.Raise(tx, books.AlertUnmatched, "1", nil) })
	if err != nil || len(alertRows(t, p, dbx.HashExp{"closedAt": ""})) != 1 {
		t.Errorf("committed: got %v and no row", err)
	}
}

// TestAlertTakesWhatever: long, broken and secret words make a row all the same, without the secret.
func TestAlertTakesWhatever(t *testing.T) {
	t.Parallel()
	p := alertBook(t)
	long := strings.Repeat("长", 9_000)
	if err := p.books.Raise(p.app, books.AlertEffect, long+"\xff", map[string]any{"error": long}); err != nil {
		t.Fatal(err)
	}
	if err := p.books.Raise(p.app, books.AlertEffect, long+"\xff", map[string]any{"error": "https://x/?access_token=TOPSECRET1", "secret": "TOPSECRET2"}); err != nil {
		t.Fatal(err)
	}
	rows := alertRows(t, p, dbx.HashExp{"closedAt": ""})
	if len(rows) != 1 || len(rows[0].GetString("subject")) > books.MaxAlertSubject {
		t.Fatalf("got %d rows with a subject of %d bytes, want one", len(rows), len(rows[0].GetString("subject")))
	}
	details := rows[0].GetString("details")
	if strings.Contains(details, "TOPSECRET") || !json.Valid([]byte(details)) {
		t.Errorf("got details %q, want JSON without secrets", details)
	}
	if err := p.books.Settle(p.app, books.AlertEffect, long+"\xff", "owner"); err != nil || len(alertRows(t, p, dbx.HashExp{"closedAt": ""})) != 0 {
		t.Errorf("settle by the long name: got %v, want it closed", err)
	}
}
