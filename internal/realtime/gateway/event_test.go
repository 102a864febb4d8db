package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
)

func TestExchange(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	a, b := k.in("room=notice&userId=1"), k.in("room=notice&userId=2")
	stranger := k.in("room=other&userId=3")
	if got := a.ask("exchange", `{"target":"res","payload":{"msg":"你好 <b>🎉","n":1}}`); got != `[{"ok":true}]` {
		t.Errorf("got %s", got)
	}
	for _, c := range []*client{a, b} {
		name, payload, about := c.push()
		var body struct {
			Meta struct {
				Timestamp      int64
				Client, Target string
			}
			Data struct {
				Action  string
				Payload struct {
					Msg string
					N   int
				}
			}
		}
		if err := json.Unmarshal([]byte(payload), &body); err != nil {
			t.Fatal(err)
		}
		if name != "res" || body.Meta.Client != a.sid || body.Meta.Target != "res" || body.Meta.Timestamp == 0 ||
			body.Data.Action != "exchange" || body.Data.Payload.Msg != "你好 <b>🎉" {
			t.Errorf("got %s %s", name, payload)
		}
		if !strings.HasPrefix(payload, `{"meta":{"timestamp":`) {
			t.Errorf("got %s, want the article's order of keys", payload)
		}
		if about.Room != "notice" || about.Sender != "guest:1" || about.Seq != 0 || about.At.IsZero() {
			t.Errorf("got %+v", about)
		}
	}
	k.publish("other", "mark", "1")
	if name, _, _ := stranger.push(); name != "mark" {
		t.Errorf("a stranger got %s", name)
	}
}

func TestExchangeRefused(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	scenarios := []struct{ name, query, argument, want string }{
		{"target not allowed", "room=notice", `{"target":"push","payload":1}`, "target_forbidden"},
		{"reserved target", "room=notice", `{"target":"disconnect"}`, "target_forbidden"},
		{"no target", "room=notice", `{"payload":1}`, "target_forbidden"},
		{"target of another type", "room=notice", `{"target":1}`, "arguments_invalid"},
		{"no object", "room=notice", `"res"`, "arguments_invalid"},
		{"too big", "room=notice", `{"target":"res","payload":"` + strings.Repeat("x", 8192) + `"}`, "message_too_big"},
		{"no room", "", `{"target":"res"}`, "room_unknown"},
		{"room where only the server speaks", "room=silent", `{"target":"res"}`, "room_publish_forbidden"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := k.in(s.query)
			if got := c.ask("exchange", s.argument); !strings.HasPrefix(got, `[{"error":{"code":"`+s.want+`"`) {
				t.Errorf("got %s, want %s", got, s.want)
			}
			c.send(`42["exchange",` + s.argument + "]")
			if name, args := c.event(); name != "error" || !strings.Contains(string(args[0]), s.want) {
				t.Errorf("without acknowledgement: got %s %s, want %s", name, args, s.want)
			}
		})
	}
}

func TestExchangeScopes(t *testing.T) {
	t.Parallel()
	t.Run("only rooms of the handshake in which he may publish, and is still", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, nil)
		a := k.in("room=silent,one,two,three")
		a.ask("leave", `{"room":"two"}`)
		a.ask("join", `{"room":"four"}`)
		listener := k.in("room=silent,one,two,three,four&userId=9")
		a.ask("exchange", `{"target":"res"}`)
		for _, room := range []string{"one", "three"} {
			if _, payload, about := listener.push(); about.Room != room || !strings.Contains(payload, `"payload":null`) {
				t.Errorf("got %s %+v, want room %s", payload, about, room)
			}
		}
		k.publish("four", "mark", "1")
		if name, _, _ := listener.push(); name != "mark" {
			t.Errorf("got %s, want no more than two", name)
		}
	})
	t.Run("namespace, as a switch", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(_ *realtime.Limits, o *gateway.Options) { o.NamespaceScope = true })
		a, stranger := k.in("room=notice"), k.in("room=other&userId=9")
		a.ask("exchange", `{"target":"res","payload":1}`)
		if name, _, about := stranger.push(); name != "res" || about.Room != "*/" {
			t.Errorf("got %s %+v", name, about)
		}
		if got := k.in("room=silent").ask("exchange", `{"target":"res"}`); !strings.Contains(got, "room_publish_forbidden") {
			t.Errorf("got %s, want the rule to hold", got)
		}
	})
	t.Run("targets, as a list and all", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(_ *realtime.Limits, o *gateway.Options) { o.Targets = []string{"*"} })
		a := k.in("room=notice")
		if got := a.ask("exchange", `{"target":"anything.at-all"}`); got != `[{"ok":true}]` {
			t.Errorf("got %s", got)
		}
		if got := a.ask("exchange", `{"target":"exchange"}`); !strings.Contains(got, "target_forbidden") {
			t.Errorf("got %s, want reserved names to be refused still", got)
		}
	})
}

