package rooms

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/limit"
	"wxbase/internal/realtime"
)

const (
	usualPage   = 100 // messages
	largestPage = 200
)

// roomMessageForm is the body of POST /api/wx/rooms/{room}/messages.
type roomMessageForm struct {
	Event   string          `json:"event"`
	Payload json.RawMessage `json:"payload"` // any JSON value; null when left out
	Key     string          `json:"key"`     // at most 64 bytes; the same key of the same sender is said once
}

// roomMessage is one message of a room's history.
type roomMessage struct {
	Seq     int64           `json:"seq"`
	Event   string          `json:"event"`
	Payload json.RawMessage `json:"payload"`
	Sender  string          `json:"sender,omitempty"`
	At      time.Time       `json:"at"`
}

// CreateMessageInRoom handles POST /api/wx/rooms/{room}/messages, by the room's publish rule. The answer's seq is 0 in
// a room without history, and received counts the connections of this process.
func (r *Rooms) CreateMessageInRoom(e *core.RequestEvent) error {
	var form roomMessageForm
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	info, err := e.RequestInfo()
	if err != nil {
		return answer.Fail(answer.BadRequest, err)
	}
	room := e.Request.PathValue("room")
	if err := r.MayPublish(room, info); err != nil {
		return FailRoom(err)
	}
	if !e.HasSuperuserAuth() && !r.RoomMinute.Allow(limit.Sender(e), 60*r.Hub.Limits().EventsPerSecond, r.Now()) {
		return answer.Fail(answer.Rate, nil)
	}
	return r.answerSaid(e, room, form, senderName(e))
}

// answerSaid says a message and answers with what came of it.
func (r *Rooms) answerSaid(e *core.RequestEvent, room string, form roomMessageForm, sender string) error {
	if len(form.Key) > longestKey {
		return answer.Field(answer.BadRequest, "key", "at most 64 bytes")
	}
	if form.Payload == nil {
		form.Payload = json.RawMessage("null")
	}
	m := realtime.Message{Room: room, Event: form.Event, Payload: form.Payload, Sender: sender}
	done, err := r.sayOnce(e.Request.Context(), m, limit.Sender(e), form.Key)
	if err != nil {
		return FailRoom(err)
	}
	return e.JSON(http.StatusOK, done)
}

// senderName is what the members see. A superuser speaks for the server, who has no name.
func senderName(e *core.RequestEvent) string {
	switch {
	case e.HasSuperuserAuth():
		return ""
	case e.Auth != nil:
		return e.Auth.Id
	default:
		return Guest("").User
	}
}

// ListRoomMessages handles GET /api/wx/rooms/{room}/messages?after=&limit=: a room's kept messages after a number, by
// its join rule. last is the next after; newest is the number of the room's newest message.
func (r *Rooms) ListRoomMessages(e *core.RequestEvent) error {
	room, err := r.joinByRequest(e, e.Request.PathValue("room"))
	if err != nil {
		return FailRoom(err)
	}
	return r.showMessages(e, room)
}

func (r *Rooms) showMessages(e *core.RequestEvent, room realtime.Room) error {
	after, err := strconv.ParseInt(cmp.Or(e.Request.URL.Query().Get("after"), "0"), 10, 64)
	if err != nil || after < 0 {
		return answer.With(answer.BadRequest, "reason", "after must be a number")
	}
	limit, err := answer.QueryNumber(e, "limit", usualPage, largestPage)
	if err != nil {
		return err
	}
	newest, known := r.Hub.Newest(e.Request.Context(), room) // before the page, so that nothing falls between
	if !known {
		return FailRoom(errors.New("number of the newest message is not known"))
	}
	found, more, err := r.Hub.History(e.Request.Context(), room, after, limit)
	if err != nil {
		return FailRoom(err)
	}
	list := make([]roomMessage, len(found))
	for i, m := range found {
		list[i] = roomMessage{m.Seq, m.Event, m.Payload, m.Sender, m.At}
		after = m.Seq
	}
	return e.JSON(http.StatusOK, map[string]any{"messages": list, "more": more, "last": after, "newest": newest})
}

// ListRoomMembers handles GET /api/wx/rooms/{room}/members, in rooms with presence, by the join rule. Superusers always
// may.
func (r *Rooms) ListRoomMembers(e *core.RequestEvent) error {
	room, err := r.joinByRequest(e, e.Request.PathValue("room"))
	if err != nil {
		return FailRoom(err)
	}
	if !room.Presence && !e.HasSuperuserAuth() {
		return answer.Fail(answer.Presence, nil)
	}
	return r.showMembers(e, room)
}

func (r *Rooms) showMembers(e *core.RequestEvent, room realtime.Room) error {
	present, err := r.Hub.Presence(e.Request.Context(), room.Name)
	if err != nil {
		return FailRoom(err)
	}
	return e.JSON(http.StatusOK, present)
}
