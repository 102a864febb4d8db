package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/realtime"
)

// cluster is a primary and edges in one synctest bubble.
type cluster struct {
	net   *network
	store *memory

	primary     *realtime.Hub
	primaryNode *node
	edges       []*realtime.Hub
	edgeNodes   []*node
}

func newCluster(edges int) *cluster {
	c := &cluster{net: &network{}, store: newMemory()}
	c.primaryNode = c.net.join()
	c.primary = realtime.New(realtime.Config{Store: c.store, Bus: c.primaryNode, Rooms: rooms})
	for range edges {
		b := c.net.join()
		c.edgeNodes = append(c.edgeNodes, b)
		c.edges = append(c.edges, realtime.New(realtime.Config{Bus: b, Rooms: edgeRooms}))
	}
	return c
}

// edgeRooms are an edge's settings from tickets, which may be out of date.
func edgeRooms(_ context.Context, name string) (realtime.Room, error) {
	if name == "nowhere" {
		return realtime.Room{Name: name, History: 5}, nil
	}
	return room(name), nil
}

// restart replaces the primary's process by a new one with the same database.
func (c *cluster) restart() {
	c.primaryNode.cut()
	c.net.mu.Lock()
	c.net.nodes = slices.DeleteFunc(c.net.nodes, func(n *node) bool { return n == c.primaryNode })
	c.net.mu.Unlock()
	c.primaryNode = c.net.join()
	c.primary = realtime.New(realtime.Config{Store: c.store, Bus: c.primaryNode, Rooms: rooms})
}

func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestARoomSpansProcesses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(2)
		hubs := []*realtime.Hub{c.primary, c.edges[0], c.edges[1]}
		for _, name := range []string{"a", "k", "*/"} {
			var members []*member
			for i, h := range hubs {
				m := newMember(fmt.Sprint("u", i))
				members = append(members, m)
				join(t, h, name, m, -1)
			}
			for i, h := range hubs {
				if _, _, err := h.Publish(t.Context(), message(name, i)); err != nil {
					t.Fatalf("%s: publish at %d: %v", name, i, err)
				}
				synctest.Wait()
			}
			for _, m := range members {
				if got := strings.Join(m.heard(), ""); got != "012" {
					t.Errorf("%s, %s: got %s, want 012, each once", name, m.who.User, got)
				}
			}
		}
		if got := c.store.count(); got != 3 {
			t.Errorf("kept: got %d, want 3", got)
		}
	})
}

func TestSubscribesOnlyWhereSomebodyIs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(1)
		one, two := newMember("u1"), newMember("u2")
		wants := func(step string, want bool) {
			t.Helper()
			if got := c.edgeNodes[0].subscribed("room/k"); got != want {
				t.Errorf("%s: got subscribed %v, want %v", step, got, want)
			}
		}
		wants("nobody", false)
		join(t, c.edges[0], "k", one, -1)
		join(t, c.edges[0], "k", two, -1)
		wants("two", true)
		c.edges[0].LeaveAll(one)
		wants("one", true)
		c.edges[0].Leave("k", two)
		wants("nobody again", false)
		if c.primaryNode.subscribed("room/k") {
			t.Error("the primary listens to a room that nobody of its own is in")
		}
	})
}

func TestEdgePublishes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(1)
		m := newMember("u1")
		join(t, c.edges[0], "k", m, -1)
		sent, n, err := c.edges[0].Publish(t.Context(), message("k", "x"))
		if err != nil || sent.Seq != 1 || n != 1 || sent.At.IsZero() {
			t.Errorf("got %+v to %d, %v, want number 1 from the primary", sent, n, err)
		}
		synctest.Wait()
		m.wantSeqs(t, 1, 1)
		for name, bad := range map[string]struct {
			m    realtime.Message
			want error
		}{
			"event":   {realtime.Message{Room: "k", Event: "connect", Payload: json.RawMessage("1")}, realtime.ErrEventName},
			"payload": {realtime.Message{Room: "k", Event: "x", Payload: json.RawMessage("{")}, realtime.ErrPayload},
		} {
			if _, _, err := c.edges[0].Publish(t.Context(), bad.m); !errors.Is(err, bad.want) {
				t.Errorf("%s: got %v, want %v", name, err, bad.want)
			}
		}
		// a room that the primary does not have
		if _, _, err := c.edges[0].Publish(t.Context(), message("nowhere", 1)); !errors.Is(err, realtime.ErrRoomUnknown) {
			t.Errorf("unknown room: got %v, want %v", err, realtime.ErrRoomUnknown)
		}
		c.edgeNodes[0].cut()
		if _, _, err := c.edges[0].Publish(t.Context(), message("k", "y")); !errors.Is(err, realtime.ErrPrimaryAway) {
			t.Errorf("while the bus is down: got %v, want %v", err, realtime.ErrPrimaryAway)
		}
		if got := c.store.count(); got != 1 {
			t.Errorf("kept: got %d, want the one that was published", got)
		}
	})
}

