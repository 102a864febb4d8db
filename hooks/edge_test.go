package hooks_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wxbase/internal/apptest/web"
	"wxbase/internal/realtime/redisbus/redistest"
)

// city is a primary and two edges at one Redis: three processes of the real executable, with somebody in two rooms at each.
type city struct {
	t       *testing.T
	redis   *redistest.Server
	primary *process
	edges   []*process
	people  []*ioClient // at the primary, at the first edge, at the second
	token   string      // of the superuser
}

// The rooms: kept has history, plain has none. Anybody joins and speaks.
const (
	keptRoom  = "kept"
	plainRoom = "plain"
)

func newCity(t *testing.T, edges int) *city {
	t.Helper()
	c := &city{t: t, redis: redistest.Start(t)}
	c.primary = launchWith(t, home(t), []string{"WXBASE_EDGES=https://rt1.example.com/, https://rt2.example.com"}, "/api/wx/health",
		"serve", "--sim", "--simHttp", "127.0.0.1:0", "--redis", c.redis.URL())
	c.token = c.primary.login("demo@example.com", demoPassword(t, c.primary.out.String()))
	for name, history := range map[string]int{keptRoom: 2000, plainRoom: 0} {
		c.primary.must(http.MethodPost, "/api/collections/rooms/records", c.token, map[string]any{
			"name": name, "joinRule": `id != ""`, "publishRule": `id != ""`, "history": history, "presence": true,
		})
	}
	for range edges {
		c.edges = append(c.edges, c.launchEdge())
	}
	c.people = append(c.people, c.connect(c.primary, map[string]string{"room": "kept,plain", "userId": "p0"}))
	for i, e := range c.edges {
		ticket := c.ticket(fmt.Sprint("p", i+1), "", keptRoom, plainRoom)
		c.people = append(c.people, c.connect(e, map[string]string{"room": "kept,plain", "ticket": ticket}))
	}
	c.everybodyHears()
	return c
}

func (c *city) launchEdge() *process {
	c.t.Helper()
	return launchWith(c.t, home(c.t), []string{"WXBASE_METRICS=1", "WXBASE_REDIS_URL=" + c.redis.URL()}, "/api/wx/health",
		"edge", "--primary", "http://"+c.primary.addr)
}

func (c *city) connect(p *process, query map[string]string) *ioClient {
	c.t.Helper()
	client, err := dialIO(c.t, p.addr, query)
	if err != nil {
		c.t.Fatalf("%v\n%s", err, p.out)
	}
	return client
}

func (c *city) ticket(label, token string, rooms ...string) string {
	c.t.Helper()
	text, _ := c.primary.must(http.MethodPost, "/api/wx/rooms/tickets", token, map[string]any{"rooms": rooms, "userId": label})["ticket"].(string)
	return text
}

// say publishes in the room with history, over REST at the primary.
func (c *city) say(payload any) {
	c.t.Helper()
	c.primary.must(http.MethodPost, "/api/wx/rooms/"+keptRoom+"/messages", c.token, map[string]any{"event": "e", "payload": payload})
}

// everybodyHears asks for presence, which waits for every process's subscriptions.
func (c *city) everybodyHears() {
	c.t.Helper()
	eventually(c.t, "everybody is present", func() bool {
		count, complete := c.present(c.people[0])
		return complete && count == len(c.people)
	})
}

func (c *city) present(by *ioClient) (count int, complete bool) {
	c.t.Helper()
	answer, code := by.emit("members", map[string]any{"room": keptRoom})
	if code != "" {
		c.t.Fatalf("members: %s", code)
	}
	n, _ := answer["count"].(float64)
	complete, _ = answer["complete"].(bool)
	return int(n), complete
}

func (c *city) metric(p *process, name string) string {
	c.t.Helper()
	res, err := web.Client.Get("http://" + p.addr + "/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func payloads(first, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(first + i)
	}
	return list
}

// TestEdgeRoomsSpanProcesses: whoever speaks, and wherever, everybody hears it, in one order where history is kept.
func TestEdgeRoomsSpanProcesses(t *testing.T) {
	t.Parallel()
	c := newCity(t, 2)
	c.say(0)
	for i, who := range c.people {
		answer, code := who.emit("publish", map[string]any{"room": keptRoom, "event": "e", "payload": i + 1})
		if seq, _ := answer["seq"].(float64); code != "" || seq != float64(i+2) {
			t.Errorf("publish by person %d: got %v, want number %d", i, answer, i+2)
		}
	}
	for i, who := range c.people {
		who.expect(fmt.Sprint("history at ", i), keptRoom, payloads(0, 4))
		if _, code := who.emit("publish", map[string]any{"room": plainRoom, "event": "e", "payload": 9}); code != "" {
			t.Errorf("publish by person %d: got %s", i, code)
		}
	}
	for i, who := range c.people {
		who.expect(fmt.Sprint("plain at ", i), plainRoom, []string{"9", "9", "9"})
	}
	if _, code := c.people[1].emit("exchange", map[string]any{"target": "res", "payload": map[string]any{"x": 1}}); code != "" {
		t.Errorf("exchange: got %s", code)
	}
	for i, who := range c.people {
		eventually(t, fmt.Sprint("exchange at ", i), func() bool {
			got := who.payloads(plainRoom, "res")
			return len(got) == 1 && strings.Contains(got[0], `"action":"exchange"`) && strings.Contains(got[0], `{"x":1}`)
		})
	}
	// somebody comes back to another process and has heard number 2
	back := c.connect(c.edges[1], map[string]string{"room": keptRoom, "after": "2", "ticket": c.ticket("p1", "", keptRoom)})
	eventually(t, "what was missed", func() bool { return len(back.payloads(keptRoom, "e")) >= 2 })
	if got := back.payloads(keptRoom, "e"); !slices.Equal(got, []string{"2", "3"}) {
		t.Errorf("resumed: got %v, want [2 3]", got)
	}
}

