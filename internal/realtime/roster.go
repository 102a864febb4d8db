package realtime

import (
	"bytes"
	"context"
	"encoding/json"
	"time"
)

// MembersEvent tells the members of a room with presence who is there, after each change. It has no number and is not
// kept. Its payload is a Presence; with more than rosterMost users it only counts them.
const MembersEvent = "members"

const (
	rosterMost    = 200                    // users in a payload: about 14 KB
	rosterIn      = 100 * time.Millisecond // from an arrival to the event, so that concurrent arrivals share one
	rosterOut     = 2 * time.Second        // from a departure: a mini program that was cut off is back before
	rosterPause   = time.Second            // between two events
	rosterPerSeat = 10 * time.Millisecond  // is added to the pause: an event costs as much as the room is large
	rosterLongest = 10 * time.Second       // pause
	rosterCheck   = time.Minute            // between checks for processes that died silently
	rosterTimeout = 3 * time.Second        // for the other processes' answers
)

// roster is the state of a room's MembersEvent. The room's lock guards it.
type roster struct {
	presence bool        // of the latest join's settings
	timer    *time.Timer // nil: no event is planned
	due      time.Time   // of the timer
	running  bool
	again    bool // there was another change meanwhile
	hint     bool // the change was in this process, so the others must look too
	toldAt   time.Time
	last     []byte // the payload of the last event
}

// stir plans an event. The caller holds the room's lock.
func (p *presence) stir(r *room, wait time.Duration, isHere bool) {
	if !r.roster.presence || p.rooms.isClosed() {
		return
	}
	o := &r.roster
	o.hint = o.hint || isHere
	o.again = o.running
	due := time.Now().Add(wait)
	if next := o.toldAt.Add(min(rosterPause+time.Duration(len(r.seats))*rosterPerSeat, rosterLongest)); due.Before(next) {
		due = next
	}
	if o.running || o.timer != nil && !due.Before(o.due) {
		return
	}
	if o.timer != nil {
		o.timer.Stop()
	}
	o.due = due
	o.timer = time.AfterFunc(time.Until(due), func() { p.tellMembers(r) })
}

// stirRooms plans an event in every room of a member.
func (p *presence) stirRooms(m Member) {
	for _, r := range p.people.roomsOf(m) {
		r.mu.Lock()
		p.stir(r, rosterIn, true)
		r.mu.Unlock()
	}
}

// tellMembers finds out who is there and informs the members of this process. When the last member has left here, it
// still hints to the other processes.
func (p *presence) tellMembers(r *room) {
	r.mu.Lock()
	o := &r.roster
	if o.running || p.rooms.isClosed() {
		r.mu.Unlock()
		return
	}
	hint, alone := o.hint, len(r.seats) == 0
	o.timer, o.hint, o.again, o.running = nil, false, false, true
	r.mu.Unlock()
	if hint {
		p.link.tell(Message{Room: r.name, Event: MembersEvent, Payload: json.RawMessage("null"), At: p.now()})
	}
	var payload []byte
	if !alone {
		payload = p.membersNow(r)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	o.running, o.toldAt = false, time.Now()
	r.tellChanged(payload, p.now())
	if o.again {
		p.stir(r, rosterIn, false)
	} else if p.link.bus != nil && len(r.seats) > 0 {
		p.stir(r, rosterCheck, false)
	}
}

// membersNow returns the payload, or nil if members may not see each other any more.
func (p *presence) membersNow(r *room) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), rosterTimeout)
	defer cancel()
	if p.settings != nil {
		if set, err := p.settings(ctx, r.name); err != nil || !set.Presence {
			return nil
		}
	}
	list, err := p.ask(ctx, r.name)
	list.Complete = list.Complete && err == nil
	if len(list.Members) > rosterMost {
		list.Members = []Present{}
	}
	return encode(list)
}

// tellChanged delivers a new payload to all members, and an unchanged one to those who have had none. The caller holds
// the room's lock.
func (r *room) tellChanged(payload []byte, at time.Time) {
	if payload == nil {
		return
	}
	isNew := !bytes.Equal(payload, r.roster.last)
	r.roster.last = payload
	f := NewFrame(Message{Room: r.name, Event: MembersEvent, Payload: payload, At: at})
	for _, s := range r.seats {
		if isNew || !s.hasRoster {
			s.hasRoster = true
			s.member.Deliver(f)
		}
	}
}
