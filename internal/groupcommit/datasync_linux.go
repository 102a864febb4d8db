package groupcommit

import (
	"errors"
	"os"
	"syscall"
)

// datasync leaves the times of the file to the system.
func datasync(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