// TestEdgeRedisKilled: everybody goes on hearing his own process, log and metrics tell, and when Redis is back the edge gets what it missed
// once and in order.
func TestEdgeRedisKilled(t *testing.T) {
	t.Parallel()
	c := newCity(t, 1)
	edge, there, here := c.edges[0], c.people[1], c.people[0]
	if got := c.metric(edge, "wxbase_bus_up"); got != "1" {
		t.Errorf("wxbase_bus_up: got %q, want 1", got)
	}
	c.say(0)
	there.expect("before", keptRoom, payloads(0, 1))
	c.redis.Kill()
	eventually(t, "the metric says so", func() bool { return c.metric(edge, "wxbase_bus_up") == "0" })
	eventually(t, "the log says so", func() bool { return strings.Contains(edge.out.String(), "bus is down") })
	const missed = 300
	for i := 1; i <= missed; i++ {
		c.say(i)
	}
	here.expect("at home", keptRoom, payloads(0, missed+1))
	if _, code := there.emit("publish", map[string]any{"room": plainRoom, "event": "e", "payload": 1}); code != "" {
		t.Errorf("an edge in a room without history: got %s", code)
	}
	there.expect("an edge by itself", plainRoom, payloads(1, 1))
	if _, code := there.emit("publish", map[string]any{"room": keptRoom, "event": "e", "payload": -1}); code != "primary_away" {
		t.Errorf("an edge in a room with history: got %q, want primary_away", code)
	}
	if count, complete := c.present(there); count != 1 || complete {
		t.Errorf("presence: got %d, %t, want itself and incomplete", count, complete)
	}
	c.redis.Start()
	there.expect("what the edge missed", keptRoom, payloads(0, missed+1))
	eventually(t, "the metric says so", func() bool { return c.metric(edge, "wxbase_bus_up") == "1" })
	eventually(t, "the log says so", func() bool { return strings.Contains(edge.out.String(), "bus is back") })
	c.everybodyHears()
	c.say(missed + 1)
	there.expect("after", keptRoom, payloads(0, missed+2))
	here.expect("after, at home", keptRoom, payloads(0, missed+2))
	if text := edge.out.String() + c.primary.out.String(); strings.Contains(text, redistest.Password) {
		t.Errorf("the password is shown:\n%s", text)
	}
}

// TestEdgeKilled: who was at a process that is killed is not present any more, and the others go on.
func TestEdgeKilled(t *testing.T) {
	t.Parallel()
	c := newCity(t, 2)
	c.say(0)
	c.people[1].expect("before", keptRoom, payloads(0, 1))
	c.edges[1].end(syscall.SIGKILL)
	began := time.Now()
	eventually(t, "two present", func() bool { count, complete := c.present(c.people[0]); return complete && count == 2 })
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("presence was right after %s, want 10 s at most", took)
	}
	if count, complete := c.present(c.people[1]); count != 2 || !complete {
		t.Errorf("at the other edge: got %d, %t, want 2", count, complete)
	}
	c.primary.end(syscall.SIGKILL)
	eventually(t, "one present", func() bool { count, complete := c.present(c.people[1]); return complete && count == 1 })
	if _, code := c.people[1].emit("publish", map[string]any{"room": keptRoom, "event": "e", "payload": 1}); code != "primary_away" {
		t.Errorf("without the primary: got %q, want primary_away", code)
	}
	if _, code := c.people[1].emit("publish", map[string]any{"room": plainRoom, "event": "e", "payload": 1}); code != "" {
		t.Errorf("without the primary, in a room without history: got %s", code)
	}
	c.people[1].expect("by itself", plainRoom, payloads(1, 1))
	// it comes back, with a hole in its numbers, and the edge goes on where it was
	c.primary = launchWith(t, c.primary.dir, nil, "/api/wx/health", "serve", "--sim", "--simHttp", "127.0.0.1:0", "--redis", c.redis.URL())
	c.say(1)
	if _, code := c.people[1].emit("publish", map[string]any{"room": keptRoom, "event": "e", "payload": 2}); code != "" {
		t.Errorf("with a new primary: got %s", code)
	}
	c.people[1].expect("a new primary", keptRoom, payloads(0, 3))
}

