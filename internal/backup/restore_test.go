package backup_test

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/backup"
	"wxbase/internal/folder"
	"wxbase/internal/settings"
)

func TestRestore(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	picture := s.product("noodles", "a picture")
	archive := s.make("one.zip")
	later := s.product("rice", "another")
	s.must(os.WriteFile(filepath.Join(s.DataDir(), settings.KeyFile), []byte("the key"), 0o600))
	report, err := s.restore(archive)
	s.must(err)
	if report.Rows["products"] != 1 || report.Files != 1 || len(report.Wrong) > 0 {
		t.Errorf("got %+v, want one product with its picture and books that hold", report)
	}
	for _, want := range []string{"restored one.zip", "1 products", "1 files", "the books hold", backup.Before} {
		if !strings.Contains(s.said.String(), want) {
			t.Errorf("said %q, want %q in it", s.said.String(), want)
		}
	}
	aside, err := filepath.Glob(filepath.Join(s.DataDir(), backup.Before+"*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("put aside: %v %v", aside, err)
	}
	if _, err := os.Stat(filepath.Join(aside[0], later)); err != nil {
		t.Errorf("the file of after the backup is not aside: %v", err)
	}
	if key, err := os.ReadFile(filepath.Join(s.DataDir(), settings.KeyFile)); err != nil || string(key) != "the key" {
		t.Errorf("key: got %q %v, want it left", key, err)
	}
	s.open(s.DataDir())
	if got := s.names(); got != "noodles" {
		t.Errorf("products: got %q", got)
	}
	if text, err := os.ReadFile(filepath.Join(s.DataDir(), picture)); err != nil || string(text) != "a picture" {
		t.Errorf("picture: got %q %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(s.DataDir(), later)); err == nil {
		t.Error("the file of after the backup is still in place")
	}
	if var2 := s.make("two.zip"); contains(t, var2, backup.Before) {
		t.Error("the next backup holds what the restore has put aside")
	}
}

// contains tells whether an archive has an entry with a part of a name.
func contains(t *testing.T, archive, part string) (found bool) {
	t.Helper()
	rewrite(t, archive, func(name string, content []byte) []byte {
		found = found || strings.Contains(name, part)
		return content
	})
	return found
}

func TestRestoreIntoANewFolder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.product("noodles", "a picture")
	archive := s.make("one.zip")
	to := filepath.Join(t.TempDir(), "new", "pb_data")
	_, err := s.restoreTo(archive, to)
	s.must(err)
	if strings.Contains(s.said.String(), backup.Before) {
		t.Errorf("nothing was there, and it says %q", s.said.String())
	}
	left, err := filepath.Glob(filepath.Join(to, backup.Before+"*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	s.close()
	s.open(to)
	if got := s.names(); got != "noodles" {
		t.Errorf("products: got %q", got)
	}
}

// What cannot be restored changes nothing, and says why.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.product("noodles", "a picture of noodles")
	good := s.make("good.zip")
	s.close()
	whole, err := os.ReadFile(good)
	s.must(err)
	write := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		s.must(os.WriteFile(path, content, 0o600))
		return path
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/3] ^= 0xff
	noise := make([]byte, 8192)
	_, _ = rand.Read(noise)
	scenarios := []struct{ name, archive, want string }{
		{"cut in the middle", write("cut.zip", whole[:len(whole)/2]), "cut short"},
		{"cut at the end", write("tail.zip", whole[:len(whole)-10]), "cut short"},
		{"empty", write("empty.zip", nil), "cut short"},
		{"one byte flipped", write("flipped.zip", flipped), "damaged"},
		{"a database with noise in it", rewrite(t, good, func(name string, content []byte) []byte {
			if name == "data.db" {
				copy(content[len(content)/2:], noise)
			}
			return content
		}), "damaged"},
		{"no database", rewrite(t, good, func(name string, content []byte) []byte {
			if name == "data.db" {
				return nil
			}
			return content
		}), "no data.db"},
		{"a database of something else", rewrite(t, good, func(name string, content []byte) []byte {
			if name == "data.db" {
				return []byte("hello")
			}
			return content
		}), "data.db"},
		{"of a newer version", withSQL(t, good, "INSERT INTO _migrations (file, applied) VALUES ('1999999999_of_the_future.go', 1)"), "newer version"},
		{"a name that leads out", write("slip.zip", slip(t, good)), "leads out"},
		{"no file", filepath.Join(t.TempDir(), "none.zip"), "no such file"},
	}
	before := s.fingerprint()
	for _, sc := range scenarios {
		_, err := s.restoreTo(sc.archive, s.DataDir())
		if err == nil || !strings.Contains(err.Error(), sc.want) || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("%s: got %v, want %q in it", sc.name, err, sc.want)
		}
		if s.fingerprint() != before {
			t.Fatalf("%s: the data folder has changed", sc.name)
		}
	}
}

