package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// state is everything the simulated WeChat remembers. Sim.mu guards it.
type state struct {
	offset        time.Duration
	people        map[string]*person
	identities    map[string]*identity
	sessions      map[string]*session
	grants        map[string]*grant
	tokens        map[string]*token
	codes         map[string]*wxaCode
	counts        map[string]*codeCount
	orders        map[string]*order
	notifications map[string]*notification
	byPrepay      map[string]*order
	byTransaction map[string]*order
}

func newState() *state {
	return &state{
		people: map[string]*person{}, identities: map[string]*identity{}, sessions: map[string]*session{},
		grants: map[string]*grant{}, tokens: map[string]*token{}, codes: map[string]*wxaCode{}, counts: map[string]*codeCount{},
		orders: map[string]*order{}, notifications: map[string]*notification{},
		byPrepay: map[string]*order{}, byTransaction: map[string]*order{},
	}
}

// apply puts one journal change into the state.
func (st *state) apply(c change) error {
	switch c.Kind {
	case "clock":
		var row clockRow
		err := json.Unmarshal(c.Value, &row)
		st.offset = row.Offset
		return err
	case "person":
		return restore(st.people, c)
	case "identity":
		return restore(st.identities, c)
	case "session":
		return restore(st.sessions, c)
	case "grant":
		return restore(st.grants, c)
	case "token":
		return restore(st.tokens, c)
	case "code":
		return restore(st.codes, c)
	case "count":
		return restore(st.counts, c)
	case "notification":
		return restore(st.notifications, c)
	case "order":
		if err := restore(st.orders, c); err != nil {
			return err
		}
		st.index(st.orders[c.ID])
		return nil
	}
	return fmt.Errorf("unknown kind %q", c.Kind)
}

func restore[T any](into map[string]*T, c change) error {
	value := new(T)
	if err := json.Unmarshal(c.Value, value); err != nil {
		return err
	}
	into[c.ID] = value
	return nil
}

// index makes an order findable by its prepay ids and its transaction.
func (st *state) index(o *order) {
	for _, p := range o.Prepays {
		st.byPrepay[p.ID] = o
	}
	if o.TransactionID != "" {
		st.byTransaction[o.TransactionID] = o
	}
}

// live lists what is worth keeping at now: codes and tokens that ended long ago are left behind.
func (st *state) live(now time.Time) []row {
	rows := []row{clockRow{Offset: st.offset}}
	rows = appendRows(rows, st.people, nil)
	rows = appendRows(rows, st.identities, nil)
	rows = appendRows(rows, st.sessions, nil)
	rows = appendRows(rows, st.grants, func(g *grant) bool { return now.Sub(g.MadeAt) < time.Hour })
	rows = appendRows(rows, st.tokens, func(t *token) bool { return now.Sub(t.ExpiresAt) < time.Hour })
	rows = appendRows(rows, st.codes, nil)
	rows = appendRows(rows, st.counts, nil)
	rows = appendRows(rows, st.orders, nil)
	return appendRows(rows, st.notifications, nil)
}

func appendRows[T any, P interface {
	*T
	row
}](rows []row, from map[string]*T, keep func(*T) bool) []row {
	for _, id := range slices.Sorted(maps.Keys(from)) {
		if keep == nil || keep(from[id]) {
			rows = append(rows, P(from[id]))
		}
	}
	return rows
}

// newest lists a map's entries by time, the latest first.
func newest[T any](from map[string]*T, at func(*T) time.Time, id func(*T) string) []*T {
	list := slices.Collect(maps.Values(from))
	slices.SortFunc(list, func(a, b *T) int {
		return cmp.Or(at(b).Compare(at(a)), cmp.Compare(id(b), id(a)))
	})
	return list
}

// save writes rows to the journal as one change. The caller holds s.mu.
func (s *Sim) save(rows ...row) error { return s.journal.append(rows...) }
