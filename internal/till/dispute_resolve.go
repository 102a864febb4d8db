package till

// How a person ends a dispute. WeChat is asked anew before anything is decided, and its answer, not the decision, says what is possible:
//
//	accept    the money is this order's payment. Only if WeChat now says what we expect in every field: number, mini program, merchant,
//	          amount, currency. Another amount or another mini program is never accepted; it can be given back. A cancelled order takes
//	          its stock again, or is refused. A closed attempt that was paid all the same can be accepted too, before it goes back.
//	GiveBack  the payer gets what WeChat holds under the number, once, under a number that is derived from the payment. The dispute ends
//	          when WeChat says that the money has arrived.
//	close     there is nothing to decide about: WeChat holds no money under the number, or it has gone back already. An open number is
//	          closed at WeChat first. For a payment that is settled anyway, it ends what made somebody look.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// Decisions about a disputed payment.
const (
	decideAccept   = "accept"
	decideGiveBack = "giveBack"
	decideClose    = "close"
)

// resolveForm is the body of POST /api/wx/admin/orders/{id}/resolve.
type resolveForm struct {
	Payment  string `json:"payment"` // id of the payment
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
}

// decision is who decided what and why; it is kept with the payment and in the ledger.
type decision struct {
	What    string `json:"decision"`
	By      string `json:"by"`
	Reason  string `json:"reason"`
	settles bool   // the facts that made the dispute are decided about for good
}

func (f resolveForm) check() error {
	switch {
	case f.Payment == "":
		return answer.Field(answer.FieldInvalid, "payment", "the id of the payment")
	case f.Decision != decideAccept && f.Decision != decideGiveBack && f.Decision != decideClose:
		return answer.Field(answer.FieldInvalid, "decision", "accept, giveBack or close")
	case f.Reason == "" || utf8.RuneCountInString(f.Reason) > 200:
		return answer.Field(answer.FieldInvalid, "reason", "1 to 200 characters")
	}
	return nil
}

// ResolveOrder handles POST /api/wx/admin/orders/{id}/resolve for superusers.
func (t *Till) ResolveOrder(e *core.RequestEvent) error {
	var form resolveForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if err := form.check(); err != nil {
		return err
	}
	record, err := OwnOrder(e)
	if err != nil {
		return err
	}
	defer t.Locks.Lock("order/" + record.Id)()
	payment, err := disputedPayment(e.App, record.Id, form)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	verdict := &decision{What: form.Decision, By: e.Auth.Email(), Reason: form.Reason}
	if err := t.decide(ctx, payment, verdict); err != nil {
		return answer.Or(err, answer.Busy)
	}
	return answerResolved(e, record.Id, payment.Id)
}

// disputedPayment finds the payment that a decision is about. A closed attempt may be accepted without a dispute.
func disputedPayment(app core.App, orderID string, form resolveForm) (*core.Record, error) {
	payment, err := books.Find(app, "payments", dbx.HashExp{"id": form.Payment, "order": orderID})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.DisputeMissing, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("find payment: %w", err)
	}
	closed := payment.GetString("state") == string(order.PaymentClosed)
	if payment.GetDateTime("disputedAt").IsZero() && (!closed || form.Decision != decideAccept) {
		return nil, answer.With(answer.DisputeMissing, "state", payment.GetString("state"))
	}
	return payment, nil
}

// decide asks WeChat and carries the decision out.
func (t *Till) decide(ctx context.Context, payment *core.Record, d *decision) error {
	gateway, err := t.Accounts.Gateway(payment.GetString("merchant"), payment.GetString("appid"))
	if err != nil {
		return answer.FromPay(err)
	}
	trade, err := askTrade(ctx, gateway, payment)
	if err != nil {
		return answer.FromPay(err)
	}
	switch d.What {
	case decideAccept:
		return t.acceptPayment(payment, trade, d)
	case decideGiveBack:
		return t.giveMoneyBack(ctx, payment, trade, d)
	default:
		return t.closeDispute(ctx, gateway, payment, trade, d)
	}
}

// askTrade is what WeChat knows under the number now; nil means nothing at all.
func askTrade(ctx context.Context, g wxpay.Gateway, payment *core.Record) (*wxpay.Trade, error) {
	trade, err := g.Query(ctx, payment.GetString("outTradeNo"))
	if err == nil {
		return &trade, nil
	}
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindNotFound {
		return nil, nil //nolint:nilnil // no trade, no mistake
	}
	return nil, err
}

func (t *Till) acceptPayment(payment *core.Record, trade *wxpay.Trade, d *decision) error {
	if trade == nil {
		return answer.With(answer.DisputeMismatch, "tradeState", "NOT_EXIST")
	}
	d.settles = true
	_, err := t.apply(t.App, payment.Id, "", evidence{source: "resolve", trade: trade, decision: d})
	return err
}

