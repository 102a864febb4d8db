package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/realtime/socketio"
)

func TestConnect4(t *testing.T) {
	k := newKit(t, nil)
	t.Run("main namespace", func(t *testing.T) {
		c := k.dial("4", "&room=notice&userId=1")
		c.send(`40{"token":"123"}`)
		answer := c.read()
		h, s := take(t, k.shook), take(t, k.in)
		if answer != `40{"sid":"`+s.ID()+`"}` || len(s.ID()) < 20 {
			t.Errorf("got %s for socket %s", answer, s.ID())
		}
		if h.Namespace != "/" || h.Protocol != 4 || string(h.Auth) != `{"token":"123"}` || h.Query.Get("room") != "notice" ||
			h.Query.Get("userId") != "1" || h.Address != "127.0.0.1" || h.Header.Get("User-Agent") == "" {
			t.Errorf("got %+v", h)
		}
		if s.Protocol() != 4 || s.Namespace() != "/" {
			t.Errorf("got %d %s", s.Protocol(), s.Namespace())
		}
	})
	t.Run("two namespaces over one connection", func(t *testing.T) {
		c, main := k.joined("4")
		c.send("40/custom,")
		answer := c.read()
		take(t, k.shook)
		other := take(t, k.in)
		if answer != `40/custom,{"sid":"`+other.ID()+`"}` || other.ID() == main.ID() {
			t.Errorf("got %s", answer)
		}
		c.want(`42/custom,["hey",1]`, `42/custom,["hey-back",1]`)
		c.send("41/custom")
		if got := take(t, k.out); got != "/custom client namespace disconnect" {
			t.Errorf("got %q", got)
		}
		if err := other.Emit("hey"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		c.want(`42["hey",2]`, `42["hey-back",2]`)
	})
	t.Run("unknown namespace", func(t *testing.T) {
		c := k.dial("4", "")
		c.want("40/random", `44/random,{"message":"Invalid namespace"}`)
		c.send("40")
		if got := c.read(); !strings.HasPrefix(got, "40{") {
			t.Errorf("got %s, want the connection to be of use still", got)
		}
		take(t, k.shook)
		take(t, k.in)
	})
	t.Run("refused", func(t *testing.T) {
		c := k.dial("4", "&refuse=data")
		c.want("40", `44{"message":"not you","data":{"code":"room_forbidden"}}`)
		take(t, k.shook)
		k.dial("4", "&refuse=told").want("40", `44{"message":"not you"}`)
		take(t, k.shook)
		k.dial("4", "&refuse=secret").want("40", `44{"message":"internal error"}`)
		take(t, k.shook)
	})
}

func TestConnect3(t *testing.T) {
	k := newKit(t, nil)
	t.Run("main namespace without being asked", func(t *testing.T) {
		c := k.dial("3", "&userId=1")
		c.want("", "40")
		h, s := take(t, k.shook), take(t, k.in)
		if h.Protocol != 3 || h.Auth != nil || h.Query.Get("userId") != "1" || s.Protocol() != 3 {
			t.Errorf("got %+v", h)
		}
		c.want("40/custom?userId=2&x=3,", "40/custom,")
		h, other := take(t, k.shook), take(t, k.in)
		if h.Namespace != "/custom" || h.Query.Get("userId") != "2" || h.Query.Get("x") != "3" || h.Query.Get("EIO") != "3" {
			t.Errorf("got %+v", h)
		}
		if other.ID() != "/custom#"+s.ID() {
			t.Errorf("got id %s, want what the client makes up", other.ID())
		}
		c.want(`42/custom,7["hey",1]`, `43/custom,7[1]`)
		c.want("40/random", `44/random,"Invalid namespace"`)
		c.want(`42["hey"]`, `42["hey-back"]`)
	})
	// rule: the reason reaches the client before the connection closes
	for query, want := range map[string]string{"told": `44"not you"`, "data": `44{"code":"room_forbidden"}`, "secret": `44"internal error"`} {
		t.Run("refused: "+query, func(t *testing.T) {
			c := k.dial("3", "&refuse="+query)
			if packets, code := c.rest(); len(packets) != 1 || packets[0] != want || code != 1008 {
				t.Errorf("got %q, %d, want %s", packets, code, want)
			}
			take(t, k.shook)
		})
	}
	t.Run("refused while polling", func(t *testing.T) {
		body := k.poll("GET", "EIO=3&refuse=told", "")
		if _, rest, _ := strings.Cut(body, "}"); rest != `11:44"not you"1:1` {
			t.Errorf("got %s", body)
		}
		take(t, k.shook)
	})
	t.Run("the id of a poller", func(t *testing.T) {
		body := k.poll("GET", "EIO=3", "")
		take(t, k.shook)
		if s := take(t, k.in); !strings.Contains(body, `"sid":"`+s.ID()+`"`) || !strings.HasSuffix(body, "2:40") {
			t.Errorf("got %s for socket %s", body, s.ID())
		}
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"4", "3"} {
		k := newKit(t, nil)
		c, s := k.joined(protocol)
		c.want(`42["message",1,"2",{"3":[true]}]`, `42["message-back",1,"2",{"3":[true]}]`)
		c.want(`42456["message",1,"好🎉",{"3":[false]}]`, `43456[1,"好🎉",{"3":[false]}]`)
		c.want(`420["message"]`, `430[]`)
		_ = s.Emit("push", map[string]int{"n": 1}, "x")
		c.want("", `42["push",{"n":1},"x"]`)
		_ = s.Send(socketio.NewPacket("bare"))
		c.want("", `42["bare"]`)
		if err := s.Emit("bad", func() {}); err == nil || !strings.Contains(err.Error(), "encode argument 0 of bad") {
			t.Errorf("got %v", err)
		}
		s.SetValue(7)
		if s.Value() != 7 {
			t.Errorf("got %v", s.Value())
		}
		c.send("41")
		if got := take(t, k.out); got != "/ client namespace disconnect" {
			t.Errorf("got %q", got)
		}
	}
}

func TestEmitAck(t *testing.T) {
	k := newKit(t, nil)
	c, s := k.joined("4")
	type result struct {
		args []json.RawMessage
		err  error
	}
	ask := func(ctx context.Context) <-chan result {
		got := make(chan result, 1)
		go func() {
			args, err := s.EmitAck(ctx, "hey", 1)
			got <- result{args, err}
		}()
		return got
	}
	t.Run("answered", func(t *testing.T) {
		got := ask(t.Context())
		c.want("", `421["hey",1]`)
		c.send(`431["a",2]`)
		if r := take(t, got); r.err != nil || len(r.args) != 2 || string(r.args[1]) != "2" {
			t.Errorf("got %s, %v", r.args, r.err)
		}
	})
	t.Run("answered in another order", func(t *testing.T) {
		first := ask(t.Context())
		c.want("", `422["hey",1]`)
		second := ask(t.Context())
		c.want("", `423["hey",1]`)
		c.send(`433["second"]`)
		c.send(`432["first"]`)
		if r := take(t, first); string(r.args[0]) != `"first"` {
			t.Errorf("got %s", r.args)
		}
		if r := take(t, second); string(r.args[0]) != `"second"` {
			t.Errorf("got %s", r.args)
		}
	})
	t.Run("not answered in time, then answered", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		got := ask(ctx)
		c.want("", `424["hey",1]`)
		cancel()
		if r := take(t, got); !errors.Is(r.err, context.Canceled) {
			t.Errorf("got %v", r.err)
		}
		c.send(`434["late"]`)
		c.send(`439999999999["never asked"]`)
		c.want(`42["x"]`, `42["x-back"]`)
	})
	t.Run("the socket ends", func(t *testing.T) {
		got := ask(t.Context())
		c.want("", `425["hey",1]`)
		c.Close()
		if r := take(t, got); !errors.Is(r.err, socketio.ErrClosed) {
			t.Errorf("got %v", r.err)
		}
		if r := take(t, ask(t.Context())); !errors.Is(r.err, socketio.ErrClosed) {
			t.Errorf("got %v", r.err)
		}
	})
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, packet string }{
		{"unknown packet type", "4abc"},
		{"payload is not a list", "42{}"},
		{"wrong acknowledgement number", `42abc["x"]`},
		{"reserved event", `42["disconnect"]`},
		{"namespace not connected", `42/custom,["x"]`},
		{"disconnect from a namespace not connected", `41/custom,`},
		{"connect twice", "40"},
		{"error packet", `44"x"`},
		{"empty message", "4"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, protocol := range []string{"4", "3"} {
				k := newKit(t, nil)
				c, _ := k.joined(protocol)
				c.send(s.packet)
				if packets, code := c.rest(); code != 1002 || packets != nil {
					t.Errorf("version %s: got %q, %d, want 1002", protocol, packets, code)
				}
				if got := take(t, k.out); got != "/ parse error" {
					t.Errorf("version %s: got %q", protocol, got)
				}
			}
		})
	}
	t.Run("before the namespace", func(t *testing.T) {
		t.Parallel()
		c := newKit(t, nil).dial("4", "")
		c.send(`42["x"]`)
		if _, code := c.rest(); code != 1002 {
			t.Errorf("got %d", code)
		}
	})
}

