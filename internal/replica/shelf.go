package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pocketbase/pocketbase/tools/filesystem"
)

// shelf is where the files of storage/ lie in the place, under the names that they have there.
type shelf interface {
	list(ctx context.Context) (map[string]int64, error) // names and sizes
	put(ctx context.Context, from, name string) error
	get(ctx context.Context, name, to string) error
	remove(ctx context.Context, name string) error
	readNote(ctx context.Context, note string) ([]byte, error) // nil when there is none
	writeNote(ctx context.Context, note string, text []byte) error
	dropNote(ctx context.Context, note string) error
}

// Names beside the database in the place.
const (
	filesDir  = "storage"
	filesNote = "storage-deleted.json"
)

func (p *Place) shelf() shelf {
	if p.folder != "" {
		return folderShelf{p.folder}
	}
	return bucketShelf{p}
}

// folderShelf is a folder.
type folderShelf struct{ dir string }

func (s folderShelf) path(name string) string {
	return filepath.Join(s.dir, filesDir, filepath.FromSlash(name))
}

func (s folderShelf) list(ctx context.Context) (map[string]int64, error) {
	if _, err := os.Stat(s.dir); err != nil { // a disk that is not mounted holds no empty mirror
		return nil, err
	}
	return walkFiles(ctx, filepath.Join(s.dir, filesDir))
}

func (s folderShelf) put(_ context.Context, from, name string) error {
	return copyWhole(from, s.path(name))
}

func (s folderShelf) get(_ context.Context, name, to string) error {
	return copyWhole(s.path(name), to)
}

func (s folderShelf) remove(_ context.Context, name string) error {
	if err := removeIfThere(s.path(name)); err != nil {
		return err
	}
	dir := path.Dir(name)
	for dir != "." && os.Remove(s.path(dir)) == nil { // note: one that holds others stays
		dir = path.Dir(dir)
	}
	return nil
}

func (s folderShelf) readNote(_ context.Context, note string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, note)) //nolint:gosec // names of ours
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

func (s folderShelf) writeNote(_ context.Context, note string, text []byte) error {
	return writeWhole(filepath.Join(s.dir, note), strings.NewReader(string(text)))
}

func (s folderShelf) dropNote(_ context.Context, note string) error {
	return removeIfThere(filepath.Join(s.dir, note))
}

// walkFiles lists the files below a folder, as far as they are worth a copy: no thumbnails, which are made anew when somebody asks, and no half
// written ones. The folder itself may be a link to another disk.
func walkFiles(ctx context.Context, root string) (map[string]int64, error) {
	return walk(ctx, root, func(string) error { return nil })
}

// walkOwn does the same for what is to be copied, and passes over no link in silence.
func walkOwn(ctx context.Context, root string) (map[string]int64, error) {
	return walk(ctx, root, func(file string) error {
		return fmt.Errorf("%s is a link, which a copy cannot follow: put what it names in its place", file)
	})
}

func walk(ctx context.Context, root string, link func(file string) error) (map[string]int64, error) {
	found := map[string]int64{}
	if behind, err := filepath.EvalSymlinks(root); err == nil { // note: a walk does not follow links, and would find nothing
		root = behind
	} else if _, linked := os.Readlink(root); linked == nil || !errors.Is(err, fs.ErrNotExist) {
		return nil, err // a disk that is not mounted is no empty folder
	}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is none yet, or it was deleted meanwhile
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), "thumbs_") || strings.HasPrefix(d.Name(), ".") && file != root || d.Name() == "lost+found" {
				return fs.SkipDir
			}
			return ctx.Err()
		}
		if d.Type()&fs.ModeSymlink != 0 && !strings.HasPrefix(d.Name(), ".") {
			return link(file)
		}
		if !d.Type().IsRegular() || strings.HasSuffix(d.Name(), tempEnd) {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		found[filepath.ToSlash(rel)] = info.Size()
		return err
	})
	return found, err
}