func TestRoomEvents(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(l *realtime.Limits, _ *gateway.Options) {
		l.RoomsPerSocket, l.EventsPerSecond, l.EventsBurst = 2, 1000, 1000
	})
	c := k.in("room=notice&userId=1")
	scenarios := []struct{ name, event, argument, want string }{
		{"join", "join", `{"room":"chat"}`, `[{"ok":true}]`},
		{"join again", "join", `{"room":"chat"}`, `[{"ok":true}]`},
		{"join too many", "join", `{"room":"third"}`, `room_limit`},
		{"leave", "leave", `{"room":"chat"}`, `[{"ok":true}]`},
		{"leave again", "leave", `{"room":"chat"}`, `room_unknown`},
		{"join forbidden", "join", `{"room":"private"}`, `room_forbidden`},
		{"join unknown", "join", `{"room":"nowhere"}`, `room_unknown`},
		{"join reserved", "join", `{"room":"user:u2"}`, `room_unknown`},
		{"join after nonsense", "join", `{"room":"kept","after":-5}`, `arguments_invalid`},
		{"join nothing", "join", `{}`, `room_unknown`},
		{"publish", "publish", `{"room":"notice","event":"hey","payload":[1]}`, `[{"ok":true}]`},
		{"publish with history", "publish", `{"room":"kept","event":"hey"}`, `[{"ok":true,"seq":1}]`},
		{"join with history", "join", `{"room":"kept"}`, `[{"ok":true,"seq":1}]`},
		{"publish where only the server speaks", "publish", `{"room":"silent","event":"hey"}`, `room_publish_forbidden`},
		{"publish to another user", "publish", `{"room":"user:u2","event":"hey"}`, `room_unknown`},
		{"publish to everybody", "publish", `{"room":"*/","event":"hey"}`, `room_unknown`},
		{"publish a reserved event", "publish", `{"room":"notice","event":"error"}`, `event_name_invalid`},
		{"members where nobody may look", "members", `{"room":"discreet"}`, `presence_forbidden`},
		{"members of a room he may not join", "members", `{"room":"private"}`, `room_forbidden`},
		{"unknown event", "dance", `{}`, `event_unknown`},
	}
	for _, s := range scenarios {
		got := c.ask(s.event, s.argument)
		if got != s.want && !strings.HasPrefix(got, `[{"error":{"code":"`+s.want+`"`) {
			t.Errorf("%s: got %s, want %s", s.name, got, s.want)
		}
	}
	if name, payload, about := c.push(); name != "hey" || payload != "[1]" || about.Sender != "guest:1" {
		t.Errorf("got %s %s %+v", name, payload, about)
	}
	k.eventuallyIn("chat", map[string]int{})
}

// a client that drops and returns gets exactly what it missed, in order, once
func TestResume(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	other := k.in("room=kept-other&userId=2")
	for i := range 900 {
		k.publish("kept", "n", fmt.Sprint(i+1))
	}
	pushed := make(chan struct{})
	go func() { // and publishing continues while they join
		defer close(pushed)
		for i := range 100 {
			k.publish("kept", "n", fmt.Sprint(900+i+1))
		}
	}()
	back, _ := k.open("room=notice,kept&after=0,100&userId=1", "")
	other.send(`42["join",{"room":"kept","after":850}]`)
	for c, first := range map[*client]int{back: 101, other: 851} {
		for want := first; want <= 1000; want++ {
			event, payload, about := c.push()
			for event == realtime.MembersEvent { // MembersEvent follows after a pause
				event, payload, about = c.push()
			}
			if payload != fmt.Sprint(want) || about.Seq != int64(want) {
				t.Fatalf("got %s %+v, want %d", payload, about, want)
			}
		}
	}
	<-pushed
}

// rule 3, and the goal of 5,000 members: a message is encoded once, and delivering it to a member does not allocate
func TestDeliveryIsCheap(t *testing.T) {
	k := newKit(t, nil)
	c := k.in("room=notice")
	go func() {
		for {
			if _, _, err := c.NextReader(); err != nil {
				return
			}
		}
	}()
	var frames [200]*realtime.Frame
	for i := range frames {
		frames[i] = realtime.NewFrame(realtime.Message{Room: "notice", Event: "res", Payload: json.RawMessage(`{"a":1}`)})
		gateway.Packet(frames[i])
	}
	i := 0
	if got := testing.AllocsPerRun(100, func() { gateway.Packet(frames[i]); i++ }); got > 0 {
		t.Errorf("got %v allocations for one more member, want none", got)
	}
}