// TestTheBusIsDown: local rooms continue; what an edge missed in a room with history arrives when the bus is back, in
// order, once.
func TestTheBusIsDown(t *testing.T) {
	t.Parallel()
	for _, missed := range []int{0, 1, 10, 100, 1_000} {
		t.Run(fmt.Sprint(missed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				c := newCluster(2)
				near, far, other := newMember("u1"), newMember("u2"), newMember("u3")
				for _, name := range []string{"a", "k"} {
					join(t, c.primary, name, near, -1)
					join(t, c.edges[0], name, far, -1)
				}
				join(t, c.edges[1], "k", other, -1)
				count(t, c.primary, 5)
				synctest.Wait()
				c.edgeNodes[0].cut()
				count(t, c.primary, missed)
				say(t, c.edges[0], "a", "local")
				if got := far.heard(); got[len(got)-1] != `"local"` {
					t.Errorf("a room of its own while the bus is down: got %v, want it to go on", got[len(got)-1])
				}
				late := newMember("u4")
				join(t, c.edges[0], "k", late, 3) // returns while the bus is down
				c.edgeNodes[0].heal()
				time.Sleep(time.Minute)
				count(t, c.primary, 5)
				synctest.Wait()
				total := int64(10 + missed)
				late.wantSeqs(t, 4, total)
				other.wantSeqs(t, 1, total)
				near.wantSeqs(t, 1, total)
				numbered := slices.DeleteFunc(far.got(), func(n int64) bool { return n == 0 })
				if len(numbered) != int(total) || !slices.IsSorted(numbered) {
					t.Errorf("the edge's member: got %s, want 1 … %d once each", ends(numbered), total)
				}
			})
		})
	}
}

// TestLostOnTheWay: the next message reveals a message that the bus lost, and it is fetched.
func TestLostOnTheWay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(1)
		m := newMember("u1")
		join(t, c.edges[0], "k", m, -1)
		n := 0
		c.net.lose = func(subject string) bool {
			n++
			return subject == "room/k" && n%7 < 3
		}
		for range 500 {
			say(t, c.primary, "k", "x")
			if n%11 == 0 {
				synctest.Wait()
			}
		}
		c.net.lose = nil
		say(t, c.primary, "k", "end")
		time.Sleep(time.Minute)
		m.wantSeqs(t, 1, 501)
		if c.edges[0].Stats().Resyncs == 0 {
			t.Error("got no resync")
		}
	})
}

// TestThePrimaryIsCutOff: only the primary lost the bus, so the edges noticed nothing.
func TestThePrimaryIsCutOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(1)
		m, blocked := newMember("u1"), newMember("u2")
		join(t, c.edges[0], "k", m, -1)
		join(t, c.edges[0], "k", blocked, -1)
		count(t, c.primary, 3)
		synctest.Wait()
		c.primaryNode.cut()
		count(t, c.primary, 4)
		c.primary.Kick("u2", "blocked")
		synctest.Wait()
		if blocked.reason() != "" {
			t.Fatal("kicked over a bus that is down")
		}
		c.primaryNode.heal()
		time.Sleep(time.Minute)
		m.wantSeqs(t, 1, 7)
		if blocked.reason() != "blocked" {
			t.Errorf("got %q, want the kick to arrive late rather than never", blocked.reason())
		}
	})
}

