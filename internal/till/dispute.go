package till

// What a disputed payment does to its order. WeChat's answer about the payment contradicts our books, and a person has
// to decide (dispute_resolve.go). Until then the order is frozen: it is neither paid nor cancelled, its stock stays
// reserved, nothing is shipped, and the ordinary route refuses refunds. Refunds that are under way already are followed
// to their end.

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// maxDisputeFacts limits the contradicting facts that a payment remembers.
const maxDisputeFacts = 50

// dispute is payments.dispute.
type dispute struct {
	Source     string           `json:"source,omitempty"`
	Mismatches []order.Mismatch `json:"mismatches,omitempty"`
	// Facts are digests of contradicting facts that wait for a decision; Settled are those that were decided. A
	// repeated notification after the decision does not open the dispute again.
	Facts    []string  `json:"facts,omitempty"`
	Settled  []string  `json:"settled,omitempty"`
	Decision *decision `json:"decision,omitempty"`
}

func disputeOf(payment rows.Payment) (d dispute, err error) {
	text := payment.GetString("dispute")
	if text == "" || text == "null" {
		return d, nil
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return d, fmt.Errorf("read dispute of payment %s: %w", payment.Id, err)
	}
	return d, nil
}

// factKey identifies a payment at WeChat, independent of its later states.
func factKey(t wxpay.Trade) string {
	said := strings.Join([]string{t.AppID, t.MchID, t.OutTradeNo, t.TransactionID, t.Total.String(), t.Currency}, "\n")
	return books.Digest([]byte(said))
}

// isSettled tells whether a person has decided about this same payment.
func isSettled(payment rows.Payment, t *wxpay.Trade) (bool, error) {
	if t == nil || !t.State.IsPaid() {
		return false, nil
	}
	d, err := disputeOf(payment)
	return slices.Contains(d.Settled, factKey(*t)), err
}

// openDispute notes the contradiction on the payment.
func (p *Payments) openDispute(payment rows.Payment, why payEvidence) error {
	d, err := disputeOf(payment)
	if err != nil {
		return err
	}
	d.Source, d.Mismatches = why.source, why.mismatches
	if why.fact != nil && !slices.Contains(d.Facts, factKey(*why.fact)) {
		d.Facts = append(d.Facts, factKey(*why.fact))
		d.Facts = d.Facts[max(0, len(d.Facts)-maxDisputeFacts):]
	}
	if !payment.IsDisputed() {
		payment.SetDisputedAt(p.now())
	}
	payment.Set("dispute", d)
	return nil
}

// freezeByRefund does the same when a refund of the payment contradicts our books.
func (p *Payments) freezeByRefund(tx core.App, payment rows.Payment, mismatches []order.Mismatch) error {
	if err := p.openDispute(payment, payEvidence{source: "refund", mismatches: mismatches}); err != nil {
		return err
	}
	if err := books.Write(tx, payment.Record); err != nil {
		return fmt.Errorf("save payment: %w", err)
	}
	o, err := rows.OrderByID(tx, payment.OrderID())
	if err != nil {
		return err
	}
	details := map[string]any{"payment": payment.Id, "order": o.Id, "merchant": payment.MchID(), "refund": describe(mismatches)}
	if err := p.books.Raise(tx, books.AlertDisputed, payment.Id, details); err != nil {
		return err
	}
	return p.orders.freeze(tx, payment, o)
}

// endDispute writes the decision on the payment and unfreezes the order, unless another of its payments is disputed
// too.
func (p *Payments) endDispute(tx core.App, row attempt, event order.PaymentEvent, why payEvidence) error {
	payment, o := row.payment, row.order
	d, err := disputeOf(payment)
	if err != nil {
		return err
	}
	if why.decision.settles {
		d.Settled = append(d.Settled, d.Facts...)
		if why.fact != nil && why.fact.State.IsPaid() {
			d.Settled = append(d.Settled, factKey(*why.fact))
		}
		d.Settled = d.Settled[max(0, len(d.Settled)-maxDisputeFacts):]
	}
	d.Facts, d.Decision = nil, why.decision
	payment.Set("dispute", d)
	payment.SetDisputedAt(time.Time{})
	if event == order.EventResolvePaid || event == order.EventRevive || why.decision.What == decideNotOurs {
		payment.SetHeldTransaction("")
		payment.SetHeldTotal(0)
	}
	for _, kind := range []books.AlertKind{books.AlertDisputed, books.AlertPayment} { // the second is about facts that came during the dispute
		if err := p.books.Settle(tx, kind, payment.Id, why.decision.By); err != nil {
			return err
		}
	}
	return thawOrder(tx, payment, o)
}

func thawOrder(tx core.App, payment rows.Payment, o rows.Order) error {
	if !o.IsFrozen() {
		return nil
	}
	others, err := tx.CountRecords("payments", dbx.HashExp{"order": o.Id},
		dbx.Not(dbx.HashExp{"id": payment.Id}), dbx.Not(dbx.HashExp{"disputedAt": ""}))
	if err != nil {
		return fmt.Errorf("count disputes: %w", err)
	}
	if others > 0 {
		return nil
	}
	o.SetFrozenAt(time.Time{})
	if err := books.Write(tx, o.Record); err != nil {
		return fmt.Errorf("thaw order: %w", err)
	}
	return nil
}

// RefuseFrozen refuses what must wait for a person. It reads the order anew, because it may have been frozen while the
// caller waited for a lock.
func RefuseFrozen(app core.App, orderID string) error {
	o, err := rows.OrderByID(app, orderID)
	if err != nil {
		return err
	}
	if o.IsFrozen() {
		return answer.Fail(answer.OrderDisputed, nil)
	}
	return nil
}
