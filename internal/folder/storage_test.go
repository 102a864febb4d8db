package folder_test

import (
	"archive/zip"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/tools/archive"

	"wxbase/internal/apptest"
)

// TestNamesStayInTheFolder: no name of a file, a thumb or a backup reaches what lies beside the storage folder.
func TestNamesStayInTheFolder(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	secret := "what nobody may read"
	if err := os.WriteFile(filepath.Join(app.DataDir(), "secret.txt"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	product, err := app.FindFirstRecordByFilter("products", "name != ''")
	if err != nil {
		t.Fatal(err)
	}
	super := app.Superuser()
	token := app.Must(http.MethodPost, "/api/files/token", super, nil).Text("token")
	for _, name := range []string{"../secret.txt", "../../secret.txt", "../../../secret.txt", "/secret.txt", `..\secret.txt`, "....//secret.txt", "..%2fsecret.txt", "secret.txt\x00.png"} {
		for _, base := range []string{"/api/files/products/" + product.Id + "/", "/api/files/products/", "/api/backups/"} {
			for _, spelt := range []string{url.PathEscape(name), strings.ReplaceAll(url.QueryEscape(name), "+", "%20")} {
				got := app.Call(http.MethodGet, base+spelt+"?token="+token+"&thumb=100x100", super, nil)
				if got.Status == http.StatusOK || strings.Contains(string(got.Body), secret) {
					t.Errorf("GET %s%s: got %d, want it refused", base, spelt, got.Status)
				}
			}
		}
		app.Call(http.MethodPost, "/api/backups", super, map[string]any{"name": name + ".zip"})
		app.Call(http.MethodDelete, "/api/backups/"+url.PathEscape(name), super, nil)
	}
	if text, err := os.ReadFile(filepath.Join(app.DataDir(), "secret.txt")); err != nil || string(text) != secret {
		t.Errorf("the file beside the storage folder: got %q (%v), want it untouched", text, err)
	}
}

// TestBackupEntriesStayInTheFolder: what a backup holds is written below the folder that it is restored to, or not at all.
func TestBackupEntriesStayInTheFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	file := filepath.Join(root, "backup.zip")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(out)
	link := &zip.FileHeader{Name: "link"}
	link.SetMode(os.ModeSymlink | 0o777)
	for _, h := range []*zip.FileHeader{{Name: "fine.txt"}, {Name: "../outside.txt"}, {Name: "a/../../outside.txt"}, link, {Name: "link/inside.txt"}} {
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		text := "text"
		if h == link {
			text = root
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(root, "data")
	_ = archive.Extract(file, to) // an error is a refusal
	for _, name := range []string{"outside.txt", "inside.txt"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			t.Errorf("%s was written outside of the folder", name)
		}
	}
	if info, err := os.Lstat(filepath.Join(to, "link")); err == nil && info.Mode()&os.ModeSymlink != 0 {
		t.Error("a link of the backup was made")
	}
}
