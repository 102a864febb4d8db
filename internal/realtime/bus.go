package realtime

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// answerTimeout bounds what the primary does for an edge.
const answerTimeout = 10 * time.Second

// UseBus joins the hub to other processes. Call it at most once, before the first member and the first message.
func (h *Hub) UseBus(b Bus) {
	h.bus, h.epoch = b, rand.Text()
	stops := []func(){
		b.Respond(subjectPresence, h.answerPresence),
		b.Subscribe(subjectKick, h.hearKick),
	}
	if h.isPrimary() {
		stops = append(stops, b.Respond(subjectPublish, h.answerPublish), b.Respond(subjectHistory, h.answerHistory),
			b.Respond(subjectKicks, h.answerKicks))
	} else {
		stops = append(stops, b.Subscribe(subjectResync, func([]byte) { h.resync() }))
	}
	h.mu.Lock()
	h.stops = stops
	h.mu.Unlock()
	b.OnUp(h.busUp)
}

// busUp runs after each connection to the bus.
func (h *Hub) busUp() {
	if h.isClosed() {
		return
	}
	if h.isPrimary() {
		h.repeatKicks()
		h.bus.Publish(subjectResync, nil)
		return
	}
	h.resync()
	go h.catchKicks()
}

// tell hands a message to the other processes. It never waits.
func (h *Hub) tell(m Message) {
	if h.bus != nil {
		h.bus.Publish(subjectRoom+m.Room, encode(h.toBus(m)))
	}
}

// enter listens to a room on the bus before its first member sits down. An edge also asks where the room's numbers are.
func (h *Hub) enter(ctx context.Context, r *room, set Room) {
	if h.bus == nil {
		return
	}
	r.entering.Lock()
	defer r.entering.Unlock()
	if r.unsubscribe != nil {
		return
	}
	r.unsubscribe = h.bus.Subscribe(subjectRoom+r.name, func(data []byte) { h.receive(r, data) })
	if !r.primary && set.History > 0 {
		_ = h.learnHead(ctx, r) // note: when the primary is away, resync or the first message tells
	}
}

// learnHead lets an edge's room begin at the primary's newest number.
func (h *Hub) learnHead(ctx context.Context, r *room) error {
	r.mu.Lock()
	known := r.known
	r.mu.Unlock()
	if known {
		return nil
	}
	p, err := h.pageThere(ctx, pageAsk{Room: r.name})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known && p.Last != unnumbered {
		r.begin(p.Last)
	}
	return nil
}

// receive takes a message of another process.
func (h *Hub) receive(r *room, data []byte) {
	var b busMessage
	if err := json.Unmarshal(data, &b); err != nil || b.Room != r.name || b.Seq < 0 {
		h.counts.garbage.Add(1)
		return
	}
	h.counts.received.Add(1)
	f := NewFrame(b.message())
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.Seq == 0 {
		r.walk(f)
		return
	}
	if r.primary { // somebody else numbers our rooms
		h.counts.garbage.Add(1)
		return
	}
	if r.follow(f, b.Epoch) {
		go h.sync(r)
	}
}

// forward hands a message to the primary, which numbers and keeps it. It comes back to our members over the bus.
func (h *Hub) forward(ctx context.Context, m Message) (Message, int, error) {
	if h.bus == nil {
		return m, 0, ErrPrimaryAway
	}
	answers, _, err := h.bus.Request(ctx, subjectPublish, encode(h.toBus(m)))
	if err != nil {
		return m, 0, fmt.Errorf("%w (%w)", ErrPrimaryAway, err)
	}
	if len(answers) == 0 {
		return m, 0, ErrPrimaryAway
	}
	var a publishAnswer
	if err := json.Unmarshal(answers[0], &a); err != nil {
		return m, 0, fmt.Errorf("read the primary's answer: %w", err)
	}
	m.Seq = a.Seq
	if a.Seq > 0 {
		m.At = time.UnixMilli(a.At).UTC()
	}
	if a.Error != nil {
		return m, 0, fromBus(a.Error)
	}
	return m, h.Members(m.Room), nil
}

// answerPublish runs on the primary.
func (h *Hub) answerPublish(data []byte) ([]byte, bool) {
	var b busMessage
	if err := json.Unmarshal(data, &b); err != nil || isReserved(b.Room) {
		h.counts.garbage.Add(1)
		return encode(publishAnswer{Error: ErrRoomUnknown}), true
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	m, _, err := h.Publish(ctx, b.message())
	h.logInternal("An edge's message was not published.", b.Room, err)
	return encode(publishAnswer{Seq: m.Seq, At: m.At.UnixMilli(), Error: readable(err)}), true
}

func (h *Hub) logInternal(what, room string, err error) {
	if _, meant := errors.AsType[*Error](err); err != nil && !meant {
		h.cfg.Logger.Error(what, "room", room, "error", err)
	}
}

// answerHistory runs on the primary.
func (h *Hub) answerHistory(data []byte) ([]byte, bool) {
	var ask pageAsk
	if err := json.Unmarshal(data, &ask); err != nil {
		h.counts.garbage.Add(1)
		return encode(pageAnswer{Error: ErrRoomUnknown}), true
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	p, err := h.historyFor(ctx, ask)
	h.logInternal("An edge was not told a room's history.", ask.Room, err)
	a := pageAnswer{Messages: []busMessage{}, More: p.More, Last: p.Last, First: p.First, Error: readable(err)}
	for _, m := range p.Messages {
		a.Messages = append(a.Messages, h.toBus(m))
	}
	return encode(a), true
}

// historyFor reads from the tape, which knows what is not committed yet, or from the store.
func (h *Hub) historyFor(ctx context.Context, ask pageAsk) (page, error) {
	if set, err := h.settings(ctx, ask.Room); err != nil {
		return page{}, err
	} else if set.History <= 0 {
		return page{Last: unnumbered}, nil
	}
	r := h.acquire(ask.Room)
	defer h.release(r)
	if err := h.lockNumbered(ctx, r); err != nil { // so that there is a head to tell
		return page{}, err
	}
	p := page{Last: r.last}
	limit := min(max(ask.Limit, 0), pageSize)
	onTape := limit == 0 || ask.After >= r.floor
	if onTape && limit > 0 {
		for _, f := range r.after(ask.After) {
			p.Messages = append(p.Messages, f.Message)
		}
	}
	r.mu.Unlock()
	if onTape {
		return p.cut(limit), nil
	}
	return h.pageHere(ctx, r, ask.After, limit)
}
