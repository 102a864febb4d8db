package backup

// How the contents of a data folder are exchanged. What was there is moved into a folder beside, on the same disk, and what is new takes its
// place; a file in the data folder says so meanwhile (folder.RestoringFile). Whatever ends in between, the next restore begins by moving everything back.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/folder"
)

// Before begins the names of the folders where a restore puts what was there.
const Before = ".before-restore-"

// place is a folder whose entries are exchanged.
type place struct {
	Root  string   `json:"root"`
	Aside string   `json:"aside"` // where its entries go, on the same disk
	Names []string `json:"names"` // that are exchanged: all that were there, and all that come
	Had   []string `json:"had"`   // those that were there
	fresh string   // where the new entries lie
}

// swap is an exchange, as it is noted while it runs.
type swap struct {
	dir    string
	Places []place `json:"places"`
}

// newSwap plans to put the databases of fresh, and its files when it has some, into dir. Files that lie behind a link or on a disk of their own stay
// where they are: then the entries of storage/ are exchanged and not the folder.
func newSwap(dir, fresh, stamp string) (*swap, error) {
	s := &swap{dir: dir}
	top := place{Root: dir, Aside: filepath.Join(dir, Before+stamp), Names: append(databaseFiles(), ReplicaFolder), fresh: fresh}
	freshFiles := filepath.Join(fresh, core.LocalStorageDirName)
	if folder.Exists(freshFiles) {
		files := filepath.Join(dir, core.LocalStorageDirName)
		elsewhere, err := LiesElsewhere(files)
		if err != nil {
			return nil, err
		}
		if !elsewhere {
			top.Names = append(top.Names, core.LocalStorageDirName)
		} else {
			if files, err = filepath.EvalSymlinks(files); err != nil {
				return nil, fmt.Errorf("follow storage/: %w", err)
			}
			inner := place{Root: files, Aside: filepath.Join(files, Before+stamp), fresh: freshFiles}
			if inner.Names, err = entriesOf(files, freshFiles); err != nil {
				return nil, err
			}
			s.Places = append(s.Places, inner)
		}
	}
	s.Places = append(s.Places, top)
	for i := range s.Places {
		p := &s.Places[i]
		for _, name := range p.Names {
			if _, err := os.Lstat(filepath.Join(p.Root, name)); err == nil {
				p.Had = append(p.Had, name)
			}
		}
	}
	return s, nil
}

// entriesOf are the names in some folders, without what earlier restores put aside and what the system keeps on a disk of its own.
func entriesOf(dirs ...string) (names []string, err error) {
	for _, dir := range dirs {
		list, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range list {
			if !strings.HasPrefix(entry.Name(), Before) && entry.Name() != "lost+found" {
				names = append(names, entry.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// run exchanges. After an error everything is where it was.
func (s *swap) run() error {
	if err := folder.WriteNote(s.dir, folder.RestoringFile, s); err != nil {
		return fmt.Errorf("note the restore: %w", err)
	}
	for _, p := range s.Places {
		if err := p.exchange(); err != nil {
			if back := s.undo(); back != nil {
				return errors.Join(err, fmt.Errorf("and what was there could not all be put back: %w; run the same command again", back))
			}
			return fmt.Errorf("nothing was changed: %w", err)
		}
	}
	return s.done()
}

func (p place) exchange() error {
	if err := os.MkdirAll(p.Aside, 0o700); err != nil {
		return err
	}
	for _, name := range p.Had {
		if err := os.Rename(filepath.Join(p.Root, name), filepath.Join(p.Aside, name)); err != nil {
			return fmt.Errorf("put %s aside: %w", name, err)
		}
	}
	for _, name := range p.Names {
		err := move(filepath.Join(p.fresh, name), filepath.Join(p.Root, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put %s in place: %w", name, err)
		}
	}
	return nil
}

// undo moves back what was there. It can be run again.
func (s *swap) undo() error {
	for _, p := range slices.Backward(s.Places) {
		for _, name := range p.Names {
			aside, target := filepath.Join(p.Aside, name), filepath.Join(p.Root, name)
			_, missing := os.Lstat(aside)
			if missing != nil && slices.Contains(p.Had, name) {
				continue // it was not moved yet, or is back
			}
			if err := os.RemoveAll(target); err != nil {
				return err
			}
			if missing == nil {
				if err := os.Rename(aside, target); err != nil {
					return err
				}
			}
		}
		_ = os.Remove(p.Aside) // it is empty now
	}
	return s.done()
}

func (s *swap) done() error {
	return os.Remove(filepath.Join(s.dir, folder.RestoringFile))
}

// undoHalf moves everything back where a restore was interrupted.
func undoHalf(dir string) (undone bool, err error) {
	s := &swap{dir: dir}
	found, err := folder.ReadNote(dir, folder.RestoringFile, s)
	if err != nil || !found {
		return false, err
	}
	return true, s.undo()
}

// LiesElsewhere tells whether a folder is a link, or a disk of its own that is mounted there: it cannot be renamed then.
func LiesElsewhere(dir string) (bool, error) {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.Mode()&fs.ModeSymlink != 0 || isMount(dir, info), nil
}

// move renames, and copies where the target lies on another disk.
func move(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return copyFile(path, filepath.Join(to, rel))
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(from)
}
