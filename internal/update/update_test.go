//go:build !windows

package update_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/folder"
	"wxbase/internal/update"
)

// note: nothing here is parallel: a process that another test starts would hold the executable open that is being written, and nobody could run it.

// shop is a data folder, an executable, and who runs it. The executables are scripts: what matters is when they are started, and on what.
type shop struct {
	*testing.T
	dir, executable, data string
	said                  bytes.Buffer

	running string // version that serves; "" when none does
	starts  []string
	serves  func(version string) error // whether a version can serve; it may change the data as it tries
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{T: t, dir: t.TempDir(), running: "wxbase 1", serves: func(string) error { return nil }}
	s.executable, s.data = filepath.Join(s.dir, "bin", "wxbase"), filepath.Join(s.dir, "pb_data")
	s.write(s.executable, script("wxbase 1"))
	s.write(filepath.Join(s.data, "data.db"), "data of 1")
	s.write(filepath.Join(s.data, "auxiliary.db"), "log of 1")
	return s
}

func script(says string) string { return "#!/bin/sh\necho '" + says + "'\n" }

func (s *shop) write(path, text string) {
	s.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) read(path string) string {
	s.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// Stop and Start are the service.
func (s *shop) Stop(context.Context) error {
	s.running = ""
	return nil
}

func (s *shop) Start(context.Context) error {
	version := strings.TrimSuffix(strings.TrimPrefix(s.read(s.executable), "#!/bin/sh\necho '"), "'\n")
	s.starts = append(s.starts, version)
	if err := s.serves(version); err != nil {
		return err
	}
	s.running = version
	return nil
}

func (s *shop) update(from, sum string) error {
	return update.Plan{From: from, SHA256: sum, Executable: s.executable, Data: s.data, Service: s, Out: &s.said}.Run(s.Context())
}

// release writes an archive and the file of sums, and returns the archive's path.
func (s *shop) release(name, executable string) string {
	s.Helper()
	var archive bytes.Buffer
	switch {
	case strings.HasSuffix(name, ".tar.gz"):
		text := gzip.NewWriter(&archive)
		files := tar.NewWriter(text)
		for _, f := range [][2]string{{"wxbase-2/README.md", "read me"}, {"wxbase-2/wxbase", executable}} {
			s.must(files.WriteHeader(&tar.Header{Name: f[0], Mode: 0o755, Size: int64(len(f[1]))}))
			_, err := io.WriteString(files, f[1])
			s.must(err)
		}
		s.must(errors.Join(files.Close(), text.Close()))
	case strings.HasSuffix(name, ".zip"):
		files := zip.NewWriter(&archive)
		f, err := files.Create("wxbase-2/wxbase.exe")
		s.must(err)
		_, err = io.WriteString(f, executable)
		s.must(errors.Join(err, files.Close()))
	default:
		archive.WriteString(executable)
	}
	path := filepath.Join(s.dir, "download", name)
	s.write(path, archive.String())
	s.write(filepath.Join(s.dir, "download", update.Sums), fmt.Sprintf("%s  other.zip\n%s  %s\n", strings.Repeat("0", 64), sumOf(archive.Bytes()), name))
	return path
}

func (s *shop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// wantAsBefore makes sure that nothing has changed and that version 1 serves.
func (s *shop) wantAsBefore() {
	s.Helper()
	for path, want := range map[string]string{
		s.executable: script("wxbase 1"), filepath.Join(s.data, "data.db"): "data of 1", filepath.Join(s.data, "auxiliary.db"): "log of 1",
	} {
		if got := s.read(path); got != want {
			s.Errorf("%s: got %q, want %q", filepath.Base(path), got, want)
		}
	}
	if _, err := os.Stat(filepath.Join(s.data, "data.db-wal")); err == nil {
		s.Error("a log of the new version lies beside the old database")
	}
	if s.running != "wxbase 1" {
		s.Errorf("%q serves, want the old one", s.running)
	}
	left, err := filepath.Glob(filepath.Join(s.dir, "bin", ".wxbase-new-*"))
	if err != nil || len(left) > 0 {
		s.Errorf("left behind: %v %v", left, err)
	}
}

func TestUpdate(t *testing.T) {
	for _, name := range []string{"wxbase-2-linux-amd64.tar.gz", "wxbase-2-windows-amd64.zip", "wxbase"} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.must(s.update(s.release(name, script("wxbase 2")), ""))
			if s.running != "wxbase 2" || s.read(s.executable) != script("wxbase 2") || s.read(s.executable+".old") != script("wxbase 1") {
				t.Errorf("%q serves: %s", s.running, s.said.String())
			}
			if got := s.read(filepath.Join(s.data, update.Before, "data.db")); got != "data of 1" {
				t.Errorf("kept %q", got)
			}
		})
	}
}

