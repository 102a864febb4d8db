package till

// How the books are compared. WeChat's trade bill of a day, which exists from ten the next morning in Beijing, is
// compared with our payments and refunds, number by number and fen by fen. What is missing here is booked from a new,
// verified query, never from the bill itself, which is not signed. The rest is a list of differences for a person.
// bill_rounds.go decides when.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// Bills compares a day with WeChat's bill.
type Bills struct {
	*kit
	payments *Payments
	imports  *imports
	round    sync.Mutex // one round of bills at a time
}

// The kinds of differences, as stored in wx_bill_diffs.kind.
const (
	diffPaymentHere  = "payment_missing_here"  // WeChat has a payment that we lack
	diffPaymentThere = "payment_missing_there" // we have a payment that WeChat lacks
	diffPaymentTotal = "payment_total"         // the amounts differ
	diffRefundHere   = "refund_missing_here"
	diffRefundThere  = "refund_missing_there"
	diffRefundTotal  = "refund_total"
)

// BillReport is the result of one comparison. Amounts are in fen; ours are those after mending.
type BillReport struct {
	Merchant    string     `json:"merchant"`
	Date        string     `json:"date"`
	State       string     `json:"state"` // OK, EMPTY or DIFFERENT
	Payments    int        `json:"payments"`
	Refunds     int        `json:"refunds"`
	TheirTotal  int64      `json:"theirTotal"`
	OurTotal    int64      `json:"ourTotal"`
	TheirRefund int64      `json:"theirRefund"`
	OurRefund   int64      `json:"ourRefund"`
	Foreign     int        `json:"foreign"` // payments and refunds of other programs, in none of the totals
	Mended      int        `json:"mended"`
	Unanswered  int        `json:"unanswered"` // differences about which WeChat did not answer; asked again
	Diffs       []BillDiff `json:"diffs"`
}

// BillDiff is one number in which the books differ.
type BillDiff struct {
	Kind       string `json:"kind"`
	OutTradeNo string `json:"outTradeNo"` // or out_refund_no
	Ours       any    `json:"ours"`
	Theirs     any    `json:"theirs"`
	Resolved   bool   `json:"resolved"` // it was booked from a query
}

// bookEntry is a payment or a refund in either of the books.
type bookEntry struct {
	Number string `json:"number"` // out_trade_no or out_refund_no
	Trade  string `json:"outTradeNo"`
	Amount int64  `json:"amount"`
	State  string `json:"state"`
}

// Reconcile fetches the trade bill of a merchant for a day, compares, mends and stores the result. step is called for
// every difference.
func (b *Bills) Reconcile(ctx context.Context, mchID string, day time.Time, step func(done, all int)) (BillReport, error) {
	gateway, err := b.gateways.Gateway(mchID, "")
	if err != nil {
		return BillReport{}, err
	}
	day = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, days.Beijing())
	report := BillReport{Merchant: mchID, Date: day.Format(time.DateOnly), Diffs: []BillDiff{}}
	bill, err := gateway.TradeBill(ctx, day)
	if err != nil {
		return report, fmt.Errorf("fetch bill of %s: %w", report.Date, err)
	}
	ours, err := b.ourBooks(mchID, day)
	if err != nil {
		return report, err
	}
	theirs, err := b.theirBooks(mchID, bill, ours)
	if err != nil {
		return report, err
	}
	report.Diffs = append(
		compareBooks(ours.payments, theirs.payments, diffPaymentHere, diffPaymentThere, diffPaymentTotal),
		compareBooks(ours.refunds, theirs.refunds, diffRefundHere, diffRefundThere, diffRefundTotal)...)
	b.mendAll(ctx, gateway, &report, step)
	if report.Mended > 0 {
		if ours, err = b.ourBooks(mchID, day); err != nil {
			return report, err
		}
	}
	report.count(ours, theirs)
	report.State = stateOf(report, bill.Empty)
	return report, b.save(report)
}

// sums are the payments and refunds of a day by number.
type sums struct {
	payments, refunds map[string]bookEntry
	foreign           int
}

func (r *BillReport) count(ours, theirs sums) {
	r.Payments, r.Refunds, r.Foreign = len(theirs.payments), len(theirs.refunds), theirs.foreign
	r.TheirTotal, r.OurTotal = sum(theirs.payments), sum(ours.payments)
	r.TheirRefund, r.OurRefund = sum(theirs.refunds), sum(ours.refunds)
}

