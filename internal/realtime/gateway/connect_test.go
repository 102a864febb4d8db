package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxbase/internal/apptest/web"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/socketio"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	refused := func(e *realtime.Error) string {
		return fmt.Sprintf(`44{"message":%q,"data":{"code":%q,"message":%q}}`, e.Message, e.Code, e.Message)
	}
	scenarios := []struct{ name, query, auth, want string }{
		{"a guest", "room=notice&userId=1", "", "40"},
		{"a guest without a room", "", "", "40"},
		{"a user by the query", "room=members&token=u1", "", "40"},
		{"a user by auth", "room=members", `{"token":"u1"}`, "40"},
		{"a guest where users are wanted", "room=members&userId=1", "", refused(realtime.ErrRoomForbidden)},
		{"a token that does not hold", "room=notice&token=bad", "", refused(realtime.ErrTokenInvalid)},
		{"auth wins over the query", "room=notice&token=u1", `{"token":"bad"}`, refused(realtime.ErrTokenInvalid)},
		{"a room that is not", "room=nowhere", "", refused(realtime.ErrRoomUnknown)},
		{"one of two rooms", "room=notice,private", "", refused(realtime.ErrRoomForbidden)},
		{"the namespace's own room", "room=*%2F", "", refused(realtime.ErrRoomUnknown)},
		{"another user's own room", "room=user:u1", "", refused(realtime.ErrRoomUnknown)},
		{"a room of no name", "room=a%2Fb", "", refused(realtime.ErrRoomUnknown)},
		{"too many rooms", "room=" + strings.Repeat("a,", 20) + "b", "", refused(gateway.ErrRoomLimit)},
		{"after what", "room=kept&after=x", "", refused(gateway.ErrArguments)},
		{"after less than nothing", "room=kept&after=-1", "", refused(gateway.ErrArguments)},
		{"a gate that is broken", "token=broken", "", `44{"message":"Something went wrong.","data":{"code":"internal_error","message":"Something went wrong."}}`},
		{"a rule that is broken", "room=fails", "", `44{"message":"Something went wrong.","data":{"code":"internal_error","message":"Something went wrong."}}`},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, nil)
			c, got := k.open(s.query, s.auth)
			if got != s.want && (s.want != "40" || c.sid == "") {
				t.Errorf("got %s, want %s", got, s.want)
			}
			if s.want != "40" && k.Stats().Denied != 1 {
				t.Errorf("got %d denied, want 1", k.Stats().Denied)
			}
		})
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	header := func(v string) http.Header { return http.Header{"Authorization": {v}} }
	scenarios := []struct {
		name string
		h    socketio.Handshake
		want string
	}{
		{"none", socketio.Handshake{}, ""},
		{"auth", socketio.Handshake{Auth: []byte(`{"token":"a"}`), Query: map[string][]string{"token": {"b"}}}, "a"},
		{"query", socketio.Handshake{Auth: []byte(`{"room":"x"}`), Query: map[string][]string{"token": {"b"}}, Header: header("c")}, "b"},
		{"header", socketio.Handshake{Header: header("c")}, "c"},
		{"header with Bearer", socketio.Handshake{Header: header("bearer  c")}, "c"},
		{"empty header", socketio.Handshake{Header: header(" ")}, ""},
	}
	for _, s := range scenarios {
		if got := gateway.Token(s.h); got != s.want {
			t.Errorf("%s: got %q, want %q", s.name, got, s.want)
		}
	}
}

func TestPresence(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	a := k.in("room=notice&token=u1")
	b := k.in("room=notice,other&token=u1")
	k.in("room=notice&userId=7")
	if got, want := fmt.Sprint(k.who("notice")), fmt.Sprint(map[string]int{"u1": 2, "guest:7": 1}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := `[{"members":[{"user":"guest:7","verified":false,"connections":1},{"user":"u1","verified":true,"connections":2}],"count":2,"complete":true}]`
	if got := a.ask("members", `{"room":"notice"}`); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	a.send("41")
	b.Close()
	k.eventuallyIn("notice", map[string]int{"guest:7": 1})
	k.eventuallyIn("other", map[string]int{})
}

func TestConnectionLimits(t *testing.T) {
	k := newKit(t, nil)
	first, second := k.in("token=u1"), k.in("token=u1")
	for range 3 {
		k.in("token=u1")
	}
	for range 9 {
		k.in("userId=u1") // a guest's label takes no place of a user; guests are limited by address
	}
	k.in("token=u2")
	k.in("token=u1")
	packets, code := first.rest()
	if want := `42["error",{"code":"connection_replaced","message":"A newer connection of yours took this place."}]`; len(packets) != 1 || packets[0] != want || code != 1008 {
		t.Errorf("the oldest: got %q, %d, want to be told and closed", packets, code)
	}
	if got := second.ask("leave", `{"room":"x"}`); !strings.Contains(got, "room_unknown") {
		t.Errorf("the second: got %s, want to be left alone", got)
	}
	second.Close()
	eventually(t, "the places of those that left are free", func() bool { return k.who("*/")["u1"] == 4 })
	k.in("token=u1")
	if got := k.who("*/")["u1"]; got != 5 {
		t.Errorf("got %d sockets, want 5", got)
	}
	for range 4 {
		k.in("token=u1")
	}
	if _, got := k.open("token=u1", ""); !strings.Contains(got, `"connection_limit"`) {
		t.Errorf("a sixth replacement in a minute: got %s, want connection_limit", got)
	}
	t.Run("of an address", func(t *testing.T) {
		k := newKit(t, func(l *realtime.Limits, _ *gateway.Options) { l.SocketsPerAddress = 1 })
		k.in("userId=1")
		res, err := web.Client.Get(strings.Replace(strings.Replace(k.url, "ws", "http", 1), "=websocket", "=polling", 1))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("got %d, want 429", res.StatusCode)
		}
	})
}

