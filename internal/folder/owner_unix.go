//go:build !windows

package folder

import (
	"io/fs"
	"os"
	"syscall"
)

// GiveToOwner gives everything in a folder to the folder's owner, when root has written there: a service that runs as a user of its own could not open
// it otherwise.
func GiveToOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return nil
	}
	root, err := os.OpenRoot(dir) // note: nothing outside, whatever the links in it say
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
}