func (b *Bills) mendAll(ctx context.Context, gateway wxpay.Gateway, report *BillReport, step func(done, all int)) {
	for i := range report.Diffs {
		step(i, len(report.Diffs))
		diff := &report.Diffs[i]
		err := b.mend(ctx, report.Merchant, gateway, diff)
		switch {
		case diff.Resolved:
			report.Mended++
		case err != nil:
			b.app.Logger().Warn("difference with WeChat's bill was not mended", "kind", diff.Kind, "number", diff.OutTradeNo, "error", err.Error())
			if isUnanswered(err) {
				report.Unanswered++
			}
		}
	}
}

// isUnanswered tells whether a failed query may succeed later. A number that is missing in our books, or in WeChat's,
// stays missing.
func isUnanswered(err error) bool {
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, errRefundTooLarge) {
		return false
	}
	if pe, ok := errors.AsType[*wxpay.Error](err); ok {
		return pe.Kind != wxpay.KindNotFound && pe.Kind != wxpay.KindParam
	}
	return true
}

func stateOf(r BillReport, empty bool) string {
	switch {
	case len(r.Diffs) > r.Mended:
		return billDifferent
	case empty:
		return billEmpty
	default:
		return billOK
	}
}

// ourBooks are our payments and refunds of a day in Beijing.
func (b *Bills) ourBooks(mchID string, day time.Time) (ours sums, err error) {
	if ours.payments, err = b.paymentsOf(mchID, day); err != nil {
		return ours, err
	}
	ours.refunds, err = b.refundsOf(mchID, day)
	return ours, err
}

// theirBooks splits a bill and skips what other programs have sold. A refund has a separate row, which repeats the
// payment.
func (b *Bills) theirBooks(mchID string, bill wxpay.Bill, ours sums) (sums, error) {
	theirs := sums{payments: map[string]bookEntry{}, refunds: map[string]bookEntry{}}
	rules, err := b.foreignOf(mchID)
	if err != nil {
		return theirs, err
	}
	for _, row := range bill.Rows {
		_, paidHere := ours.payments[row.OutTradeNo]
		_, refundedHere := ours.refunds[row.OutRefundNo]
		disowned, err := b.isDisowned(row)
		if err != nil {
			return theirs, err
		}
		switch {
		case !paidHere && !refundedHere && (disowned || b.isForeign(rules, row)):
			theirs.foreign++
			if err := b.books.CloseUnmatched(b.app, mchID, row.OutTradeNo, byRule, ""); err != nil {
				return theirs, err
			}
		case row.OutRefundNo != "":
			theirs.refunds[row.OutRefundNo] = bookEntry{row.OutRefundNo, row.OutTradeNo, int64(row.RefundAmount), row.RefundState}
		default:
			theirs.payments[row.OutTradeNo] = bookEntry{row.OutTradeNo, row.OutTradeNo, int64(row.Total), row.TradeState}
		}
	}
	return theirs, nil
}

// paymentsOf are our payments of a day in Beijing, by WeChat's time.
func (b *Bills) paymentsOf(mchID string, day time.Time) (map[string]bookEntry, error) {
	var found []*core.Record
	if err := BilledPayments(b.app, mchID, day).All(&found); err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	entries := map[string]bookEntry{}
	for _, payment := range rows.PaymentsOf(found) {
		n := payment.OutTradeNo()
		_, amount := payment.HeldMoney()
		entries[n] = bookEntry{n, n, amount, string(payment.State())}
	}
	return entries, nil
}

// BilledPayments asks for a merchant's payments of a day in Beijing.
func BilledPayments(app core.App, mchID string, day time.Time) *dbx.SelectQuery {
	return app.RecordQuery("payments").AndWhere(ofMerchant(mchID)).AndWhere(paidOrHeld()).AndWhere(within("successAt", day))
}

// BilledRefunds asks for a merchant's refunds that were sent on a day in Beijing.
func BilledRefunds(app core.App, mchID string, day time.Time) *dbx.SelectQuery {
	return app.RecordQuery("refunds").AndWhere(ofMerchant(mchID)).AndWhere(dbx.Not(dbx.In("state", "NEW", "SUBMITTED", "REJECTED"))).AndWhere(within("sentAt", day))
}

// ofMerchant has a plus, which keeps SQLite from the index of merchants: it would read every row that there ever was for the rows of a day.
func ofMerchant(mchID string) dbx.Expression {
	return dbx.NewExp("+[[merchant]] = {:merchant}", dbx.Params{"merchant": mchID})
}

// paidOrHeld are the payments that are in WeChat's bill, including those that a person gave back.
func paidOrHeld() dbx.Expression {
	return dbx.Or(dbx.In("state", "PAID", "PAID_LATE", "DISPUTED"), dbx.Not(dbx.HashExp{"heldTransaction": ""}))
}

