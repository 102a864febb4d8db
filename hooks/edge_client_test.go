package hooks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// ioClient is a Socket.IO client by hand: protocol 5 over one WebSocket.
type ioClient struct {
	tb   testing.TB
	conn *websocket.Conn

	mu     sync.Mutex // guards what follows, and writing
	events []ioEvent
	acks   map[int]chan json.RawMessage
	next   int
	closed int // close code; 0 while open
	ended  chan struct{}
}

// ioEvent is one that arrived.
type ioEvent struct {
	name    string
	payload string
	info    struct {
		Room string `json:"room"`
		Seq  int64  `json:"seq"`
	}
}

// refusedError is what the server said to a handshake.
type refusedError struct{ code string }

func (e refusedError) Error() string { return "refused: " + e.code }

// dialIO connects to http://addr with a query such as {"room": …}.
func dialIO(tb testing.TB, addr string, query map[string]string) (*ioClient, error) {
	tb.Helper()
	q := url.Values{"EIO": {"4"}, "transport": {"websocket"}}
	for key, value := range query {
		q.Set(key, value)
	}
	conn, res, err := websocket.DefaultDialer.DialContext(tb.Context(), "ws://"+addr+"/socket.io/?"+q.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	_ = res.Body.Close()
	c := &ioClient{tb: tb, conn: conn, acks: map[int]chan json.RawMessage{}, ended: make(chan struct{})}
	tb.Cleanup(func() { _ = conn.Close() })
	if err := c.open(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	go c.read()
	return c, nil
}

// open goes through the handshake: the server's open packet, our connect, its answer.
func (c *ioClient) open() error {
	if packet, err := c.packet(); err != nil || packet[0] != '0' {
		return fmt.Errorf("open: got %q, %w", packet, err)
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		return err
	}
	packet, err := c.packet()
	if err != nil {
		return err
	}
	if data, ok := strings.CutPrefix(packet, "44"); ok {
		var refusal struct {
			Data struct {
				Code string `json:"code"`
			} `json:"data"`
		}
		_ = json.Unmarshal([]byte(data), &refusal)
		return refusedError{refusal.Data.Code}
	}
	if !strings.HasPrefix(packet, "40") {
		return fmt.Errorf("connect: got %q", packet)
	}
	return nil
}

func (c *ioClient) packet() (string, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(2 * patience))
	_, raw, err := c.conn.ReadMessage()
	if err == nil && len(raw) == 0 {
		err = errors.New("empty packet")
	}
	return string(raw), err
}

func (c *ioClient) read() {
	defer close(c.ended)
	for {
		packet, err := c.packet()
		if err != nil {
			c.mu.Lock()
			c.closed = -1
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				c.closed = closed.Code
			}
			c.mu.Unlock()
			return
		}
		switch {
		case packet == "2":
			c.write("3")
		case strings.HasPrefix(packet, "42"):
			c.took(packet[2:])
		case strings.HasPrefix(packet, "43"):
			c.acked(packet[2:])
		}
	}
}

func (c *ioClient) took(data string) {
	var parts []json.RawMessage
	var e ioEvent
	if json.Unmarshal([]byte(data), &parts) != nil || len(parts) == 0 || json.Unmarshal(parts[0], &e.name) != nil {
		c.tb.Errorf("got event %q", data)
		return
	}
	if len(parts) > 1 {
		e.payload = string(parts[1])
	}
	if len(parts) > 2 {
		_ = json.Unmarshal(parts[2], &e.info)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
}

func (c *ioClient) acked(data string) {
	var id int
	n := strings.IndexByte(data, '[')
	if _, err := fmt.Sscan(data[:n], &id); err != nil {
		c.tb.Errorf("got acknowledgement %q", data)
		return
	}
	var answers []json.RawMessage
	_ = json.Unmarshal([]byte(data[n:]), &answers)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(answers) > 0 && c.acks[id] != nil {
		c.acks[id] <- answers[0]
	}
	delete(c.acks, id)
}

func (c *ioClient) write(packet string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.conn.WriteMessage(websocket.TextMessage, []byte(packet))
}

// emit sends an event and waits for its acknowledgement; code is that of an error.
func (c *ioClient) emit(event string, argument any) (answer map[string]any, code string) {
	c.tb.Helper()
	raw, err := json.Marshal([]any{event, argument})
	if err != nil {
		c.tb.Fatal(err)
	}
	got := make(chan json.RawMessage, 1)
	c.mu.Lock()
	c.next++
	id := c.next
	c.acks[id] = got
	c.mu.Unlock()
	c.write(fmt.Sprint("42", id, string(raw)))
	select {
	case raw := <-got:
		_ = json.Unmarshal(raw, &answer)
	case <-c.ended:
		c.tb.Fatalf("%s: closed before the answer", event)
	case <-time.After(patience):
		c.tb.Fatalf("%s: no answer", event)
	}
	if e, ok := answer["error"].(map[string]any); ok {
		code, _ = e["code"].(string)
	}
	return answer, code
}

// payloads are those of one event in one room, in the order in which they came.
func (c *ioClient) payloads(room, event string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, e := range c.events {
		if e.name == event && (room == "" || e.info.Room == room) {
			list = append(list, e.payload)
		}
	}
	return list
}

// expect waits until the payloads of a room are these and no others.
func (c *ioClient) expect(what, room string, want []string) {
	c.tb.Helper()
	eventually(c.tb, what, func() bool { return len(c.payloads(room, "e")) >= len(want) })
	if got := c.payloads(room, "e"); !slices.Equal(got, want) {
		c.tb.Errorf("%s: got %d messages %.200v, want %d %.200v", what, len(got), got, len(want), want)
	}
}

// closeCode waits for the end of the connection.
func (c *ioClient) closeCode() int {
	c.tb.Helper()
	select {
	case <-c.ended:
	case <-time.After(patience):
		c.tb.Fatal("not closed")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// eventually waits for a condition that must become true.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			tb.Fatalf("never: %s", what)
		}
	}
}
