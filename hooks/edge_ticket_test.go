package hooks_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/tests"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/realtime/ticket"
)

// withEdges is an app that has two edges.
func withEdges(c *hooks.Config) {
	c.Env = func(name string) string {
		return map[string]string{"WXBASE_EDGES": "https://rt1.example.com/, https://rt2.example.com"}[name]
	}
}

// keyring is what an edge of the app has.
func keyring(t *testing.T, app *apptest.App) *ticket.Keyring {
	t.Helper()
	return ticket.NewKeyring(func(context.Context) ([]byte, error) {
		return app.Must(http.MethodGet, "/api/wx/edges/key", "", nil).Body, nil
	}, time.Now)
}

// TestTicket: what it says, to whom.
func TestTicket(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, withEdges)
	keys, super := keyring(t, app), app.Superuser()
	for _, room := range []map[string]any{
		{"name": "open", "joinRule": `id != ""`, "publishRule": `@request.auth.id != ""`, "history": 7, "presence": true},
		{"name": "users", "joinRule": `@request.auth.id != ""`},
		{"name": "closed"},
	} {
		app.Must(http.MethodPost, "/api/collections/rooms/records", super, room)
	}
	user := app.Login("小明").Token
	many := slices.Repeat([]string{"open"}, 21)
	open := func(publish bool) map[string]ticket.Room {
		return map[string]ticket.Room{"open": {History: 7, Presence: true, Publish: publish}}
	}
	scenarios := []struct {
		name, token string
		rooms       []string
		label       string
		code        string // of the refusal
		rights      map[string]ticket.Room
	}{
		{"a guest listens", "", []string{"open"}, "abc", "", open(false)},
		{"a guest with a label that is none", "", []string{"open"}, "<b>", "", open(false)},
		{"a user speaks", user, []string{"open", "open"}, "", "", open(true)},
		{"a user in two rooms", user, []string{"open", "users"}, "", "", map[string]ticket.Room{"open": {History: 7, Presence: true, Publish: true}, "users": {}}},
		{"a user with the word Bearer", "Bearer " + user, []string{"users"}, "", "", map[string]ticket.Room{"users": {}}},
		{"a superuser goes anywhere", super, []string{"closed"}, "", "", map[string]ticket.Room{"closed": {Publish: true}}},
		{"a guest where users are", "", []string{"users"}, "", "room_forbidden", nil},
		{"one room of two is closed", user, []string{"open", "closed"}, "", "room_forbidden", nil},
		{"no such room", user, []string{"nowhere"}, "", "room_unknown", nil},
		{"another person's own room", user, []string{"user:abc"}, "", "room_unknown", nil},
		{"no room", user, nil, "", "room_unknown", nil},
		{"too many rooms", user, many, "", "room_limit", nil},
		{"a token that does not hold", user + "x", []string{"open"}, "", "token_invalid", nil},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			answer := app.Call(http.MethodPost, "/api/wx/rooms/tickets", s.token, map[string]any{"rooms": s.rooms, "userId": s.label})
			if answer.Code() != s.code {
				t.Fatalf("got %d %s, want code %q", answer.Status, answer.Body, s.code)
			}
			if s.code != "" {
				return
			}
			got, err := keys.Verify(t.Context(), answer.Text("ticket"))
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got.Rooms) != fmt.Sprint(s.rights) {
				t.Errorf("rooms: got %v, want %v", got.Rooms, s.rights)
			}
			isGuest := s.token == ""
			if got.Verified == isGuest || strings.HasPrefix(got.User, "guest:") != isGuest || got.Until.IsZero() != isGuest {
				t.Errorf("got %+v, want a guest: %t", got, isGuest)
			}
			if s.label == "abc" && got.User != "guest:abc" || strings.Contains(got.User, "<") {
				t.Errorf("got %q for the label %q", got.User, s.label)
			}
			edges, _ := answer.JSON["edges"].([]any)
			if len(edges) != 2 || !slices.Contains(edges, any("https://rt1.example.com")) || answer.JSON["expiresIn"] != float64(60) {
				t.Errorf("got %s, want both edges and 60 seconds", answer.Body)
			}
		})
	}
}

