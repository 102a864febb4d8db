package realtime

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"
)

// answerTimeout limits the primary's work for an edge.
const answerTimeout = 10 * time.Second

// UseBus connects the hub to other processes. Call it at most once, before the first member and the first message.
func (h *Hub) UseBus(b Bus) {
	h.link.bus, h.link.epoch = b, rand.Text()
	stops := []func(){
		b.Respond(subjectPresence, h.presence.answer),
		b.Subscribe(subjectKick, h.kicks.hear),
	}
	if h.rooms.primary {
		stops = append(stops, b.Respond(subjectPublish, h.answerPublish), b.Respond(subjectHistory, h.answerHistory),
			b.Respond(subjectKicks, h.kicks.answer))
	} else {
		stops = append(stops, b.Subscribe(subjectResync, func([]byte) { h.feeder.resync() }))
	}
	h.rooms.mu.Lock()
	h.stops = stops
	h.rooms.mu.Unlock()
	b.OnUp(h.busUp)
}

// busUp runs after each connection to the bus.
func (h *Hub) busUp() {
	if h.rooms.isClosed() {
		return
	}
	for _, r := range h.rooms.all() {
		r.mu.Lock()
		h.presence.stir(r, rosterIn, true)
		r.mu.Unlock()
	}
	if h.rooms.primary {
		h.kicks.repeat()
		h.link.bus.Publish(subjectResync, nil)
		return
	}
	h.feeder.resync()
	go h.kicks.catchUp()
}

// enter subscribes to the room on the bus before its first member sits down. An edge also asks for the room's newest
// number.
func (h *Hub) enter(ctx context.Context, r *room, set Room) {
	if h.link.bus == nil {
		return
	}
	r.entering.Lock()
	defer r.entering.Unlock()
	if r.unsubscribe != nil {
		return
	}
	r.unsubscribe = h.link.bus.Subscribe(subjectRoom+r.name, func(data []byte) { h.receive(r, data) })
	if !r.primary && set.History > 0 {
		_ = h.archive.learnHead(ctx, r) // note: if the primary is away, resync or the first message sets it
	}
}

// receive handles a message of another process.
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
	if f.Event == MembersEvent { // the members elsewhere have changed: each process looks for itself
		h.presence.stir(r, rosterIn, false)
		return
	}
	if f.Seq == 0 {
		r.walk(f)
		return
	}
	if r.primary { // only the primary numbers messages
		h.counts.garbage.Add(1)
		return
	}
	if r.follow(f, b.Epoch) {
		go h.feeder.sync(r)
	}
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
		a.Messages = append(a.Messages, h.link.toBus(m))
	}
	return encode(a), true
}

// historyFor reads from the tape, which has uncommitted messages too, or from the store.
func (h *Hub) historyFor(ctx context.Context, ask pageAsk) (page, error) {
	if set, err := h.settings(ctx, ask.Room); err != nil {
		return page{}, err
	} else if set.History <= 0 {
		return page{Last: unnumbered}, nil
	}
	r := h.rooms.acquire(ask.Room)
	defer h.rooms.release(r)
	if err := h.archive.lockNumbered(ctx, r); err != nil { // so that there is a head to return
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
	return h.archive.pageHere(ctx, r, ask.After, limit)
}
