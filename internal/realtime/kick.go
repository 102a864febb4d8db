package realtime

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// keptKicks is how many kicks the primary remembers for edges that were cut off.
const keptKicks = 1_024

// kicks holds the primary's list of kicks, and an edge's progress in it.
type kicks struct {
	rooms  *directory
	people *people
	link   *link
	counts *counts

	mu     sync.Mutex
	onKick []func(user, reason string)
	list   []kickOrder
	serial int64  // on the primary, of the newest kick; on an edge, all up to here were heard
	epoch  string // the primary whose serials an edge counts
}

// Kick closes every connection of a user, on every process. An edge that is cut off does so once it is back.
func (h *Hub) Kick(user, reason string) {
	if user != "" {
		h.kicks.order(kickOrder{User: user, Reason: reason})
	}
}

// Evict closes every connection in a room, on every process, so that each must pass the room's rule again.
func (h *Hub) Evict(room, reason string) { h.kicks.order(kickOrder{Room: room, Reason: reason}) }

// OnKick is called with each kicked user, for a transport whose connections may lack a room. Call it before the first
// connection.
func (h *Hub) OnKick(f func(user, reason string)) {
	h.kicks.mu.Lock()
	defer h.kicks.mu.Unlock()
	h.kicks.onKick = append(h.kicks.onKick, f)
}

func (k *kicks) order(o kickOrder) {
	if k.link.bus != nil {
		o = k.remember(o)
		k.link.bus.Publish(subjectKick, encode(o))
	}
	k.carryOut(o)
}

func (k *kicks) remember(o kickOrder) kickOrder {
	if !k.rooms.primary {
		return o
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.serial++
	o.Serial, o.Epoch = k.serial, k.link.epoch
	k.list = append(k.list, o)
	if len(k.list) > keptKicks {
		k.list = append([]kickOrder(nil), k.list[len(k.list)-keptKicks:]...)
	}
	return o
}

// carryOut informs the transports first: one that is admitting the user at this moment hears of it, or already has a
// member to close.
func (k *kicks) carryOut(o kickOrder) {
	if o.User != "" {
		k.mu.Lock()
		hooks := k.onKick
		k.mu.Unlock()
		for _, f := range hooks {
			f(o.User, o.Reason)
		}
		for _, m := range k.people.membersOf(o.User) {
			m.Close(o.Reason)
		}
	}
	if r := k.rooms.peek(o.Room); o.Room != "" && r != nil {
		for _, m := range r.members() {
			m.Close(o.Reason)
		}
	}
}

func (k *kicks) hear(data []byte) {
	var o kickOrder
	if err := json.Unmarshal(data, &o); err != nil {
		k.counts.garbage.Add(1)
		return
	}
	if k.isNew(o) {
		k.carryOut(o)
	}
}

// isNew is false for a kick that was carried out before.
func (k *kicks) isNew(o kickOrder) bool {
	if o.Serial == 0 || k.rooms.primary {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.epoch != o.Epoch {
		k.epoch, k.serial = o.Epoch, o.Serial-1
	}
	if o.Serial == k.serial+1 { // note: a kick after a hole does not advance serial; catchUp does
		k.serial++
		return true
	}
	return o.Serial > k.serial
}

// repeat sends all kicks again after the primary was cut off; edges skip those they have heard.
func (k *kicks) repeat() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, o := range k.list {
		k.link.bus.Publish(subjectKick, encode(o))
	}
}

// catchUp asks the primary, until it answers, for the kicks that this edge has missed.
func (k *kicks) catchUp() {
	for wait := time.Second; k.link.bus.Up() && !k.rooms.isClosed(); wait = min(2*wait, time.Minute) {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		answers, _, err := k.link.bus.Request(ctx, subjectKicks, nil)
		cancel()
		if err == nil && len(answers) > 0 {
			k.hearAll(answers[0])
			return
		}
		time.Sleep(wait)
	}
}

func (k *kicks) hearAll(data []byte) {
	var list []kickOrder
	if err := json.Unmarshal(data, &list); err != nil {
		k.counts.garbage.Add(1)
		return
	}
	for _, o := range list {
		if k.isNew(o) {
			k.carryOut(o)
		}
	}
}

func (k *kicks) answer([]byte) ([]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return encode(append([]kickOrder{}, k.list...)), true
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
