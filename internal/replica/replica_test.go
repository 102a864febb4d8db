package replica_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxbase/internal/apptest/web"
	"wxbase/internal/replica"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"file:///mnt/other":                                       "/mnt/other",
		"oss://b/shop?region=cn-hangzhou":                         "b/shop at https://s3.oss-cn-hangzhou.aliyuncs.com",
		"oss://b/shop?region=oss-cn-beijing&internal=1":           "b/shop at https://s3.oss-cn-beijing-internal.aliyuncs.com",
		"s3://b/shop?endpoint=https://cos.example.com&region=x":   "b/shop at https://cos.example.com",
		"s3://b/shop?endpoint=http://127.0.0.1:9000":              "b/shop at http://127.0.0.1:9000",
		"s3://b/shop?endpoint=http://minio:9000":                  "b/shop at http://minio:9000",
		"s3://b/shop?endpoint=http://10.0.0.7:9000&style=virtual": "b/shop at http://10.0.0.7:9000",
		"s3://b/shop": "error: endpoint",
		"s3://b/shop?endpoint=http://cos.example.com":              "error: https",
		"s3://key:secret@b/shop?endpoint=https://cos.example.com":  "error: keys do not belong",
		"s3://b/shop?endpoint=https://k:s@cos.example.com":         "error: endpoint is no address",
		"s3://b/shop?endpoint=https://cos.example.com&secret=abcd": `error: "secret" is no option`,
		"oss://b/shop":            "error: region",
		"file://relative/path":    "error: whole path",
		"file:relative":           "error: whole path",
		"ftp://b/shop":            `error: "ftp" is none`,
		"/mnt/other":              "error: is none of",
		"s3://b/%zz?endpoint=abc": "error: no address",
	} {
		env := map[string]string{replica.EnvPlace: text, replica.EnvKey: "the-key", replica.EnvSecret: "the-secret"}
		p, err := replica.Parse(func(name string) string { return env[name] })
		got := ""
		if err != nil {
			got = "error: " + err.Error()
		} else {
			got = p.String()
		}
		part, isError := strings.CutPrefix(want, "error: ")
		if isError != (err != nil) || !strings.Contains(got, part) || strings.Contains(got, "the-secret") || strings.Contains(got, "abcd") {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	if p, err := replica.Parse(func(string) string { return "" }); p != nil || err != nil {
		t.Errorf("without the variable: got %v %v, want nothing", p, err)
	}
	env := map[string]string{replica.EnvPlace: "oss://b/shop?region=cn-hangzhou"}
	if _, err := replica.Parse(func(name string) string { return env[name] }); err == nil || !strings.Contains(err.Error(), replica.EnvSecret) {
		t.Errorf("a bucket without keys: got %v, want where they belong", err)
	}
}

func TestPlaceLiesApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := place(t, map[string]string{replica.EnvPlace: "file://" + filepath.ToSlash(filepath.Join(dir, "copy"))})
	if err := p.CheckApart(dir); err == nil {
		t.Error("a place in the data folder: got no error")
	}
	if err := p.CheckApart(filepath.Join(dir, "data")); err != nil {
		t.Errorf("a place beside it: %v", err)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if found, err := p.Restore(t.Context(), filepath.Join(t.TempDir(), "data.db"), time.Time{}); found || err != nil {
				t.Errorf("an empty place: got %v %v, want nothing and no error", found, err)
			}
			s := newShop(t)
			s.order("a")
			s.start(p, replica.Options{})
			s.order("b")
			s.sync()
			wantIDs(t, "after a sync", restored(t, p, time.Time{}), "a", "b")
			s.order("c")
			s.stop()
			wantIDs(t, "after the end", restored(t, p, time.Time{}), "a", "b", "c")
			s.start(p, replica.Options{})
			s.order("d")
			s.sync()
			wantIDs(t, "after another start", restored(t, p, time.Time{}), "a", "b", "c", "d")
		})
	}
}

