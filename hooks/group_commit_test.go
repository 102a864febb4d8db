package hooks_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

func pragma(t *testing.T, db dbx.Builder, name string) (value string) {
	t.Helper()
	if err := db.NewQuery("PRAGMA " + name).Row(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestGroupedPools: the writers of data.db share their syncs, after a second bootstrap too, as a restore has it; every other pool waits for
// the disk by itself.
func TestGroupedPools(t *testing.T) {
	t.Parallel()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: filepath.Join(t.TempDir(), "pb_data"), DBConnect: hooks.Connect})
	t.Cleanup(func() { _ = app.ResetBootstrapState() })
	if _, err := hooks.Register(app, hooks.Config{Env: func(string) string { return "" }}); err != nil {
		t.Fatal(err)
	}
	for _, boot := range []string{"first", "second"} {
		if err := app.Bootstrap(); err != nil { // note: of an app that does not serve, so that no worker is at work
			t.Fatal(err)
		}
		for _, pool := range []struct {
			name string
			db   dbx.Builder
			want string
		}{
			{"writers", app.NonconcurrentDB(), "1"},
			{"readers", app.ConcurrentDB(), "2"},
			{"writers of the log", app.AuxNonconcurrentDB(), "2"},
			{"readers of the log", app.AuxConcurrentDB(), "2"},
		} {
			if got := pragma(t, pool.db, "synchronous"); got != pool.want {
				t.Errorf("%s bootstrap, %s: got synchronous %s, want %s", boot, pool.name, got, pool.want)
			}
		}
	}
	off := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_GROUP_COMMIT": "off"}[name] }
	})
	if got := pragma(t, off.NonconcurrentDB(), "synchronous"); got != "2" {
		t.Errorf("switched off: got synchronous %s, want 2", got)
	}
}

// TestReadersStayOpenAndFew: a crowd of readers shares a few connections, none of which is closed and opened again. Each is memory, and each opening
// parses the schema.
func TestReadersStayOpenAndFew(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	readers, ok := app.ConcurrentDB().(*dbx.DB)
	if !ok {
		t.Fatalf("got %T", app.ConcurrentDB())
	}
	var crowd sync.WaitGroup
	for range 200 {
		crowd.Go(func() {
			var n int
			const slow = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000) SELECT COUNT(*) FROM c"
			if err := app.ConcurrentDB().NewQuery(slow).Row(&n); err != nil || n != 5_000 {
				t.Errorf("got %d, %v", n, err)
			}
		})
	}
	crowd.Wait()
	pool, most := readers.DB().Stats(), 8*runtime.GOMAXPROCS(0)
	if pool.OpenConnections > most || pool.MaxOpenConnections != most || pool.MaxIdleClosed > 0 {
		t.Errorf("got %d of %d connections, and %d closed in between, want at most %d and none", pool.OpenConnections, pool.MaxOpenConnections, pool.MaxIdleClosed, most)
	}
}

// things is an app with a collection of its own, and what its hooks were told.
type things struct {
	*apptest.App

	collection *core.Collection
	mu         sync.Mutex
	told       map[string][]string
}

func newThings(t *testing.T) *things {
	t.Helper()
	s := &things{App: apptest.New(t), collection: core.NewBaseCollection("things"), told: map[string][]string{}}
	s.collection.Fields.Add(&core.TextField{Name: "name"})
	if err := s.Save(s.collection); err != nil {
		t.Fatal(err)
	}
	s.OnRecordAfterCreateSuccess("things").BindFunc(func(e *core.RecordEvent) error {
		s.tell(e.Record, "success")
		return e.Next()
	})
	s.OnRecordAfterCreateError("things").BindFunc(func(e *core.RecordErrorEvent) error {
		s.tell(e.Record, "error")
		return e.Next()
	})
	return s
}

func (s *things) tell(r *core.Record, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[r.GetString("name")] = append(s.told[r.GetString("name")], what)
}

func (s *things) save(tx core.App, name string) error {
	r := core.NewRecord(s.collection)
	r.Set("name", name)
	return tx.Save(r)
}

