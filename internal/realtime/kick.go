package realtime

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// keptKicks is how many kicks the primary remembers for edges that were cut off meanwhile.
const keptKicks = 1_024

// kicks is the primary's list, and what an edge knows of it.
type kicks struct {
	mu     sync.Mutex
	list   []kickOrder
	serial int64  // of the newest one, on the primary; on an edge it has heard all up to here
	epoch  string // whose serials an edge counts
}

// Kick closes every connection of a user, on every process. An edge that is cut off does so once it is back.
func (h *Hub) Kick(user, reason string) {
	if user != "" {
		h.order(kickOrder{User: user, Reason: reason})
	}
}

// Evict closes every connection that sits in a room, on every process, so that each has to pass the room's rule again.
func (h *Hub) Evict(room, reason string) { h.order(kickOrder{Room: room, Reason: reason}) }

// OnKick is called with each kicked user, for a transport whose connections may sit in no room. Call it before the first connection.
func (h *Hub) OnKick(f func(user, reason string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onKick = append(h.onKick, f)
}

func (h *Hub) order(k kickOrder) {
	if h.bus != nil {
		k = h.remember(k)
		h.bus.Publish(subjectKick, encode(k))
	}
	h.carryOut(k)
}

func (h *Hub) remember(k kickOrder) kickOrder {
	if !h.isPrimary() {
		return k
	}
	h.kicks.mu.Lock()
	defer h.kicks.mu.Unlock()
	h.kicks.serial++
	k.Serial, k.Epoch = h.kicks.serial, h.epoch
	h.kicks.list = append(h.kicks.list, k)
	if len(h.kicks.list) > keptKicks {
		h.kicks.list = append([]kickOrder(nil), h.kicks.list[len(h.kicks.list)-keptKicks:]...)
	}
	return k
}

// CarryOut tells the transports first: one that is letting the user in at this moment either hears of it or has a member to close.
func (h *Hub) carryOut(k kickOrder) {
	if k.User != "" {
		h.mu.RLock()
		hooks := h.onKick
		h.mu.RUnlock()
		for _, f := range hooks {
			f(k.User, k.Reason)
		}
		for _, m := range h.people.membersOf(k.User) {
			m.Close(k.Reason)
		}
	}
	if r := h.peek(k.Room); k.Room != "" && r != nil {
		for _, m := range r.members() {
			m.Close(k.Reason)
		}
	}
}

func (r *room) members() []Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Member, len(r.seats))
	for i, s := range r.seats {
		list[i] = s.member
	}
	return list
}

func (h *Hub) hearKick(data []byte) {
	var k kickOrder
	if err := json.Unmarshal(data, &k); err != nil {
		h.counts.garbage.Add(1)
		return
	}
	if h.isNewKick(k) {
		h.carryOut(k)
	}
}

// isNewKick is false for one that was carried out before.
func (h *Hub) isNewKick(k kickOrder) bool {
	if k.Serial == 0 || h.isPrimary() {
		return true
	}
	h.kicks.mu.Lock()
	defer h.kicks.mu.Unlock()
	if h.kicks.epoch != k.Epoch {
		h.kicks.epoch, h.kicks.serial = k.Epoch, k.Serial-1
	}
	if k.Serial == h.kicks.serial+1 { // note: one that follows a hole does not close it; catchKicks does
		h.kicks.serial++
		return true
	}
	return k.Serial > h.kicks.serial
}

// repeatKicks says everything again after the primary was cut off; edges know what they have heard.
func (h *Hub) repeatKicks() {
	h.kicks.mu.Lock()
	defer h.kicks.mu.Unlock()
	for _, k := range h.kicks.list {
		h.bus.Publish(subjectKick, encode(k))
	}
}

// catchKicks asks the primary, until it answers, for the kicks that this edge has not heard.
func (h *Hub) catchKicks() {
	for wait := time.Second; h.bus.Up() && !h.isClosed(); wait = min(2*wait, time.Minute) {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		answers, _, err := h.bus.Request(ctx, subjectKicks, nil)
		cancel()
		if err == nil && len(answers) > 0 {
			h.hearKicks(answers[0])
			return
		}
		time.Sleep(wait)
	}
}

func (h *Hub) hearKicks(data []byte) {
	var list []kickOrder
	if err := json.Unmarshal(data, &list); err != nil {
		h.counts.garbage.Add(1)
		return
	}
	for _, k := range list {
		if h.isNewKick(k) {
			h.carryOut(k)
		}
	}
}

func (h *Hub) answerKicks([]byte) ([]byte, bool) {
	h.kicks.mu.Lock()
	defer h.kicks.mu.Unlock()
	return encode(append([]kickOrder{}, h.kicks.list...)), true
}