// A moment is given back as it was.
func TestRestoreMoment(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := time.Now().Add(-time.Hour)
			s := newShop(t)
			s.start(p, replica.Options{})
			s.order("a")
			s.sync()
			time.Sleep(20 * time.Millisecond) // the clock of the files has milliseconds
			moment := time.Now()
			time.Sleep(20 * time.Millisecond)
			s.order("b")
			s.sync()
			wantIDs(t, "the moment", restored(t, p, moment), "a")
			wantIDs(t, "now", restored(t, p, time.Time{}), "a", "b")
			wantIDs(t, "tomorrow", restored(t, p, time.Now().Add(24*time.Hour)), "a", "b")
			to := filepath.Join(t.TempDir(), "data.db")
			if _, err := p.Restore(t.Context(), to, before); err == nil || !strings.Contains(err.Error(), "begins at") {
				t.Errorf("before its time: got %v", err)
			}
			if _, err := os.Stat(to); err == nil {
				t.Error("a file was left")
			}
		})
	}
}

// A database that is older than the copy (a backup was restored) begins a new chain, which is what comes back.
func TestOlderDatabaseGoesOn(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.order("a")
			older := filepath.Join(t.TempDir(), "older.db")
			s.write("VACUUM INTO ?", older)
			s.start(p, replica.Options{})
			for n := range 20 {
				s.order(fmt.Sprint("later", n))
				if n%5 == 0 {
					s.sync()
				}
			}
			s.sync()
			s.stop()
			if err := s.db.Close(); err != nil {
				t.Fatal(err)
			}
			s.dir = t.TempDir()
			if err := os.Rename(older, filepath.Join(s.dir, "data.db")); err != nil {
				t.Fatal(err)
			}
			s.open()
			s.start(p, replica.Options{Beat: 100 * time.Millisecond})
			s.order("b")
			s.sync()
			wantIDs(t, "after the older one went on", restored(t, p, time.Time{}), "a", "b")
		})
	}
}

// Writers that read first, which fail beside a second writer unless they begin as writers, and whose commits nobody holds up.
func TestWritersGoOn(t *testing.T) {
	t.Parallel()
	p := places(t)["folder"]
	s := newShop(t)
	s.order("counter")
	s.start(p, replica.Options{})
	const workers, each = 8, 150
	var wg sync.WaitGroup
	var slowest atomic.Int64
	for range workers {
		wg.Go(func() {
			for range each {
				began := time.Now()
				if err := count(s); err != nil {
					t.Errorf("count: %v", err)
					return
				}
				for took := int64(time.Since(began)); ; {
					old := slowest.Load()
					if took <= old || slowest.CompareAndSwap(old, took) {
						break
					}
				}
			}
		})
	}
	wg.Wait()
	var n int
	if err := s.db.QueryRowContext(t.Context(), "SELECT n FROM orders WHERE id = 'counter'").Scan(&n); err != nil || n != workers*each {
		t.Errorf("got %d %v, want %d", n, err, workers*each)
	}
	t.Logf("the slowest took %s", time.Duration(slowest.Load()))
	s.sync()
	wantIDs(t, "the copy", restored(t, p, time.Time{}), "counter")
}

func count(s *shop) error {
	tx, err := s.db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	var n int
	if err := tx.QueryRowContext(context.Background(), "SELECT n FROM orders WHERE id = 'counter'").Scan(&n); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if _, err := tx.ExecContext(context.Background(), "UPDATE orders SET n = ? WHERE id = 'counter'", n+1); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// A process that closes any descriptor of a database's file loses all its locks on it, and another process could take the log away. Copying
// closes none while it runs.
func TestLocksStay(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/locks"); err != nil {
		t.Skip("reads /proc/locks")
	}
	s := newShop(t)
	s.order("a")
	before := locks(t, s.dir)
	if before == 0 {
		t.Fatal("no locks before: this test looks in the wrong place")
	}
	s.start(places(t)["folder"], replica.Options{})
	for n := range 30 {
		s.order(fmt.Sprint(n))
		s.sync()
		if after := locks(t, s.dir); after < before {
			t.Fatalf("round %d: got %d locks, want %d or more", n, after, before)
		}
	}
}

// locks counts the POSIX locks of this process on the shared memory of a database.
func locks(t *testing.T, dir string) (n int) {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "data.db-shm"))
	if err != nil {
		t.Fatal(err)
	}
	inode := info.Sys().(*syscall.Stat_t).Ino
	raw, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, fmt.Sprintf(" %d ", os.Getpid())) && strings.Contains(line, fmt.Sprintf(":%d ", inode)) {
			n++
		}
	}
	return n
}

