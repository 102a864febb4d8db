// Package redistest starts a real redis-server for a test, on a free port of 127.0.0.1 and in its own folder, and lets
// the test kill, freeze and restart it.
package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Password is what clients of every Server need.
const Password = "a-password-that-must-not-be-seen"

// patience limits the start of a server on a busy machine.
const patience = 30 * time.Second

// Server is one redis-server. Its methods are called by one goroutine at a time.
type Server struct {
	tb      testing.TB
	addr    string
	dir     string
	process *exec.Cmd
	ended   chan struct{}
}

// Start starts a server that ends with the test. Without a redis-server the test fails in CI and is skipped elsewhere.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := Stopped(tb)
	s.Start()
	return s
}

// Stopped is Start for a server that is started later: it has an address already.
func Stopped(tb testing.TB) *Server {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		const what = "redis-server is not installed (Debian: apt-get install redis-server): nothing of the bus is tested"
		if os.Getenv("CI") != "" {
			tb.Fatal(what)
		}
		tb.Skip(what)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // only to find a free port
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s := &Server{tb: tb, addr: l.Addr().String(), dir: tb.TempDir()}
	tb.Cleanup(s.Kill)
	return s
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// URL is the address with the password.
func (s *Server) URL() string { return "redis://:" + Password + "@" + s.addr + "/0" }

// Start starts a server that is not running, on the same port, and waits until it answers.
func (s *Server) Start() {
	s.tb.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	//nolint:gosec,noctx // our own arguments; the test ends the process
	s.process = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--save", "", "--appendonly", "no",
		"--daemonize", "no", "--requirepass", Password)
	var out strings.Builder
	s.process.Stdout, s.process.Stderr = &out, &out
	if err := s.process.Start(); err != nil {
		s.tb.Fatal(err)
	}
	process, ended := s.process, make(chan struct{})
	s.ended = ended
	go func() { _ = process.Wait(); close(ended) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); s.ping() != nil; <-tick.C {
		select {
		case <-s.ended:
			s.tb.Fatalf("redis-server ended at once: %s", out.String())
		default:
		}
		if time.Now().After(end) {
			s.tb.Fatal("redis-server does not answer")
		}
	}
}

// ping speaks the protocol by hand, so that it does not depend on a client under test.
func (s *Server) ping() error {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second) //nolint:noctx // has its own timeout
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, "AUTH "+Password+"\r\nPING\r\n"); err != nil {
		return err
	}
	answers := bufio.NewReader(conn)
	for _, want := range []string{"+OK\r\n", "+PONG\r\n"} {
		if got, err := answers.ReadString('\n'); err != nil || got != want {
			return fmt.Errorf("got %q, %w", got, err)
		}
	}
	return nil
}

// Kill ends a running server with SIGKILL, and returns once it is gone.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGCONT)
	_ = s.process.Process.Kill()
	<-s.ended
	s.process = nil
}

// Freeze stops the process without ending it: connections stay and do not answer.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(what syscall.Signal) {
	s.tb.Helper()
	if err := s.process.Process.Signal(what); err != nil {
		s.tb.Fatal(err)
	}
}