func TestUpdateGoesBack(t *testing.T) {
	s := newShop(t)
	s.serves = func(version string) error {
		if version == "wxbase 1" {
			return nil
		}
		s.write(filepath.Join(s.data, "data.db"), "half changed")
		s.write(filepath.Join(s.data, "data.db-wal"), "log of 2")
		return errors.New("no such column")
	}
	err := s.update(s.release("wxbase", script("wxbase 2")), "")
	if err == nil || !strings.Contains(err.Error(), "no such column") || !strings.Contains(err.Error(), "the old one serves again") {
		t.Errorf("got %v", err)
	}
	if want := []string{"wxbase 2", "wxbase 1"}; !slices.Equal(s.starts, want) {
		t.Errorf("started %v, want %v", s.starts, want)
	}
	s.wantAsBefore()
}

func TestUpdateRefuses(t *testing.T) {
	good := script("wxbase 2")
	scenarios := []struct {
		name    string
		prepare func(s *shop) (from, sum string)
		want    string
	}{
		{"another sum", func(s *shop) (string, string) { return s.release("wxbase", good), strings.Repeat("a", 64) }, "damaged"},
		{"a file changed after the sums", func(s *shop) (string, string) {
			from := s.release("wxbase", good)
			s.write(from, script("wxbase 3"))
			return from, ""
		}, "damaged"},
		{"no sums", func(s *shop) (string, string) {
			from := s.release("wxbase", good)
			s.must(os.Remove(filepath.Join(filepath.Dir(from), update.Sums)))
			return from, ""
		}, "--sha256"},
		{"sums of other files", func(s *shop) (string, string) {
			from := s.release("wxbase", good)
			s.must(os.Rename(from, from+"-2"))
			return from + "-2", ""
		}, "does not name"},
		{"another program", func(s *shop) (string, string) { return s.release("wxbase", script("shop 9")), "" }, "not wxbase"},
		{"for another system", func(s *shop) (string, string) { return s.release("wxbase", "\x00\x01"), "" }, "does not run here"},
		{"an archive of something else", func(s *shop) (string, string) {
			var archive bytes.Buffer
			s.must(errors.Join(zip.NewWriter(&archive).Close()))
			from := filepath.Join(s.dir, "download", "other.zip")
			s.write(from, archive.String())
			return from, sumOf(archive.Bytes())
		}, "no wxbase"},
		{"a server that still runs", func(s *shop) (string, string) {
			held, err := folder.Take(s.data)
			s.must(err)
			s.Cleanup(held.Release)
			return s.release("wxbase", good), ""
		}, "in use by"},
		{"no room for the copy", func(s *shop) (string, string) {
			s.write(filepath.Join(s.data, "data.db-wal", "in the way"), "")
			return s.release("wxbase", good), ""
		}, "nothing was changed"},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			s := newShop(t)
			from, sum := sc.prepare(s)
			if err := s.update(from, sum); err == nil || !strings.Contains(err.Error(), sc.want) {
				t.Errorf("got %v, want %q", err, sc.want)
			}
			s.must(os.RemoveAll(filepath.Join(s.data, "data.db-wal")))
			s.wantAsBefore()
		})
	}
}

// patience is longer than anything here takes.
const patience = time.Minute

// what is no server ends at once, with its words in the error
func TestTrialSaysWhyItFailed(t *testing.T) {
	s := newShop(t)
	s.write(s.executable, "#!/bin/sh\necho 'no such column' >&2\nexit 1\n")
	err := update.Trial{Executable: s.executable, Data: s.data, Wait: patience}.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "ended before it served: no such column") {
		t.Errorf("got %v", err)
	}
}
