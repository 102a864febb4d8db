package sim

import (
	"fmt"
	"slices"
	"time"
)

// keepOrders is the default limit of orders. An order with its refunds and messages takes some 3 KB of memory.
const keepOrders = 100_000

// WithKeep limits the memory: beyond n orders it forgets the oldest finished ones, with their refunds and
// notifications, and it keeps at most n messages and chats. Zero keeps everything.
func WithKeep(n int) Option { return func(o *options) { o.keep = n } }

// tidyEvery is the number of calls between two runs of tidyNow.
const tidyEvery = 1000

// tidy forgets the surplus and rewrites a grown journal, at every thousandth call.
func (s *Sim) tidy() {
	if s.served.Add(1)%tidyEvery != 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tidyNow(); err != nil {
		s.note("keep", "the journal could not be written anew: "+err.Error())
	}
}

// tidyNow is tidy at once. The caller holds s.mu, between changes.
func (s *Sim) tidyNow() error {
	now := s.Now()
	s.state.forgetExpired(now)
	forgot := s.opts.keep > 0 && s.state.forgetOldest(s.opts.keep)
	if !forgot && !s.journal.Grown() {
		return nil
	}
	if err := s.journal.Rewrite(s.state.live(now)); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	return nil
}

// orderKeeping forgets orders together with their refunds and notifications.
type orderKeeping struct{ *tables }

func (k *orderKeeping) register(r *registry) {
	r.surplus = append(r.surplus, func(most int) func() {
		n := k.orderShelf.Excess(most)
		if n == 0 {
			return nil
		}
		return func() { k.forgetOrders(n) }
	})
}

// forgetOrders drops so many of the oldest finished orders, with all that belongs to them. Unpaid ones go last.
func (k *orderKeeping) forgetOrders(n int) {
	if n == 0 {
		return
	}
	busy, gone := k.busyOrders(), map[*order]bool{}
	for _, unpaidToo := range []bool{false, true} {
		for _, o := range k.orderShelf.Rows {
			_, id := o.Entity()
			if len(gone) < n && !busy[id] && (unpaidToo || o.State != stateNotPay) {
				gone[o] = true
			}
		}
	}
	for o := range gone {
		k.forgetOrder(o)
	}
	k.orderShelf.Drop(func(o *order) bool { return gone[o] })
	paid := len(k.paidShelf)
	k.paidShelf = slices.DeleteFunc(k.paidShelf, func(o *order) bool { return gone[o] })
	k.paidBefore += paid - len(k.paidShelf)
	for day, list := range k.paidOn {
		k.paidOn[day] = slices.DeleteFunc(list, func(o *order) bool { return gone[o] })
	}
	for day, list := range k.refundedOn {
		k.refundedOn[day] = slices.DeleteFunc(list, func(r *refund) bool { return k.byRefundID[r.RefundID] == nil })
	}
	k.refundShelf.Drop(func(r *refund) bool { return k.byRefundID[r.RefundID] == nil })
	for _, n := range k.noteShelf.Rows {
		if n.OutTradeNo != "" && k.orders[n.mchID()+"/"+n.OutTradeNo] == nil {
			delete(k.notifications, n.ID)
		}
	}
	k.dropNotes()
}

// busyOrders are those with an open message or refund.
func (k *orderKeeping) busyOrders() map[string]bool {
	busy := map[string]bool{}
	for _, n := range k.noteShelf.Rows {
		if n.State == notifyPending {
			busy[n.mchID()+"/"+n.OutTradeNo] = true
		}
	}
	for _, r := range k.refundShelf.Rows {
		if r.Status == refundProcessing || r.Status == refundAbnormal {
			busy[r.orderKey()] = true
		}
	}
	return busy
}

// forgetOrder takes an order out of the maps.
func (k *orderKeeping) forgetOrder(o *order) {
	_, id := o.Entity()
	delete(k.orders, id)
	delete(k.byTransaction, o.TransactionID)
	for _, p := range o.Prepays {
		delete(k.byPrepay, p.ID)
		delete(k.byPrepay, p.URL)
	}
	for _, r := range k.refundsOf[id] {
		_, refundID := r.Entity()
		delete(k.refunds, refundID)
		delete(k.byRefundID, r.RefundID)
	}
	delete(k.refundsOf, id)
}

// worthKeeping is false for what ended long ago: a restart and tidy drop it.
func (g *grant) worthKeeping(now time.Time) bool      { return now.Sub(g.MadeAt) < time.Hour }
func (t *token) worthKeeping(now time.Time) bool      { return now.Sub(t.ExpiresAt) < time.Hour }
func (d *sealedData) worthKeeping(now time.Time) bool { return now.Sub(d.MadeAt) < sealedFor }
func (l *link) worthKeeping(now time.Time) bool {
	return l.ExpiresAt.IsZero() || now.Sub(l.ExpiresAt) < longestLink
}

func (m *mediaCheck) worthKeeping(now time.Time) bool {
	return m.DoneAt == nil || now.Sub(*m.DoneAt) < 24*time.Hour
}
