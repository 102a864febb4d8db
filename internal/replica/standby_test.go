package replica_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxbase/internal/apptest/process"
	"wxbase/internal/replica"
)

// pair is a server and a standby that follows it.
type pair struct {
	*testing.T
	env           []string
	home, other   string // data folders
	server, watch *process.Process
	token         string
}

func newPair(t *testing.T, place map[string]string) *pair {
	t.Helper()
	p := &pair{T: t, home: process.Home(t), other: process.Home(t), env: []string{"WXBASE_SECRET_KEY=" + strings.Repeat("k", 40)}}
	for name, value := range place {
		p.env = append(p.env, name+"="+value)
	}
	if code, _, stderr := process.Run(t, p.home, p.env, "superuser", "upsert", "owner@example.com", "a-long-password"); code != 0 {
		t.Fatalf("superuser: %s", stderr)
	}
	save(t, p.home, "storage/products/p/a.jpg", "a picture")
	p.server = process.LaunchWith(t, p.home, p.env, "/api/wx/health", "serve")
	p.token = p.server.Login("owner@example.com", "a-long-password")
	p.follow()
	return p
}

// follow starts the standby, and returns when it is as new as the server's copy.
func (p *pair) follow() {
	p.Helper()
	p.watch = process.Begin(p.T, p.other, "", process.Command(p.T, p.other, p.env, "standby"))
	waitFor(p.T, "the standby follows", func() bool { return strings.Contains(p.watch.Out.String(), "as new as the replica") })
}

func (p *pair) promote(args ...string) (code int, said string) {
	p.Helper()
	code, stdout, stderr := process.Run(p.T, p.other, p.env, append([]string{"standby", "promote"}, args...)...)
	return code, stdout + stderr
}

// takeOver serves the standby's folder.
func (p *pair) takeOver() (*process.Process, string) {
	p.Helper()
	next := process.LaunchWith(p.T, p.other, p.env, "/api/wx/health", "serve")
	if said := next.Out.String(); !strings.Contains(said, "restored: the data are those of replica") {
		p.Errorf("said %q, want that WeChat is asked", said)
	}
	return next, next.Login("owner@example.com", "a-long-password")
}

func bothPlaces(t *testing.T) map[string]map[string]string {
	t.Helper()
	return map[string]map[string]string{
		"folder": {replica.EnvPlace: "file://" + filepath.ToSlash(t.TempDir())}, "bucket": newStore(t).env(),
	}
}

// TestStandbyTakesOver: a server under load is killed, and its standby is put in its place. It has everything that was answered until two seconds before,
// and the files; the old server does not come back.
func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	for name, place := range bothPlaces(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, place)
			if code, said := p.promote(); code != 1 || !strings.Contains(said, "in use") {
				t.Errorf("beside the standby: got exit %d: %s", code, said)
			}
			if code, _, said := process.Run(t, p.other, p.env, "superuser", "upsert", "a@example.com", "a-long-password"); code != 1 || !strings.Contains(said, "standby") {
				t.Errorf("a command in the standby's folder: got exit %d: %s", code, said)
			}
			answered := writeUntilKilled(t, p.server, p.token, 3*time.Second)
			killed := time.Now()
			if code := p.watch.End(syscall.SIGTERM); code != 0 {
				t.Errorf("the standby ended with %d: %s", code, p.watch.Out)
			}
			if code, _, said := process.Run(t, p.other, p.env, "serve", "--http", "127.0.0.1:0"); code != 1 || !strings.Contains(said, "standby promote") {
				t.Errorf("before it is promoted: got exit %d: %s", code, said)
			}
			if code, said := p.promote(); code != 0 || !strings.Contains(said, "1 files") {
				t.Fatalf("promote: got exit %d: %s", code, said)
			}
			next, token := p.takeOver()
			t.Logf("%d answered; the standby serves %s after the kill", len(answered), time.Since(killed))
			keptAllButTheLast(t, rows(next, token), answered, killed)
			if got := stored(t, filepath.Join(p.other, "storage"))["products/p/a.jpg"]; got != "a picture" {
				t.Errorf("the file: got %q", got)
			}
			if _, err := os.Stat(filepath.Join(p.other, ".standby")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the standby's folder: got %v, want it gone", err)
			}
			code, _, said := process.Run(t, p.home, p.env, "serve", "--http", "127.0.0.1:0")
			if code != 1 || !strings.Contains(said, "another server") {
				t.Errorf("the old server beside the new one: got exit %d: %s", code, said)
			}
			next.End(syscall.SIGTERM)
			if code, _, said = process.Run(t, p.home, p.env, "serve", "--http", "127.0.0.1:0"); code != 1 || !strings.Contains(said, "has taken over") {
				t.Errorf("the old server after the new one: got exit %d: %s", code, said)
			}
			next = process.LaunchWith(t, p.other, p.env, "/api/wx/health", "serve")
			next.End(syscall.SIGTERM)
		})
	}
}

