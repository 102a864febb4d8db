package replica_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/apptest/web"
	"wxbase/internal/replica"
)

// stored is the names and contents of a folder of files.
func stored(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		found[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func save(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func broughtBack(t *testing.T, p *replica.Place, at time.Time) map[string]string {
	t.Helper()
	to := t.TempDir()
	if _, err := p.RestoreFiles(t.Context(), to, at, false); err != nil {
		t.Fatal(err)
	}
	return stored(t, to)
}

// TestFiles: new files follow, thumbnails and halves do not, and what was deleted comes back for a moment before, and for no other.
func TestFiles(t *testing.T) {
	t.Parallel()
	for name, p := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, files := newShop(t), t.TempDir()
			options := replica.Options{Files: files, FilesEvery: 10 * time.Millisecond}
			s.start(p, options)
			save(t, files, "products/p1/a_123.jpg", "a")
			save(t, files, "products/p1/a_123.jpg.attrs", "{}")
			save(t, files, "products/p2/中文.txt", "b")
			save(t, files, "products/p1/thumbs_a_123.jpg/100x100_a_123.jpg", "small")
			save(t, files, "products/p1/b.jpg.18.tmp", "half")
			want := map[string]string{"products/p1/a_123.jpg": "a", "products/p1/a_123.jpg.attrs": "{}", "products/p2/中文.txt": "b"}
			waitFor(t, "the files", func() bool { return maps.Equal(broughtBack(t, p, time.Time{}), want) })
			moment := time.Now()
			if err := os.Remove(filepath.Join(files, "products/p2/中文.txt")); err != nil {
				t.Fatal(err)
			}
			save(t, files, "products/p3/c.jpg", "c")
			delete(want, "products/p2/中文.txt")
			want["products/p3/c.jpg"] = "c"
			waitFor(t, "a deletion", func() bool { return maps.Equal(broughtBack(t, p, time.Time{}), want) })
			if then := broughtBack(t, p, moment); then["products/p2/中文.txt"] != "b" {
				t.Errorf("the moment before: got %v, want the deleted file", then)
			}
			s.stop()
			save(t, files, "products/p4/d.jpg", "d") // while no server runs
			s.start(p, replica.Options{Files: files, FilesEvery: 10 * time.Millisecond, Keep: time.Nanosecond})
			want["products/p4/d.jpg"] = "d"
			waitFor(t, "another start", func() bool {
				return maps.Equal(broughtBack(t, p, time.Time{}), want) && broughtBack(t, p, moment)["products/p2/中文.txt"] == ""
			})
			s.stop()
			exact := t.TempDir()
			save(t, exact, "products/p2/中文.txt", "b")
			if _, err := p.RestoreFiles(t.Context(), exact, time.Time{}, true); err != nil || !maps.Equal(stored(t, exact), want) {
				t.Errorf("exactly: got %v %v, want %v", stored(t, exact), err, want)
			}
		})
	}
}

// A disk that is not mounted is no wish to delete everything, and files in a bucket are copied by nobody.
func TestFilesAreNotThere(t *testing.T) {
	t.Parallel()
	p := places(t)["folder"]
	s, files, wanted := newShop(t), t.TempDir(), true
	for n := range 12 {
		save(t, files, fmt.Sprintf("products/p/%d.jpg", n), "x")
	}
	s.start(p, replica.Options{Files: files})
	s.stop() // copies the rest
	s.start(p, replica.Options{Files: t.TempDir(), Quiet: time.Nanosecond})
	s.stop()
	if got := broughtBack(t, p, time.Time{}); len(got) != 12 {
		t.Errorf("after an empty disk: got %v, want all files", slices.Sorted(maps.Keys(got)))
	}
	wanted = false
	save(t, files, "products/p/new.jpg", "x")
	s.start(p, replica.Options{Files: files, FilesWanted: func() bool { return wanted }})
	waitFor(t, "it says so", func() bool { return s.copy.Status().Files.Off })
	s.stop()
	if got := broughtBack(t, p, time.Time{}); len(got) != 12 {
		t.Errorf("files in a bucket: got %d here, want none of them copied", len(got))
	}
}

