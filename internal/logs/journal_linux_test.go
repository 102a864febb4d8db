package logs_test

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"wxbase/internal/logs"
)

// systemd's journal reads a socket: it notes the time itself, and takes the level from the begin of a line.
func TestJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	journal, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = journal.Close() }()
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	file, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	l, err := logs.New(env(logs.EnvFormat, "text", logs.EnvJournal, identity(t, file)), file)
	if err != nil {
		t.Fatal(err)
	}
	l.Add(time.Now(), slog.LevelError, "broken", map[string]any{"rid": "r"})
	got := make([]byte, 200)
	n, err := journal.Read(got)
	if want := "<3>level=ERROR msg=broken rid=r\n"; err != nil || string(got[:n]) != want {
		t.Errorf("got %q %v, want %q", got[:n], err, want)
	}
}

// identity is how systemd names an output.
func identity(t *testing.T, file *os.File) string {
	t.Helper()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