// TestFailedNeighbour: of 40 jobs at once every fourth fails after it has saved. Each job runs once, and its hooks hear of its own outcome once.
func TestFailedNeighbour(t *testing.T) {
	t.Parallel()
	s := newThings(t)
	noStock := errors.New("no stock")
	var runs sync.Map
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			err := s.RunInTransaction(func(tx core.App) error {
				if _, again := runs.LoadOrStore(n, true); again {
					t.Errorf("job %d runs twice", n)
				}
				if err := s.save(tx, fmt.Sprint(n)); err != nil || n%4 != 0 {
					return err
				}
				return noStock
			})
			if (n%4 == 0) != errors.Is(err, noStock) {
				t.Errorf("job %d: got %v", n, err)
			}
		})
	}
	wg.Wait()
	for n := range 40 {
		want, rows := []string{"success"}, int64(1)
		if n%4 == 0 {
			want, rows = []string{"error"}, 0
		}
		if got := s.told[fmt.Sprint(n)]; !slices.Equal(got, want) {
			t.Errorf("hooks of job %d: got %v, want %v", n, got, want)
		}
		if got, err := s.CountRecords("things", dbx.HashExp{"name": fmt.Sprint(n)}); err != nil || got != rows {
			t.Errorf("rows of job %d: got %d, %v, want %d", n, got, err, rows)
		}
	}
}

// TestAfterHookWrites: a hook that runs after the commit has the database to itself again, also when many do.
func TestAfterHookWrites(t *testing.T) {
	t.Parallel()
	s := newThings(t)
	s.OnRecordAfterCreateSuccess("things").BindFunc(func(e *core.RecordEvent) error {
		if name := e.Record.GetString("name"); name[0] == 'p' {
			return errors.Join(e.App.RunInTransaction(func(tx core.App) error { return s.save(tx, "c"+name[1:]) }), e.Next())
		}
		return e.Next()
	})
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			if err := s.RunInTransaction(func(tx core.App) error { return s.save(tx, fmt.Sprintf("p%d", n)) }); err != nil {
				t.Errorf("job %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	if got, err := s.CountRecords("things"); err != nil || got != 40 {
		t.Errorf("got %d rows, %v, want 40", got, err)
	}
}

// TestSchemaChangesBesideJobs: the dashboard adds, renames and removes a field, and a backup is taken, while orders are written.
func TestSchemaChangesBesideJobs(t *testing.T) {
	t.Parallel()
	s := newThings(t)
	buyer := s.Login("小明")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	orders := 0
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				buyer.Order("三鲜面", 1)
				orders++
			}
		}
	})
	for n := range 3 {
		field := &core.TextField{Name: fmt.Sprintf("extra%d", n)}
		s.collection.Fields.Add(field)
		if err := s.Save(s.collection); err != nil {
			t.Fatalf("add a field: %v", err)
		}
		s.collection.Fields.GetByName(field.Name).SetName(fmt.Sprintf("other%d", n))
		if err := s.Save(s.collection); err != nil {
			t.Fatalf("rename it: %v", err)
		}
		if err := s.CreateBackup(t.Context(), fmt.Sprintf("backup%d.zip", n)); err != nil {
			t.Fatalf("take a backup: %v", err)
		}
		s.collection.Fields.RemoveByName(fmt.Sprintf("other%d", n))
		if err := s.Save(s.collection); err != nil {
			t.Fatalf("remove it: %v", err)
		}
	}
	close(stop)
	wg.Wait()
	got, err := s.CountRecords("orders")
	if err != nil || int(got) != orders || orders == 0 {
		t.Errorf("orders: got %d, %v, want the %d that were answered", got, err, orders)
	}
	if check := pragma(t, s.ConcurrentDB(), "integrity_check"); check != "ok" {
		t.Errorf("integrity: got %q", check)
	}
}

// TestAppsAreApart: several apps of one process group their own writes.
func TestAppsAreApart(t *testing.T) {
	t.Parallel()
	apps := []*things{newThings(t), newThings(t), newThings(t)}
	var wg sync.WaitGroup
	for i, s := range apps {
		for n := range 10 * (i + 1) {
			wg.Go(func() {
				if err := s.save(s.App, fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i, s := range apps {
		if got, err := s.CountRecords("things"); err != nil || int(got) != 10*(i+1) {
			t.Errorf("app %d: got %d rows, %v, want %d", i, got, err, 10*(i+1))
		}
	}
}

// TestOtherDatabasesStay: a program that opens its databases itself keeps its pools.
func TestOtherDatabasesStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: func(path string) (*dbx.DB, error) {
		return dbx.Open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	}})
	t.Cleanup(func() { _ = app.ResetBootstrapState() })
	if _, err := hooks.Register(app, hooks.Config{Env: func(string) string { return "" }}); err != nil {
		t.Fatal(err)
	}
	if err := app.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	if got := pragma(t, app.NonconcurrentDB(), "synchronous"); got != "2" {
		t.Errorf("got synchronous %s in %s, want 2", got, filepath.Base(dir))
	}
}
