package desk

// Refunds by lines, and refunds that need a second person.
//
// Above an amount that the owner has chosen a refund is only asked for: the row in wx_refund_requests moves no money. Another person
// approves it, and only then the refund is made, under a key of its own, so that it is made once however often and by how many it is
// approved. What counts is all that has gone back of the order without a second person, so that a large sum cannot leave in small parts.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// refundDesk holds back the refunds that need a second person. Its functions are those of Deps.
type refundDesk struct {
	kit

	lockOrder func(orderID string) (unlock func())
	refund    func(ctx context.Context, orderID string, wish RefundWish) (refundID string, err error)
	giveBack  func(ctx context.Context, wish GiveBackWish) (refundID string, err error)
}

// RefundWish is a wish to give money back.
type RefundWish struct {
	Amount int64 // fen; 0 with All
	All    bool
	Reason string
	Key    string
	By     string
}

// States of wx_refund_requests.
const (
	requestWaiting  = "WAITING"
	requestApproved = "APPROVED"
	requestRefused  = "REFUSED"
)

// secondPerson is what a refund waits for.
const secondPerson = "second_person"

// hold is Desk.HoldRefund.
func (d *refundDesk) hold(e *core.RequestEvent, orderID string, wish RefundWish) (held any, status int, err error) {
	preferences, err := LoadPreferences(d.App)
	if err != nil {
		return nil, 0, answer.Fail(answer.Busy, err)
	}
	if preferences.TwoPersonsAbove <= 0 {
		return nil, 0, nil
	}
	var row *core.Record
	err = e.App.RunInTransaction(func(tx core.App) error {
		row, err = d.holdIn(tx, orderID, wish, preferences.TwoPersonsAbove, Who(e))
		return err
	})
	if err != nil || row == nil {
		return nil, 0, asAnswer(err)
	}
	if asked := rows.RefundRequestOf(row); asked.State() == requestApproved { // the same wish again, after it was granted
		refund, err := e.App.FindRecordById("refunds", asked.RefundID())
		if err != nil {
			return nil, 0, answer.Fail(answer.Busy, err)
		}
		return viewRefund(refund), http.StatusOK, nil
	}
	Note(e, "waitsFor", secondPerson)
	return viewRequest(rows.RefundRequestOf(row)), http.StatusAccepted, nil
}

// holdIn writes the request, or finds the one of the same key; nil means that the refund may go on.
func (d *refundDesk) holdIn(tx core.App, orderID string, wish RefundWish, above int64, who Actor) (*core.Record, error) {
	if wish.Key != "" {
		row, err := requestOfKey(tx, orderID, wish)
		if err != nil || row != nil {
			return row, err
		}
		made, err := tx.CountRecords("refunds", dbx.HashExp{"order": orderID, "key": wish.Key})
		if err != nil || made > 0 {
			return nil, err // what was made before answers for itself
		}
	}
	left, alone, err := d.leftOf(tx, orderID)
	if err != nil {
		return nil, err
	}
	amount := wish.Amount
	if wish.All {
		amount = left
	}
	if amount+alone <= above {
		return nil, nil //nolint:nilnil // it needs nobody else
	}
	if amount < 1 || amount > left { // NB! not let through: something else may be refused meanwhile and leave room for it
		return nil, answer.With(answer.RefundAmount, "left", left)
	}
	return d.saveRequest(tx, orderID, amount, wish, who)
}

func (d *refundDesk) saveRequest(tx core.App, orderID string, amount int64, wish RefundWish, who Actor) (*core.Record, error) {
	if wish.Key == "" {
		waiting, err := tx.CountRecords("wx_refund_requests", dbx.HashExp{"order": orderID, "amount": amount, "state": requestWaiting, "payment": ""})
		if err != nil {
			return nil, fmt.Errorf("look for the same request: %w", err)
		}
		if waiting > 0 { // a second click
			row := &core.Record{}
			err := tx.RecordQuery("wx_refund_requests").AndWhere(dbx.HashExp{"order": orderID, "amount": amount, "state": requestWaiting, "payment": ""}).Limit(1).One(row)
			return row, err
		}
	}
	c, err := tx.FindCachedCollectionByNameOrId("wx_refund_requests")
	if err != nil {
		return nil, fmt.Errorf("find wx_refund_requests: %w", err)
	}
	row := core.NewRecord(c)
	row.Load(map[string]any{
		"order": orderID, "amount": amount, "all": wish.All, "reason": wish.Reason, "key": wish.Key, "state": requestWaiting,
		"requestedBy": who.Email, "requesterId": who.ID,
	})
	return row, books.Save(tx, row)
}

