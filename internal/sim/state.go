package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"wxbase/internal/sim/book"
)

// state is everything the simulator remembers. Sim.mu guards it. It knows how to remember; what is remembered is in
// tables, one for each feature.
type state struct {
	registry
	tables
	agenda agenda
}

// table is one feature's part of the state. Its register method defines how the journal stores and restores it.
type table interface {
	register(r *registry)
}

// registry is what the tables have registered.
type registry struct {
	kinds   map[string]func(book.Change) error // by the kind of a row: applies one change of the journal
	listing []func(now time.Time) []book.Row   // rows in the order of the journal
	indexes []func(at restart)                 // rebuild the indexes
	expired []func(now time.Time)              // drop what ended long ago
	surplus []func(most int) func()            // find the surplus, nil without one, and forget it when called
}

// restart is the input of an index after reading the journal.
type restart struct {
	firstApp string
	now      time.Time
	agenda   *agenda
}

// newState is an empty memory.
func newState() *state {
	st := &state{registry: registry{kinds: map[string]func(book.Change) error{}}}
	for _, t := range st.list() {
		t.register(&st.registry)
	}
	return st
}

// apply applies one change of the journal to the state.
func (r *registry) apply(c book.Change) error {
	take, known := r.kinds[c.Kind]
	if !known {
		return fmt.Errorf("unknown kind %q", c.Kind)
	}
	return take(c)
}

// live lists the rows to keep at now: it drops codes and tokens that ended long ago.
func (r *registry) live(now time.Time) []book.Row {
	rows := make([]book.Row, 0, 256)
	for _, list := range r.listing {
		rows = append(rows, list(now)...)
	}
	return rows
}

// reindex rebuilds the indexes after reading the journal. Open items go on the agenda at now at the earliest: counted
// from their due time, all their rounds would pass before the backend listens again.
func (st *state) reindex(firstApp string, now time.Time) {
	for _, index := range st.indexes {
		index(restart{firstApp: firstApp, now: now, agenda: &st.agenda})
	}
}

// forgetExpired drops what a restart would drop too.
func (r *registry) forgetExpired(now time.Time) {
	for _, drop := range r.expired {
		drop(now)
	}
}

// forgetOldest makes room for a tenth of the limit and tells whether it had to.
func (r *registry) forgetOldest(most int) bool {
	var all []func()
	for _, find := range r.surplus {
		if forget := find(most); forget != nil {
			all = append(all, forget)
		}
	}
	for _, forget := range all {
		forget()
	}
	return len(all) > 0
}

// remember registers a map of rows by their ids. worth selects the rows to keep; nil keeps all.
func remember[T any, P interface {
	*T
	book.Row
}](r *registry, kind string, rows *map[string]*T, worth func(v *T, now time.Time) bool) {
	*rows = map[string]*T{}
	r.kinds[kind] = func(c book.Change) error { return restore(*rows, c) }
	r.listing = append(r.listing, func(now time.Time) []book.Row {
		list := make([]book.Row, 0, len(*rows))
		for _, id := range slices.Sorted(maps.Keys(*rows)) {
			if worth == nil || worth((*rows)[id], now) {
				list = append(list, P((*rows)[id]))
			}
		}
		return list
	})
	if worth != nil {
		r.expired = append(r.expired, func(now time.Time) {
			maps.DeleteFunc(*rows, func(_ string, v *T) bool { return !worth(v, now) })
		})
	}
}

// rememberOne registers a single row. A change replaces the whole row.
func rememberOne[T book.Row](r *registry, value *T) {
	kind, _ := (*value).Entity()
	r.kinds[kind] = func(c book.Change) error {
		var fresh T
		err := json.Unmarshal(c.Value, &fresh)
		*value = fresh
		return err
	}
	r.listing = append(r.listing, func(time.Time) []book.Row { return []book.Row{*value} })
}

// restore reads one entity.
func restore[T any](into map[string]*T, c book.Change) error {
	value := new(T)
	if err := json.Unmarshal(c.Value, value); err != nil {
		return err
	}
	into[c.ID] = value
	return nil
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// save writes rows to the journal as one change. The caller holds s.mu.
func (s *Sim) save(rows ...book.Row) error { return s.journal.Append(rows...) }
