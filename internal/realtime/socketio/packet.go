package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"wxbase/internal/realtime/socketio/engineio"
)

// Packet types of Socket.IO, the first byte after Engine.IO's own.
const (
	typeConnect      = '0'
	typeDisconnect   = '1'
	typeEvent        = '2'
	typeAck          = '3'
	typeConnectError = '4' // "error" in protocol 4 of Socket.IO
	typeBinaryEvent  = '5'
	typeBinaryAck    = '6'
)

// maxNamespace limits a namespace's name, in bytes.
const maxNamespace = 128

// maxAckID limits the digits of an acknowledgement's number: JavaScript's greatest safe integer.
const maxAckID = 16

var (
	errPacket = errors.New("malformed packet")
	errBinary = errors.New("binary packet")
)

// incoming is a packet of a client.
type incoming struct {
	kind      byte
	namespace string // with its query, protocol 3
	id        string // digits, or empty
	event     string
	args      []json.RawMessage // of an event or an acknowledgement
	auth      json.RawMessage   // of a connect packet
}

// decode reads `<type>[<namespace>,][<id>][<JSON>]`.
func decode(data []byte) (incoming, error) {
	if len(data) == 0 {
		return incoming{}, errPacket
	}
	p := incoming{kind: data[0], namespace: "/"}
	if p.kind == typeBinaryEvent || p.kind == typeBinaryAck {
		return p, errBinary
	}
	rest := data[1:]
	if len(rest) > 0 && rest[0] == '/' {
		name, after, _ := bytes.Cut(rest, []byte{','})
		if len(name) > maxNamespace {
			return p, fmt.Errorf("%w: namespace", errPacket)
		}
		p.namespace, rest = string(name), after
	}
	digits := len(rest) - len(bytes.TrimLeft(rest, "0123456789"))
	if digits > maxAckID {
		return p, fmt.Errorf("%w: acknowledgement number", errPacket)
	}
	p.id, rest = string(rest[:digits]), rest[digits:]
	return p, p.decodeData(rest)
}

// decodeData reads what follows the header, by the type.
func (p *incoming) decodeData(data []byte) error {
	switch p.kind {
	case typeConnect:
		return p.decodeAuth(data)
	case typeDisconnect:
		if len(data) == 0 {
			return nil
		}
	case typeEvent:
		return p.decodeEvent(data)
	case typeAck:
		if p.id != "" && json.Unmarshal(data, &p.args) == nil && p.args != nil {
			return nil
		}
	}
	return errPacket
}

func (p *incoming) decodeAuth(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if data[0] != '{' || !json.Valid(data) {
		return fmt.Errorf("%w: auth is not an object", errPacket)
	}
	p.auth = data
	return nil
}

func (p *incoming) decodeEvent(data []byte) error {
	if err := json.Unmarshal(data, &p.args); err != nil || len(p.args) == 0 {
		return fmt.Errorf("%w: event is not a list", errPacket)
	}
	if p.args[0][0] != '"' || json.Unmarshal(p.args[0], &p.event) != nil || isReserved(p.event) {
		return fmt.Errorf("%w: event's name", errPacket)
	}
	p.args = p.args[1:]
	return nil
}

// isReserved says whether clients may not send an event of this name, because they raise it themselves.
func isReserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// encode makes the frame of a packet; the parts of data are joined.
func encode(kind byte, namespace, id string, data []byte) engineio.Frame {
	b := make([]byte, 0, len(namespace)+len(id)+len(data)+2)
	b = append(b, kind)
	if namespace != "/" {
		b = append(append(b, namespace...), ',')
	}
	b = append(b, id...)
	return engineio.NewMessage(append(b, data...))
}

// Packet is an event for any number of sockets. Its bytes are made once for each namespace, and shared by protocols and
// transports.
type Packet struct {
	list  []byte // the JSON list of the event's name and its arguments
	wires atomic.Pointer[wire]
}

// wire is a packet's frame in a namespace; there are few, so a list suffices.
type wire struct {
	namespace string
	frame     engineio.Frame
	next      *wire
}

// NewPacket makes an event. Each argument must be one JSON value; nil becomes null. Invalid UTF-8 is replaced, because
// a browser would drop the connection.
func NewPacket(event string, args ...json.RawMessage) *Packet {
	name, _ := json.Marshal(event)
	size := len(name) + 2
	for _, a := range args {
		size += len(a) + 5
	}
	list := append(append(make([]byte, 0, size), '['), name...)
	for _, a := range args {
		if list = append(list, ','); a == nil {
			a = json.RawMessage("null")
		}
		list = append(list, a...)
	}
	return &Packet{list: bytes.ToValidUTF8(append(list, ']'), []byte("\uFFFD"))}
}

// newPacketOf makes an event of Go values.
func newPacketOf(event string, args []any) (*Packet, error) {
	raw := make([]json.RawMessage, len(args))
	for i, a := range args {
		text, err := json.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("encode argument %d of %s: %w", i, event, err)
		}
		raw[i] = text
	}
	return NewPacket(event, raw...), nil
}

// frame is the packet in a namespace. Two concurrent first calls may both make it; one result is kept.
func (p *Packet) frame(namespace string) engineio.Frame {
	for {
		head := p.wires.Load()
		for w := head; w != nil; w = w.next {
			if w.namespace == namespace {
				return w.frame
			}
		}
		w := &wire{namespace: strings.Clone(namespace), frame: encode(typeEvent, namespace, "", p.list), next: head}
		if p.wires.CompareAndSwap(head, w) {
			return w.frame
		}
	}
}