// rule 9: binary is refused with a text
func TestBinaryIsRefused(t *testing.T) {
	t.Parallel()
	for _, packet := range []string{`451-["x",{"_placeholder":true,"num":0}]`, `461-1[{"_placeholder":true,"num":0}]`} {
		k := newKit(t, nil)
		c, _ := k.joined("4")
		c.send(packet)
		_ = c.WriteMessage(2, []byte{1, 2, 3})
		packets, code := c.rest()
		want := []string{`42["error",{"code":"binary_unsupported","message":"binary events are not supported"}]`}
		if !slices.Equal(packets, want) || code != 1003 {
			t.Errorf("got %q, %d, want %q, 1003", packets, code, want)
		}
	}
	k := newKit(t, nil)
	_, rest, _ := strings.Cut(k.poll("GET", "EIO=4", ""), `"sid":"`)
	q := "EIO=4&sid=" + rest[:strings.Index(rest, `"`)]
	k.poll("POST", q, "40")
	k.poll("GET", q, "")
	k.poll("POST", q, `451-["x",{"_placeholder":true,"num":0}]`+"\x1ebAQIDBA==")
	if got, want := k.poll("GET", q, ""), `42["error",{"code":"binary_unsupported","message":"binary events are not supported"}]`+"\x1e1"; got != want {
		t.Errorf("polling: got %q, want %q", got, want)
	}
}

