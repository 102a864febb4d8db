package rooms

// What the shop's own people do in rooms, for whom a room's rules are not written: the dashboard asks for their role instead. They speak
// with the server's voice, which has no name, and the audit says who it was.

import (
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/realtime"
)

// askedRoom is the room that a route names, whatever its rules say.
func (r *Rooms) askedRoom(e *core.RequestEvent) (realtime.Room, error) {
	row, err := r.roomBook.find(e.Request.PathValue("room"))
	if err != nil {
		return realtime.Room{}, FailRoom(err)
	}
	return roomOf(row), nil
}

// DeskPublish handles POST /api/wx/admin/rooms/{room}/messages {event, payload}: a notice of the shop.
func (r *Rooms) DeskPublish(e *core.RequestEvent) error {
	room, err := r.askedRoom(e)
	if err != nil {
		return err
	}
	var form roomMessageForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	return r.answerSaid(e, room.Name, form, "")
}

// DeskMessages handles GET /api/wx/admin/rooms/{room}/messages?after=&limit=, as the route for members does.
func (r *Rooms) DeskMessages(e *core.RequestEvent) error {
	room, err := r.askedRoom(e)
	if err != nil {
		return err
	}
	return r.showMessages(e, room)
}

// DeskMembers handles GET /api/wx/admin/rooms/{room}/members: who is there, in rooms without presence too.
func (r *Rooms) DeskMembers(e *core.RequestEvent) error {
	room, err := r.askedRoom(e)
	if err != nil {
		return err
	}
	return r.showMembers(e, room)
}
