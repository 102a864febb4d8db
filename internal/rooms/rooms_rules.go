package rooms

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
	"github.com/spf13/cast"

	"wxbase/internal/answer"
	"wxbase/internal/queries"
	"wxbase/internal/realtime"
	"wxbase/migrations"
)

// MayJoin gives a room's settings to whom its join rule lets in, else realtime.ErrRoomUnknown or ErrRoomForbidden.
func (r *Rooms) MayJoin(name string, info *core.RequestInfo) (realtime.Room, error) {
	row, err := r.roomBook.find(name)
	if err != nil {
		return realtime.Room{}, err
	}
	if !r.allows(row, "joinRule", info) {
		return realtime.Room{}, realtime.ErrRoomForbidden
	}
	return roomOf(row), nil
}

// MayPublish is nil, realtime.ErrRoomUnknown or ErrPublishForbidden.
func (r *Rooms) MayPublish(name string, info *core.RequestInfo) error {
	row, err := r.roomBook.find(name)
	if err != nil {
		return err
	}
	if r.isOpenForDemo(row) || r.allows(row, "publishRule", info) {
		return nil
	}
	return realtime.ErrPublishForbidden
}

// isOpenForDemo lets everyone publish in the room notice beside the simulator, so that the article's page works at
// once, unless the owner has set a rule. NB! this is not stored in the room: the same data folder may serve real people
// later.
func (r *Rooms) isOpenForDemo(room *core.Record) bool {
	return r.Simulated && room.GetString("name") == noticeRoom && room.GetString("publishRule") == ""
}

// allows evaluates one of a room's rules. An empty or broken rule admits only superusers.
func (r *Rooms) allows(room *core.Record, field string, info *core.RequestInfo) bool {
	if info.HasSuperuserAuth() {
		return true
	}
	switch rule := strings.TrimSpace(room.GetString(field)); rule {
	case "":
		return false
	case migrations.Everybody: // note: most rooms, and the rule would cost a query
		return true
	default:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.Limits.QuerySeconds)*time.Second)
		defer cancel()
		ok, err := queries.Impatient{App: r.App, Ctx: ctx}.CanAccessRecord(room, info, &rule)
		if err != nil {
			r.App.Logger().Debug("A room's rule cannot be evaluated.", "room", room.GetString("name"), "rule", field, "error", err)
		}
		return ok && err == nil
	}
}

// joinByRequest asks the join rule for a request.
func (r *Rooms) joinByRequest(e *core.RequestEvent, name string) (realtime.Room, error) {
	info, err := e.RequestInfo()
	if err != nil {
		return realtime.Room{}, err
	}
	return r.MayJoin(name, info)
}

// identityOfRequest is empty for guests.
func identityOfRequest(e *core.RequestEvent) realtime.Identity {
	if e.Auth == nil {
		return realtime.Identity{}
	}
	return realtime.Identity{User: e.Auth.Id, Verified: true}
}

// guestLabel is what a guest may call himself.
var guestLabel = regexp.MustCompile(`^[\w.\-]{1,32}$`)

// Guest is a person without a token. NB! the client chooses the label, so it must never permit anything.
func Guest(label string) realtime.Identity {
	if !guestLabel.MatchString(label) {
		label = rand.Text()[:12]
	}
	return realtime.Identity{User: "guest:" + label}
}

// refusals are the answers to what the hub and its gates refuse.
func refusals() map[string]answer.Problem {
	list := map[string]answer.Problem{}
	for _, problem := range []answer.Problem{
		answer.RoomUnknown, answer.RoomForbidden, answer.RoomPublish, answer.EventName, answer.MessageBig, answer.Payload, answer.MessageRefused, answer.TokenInvalid,
		answer.PrimaryAway, answer.Closing, answer.Presence, answer.RoomLimit, answer.TopicLimit, answer.TopicUnknown, answer.Connections, answer.ServerFull, answer.TicketElsewhere,
	} {
		list[problem.Code] = problem
	}
	return list
}

// FailRoom turns an error of the hub, or of one of its gates, into an answer.
func FailRoom(cause error) error {
	if answer, ok := errors.AsType[*router.ApiError](cause); ok {
		return answer
	}
	if refusal, ok := errors.AsType[*realtime.Error](cause); ok {
		if problem, ok := refusals()[refusal.Code]; ok {
			return answer.Fail(problem, cause)
		}
	}
	return answer.Fail(answer.Busy, cause)
}

// refusedMessage makes what a handler of OnRoomMessage says readable for any transport.
func refusedMessage(err error) error {
	refusal := &realtime.Error{Code: answer.MessageRefused.Code, Message: answer.MessageRefused.EN}
	if answer, ok := errors.AsType[*router.ApiError](err); ok {
		refusal.Message = answer.Message
		if code := cast.ToString(answer.Data["code"]); code != "" {
			refusal.Code = code
		}
	}
	return fmt.Errorf("%w (%w)", refusal, err)
}
