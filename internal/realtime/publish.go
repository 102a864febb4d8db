package realtime

import (
	"context"
	"encoding/json"
	"fmt"
)

// Publish sends m to all members of its room, on all processes. It returns m with its number and time, and how many
// members of this process got it. In a room with history it returns after the commit; the members got the message
// before. A later error (a full disk) means that the message was delivered but is not kept: the returned message then
// has its number.
//
// It fails with ErrRoomUnknown, ErrEventName, ErrPayload, ErrTooBig, with Config.Check's error, and with ErrPrimaryAway
// on an edge.
func (h *Hub) Publish(ctx context.Context, m Message) (Message, int, error) {
	m.Seq, m.At = 0, h.now()
	if err := h.check(m); err != nil {
		return m, 0, err
	}
	set, err := h.settings(ctx, m.Room)
	if err != nil {
		return m, 0, err
	}
	h.counts.published.Add(1)
	if set.History > 0 && !h.rooms.primary {
		m, err := h.link.askPublish(ctx, m)
		if err != nil {
			return m, 0, err
		}
		return m, h.Members(m.Room), nil
	}
	if h.cfg.Check != nil && !isReserved(m.Room) {
		if err := h.cfg.Check(ctx, &m); err != nil {
			return m, 0, err
		}
	}
	if set.History > 0 {
		return h.publishKept(ctx, m, set.History)
	}
	return m, h.publishPlain(m), nil
}

func (h *Hub) check(m Message) error {
	switch {
	case h.rooms.isClosed():
		return ErrClosed
	case !IsEventName(m.Event):
		return ErrEventName
	case len(m.Payload) > h.cfg.Limits.MessageBytes:
		return ErrTooBig
	case !json.Valid(m.Payload):
		return ErrPayload
	}
	return nil
}

// publishPlain delivers a message without history.
func (h *Hub) publishPlain(m Message) int {
	f := NewFrame(m)
	for {
		r := h.rooms.peek(m.Room)
		if r == nil {
			h.link.tell(m)
			return 0
		}
		r.mu.Lock()
		if r.dead {
			r.mu.Unlock()
			continue
		}
		n := r.walk(f)
		h.link.tell(m) // note: under the lock, so that the other processes hear the same order
		r.mu.Unlock()
		return n
	}
}

// publishKept numbers a message, delivers it, and waits for the store.
func (h *Hub) publishKept(ctx context.Context, m Message, history int) (Message, int, error) {
	r := h.rooms.acquire(m.Room)
	if err := h.archive.lockNumbered(ctx, r); err != nil {
		h.rooms.release(r)
		return m, 0, err
	}
	r.history = history
	m.Seq, m.At = r.sequence.next, h.now() // again, so that times follow the order of the numbers
	r.sequence.next++
	n := r.accept(NewFrame(m))
	h.link.tell(m)
	done := h.writer.commit(pending{message: m, room: r, keep: history}) // the writer releases the room
	r.mu.Unlock()
	select {
	case err := <-done:
		return m, n, err
	case <-ctx.Done():
		return m, n, fmt.Errorf("wait for the commit: %w", ctx.Err())
	}
}

// Forget drops the hub's numbers and messages of a deleted or renamed room. Numbers are reserved anew.
func (h *Hub) Forget(name string) {
	r := h.rooms.acquire(name)
	defer h.rooms.release(r)
	r.numbering.Lock()
	defer r.numbering.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sequence != nil {
		*r.sequence, r.tape = sequence{}, tape{safe: r.safe}
	}
}
