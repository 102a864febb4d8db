package sse_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"wxbase/internal/apptest/scratch"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/sse"
	_ "wxbase/migrations" // the collections
)

// patience limits the wait for something on a real socket.
const patience = 20 * time.Second

// kit is an app with a hub on a real listener.
type kit struct {
	*tests.TestApp

	hub    *realtime.Hub
	front  *sse.Front
	store  *memory
	server *httptest.Server
}

// seed is a migrated data folder that every kit clones; it stays in the system's temporary folder.
var seed = sync.OnceValues(func() (string, error) {
	dir, err := scratch.Dir("sse")
	if err != nil {
		return "", err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	return dir, errors.Join(app.Bootstrap(), app.RunAllMigrations(), app.ResetBootstrapState())
})

// newKit starts an app; change may change the limits before that.
func newKit(tb testing.TB, change ...func(*realtime.Limits)) *kit {
	tb.Helper()
	dir, err := seed()
	if err != nil {
		tb.Fatalf("make seed: %v", err)
	}
	app, err := tests.NewTestApp(dir)
	if err != nil {
		tb.Fatalf("start app: %v", err)
	}
	k := &kit{TestApp: app, store: &memory{}}
	limits := realtime.DefaultLimits()
	for _, c := range change {
		c(&limits)
	}
	k.hub = realtime.New(realtime.Config{Store: k.store, Limits: limits, Rooms: func(_ context.Context, name string) (realtime.Room, error) {
		return k.find(name)
	}})
	k.front = sse.New(app, k.hub, sse.Config{Room: k.mayJoin, Fail: answer, Identity: func(e *core.RequestEvent) realtime.Identity {
		if e.Auth == nil {
			return realtime.Identity{}
		}
		return realtime.Identity{User: e.Auth.Id, Verified: true}
	}})
	router, err := apis.NewRouter(app)
	if err != nil {
		tb.Fatal(err)
	}
	app.OnServe().Unbind("__pbCronStart__") // as in apptest
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

func (k *kit) find(name string) (realtime.Room, error) {
	r, err := k.FindFirstRecordByData("rooms", "name", name)
	if err != nil {
		return realtime.Room{}, realtime.ErrRoomUnknown
	}
	return realtime.Room{Name: name, History: r.GetInt("history")}, nil
}

// mayJoin checks the rule of a room, as package rooms does.
func (k *kit) mayJoin(e *core.RequestEvent, name string) (realtime.Room, error) {
	room, err := k.find(name)
	if err != nil {
		return room, err
	}
	r, err := k.FindFirstRecordByData("rooms", "name", name)
	if err != nil {
		return room, err
	}
	rule, info := r.GetString("joinRule"), &core.RequestInfo{Auth: e.Auth}
	if rule == "" && !e.HasSuperuserAuth() {
		return room, realtime.ErrRoomForbidden
	}
	if ok, err := k.CanAccessRecord(r, info, &rule); err != nil || !ok {
		return room, realtime.ErrRoomForbidden
	}
	return room, nil
}

// answer puts the code of a refusal into the answer.
func answer(err error) error {
	refusal, ok := errors.AsType[*realtime.Error](err)
	if !ok {
		return err
	}
	e := apis.NewApiError(http.StatusForbidden, refusal.Message, nil)
	e.Data = map[string]any{"code": refusal.Code}
	return e
}

// memory is a store.
type memory struct {
	mu       sync.Mutex
	rows     []realtime.Message
	reserved map[string]int64
}

func (s *memory) Append(_ context.Context, list []realtime.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, list...)
	return nil
}

func (s *memory) After(_ context.Context, room string, seq int64, limit int) (out []realtime.Message, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.rows {
		if m.Room == room && m.Seq > seq && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, nil
}

func (s *memory) Reserve(_ context.Context, room string, block int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reserved == nil {
		s.reserved = map[string]int64{}
	}
	s.reserved[room] += block
	return s.reserved[room] - block + 1, nil
}

func (s *memory) Trim(context.Context, string, int) error { return nil }

// room makes a room besides notice.
func (k *kit) room(tb testing.TB, name, joinRule string, history ...int) {
	tb.Helper()
	c, err := k.FindCollectionByNameOrId("rooms")
	if err != nil {
		tb.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{"name": name, "joinRule": joinRule})
	for _, n := range history {
		r.Set("history", n)
	}
	if err := k.Save(r); err != nil {
		tb.Fatal(err)
	}
}

// account makes a user or a superuser and returns its id and a token.
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
	ctx, cancel := context.WithTimeout(tb.Context(), 3*patience) // a message that never comes fails the test instead of blocking it
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

// connectStatus tries to connect.
func (k *kit) connectStatus(tb testing.TB) int {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, k.server.URL+"/api/realtime", nil)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := k.server.Client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// subscribe asks for topics and returns the status and data.code.
func (k *kit) subscribe(tb testing.TB, clientID, token string, topics ...string) (status int, code string) {
	tb.Helper()
	return k.ask(tb, clientID, token, "", topics)
}

// subscribeFrom asks as a guest whose address a proxy reports.
func (k *kit) subscribeFrom(tb testing.TB, clientID, address string, topics ...string) (status int, code string) {
	tb.Helper()
	k.Settings().TrustedProxy.Headers = []string{"X-Forwarded-For"}
	return k.ask(tb, clientID, "", address, topics)
}

func (k *kit) ask(tb testing.TB, clientID, token, address string, topics []string) (status int, code string) {
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
	if address != "" {
		req.Header.Set("X-Forwarded-For", address)
	}
	res, err := k.server.Client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct{ Data struct{ Code string } }
	_ = json.NewDecoder(res.Body).Decode(&answer)
	return res.StatusCode, answer.Data.Code
}

// join is connect and subscribe, which must succeed.
func (k *kit) join(tb testing.TB, token string, topics ...string) *stream {
	tb.Helper()
	s := k.connect(tb)
	if status, code := k.subscribe(tb, s.id, token, topics...); status != http.StatusNoContent {
		tb.Fatalf("subscribe to %v: got %d %s, want 204", topics, status, code)
	}
	return s
}

// publish publishes the numbers in a room, one message each.
func (k *kit) publish(tb testing.TB, room string, numbers ...int) {
	tb.Helper()
	for _, n := range numbers {
		k.say(tb, room, n)
	}
}

// say publishes one message.
func (k *kit) say(tb testing.TB, room string, payload any) int {
	tb.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		tb.Fatal(err)
	}
	_, n, err := k.hub.Publish(context.Background(), realtime.Message{Room: room, Event: "n", Payload: raw})
	if err != nil {
		tb.Error(err)
	}
	return n
}

// payload is the payload of a message.
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
		e.Request = httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/api/realtime", nil)
		_ = k.OnRealtimeConnectRequest().Trigger(e, func(e *core.RealtimeConnectRequestEvent) error {
			clients <- e.Client
			<-end
			return nil
		})
	}()
	tb.Cleanup(func() { close(end); <-done })
	c := <-clients
	if len(topics) > 0 {
		k.listen(tb, c, topics...)
	}
	return c
}

