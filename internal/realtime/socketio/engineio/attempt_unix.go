//go:build unix

package engineio

import (
	"errors"
	"syscall"
)

const canAttempt = true

// attempt writes what a socket takes at once, which may be nothing.
func attempt(fd uintptr, b []byte) (int, error) {
	n, err := syscall.Write(int(fd), b)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		return 0, nil
	}
	return n, err
}
