package realtime

import (
	"encoding/json"
	"errors"
	"time"
)

// The subjects of the bus. Messages go to their room's own subject; only the primary responds to publish, history and
// kicks.
const (
	subjectRoom     = "room/" // + name: busMessage
	subjectPublish  = "publish"
	subjectHistory  = "history"
	subjectPresence = "presence"
	subjectKick     = "kick"
	subjectKicks    = "kicks"  // request: the kicks that I missed
	subjectResync   = "resync" // the primary was cut off: ask it for missing messages
)

// busMessage is a message between processes.
type busMessage struct {
	Room    string          `json:"room"`
	Event   string          `json:"event"`
	Payload json.RawMessage `json:"payload"`
	Sender  string          `json:"sender,omitempty"`
	Seq     int64           `json:"seq,omitempty"`
	At      int64           `json:"at"`              // milliseconds since 1970
	Epoch   string          `json:"epoch,omitempty"` // of the primary's process
}

func (b busMessage) message() Message {
	return Message{Room: b.Room, Event: b.Event, Payload: b.Payload, Sender: b.Sender, Seq: b.Seq, At: time.UnixMilli(b.At).UTC()}
}

// pageAsk asks for a page of history, with a limit of 0 for its head only.
type pageAsk struct {
	Room  string `json:"room"`
	After int64  `json:"after"`
	Limit int    `json:"limit"`
}

// page is a piece of history.
type page struct {
	Messages []Message
	More     bool
	Last     int64 // the newest number given; 0 before the primary's first since it started
	First    int64 // if messages between after and the first one are no longer kept, else 0
}

// unnumbered is the newest number of a room without numbers at the primary.
const unnumbered = -1

// pageAnswer is a page on the bus.
type pageAnswer struct {
	Messages []busMessage `json:"messages"`
	More     bool         `json:"more"`
	Last     int64        `json:"last"`
	First    int64        `json:"first"`
	Error    *Error       `json:"error,omitempty"`
}

// publishAnswer is the result of a message that an edge handed over.
type publishAnswer struct {
	Seq   int64  `json:"seq"`
	At    int64  `json:"at"`
	Error *Error `json:"error,omitempty"`
}

// kickOrder closes connections: of a user, or of all members of a room.
type kickOrder struct {
	Serial int64  `json:"serial"`
	Epoch  string `json:"epoch,omitempty"` // of the primary's process that numbers the kicks
	User   string `json:"user,omitempty"`
	Room   string `json:"room,omitempty"`
	Reason string `json:"reason"`
}

// encode encodes values of our own, which never fails.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return data
}

// readable turns any error into one that may cross the bus.
func readable(err error) *Error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	return errInternal
}

// fromBus returns the original error, so that errors.Is works on an edge too.
func fromBus(e *Error) error {
	for _, known := range []*Error{ErrRoomUnknown, ErrPublishForbidden, ErrEventName, ErrTooBig, ErrPayload, ErrClosed} {
		if e.Code == known.Code {
			return known
		}
	}
	return e
}

var errInternal = &Error{"internal_error", "Something went wrong on the main server."}

// gapFrame says that a replay begins later than requested.
func gapFrame(room string, after, first int64, at time.Time) *Frame {
	payload := encode(struct {
		After int64 `json:"after"`
		First int64 `json:"first"`
	}{after, first})
	return NewFrame(Message{Room: room, Event: GapEvent, Payload: payload, At: at})
}
