package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Decode describes a packet briefly.
func Decode(data []byte) string {
	p, err := decode(data)
	if errors.Is(err, errBinary) {
		return "binary"
	}
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%c %s %q %q %d %s", p.kind, p.namespace, p.id, p.event, len(p.args), string(p.auth))
}

// DecodeEvent returns an event's name and arguments.
func DecodeEvent(data []byte) (string, []json.RawMessage) {
	p, err := decode(data)
	if err != nil || p.kind != typeEvent {
		return "", nil
	}
	return p.event, p.args
}

// FirstByte tells encodings apart.
func FirstByte(p *Packet, namespace string) *byte { return &p.frame(namespace)[0] }

// Text is the packet after a WebSocket's header of two bytes.
func Text(p *Packet, namespace string) string { return string(p.frame(namespace)[2:]) }
