package realtime

import (
	"sync"
	"sync/atomic"
)

// Frame is a message for members. Each transport encodes it once, not once per client.
type Frame struct {
	Message

	mu    sync.Mutex
	wires atomic.Pointer[wireForm]
}

// wireForm is one encoding, in a list that only grows.
type wireForm struct {
	wire, value any
	next        *wireForm
}

// NewFrame wraps m. A frame must not be copied.
func NewFrame(m Message) *Frame { return &Frame{Message: m} }

// Encoded returns encode's result for wire, which is any comparable key of the transport. encode usually runs once per
// wire; its result is shared and must not be changed.
func (f *Frame) Encoded(wire any, encode func(Message) any) any {
	if w := f.find(wire); w != nil {
		return w.value
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if w := f.find(wire); w != nil {
		return w.value
	}
	w := &wireForm{wire: wire, value: encode(f.Message), next: f.wires.Load()}
	f.wires.Store(w)
	return w.value
}

func (f *Frame) find(wire any) *wireForm {
	for w := f.wires.Load(); w != nil; w = w.next {
		if w.wire == wire {
			return w
		}
	}
	return nil
}
