// Package realtime delivers messages to rooms over PocketBase's server-sent events.
//
// A room is a topic `rooms/{name}`. Who may join is the room's own rule, checked when a client subscribes; topics that are neither a
// room nor a collection are refused, because PocketBase itself would let a guest listen to any string. Each client has a queue of
// fixed length and a write deadline: one that does not read is closed and never slows the others or grows memory.
package realtime

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"
)

// topicPrefix is what the topic of every room begins with.
const topicPrefix = "rooms/"

// Message is what the members of a room receive, as one line of JSON.
type Message struct {
	Event   string    `json:"event"`
	Payload any       `json:"payload"`
	At      time.Time `json:"at"`
}

// Hub knows who sits in which room. A publish walks the members of one room, not all clients. Safe for concurrent use.
type Hub struct {
	mu    sync.RWMutex
	rooms map[string]map[*client][]string // room, member, the member's exact subscriptions to it
}

// New makes a hub and binds it to app: from here on every realtime client is bounded and every topic is guarded.
func New(app core.App) *Hub {
	h := &Hub{rooms: map[string]map[*client][]string{}}
	app.OnRealtimeConnectRequest().BindFunc(h.connect)
	app.OnRealtimeSubscribeRequest().BindFunc(guardTopics)
	app.OnRealtimeMessageSend().BindFunc(setDeadline)
	return h
}

// Publish sends m to everybody in room and returns to how many. It does not wait for any of them.
func (h *Hub) Publish(room string, m Message) (int, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("encode message for room %s: %w", room, err)
	}
	type delivery struct {
		to    *client
		topic string
	}
	h.mu.RLock()
	var out []delivery
	for c, topics := range h.rooms[room] {
		for _, t := range topics {
			out = append(out, delivery{c, t})
		}
	}
	h.mu.RUnlock()
	for _, d := range out {
		d.to.Send(subscriptions.Message{Name: d.topic, Data: data})
	}
	return len(out), nil
}

// Members counts the clients in a room.
func (h *Hub) Members(room string) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.rooms[room])
}

// Disconnect closes every client that is signed in as the user, for one who lost access.
func Disconnect(app core.App, userID string) {
	for _, chunk := range app.SubscriptionsBroker().ChunkedClients(300) {
		for _, c := range chunk {
			if auth, ok := c.Get(apis.RealtimeClientAuthKey).(*core.Record); ok && auth != nil && auth.Id == userID {
				c.Discard()
			}
		}
	}
}

// reindex puts c into the rooms that it now subscribes to, and into no others.
func (h *Hub) reindex(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, room := range c.rooms {
		delete(h.rooms[room], c)
		if len(h.rooms[room]) == 0 {
			delete(h.rooms, room)
		}
	}
	c.rooms = nil
	if c.IsDiscarded() {
		return
	}
	for sub := range c.Subscriptions(topicPrefix) {
		topic, _, _ := strings.Cut(sub, "?")
		room := strings.TrimPrefix(topic, topicPrefix)
		if h.rooms[room] == nil {
			h.rooms[room] = map[*client][]string{}
		}
		if h.rooms[room][c] == nil {
			c.rooms = append(c.rooms, room)
		}
		h.rooms[room][c] = append(h.rooms[room][c], sub)
	}
}
