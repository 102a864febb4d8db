package sse_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"wxbase/internal/realtime"
)

// stall is a client that says hello, joins and then never reads again.
func (k *kit) stall(t *testing.T) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", k.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(conn, "GET /api/realtime HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "id:"); ok {
			if status, code := k.subscribe(t, id, "", "rooms/notice"); status != http.StatusNoContent {
				t.Fatalf("subscribe: got %d %s", status, code)
			}
			return conn
		}
	}
}

// TestStalledReaders: clients that stop reading cost a limited queue each, are closed, and do not slow others. With
// PocketBase's own client every message would leave a goroutine per stalled client.
//
// note: not parallel, because it counts goroutines.
func TestStalledReaders(t *testing.T) {
	const stalled, messages, size = 5, 1_500, 8 << 10
	k := newKit(t, func(l *realtime.Limits) { l.WriteTimeout = time.Second })
	healthy := []*stream{k.join(t, "", "rooms/notice"), k.join(t, "", "rooms/notice")}
	var lame []net.Conn
	for range stalled {
		lame = append(lame, k.stall(t))
	}
	if got := k.hub.Members("notice"); got != stalled+len(healthy) {
		t.Fatalf("members: got %d, want %d", got, stalled+len(healthy))
	}
	before, most := runtime.NumGoroutine(), 0
	filler := strings.Repeat("x", size)
	for n := range messages {
		k.say(t, "notice", map[string]any{"n": n, "filler": filler})
		for i, s := range healthy { // the healthy ones keep reading, so that their queues do not fill
			e, err := s.next()
			if err != nil || payload[struct{ N int }](t, []byte(e.data)).N != n {
				t.Fatalf("healthy client %d: got %.80q, %v, want message %d", i, e.data, err, n)
			}
		}
		most = max(most, runtime.NumGoroutine())
	}
	if most > before+messages/10 { // note: the database starts some goroutines; one per message would be thousands
		t.Errorf("goroutines: %d before, %d at most, want them bounded", before, most)
	}
	eventually(t, "the server gives up the stalled connections", func() bool { return k.front.Stats().Clients == len(healthy) })
	if got := k.hub.Members("notice"); got != len(healthy) {
		t.Errorf("members: got %d, want the %d healthy ones", got, len(healthy))
	}
	eventually(t, "their goroutines end", func() bool { return runtime.NumGoroutine() <= before-stalled })
	for _, c := range lame {
		wantClosed(t, c)
	}
}

// wantClosed reads what is still on the way and expects the end after it.
func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("still open after %d bytes, want it closed", n)
	}
}
