package desk_test

import (
	"net/http"
	"testing"

	"wxbase/internal/desk"
)

// TestRoomsOfTheDesk: the shop's people read and speak by their role, also where a room's rules let nobody.
func TestRoomsOfTheDesk(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	manager, viewer := k.staff(desk.Manager), k.staff(desk.Viewer)
	put(t, k.App, "rooms", map[string]any{"name": "kitchen", "history": 10})
	const path = "/rooms/kitchen/messages"
	notice := map[string]any{"event": "notice", "payload": map[string]any{"text": "今天的面半价"}}
	want(t, "a viewer speaks", k.admin(http.MethodPost, path, viewer, notice), http.StatusForbidden, "staff_not_allowed")
	want(t, "a manager speaks", k.admin(http.MethodPost, path, manager, notice), http.StatusOK, "")
	got := k.ask(http.MethodGet, path, viewer, nil)
	messages, _ := got.JSON["messages"].([]any)
	if len(messages) != 1 || field(messages[0].(map[string]any), "payload.text") != "今天的面半价" || messages[0].(map[string]any)["sender"] != nil {
		t.Errorf("messages: got %s, want the notice, with the shop's voice", got.Body)
	}
	if members := k.ask(http.MethodGet, "/rooms/kitchen/members", viewer, nil); members.JSON["count"] != 0.0 {
		t.Errorf("members: got %s, want nobody, and no refusal where the room shows none", members.Body)
	}
	want(t, "no such room", k.admin(http.MethodGet, "/rooms/cellar/messages", viewer, nil), http.StatusNotFound, "room_unknown")
	if rows := k.rows("room.publish"); len(rows) != 2 || rows[1].GetString("label") != "kitchen" || rows[1].GetString("actor") != "manager@example.com" {
		t.Errorf("audit: got %v, want who spoke where", rows)
	}
}
