package realtime

import "sync"

// directory lists the rooms in use in this process, and the numbers reserved for them.
type directory struct {
	primary bool // this process gives the numbers
	counts  *counts

	mu        sync.RWMutex // never held while waiting for a room's lock
	rooms     map[string]*room
	sequences map[string]*sequence // guarded by their room's lock; the map by mu
	closed    bool
}

// acquire finds or makes a room and keeps it until release.
func (d *directory) acquire(name string) *room {
	for {
		d.mu.Lock()
		r := d.rooms[name]
		if r == nil {
			r = d.makeRoom(name)
			d.rooms[name] = r
		}
		d.mu.Unlock()
		r.mu.Lock()
		if !r.dead { // a dead room has left the map by now
			r.pins++
			r.mu.Unlock()
			return r
		}
		r.mu.Unlock()
	}
}

// makeRoom makes a room. The caller holds mu.
func (d *directory) makeRoom(name string) *room {
	r := &room{name: name, primary: d.primary, counts: d.counts, index: map[Member]*seat{}}
	if !r.primary || isReserved(name) {
		r.safe = maxSeq
		return r
	}
	if d.sequences[name] == nil {
		d.sequences[name] = &sequence{}
	}
	r.sequence = d.sequences[name]
	if r.sequence.next > 0 {
		r.begin(r.sequence.next - 1)
	}
	return r
}

// release ends an acquire.
func (d *directory) release(r *room) {
	r.mu.Lock()
	r.pins--
	d.forget(r)
}

// forget drops an unused room. The caller holds the room's lock, which forget unlocks.
func (d *directory) forget(r *room) {
	if r.dead || r.pins > 0 || len(r.seats) > 0 {
		r.mu.Unlock()
		return
	}
	d.mu.Lock()
	r.dead = true
	delete(d.rooms, r.name)
	d.mu.Unlock()
	stop := r.unsubscribe
	r.unsubscribe = nil
	r.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// peek returns a room that has members or is in use, or nil.
func (d *directory) peek(name string) *room {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.rooms[name]
}

// all lists the present rooms.
func (d *directory) all() []*room {
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := make([]*room, 0, len(d.rooms))
	for _, r := range d.rooms {
		list = append(list, r)
	}
	return list
}

func (d *directory) isClosed() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.closed
}