// TestEdgeAdmission: by ticket alone, to what it names; and out again when the user is blocked or the edge stops.
func TestEdgeAdmission(t *testing.T) {
	t.Parallel()
	c := newCity(t, 1)
	edge := c.edges[0]
	one := c.ticket("x", "", plainRoom)
	scenarios := []struct {
		name  string
		query map[string]string
		want  string
	}{
		{"no ticket", map[string]string{"room": plainRoom, "userId": "1"}, "ticket_invalid"},
		{"a token in its place", map[string]string{"room": plainRoom, "token": c.token}, "ticket_invalid"},
		{"a ticket that was tampered with", map[string]string{"room": plainRoom, "ticket": one[:len(one)-6] + "AAAAAA"}, "ticket_invalid"},
		{"a room that is not in it", map[string]string{"room": keptRoom, "ticket": one}, "room_forbidden"},
		{"a room of the system", map[string]string{"room": "user:x", "ticket": one}, "room_unknown"},
	}
	for _, s := range scenarios {
		_, err := dialIO(t, edge.addr, s.query)
		if refused, ok := errors.AsType[refusedError](err); !ok || refused.code != s.want {
			t.Errorf("%s: got %v, want %s", s.name, err, s.want)
		}
	}
	c.primary.must(http.MethodPost, "/api/collections/rooms/records", c.token, map[string]any{"name": "quiet", "joinRule": `@request.auth.id != ""`})
	if status, answer := c.primary.call(http.MethodPost, "/api/wx/rooms/tickets", "", map[string]any{"rooms": []string{"quiet"}}); status != http.StatusForbidden {
		t.Errorf("a guest's ticket for a room of users: got %d %v, want 403", status, answer)
	}
	user, token := c.user()
	quiet := c.ticket("", token, "quiet")
	listener := c.connect(edge, map[string]string{"room": "quiet", "ticket": quiet})
	if _, code := listener.emit("publish", map[string]any{"room": "quiet", "event": "e", "payload": 1}); code != "room_publish_forbidden" {
		t.Errorf("publish where only the server speaks: got %q", code)
	}
	c.primary.must(http.MethodPatch, "/api/collections/users/records/"+user, c.token, map[string]any{"blocked": true})
	listener.closeCode()
	if got := listener.payloads("", "error"); len(got) != 1 || !strings.Contains(got[0], "connection_closed") {
		t.Errorf("blocked: got %v, want a last word", got)
	}
	if _, err := dialIO(t, edge.addr, map[string]string{"room": "quiet", "ticket": quiet}); !errors.Is(err, refusedError{"ticket_invalid"}) {
		t.Errorf("blocked, with the ticket from before: got %v, want ticket_invalid", err)
	}

	began := time.Now()
	if code := edge.end(syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: got exit %d: %s", code, edge.out)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("SIGTERM: took %s, want 5 s at most", took)
	}
	if code := c.people[1].closeCode(); code != websocket.CloseGoingAway {
		t.Errorf("SIGTERM: got close code %d, want 1001", code)
	}
}

// user makes somebody who is logged in at the primary.
func (c *city) user() (id, token string) {
	c.t.Helper()
	person, _ := c.primary.must(http.MethodPost, "/_sim/people", "", map[string]string{"nickname": "小明"})["id"].(string)
	code, _ := c.primary.must(http.MethodPost, "/_sim/people/"+person+"/login", "", map[string]string{})["code"].(string)
	login := c.primary.must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": code})
	record, _ := login["record"].(map[string]any)
	id, _ = record["id"].(string)
	token, _ = login["token"].(string)
	return id, token
}

// TestEdgeBeforeItsPrimary: an edge that starts first is not ready, says why, and becomes ready by itself.
func TestEdgeBeforeItsPrimary(t *testing.T) {
	t.Parallel()
	redis := redistest.Stopped(t)
	keys := make(chan struct{})
	primary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-keys:
			_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`) // RFC 8037
		default:
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}
	}))
	t.Cleanup(primary.Close)
	addr, env := freeAddr(t), []string{"WXBASE_REDIS_URL=" + redis.URL(), "WXBASE_PRIMARY_URL=" + primary.URL}
	dir := home(t)
	edge := begin(t, dir, addr, command(t, dir, env, "edge", "--http", addr))
	eventually(t, "an answer that it is not ready", func() bool {
		res, err := web.Client.Get("http://" + edge.addr + "/api/wx/health")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusServiceUnavailable
	})
	if _, err := dialIO(t, edge.addr, map[string]string{"ticket": "a.b.c"}); !errors.Is(err, refusedError{"ticket_invalid"}) {
		t.Errorf("a bad ticket: got %v, want ticket_invalid", err)
	}
	if got := edge.out.String(); !strings.Contains(got, "302 Found") || strings.Contains(got, redistest.Password) {
		t.Errorf("log: got %s, want what is wrong with the primary, and no password", got)
	}
	close(keys)
	edge.WaitFor("/api/wx/health")
}
