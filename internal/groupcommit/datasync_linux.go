package groupcommit

import (
	"errors"
	"os"
	"syscall"
)

// datasync does not wait for the file's times.
func datasync(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
