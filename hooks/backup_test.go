package hooks_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// withPicture gives a product a picture and returns the path of the file in the storage folder.
func withPicture(t *testing.T, app *apptest.App, content []byte) string {
	t.Helper()
	file, err := filesystem.NewFileFromBytes(content, "noodles.png")
	if err != nil {
		t.Fatal(err)
	}
	r := newRecord(t, app, "products", map[string]any{"name": "牛肉面", "image": file})
	return r.BaseFilesPath() + "/" + r.GetString("image")
}

// backup makes one and returns what is in it.
func backup(t *testing.T, app *apptest.App, name string) map[string][]byte {
	t.Helper()
	if err := app.CreateBackup(t.Context(), name); err != nil {
		t.Fatalf("backup: %v", err)
	}
	archive, err := zip.OpenReader(filepath.Join(app.DataDir(), core.LocalBackupsDirName, name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	content := map[string][]byte{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if content[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
		_ = in.Close()
	}
	return content
}

// pngHead is enough of a picture for the check of uploads.
var pngHead = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00")

func TestBackupContent(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	picture := withPicture(t, app, pngHead)
	content := backup(t, app, "one.zip")
	if !bytes.Equal(content["storage/"+picture], pngHead) {
		t.Errorf("storage/%s: got %d bytes, want the uploaded picture", picture, len(content["storage/"+picture]))
	}
	for name := range content {
		if name != "data.db" && name != "auxiliary.db" && !strings.HasPrefix(name, "storage/") {
			t.Errorf("%s is in the backup: a backup must not open its own secrets", name)
		}
	}
	for _, file := range []string{"wxbase.key", "sim/keys.json"} {
		key, err := os.ReadFile(filepath.Join(app.DataDir(), file))
		if err != nil || len(key) == 0 {
			t.Fatalf("read %s: %v", file, err)
		}
		for name, raw := range content {
			if bytes.Contains(raw, key) {
				t.Errorf("%s holds %s", name, file)
			}
		}
	}
	checkDatabase(t, content["data.db"], rows(t, app, "products"))
	left, err := os.ReadDir(filepath.Join(app.DataDir(), core.LocalTempDirName))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: got %v, %v, want nothing", left, err)
	}
}

// checkDatabase opens a copied database as a restore would.
func checkDatabase(t *testing.T, raw []byte, products int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := hooks.Connect(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var health string
	if err := db.NewQuery("PRAGMA integrity_check").Row(&health); err != nil || health != "ok" {
		t.Errorf("integrity: got %q, %v, want ok", health, err)
	}
	var n int
	if err := db.NewQuery("SELECT count(*) FROM products").Row(&n); err != nil || n != products {
		t.Errorf("products: got %d, %v, want %d", n, err, products)
	}
}

// TestBackupKeepsLocks: closing any descriptor of a database file drops all locks that the process holds on it. Then another process
// could take the write-ahead log away under this one.
func TestBackupKeepsLocks(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc/locks")
	}
	app := apptest.New(t)
	before := locks(t, app.DataDir())
	if before == 0 {
		t.Fatal("no locks before the backup: this test looks in the wrong place")
	}
	backup(t, app, "one.zip")
	backup(t, app, "two.zip")
	if after := locks(t, app.DataDir()); after < before {
		t.Errorf("locks on the database: got %d, want %d as before the backup", after, before)
	}
}

// locks counts the POSIX locks of this process on the shared memory of data.db.
func locks(t *testing.T, dir string) int {
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
	n := 0
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, fmt.Sprintf(" %d ", os.Getpid())) && strings.Contains(line, fmt.Sprintf(":%d ", inode)) {
			n++
		}
	}
	return n
}

