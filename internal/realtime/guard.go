package realtime

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
)

// maxTopics is how many topics one client may listen to.
const maxTopics = 100

var roomName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// guardTopics lets a client subscribe to rooms that it may join and to collections that exist. For collections PocketBase checks the
// list and view rules itself, at every message.
func guardTopics(e *core.RealtimeSubscribeRequestEvent) error {
	if len(e.Subscriptions) > maxTopics {
		return refuse(http.StatusBadRequest, "Too many topics for one connection.", "topic_limit")
	}
	for _, sub := range e.Subscriptions {
		topic, _, _ := strings.Cut(sub, "?")
		if room, ok := strings.CutPrefix(topic, topicPrefix); ok {
			if err := guardRoom(e, room); err != nil {
				return err
			}
			continue
		}
		collection, rest, ok := strings.Cut(topic, "/")
		if _, err := e.App.FindCachedCollectionByNameOrId(collection); err != nil || !ok || rest == "" {
			return refuse(http.StatusBadRequest, "There is no such topic.", "topic_unknown")
		}
	}
	return e.Next()
}

// guardRoom asks the room's own rule. Superusers may listen to the collection of rooms itself.
func guardRoom(e *core.RealtimeSubscribeRequestEvent, name string) error {
	if e.HasSuperuserAuth() {
		return nil
	}
	if !roomName.MatchString(name) {
		return refuse(http.StatusBadRequest, "There is no such room.", "room_unknown")
	}
	room, err := e.App.FindFirstRecordByData("rooms", "name", name)
	if err != nil {
		return refuse(http.StatusNotFound, "There is no such room.", "room_unknown")
	}
	ok, err := allows(e.RequestEvent, room, "joinRule")
	if err != nil || !ok {
		return refuse(http.StatusForbidden, "You may not join this room.", "room_forbidden")
	}
	return nil
}

// allows evaluates one of the rules that a room carries. An empty rule lets nobody in but superusers.
func allows(e *core.RequestEvent, room *core.Record, field string) (bool, error) {
	var rule *string
	if text := room.GetString(field); text != "" {
		rule = &text
	}
	info, err := e.RequestInfo()
	if err != nil {
		return false, err
	}
	return e.App.CanAccessRecord(room, info, rule)
}

func refuse(status int, message, code string) *router.ApiError {
	err := apis.NewApiError(status, message, nil)
	err.Data = map[string]any{"code": code}
	return err
}
