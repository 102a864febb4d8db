package sim

import (
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
	refunds       map[string]*refund
	notifications map[string]*notification
	merchant      merchantRow
	platform      openPlatformRow
	apps          map[string]*appRow // besides the first, which is in keys.json
	quotas        quotaRow
	rules         rulesTold // what was changed, see Sim.enforce
	links         map[string]*link
	pushes        map[string]*pushRow  // by appid
	templates     map[string]*template // besides those that every mini program has
	credits       map[string]*credit
	messages      map[string]*serviceMessage
	media         map[string]*mediaCheck
	clears        map[string]*quotaClears // by appid
	sealed        map[string]*sealedData
	orderPaths    map[string]*orderPathRow // by appid
	chats         []*chatLine              // the oldest first

	// what follows is found again from the above: indexes, so that no call walks over all there is
	byOpenID      map[string]*identity
	byPrepay      map[string]*order
	byTransaction map[string]*order
	byRefundID    map[string]*refund
	refundsOf     map[string][]*refund // by the order's key, the oldest first
	paidShelf     []*order             // in the order of payment
	paidOn        map[string][]*order  // by the day in Beijing
	refundedOn    map[string][]*refund
	orderShelf    shelf[order]
	refundShelf   shelf[refund]
	noteShelf     shelf[notification]
	messageShelf  shelf[serviceMessage]
	unchecked     map[string]map[string]bool // pages outside the published version that have a code, by appid; see uncheckedPages
	sending       map[string]bool            // subscribe messages under way, by appid/openid
	withBodies    []*notification            // the latest attempted, whose attempts keep their bodies
	agenda        agenda
}

// newState is an empty memory.
func newState() *state {
	return &state{
		people: map[string]*person{}, identities: map[string]*identity{}, sessions: map[string]*session{},
		grants: map[string]*grant{}, tokens: map[string]*token{}, codes: map[string]*wxaCode{}, counts: map[string]*codeCount{},
		orders: map[string]*order{}, refunds: map[string]*refund{}, notifications: map[string]*notification{},
		apps: map[string]*appRow{}, byOpenID: map[string]*identity{}, byPrepay: map[string]*order{}, byTransaction: map[string]*order{},
		byRefundID: map[string]*refund{}, refundsOf: map[string][]*refund{},
		paidOn: map[string][]*order{}, refundedOn: map[string][]*refund{},
		quotas: quotaRow{}, links: map[string]*link{}, pushes: map[string]*pushRow{}, templates: map[string]*template{},
		credits: map[string]*credit{}, messages: map[string]*serviceMessage{}, media: map[string]*mediaCheck{}, sending: map[string]bool{},
		unchecked: map[string]map[string]bool{}, clears: map[string]*quotaClears{}, sealed: map[string]*sealedData{}, orderPaths: map[string]*orderPathRow{},
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
		return restore(st.notifications, c)
	case "order":
		return restore(st.orders, c)
	case "refund":
		return restore(st.refunds, c)
	case "app":
		return restore(st.apps, c)
	case "merchant":
		return json.Unmarshal(c.Value, &st.merchant)
	case "open_platform":
		return json.Unmarshal(c.Value, &st.platform)
	}
	return st.applyMore(c)
}