// tempEnd ends the names of files that are not whole yet, PocketBase's and ours.
const tempEnd = ".tmp"

// copyWhole copies a file, whole or not at all.
func copyWhole(from, to string) error {
	in, err := os.Open(from) //nolint:gosec // our own folders
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	return writeWhole(to, in)
}

func writeWhole(to string, in io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(to), "*"+tempEnd)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }() // note: after the renaming there is nothing to remove
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}

// bucketShelf is a bucket.
type bucketShelf struct{ place *Place }

func (s bucketShelf) do(ctx context.Context, calls func(*filesystem.System) error) error {
	files, err := s.place.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(calls(files), files.Close())
}

func (s bucketShelf) key(name string) string { return join(s.place.prefix, filesDir, name) }

// errCut is a list without its end.
var errCut = errors.New("the list was cut short")

// list is everything, or an error: see endMark. One that was made while the mark was on its way is made again.
func (s bucketShelf) list(ctx context.Context) (map[string]int64, error) {
	found, err := s.listOnce(ctx)
	if errors.Is(err, errCut) {
		return s.listOnce(ctx)
	}
	return found, err
}

func (s bucketShelf) listOnce(ctx context.Context) (map[string]int64, error) {
	found := map[string]int64{}
	err := s.do(ctx, func(files *filesystem.System) error {
		prefix := s.key("") + "/"
		objects, err := files.List(prefix)
		if err != nil {
			return err
		}
		whole := false
		for _, o := range objects {
			name := strings.TrimPrefix(o.Key, prefix)
			switch {
			case name == endMark:
				whole = true
			case name != "" && !strings.HasSuffix(name, "/"): // note: consoles and other programs leave marks of folders, which are no files
				found[name] = o.Size
			}
		}
		if whole {
			return nil
		}
		_, err = files.Attributes(s.key(endMark))
		if errors.Is(err, filesystem.ErrNotFound) && len(found) == 0 {
			return nil // nobody has written to it yet
		}
		return errors.Join(errCut, err)
	})
	return found, err
}

// mark lets the list tell its end.
func (s bucketShelf) mark(ctx context.Context) error {
	return s.do(ctx, func(files *filesystem.System) error {
		_, err := files.Attributes(s.key(endMark))
		if errors.Is(err, filesystem.ErrNotFound) {
			err = files.Upload([]byte("the end of the files; wxbase looks for it\n"), s.key(endMark))
		}
		return err
	})
}

func (s bucketShelf) put(ctx context.Context, from, name string) error {
	content, err := filesystem.NewFileFromPath(from)
	if err != nil {
		return err
	}
	return s.do(ctx, func(files *filesystem.System) error { return files.UploadFile(content, s.key(name)) })
}

func (s bucketShelf) get(ctx context.Context, name, to string) error {
	return s.do(ctx, func(files *filesystem.System) error {
		in, err := files.GetReader(s.key(name))
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		return writeWhole(to, in)
	})
}

func (s bucketShelf) remove(ctx context.Context, name string) error {
	return s.do(ctx, func(files *filesystem.System) error {
		if err := files.Delete(s.key(name)); err != nil && !errors.Is(err, filesystem.ErrNotFound) {
			return err
		}
		return nil
	})
}

func (s bucketShelf) readNote(ctx context.Context, note string) (text []byte, err error) {
	err = s.do(ctx, func(files *filesystem.System) error {
		in, err := files.GetReader(join(s.place.prefix, note))
		if errors.Is(err, filesystem.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		text, err = io.ReadAll(in)
		return err
	})
	return text, err
}

func (s bucketShelf) writeNote(ctx context.Context, note string, text []byte) error {
	return s.do(ctx, func(files *filesystem.System) error { return files.Upload(text, join(s.place.prefix, note)) })
}

func (s bucketShelf) dropNote(ctx context.Context, note string) error {
	return s.do(ctx, func(files *filesystem.System) error { return files.Delete(join(s.place.prefix, note)) })
}
