package engineio

import "errors"

// Pulse is one beat of the heartbeat.
func (s *Server) Pulse() { s.pulse() }

// The codecs of posted bodies and of poll answers.
var (
	DecodePayload = decodePayload
	EncodePayload = encodePayload
)

// IsBinary says whether a body was refused for being binary.
func IsBinary(err error) bool { return errors.Is(err, errBinary) }

// Text is the packet without the WebSocket's header.
func (f Frame) Text() string { return string(f.text()) }

// IsPolled says whether a GET waits for the session.
func (s *Server) IsPolled(id string) bool {
	x := s.session(id)
	if x == nil {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.poll.waiting && len(x.queue) == 0
}

// Writing says whether a session's writer has begun to write; Resting whether the session has no writer and nothing
// queued.
func (s *Server) Writing(x *Session) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.since != 0
}

func (s *Server) Resting(x *Session) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.writing
}

// Sessions lists the connected sessions.
func (s *Server) Sessions() []*Session { return s.list() }
