package till

// What a disputed payment does to its order. WeChat says something about the payment that does not fit our books, and a person has to
// decide (dispute_resolve.go). Until then the order is frozen: it is neither paid nor cancelled, its stock stays reserved, nothing is
// shipped, and no refund leaves by the ordinary route. Money that is on its way already is followed to its end.

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// maxDisputeFacts bounds what a payment remembers of facts that do not fit it.
const maxDisputeFacts = 50

// dispute is payments.dispute.
type dispute struct {
	Source     string           `json:"source,omitempty"`
	Mismatches []order.Mismatch `json:"mismatches,omitempty"`
	// Facts are digests of what does not fit and waits for a decision; Settled are those that were decided about. A notification that
	// is delivered once more after the decision opens nothing again.
	Facts    []string  `json:"facts,omitempty"`
	Settled  []string  `json:"settled,omitempty"`
	Decision *decision `json:"decision,omitempty"`
}

func disputeOf(payment *core.Record) (d dispute, err error) {
	text := payment.GetString("dispute")
	if text == "" || text == "null" {
		return d, nil
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return d, fmt.Errorf("read dispute of payment %s: %w", payment.Id, err)
	}
	return d, nil
}

// factKey identifies a payment at WeChat, whatever became of it since.
func factKey(t wxpay.Trade) string {
	said := strings.Join([]string{t.AppID, t.MchID, t.OutTradeNo, t.TransactionID, t.Total.String(), t.Currency}, "\n")
	return books.Digest([]byte(said))
}

// isSettled tells whether a person has decided about this very payment.
func isSettled(payment *core.Record, t *wxpay.Trade) (bool, error) {
	if t == nil || !t.State.IsPaid() {
		return false, nil
	}
	d, err := disputeOf(payment)
	return slices.Contains(d.Settled, factKey(*t)), err
}

// openDispute notes on the payment what does not fit.
func (t *Till) openDispute(payment *core.Record, why evidence) error {
	d, err := disputeOf(payment)
	if err != nil {
		return err
	}
	d.Source, d.Mismatches = why.source, why.mismatches
	if why.trade != nil && !slices.Contains(d.Facts, factKey(*why.trade)) {
		d.Facts = append(d.Facts, factKey(*why.trade))
		d.Facts = d.Facts[max(0, len(d.Facts)-maxDisputeFacts):]
	}
	if payment.GetDateTime("disputedAt").IsZero() {
		payment.Set("disputedAt", t.Now())
	}
	payment.Set("dispute", d)
	return nil
}

// freezeOrder holds the order of a disputed payment. Its other attempts are closed, so that the buyer does not pay twice meanwhile.
func (t *Till) freezeOrder(tx core.App, payment, o *core.Record) error {
	if o.GetDateTime("frozenAt").IsZero() {
		o.Set("frozenAt", t.Now())
		if err := books.Save(tx, o); err != nil {
			return fmt.Errorf("freeze order: %w", err)
		}
	}
	return closeOthers(tx, payment, o)
}

// freezeByRefund does the same when it is a refund of the payment that does not fit.
func (t *Till) freezeByRefund(tx core.App, payment *core.Record, mismatches []order.Mismatch) error {
	if err := t.openDispute(payment, evidence{source: "refund", mismatches: mismatches}); err != nil {
		return err
	}
	if err := books.Save(tx, payment); err != nil {
		return fmt.Errorf("save payment: %w", err)
	}
	o, err := tx.FindRecordById("orders", payment.GetString("order"))
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	details := map[string]any{"payment": payment.Id, "order": o.Id, "merchant": payment.GetString("merchant"), "refund": describe(mismatches)}
	if err := t.Books.Raise(tx, books.AlertDisputed, payment.Id, details); err != nil {
		return err
	}
	return t.freezeOrder(tx, payment, o)
}

// endDispute writes the decision on the payment and thaws the order, unless another of its payments is disputed too.
func (t *Till) endDispute(tx core.App, payment, o *core.Record, event order.PaymentEvent, why evidence) error {
	d, err := disputeOf(payment)
	if err != nil {
		return err
	}
	if why.decision.settles {
		d.Settled = append(d.Settled, d.Facts...)
		if why.trade != nil && why.trade.State.IsPaid() {
			d.Settled = append(d.Settled, factKey(*why.trade))
		}
		d.Settled = d.Settled[max(0, len(d.Settled)-maxDisputeFacts):]
	}
	d.Facts, d.Decision = nil, why.decision
	payment.Set("dispute", d)
	payment.Set("disputedAt", nil)
	if event == order.EventResolvePaid || event == order.EventRevive {
		payment.Set("heldTransaction", "")
		payment.Set("heldTotal", 0)
	}
	for _, kind := range []books.AlertKind{books.AlertDisputed, books.AlertPayment} { // the second tells of facts that came while it was disputed
		if err := t.Books.Settle(tx, kind, payment.Id, why.decision.By); err != nil {
			return err
		}
	}
	return thawOrder(tx, payment, o)
}

func thawOrder(tx core.App, payment, o *core.Record) error {
	if o.GetDateTime("frozenAt").IsZero() {
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
	o.Set("frozenAt", nil)
	if err := books.Save(tx, o); err != nil {
		return fmt.Errorf("thaw order: %w", err)
	}
	return nil
}

// isFrozen tells whether a payment of the order waits for a person.
func isFrozen(o *core.Record) bool { return !o.GetDateTime("frozenAt").IsZero() }

// RefuseFrozen refuses what has to wait for a person. It reads the order anew: it may have been frozen while the caller waited for a lock.
func RefuseFrozen(app core.App, orderID string) error {
	o, err := app.FindRecordById("orders", orderID)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	if isFrozen(o) {
		return answer.Fail(answer.OrderDisputed, nil)
	}
	return nil
}

// heldMoney is the payment as WeChat knows it: what we booked, or what a person has decided to give back.
func heldMoney(payment *core.Record) (transactionID string, total int64) {
	if id := payment.GetString("heldTransaction"); id != "" {
		return id, int64(payment.GetInt("heldTotal"))
	}
	return payment.GetString("transactionId"), int64(payment.GetInt("amount"))
}