// applyMore is the second half of apply.
func (st *state) applyMore(c change) error {
	switch c.Kind {
	case "quotas":
		clear(st.quotas)
		return json.Unmarshal(c.Value, &st.quotas)
	case "rules":
		st.rules = rulesTold{}
		return json.Unmarshal(c.Value, &st.rules)
	case "link":
		return restore(st.links, c)
	case "push":
		return restore(st.pushes, c)
	case "template":
		return restore(st.templates, c)
	case "credit":
		return restore(st.credits, c)
	case "message":
		return restore(st.messages, c)
	case "media":
		return restore(st.media, c)
	case "clears":
		return restore(st.clears, c)
	case "order_path":
		return restore(st.orderPaths, c)
	case "sealed":
		return restore(st.sealed, c)
	case "chat":
		l := new(chatLine)
		st.chats = append(st.chats, l)
		return json.Unmarshal(c.Value, l)
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

// reindex builds what can be found again, once the journal is read; what is still open goes on the agenda at now at the
// earliest: were it counted from when it came due, all its rounds would be spent before the backend listens again.
func (st *state) reindex(firstApp string, now time.Time) {
	for _, t := range st.tokens {
		t.AppID = or(t.AppID, firstApp) // note: journals from when there was one mini program do not name it, nor the API
	}
	st.orderShelf.restock(st.orders, func(o *order) time.Time { return o.MadeAt })
	for _, o := range st.orderShelf.rows {
		o.API = or(o.API, apiV3)
		st.index(o)
	}
	for _, r := range st.refunds {
		st.byRefundID[r.RefundID] = r
	}
	slices.SortStableFunc(st.paidShelf, func(a, b *order) int { return a.PaidAt.Compare(*b.PaidAt) })
	st.refundShelf.restock(st.byRefundID, func(r *refund) time.Time { return r.MadeAt })
	for _, r := range st.refundShelf.rows {
		st.indexRefund(r)
		if r.Status == refundProcessing && !r.SettleAt.IsZero() {
			r.SettleAt = later(r.SettleAt, now)
			st.agenda.settle(r, r.SettleAt)
		}
	}
	st.noteShelf.restock(st.notifications, func(n *notification) time.Time { return n.MadeAt })
	for _, n := range st.noteShelf.rows {
		n.Format = or(n.Format, apiV3)
		st.keepBodies(n)
		if n.State == notifyPending {
			n.Due = later(n.Due, now)
			st.agenda.note(n)
		}
	}
	st.messageShelf.restock(st.messages, func(m *serviceMessage) time.Time { return m.SentAt })
	for _, m := range st.media {
		if m.DoneAt == nil {
			st.agenda.check(m, later(m.Due, now))
		}
	}
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// addNotification keeps a new notification, which is due.
func (st *state) addNotification(n *notification) {
	st.notifications[n.ID] = n
	st.noteShelf.put(n.ID, n)
	st.agenda.note(n)
}

// addOrder keeps an order, new or changed.
func (st *state) addOrder(o *order) {
	_, id := o.key()
	st.orders[id] = o
	st.orderShelf.put(id, o)
	st.index(o)
}

// index makes an order findable by its prepay ids, its transaction and its day.
func (st *state) index(o *order) {
	for _, p := range o.Prepays {
		st.byPrepay[p.ID] = o
		if p.URL != "" {
			st.byPrepay[p.URL] = o
		}
	}
	if o.TransactionID == "" || st.byTransaction[o.TransactionID] != nil {
		return
	}
	st.byTransaction[o.TransactionID] = o
	day := billDay(*o.PaidAt)
	st.paidOn[day] = append(st.paidOn[day], o)
	st.paidShelf = append(st.paidShelf, o)
}

// addRefund keeps a new refund.
func (st *state) addRefund(r *refund) {
	_, id := r.key()
	st.refunds[id] = r
	st.refundShelf.put(r.RefundID, r)
	st.indexRefund(r)
}

// indexRefund makes a new refund findable by its id, its order and its day.
func (st *state) indexRefund(r *refund) {
	st.byRefundID[r.RefundID] = r
	st.refundsOf[r.orderKey()] = append(st.refundsOf[r.orderKey()], r)
	day := billDay(r.MadeAt)
	st.refundedOn[day] = append(st.refundedOn[day], r)
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
	rows = appendRows(rows, st.refunds, nil)
	rows = append(rows, st.merchant, st.platform)
	rows = appendRows(rows, st.apps, nil)
	rows = append(rows, st.quotas, st.rules)
	rows = appendRows(rows, st.links, func(l *link) bool { return l.ExpiresAt.IsZero() || now.Sub(l.ExpiresAt) < longestLink })
	rows = appendRows(rows, st.pushes, nil)
	rows = appendRows(rows, st.templates, nil)
	rows = appendRows(rows, st.credits, nil)
	rows = appendRows(rows, st.messages, nil)
	rows = appendRows(rows, st.media, func(m *mediaCheck) bool { return m.DoneAt == nil || now.Sub(*m.DoneAt) < 24*time.Hour })
	rows = appendRows(rows, st.clears, nil)
	rows = appendRows(rows, st.sealed, func(d *sealedData) bool { return now.Sub(d.MadeAt) < sealedFor })
	for _, l := range st.chats {
		rows = append(rows, l)
	}
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

// save writes rows to the journal as one change. The caller holds s.mu.
func (s *Sim) save(rows ...row) error { return s.journal.append(rows...) }
