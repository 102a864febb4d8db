package gateway

import (
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/socketio"
)

// Packet is a frame in the encoding of Socket.IO.
func Packet(f *realtime.Frame) *socketio.Packet { return packet(f) }