// listen is a subscribe request of a quiet client.
func (k *kit) listen(tb testing.TB, c subscriptions.Client, topics ...string) {
	tb.Helper()
	e := &core.RealtimeSubscribeRequestEvent{Client: c, Subscriptions: topics}
	e.RequestEvent = &core.RequestEvent{App: k.TestApp}
	e.Request = httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/api/realtime", nil)
	err := k.OnRealtimeSubscribeRequest().Trigger(e, func(e *core.RealtimeSubscribeRequestEvent) error {
		e.Client.Unsubscribe()
		e.Client.Subscribe(e.Subscriptions...)
		return nil
	})
	if err != nil {
		tb.Error(err)
	}
}

// read takes one message of a quiet client, as its connection would; false means that it has ended.
func (k *kit) read(c subscriptions.Client) (subscriptions.Message, bool) {
	m, ok := <-c.Channel()
	if !ok {
		return m, false
	}
	e := &core.RealtimeMessageEvent{Client: c, Message: &m}
	e.RequestEvent = &core.RequestEvent{App: k.TestApp}
	e.Response = httptest.NewRecorder()
	_ = k.OnRealtimeMessageSend().Trigger(e, func(*core.RealtimeMessageEvent) error { return nil })
	return m, true
}

// eventually polls for something that only a real socket can cause.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			tb.Fatalf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}
