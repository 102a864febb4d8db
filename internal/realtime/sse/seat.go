package sse

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"wxbase/internal/realtime"
)

// seat is a client in one room, under one topic text. It is the hub's member.
type seat struct {
	client *client
	topic  string
}

// Identity is the client's user.
func (s *seat) Identity() realtime.Identity { return s.client.identity() }

// Connection lets the seats of one client count as one.
func (s *seat) Connection() any { return s.client }

// Deliver queues a frame.
func (s *seat) Deliver(f *realtime.Frame) { s.client.Send(s.message(f)) }

// Replay queues frames at the client's speed.
func (s *seat) Replay(ctx context.Context, frames []*realtime.Frame) error {
	for _, f := range frames {
		if err := s.client.pushWait(ctx, s.message(f)); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the client's connection.
func (s *seat) Close(string) { s.client.Discard() }

func (s *seat) message(f *realtime.Frame) subscriptions.Message {
	data, _ := f.Encoded(wire, line).([]byte)
	return subscriptions.Message{Name: s.topic, Data: data}
}

// wire is the key of this front's encoding.
const wire = "sse"

// line is the message that the members of a room receive, as one line of JSON.
func line(m realtime.Message) any {
	data, err := json.Marshal(struct {
		Event   string          `json:"event"`
		Payload json.RawMessage `json:"payload"`
		At      time.Time       `json:"at"`
		Seq     int64           `json:"seq,omitempty"`
		Sender  string          `json:"sender,omitempty"`
	}{m.Event, m.Payload, m.At, m.Seq, m.Sender})
	if err != nil { // note: the hub accepts valid JSON only
		return []byte("{}")
	}
	return data
}

// settle updates the client's seats to match its topics. A topic that it had before stays unchanged, because the SDK
// sends all of them again after each change.
func (c *client) settle(who realtime.Identity, rooms []subscription, isSuperuser bool) {
	c.placing.Lock()
	defer c.placing.Unlock()
	if c.ended {
		return
	}
	c.rename(who)
	wanted := map[string]bool{}
	for _, r := range rooms {
		wanted[r.topic] = true
	}
	for topic, s := range c.seats {
		if !wanted[topic] {
			delete(c.seats, topic)
			c.front.hub.LeaveAll(s)
		}
	}
	for _, r := range rooms {
		if c.seats[r.topic] == nil {
			c.sit(r)
		}
	}
	c.mass = !isSuperuser && len(c.Subscriptions()) == len(c.seats)
}

// rename sets an identity that was unknown before.
func (c *client) rename(who realtime.Identity) {
	if who.User == "" || who == c.identity() {
		return
	}
	seats := make([]realtime.Member, 0, len(c.seats))
	for _, s := range c.seats {
		seats = append(seats, s)
	}
	c.front.hub.Identify(func() { c.who.Store(&who) }, seats...)
}

// sit joins a room. The replay runs in the background, because the request should not wait for a slow connection;
// messages arrive in order all the same.
func (c *client) sit(r subscription) {
	s := &seat{client: c, topic: r.topic}
	c.seats[r.topic] = s
	if r.after < 0 || r.room.History == 0 {
		c.joined(s, c.front.hub.Join(context.Background(), r.room, s, -1))
		return
	}
	go func() {
		err := c.front.hub.Join(context.Background(), r.room, s, r.after)
		c.placing.Lock()
		defer c.placing.Unlock()
		if c.seats[r.topic] != s { // it has left meanwhile
			c.front.hub.LeaveAll(s)
			return
		}
		c.joined(s, err)
	}()
}

// joined closes a client whose join failed, so that it tries again.
func (c *client) joined(s *seat, err error) {
	if err != nil {
		c.front.app.Logger().Debug("A realtime client could not join its room.", "topic", s.topic, "error", err)
		c.Discard()
	}
}

// leaveAll takes the client out of all rooms.
func (c *client) leaveAll() {
	c.placing.Lock()
	defer c.placing.Unlock()
	c.ended = true
	if !c.parked {
		c.takeBack()
	}
	for topic, s := range c.seats {
		delete(c.seats, topic)
		c.front.hub.LeaveAll(s)
	}
}
