//go:build !windows

package folder

import (
	"io/fs"
	"os"
	"path/filepath"
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
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
}
