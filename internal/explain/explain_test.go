package explain

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestExplain: what the system says gets what to do added, once, and stays the same error.
func TestExplain(t *testing.T) {
	t.Parallel()
	path := func(err error) error { return &fs.PathError{Op: "open", Path: "/data/x", Err: err} }
	listen := func(err error) error {
		return &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", err)}
	}
	scenarios := []struct {
		name string
		err  error
		want string
	}{
		{"no rights on the folder", path(syscall.EACCES), "must be writable by the user who starts wxbase"},
		{"a disk that is mounted read-only", path(syscall.EROFS), "must be writable"},
		{"a database that is read-only", errors.New("attempt to write a readonly database (8)"), "must be writable"},
		{"a database that cannot be opened", errors.New("unable to open database file (14)"), "must be writable"},
		{"a full disk", path(syscall.ENOSPC), "make room"},
		{"a full database", errors.New("database or disk is full (13)"), "make room"},
		{"a damaged database", errors.New("database disk image is malformed (11)"), "restore a backup"},
		{"a busy port", listen(syscall.EADDRINUSE), "choose another address by --http"},
		{"a port of the system", listen(syscall.EACCES), "a port below 1024 needs rights"},
		{"a foreign address", listen(syscall.EADDRNOTAVAIL), "this machine has no such address"},
		{"something else", errors.New("WXBASE_APPID must be wx"), "WXBASE_APPID must be wx"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got := Error(Error(fmt.Errorf("start: %w", s.err), "/data"), "/data")
			if !strings.Contains(got.Error(), s.want) || strings.Count(got.Error(), s.want) != 1 || !errors.Is(got, s.err) {
				t.Errorf("got %q, want %q once, around the same error", got, s.want)
			}
		})
	}
	if Error(nil, "/data") != nil {
		t.Error("no error: got one")
	}
}
