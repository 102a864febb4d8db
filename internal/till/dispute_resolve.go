package till

// How a person ends a dispute. WeChat is queried before the decision, and its answer decides what is possible:
//
//	accept    the money pays this order. Only if WeChat now confirms every field: number, mini program, merchant, amount,
//	          currency. Another amount or mini program is never accepted, but can be given back. A cancelled order
//	          reserves its stock again, or is refused. A closed attempt that was paid can be accepted too, until its
//	          refund begins.
//	GiveBack  the payer gets what WeChat holds under the number, once, under a number that is derived from the payment.
//	          The dispute ends when WeChat says that the money has arrived.
//	close     WeChat holds no money under the number, or it was given back already. An open number is closed at WeChat
//	          first. For a settled payment, it closes the alerts.
//	notOurs   the money is another program's, which used our number (dispute_disown.go).

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// Disputes lets a person decide about a contradicting payment.
type Disputes struct {
	*kit
	payments *Payments
	refunds  *Refunds

	// Hold stores that the money of a disputed payment waits for a second person; false when none is needed. The caller
	// holds the order's lock.
	Hold func(e *core.RequestEvent, payment *core.Record, fen int64, reason string) (held bool, err error)
}

// The decisions about a disputed payment.
const (
	decideAccept   = "accept"
	decideGiveBack = "giveBack"
	decideClose    = "close"
	decideNotOurs  = "notOurs"
)

// resolveForm is the body of POST /api/wx/admin/orders/{id}/resolve.
type resolveForm struct {
	Payment  string `json:"payment"` // id of the payment
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
}

