package redisbus

import (
	"encoding/binary"
	"errors"
)

// kind is the type of an envelope.
type kind byte

// The kinds. Their bytes are on the wire and must not change.
const (
	message  kind = 'M' // a publish
	question kind = 'Q' // a request
	busy     kind = 'B' // got the question, the answer takes longer
	answer   kind = 'A' // the answer
	nothing  kind = 'N' // got the question, there is no answer
)

// Limits of an envelope.
const (
	wireVersion = 1
	maxNode     = 64      // bytes of a node's name, without its random part
	maxNodeWire = 96      // including the random part
	maxData     = 8 << 20 // bytes of data; Redis disconnects a subscriber that has 32 MiB waiting
	overhead    = 3 + maxNodeWire + 8
)

var errEnvelope = errors.New("envelope is not of this program")

// envelope is the message on Redis: version, kind, length of the node's name, the name, eight bytes of the question's
// number, data.
type envelope struct {
	kind kind
	node string
	id   uint64 // of the question, 0 in a message
	data []byte
}

func (e envelope) encode() []byte {
	b := make([]byte, 0, 3+len(e.node)+8+len(e.data))
	b = append(b, wireVersion, byte(e.kind), byte(len(e.node))) //nolint:gosec // at most maxNodeWire
	b = append(b, e.node...)
	b = binary.BigEndian.AppendUint64(b, e.id)
	return append(b, e.data...)
}

// decode reads an envelope, whose data shares raw's memory.
func decode(raw []byte) (envelope, error) {
	if len(raw) < 3 || len(raw) > maxData+overhead || raw[0] != wireVersion {
		return envelope{}, errEnvelope
	}
	n := int(raw[2])
	if n == 0 || n > maxNodeWire || len(raw) < 3+n+8 {
		return envelope{}, errEnvelope
	}
	e := envelope{kind: kind(raw[1]), node: string(raw[3 : 3+n]), data: raw[3+n+8:]}
	e.id = binary.BigEndian.Uint64(raw[3+n:])
	switch e.kind {
	case message, question, busy, answer, nothing:
		return e, nil
	default:
		return envelope{}, errEnvelope
	}
}