// slip is an archive with an entry that leads out of its folder.
func slip(t *testing.T, archive string) []byte {
	t.Helper()
	first := true
	path := rewrite(t, archive, func(_ string, content []byte) []byte { return content })
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"auxiliary.db"} { // twice: in its header and in the list at the end
		raw = []byte(strings.ReplaceAll(string(raw), name, "../iliary.db"))
		first = false
	}
	if first {
		t.Fatal("nothing was renamed")
	}
	return raw
}

func TestRestoreRefusesAServerAtWork(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	archive := s.make("one.zip")
	held, err := folder.Take(s.DataDir())
	s.must(err)
	defer held.Release()
	if _, err := s.restoreTo(archive, s.DataDir()); err == nil || !strings.Contains(err.Error(), "in use by") {
		t.Errorf("got %v, want it refused", err)
	}
}

// Files on a disk of their own, which cannot be renamed: the link stays, and what lies behind it is exchanged.
func TestRestoreOfStorageElsewhere(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	picture := s.product("noodles", "a picture")
	elsewhere, err := os.MkdirTemp("/dev/shm", "wxbase-") //nolint:usetesting // TempDir gives no choice of the disk
	if err != nil {
		elsewhere = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere) })
	storage := filepath.Join(s.DataDir(), core.LocalStorageDirName)
	s.must(os.CopyFS(elsewhere, os.DirFS(storage)))
	s.must(os.RemoveAll(storage))
	s.must(os.Symlink(elsewhere, storage))
	archive := s.make("one.zip")
	later := s.product("rice", "another")
	_, err = s.restore(archive)
	s.must(err)
	if info, err := os.Lstat(storage); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Fatalf("storage: got %v %v, want the link", info, err)
	}
	if text, err := os.ReadFile(filepath.Join(s.DataDir(), picture)); err != nil || string(text) != "a picture" {
		t.Errorf("picture: got %q %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(s.DataDir(), later)); err == nil {
		t.Error("the file of after the backup is still in place")
	}
	aside, err := filepath.Glob(filepath.Join(elsewhere, backup.Before+"*", "*"))
	if err != nil || len(aside) == 0 {
		t.Errorf("nothing is aside on the other disk: %v", err)
	}
}

func TestLiesElsewhere(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]bool{t.TempDir(): false, "/proc": true, filepath.Join(t.TempDir(), "none"): false} {
		if got, err := backup.LiesElsewhere(dir); err != nil || got != want {
			t.Errorf("%s: got %v %v, want %v", dir, got, err, want)
		}
	}
}

func TestKeyWords(t *testing.T) {
	t.Parallel()
	dir, material := t.TempDir(), make([]byte, 32)
	_, _ = rand.Read(material)
	vault, err := settings.NewVault(material)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	say := func() string { return backup.KeyWords(dir, func(n string) string { return env[n] }, vault.Mark()) }
	if got := say(); !strings.HasPrefix(got, "NB! no key") {
		t.Errorf("without a key: got %q", got)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != 0 {
		t.Errorf("a key was made: %v %v", made, err)
	}
	env["WXBASE_SECRET_KEY"] = strings.Repeat("k", 40)
	if got := say(); !strings.HasPrefix(got, "NB! no key") {
		t.Errorf("with another key: got %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, settings.KeyFile), []byte(hex.EncodeToString(material)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := say(); got != "the key that is here opens its stored secrets" {
		t.Errorf("with the key: got %q", got)
	}
}
