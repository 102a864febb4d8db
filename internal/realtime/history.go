package realtime

import (
	"context"
	"encoding/json"
	"fmt"
)

// pageBytes bounds the payload of a page, so that a page fits through a bus and a client's queue.
const pageBytes = 512 << 10

// History reads what a room keeps, after a number and ascending, at most limit messages (1 to 200). more tells that there are others.
// An edge asks the primary: ErrPrimaryAway.
func (h *Hub) History(ctx context.Context, set Room, after int64, limit int) (messages []Message, more bool, err error) {
	if set.History <= 0 || isReserved(set.Name) {
		return nil, false, nil
	}
	r := h.acquire(set.Name)
	defer h.release(r)
	p, err := h.page(ctx, r, after, min(max(limit, 1), pageSize))
	return p.Messages, p.More, err
}

// Newest is the number of a room's newest message: whoever joins now and is cut off before the next one resumes after it. 0 is a room without
// a message, or without history; false means that nobody can say, because this is an edge and the primary is away.
func (h *Hub) Newest(ctx context.Context, set Room) (seq int64, known bool) {
	if set.History <= 0 || isReserved(set.Name) {
		return 0, true
	}
	r := h.acquire(set.Name)
	defer h.release(r)
	if !r.primary {
		p, err := h.pageThere(ctx, pageAsk{Room: r.name, Limit: 1})
		return max(p.Last, 0), err == nil && p.Last != unnumbered
	}
	if err := h.lockNumbered(ctx, r); err != nil {
		return 0, false
	}
	defer r.mu.Unlock()
	return r.sequence.next - 1, true
}

func (h *Hub) page(ctx context.Context, r *room, after int64, limit int) (page, error) {
	if r.primary {
		return h.pageHere(ctx, r, after, limit)
	}
	if err := h.learnHead(ctx, r); err != nil {
		return page{}, err
	}
	return h.pageThere(ctx, pageAsk{Room: r.name, After: after, Limit: limit})
}

// pageHere reads from the store what is committed.
func (h *Hub) pageHere(ctx context.Context, r *room, after int64, limit int) (page, error) {
	found, err := h.cfg.Store.After(ctx, r.name, after, limit+1)
	if err != nil {
		return page{}, fmt.Errorf("read history of room %s: %w", r.name, err)
	}
	p := page{Messages: found}
	r.mu.Lock()
	p.Last = r.last
	r.mu.Unlock()
	if after > 0 && len(found) > 0 && found[0].Seq > after+1 {
		// note: numbers may be missing because of a crash. Nothing is lost as long as the message that the client had last is kept.
		had, err := h.cfg.Store.After(ctx, r.name, after-1, 1)
		if err != nil {
			return page{}, fmt.Errorf("read history of room %s: %w", r.name, err)
		}
		if len(had) == 0 || had[0].Seq != after {
			p.First = found[0].Seq
		}
	}
	return p.cut(limit), nil
}

// pageThere asks the primary.
func (h *Hub) pageThere(ctx context.Context, ask pageAsk) (page, error) {
	if h.bus == nil {
		return page{}, ErrPrimaryAway
	}
	answers, _, err := h.bus.Request(ctx, subjectHistory, encode(ask))
	if err != nil {
		return page{}, fmt.Errorf("%w (%w)", ErrPrimaryAway, err)
	}
	if len(answers) == 0 {
		return page{}, ErrPrimaryAway
	}
	var a pageAnswer
	if err := json.Unmarshal(answers[0], &a); err != nil {
		return page{}, fmt.Errorf("read the primary's answer: %w", err)
	}
	if a.Error != nil {
		return page{}, fromBus(a.Error)
	}
	p := page{More: a.More, Last: a.Last, First: a.First}
	for _, b := range a.Messages {
		p.Messages = append(p.Messages, b.message())
	}
	return p, nil
}

// cut shortens a page to its limits; one message always fits.
func (p page) cut(limit int) page {
	bytes := 0
	for i, m := range p.Messages {
		bytes += len(m.Payload)
		if i == limit || i > 0 && bytes > pageBytes {
			p.Messages, p.More = p.Messages[:i], true
			return p
		}
	}
	return p
}
