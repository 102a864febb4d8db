package hooks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// TestRoomMembers: both transports, two tabs of one user, and a guest.
func TestRoomMembers(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	makeRoom(t, app, "chat", map[string]any{"joinRule": everybody, "presence": true})
	tab := openStream(t, app)
	app.Must(http.MethodPost, "/api/realtime", person.Token, map[string]any{"clientId": tab.id, "subscriptions": []string{"rooms/chat"}})
	address := strings.TrimPrefix(app.URL, "http://")
	if _, err := dialIO(t, address, map[string]string{"room": "chat", "token": person.Token}); err != nil {
		t.Fatal(err)
	}
	if _, err := dialIO(t, address, map[string]string{"room": "chat", "userId": "7"}); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"members":[{"user":%q,"verified":true,"connections":2},{"user":"guest:7","verified":false,"connections":1}],"count":2,"complete":true}`, person.User)
	if person.User > "guest:7" {
		want = fmt.Sprintf(`{"members":[{"user":"guest:7","verified":false,"connections":1},{"user":%q,"verified":true,"connections":2}],"count":2,"complete":true}`, person.User)
	}
	var got string
	eventually(t, "all three are there", func() bool {
		got = strings.TrimSpace(string(app.Must(http.MethodGet, "/api/wx/rooms/chat/members", "", nil).Body))
		return got == want
	})
}

// TestWhoeverIsSignedOutLeaves, on both transports.
func TestWhoeverIsSignedOutLeaves(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name string
		do   func(app *apptest.App, p apptest.Person)
	}{
		{"blocked", func(app *apptest.App, p apptest.Person) {
			app.Must(http.MethodPatch, "/api/collections/users/records/"+p.User, app.Superuser(), map[string]any{"blocked": true})
		}},
		{"deleted", func(app *apptest.App, p apptest.Person) {
			app.Must(http.MethodDelete, "/api/collections/users/records/"+p.User, app.Superuser(), nil)
		}},
		{"logged out everywhere", func(_ *apptest.App, p apptest.Person) { p.Must(http.MethodPost, "/api/wx/logout", nil) }},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			person, other := app.Login("小明"), app.Login("小红")
			address := strings.TrimPrefix(app.URL, "http://")
			stream := openStream(t, app)
			app.Must(http.MethodPost, "/api/realtime", person.Token, map[string]any{"clientId": stream.id, "subscriptions": []string{"rooms/notice"}})
			socket, err := dialIO(t, address, map[string]string{"room": "notice", "token": person.Token})
			if err != nil {
				t.Fatal(err)
			}
			stays, err := dialIO(t, address, map[string]string{"room": "notice", "token": other.Token})
			if err != nil {
				t.Fatal(err)
			}
			s.do(app, person)
			socket.closeCode()
			if event, err := stream.next(); err == nil {
				t.Errorf("the stream: got %q, want its end", event)
			}
			if _, err := app.WX.Publish("notice", "e", 1); err != nil {
				t.Fatal(err)
			}
			stays.expect("another user's socket goes on", "notice", []string{"1"})
			if _, err := dialIO(t, address, map[string]string{"room": "notice", "token": person.Token}); !errors.Is(err, refusedError{"token_invalid"}) {
				t.Errorf("again with the old token: got %v, want token_invalid", err)
			}
		})
	}
}

func TestSocketAdmission(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	makeRoom(t, app, "members", map[string]any{"joinRule": signedIn, "publishRule": signedIn})
	scenarios := []struct {
		name  string
		query map[string]string
		code  string
	}{
		{"guest in an open room", map[string]string{"room": "notice", "userId": "1"}, ""},
		{"guest without a room", nil, ""},
		{"guest in a members' room", map[string]string{"room": "members", "userId": person.User}, "room_forbidden"},
		{"user in a members' room", map[string]string{"room": "members", "token": person.Token}, ""},
		{"superuser", map[string]string{"room": "members", "token": app.Superuser()}, ""},
		{"a ticket, which is for edges", map[string]string{"room": "notice", "ticket": "eyJhbGciOiJFZERTQSJ9.e30.c2ln"}, "ticket_elsewhere"},
		{"a ticket beside a token", map[string]string{"room": "members", "token": person.Token, "ticket": "x"}, ""},
		{"no token", map[string]string{"room": "notice", "token": "nonsense"}, "token_invalid"},
		{"unknown room", map[string]string{"room": "nowhere"}, "room_unknown"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, err := dialIO(t, strings.TrimPrefix(app.URL, "http://"), s.query)
			if refusal, ok := errors.AsType[refusedError](err); err != nil && !ok || refusal.code != s.code {
				t.Errorf("got %v, want code %q", err, s.code)
			}
		})
	}
}

// TestSocketSeesChangesOfTheUser: a rule that asks for what the owner has changed since the handshake is asked with the new value.
func TestSocketSeesChangesOfTheUser(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	makeRoom(t, app, "named", map[string]any{"joinRule": `@request.auth.name = "贵宾"`, "publishRule": `@request.auth.name = "贵宾"`})
	socket, err := dialIO(t, strings.TrimPrefix(app.URL, "http://"), map[string]string{"token": person.Token})
	if err != nil {
		t.Fatal(err)
	}
	if _, code := socket.emit("join", map[string]any{"room": "named"}); code != "room_forbidden" {
		t.Errorf("before: got %q, want room_forbidden", code)
	}
	app.Must(http.MethodPatch, "/api/collections/users/records/"+person.User, app.Superuser(), map[string]any{"name": "贵宾"})
	if _, code := socket.emit("join", map[string]any{"room": "named"}); code != "" {
		t.Errorf("after: got %q, want it let in", code)
	}
	if _, code := socket.emit("publish", map[string]any{"room": "named", "event": "e", "payload": 1}); code != "" {
		t.Errorf("publish: got %q, want it let", code)
	}
	socket.expect("hears itself", "named", []string{"1"})
}

// TestSocketResumes: exactly what was missed, over PocketBase's database.
func TestSocketResumes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	makeRoom(t, app, "chat", map[string]any{"joinRule": everybody, "history": 2_000})
	var want []string
	for n := range 1_003 {
		if _, err := app.WX.Publish("chat", "e", n); err != nil {
			t.Fatal(err)
		}
		if n >= 3 {
			want = append(want, fmt.Sprint(n))
		}
	}
	socket, err := dialIO(t, strings.TrimPrefix(app.URL, "http://"), map[string]string{"room": "chat", "after": "3"})
	if err != nil {
		t.Fatal(err)
	}
	socket.expect("what was missed", "chat", want)
}

// TestAdminRealtime shows the dashboard's numbers, and those of /metrics.
func TestAdminRealtime(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_METRICS": "1"}[name] }
	})
	listen(t, app, "rooms/notice")
	if _, err := dialIO(t, strings.TrimPrefix(app.URL, "http://"), map[string]string{"room": "notice"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are in the room", func() bool {
		n, err := app.WX.Publish("notice", "e", 1)
		return n == 2 && err == nil
	})
	if got := app.Call(http.MethodGet, "/api/wx/admin/realtime", app.Login("小明").Token, nil).Status; got != http.StatusForbidden {
		t.Errorf("by a user: got %d, want 403", got)
	}
	numbers, err := json.Marshal(app.Must(http.MethodGet, "/api/wx/admin/realtime", app.Superuser(), nil).JSON) // in the order of the alphabet
	if err != nil {
		t.Fatal(err)
	}
	got := string(numbers)
	for _, want := range []string{`"connections":{"polling":0,"sse":1,"websocket":1}`, `"rooms":1`, `"top":[{"members":2,"name":"notice"}]`, `"bus":{"configured":false`} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
	metrics := string(app.Must(http.MethodGet, "/metrics", "", nil).Body)
	for _, want := range []string{
		`wxbase_realtime_connections{transport="sse"} 1`, `wxbase_realtime_connections{transport="socketio"} 1`, "wxbase_realtime_rooms 1",
		"wxbase_realtime_fanout_seconds_bucket", `wxbase_realtime_drops_total{transport="sse"} 0`, `wxbase_realtime_queued{transport="socketio"} 0`, "wxbase_realtime_committing 0",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics: want %s", want)
		}
	}
}

// TestSocketTokensAreNotLogged: a token may be in the query of a socket.
func TestSocketTokensAreNotLogged(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	address := strings.TrimPrefix(app.URL, "http://")
	for _, room := range []string{"notice", "nowhere"} {
		_, _ = dialIO(t, address, map[string]string{"room": room, "token": person.Token})
	}
	app.Call(http.MethodGet, "/socket.io/?EIO=4&transport=nonsense&token="+person.Token, "", nil)
	app.Call(http.MethodGet, "/api/no-such-thing", "", nil)
	for _, text := range logged(t, app, 1) {
		if strings.Contains(text, person.Token) || strings.Contains(text, "socket.io") {
			t.Errorf("logged: %.300s", text)
		}
	}
}