// acceptEvent is the event of accepting, or the refusal that says why it cannot be accepted.
//
// NB! found is what Compare made of a query that was sent for this decision: nothing else makes a payment PAID.
func acceptEvent(payment *core.Record, found order.PaymentEvent, why evidence) (order.PaymentEvent, error) {
	switch {
	case found == order.EventPaidTwice:
		return "", answer.Fail(answer.OrderPaid, nil)
	case found != order.EventPaidFact:
		refusal := answer.With(answer.DisputeMismatch, "tradeState", string(why.trade.State))
		refusal.Data["reason"] = describe(why.mismatches)
		return "", refusal
	case payment.GetString("state") == string(order.PaymentClosed):
		return order.EventRevive, nil
	default:
		return order.EventResolvePaid, nil
	}
}

// decidedEvent is what a decision makes of a payment inside the transaction.
func decidedEvent(tx core.App, payment *core.Record, found order.PaymentEvent, why evidence) (order.PaymentEvent, error) {
	state := order.PaymentState(payment.GetString("state"))
	switch {
	case why.decision.What == decideAccept:
		// NB! money that is going back is nobody's payment any more
		if err := refuseWhileGoingBack(tx, payment); err != nil {
			return "", err
		}
		return acceptEvent(payment, found, why)
	case state == order.PaymentPaid, state == order.PaymentPaidLate:
		return order.EventResolvePaid, nil
	default:
		return order.EventResolveClosed, nil
	}
}

// refuseWhileGoingBack refuses a decision about a disputed payment that another one, or the merchant platform, is giving back.
func refuseWhileGoingBack(tx core.App, payment *core.Record) error {
	state := order.PaymentState(payment.GetString("state"))
	if state == order.PaymentPaid || state == order.PaymentPaidLate {
		return nil
	}
	back, err := tx.FindAllRecords("refunds", dbx.HashExp{"payment": payment.Id}, dbx.Not(dbx.In("state", "CLOSED", "REJECTED")))
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	if len(back) > 0 {
		return answer.With(answer.DisputeGoingBack, "refund", back[0].Id)
	}
	return nil
}

func (t *Till) closeDispute(ctx context.Context, g wxpay.Gateway, payment *core.Record, trade *wxpay.Trade, d *decision) error {
	state := order.PaymentState(payment.GetString("state"))
	isOver := state == order.PaymentPaid || state == order.PaymentPaidLate
	switch {
	case isOver:
		d.settles = true
	case trade == nil || trade.State == wxpay.StateClosed || trade.State == wxpay.StateRevoked:
		// note: a payment that turns up after this opens a dispute again
	case trade.State == wxpay.StateRefund:
		d.settles = true
	case trade.State == wxpay.StateSuccess:
		refusal := answer.With(answer.DisputeHeld, "tradeState", string(trade.State))
		refusal.Data["total"] = int64(trade.Total)
		return refusal
	default:
		if err := t.closeForGood(ctx, g, payment); err != nil {
			return err
		}
	}
	if err := refuseWhileGoingBack(t.App, payment); err != nil {
		return err
	}
	_, err := t.apply(t.App, payment.Id, order.EventResolveClosed, evidence{source: "resolve", trade: trade, decision: d})
	return err
}

// closeForGood closes a number that could still be paid, because the stock is sold again after this.
func (t *Till) closeForGood(ctx context.Context, g wxpay.Gateway, payment *core.Record) error {
	event, _, err := t.callClose(ctx, g, payment)
	switch event {
	case order.EventCloseDone, order.EventUnknownPastGrace:
		return nil
	case order.EventCloseRefusedPaid:
		return answer.With(answer.DisputeHeld, "tradeState", string(wxpay.StateSuccess))
	default:
		return answer.FromPay(err)
	}
}

// giveMoneyBack sends the money that WeChat holds back to the payer. The payment stays disputed until it has arrived.
func (t *Till) giveMoneyBack(ctx context.Context, payment *core.Record, trade *wxpay.Trade, d *decision) error {
	if payment.GetString("state") != string(order.PaymentDisputed) {
		return answer.With(answer.DisputeSettled, "state", payment.GetString("state"))
	}
	refund, err := t.writeGiveBack(payment.Id, trade, d)
	if err != nil {
		return err
	}
	if refund.GetString("state") != string(order.RefundNew) {
		return nil // it is on its way: the answer shows it
	}
	return t.driveRefund(ctx, refund.Id, order.EventRefundRequested, refundEvidence{source: "resolve"}).err
}

