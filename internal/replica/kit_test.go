package replica_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"wxbase/internal/groupcommit"
	"wxbase/internal/replica"
)

// patience is how long a test waits for what happens elsewhere.
const patience = time.Minute

// store is a bucket's server that can be away.
type store struct {
	*httptest.Server
	away atomic.Bool
}

func newStore(t *testing.T) *store {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("shop"); err != nil {
		t.Fatal(err)
	}
	s := &store{}
	fake := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// env is what a shop with that bucket has in its environment.
func (s *store) env() map[string]string {
	return map[string]string{
		replica.EnvPlace: "s3://shop/of/mine?endpoint=" + s.URL, replica.EnvKey: "key", replica.EnvSecret: "secret",
	}
}

func place(t *testing.T, env map[string]string) *replica.Place {
	t.Helper()
	p, err := replica.Parse(func(name string) string { return env[name] })
	if err != nil || p == nil {
		t.Fatalf("place: %v %v", p, err)
	}
	return p
}

// places are a folder and a bucket.
func places(t *testing.T) map[string]*replica.Place {
	t.Helper()
	return map[string]*replica.Place{
		"folder": place(t, map[string]string{replica.EnvPlace: "file://" + filepath.ToSlash(t.TempDir())}),
		"bucket": place(t, newStore(t).env()),
	}
}

// shop is a database of a server.
type shop struct {
	*testing.T
	dir  string
	db   *sql.DB // the writers'
	copy *replica.Replica
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{T: t, dir: t.TempDir()}
	s.open()
	s.write("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, n INTEGER)")
	return s
}

// open opens the database as hooks.Connect does.
func (s *shop) open() {
	s.Helper()
	db, err := groupcommit.Open(filepath.Join(s.dir, "data.db") + "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)")
	if err == nil {
		err = groupcommit.Enable(db)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.db = db
	s.Cleanup(func() { _ = db.Close() })
}

func (s *shop) write(statement string, args ...any) {
	s.Helper()
	if _, err := s.db.ExecContext(s.Context(), statement, args...); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) order(id string) { s.Helper(); s.write("INSERT INTO orders (id, n) VALUES (?, 0)", id) }

func (s *shop) start(p *replica.Place, options replica.Options) {
	s.Helper()
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	running, err := replica.Start(s.Context(), s.dir, p, options)
	if err != nil {
		s.Fatal(err)
	}
	s.copy = running
	s.Cleanup(s.stop)
}

func (s *shop) stop() {
	if s.copy == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.copy.Stop(ctx); err != nil {
		s.Error(err)
	}
	s.copy = nil
}

// sync waits until everything is in the place.
func (s *shop) sync() {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	var err error
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) { // note: it is not ready in its first moment
		if err = s.copy.Sync(ctx); err == nil {
			return
		}
	}
	s.Fatalf("sync: %v", err)
}

// restored is what a place gives back.
func restored(t *testing.T, p *replica.Place, at time.Time) (ids []string) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data.db")
	found, err := p.Restore(t.Context(), to, at)
	if err != nil || !found {
		t.Fatalf("restore: %v %v", found, err)
	}
	db, err := sql.Open("sqlite", "file:"+to+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var whole string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&whole); err != nil || whole != "ok" {
		t.Fatalf("integrity: %q %v", whole, err)
	}
	rows, err := db.QueryContext(t.Context(), "SELECT id FROM orders ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err()); err != nil {
		t.Fatal(err)
	}
	return ids
}

// waitFor polls until something is so.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("%s: never", what)
}

func wantIDs(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
