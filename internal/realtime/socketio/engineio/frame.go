package engineio

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// Packet types of Engine.IO, the first byte of every packet.
const (
	typeOpen    = '0'
	typeClose   = '1'
	typePing    = '2'
	typePong    = '3'
	typeMessage = '4'
	typeUpgrade = '5'
	typeNoop    = '6'
)

// Frame is a packet as a WebSocket server sends it, with its header. A poll sends the same bytes without the header, so
// that one encoding serves every session. It is immutable.
type Frame []byte

// NewMessage makes the frame of a message packet.
func NewMessage(text []byte) Frame {
	return newFrame(websocket.TextMessage, typeMessage, text)
}

func newPacket(kind byte, text string) Frame {
	return newFrame(websocket.TextMessage, kind, []byte(text))
}

func newFrame(opcode int, kind byte, text []byte) Frame {
	f := append(appendHeader(make(Frame, 0, len(text)+11), opcode, len(text)+1), kind)
	return append(f, text...)
}

// closeFrame is the frame that ends a WebSocket; the protocol leaves 123 bytes for the reason.
func closeFrame(code int, reason string) Frame {
	if len(reason) > 123 {
		reason = reason[:123]
		for !utf8.ValidString(reason) {
			reason = reason[:len(reason)-1]
		}
	}
	p := websocket.FormatCloseMessage(code, reason)
	return append(appendHeader(nil, websocket.CloseMessage, len(p)), p...)
}

func pongFrame(data string) Frame {
	return append(appendHeader(nil, websocket.PongMessage, len(data)), data...)
}

// appendHeader writes the header of one whole, unmasked frame: RFC 6455, section 5.2.
func appendHeader(b Frame, opcode, size int) Frame {
	b = append(b, 0x80|byte(opcode)) //nolint:gosec // opcodes are below 16
	switch {
	case size < 126:
		return append(b, byte(size)) //nolint:gosec // below 126
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
	}
}

// text is the packet without the header.
func (f Frame) text() []byte {
	switch f[1] {
	case 126:
		return f[4:]
	case 127:
		return f[10:]
	default:
		return f[2:]
	}
}
