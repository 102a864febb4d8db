package realtime

import "sync"

// directory is the list of the rooms that are in use in this process, and of the numbers that were reserved for them.
type directory struct {
	primary bool // the numbers are given here
	counts  *counts

	mu        sync.RWMutex // never held while a room's lock is waited for
	rooms     map[string]*room
	sequences map[string]*sequence // guarded by the lock of their room; the map by mu
	closed    bool
}

// acquire finds or makes a room and keeps it from being forgotten until release.
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
		if !r.dead { // a dead one has left the map by now
			r.pins++
			r.mu.Unlock()
			return r
		}
		r.mu.Unlock()
	}
}

// makeRoom runs under mu.
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

// forget drops a room that nobody needs. It runs with the room's lock held and lets go of it.
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

// peek finds a room that has members or is in use, or nil.
func (d *directory) peek(name string) *room {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.rooms[name]
}

// all lists the rooms of this moment.
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
