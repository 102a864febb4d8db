package realtime

// Error is a refusal that a client may read.
type Error struct {
	Code    string `json:"code"` // noun_problem
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// The refusals of the Hub and of its gates. Compare with errors.Is; a gate may define more.
var (
	ErrRoomUnknown      = &Error{"room_unknown", "There is no such room."}
	ErrRoomForbidden    = &Error{"room_forbidden", "You may not join this room."}
	ErrPublishForbidden = &Error{"room_publish_forbidden", "You may not publish in this room."}
	ErrEventName        = &Error{"event_name_invalid", "This event name is reserved or malformed."}
	ErrTooBig           = &Error{"message_too_big", "The message is too big."}
	ErrPayload          = &Error{"payload_invalid", "The payload is not JSON."}
	ErrTokenInvalid     = &Error{"token_invalid", "The token is wrong or has expired."}
	ErrPrimaryAway      = &Error{"primary_away", "The main server cannot be reached; this room keeps history, so nothing was published."}
	ErrRoomLimit        = &Error{"room_limit", "You are in too many rooms."}
	ErrConnectionLimit  = &Error{"connection_limit", "You have too many connections."}
	ErrServerFull       = &Error{"server_full", "The server has as many connections as it can hold. Try again later."}
	ErrTopicLimit       = &Error{"topic_limit", "These are too many topics for one connection."}
	ErrTopicUnknown     = &Error{"topic_unknown", "There is no such topic."}
	ErrClosed           = &Error{"server_closing", "The server is closing."}
)