// A place that is away is told, and what was written meanwhile arrives when it is back.
func TestLag(t *testing.T) {
	t.Parallel()
	away := newStore(t)
	p := place(t, away.env())
	s := newShop(t)
	s.start(p, replica.Options{Quiet: 2 * time.Second})
	s.order("a")
	s.sync()
	if got := s.copy.Status(); got.Problem != "" {
		t.Errorf("while all is well: got %+v", got)
	}
	away.away.Store(true)
	s.order("b")
	waitFor(t, "a problem", func() bool { return s.copy.Status().Problem != "" })
	if got := s.copy.Status(); got.Lag < 2*time.Second {
		t.Errorf("lag: got %s", got.Lag)
	}
	away.away.Store(false)
	n := 0
	waitFor(t, "well again", func() bool {
		n++
		s.order(fmt.Sprint("c", n)) // a server writes a row now and then
		time.Sleep(200 * time.Millisecond)
		return s.copy.Status().Problem == ""
	})
	s.sync()
	if got := restored(t, p, time.Time{}); len(got) < 3 || got[1] != "b" {
		t.Errorf("after it: got %v, want b too", got)
	}
}

// A place that cannot be reached is not one that is empty.
func TestRestoreFromNowhere(t *testing.T) {
	t.Parallel()
	away := newStore(t)
	away.away.Store(true)
	if found, err := place(t, away.env()).Restore(t.Context(), filepath.Join(t.TempDir(), "data.db"), time.Time{}); found || err == nil {
		t.Errorf("got %v %v, want an error", found, err)
	}
}

// One place has one writer.
func TestFence(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := replica.Options{Beat: 200 * time.Millisecond}
			one, two := newShop(t), newShop(t)
			one.start(p, options)
			if _, err := replica.Start(t.Context(), two.dir, p, options); err == nil || !strings.Contains(err.Error(), "another server") {
				t.Fatalf("the second: got %v", err)
			}
			one.order("a")
			one.sync()
			one.stop()
			two.start(p, options)
			two.order("b")
			two.sync()
			wantIDs(t, "the copy", restored(t, p, time.Time{}), "b")
		})
	}
}

// A copy of a data folder is another writer: it is refused beside the first one, and replaces it once that is gone.
func TestCopyOfAFolderIsAnother(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := replica.Options{Beat: 100 * time.Millisecond}
			one, two := newShop(t), t.TempDir()
			one.start(p, options)
			one.stop()
			if err := os.CopyFS(two, os.DirFS(one.dir)); err != nil {
				t.Fatal(err)
			}
			one.start(p, options)
			if _, err := p.Claim(t.Context(), two, options.Beat, false); !errors.Is(err, replica.ErrHeld) {
				t.Errorf("beside the first: got %v, want it refused", err)
			}
			one.stop()
			if _, err := p.Claim(t.Context(), two, options.Beat, false); err != nil {
				t.Errorf("after the first: got %v", err)
			}
			if _, err := replica.Start(t.Context(), one.dir, p, options); !errors.Is(err, replica.ErrReplaced) {
				t.Errorf("the first again: got %v, want it refused", err)
			}
		})
	}
}

// A server that finds another one's name in its bucket writes nothing more, nor one that finds its own beside another process: of a machine that
// was cloned.
func TestFencedWriterStops(t *testing.T) {
	t.Parallel()
	for name, cloned := range map[string]bool{"another": false, "a clone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testFencedWriter(t, cloned)
		})
	}
}

func testFencedWriter(t *testing.T, cloned bool) {
	t.Helper()
	bucket := newStore(t)
	p := place(t, bucket.env())
	s, id := newShop(t), "another"
	s.start(p, replica.Options{Beat: 100 * time.Millisecond})
	s.order("a")
	s.sync()
	if owner, _, err := p.Owner(t.Context()); cloned && err == nil {
		id = owner.ID
	}
	waitFor(t, "it is told", func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, bucket.URL+"/shop/of/mine/wxbase-writer.json", strings.NewReader(`{"id":"`+id+`","host":"b"}`))
		if err != nil {
			t.Fatal(err)
		}
		res, err := web.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return strings.Contains(s.copy.Status().Problem, "another server")
	})
	s.order("late")
	if err := s.copy.Sync(t.Context()); err == nil {
		t.Error("it still writes")
	}
	wantIDs(t, "the copy", restored(t, p, time.Time{}), "a")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.copy.Stop(ctx); err == nil {
		t.Error("the end says nothing of what was not copied")
	}
	s.copy = nil
}
