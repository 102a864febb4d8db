package supervisor_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"wxbase/internal/supervisor"
)

// systemd is a socket as systemd's.
type systemd struct {
	*net.UnixConn
	t *testing.T
}

func newSystemd(t *testing.T, watchdog time.Duration) systemd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "")
	if watchdog > 0 {
		t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
		t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	}
	return systemd{c, t}
}

// next is what was said next.
func (s systemd) next() string {
	s.t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	text := make([]byte, 100)
	n, err := s.Read(text)
	if err != nil {
		s.t.Fatalf("nothing was said: %v", err)
	}
	return string(text[:n])
}

func TestSystemdIsTold(t *testing.T) {
	s := newSystemd(t, 0)
	told := supervisor.Ready(func(context.Context) bool { t.Error("looked without a watchdog"); return true }, slog.New(slog.DiscardHandler))
	told.Stopping()
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		if got := s.next(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWatchdogIsFedWhileAlive(t *testing.T) {
	s := newSystemd(t, 2*time.Millisecond)
	var looks atomic.Int32
	dead := make(chan struct{})
	told := supervisor.Ready(func(context.Context) bool {
		if looks.Add(1) <= 3 {
			return true
		}
		if looks.Load() == 10 {
			close(dead)
		}
		return false
	}, slog.New(slog.DiscardHandler))
	<-dead
	told.Stopping()
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"} {
		if got := s.next(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWithoutSystemdNothingIsSaid(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	supervisor.Ready(func(context.Context) bool { return true }, slog.New(slog.DiscardHandler)).Stopping()
	(*supervisor.Told)(nil).Stopping()
}