// refundsOf are the refunds that WeChat has accepted on a day. One without an answer belongs to no day.
func (b *Bills) refundsOf(mchID string, day time.Time) (map[string]bookEntry, error) {
	var found []*core.Record
	if err := BilledRefunds(b.app, mchID, day).All(&found); err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	entries := map[string]bookEntry{}
	for _, r := range rows.RefundsOf(found) {
		payment, err := rows.PaymentByID(b.app, r.PaymentID())
		if err != nil {
			return nil, err
		}
		n := r.OutRefundNo()
		entries[n] = bookEntry{n, payment.OutTradeNo(), r.Amount(), string(r.State())}
	}
	return entries, nil
}

func within(field string, day time.Time) dbx.Expression {
	return dbx.NewExp("[["+field+"]] >= {:from} AND [["+field+"]] < {:to}", dbx.Params{
		"from": day.UTC().Format(days.Stored), "to": day.AddDate(0, 0, 1).UTC().Format(days.Stored),
	})
}

func sum(entries map[string]bookEntry) (total int64) {
	for _, e := range entries {
		total += e.Amount
	}
	return total
}

func compareBooks(ours, theirs map[string]bookEntry, missingHere, missingThere, differs string) []BillDiff {
	var diffs []BillDiff
	for n, t := range theirs {
		switch o, ok := ours[n]; {
		case !ok:
			diffs = append(diffs, BillDiff{Kind: missingHere, OutTradeNo: n, Theirs: t})
		case o.Amount != t.Amount:
			diffs = append(diffs, BillDiff{Kind: differs, OutTradeNo: n, Ours: o, Theirs: t})
		}
	}
	for n, o := range ours {
		if _, ok := theirs[n]; !ok {
			diffs = append(diffs, BillDiff{Kind: missingThere, OutTradeNo: n, Ours: o})
		}
	}
	return diffs
}

// mend queries WeChat about an entry that is missing here and applies the answer.
func (b *Bills) mend(ctx context.Context, mchID string, gateway wxpay.Gateway, diff *BillDiff) (err error) {
	switch diff.Kind {
	case diffPaymentHere:
		diff.Resolved, err = b.payments.Mend(ctx, mchID, diff.OutTradeNo)
	case diffRefundHere:
		diff.Resolved, err = b.imports.mend(ctx, mchID, gateway, diff.OutTradeNo)
	}
	return err
}

// Mend queries WeChat about one of our payments and books the answer; it tells whether that changed anything.
func (p *Payments) Mend(ctx context.Context, mchID, outTradeNo string) (bool, error) {
	payment, err := rows.FindPayment(p.app, dbx.HashExp{"merchant": mchID, "outTradeNo": outTradeNo})
	if err != nil {
		return false, err // the number was never issued here: another program uses this merchant
	}
	defer p.locks.Lock("order/" + payment.OrderID())()
	end := p.drive(ctx, payment.Id, order.EventClientOK, payEvidence{source: "bill"})
	if end.err != nil || end.callErr != nil {
		return false, errors.Join(end.err, end.callErr)
	}
	return end.step.To == order.PaymentPaid || end.step.To == order.PaymentPaidLate, nil
}

// mend queries WeChat about a refund, ours or one made by hand, and books the answer; it tells whether that changed
// anything.
func (i *imports) mend(ctx context.Context, mchID string, gateway wxpay.Gateway, outRefundNo string) (bool, error) {
	fact, err := gateway.QueryRefund(ctx, outRefundNo)
	if err != nil {
		return false, err
	}
	id, err := i.rowOf(i.app, mchID, fact)
	if err != nil {
		return false, err
	}
	_, step, err := i.rows.apply(i.app, id, "", refundEvidence{source: "bill", fact: &fact})
	return err == nil && step.To != order.RefundNew, err
}

// save stores the result; comparing the same day again replaces it.
func (b *Bills) save(report BillReport) error {
	return b.app.RunInTransaction(func(tx core.App) error {
		totals := report
		totals.Diffs = nil
		row := map[string]any{"state": report.State, "totals": totals}
		bill, err := b.replace(tx, report.Merchant, report.Date, row, report.Unanswered > 0)
		if err != nil {
			return err
		}
		for _, d := range report.Diffs {
			_, err := books.Insert(tx, "wx_bill_diffs", map[string]any{
				"bill": bill.Id, "kind": d.Kind, "outTradeNo": d.OutTradeNo, "ours": d.Ours, "theirs": d.Theirs, "resolved": d.Resolved,
			})
			if err != nil {
				return err
			}
		}
		return b.alert(tx, bill, len(report.Diffs)-report.Mended)
	})
}