// the limits of 6.3: events a second, then the error, then the close
func TestRateLimit(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	c, _ := k.joined("4") // joining has cost one
	for i := range 19 {
		c.want(fmt.Sprintf(`42["x",%d]`, i), fmt.Sprintf(`42["x-back",%d]`, i))
	}
	k.clock.advance(time.Second)
	for i := range 10 {
		c.want(fmt.Sprintf(`42["x",%d]`, i), fmt.Sprintf(`42["x-back",%d]`, i))
	}
	c.send(`42["x"]`)
	packets, code := c.rest()
	want := []string{`42["error",{"code":"rate_limit","message":"too many events"}]`}
	if !slices.Equal(packets, want) || code != 1008 {
		t.Errorf("got %q, %d, want %q, 1008", packets, code, want)
	}
	if got := take(t, k.out); got != "/ rate_limit" {
		t.Errorf("got %q", got)
	}
	if st := k.Stats(); st.Limited != 1 || st.EventsIn != 29 {
		t.Errorf("got %+v", st)
	}
}

func TestNamespaceLimit(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(c *socketio.Config) { c.Namespace = func(string) bool { return true } })
	c, _ := k.joined("4")
	for i := range 7 {
		c.send(fmt.Sprintf("40/n%d,", i))
		c.read()
	}
	c.send("40/n8,")
	packets, code := c.rest()
	if len(packets) != 8 || code != 1008 {
		t.Errorf("got %q, %d", packets, code)
	}
}

