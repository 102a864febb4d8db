package realtime_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"wxbase/internal/realtime"
	_ "wxbase/migrations" // the collections
)

// patience is how long a test waits for something on a real socket that is going to happen.
const patience = 20 * time.Second

// kit is an app with a hub on a real listener.
type kit struct {
	*tests.TestApp

	hub    *realtime.Hub
	server *httptest.Server
}

func newKit(tb testing.TB) *kit {
	tb.Helper()
	app, err := tests.NewTestApp(tb.TempDir())
	if err != nil {
		tb.Fatalf("start app: %v", err)
	}
	k := &kit{TestApp: app, hub: realtime.New(app)}
	router, err := apis.NewRouter(app)
	if err != nil {
		tb.Fatal(err)
	}
	err = app.OnServe().Trigger(&core.ServeEvent{App: app, Router: router}, func(e *core.ServeEvent) error {
		mux, err := e.Router.BuildMux()
		k.server = httptest.NewServer(mux)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		k.server.CloseClientConnections()
		k.server.Close()
		app.Cleanup()
	})
	return k
}

// room makes a room beside notice.
func (k *kit) room(tb testing.TB, name, joinRule string) {
	tb.Helper()
	c, err := k.FindCollectionByNameOrId("rooms")
	if err != nil {
		tb.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{"name": name, "joinRule": joinRule})
	if err := k.Save(r); err != nil {
		tb.Fatal(err)
	}
}

// account makes a user or a superuser and gives its id and a token.
func (k *kit) account(tb testing.TB, collection, email string) (id, token string) {
	tb.Helper()
	c, err := k.FindCollectionByNameOrId(collection)
	if err != nil {
		tb.Fatal(err)
	}
	r := core.NewRecord(c)
	r.SetEmail(email)
	r.SetPassword("a-long-password")
	if err := k.Save(r); err != nil {
		tb.Fatal(err)
	}
	if token, err = r.NewAuthToken(); err != nil {
		tb.Fatal(err)
	}
	return r.Id, token
}

// stream is one connection of GET /api/realtime.
type stream struct {
	id   string
	body io.ReadCloser
	in   *bufio.Reader
}

// event is one server-sent event.
type event struct{ name, data string }

func (k *kit) connect(tb testing.TB) *stream {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 3*patience) // a message that never comes is a failure, not a hang
	tb.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.server.URL+"/api/realtime", nil)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := k.server.Client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = res.Body.Close() })
	s := &stream{body: res.Body, in: bufio.NewReader(res.Body)}
	hello, err := s.next()
	if err != nil || hello.name != "PB_CONNECT" {
		tb.Fatalf("connect: got %v, %v", hello, err)
	}
	var data struct{ ClientID string }
	if err := json.Unmarshal([]byte(hello.data), &data); err != nil {
		tb.Fatal(err)
	}
	s.id = data.ClientID
	return s
}

// next reads one event; io.EOF is the end of the connection.
func (s *stream) next() (event, error) {
	var e event
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return e, err
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" && e.name != "":
			return e, nil
		case strings.HasPrefix(line, "event:"):
			e.name = line[len("event:"):]
		case strings.HasPrefix(line, "data:"):
			e.data = line[len("data:"):]
		}
	}
}

// subscribe asks for topics and gives the status and data.code.
func (k *kit) subscribe(tb testing.TB, clientID, token string, topics ...string) (status int, code string) {
	tb.Helper()
	raw, err := json.Marshal(map[string]any{"clientId": clientID, "subscriptions": topics})
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, k.server.URL+"/api/realtime", bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	res, err := k.server.Client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct{ Data struct{ Code string } }
	_ = json.NewDecoder(res.Body).Decode(&answer)
	return res.StatusCode, answer.Data.Code
}

// join is connect and subscribe for steps that have to work.
func (k *kit) join(tb testing.TB, token string, topics ...string) *stream {
	tb.Helper()
	s := k.connect(tb)
	if status, code := k.subscribe(tb, s.id, token, topics...); status != http.StatusNoContent {
		tb.Fatalf("subscribe to %v: got %d %s, want 204", topics, status, code)
	}
	return s
}

// publish says the numbers in a room, one message each.
func (k *kit) publish(tb testing.TB, room string, numbers ...int) {
	tb.Helper()
	for _, n := range numbers {
		if _, err := k.hub.Publish(room, realtime.Message{Event: "n", Payload: n}); err != nil {
			tb.Fatal(err)
		}
	}
}

// payload is what a message carries.
func payload[T any](tb testing.TB, data []byte) T {
	tb.Helper()
	var m struct{ Payload T }
	if err := json.Unmarshal(data, &m); err != nil {
		tb.Fatalf("message %s: %v", data, err)
	}
	return m.Payload
}

// quiet is a client without a socket: the connect hook runs and its handler waits until the test ends.
func (k *kit) quiet(tb testing.TB, topics ...string) subscriptions.Client {
	tb.Helper()
	clients, end := make(chan subscriptions.Client, 1), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		e := &core.RealtimeConnectRequestEvent{Client: subscriptions.NewDefaultClient()}
		e.RequestEvent = &core.RequestEvent{App: k.TestApp}
		_ = k.OnRealtimeConnectRequest().Trigger(e, func(e *core.RealtimeConnectRequestEvent) error {
			clients <- e.Client
			<-end
			return nil
		})
	}()
	tb.Cleanup(func() { close(end); <-done })
	c := <-clients
	c.Subscribe(topics...)
	return c
}

// eventually polls what only a real socket can bring about.
func eventually(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline.C:
			tb.Fatalf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}
