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
	byOpenID      map[string]*identity
	byPrepay      map[string]*order
	byTransaction map[string]*order
	pending       map[string]*notification
}

// newState is an empty memory.
func newState() *state {
	return &state{
		people: map[string]*person{}, identities: map[string]*identity{}, sessions: map[string]*session{},
		grants: map[string]*grant{}, tokens: map[string]*token{}, codes: map[string]*wxaCode{}, counts: map[string]*codeCount{},
		orders: map[string]*order{}, notifications: map[string]*notification{},
		byOpenID: map[string]*identity{}, byPrepay: map[string]*order{}, byTransaction: map[string]*order{},
		pending: map[string]*notification{},
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
		if err := restore(st.identities, c); err != nil {
			return err
		}
		st.addIdentity(st.identities[c.ID])
		return nil
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
		if err := restore(st.notifications, c); err != nil {
			return err
		}
		st.addNotification(st.notifications[c.ID])
		return nil
	case "order":
		if err := restore(st.orders, c); err != nil {
			return err
		}
		st.index(st.orders[c.ID])
		return nil
	}
	return fmt.Errorf("unknown kind %q", c.Kind)
}

// restore reads one entity.
func restore[T any](into map[string]*T, c change) error {
	value := new(T)
	if err := json.Unmarshal(c.Value, value); err != nil {
		return err
	}
	into[c.ID] = value
	return nil
}

// addIdentity makes an identity findable by person and by openid.
func (st *state) addIdentity(id *identity) {
	st.identities[id.AppID+"/"+id.Person], st.byOpenID[id.session()] = id, id
}

// addNotification keeps a notification, and among the pending ones for as long as it is one.
func (st *state) addNotification(n *notification) {
	st.notifications[n.ID] = n
	if n.State == notifyPending {
		st.pending[n.ID] = n
	} else {
		delete(st.pending, n.ID)
	}
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

// appendRows adds those entries of a map that keep wants, in the order of their ids.
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
	list := slices.AppendSeq([]*T{}, maps.Values(from)) // note: never nil, which JSON would tell as null
	slices.SortFunc(list, func(a, b *T) int {
		return cmp.Or(at(b).Compare(at(a)), cmp.Compare(id(b), id(a)))
	})
	return list
}

// save writes rows to the journal as one change. The caller holds s.mu.
func (s *Sim) save(rows ...row) error { return s.journal.append(rows...) }