// writeGiveBack commits what goes back before it is sent, or finds the refund of an earlier call.
func (t *Till) writeGiveBack(paymentID string, trade *wxpay.Trade, d *decision) (refund *core.Record, err error) {
	err = t.App.RunInTransaction(func(tx core.App) error {
		payment, err := tx.FindRecordById("payments", paymentID)
		if err != nil {
			return fmt.Errorf("read payment: %w", err)
		}
		rows, err := tx.FindAllRecords("refunds", dbx.HashExp{"payment": payment.Id})
		if err != nil {
			return fmt.Errorf("read refunds: %w", err)
		}
		tries := 1
		for _, r := range rows {
			switch order.RefundState(r.GetString("state")) {
			case order.RefundClosed, order.RefundRejected:
				tries++
			case order.RefundNew, order.RefundSubmitted, order.RefundProcessing, order.RefundSuccess, order.RefundAbnormal:
				refund = r
				return nil
			}
		}
		if err := canGiveBack(payment, trade); err != nil {
			return err
		}
		refund, err = t.saveGiveBack(tx, payment, trade, d, tries)
		return err
	})
	return refund, err
}

// canGiveBack refuses what is not money that WeChat holds for us under our number. Who paid how much for which mini program does not
// matter: the payer gets back what they paid.
func canGiveBack(payment *core.Record, trade *wxpay.Trade) error {
	refusal := answer.Fail(answer.DisputeNothing, nil)
	switch {
	case trade == nil:
		refusal.Data["tradeState"] = "NOT_EXIST"
	case trade.State != wxpay.StateSuccess:
		refusal.Data["tradeState"] = string(trade.State)
	case trade.MchID != payment.GetString("merchant"), trade.OutTradeNo != payment.GetString("outTradeNo"),
		trade.TransactionID == "", trade.Total < 1, trade.Currency != order.CNY:
		refusal.Data["tradeState"] = string(trade.State)
		refusal.Data["reason"] = "merchant, number, transaction, amount or currency is not one that can be refunded"
	default:
		return nil
	}
	return refusal
}

func (t *Till) saveGiveBack(tx core.App, payment *core.Record, trade *wxpay.Trade, d *decision, try int) (*core.Record, error) {
	kept, err := disputeOf(payment)
	if err != nil {
		return nil, err
	}
	kept.Decision = d
	kept.Facts = append(kept.Facts, factKey(*trade))
	payment.Set("dispute", kept)
	payment.Set("heldTransaction", trade.TransactionID)
	payment.Set("heldTotal", int64(trade.Total))
	if err := books.Save(tx, payment); err != nil {
		return nil, fmt.Errorf("save payment: %w", err)
	}
	state := order.PaymentState(payment.GetString("state"))
	err = saveLedger(tx, payment, "give_back", order.Step{From: state, To: state}, evidence{source: "resolve", trade: trade, decision: d})
	if err != nil {
		return nil, err
	}
	return saveRefund(tx, payment, map[string]any{
		"outRefundNo": order.GiveBackNo(payment.Id, try), "amount": int64(trade.Total), "reason": "支付异常，原路退回",
		"requestedBy": d.By, "nextQueryAt": t.Now(),
	})
}

// endGiveBack ends the dispute in the transaction in which the money is seen to have arrived.
func (t *Till) endGiveBack(tx core.App, payment *core.Record) error {
	d, err := disputeOf(payment)
	if err != nil {
		return err
	}
	if payment.GetString("state") != string(order.PaymentDisputed) || d.Decision == nil || d.Decision.What != decideGiveBack {
		return nil
	}
	rows, err := tx.FindAllRecords("refunds", dbx.HashExp{"payment": payment.Id})
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	_, total := heldMoney(payment)
	if back, err := order.Refunded(total, refundAmounts(rows)); err != nil || back < total {
		return err
	}
	d.Decision.settles = true
	_, err = t.apply(tx, payment.Id, order.EventResolveClosed, evidence{source: "resolve", decision: d.Decision})
	return err
}

// answerResolved answers with the order, its payment and the refund that gives the money back, if there is one.
func answerResolved(e *core.RequestEvent, orderID, paymentID string) error {
	o, err := e.App.FindRecordById("orders", orderID)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	payment, err := e.App.FindRecordById("payments", paymentID)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	reply := map[string]any{"order": o, "payment": payment}
	records := []*core.Record{o, payment}
	rows, err := e.App.FindRecordsByFilter("refunds", "payment = {:p}", "-created,-@rowid", 1, 0, dbx.Params{"p": paymentID})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if len(rows) > 0 {
		reply["refund"] = rows[0]
		records = append(records, rows[0])
	}
	for _, r := range records {
		if err := apis.EnrichRecord(e, r); err != nil {
			return answer.Fail(answer.Busy, err)
		}
	}
	return e.JSON(http.StatusOK, reply)
}