// TestThePrimaryRestarts: the numbers jump, and every message arrives exactly once.
func TestThePrimaryRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(1)
		m := newMember("u1")
		join(t, c.edges[0], "k", m, -1)
		count(t, c.primary, 3)
		synctest.Wait()
		c.restart()
		if _, _, err := c.edges[0].Publish(t.Context(), message("k", "x")); err != nil {
			t.Errorf("publish after a restart: %v", err)
		}
		time.Sleep(time.Minute)
		if got := m.got(); !slices.Equal(got, []int64{1, 2, 3, 257}) {
			t.Errorf("got %v, want 1 2 3 257", got)
		}
		// and a primary restored from an older backup counts from a lower number
		c.store.reserved["k"], c.store.rows["k"] = 10, nil
		c.restart()
		say(t, c.primary, "k", "again")
		say(t, c.primary, "k", "again")
		time.Sleep(time.Minute)
		if got := m.got()[4:]; !slices.Equal(got, []int64{11, 12}) {
			t.Errorf("after a restore: got %v, want 11 12", got)
		}
	})
}

// TestEdgeResumes: a member of an edge returns with a number that only the primary's database knows.
func TestEdgeResumes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(1)
		count(t, c.primary, 1_000)
		for _, after := range []int64{0, 500, 990, 1_000} {
			m := newMember("u1")
			join(t, c.edges[0], "k", m, after)
			m.wantSeqs(t, after+1, 1_000)
			c.edges[0].LeaveAll(m)
		}
		foreign := newMember("u2")
		join(t, c.edges[0], "k", foreign, 9_999)
		say(t, c.primary, "k", "x")
		synctest.Wait()
		foreign.wantSeqs(t, 1_001, 1_001)
		list, more, err := c.edges[0].History(t.Context(), room("k"), 998, 2)
		if err != nil || len(list) != 2 || list[1].Seq != 1_000 || !more {
			t.Errorf("history: got %v, %v, %v, want 999 and 1000 and more", list, more, err)
		}
		c.edgeNodes[0].cut()
		if _, _, err := c.edges[0].History(t.Context(), room("k"), 0, 2); !errors.Is(err, realtime.ErrPrimaryAway) {
			t.Errorf("history while the bus is down: got %v, want %v", err, realtime.ErrPrimaryAway)
		}
	})
}

// TestEdgeJoinsDuringPublishing: as on one process, but over the bus.
func TestEdgeJoinsDuringPublishing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(2)
		count(t, c.primary, 100)
		var wg sync.WaitGroup
		var members []*member
		for i := range 10 {
			m := newMember(fmt.Sprint("u", i))
			members = append(members, m)
			wg.Go(func() { join(t, c.edges[i%2], "k", m, int64(i*10)) })
			wg.Go(func() { count(t, []*realtime.Hub{c.primary, c.edges[0], c.edges[1]}[i%3], 50) })
		}
		wg.Wait()
		time.Sleep(time.Minute)
		for i, m := range members {
			m.wantSeqs(t, int64(i*10+1), 600)
		}
	})
}

func TestNewestOnAnEdge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(1)
		if got, known := c.edges[0].Newest(t.Context(), room("k")); got != 0 || !known {
			t.Errorf("nothing said yet: got %d, %v, want 0", got, known)
		}
		count(t, c.primary, 3)
		if got, known := c.edges[0].Newest(t.Context(), room("k")); got != 3 || !known {
			t.Errorf("got %d, %v, want 3", got, known)
		}
		c.primaryNode.cut()
		if _, known := c.edges[0].Newest(t.Context(), room("k")); known {
			t.Error("without the primary: got a number")
		}
	})
}

func TestPresenceOfAllProcesses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(2)
		join(t, c.primary, "a", newMember("u1"), -1)
		join(t, c.edges[0], "a", newMember("u1"), -1)
		join(t, c.edges[0], "a", newMember("guest:9"), -1)
		want := []realtime.Present{{User: "guest:9", Connections: 1}, {User: "u1", Verified: true, Connections: 2}}
		for i, h := range []*realtime.Hub{c.primary, c.edges[0], c.edges[1]} {
			p, err := h.Presence(t.Context(), "a")
			if err != nil || !slices.Equal(p.Members, want) || p.Count != 2 || !p.Complete {
				t.Errorf("asked at %d: got %+v, %v, want %+v", i, p, err, want)
			}
		}
		c.edgeNodes[0].cut()
		if p, _ := c.primary.Presence(t.Context(), "a"); p.Complete || p.Count != 1 {
			t.Errorf("one process is silent: got %+v, want what the others say, and that it is not all", p)
		}
	})
}

