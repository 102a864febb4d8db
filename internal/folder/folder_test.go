package folder_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
	"wxbase/internal/apptest/process"
)

// TestSecondServeIsRefused: one folder has one server. The second one says who holds it, the other commands go on working, and a killed
// server leaves nothing behind that would stop the next one.
func TestSecondServeIsRefused(t *testing.T) {
	t.Parallel()
	dir := process.Home(t)
	first := process.Launch(t, dir, "/api/wx/health", "serve")
	code, _, stderr := process.Run(t, dir, nil, "serve", "--http", "127.0.0.1:0")
	if code != 1 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("second serve: got exit %d, %q, want 1 and one line", code, stderr)
	}
	for _, want := range []string{"is in use by", strconv.Itoa(first.Cmd.Process.Pid), first.Addr, "since 20"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("second serve: got %q, want %q in it", stderr, want)
		}
	}
	if code, _, stderr := process.Run(t, dir, nil, "superuser", "upsert", "owner@example.com", "a-long-password"); code != 0 {
		t.Errorf("superuser beside the server: got exit %d, %q", code, stderr)
	}
	if first.Login("owner@example.com", "a-long-password") == "" {
		t.Error("the new superuser cannot log in")
	}
	if status, _ := first.Call(http.MethodGet, "/api/wx/health", "", nil); status != http.StatusOK {
		t.Errorf("the first server: got %d, want 200", status)
	}
	first.End(syscall.SIGKILL)
	process.Launch(t, dir, "/api/wx/health", "serve")
}

// TestNewerDataIsRefused: a program that does not know a migration that was applied touches nothing, and says what to do. Migrations
// in JavaScript are the owner's own.
func TestNewerDataIsRefused(t *testing.T) {
	t.Parallel()
	dir := process.Home(t)
	if code, _, stderr := process.Run(t, dir, nil, "superuser", "upsert", "owner@example.com", "a-long-password"); code != 0 {
		t.Fatalf("superuser: %s", stderr)
	}
	first := process.Launch(t, dir, "/api/wx/health", "serve")
	if code := first.End(syscall.SIGTERM); code != 0 {
		t.Fatalf("SIGTERM: got exit %d: %s", code, first.Out)
	}
	apply := func(file string) {
		db, err := hooks.Connect(filepath.Join(dir, "data.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if _, err := db.Insert("_migrations", dbx.Params{"file": file, "applied": 1}).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	apply("1999999999_of_the_owner.js")
	process.Launch(t, dir, "/api/wx/health", "serve").End(syscall.SIGTERM)
	apply("1999999999_of_the_future.go")
	before, err := os.ReadFile(filepath.Join(dir, "data.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--http", "127.0.0.1:0"}, {"bill"}, {"superuser", "upsert", "other@example.com", "a-long-password"}} {
		code, _, stderr := process.Run(t, dir, nil, args...)
		if code != 1 || !strings.Contains(stderr, "newer version") || !strings.Contains(stderr, "1999999999_of_the_future.go") {
			t.Errorf("%v: got exit %d, %q, want 1 and what to do", args, code, stderr)
		}
	}
	if after, err := os.ReadFile(filepath.Join(dir, "data.db")); err != nil || string(after) != string(before) {
		t.Errorf("the database was changed by a program that refused it (%v)", err)
	}
	if code, _, stderr := process.Run(t, dir, nil, "--help"); code != 0 {
		t.Errorf("help: got exit %d, %q, want 0", code, stderr)
	}
	if code, _, stderr := process.Run(t, dir, nil, "migrate", "history-sync"); code != 0 {
		t.Errorf("the way out that is named: got exit %d, %q", code, stderr)
	}
	process.Launch(t, dir, "/api/wx/health", "serve")
}
