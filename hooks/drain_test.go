package hooks_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBodyIsReadBeforeTheAnswer sends as nginx does: all of a large body, and only then a look at the answer. Whoever is refused early must
// find the refusal there, and not a connection that was closed on them.
func TestBodyIsReadBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	p := launch(t, home(t), "/api/wx/health", "serve")
	scenarios := []struct {
		name, path string
		chunked    bool
		want       int
	}{
		{"too large for a route", "/api/wx/login", false, http.StatusRequestEntityTooLarge},
		{"too large, in chunks", "/api/wx/login", true, http.StatusBadRequest},
		{"too large for an upload", "/api/wx/check/image", false, http.StatusRequestEntityTooLarge},
		{"without a token", "/api/backups/upload", false, http.StatusUnauthorized},
		{"no such route", "/api/nowhere", false, http.StatusNotFound},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for range 3 {
				if got, err := sendAllThenRead(p.addr, s.path, s.chunked); err != nil || got != s.want && (!s.chunked || got/100 != 4) {
					t.Errorf("got %d, %v, want %d", got, err, s.want)
				}
			}
		})
	}
}

// sendAllThenRead writes a body of 12 MB whole before it reads the status of the answer.
func sendAllThenRead(addr, path string, chunked bool) (int, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	const size, piece = 12 << 20, 1 << 20
	length := fmt.Sprintf("Content-Length: %d", size)
	if chunked {
		length = "Transfer-Encoding: chunked"
	}
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%s\r\n\r\n", path, addr, length); err != nil {
		return 0, err
	}
	body := strings.Repeat("x", piece)
	for range size / piece {
		if chunked {
			body = fmt.Sprintf("%x\r\n%s\r\n", piece, strings.Repeat("x", piece))
		}
		if _, err := io.WriteString(conn, body); err != nil {
			return 0, fmt.Errorf("write body: %w", err)
		}
	}
	if chunked {
		if _, err := io.WriteString(conn, "0\r\n\r\n"); err != nil {
			return 0, fmt.Errorf("end body: %w", err)
		}
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	return res.StatusCode, res.Body.Close()
}