// A bucket that is away, or whose list is cut short, gives no half of the files.
func TestFilesOfABucketThatIsAway(t *testing.T) {
	t.Parallel()
	bucket := newStore(t)
	p := place(t, bucket.env())
	s, files := newShop(t), t.TempDir()
	save(t, files, "products/p/a.jpg", "a")
	s.start(p, replica.Options{Files: files, FilesEvery: 10 * time.Millisecond, Quiet: time.Millisecond})
	waitFor(t, "the file", func() bool { return len(broughtBack(t, p, time.Time{})) == 1 })
	bucket.away.Store(true)
	if _, err := p.RestoreFiles(t.Context(), t.TempDir(), time.Time{}, false); err == nil {
		t.Error("away: got no error")
	}
	save(t, files, "products/p/b.jpg", "b")
	bucket.away.Store(false)
	waitFor(t, "the next file", func() bool { return len(broughtBack(t, p, time.Time{})) == 2 })
	if problem := s.copy.Status().Files.Problem; strings.Contains(problem, "secret") {
		t.Errorf("a secret: %s", problem)
	}
}

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Files that lie on another disk, to which storage/ is a link, follow like any others; a link whose disk is away is no empty folder, and one among
// the files is not passed over in silence.
func TestFilesBehindALink(t *testing.T) {
	t.Parallel()
	p := places(t)["folder"]
	s, disk, link := newShop(t), filepath.Join(t.TempDir(), "disk"), filepath.Join(t.TempDir(), "storage")
	save(t, disk, "products/p/a.jpg", "a")
	if err := os.Symlink(disk, link); err != nil {
		t.Fatal(err)
	}
	s.start(p, replica.Options{Files: link})
	s.stop() // copies the rest
	if got := broughtBack(t, p, time.Time{}); got["products/p/a.jpg"] != "a" {
		t.Errorf("behind a link: got %v, want the file", got)
	}
	if n, err := p.RestoreFiles(t.Context(), link, time.Time{}, true); n != 0 || err != nil {
		t.Errorf("what is there already: got %d fetched, %v, want none", n, err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(disk, "orders")); err != nil {
		t.Fatal(err)
	}
	var log lines
	s.start(p, replica.Options{Files: link, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	waitFor(t, "a link among the files is told of", func() bool { return strings.Contains(log.String(), "orders is a link") })
	s.stop()
	if err := os.Rename(disk, disk+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, err := replica.CountFiles(link); err == nil {
		t.Error("a disk that is away: got no error")
	}
}

// Who may write to the place makes nobody delete files outside of it.
func TestDeletedNamesStayInThePlace(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	save(t, root, "shop/data.db", "all that we have")
	save(t, root, "place/storage-deleted.json", `{"../../shop/data.db":"2020-01-01T00:00:00Z"}`)
	p := place(t, map[string]string{replica.EnvPlace: "file://" + filepath.ToSlash(root) + "/place"})
	s, files := newShop(t), t.TempDir()
	save(t, files, "products/p/a.jpg", "a")
	s.start(p, replica.Options{Files: files})
	s.stop() // copies the rest
	if got := broughtBack(t, p, time.Time{}); got["products/p/a.jpg"] != "a" {
		t.Errorf("got %v, want the file copied", got)
	}
	if _, err := os.Stat(filepath.Join(root, "shop", "data.db")); err != nil {
		t.Errorf("a file beside the place: %v", err)
	}
}

// A mark that the console of a bucket, or a program that mounts it, leaves for a folder does not end a restore.
func TestMarkOfAFolderIsNoFile(t *testing.T) {
	t.Parallel()
	bucket := newStore(t)
	p := place(t, bucket.env())
	s, files := newShop(t), t.TempDir()
	save(t, files, "products/p/a.jpg", "a")
	s.start(p, replica.Options{Files: files})
	s.stop() // copies the rest
	for _, mark := range []string{"", "products/", "products/p/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, bucket.URL+"/shop/of/mine/storage/"+mark, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := web.Client.Do(req)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("mark %q: %v %v", mark, res, err)
		}
		_ = res.Body.Close()
	}
	if got := broughtBack(t, p, time.Time{}); len(got) != 1 || got["products/p/a.jpg"] != "a" {
		t.Errorf("got %v, want the file", got)
	}
}
