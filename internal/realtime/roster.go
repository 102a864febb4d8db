package realtime

import (
	"bytes"
	"context"
	"encoding/json"
	"time"
)

// MembersEvent tells the members of a room with presence who is there, whenever that has changed. It has no number and is kept nowhere.
// Its payload is a Presence; where more than rosterMost users are there, it counts them and lists none.
const MembersEvent = "members"

const (
	rosterMost    = 200                    // users in a payload: about 14 KB
	rosterIn      = 100 * time.Millisecond // from a coming to the telling, so that those who come together are told once
	rosterOut     = 2 * time.Second        // from a going: a mini program that was cut off is back before
	rosterPause   = time.Second            // between two tellings
	rosterPerSeat = 10 * time.Millisecond  // of the pause, more: a telling costs as much as the room is large
	rosterLongest = 10 * time.Second       // pause
	rosterCheck   = time.Minute            // between looks at processes that may have died without a word
	rosterTimeout = 3 * time.Second        // for the other processes' answers
)

// roster is what a room with presence does about telling its members who is there. Guarded by the room's lock.
type roster struct {
	presence bool        // as the latest join said
	timer    *time.Timer // nil: nothing is planned
	due      time.Time   // of the timer
	running  bool
	again    bool // something has changed meanwhile
	hint     bool // the change was here, so the other processes have to look too
	toldAt   time.Time
	last     []byte // the payload that was told last
}

// stir plans a telling. It runs under the room's lock.
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

// stirRooms plans a telling in every room of a member.
func (p *presence) stirRooms(m Member) {
	for _, r := range p.people.roomsOf(m) {
		r.mu.Lock()
		p.stir(r, rosterIn, true)
		r.mu.Unlock()
	}
}

// tellMembers looks who is there and tells the members of this process. A room that the last one has left here still hints to the others.
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

// membersNow is the payload, or nil where members may not see each other any more.
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

// tellChanged delivers to everybody if the payload is new, else to those who have heard none yet. It runs under the room's lock.
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
