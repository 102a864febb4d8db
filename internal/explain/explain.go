// Package explain tells the owner of a shop how to fix an error of a command.
package explain

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
)

// Flags that say where something listens.
const (
	ServeFlag = "--http"
	SimFlag   = "--simHttp (--http for wxbase sim)"
)

// Error adds to the error of a command what its owner can do about it.
func Error(err error, dir string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.As(err, new(*hinted)):
		return err
	case has("unknown flag", "unknown shorthand flag", "flag needs an argument", "invalid argument") && !errors.As(err, new(*fs.PathError)):
		return hint(err, "see wxbase serve --help, or --help after another command")
	case has("unknown command"):
		return hint(err, "see wxbase --help")
	case errors.As(err, new(*net.OpError)):
		return Listen(err, ServeFlag)
	case has("file is not a database", "disk image is malformed"):
		return hint(err, fmt.Sprintf("the database in %s is damaged: keep a copy of the folder, then restore a backup into a new one", dir))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), has("readonly database", "unable to open database file"):
		return hint(err, fmt.Sprintf("the folder %s must be writable by the user who starts wxbase: change its owner, or name another by --dir", dir))
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrNotExist) && has("data folder"):
		return hint(err, fmt.Sprintf("%s cannot be made: name another folder by --dir", dir))
	case errors.Is(err, syscall.ENOSPC), has("database or disk is full"):
		return hint(err, "the disk is full: make room, nothing is lost")
	}
	return err
}

// Listen says what to do when an address cannot be listened at.
func Listen(err error, flag string) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return hint(err, "another program is there: stop it, or choose another address by "+flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return hint(err, "this machine has no such address: choose one by "+flag)
	case errors.Is(err, fs.ErrPermission):
		return hint(err, "a port below 1024 needs rights: choose another by "+flag+", and let a proxy pass on to it")
	case errors.As(err, new(*net.AddrError)), errors.As(err, new(*net.DNSError)):
		return hint(err, flag+" wants an address and a port, such as 127.0.0.1:8090")
	}
	return err
}

// hinted is an error with what to do about it.
type hinted struct {
	error

	todo string
}

func hint(err error, todo string) error { return &hinted{err, todo} }

// Error is one line: what went wrong, then what to do.
func (h *hinted) Error() string { return h.error.Error() + "; " + h.todo }

// Unwrap gives the error without the advice.
func (h *hinted) Unwrap() error { return h.error }

// OneLine makes one line of a text.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
