package realtime

import (
	"context"
)

// History reads a room's kept messages with a greater number than after, ascending, at most limit messages (1 to 200).
// more tells that others follow. An edge asks the primary: ErrPrimaryAway.
func (h *Hub) History(ctx context.Context, set Room, after int64, limit int) (messages []Message, more bool, err error) {
	if set.History <= 0 || isReserved(set.Name) {
		return nil, false, nil
	}
	r := h.rooms.acquire(set.Name)
	defer h.rooms.release(r)
	p, err := h.archive.page(ctx, r, after, min(max(limit, 1), pageSize))
	return p.Messages, p.More, err
}

// Newest is the number of a room's newest message. A client that joins now and is cut off before the next message
// resumes after this number. It is 0 for a room without a message or without history. known is false on an edge whose
// primary is away.
func (h *Hub) Newest(ctx context.Context, set Room) (seq int64, known bool) {
	if set.History <= 0 || isReserved(set.Name) {
		return 0, true
	}
	r := h.rooms.acquire(set.Name)
	defer h.rooms.release(r)
	if !r.primary {
		p, err := h.link.askPage(ctx, pageAsk{Room: r.name, Limit: 1})
		return max(p.Last, 0), err == nil && p.Last != unnumbered
	}
	if err := h.archive.lockNumbered(ctx, r); err != nil {
		return 0, false
	}
	defer r.mu.Unlock()
	return r.sequence.next - 1, true
}
