package backup_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // the system tables
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"wxbase/internal/apptest/scratch"
	"wxbase/internal/backup"
	_ "wxbase/migrations"
)

// migrated is a data folder with all migrations, made once.
var migrated = sync.OnceValues(func() (string, error) {
	dir, err := scratch.Dir("backup")
	if err != nil {
		return "", err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	if err := app.Bootstrap(); err != nil {
		return "", err
	}
	if err := app.RunAllMigrations(); err != nil {
		return "", err
	}
	return dir, app.ResetBootstrapState()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := migrated(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// shop is a data folder and its app, which is closed before anybody restores.
type shop struct {
	*testing.T
	core.App
	said bytes.Buffer
	env  map[string]string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	from, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "pb_data")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	s := &shop{T: t, env: map[string]string{}}
	s.open(dir)
	return s
}

func (s *shop) open(dir string) {
	s.Helper()
	s.App = core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	backup.Bind(s.App)
	s.must(s.Bootstrap())
	s.Settings().Logs.MaxDays = 0 // PocketBase writes its log by a ticker that does not wait for the end of the app
	s.Cleanup(s.close)
}

func (s *shop) close() {
	if s.IsBootstrapped() {
		_ = s.ResetBootstrapState()
	}
}

func (s *shop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// product writes one with a picture, and gives the picture's path in the data folder.
func (s *shop) product(name, picture string) string {
	s.Helper()
	c, err := s.FindCollectionByNameOrId("products")
	s.must(err)
	r := core.NewRecord(c)
	r.Set("name", name)
	r.Set("price", 100)
	file, err := filesystem.NewFileFromBytes([]byte(picture), "p.png")
	s.must(err)
	r.Set("image", file)
	s.must(s.SaveNoValidate(r))
	return filepath.Join(core.LocalStorageDirName, filepath.FromSlash(r.BaseFilesPath()), r.GetString("image"))
}

// make makes a backup and gives its path.
func (s *shop) make(name string) string {
	s.Helper()
	s.must(s.CreateBackup(s.Context(), name))
	return filepath.Join(s.DataDir(), core.LocalBackupsDirName, name)
}

func (s *shop) restore(archive string) (backup.Report, error) {
	s.close()
	return s.restoreTo(archive, s.DataDir())
}

func (s *shop) restoreTo(archive, to string) (backup.Report, error) {
	s.said.Reset()
	return backup.Restore{Archive: archive, To: to, Env: func(name string) string { return s.env[name] }, Now: time.Now, Out: &s.said}.Run()
}

// names are the products, in order.
func (s *shop) names() string {
	s.Helper()
	var names []string
	s.must(s.DB().Select("name").From("products").OrderBy("name").Column(&names))
	return strings.Join(names, " ")
}

// fingerprint is everything in the data folder but backups and what is temporary.
func (s *shop) fingerprint() string {
	s.Helper()
	var b strings.Builder
	s.must(filepath.WalkDir(s.DataDir(), func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(s.DataDir(), path)
		if err != nil || d.IsDir() || strings.HasPrefix(rel, core.LocalBackupsDirName) || strings.HasPrefix(rel, ".wxbase.") {
			return err
		}
		text, err := os.ReadFile(path)
		b.WriteString(rel + "\n" + string(text) + "\n")
		return err
	}))
	return b.String()
}

// rewrite copies an archive, each entry as change wants it: nil leaves it out.
func rewrite(t *testing.T, archive string, change func(name string, content []byte) []byte) string {
	t.Helper()
	in, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	path := filepath.Join(t.TempDir(), "other.zip")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := zip.NewWriter(file)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if content = change(f.Name, content); content == nil {
			continue
		}
		w, err := out.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// withSQL gives an archive whose database a statement has changed.
func withSQL(t *testing.T, archive, statement string) string {
	t.Helper()
	return rewrite(t, archive, func(name string, content []byte) []byte {
		if name != "data.db" {
			return content
		}
		path := filepath.Join(t.TempDir(), "data.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := dbx.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.NewQuery(statement).Execute(); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		changed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return changed
	})
}

// toText is a value as JSON.
func toText(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
