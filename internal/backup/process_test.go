package backup_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wxbase/internal/apptest/process"
)

// TestCommands: a shop's backups from the command line, beside its server and without it.
func TestCommands(t *testing.T) {
	t.Parallel()
	dir := process.Home(t)
	run := func(want int, args ...string) (said string) {
		t.Helper()
		code, stdout, stderr := process.Run(t, dir, nil, args...)
		if code != want {
			t.Fatalf("%v: got exit %d, want %d: %s%s", args, code, want, stdout, stderr)
		}
		return stdout + stderr
	}
	says := func(said string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("said %q, want %q in it", said, want)
			}
		}
	}
	says(run(1, "backup", "list"), "no data in")
	run(0, "superuser", "upsert", "owner@example.com", "a-long-password")
	server := process.Launch(t, dir, "/api/wx/health", "serve")
	says(run(0, "backup", "list"), "there is none")
	says(run(0, "backup", "make", "one.zip"), "one.zip", "databases whole", "the books hold", "key of the stored secrets is not in it")
	says(run(0, "backup", "list"), "one.zip")
	says(run(0, "backup", "verify"), "one.zip", "databases whole")
	says(run(0, "backup", "drill"), "one.zip was restored, opened, brought up to date and removed again", "the key that is here opens")
	says(run(1, "backup", "make", "../one.zip"), "no folder")
	says(run(1, "restore", "one.zip"), "in use by")
	run(0, "superuser", "upsert", "later@example.com", "a-long-password")
	if left, err := filepath.Glob(filepath.Join(dir, ".pb_temp_to_delete", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	server.End(syscall.SIGTERM)

	says(run(1, "restore"), "name the backup")
	says(run(1, "restore", "none.zip"), "there is no backup none.zip")
	says(run(0, "restore", "one.zip"), "restored one.zip into", "the key that is here opens its stored secrets", ".before-restore-")
	server = process.Launch(t, dir, "/api/wx/health", "serve")
	says(server.Out.String(), "restored: the data are those of one.zip")
	token := server.Login("owner@example.com", "a-long-password")
	if status, _ := server.Call(http.MethodPost, "/api/collections/_superusers/auth-with-password", "",
		map[string]string{"identity": "later@example.com", "password": "a-long-password"}); status == http.StatusOK {
		t.Error("the superuser of after the backup is still there")
	}
	alerts := server.Must(http.MethodGet, "/api/wx/admin/alerts", token, nil)
	if items, _ := alerts["items"].([]any); len(items) == 0 || !strings.Contains(strings.Join(strings.Fields(toText(items)), ""), "restored") {
		t.Errorf("alerts: got %v, want one of the restore", alerts)
	}
	server.End(syscall.SIGTERM)
	server = process.Launch(t, dir, "/api/wx/health", "serve")
	says(server.Out.String(), "restored: the data are those of one.zip") // the bill of today is still to come
	server.End(syscall.SIGTERM)

	// a restore that was killed
	if err := os.WriteFile(filepath.Join(dir, ".wxbase.restoring"), []byte(`{"places":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	says(run(1, "serve"), "was interrupted")
	says(run(0, "restore", "one.zip"), "is back in place", "restored one.zip")
	process.Launch(t, dir, "/api/wx/health", "serve")
}
