package sse

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"wxbase/internal/realtime"
)

// maxTopics limits the topics of one client.
const maxTopics = 100

// subscription is one topic of a room, as the client wrote it.
type subscription struct {
	topic string
	room  realtime.Room
	after int64 // -1 for live messages only
}

// guard accepts rooms that the client may join and collections that exist, and returns the rooms. For collections
// PocketBase checks the list and view rules itself, at every message.
func (f *Front) guard(e *core.RealtimeSubscribeRequestEvent) ([]subscription, error) {
	if len(e.Subscriptions) > maxTopics {
		return nil, realtime.ErrTopicLimit
	}
	var rooms []subscription
	seen := map[string]bool{}
	for _, topic := range e.Subscriptions {
		name, isRoom := strings.CutPrefix(withoutOptions(topic), topicPrefix)
		if !isRoom {
			if err := f.guardCollection(e, topic); err != nil {
				return nil, err
			}
			continue
		}
		if e.HasSuperuserAuth() && !realtime.IsRoomName(name) { // the collection of rooms itself, in the dashboard
			continue
		}
		room, err := f.cfg.Room(e.RequestEvent, name)
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, subscription{topic, room, afterOf(topic)})
		seen[name] = true
	}
	if len(seen) > f.limits.RoomsPerSocket {
		return nil, realtime.ErrRoomLimit
	}
	return rooms, nil
}

func (f *Front) guardCollection(e *core.RealtimeSubscribeRequestEvent, topic string) error {
	collection, rest, ok := strings.Cut(withoutOptions(topic), "/")
	if _, err := e.App.FindCachedCollectionByNameOrId(collection); err != nil || !ok || rest == "" {
		return realtime.ErrTopicUnknown
	}
	if f.cfg.Options == nil {
		return nil
	}
	return f.cfg.Options(e.RequestEvent, collection, optionsOf(topic))
}

// optionsOf reads the query of a topic's options with PocketBase's own parser, so that both agree.
func optionsOf(topic string) map[string]string {
	c := subscriptions.NewDefaultClient()
	c.Subscribe(topic)
	for _, options := range c.Subscriptions() {
		return options.Query
	}
	return nil
}

func withoutOptions(topic string) string {
	topic, _, _ = strings.Cut(topic, "?")
	return topic
}

// afterOf reads {"query":{"after":"12"}} from a topic's options, as PocketBase does. A value that is not a number
// counts as absent.
func afterOf(topic string) int64 {
	u, err := url.Parse(topic)
	if err != nil {
		return -1
	}
	var options struct {
		Query struct {
			After any `json:"after"`
		} `json:"query"`
	}
	if json.Unmarshal([]byte(u.Query().Get("options")), &options) != nil {
		return -1
	}
	var n int64
	switch v := options.Query.After.(type) {
	case string:
		n, err = strconv.ParseInt(v, 10, 64)
	case float64:
		n = int64(v)
	default:
		return -1
	}
	if err != nil || n < 0 {
		return -1
	}
	return n
}
