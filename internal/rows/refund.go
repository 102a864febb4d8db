package rows

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/order"
)

// Refund is a refund of a payment: one out_refund_no, a row of refunds. The zero Refund is none.
type Refund struct{ *core.Record }

// RefundOf wraps a record of refunds.
func RefundOf(r *core.Record) Refund { return Refund{r} }

// RefundByID reads a row. It fails with sql.ErrNoRows, wrapped.
func RefundByID(app core.App, id string) (Refund, error) {
	r, err := byID(app, "refunds", id, "refund")
	return Refund{r}, err
}

// FindRefund reads the one row with these values. It fails with sql.ErrNoRows.
func FindRefund(app core.App, where dbx.HashExp) (Refund, error) {
	return find(app, "refunds", where, RefundOf)
}

// RefundsOf wraps records of refunds.
func RefundsOf(records []*core.Record) []Refund { return all(records, RefundOf) }

// OrderID names the order.
func (r Refund) OrderID() string { return r.GetString("order") }

// PaymentID names the payment.
func (r Refund) PaymentID() string { return r.GetString("payment") }

// MchID names the merchant.
func (r Refund) MchID() string { return r.GetString("merchant") }

// OutRefundNo is our number for WeChat.
func (r Refund) OutRefundNo() string { return r.GetString("outRefundNo") }

// SetRefundID changes RefundID.
func (r Refund) SetRefundID(v string) { r.Set("refundId", v) }

// Key is the same for the same wish.
func (r Refund) Key() string { return r.GetString("key") }

// State reads the field.
func (r Refund) State() order.RefundState { return order.RefundState(r.GetString("state")) }

// SetState changes State.
func (r Refund) SetState(v order.RefundState) { r.Set("state", string(v)) }

// Amount goes back, in fen.
func (r Refund) Amount() int64 { return int64(r.GetInt("amount")) }

// All is all that was left was asked for.
func (r Refund) All() bool { return r.GetBool("all") }

// Reason reads the field.
func (r Refund) Reason() string { return r.GetString("reason") }

// Created reads the field.
func (r Refund) Created() time.Time { return r.GetDateTime("created").Time() }

// SentAt is WeChat's time of the refund, or ours of the call; the day under which it stands in the bill.
func (r Refund) SentAt() time.Time { return r.GetDateTime("sentAt").Time() }

// SetSentAt changes SentAt.
func (r Refund) SetSentAt(v time.Time) { setTime(r.Record, "sentAt", v) }

// CalledAt is when we last sent it.
func (r Refund) CalledAt() time.Time { return r.GetDateTime("calledAt").Time() }

// SetCalledAt changes CalledAt.
func (r Refund) SetCalledAt(v time.Time) { setTime(r.Record, "calledAt", v) }

// SuccessAt is when it reached the payer.
func (r Refund) SuccessAt() time.Time { return r.GetDateTime("successAt").Time() }

// SetSuccessAt changes SuccessAt.
func (r Refund) SetSuccessAt(v time.Time) { setTime(r.Record, "successAt", v) }

// NextQueryAt is when the sweep looks again; zero when it does not.
func (r Refund) NextQueryAt() time.Time { return r.GetDateTime("nextQueryAt").Time() }

// SetNextQueryAt changes NextQueryAt.
func (r Refund) SetNextQueryAt(v time.Time) { setTime(r.Record, "nextQueryAt", v) }

// Queries is how often it has looked.
func (r Refund) Queries() int { return r.GetInt("queries") }

// SetQueries changes Queries.
func (r Refund) SetQueries(v int) { r.Set("queries", v) }

// SetRefusedCode changes RefusedCode.
func (r Refund) SetRefusedCode(v string) { r.Set("refusedCode", v) }

// SetRefusedMessage changes RefusedMessage.
func (r Refund) SetRefusedMessage(v string) { r.Set("refusedMessage", v) }

// RefundsOfPayment reads the refunds of a payment.
func RefundsOfPayment(app core.App, paymentID string, where ...dbx.Expression) ([]Refund, error) {
	found, err := app.FindAllRecords("refunds", append([]dbx.Expression{dbx.HashExp{"payment": paymentID}}, where...)...)
	if err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	return RefundsOf(found), nil
}

// LastSent is when the refund was last sent: by our clock, or by WeChat's for one made there.
func (r Refund) LastSent() time.Time {
	sent, called := r.SentAt(), r.CalledAt()
	if called.After(sent) {
		return called
	}
	return sent
}

// RefundAmounts are what the arithmetic of package order wants of refunds.
func RefundAmounts(refunds []Refund) []order.RefundAmount {
	amounts := make([]order.RefundAmount, 0, len(refunds))
	for _, r := range refunds {
		amounts = append(amounts, order.RefundAmount{State: r.State(), Amount: r.Amount()})
	}
	return amounts
}