// decision is a person's decision with its reason; the payment and the ledger keep it.
type decision struct {
	What   string `json:"decision"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	// Transaction is WeChat's number of another program's payment.
	Transaction string `json:"transaction,omitempty"`

	// Left is the amount given back in fen, when others had given a part back.
	Left int64 `json:"left,omitempty"`

	left    int64 // fen that WeChat still holds
	agreed  int64 // fen that two people have agreed to; 0: no second person was needed
	settles bool  // the facts behind the dispute are finally decided

	hold func(fen int64) (bool, error) // asks whether money must wait for a second person; may be nil
}

func (f resolveForm) check() error {
	switch {
	case f.Payment == "":
		return answer.Field(answer.FieldInvalid, "payment", "the id of the payment")
	case !slices.Contains([]string{decideAccept, decideGiveBack, decideClose, decideNotOurs}, f.Decision):
		return answer.Field(answer.FieldInvalid, "decision", "accept, giveBack, close or notOurs")
	case f.Reason == "" || utf8.RuneCountInString(f.Reason) > 200:
		return answer.Field(answer.FieldInvalid, "reason", "1 to 200 characters")
	}
	return nil
}

// Resolve handles POST /api/wx/admin/orders/{id}/resolve for superusers.
func (s *Disputes) Resolve(e *core.RequestEvent) error {
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
	defer s.locks.Lock("order/" + record.Id)()
	payment, err := disputedPayment(e.App, record.Id, form)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	verdict := &decision{What: form.Decision, By: e.Auth.Email(), Reason: form.Reason, hold: s.holdBy(e, payment, form.Reason)}
	if err := s.decide(ctx, payment, verdict); errors.Is(err, errSecondPerson) {
		return answerWaiting(e, record.Id, payment.Id)
	} else if err != nil {
		return answer.Or(err, answer.Busy)
	}
	return answerResolved(e, record.Id, payment.Id)
}

// disputedPayment finds the payment of a decision. A closed attempt may be accepted without a dispute.
func disputedPayment(app core.App, orderID string, form resolveForm) (rows.Payment, error) {
	payment, err := rows.FindPayment(app, dbx.HashExp{"id": form.Payment, "order": orderID})
	if errors.Is(err, sql.ErrNoRows) {
		return payment, answer.Fail(answer.DisputeMissing, nil)
	}
	if err != nil {
		return payment, fmt.Errorf("find payment: %w", err)
	}
	closed := payment.State() == order.PaymentClosed
	if !payment.IsDisputed() && (!closed || form.Decision != decideAccept) {
		return payment, answer.With(answer.DisputeMissing, "state", string(payment.State()))
	}
	return payment, nil
}

// decide queries WeChat and carries the decision out.
func (s *Disputes) decide(ctx context.Context, payment rows.Payment, d *decision) error {
	gateway, err := s.gateways.Gateway(payment.MchID(), payment.AppID())
	if err != nil {
		return answer.FromPay(err)
	}
	trade, err := askTrade(ctx, gateway, payment)
	if err != nil {
		return answer.FromPay(err)
	}
	switch d.What {
	case decideAccept:
		return s.accept(payment, trade, d)
	case decideGiveBack:
		return s.giveMoneyBack(ctx, payment, trade, d)
	case decideNotOurs:
		return s.disown(payment, trade, d)
	default:
		return s.end(ctx, gateway, payment, trade, d)
	}
}

// askTrade is what WeChat has under the number now; nil means nothing.
func askTrade(ctx context.Context, g wxpay.Gateway, payment rows.Payment) (*wxpay.Trade, error) {
	trade, err := g.Query(ctx, payment.OutTradeNo())
	if err == nil {
		return &trade, nil
	}
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindNotFound {
		return nil, nil //nolint:nilnil // an unknown number is not an error
	}
	return nil, err
}

func (s *Disputes) accept(payment rows.Payment, trade *wxpay.Trade, d *decision) error {
	if trade == nil {
		return answer.With(answer.DisputeMismatch, "tradeState", "NOT_EXIST")
	}
	d.settles = true
	_, _, err := s.payments.apply(s.app, payment.Id, "", payEvidence{source: "resolve", fact: trade, decision: d})
	return err
}

// acceptEvent is the event of accepting, or the refusal with its reason.
//
// NB! found is Compare's result for a query that was sent for this decision: nothing else makes a payment PAID.
func acceptEvent(payment rows.Payment, found order.PaymentEvent, why payEvidence) (order.PaymentEvent, error) {
	switch {
	case found == order.EventPaidTwice:
		return "", answer.Fail(answer.OrderPaid, nil)
	case found != order.EventPaidFact:
		refusal := answer.With(answer.DisputeMismatch, "tradeState", string(why.fact.State))
		refusal.Data["reason"] = describe(why.mismatches)
		return "", refusal
	case payment.State() == order.PaymentClosed:
		return order.EventRevive, nil
	default:
		return order.EventResolvePaid, nil
	}
}

// decidedEvent is the event of a decision inside the transaction.
func decidedEvent(tx core.App, payment rows.Payment, found order.PaymentEvent, why payEvidence) (order.PaymentEvent, error) {
	state := payment.State()
	switch {
	case why.decision.What == decideAccept:
		// NB! money that is being given back cannot pay an order any more
		if err := refuseWhileGoingBack(tx, payment); err != nil {
			return "", err
		}
		return acceptEvent(payment, found, why)
	case why.decision.What == decideNotOurs:
		return disownEvent(tx, payment)
	case state == order.PaymentPaid, state == order.PaymentPaidLate:
		return order.EventResolvePaid, nil
	default:
		return order.EventResolveClosed, nil
	}
}

// refuseWhileGoingBack refuses a decision about a disputed payment that another decision, or the merchant platform, is
// giving back.
func refuseWhileGoingBack(tx core.App, payment rows.Payment) error {
	state := payment.State()
	if state == order.PaymentPaid || state == order.PaymentPaidLate {
		return nil
	}
	return refuseBackIn(tx, payment, "CLOSED", "REJECTED")
}

// refuseWhileUnderWay refuses to close while a refund is under way; a finished one does not matter.
func refuseWhileUnderWay(tx core.App, payment rows.Payment) error {
	if payment.State() != order.PaymentDisputed {
		return refuseWhileGoingBack(tx, payment)
	}
	return refuseBackIn(tx, payment, "CLOSED", "REJECTED", "SUCCESS")
}

// refuseBackIn refuses when there is a refund in any other state than these.
func refuseBackIn(tx core.App, payment rows.Payment, over ...any) error {
	back, err := tx.FindAllRecords("refunds", dbx.HashExp{"payment": payment.Id}, dbx.Not(dbx.In("state", over...)))
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	if len(back) > 0 {
		return answer.With(answer.DisputeGoingBack, "refund", back[0].Id)
	}
	return nil
}

func (s *Disputes) end(ctx context.Context, g wxpay.Gateway, payment rows.Payment, trade *wxpay.Trade, d *decision) error {
	state := payment.State()
	isOver := state == order.PaymentPaid || state == order.PaymentPaidLate
	switch {
	case isOver:
		d.settles = true
	case trade == nil || trade.State == wxpay.StateClosed || trade.State == wxpay.StateRevoked:
		// note: a payment that appears after this opens a dispute again
	case trade.State == wxpay.StateRefund:
		if err := s.refuseWhileHeld(ctx, payment, trade); err != nil {
			return err
		}
		d.settles = true
	case trade.State == wxpay.StateSuccess:
		refusal := answer.With(answer.DisputeHeld, "tradeState", string(trade.State))
		refusal.Data["total"] = int64(trade.Total)
		return refusal
	default:
		if err := s.closeForGood(ctx, g, payment); err != nil {
			return err
		}
	}
	if err := refuseWhileUnderWay(s.app, payment); err != nil {
		return err
	}
	_, _, err := s.payments.apply(s.app, payment.Id, order.EventResolveClosed, payEvidence{source: "resolve", fact: trade, decision: d})
	return err
}

// closeForGood closes a number that could still be paid, because the stock is then sold again.
func (s *Disputes) closeForGood(ctx context.Context, g wxpay.Gateway, payment rows.Payment) error {
	event, _, err := s.payments.callClose(ctx, g, attempt{payment: payment})
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
func (s *Disputes) giveMoneyBack(ctx context.Context, payment rows.Payment, trade *wxpay.Trade, d *decision) error {
	if payment.State() != order.PaymentDisputed {
		return answer.With(answer.DisputeSettled, "state", string(payment.State()))
	}
	if err := s.mayGiveBack(ctx, payment, trade, d); err != nil {
		return err
	}
	refund, err := s.writeGiveBack(payment.Id, trade, d)
	if err != nil {
		return err
	}
	if refund.State() != order.RefundNew {
		return nil // it is under way: the answer shows it
	}
	return s.refunds.drive(ctx, refund.Id, order.EventRefundRequested, refundEvidence{source: "resolve"}).err
}

// writeGiveBack commits the refund before it is sent, or finds the refund of an earlier call.
func (s *Disputes) writeGiveBack(paymentID string, trade *wxpay.Trade, d *decision) (refund rows.Refund, err error) {
	err = s.app.RunInTransaction(func(tx core.App) error {
		payment, err := rows.PaymentByID(tx, paymentID)
		if err != nil {
			return err
		}
		refunds, err := rows.RefundsOfPayment(tx, payment.Id)
		if err != nil {
			return err
		}
		tries := 1
		for _, r := range slices.DeleteFunc(refunds, isOthers) {
			switch r.State() {
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
		refund, err = s.saveGiveBack(tx, payment, trade, d, tries)
		return err
	})
	return refund, err
}

// canGiveBack refuses what is not money that WeChat holds for us under our number. The payer, the amount and the mini
// program do not matter: the payer gets back what they paid.
func canGiveBack(payment rows.Payment, trade *wxpay.Trade) error {
	refusal := answer.Fail(answer.DisputeNothing, nil)
	switch {
	case trade == nil:
		refusal.Data["tradeState"] = "NOT_EXIST"
	case !trade.State.IsPaid():
		refusal.Data["tradeState"] = string(trade.State)
	case trade.MchID != payment.MchID(), trade.OutTradeNo != payment.OutTradeNo(),
		trade.TransactionID == "", trade.Total < 1, trade.Currency != order.CNY:
		refusal.Data["tradeState"] = string(trade.State)
		refusal.Data["reason"] = "merchant, number, transaction, amount or currency is not one that can be refunded"
	default:
		return nil
	}
	return refusal
}

func (s *Disputes) saveGiveBack(tx core.App, payment rows.Payment, trade *wxpay.Trade, d *decision, try int) (none rows.Refund, err error) {
	kept, err := disputeOf(payment)
	if err != nil {
		return none, err
	}
	kept.Decision = d
	kept.Facts = append(kept.Facts, factKey(*trade))
	payment.Set("dispute", kept)
	payment.SetHeldTransaction(trade.TransactionID)
	payment.SetHeldTotal(int64(trade.Total))
	if err := books.Write(tx, payment.Record); err != nil {
		return none, fmt.Errorf("save payment: %w", err)
	}
	state := payment.State()
	err = s.payments.saveLedger(tx, attempt{payment: payment}, "give_back", order.Step{From: state, To: state}, payEvidence{source: "resolve", fact: trade, decision: d})
	if err != nil {
		return none, err
	}
	return saveRefund(tx, payment, map[string]any{
		"outRefundNo": order.GiveBackNo(payment.Id, try), "amount": d.left, "reason": "支付异常，原路退回",
		"requestedBy": d.By, "nextQueryAt": s.now(),
	})
}

// endGiveBack ends the dispute in the transaction that books the money's arrival.
func (m *refundRows) endGiveBack(tx core.App, payment rows.Payment) error {
	d, err := disputeOf(payment)
	if err != nil {
		return err
	}
	if payment.State() != order.PaymentDisputed || d.Decision == nil || d.Decision.What != decideGiveBack {
		return nil
	}
	refunds, err := rows.RefundsOfPayment(tx, payment.Id)
	if err != nil {
		return err
	}
	_, total := payment.HeldMoney()
	if back, err := order.Refunded(total, rows.RefundAmounts(refunds)); err != nil || back < total {
		return err
	}
	d.Decision.settles = true
	_, _, err = m.payments.apply(tx, payment.Id, order.EventResolveClosed, payEvidence{source: "resolve", decision: d.Decision})
	return err
}

// answerResolved answers with the order, its payment and the refund that gives the money back, if any.
func answerResolved(e *core.RequestEvent, orderID, paymentID string) error {
	o, err := rows.OrderByID(e.App, orderID)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	payment, err := rows.PaymentByID(e.App, paymentID)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	reply := map[string]any{"order": o, "payment": payment}
	records := []*core.Record{o.Record, payment.Record}
	refunds, err := e.App.FindRecordsByFilter("refunds", "payment = {:p}", "-created,-@rowid", 1, 0, dbx.Params{"p": paymentID})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if len(refunds) > 0 {
		reply["refund"] = refunds[0]
		records = append(records, refunds[0])
	}
	for _, r := range records {
		if err := apis.EnrichRecord(e, r); err != nil {
			return answer.Fail(answer.Busy, err)
		}
	}
	return e.JSON(http.StatusOK, reply)
}