func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		before func(*client)
	}{
		{"never asked for a namespace", func(*client) {}},
		{"was refused", func(c *client) { c.want("40/random,", `44/random,{"message":"Invalid namespace"}`) }},
		{"left its last one", func(c *client) {
			c.send("40")
			c.read()
			c.send("41")
			c.want("40/random,", `44/random,{"message":"Invalid namespace"}`)
		}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, func(c *socketio.Config) {
				c.ConnectTimeout, c.WriteTimeout = 50*time.Millisecond, 80*time.Millisecond
				c.Now = nil
			})
			c := k.dial("4", "")
			s.before(c)
			if _, code := c.rest(); code != 1008 {
				t.Errorf("got close code %d, want 1008", code)
			}
		})
	}
}

func TestConnectHasADeadline(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(c *socketio.Config) {
		c.ConnectTimeout = time.Millisecond
		c.Connect = func(ctx context.Context, _ *socketio.Socket, _ socketio.Handshake) error {
			<-ctx.Done()
			return &socketio.ConnectError{Message: "too late"}
		}
	})
	c := k.dial("4", "")
	c.want("40", `44{"message":"too late"}`)
}

func TestCloseAndShutdown(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	a, sa := k.joined("4")
	b, _ := k.joined("3")
	_ = sa.Emit("error", map[string]string{"code": "token_expired"})
	sa.Close("token_expired")
	packets, code := a.rest()
	if len(packets) != 1 || code != 1008 {
		t.Errorf("got %q, %d, want the error, then 1008", packets, code)
	}
	if got := take(t, k.out); got != "/ token_expired" {
		t.Errorf("got %q", got)
	}
	done := make(chan error, 1)
	go func() { done <- k.Shutdown(t.Context()) }()
	// note: never packet 41, after which clients do not reconnect
	if packets, code := b.rest(); packets != nil || code != 1001 {
		t.Errorf("got %q, %d, want nothing, 1001", packets, code)
	}
	if err := take(t, done); err != nil {
		t.Error(err)
	}
	if got := take(t, k.out); got != "/ server shutting down" {
		t.Errorf("got %q", got)
	}
	if st := k.Stats(); st.Sockets != 0 || st.Sessions != 0 {
		t.Errorf("got %+v", st)
	}
}

func TestPanicCostsOneConnection(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	a, _ := k.joined("4")
	b, _ := k.joined("4")
	a.send(`42["panic"]`)
	a.rest()
	if got := take(t, k.out); got != "/ internal error" {
		t.Errorf("got %q", got)
	}
	b.want(`42["x"]`, `42["x-back"]`)
}

func TestSendWaitInOrder(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	c, s := k.joined("4")
	packets := make([]*socketio.Packet, 2000)
	for i := range packets {
		packets[i] = socketio.NewPacket("x", json.RawMessage(fmt.Append(nil, i)))
	}
	done := make(chan error, 1)
	go func() { done <- s.SendWait(t.Context(), packets) }()
	for i := range packets {
		c.want("", fmt.Sprintf(`42["x",%d]`, i))
	}
	if err := take(t, done); err != nil {
		t.Error(err)
	}
	c.Close()
	take(t, k.out)
	if err := s.SendWait(t.Context(), packets); !errors.Is(err, socketio.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// what Connect sends does not reach a client that is refused afterwards, nor one that is not connected yet
func TestDisconnectPairsWithConnect(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	for range 20 {
		c := k.dial("4", "")
		c.send("40")
		c.NetConn().Close()
	}
	eventually(t, "all are gone", func() bool { return k.Stats().Sessions == 0 })
	if in, out := len(k.shook), len(k.out); in != out {
		t.Errorf("got %d admitted and %d let go", in, out)
	}
}