// TestBackupWhileWriting: nobody waits for a backup, and what it copies is whole.
func TestBackupWhileWriting(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				newRecord(t, app, "products", map[string]any{"name": fmt.Sprint(n)})
			}
		}
	})
	for _, name := range []string{"one.zip", "two.zip", "three.zip"} {
		content := backup(t, app, name)
		var n int
		if err := app.DB().NewQuery("SELECT count(*) FROM products").Row(&n); err != nil {
			t.Error(err)
		}
		path := filepath.Join(t.TempDir(), "data.db")
		if err := os.WriteFile(path, content["data.db"], 0o600); err != nil {
			t.Error(err)
		}
		db, err := hooks.Connect(path)
		if err != nil {
			t.Fatal(err)
		}
		var health string
		if err := db.NewQuery("PRAGMA integrity_check").Row(&health); err != nil || health != "ok" {
			t.Errorf("%s: got %q, %v, want ok", name, health, err)
		}
		_ = db.Close()
	}
	close(stop)
	wg.Wait()
}

// TestBackupOfStorageElsewhere: people put the files on a big disk and link to it. Hard links do not reach over there.
func TestBackupOfStorageElsewhere(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	picture := withPicture(t, app, pngHead)
	elsewhere := filepath.Join(otherDisk(t), "storage")
	storage := filepath.Join(app.DataDir(), core.LocalStorageDirName)
	if err := os.CopyFS(elsewhere, os.DirFS(storage)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(storage); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, storage); err != nil {
		t.Fatal(err)
	}
	if content := backup(t, app, "one.zip"); !bytes.Equal(content["storage/"+picture], pngHead) {
		t.Errorf("storage/%s: got %d bytes, want the uploaded picture", picture, len(content["storage/"+picture]))
	}
}

// otherDisk is a folder on another file system where the machine has one; else one on the same.
func otherDisk(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "wxbase-") //nolint:usetesting // TempDir gives no choice of the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestBackupName(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	if err := app.CreateBackup(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(app.DataDir(), core.LocalBackupsDirName, "wxbase_backup_*.zip"))
	if err != nil || len(found) != 1 {
		t.Errorf("got %v, %v, want one file with our name", found, err)
	}
}

// TestDashboardRestoreLooksFirst: PocketBase answers before it restores, and tells nobody when it cannot.
func TestDashboardRestoreLooksFirst(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	super := app.Superuser()
	withPicture(t, app, pngHead)
	backup(t, app, "one.zip")
	dir := filepath.Join(app.DataDir(), core.LocalBackupsDirName)
	whole, err := os.ReadFile(filepath.Join(dir, "one.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cut.zip"), whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/api/backups/cut.zip/restore": "backup_damaged", "/api/backups/none.zip/restore": "backup_damaged",
	} {
		got := app.Call(http.MethodPost, path, super, nil)
		if got.Status != http.StatusBadRequest || got.Code() != want || got.Data("reason") == "" {
			t.Errorf("%s: got %d %s, want %s with a reason", path, got.Status, got.Body, want)
		}
	}
	if got := app.Call(http.MethodPost, "/api/backups/cut.zip/restore", "", nil); got.Status != http.StatusUnauthorized {
		t.Errorf("a stranger: got %d, want 401", got.Status)
	}
	storage := filepath.Join(app.DataDir(), core.LocalStorageDirName)
	if err := os.Rename(storage, storage+"-elsewhere"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(storage+"-elsewhere", storage); err != nil {
		t.Fatal(err)
	}
	got := app.Call(http.MethodPost, "/api/backups/one.zip/restore", super, nil)
	if got.Status != http.StatusConflict || got.Code() != "restore_by_hand" {
		t.Errorf("with a link: got %d %s, want restore_by_hand", got.Status, got.Body)
	}
}

// TestFailedRestoreIsAnAlert: what fails after the answer stands among the alerts, and the data are as they were.
func TestFailedRestoreIsAnAlert(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	products := rows(t, app, "products")
	if err := os.MkdirAll(filepath.Join(app.DataDir(), core.LocalBackupsDirName), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app.DataDir(), core.LocalBackupsDirName, "cut.zip"), []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := app.RestoreBackup(t.Context(), "cut.zip"); err == nil {
		t.Fatal("got no error")
	}
	alert, err := app.FindFirstRecordByFilter("wx_alerts", "kind = 'restore' && subject = 'failed' && closedAt = ''")
	if err != nil || !strings.Contains(alert.GetString("details"), "cut short") {
		t.Errorf("alert: got %v %v, want why", alert, err)
	}
	if got := rows(t, app, "products"); got != products {
		t.Errorf("products: got %d, want %d", got, products)
	}
}