func TestKickOnAllProcesses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(2)
		var members []*member
		for _, h := range append([]*realtime.Hub{c.primary}, c.edges...) {
			m := newMember("u1")
			members = append(members, m)
			join(t, h, "a", m, -1)
		}
		c.primary.Kick("u1", "blocked")
		synctest.Wait()
		for i, m := range members {
			if m.reason() != "blocked" {
				t.Errorf("process %d: got %q, want it closed", i, m.reason())
			}
		}
		// an edge that was cut off carries out the missed kicks once it is back, and no others
		var told atomic.Int64
		c.edges[1].OnKick(func(string, string) { told.Add(1) })
		c.edgeNodes[1].cut()
		c.primary.Kick("u2", "blocked")
		c.primary.Kick("u3", "blocked")
		c.edgeNodes[1].heal()
		time.Sleep(time.Minute)
		c.primary.Kick("u4", "blocked")
		c.primaryNode.cut()
		c.primaryNode.heal()
		time.Sleep(time.Minute)
		if told.Load() != 3 {
			t.Errorf("told of %d kicks, want 3", told.Load())
		}
		c.edges[0].Evict("a", "changed")
		synctest.Wait()
		if members[0].reason() != "changed" || members[2].reason() != "changed" {
			t.Errorf("evicted by another process: got %q, %q", members[0].reason(), members[2].reason())
		}
	})
}

// TestGarbage: arbitrary data on the bus is counted and ignored.
func TestGarbage(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(1)
		stranger := c.net.join()
		m, far := newMember("u1"), newMember("u2")
		join(t, c.primary, "k", m, -1)
		join(t, c.edges[0], "k", far, -1)
		for _, data := range []string{"", "null", "{", "[]", `{"room":"other","seq":1}`, `{"room":"k","seq":-1}`, `{"seq":"x"}`, `5`} {
			for _, subject := range []string{"room/k", "kick", "resync"} {
				stranger.Publish(subject, []byte(data))
			}
			for _, subject := range []string{"publish", "history", "presence", "kicks"} {
				if _, _, err := stranger.Request(t.Context(), subject, []byte(data)); err != nil {
					t.Errorf("%s %q: %v", subject, data, err)
				}
			}
		}
		// a number from another process than the primary
		stranger.Publish("room/k", []byte(`{"room":"k","event":"x","payload":1,"seq":5}`))
		time.Sleep(time.Minute)
		if got := m.got(); len(got) != 0 {
			t.Errorf("the primary's member: got %v, want nothing", got)
		}
		if c.primary.Stats().Garbage == 0 || c.edges[0].Stats().Garbage == 0 {
			t.Error("got no count of garbage")
		}
	})
}

// TestAStrangersAnswer: an edge survives nonsense from the primary.
func TestAStrangersAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		net := &network{}
		odd, b := net.join(), net.join()
		edge := realtime.New(realtime.Config{Bus: b})
		for _, subject := range []string{"publish", "history", "presence", "kicks"} {
			odd.Respond(subject, func([]byte) ([]byte, bool) { return []byte("<html>"), true })
		}
		m := newMember("u1")
		join(t, edge, "k", m, -1)
		if _, _, err := edge.Publish(t.Context(), message("k", 1)); err == nil {
			t.Error("publish: got no error")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := edge.Join(ctx, room("k"), newMember("u2"), 0); err == nil {
			t.Error("join with a number: got no error")
		}
		if p, err := edge.Presence(t.Context(), "k"); err != nil || p.Complete {
			t.Errorf("presence: got %+v, %v, want it incomplete", p, err)
		}
		odd.cut()
		b.heal()
		b.cut()
		time.Sleep(time.Hour)
	})
}