// requestOfKey finds the request that an earlier call with the same key made.
func requestOfKey(tx core.App, orderID string, wish RefundWish) (*core.Record, error) {
	row := &core.Record{}
	err := tx.RecordQuery("wx_refund_requests").AndWhere(dbx.HashExp{"order": orderID, "key": wish.Key}).Limit(1).One(row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // no request, no mistake
	}
	if err != nil {
		return nil, fmt.Errorf("find request by key: %w", err)
	}
	asked := rows.RefundRequestOf(row)
	other := asked.All() != wish.All || !wish.All && asked.Amount() != wish.Amount || asked.Reason() != wish.Reason
	switch state := asked.State(); {
	case other:
		return nil, answer.With(answer.RefundKeyReused, "refund", row.Id)
	case state == requestRefused:
		return nil, answer.With(answer.RefundRequestDecided, "state", state)
	}
	return row, nil
}

// leftOf is what may still go back of an order, and what has gone back, or is on its way, without a second person.
func (d *refundDesk) leftOf(tx core.App, orderID string) (left, alone int64, err error) {
	payment, err := rows.PaymentToGiveBack(tx, orderID)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, answer.Fail(answer.OrderNotPaid, nil)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find payment: %w", err)
	}
	refunds, err := rows.RefundsOfPayment(tx, payment.Id)
	if err != nil {
		return 0, 0, err
	}
	var approved []string
	err = tx.DB().Select("refund").From("wx_refund_requests").Where(dbx.HashExp{"order": orderID, "state": requestApproved}).Column(&approved)
	if err != nil {
		return 0, 0, fmt.Errorf("read approved requests: %w", err)
	}
	byTwo := strings.Join(approved, " ")
	for _, r := range refunds {
		if r.State().Reserves() && !strings.Contains(byTwo, r.Id) {
			alone += r.Amount()
		}
	}
	left, err = order.Refundable(payment.Amount(), rows.RefundAmounts(refunds))
	return left, alone, err
}

// approveRefund handles POST /api/wx/admin/refunds/{id}/approve: the second person lets the money go. id is that of the request.
func (d *refundDesk) approveRefund(e *core.RequestEvent) error {
	return d.decideRefund(e, func(ctx context.Context, row rows.RefundRequest) error {
		refund, err := d.letGo(ctx, row, clip(row.RequestedBy()+", "+Who(e).Email, 100))
		if err != nil {
			return err
		}
		return d.closeRequest(e, row, requestApproved, refund)
	})
}

// refuseRefund handles POST /api/wx/admin/refunds/{id}/refuse. Who asked may take it back.
func (d *refundDesk) refuseRefund(e *core.RequestEvent) error {
	return d.decideRefund(e, func(_ context.Context, row rows.RefundRequest) error {
		return d.closeRequest(e, row, requestRefused, "")
	})
}

// decideRefund carries a decision out, one at a time for each order.
func (d *refundDesk) decideRefund(e *core.RequestEvent, decide func(context.Context, rows.RefundRequest) error) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	row, err := requestByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	defer d.lockOrder(row.OrderID())()
	if row, err = requestByID(e.App, row.Id); err != nil { // note: as it is now that it is our turn
		return err
	}
	o, err := orderByID(e.App, row.OrderID())
	if err != nil {
		return err
	}
	About(e, o.Id, o.GetString("number"))
	Note(e, "request", row.Id)
	Note(e, "amount", row.Amount())
	if state := row.State(); state != requestWaiting {
		return answer.With(answer.RefundRequestDecided, "state", state)
	}
	isApproval := strings.HasSuffix(e.Request.URL.Path, "/approve")
	if isApproval && isSamePerson(row, Who(e)) {
		return answer.Fail(answer.RefundSamePerson, nil)
	}
	if err := decide(context.WithoutCancel(e.Request.Context()), row); err != nil {
		return asAnswer(err)
	}
	if row, err = requestByID(e.App, row.Id); err != nil {
		return err
	}
	return e.JSON(http.StatusOK, viewRequest(row))
}

