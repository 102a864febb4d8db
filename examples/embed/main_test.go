package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestMain is the program itself when a test asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("EMBED_SERVE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// freeAddress is one of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestServes: the program starts, has our routes beside its own, and asks for a superuser at its own.
func TestServes(t *testing.T) {
	address := freeAddress(t)
	server := exec.CommandContext(t.Context(), os.Args[0], "serve", "--http", address, "--dir", t.TempDir())
	server.Env = append(os.Environ(), "EMBED_SERVE=1", "SIM_HTTP="+freeAddress(t))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	get := func(method, path string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	for end := time.Now().Add(30 * time.Second); get(http.MethodGet, "/api/wx/health") != http.StatusOK; {
		if time.Now().After(end) {
			t.Fatal("the program does not answer")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := get(http.MethodPost, "/orders/any/sorry"); got != http.StatusUnauthorized {
		t.Errorf("its own route without a login: got %d, want 401", got)
	}
}
