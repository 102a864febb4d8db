package replica_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxbase/internal/apptest/process"
	"wxbase/internal/apptest/web"
	"wxbase/internal/replica"
)

// TestDiskIsLost: a server under load is killed and its folder deleted. The next one, on the empty folder, has everything that was answered until two
// seconds before.
func TestDiskIsLost(t *testing.T) {
	t.Parallel()
	bucket := newStore(t)
	for name, place := range map[string]map[string]string{
		"folder": {replica.EnvPlace: "file://" + filepath.ToSlash(t.TempDir())}, "bucket": bucket.env(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := process.Home(t)
			env := []string{"WXBASE_SECRET_KEY=" + strings.Repeat("k", 40), "AWS_CA_BUNDLE=/nowhere"}
			for name, value := range place {
				env = append(env, name+"="+value)
			}
			if code, _, stderr := process.Run(t, dir, env, "superuser", "upsert", "owner@example.com", "a-long-password"); code != 0 {
				t.Fatalf("superuser: %s", stderr)
			}
			first := process.LaunchWith(t, dir, env, "/api/wx/health", "serve")
			token := first.Login("owner@example.com", "a-long-password")
			waitFor(t, "the copy follows", func() bool {
				health := first.Must(http.MethodGet, "/api/wx/health", token, nil)
				replica, _ := health["replica"].(map[string]any)
				lag, known := replica["lagSeconds"].(float64)
				return known && lag < 2 && replica["problem"] == ""
			})
			answered := writeUntilKilled(t, first, token, 3*time.Second)
			killed := time.Now()
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			second := process.LaunchWith(t, dir, env, "/api/wx/health", "serve")
			t.Logf("%d answered; up again after %s", len(answered), time.Since(killed))
			said := second.Out.String()
			if !strings.Contains(said, "replica: restored") || !strings.Contains(said, "restored: the data are those of replica") {
				t.Errorf("said %q, want that it was restored", said)
			}
			token = second.Login("owner@example.com", "a-long-password")
			keptAllButTheLast(t, rows(second, token), answered, killed)
			if !create(second, token, "after") {
				t.Fatal("the row was not answered")
			}
			second.End(syscall.SIGTERM)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			third := process.LaunchWith(t, dir, env, "/api/wx/health", "serve")
			if !rows(third, third.Login("owner@example.com", "a-long-password"))["after"] {
				t.Error("the last row before a good end is lost")
			}
		})
	}
}