// isSamePerson compares the address too: a superuser may have an account of the staff as well.
func isSamePerson(row rows.RefundRequest, who Actor) bool {
	return row.RequesterID() == who.ID || strings.EqualFold(row.RequestedBy(), who.Email)
}

func requestByID(app core.App, id string) (rows.RefundRequest, error) {
	row, err := byID(app, "wx_refund_requests", id, answer.RefundRequestNotFound)
	return rows.RefundRequestOf(row), err
}

// byID reads the row that a route names: missing is answered where there is none, and busy where the database cannot say.
func byID(app core.App, collection, id string, missing answer.Problem) (*core.Record, error) {
	row, err := app.FindRecordById(collection, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(missing, nil)
	}
	if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	return row, nil
}

func (d *refundDesk) closeRequest(e *core.RequestEvent, row rows.RefundRequest, state, refund string) error {
	done, err := e.App.DB().Update("wx_refund_requests", dbx.Params{
		"state": state, "decidedBy": clip(Who(e).Email, 200), "decidedAt": days.Store(d.Now()), "refund": refund, "updated": days.Store(d.Now()),
	}, dbx.HashExp{"id": row.Id, "state": requestWaiting}).Execute()
	if err != nil {
		return fmt.Errorf("close request %s: %w", row.Id, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return answer.Fail(answer.RefundRequestDecided, err)
	}
	return nil
}

// viewRequest shows a request as the refund that it may become.
func viewRequest(r rows.RefundRequest) refundView {
	v := refundView{
		ID: r.Id, State: r.State(), Amount: r.Amount(), Reason: r.Reason(), RequestedBy: r.RequestedBy(),
		Created: moment(r.GetDateTime("created")),
	}
	if v.State == requestWaiting {
		v.WaitsFor = secondPerson
	}
	return v
}

// viewRequests leaves out those that were approved: their refunds stand in the list.
func viewRequests(records []*core.Record) []refundView {
	var views []refundView
	for _, record := range records {
		if r := rows.RefundRequestOf(record); r.State() != requestApproved {
			views = append(views, viewRequest(r))
		}
	}
	return views
}

// lineWish is how many pieces of a line go back.
type lineWish struct {
	Line     int `json:"line"` // from 0
	Quantity int `json:"quantity"`
}

// previewRefund handles POST /api/wx/admin/orders/{id}/refunds/preview {lines}: what they cost, at most what is left.
func (d *refundDesk) previewRefund(e *core.RequestEvent) error {
	var form struct {
		Lines []lineWish `json:"lines"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	o, err := orderByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	left, _, err := d.leftOf(e.App, o.Id)
	if err != nil {
		return asAnswer(err)
	}
	amount, err := costOf(linesOf(o), rows.OrderOf(o).Total(), form.Lines)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"amount": min(amount, left), "refundable": left})
}

// costOf is what some pieces of an order cost. Where the lines do not add up to the total, as with a discount, they bear it by their prices.
func costOf(lines []orderLine, total int64, wishes []lineWish) (int64, error) {
	prices := make([]int64, len(lines))
	for i, l := range lines {
		prices[i] = l.Price * int64(l.Quantity)
	}
	shares := order.Allocate(total, prices)
	seen := map[int]bool{}
	var amount int64
	for _, w := range wishes {
		if w.Line < 0 || w.Line >= len(lines) || seen[w.Line] || w.Quantity < 1 || w.Quantity > lines[w.Line].Quantity {
			return 0, answer.With(answer.RefundLinesInvalid, "line", w.Line)
		}
		seen[w.Line] = true
		amount += shares[w.Line] * int64(w.Quantity) / int64(lines[w.Line].Quantity)
	}
	return amount, nil
}
