package socketio_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"wxbase/internal/realtime/socketio"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, packet string
		want         string // kind namespace id event args auth; empty: refused
	}{
		{"connect", `0`, `0 / "" "" 0 `},
		{"connect with auth", `0{"token":"123"}`, `0 / "" "" 0 {"token":"123"}`},
		{"connect to a namespace", `0/admin,{"a":1}`, `0 /admin "" "" 0 {"a":1}`},
		{"connect to a namespace without a comma", `0/admin`, `0 /admin "" "" 0 `},
		{"connect, version 3, with a query", `0/admin?token=1&x=2`, `0 /admin?token=1&x=2 "" "" 0 `},
		{"auth is a list", `0["a"]`, ``},
		{"auth is a text", `0"a"`, ``},
		{"auth is cut", `0{"a":`, ``},
		{"disconnect", `1/admin,`, `1 /admin "" "" 0 `},
		{"disconnect with data", `1{}`, ``},
		{"event", `2["hey",1,{"a":[2]}]`, `2 / "" "hey" 2 `},
		{"event with an acknowledgement", `2/admin,456["hey"]`, `2 /admin "456" "hey" 0 `},
		{"event that is no list", `2{}`, ``},
		{"event without data", `2`, ``},
		{"event without a name", `2[]`, ``},
		{"event named by a number", `2[1]`, ``},
		{"event named by nothing", `2[null]`, ``},
		{"reserved event", `2["connect_error"]`, ``},
		{"reserved event, escaped", `2["disconnect\u0069ng"]`, ``},
		{"event with a wrong number", `2abc["hey"]`, ``},
		{"event with a number too long", `212345678901234567["hey"]`, ``},
		{"event with more behind", `2["hey"]x`, ``},
		{"acknowledgement", `3/admin,12[]`, `3 /admin "12" "" 0 `},
		{"acknowledgement without a number", `3["a"]`, ``},
		{"acknowledgement of nothing", `312null`, ``},
		{"error from a client", `4{"message":"x"}`, ``},
		{"binary event", `51-["hey",{"_placeholder":true,"num":0}]`, `binary`},
		{"binary acknowledgement", `61-12[{"_placeholder":true,"num":0}]`, `binary`},
		{"unknown type", `7`, ``},
		{"letters", `abc`, ``},
		{"nothing", ``, ``},
		{"endless namespace", `0/` + strings.Repeat("x", 128), ``},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := socketio.Decode([]byte(s.packet)); got != s.want {
				t.Errorf("got %q, want %q", got, s.want)
			}
		})
	}
}

func TestPacketIsEncodedOnce(t *testing.T) {
	t.Parallel()
	p := socketio.NewPacket("res", json.RawMessage(`{"a":1}`), nil)
	var wg sync.WaitGroup
	frames := make([]*byte, 16)
	for i := range frames {
		wg.Go(func() { frames[i] = socketio.FirstByte(p, "/") })
	}
	wg.Wait()
	for _, f := range frames {
		if f != frames[0] {
			t.Fatal("got two encodings for one namespace")
		}
	}
	if socketio.FirstByte(p, "/admin") == frames[0] {
		t.Error("got one encoding for two namespaces")
	}
	scenarios := []struct{ namespace, want string }{{"/", `42["res",{"a":1},null]`}, {"/admin", `42/admin,["res",{"a":1},null]`}}
	for _, s := range scenarios {
		if got := socketio.Text(p, s.namespace); got != s.want {
			t.Errorf("got %s, want %s", got, s.want)
		}
	}
}

func TestPacketIsUTF8(t *testing.T) {
	t.Parallel()
	p := socketio.NewPacket("好\xff", json.RawMessage("\"a\xffb\""))
	if got, want := socketio.Text(p, "/"), `42["好\ufffd","a`+"\uFFFD"+`b"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzPacket checks that packets of a client never panic, and that a decoded event is valid.
func FuzzPacket(f *testing.F) {
	for _, seed := range []string{`0`, `0/admin,{"a":1}`, `1`, `2["hey",1]`, `2/x?y,12["a"]`, `312["a"]`, `51-["a"]`, `4"x"`, `2["\ud800"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		socketio.Decode(data)
		event, args := socketio.DecodeEvent(data)
		if event == "" {
			return
		}
		for _, a := range args {
			if !json.Valid(a) {
				t.Fatalf("got argument %q", a)
			}
		}
	})
}