// create makes a row and tells whether it was answered.
func create(p *process.Process, token, name string) bool {
	req, err := http.NewRequestWithContext(p.T.Context(), http.MethodPost, "http://"+p.Addr+"/api/collections/products/records",
		strings.NewReader(fmt.Sprintf(`{"name":%q,"price":100}`, name)))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	res, err := web.Client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// writeUntilKilled writes by four hands, kills the server in the middle, and gives what was answered when.
func writeUntilKilled(t *testing.T, p *process.Process, token string, after time.Duration) map[string]time.Time {
	t.Helper()
	answered := map[string]time.Time{}
	var mu sync.Mutex
	var hands sync.WaitGroup
	stop := make(chan struct{})
	for hand := range 4 {
		hands.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("%d-%d", hand, n)
				if create(p, token, name) {
					mu.Lock()
					answered[name] = time.Now()
					mu.Unlock()
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	time.Sleep(after)
	p.End(syscall.SIGKILL)
	close(stop)
	hands.Wait()
	return answered
}

// rows are the names of the products.
func rows(p *process.Process, token string) map[string]bool {
	names := map[string]bool{}
	for page := 1; ; page++ {
		list := p.Must(http.MethodGet, fmt.Sprintf("/api/collections/products/records?perPage=500&page=%d&fields=name", page), token, nil)
		items, _ := list["items"].([]any)
		for _, item := range items {
			row, _ := item.(map[string]any)
			name, _ := row["name"].(string)
			names[name] = true
		}
		if len(items) < 500 {
			return names
		}
	}
}

// A place that does not answer: an empty folder gets no new shop, and a shop that is there goes on selling.
func TestPlaceIsAway(t *testing.T) {
	t.Parallel()
	bucket := newStore(t)
	bucket.away.Store(true)
	dir := process.Home(t)
	var env []string
	for name, value := range bucket.env() {
		env = append(env, name+"="+value)
	}
	code, _, stderr := process.Run(t, dir, env, "serve", "--http", "127.0.0.1:0")
	if code != 1 || !strings.Contains(stderr, "look into the replica") {
		t.Errorf("an empty folder: got exit %d, %q, want no new shop", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "data.db")); err == nil {
		t.Error("a new shop began")
	}
	bucket.away.Store(false)
	process.LaunchWith(t, dir, env, "/api/wx/health", "serve").End(syscall.SIGTERM)
	bucket.away.Store(true)
	shop := process.LaunchWith(t, dir, env, "/api/wx/health", "serve")
	if !strings.Contains(shop.Out.String(), "it is tried again") {
		t.Errorf("said %q, want a warning", shop.Out)
	}
	bucket.away.Store(false)
	if code, _, stderr := process.Run(t, dir, env, "superuser", "upsert", "owner@example.com", "a-long-password"); code != 0 {
		t.Fatalf("superuser: %s", stderr)
	}
	token := shop.Login("owner@example.com", "a-long-password")
	waitFor(t, "it copies", func() bool {
		replica, _ := shop.Must(http.MethodGet, "/api/wx/health", token, nil)["replica"].(map[string]any)
		return replica != nil && replica["problem"] == ""
	})
}

// TestRestoreMomentCommand: the shop as it was at a moment, in a new folder.
func TestRestoreMomentCommand(t *testing.T) {
	t.Parallel()
	dir := process.Home(t)
	env := []string{"WXBASE_SECRET_KEY=" + strings.Repeat("k", 40), replica.EnvPlace + "=file://" + filepath.ToSlash(t.TempDir()), "TZ=UTC"}
	run := func(args ...string) (int, string) {
		code, stdout, stderr := process.Run(t, dir, env, args...)
		return code, stdout + stderr
	}
	run("superuser", "upsert", "owner@example.com", "a-long-password")
	shop := process.LaunchWith(t, dir, env, "/api/wx/health", "serve")
	token := shop.Login("owner@example.com", "a-long-password")
	create(shop, token, "early")
	time.Sleep(2100 * time.Millisecond) // a moment on the command line has seconds
	moment := time.Now().UTC()
	time.Sleep(1100 * time.Millisecond)
	create(shop, token, "late")
	shop.End(syscall.SIGTERM)
	then, now := filepath.Join(t.TempDir(), "then"), filepath.Join(t.TempDir(), "now")
	for _, args := range [][]string{
		{"restore", "--at", "yesterday", "--to", then},
		{"restore", "--at", "newest"},
		{"restore", "one.zip", "--at", "newest", "--to", then},
		{"restore", "--at", "newest", "--to", dir},
		{"restore", "--at", "2020-01-01 10:00", "--to", filepath.Join(t.TempDir(), "long-ago")},
	} {
		if code, said := run(args...); code != 1 {
			t.Errorf("%v: got exit %d: %s", args, code, said)
		}
	}
	if code, said := run("restore", "--at", moment.Format(time.DateTime), "--to", then); code != 0 || !strings.Contains(said, "the key that is here opens") {
		t.Fatalf("got exit %d: %s", code, said)
	}
	if code, said := run("restore", "--at", "newest", "--to", now); code != 0 {
		t.Fatalf("got exit %d: %s", code, said)
	}
	for folder, want := range map[string]bool{then: false, now: true} {
		p := process.LaunchWith(t, folder, []string{"WXBASE_SECRET_KEY=" + strings.Repeat("k", 40)}, "/api/wx/health", "serve")
		have := rows(p, p.Login("owner@example.com", "a-long-password"))
		if !have["early"] || have["late"] != want {
			t.Errorf("%s: got %v, want late %v", filepath.Base(folder), have, want)
		}
		p.End(syscall.SIGTERM)
	}
}

// keptAllButTheLast wants every row that was answered more than two seconds before the kill, and that there was a load.
func keptAllButTheLast(t *testing.T, have map[string]bool, answered map[string]time.Time, killed time.Time) {
	t.Helper()
	lost := 0
	for id, at := range answered {
		switch {
		case have[id]:
		case at.Before(killed.Add(-2 * time.Second)):
			t.Errorf("row %s is lost, answered %s before the kill", id, killed.Sub(at))
		default:
			lost++
		}
	}
	t.Logf("%d of the last two seconds are lost", lost)
	if len(answered) < 20 {
		t.Errorf("got %d rows, want a load", len(answered))
	}
}
