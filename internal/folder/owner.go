//go:build unix

package folder

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// GiveToOwner gives what root has made in a data folder to the folder's owner: `sudo wxbase doctor` or an import would otherwise leave files
// that the service, which runs as its own user, can neither lock nor change. It does nothing for other users, and in a folder of root's.
func GiveToOwner(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	root, err := os.OpenRoot(dir) // note: the owner can put a link there while we look; a link is changed and not followed
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(".")
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		if its, ok := info.Sys().(*syscall.Stat_t); !ok || its.Uid != 0 {
			return nil
		}
		return ignoreGone(root.Lchown(path, int(owner.Uid), int(owner.Gid)))
	})
}

// ignoreGone forgives a file that the server has removed meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