func TestKick(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	a, b := k.in("token=u1"), k.in("token=u1&room=notice")
	other := k.in("token=u2")
	k.hub.Kick("u1", "You were signed out.")
	for _, c := range []*client{a, b} {
		packets, code := c.rest()
		if len(packets) != 1 || packets[0] != `42["error",{"code":"connection_closed","message":"You were signed out."}]` || code != 1008 {
			t.Errorf("got %q, %d", packets, code)
		}
	}
	if got := other.ask("leave", `{"room":"x"}`); !strings.Contains(got, "room_unknown") {
		t.Errorf("got %s, want others to be left alone", got)
	}
}

// a kick after the check of the token, and before the socket's first seat, must work
func TestKickDuringConnect(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	k.door.asked = func() {
		k.door.revoke("u1")
		k.hub.Kick("u1", "You were signed out.")
	}
	c, _ := k.open("token=u1", "")
	packets, code := c.rest()
	if len(packets) != 1 || !strings.Contains(packets[0], "token_invalid") || code != 1008 {
		t.Errorf("got %q, %d, want to be closed", packets, code)
	}
}

func TestTokenEnds(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	c := k.in("token=u-ends&room=notice")
	packets, code := c.rest()
	if len(packets) != 1 || packets[0] != `42["error",{"code":"token_expired","message":"The token has expired; connect with a new one."}]` || code != 1008 {
		t.Errorf("got %q, %d", packets, code)
	}
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(_ *realtime.Limits, o *gateway.Options) { o.Namespaces = []string{"/", "/shop"} })
	c := k.in("room=notice")
	c.send("40/shop,")
	if got := c.read(); !strings.HasPrefix(got, "40/shop,{") {
		t.Fatalf("got %s", got)
	}
	c.send("40/other,")
	if got := c.read(); got != `44/other,{"message":"Invalid namespace"}` {
		t.Errorf("got %s", got)
	}
	k.publish("*/shop", "sale", "1")
	if got := c.read(); !strings.HasPrefix(got, `42/shop,["sale",1,`) {
		t.Errorf("got %s", got)
	}
	k.publish("*/", "all", "2")
	if got := c.read(); !strings.HasPrefix(got, `42["all",2,`) {
		t.Errorf("got %s", got)
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		own     []string
		origins []string
		want    bool
	}{
		{"none", nil, nil, true},
		{"empty", nil, []string{""}, true},
		{"mini program", nil, []string{"https://servicewechat.com"}, true},
		{"mini game on iOS", nil, []string{"weapp://wechat-game-runtime"}, true},
		{"joined with undefined", nil, []string{"http://shop.example:8090,undefined"}, true},
		{"same host", nil, []string{"https://SHOP.example:8090"}, true},
		{"same host, other port", nil, []string{"https://shop.example"}, false},
		{"other", nil, []string{"https://evil.example"}, false},
		{"other joined with a good one", nil, []string{"https://servicewechat.com,https://evil.example"}, false},
		{"other in a second header", nil, []string{"https://servicewechat.com", "https://evil.example"}, false},
		{"looks like the mini program's", nil, []string{"https://servicewechat.com.evil.example"}, false},
		{"mini program's without TLS", nil, []string{"http://servicewechat.com"}, false},
		{"file", nil, []string{"null"}, false},
		{"configured", []string{"https://admin.example/"}, []string{"https://admin.example"}, true},
		{"configured with another scheme", []string{"https://admin.example"}, []string{"http://admin.example"}, false},
		{"all", []string{"*"}, []string{"https://evil.example"}, true},
		{"nonsense", nil, []string{"http://[::1"}, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			g := gateway.New(realtime.New(realtime.Config{}), &doorman{}, gateway.Options{Origins: s.own})
			defer func() { _ = g.Shutdown(t.Context()) }()
			r := httptest.NewRequest(http.MethodGet, "http://shop.example:8090/socket.io/?EIO=4&transport=polling", nil)
			r.Header["Origin"] = s.origins
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if got := w.Code == 200; got != s.want {
				t.Errorf("got %d, want allowed %v", w.Code, s.want)
			}
		})
	}
}

// rule 4: clients are told to reconnect
func TestShutdown(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	c := k.in("room=notice&userId=1")
	done := make(chan error, 1)
	go func() { done <- k.Shutdown(t.Context()) }()
	if packets, code := c.rest(); packets != nil || code != 1001 {
		t.Errorf("got %q, %d, want 1001 alone", packets, code)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("shutdown hangs")
	}
	if got := k.who("notice"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
