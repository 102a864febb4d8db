package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"wxbase/internal/sim/book"
)

// state is everything the simulated WeChat remembers. Sim.mu guards it. It knows how remembering is done, and not what is remembered:
// that is in tables, one for each feature.
type state struct {
	registry
	tables
	agenda agenda
}

// table is what one feature remembers. It says in register how the journal writes it down and takes it up.
type table interface {
	register(r *registry)
}

// registry is what the tables have registered.
type registry struct {
	kinds   map[string]func(book.Change) error // by the kind of a row: takes up one change of the journal
	listing []func(now time.Time) []book.Row   // in the order in which the journal is written
	indexes []func(at restart)                 // build what can be found again
	expired []func(now time.Time)              // drop what ended long ago
	surplus []func(most int) func()            // find what is more than may be kept, nil for nothing, and forget it when called
}

// restart is what an index is built with, once the journal is read.
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

// apply puts one journal change into the state.
func (r *registry) apply(c book.Change) error {
	take, known := r.kinds[c.Kind]
	if !known {
		return fmt.Errorf("unknown kind %q", c.Kind)
	}
	return take(c)
}

// live lists what is worth keeping at now: codes and tokens that ended long ago are left behind.
func (r *registry) live(now time.Time) []book.Row {
	rows := make([]book.Row, 0, 256)
	for _, list := range r.listing {
		rows = append(rows, list(now)...)
	}
	return rows
}

// reindex builds what can be found again, once the journal is read; what is still open goes on the agenda at now at the
// earliest: were it counted from when it came due, all its rounds would be spent before the backend listens again.
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

// forgetOldest makes room for a tenth of what is kept and tells whether it had to.
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

// remember registers a map of rows by their ids. worth says which are worth keeping; nil keeps all.
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

// rememberOne registers a single row. A later change takes its place as a whole.
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