// TestTicketLimit: nobody has a thousand tickets made.
func TestTicketLimit(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, withEdges)
	refused := 0
	for range 110 {
		if app.Call(http.MethodPost, "/api/wx/rooms/tickets", "", map[string]any{"rooms": []string{"notice"}}).Code() == "rate_limit" {
			refused++
		}
	}
	if refused == 0 || refused > 60 {
		t.Errorf("got %d of 110 refused, want what is above 100 a minute", refused)
	}
}

// TestEdgeKeyStays: the key outlives a restart, lies encrypted in the database, and no request shows it.
func TestEdgeKeyStays(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	first := app.Must(http.MethodGet, "/api/wx/edges/key", "", nil)
	second, err := onCopy(t, app).EdgeKeys()
	if err != nil || string(second) != string(first.Body) {
		t.Errorf("another start: got %s, %v, want %s", second, err, first.Body)
	}
	var stored string
	if err := app.DB().NewQuery("SELECT value FROM _params WHERE id = 'wx_edge_key'").Row(&stored); err != nil || !strings.Contains(stored, "enc:v1:") {
		t.Errorf("stored: got %q, %v, want it encrypted", stored, err)
	}
	if strings.Contains(string(first.Body), `"d"`) || first.JSON["keys"] == nil {
		t.Errorf("got %s, want public keys", first.Body)
	}
	// another secret key: a new key is made
	if _, err := app.NonconcurrentDB().NewQuery("UPDATE _params SET value = '\"enc:v1:AAAA\"' WHERE id = 'wx_edge_key'").Execute(); err != nil {
		t.Fatal(err)
	}
	if got, err := onCopy(t, app).EdgeKeys(); err != nil || string(got) == string(first.Body) {
		t.Errorf("a key that cannot be opened: got %s, %v, want a new one", got, err)
	}
}

// onCopy is another start of wxbase, on a copy of the data folder: the app itself is still at work.
func onCopy(t *testing.T, app *apptest.App) *hooks.Plugin {
	t.Helper()
	next, err := tests.NewTestApp(app.DataDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Cleanup)
	plugin, err := hooks.Register(next, hooks.Config{Env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	return plugin
}

// TestEdgeSettings: what stops a start.
func TestEdgeSettings(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-word"
	scenarios := []struct {
		name string
		args []string
		env  []string
		want string
	}{
		{"an edge without anything", []string{"edge"}, nil, "needs --primary and --redis"},
		{"an edge without Redis", []string{"edge", "--primary", "http://127.0.0.1:1"}, nil, "needs --primary and --redis"},
		{"a primary that is none", []string{"edge", "--primary", "shop", "--redis", "redis://127.0.0.1"}, nil, "the primary must be an address"},
		{"a primary with a password", []string{"edge", "--primary", "http://u:" + secret + "@h", "--redis", "redis://127.0.0.1"}, nil, "the primary must be an address"},
		{"a Redis that is none", []string{"edge", "--http", "127.0.0.1:0", "--primary", "http://127.0.0.1:1", "--redis", "http://:" + secret + "@h"}, nil, "parse Redis address"},
		{"a limit that is none", []string{"edge", "--primary", "http://127.0.0.1:1", "--redis", "redis://127.0.0.1"}, []string{"WXBASE_REALTIME_SOCKETS=0"}, "WXBASE_REALTIME_SOCKETS"},
		{"serve with a Redis that is none", []string{"serve", "--http", "127.0.0.1:0"}, []string{"WXBASE_REDIS_URL=redis://:" + secret + "@h:port"}, "parse Redis address"},
		{"serve with edges that are none", []string{"serve", "--http", "127.0.0.1:0"}, []string{"WXBASE_EDGES=rt1.example.com"}, "WXBASE_EDGES must be"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, home(t), s.env, s.args...)
			if code != 1 || !strings.Contains(stderr, s.want) || strings.Contains(stdout+stderr, secret) {
				t.Errorf("got exit %d, %q, want 1 and %q", code, stderr, s.want)
			}
		})
	}
}