// TestStandbyIsForced: a server at work is not replaced by accident. One that is replaced on purpose notices and ends, and what it has answered is there.
func TestStandbyIsForced(t *testing.T) {
	t.Parallel()
	p := newPair(t, bothPlaces(t)["folder"])
	if !create(p.server, p.token, "early") {
		t.Fatal("the row was not answered")
	}
	waitFor(t, "the copy follows", func() bool {
		copied, _ := p.server.Must(http.MethodGet, "/api/wx/health", p.token, nil)["replica"].(map[string]any)
		lag, known := copied["lagSeconds"].(float64)
		return known && lag == 0
	})
	p.watch.End(syscall.SIGTERM)
	if code, said := p.promote(); code != 1 || !strings.Contains(said, "is at work") {
		t.Errorf("beside the server: got exit %d: %s", code, said)
	}
	if code, said := p.promote("--force"); code != 0 {
		t.Fatalf("force: got exit %d: %s", code, said)
	}
	select {
	case <-p.server.Done:
	case <-time.After(process.Patience):
		t.Fatalf("the old server goes on: %s", p.server.Out)
	}
	if said := p.server.Out.String(); !strings.Contains(said, "this server ends") {
		t.Errorf("the old server said %q", said)
	}
	next, token := p.takeOver()
	if !rows(next, token)["early"] {
		t.Error("what the old server has answered is lost")
	}
	next.End(syscall.SIGTERM)
}

// Generations: who has owned a place and was replaced does not come back; who never owned it, as after a restore, may.
func TestOwners(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beat := replica.Options{Beat: 100 * time.Millisecond}
			old := newShop(t)
			old.start(p, beat)
			first, found, err := p.Owner(t.Context())
			if err != nil || !found || first.Generation != 1 {
				t.Fatalf("got %+v %v %v", first, found, err)
			}
			old.stop()
			old.start(p, beat) // its own again
			old.stop()
			next := newShop(t)
			next.start(p, beat)
			next.stop()
			second, _, err := p.Owner(t.Context())
			if err != nil || second.Generation != 2 || second.ID == first.ID {
				t.Fatalf("got %+v %v, want the second", second, err)
			}
			if _, err := replica.Start(t.Context(), old.dir, p, beat); !errors.Is(err, replica.ErrReplaced) {
				t.Errorf("the old one: got %v, want it refused", err)
			}
			ended := make(chan error, 1)
			next.start(p, replica.Options{Beat: 20 * time.Millisecond, Fenced: func(err error) { ended <- err }})
			third := t.TempDir()
			if _, err := p.Claim(t.Context(), third, 20*time.Millisecond, false); !errors.Is(err, replica.ErrHeld) {
				t.Errorf("beside a server at work: got %v, want it refused", err)
			}
			claimed := make(chan error, 1)
			go func() {
				_, err := p.Claim(t.Context(), third, 100*time.Millisecond, true)
				claimed <- err
			}()
			if err := <-ended; !errors.Is(err, replica.ErrReplaced) {
				t.Errorf("the server that is replaced: got %v", err)
			}
			_ = next.copy.Stop(t.Context()) // its last changes find the place shut
			next.copy = nil
			if err := <-claimed; err != nil {
				t.Errorf("by force: got %v", err)
			}
		})
	}
}

// TestLook: what somebody sees who looks from outside, without disturbing who is at work.
func TestLook(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if l := p.Look(t.Context(), s.dir); !l.Newest.IsZero() || l.Unreachable != nil || l.Unwritable != nil {
				t.Errorf("an empty place: got %+v", l)
			}
			began := time.Now().Add(-time.Second)
			s.order("a")
			s.start(p, replica.Options{Beat: 100 * time.Millisecond})
			s.sync()
			if l := p.Look(t.Context(), s.dir); l.Newest.Before(began) || l.Unreachable != nil || l.Unwritable != nil || l.Foreign || l.Owner.Generation != 1 {
				t.Errorf("a place in use: got %+v", l)
			}
			s.stop()
			next := newShop(t)
			next.start(p, replica.Options{Beat: 100 * time.Millisecond})
			if l := p.Look(t.Context(), s.dir); !l.Foreign || l.Owner.Generation != 2 {
				t.Errorf("a place that was taken over: got %+v", l)
			}
			wantIDs(t, "the writer goes on", restoredAfter(next, p, "b"), "b")
		})
	}
	bucket := newStore(t)
	bucket.away.Store(true)
	if l := place(t, bucket.env()).Look(t.Context(), t.TempDir()); l.Unreachable == nil || strings.Contains(l.Unreachable.Error(), "secret") {
		t.Errorf("a bucket that is away: got %+v", l)
	}
}

func restoredAfter(s *shop, p *replica.Place, id string) []string {
	s.order(id)
	s.sync()
	return restored(s.T, p, time.Time{})
}
