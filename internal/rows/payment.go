package rows

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/order"
)

// Payment is an attempt to pay an order: one out_trade_no, a row of payments. The zero Payment is none.
type Payment struct{ *core.Record }

// PaymentOf wraps a record of payments.
func PaymentOf(r *core.Record) Payment { return Payment{r} }

// PaymentByID reads a row. It fails with sql.ErrNoRows, wrapped.
func PaymentByID(app core.App, id string) (Payment, error) {
	r, err := byID(app, "payments", id, "payment")
	return Payment{r}, err
}

// FindPayment reads the one row with these values. It fails with sql.ErrNoRows.
func FindPayment(app core.App, where dbx.HashExp) (Payment, error) {
	return find(app, "payments", where, PaymentOf)
}

// PaymentToGiveBack reads what ToGiveBack finds for an order. It fails with sql.ErrNoRows.
func PaymentToGiveBack(app core.App, orderID string) (none Payment, err error) {
	payments, err := app.FindAllRecords("payments", dbx.HashExp{"order": orderID})
	if err != nil {
		return none, fmt.Errorf("read payments: %w", err)
	}
	refunds, err := app.FindAllRecords("refunds", dbx.HashExp{"order": orderID})
	if err != nil {
		return none, fmt.Errorf("read refunds: %w", err)
	}
	found, _ := ToGiveBack(PaymentsOf(payments), RefundsOf(refunds))
	if found.Record == nil {
		return none, sql.ErrNoRows
	}
	return found, nil
}

// ToGiveBack is the attempt of an order whose money a person gives back, and how many fen of it may still go: the one that paid the order.
// Without one it is one that came too late and is not given back, because WeChat has ended its automatic refund; while that refund is under
// way, it holds all of the money. The zero Payment is none.
func ToGiveBack(payments []Payment, refunds []Refund) (found Payment, left int64) {
	for _, p := range payments {
		var its []Refund
		for _, r := range refunds {
			if r.PaymentID() == p.Id {
				its = append(its, r)
			}
		}
		rest, err := order.Refundable(p.Amount(), RefundAmounts(its))
		if err != nil {
			rest = 0 // the books are wrong: nothing more goes
		}
		switch {
		case p.State() == order.PaymentPaid:
			return p, rest
		case p.State() == order.PaymentPaidLate && (found.Record == nil || rest > left):
			found, left = p, rest
		}
	}
	return found, left
}

// PaymentsOf wraps records of payments.
func PaymentsOf(records []*core.Record) []Payment { return all(records, PaymentOf) }

// OrderID names the order.
func (p Payment) OrderID() string { return p.GetString("order") }

// MchID names the merchant.
func (p Payment) MchID() string { return p.GetString("merchant") }

// AppID names the mini program.
func (p Payment) AppID() string { return p.GetString("appid") }

// OutTradeNo is our number for WeChat.
func (p Payment) OutTradeNo() string { return p.GetString("outTradeNo") }

// TransactionID is WeChat's number; empty until a payment that is ours is verified.
func (p Payment) TransactionID() string { return p.GetString("transactionId") }

// SetTransactionID changes TransactionID.
func (p Payment) SetTransactionID(v string) { p.Set("transactionId", v) }

// State reads the field.
func (p Payment) State() order.PaymentState { return order.PaymentState(p.GetString("state")) }

// SetState changes State.
func (p Payment) SetState(v order.PaymentState) { p.Set("state", string(v)) }

// Amount was asked for, in fen.
func (p Payment) Amount() int64 { return int64(p.GetInt("amount")) }

// SetPayerTotal changes PayerTotal.
func (p Payment) SetPayerTotal(v int64) { p.Set("payerTotal", v) }

// OpenID is the payer in the mini program; empty for one who is not known yet.
func (p Payment) OpenID() string { return p.GetString("openid") }

// SetOpenID changes OpenID.
func (p Payment) SetOpenID(v string) { p.Set("openid", v) }

// TradeType is the way to pay, as WeChat names it; empty for virtual payment.
func (p Payment) TradeType() string { return p.GetString("tradeType") }

// ParamsHash reads the field.
func (p Payment) ParamsHash() string { return p.GetString("paramsHash") }

// PrepayID is what a phone pays by; empty for a code and a page.
func (p Payment) PrepayID() string { return p.GetString("prepayId") }

// PayURL is the text of a code, or the address of a page, that is paid by.
func (p Payment) PayURL() string { return p.GetString("payUrl") }

// Handle is what the attempt is paid by, as WeChat gave it: PrepayID or PayURL.
func (p Payment) Handle() string {
	if p.isForAnybody() {
		return p.PayURL()
	}
	return p.PrepayID()
}

// SetHandle changes Handle.
func (p Payment) SetHandle(v string) {
	if p.isForAnybody() {
		p.Set("payUrl", v)
	} else {
		p.Set("prepayId", v)
	}
}

// isForAnybody tells whether there is a code or a page, which anybody may pay.
func (p Payment) isForAnybody() bool { return p.TradeType() == "NATIVE" || p.TradeType() == "MWEB" }

// Created reads the field.
func (p Payment) Created() time.Time { return p.GetDateTime("created").Time() }

// ExpiresAt reads the field.
func (p Payment) ExpiresAt() time.Time { return p.GetDateTime("expiresAt").Time() }

// PrepayAt is when a prepay_id was last asked for.
func (p Payment) PrepayAt() time.Time { return p.GetDateTime("prepayAt").Time() }

// SetPrepayAt changes PrepayAt.
func (p Payment) SetPrepayAt(v time.Time) { setTime(p.Record, "prepayAt", v) }

// SuccessAt is WeChat's time of the payment.
func (p Payment) SuccessAt() time.Time { return p.GetDateTime("successAt").Time() }

// SetSuccessAt changes SuccessAt.
func (p Payment) SetSuccessAt(v time.Time) { setTime(p.Record, "successAt", v) }

// SetDisputedAt changes DisputedAt.
func (p Payment) SetDisputedAt(v time.Time) { setTime(p.Record, "disputedAt", v) }

// NextQueryAt is when the sweep looks again; zero when it does not.
func (p Payment) NextQueryAt() time.Time { return p.GetDateTime("nextQueryAt").Time() }

// SetNextQueryAt changes NextQueryAt.
func (p Payment) SetNextQueryAt(v time.Time) { setTime(p.Record, "nextQueryAt", v) }

// Queries is how often it has looked.
func (p Payment) Queries() int { return p.GetInt("queries") }

// SetQueries changes Queries.
func (p Payment) SetQueries(v int) { p.Set("queries", v) }

// HeldTransaction is the payment that a person gives back, when it is not the one that was booked.
func (p Payment) HeldTransaction() string { return p.GetString("heldTransaction") }

// SetHeldTransaction changes HeldTransaction.
func (p Payment) SetHeldTransaction(v string) { p.Set("heldTransaction", v) }

// HeldTotal is the amount of HeldTransaction, in fen.
func (p Payment) HeldTotal() int64 { return int64(p.GetInt("heldTotal")) }

// SetHeldTotal changes HeldTotal.
func (p Payment) SetHeldTotal(v int64) { p.Set("heldTotal", v) }

// IsDisputed tells whether the payment waits for a person.
func (p Payment) IsDisputed() bool { return has(p.Record, "disputedAt") }

// HeldMoney is the payment as WeChat knows it: what we booked, or what a person has decided to give back. The total is in fen.
func (p Payment) HeldMoney() (transactionID string, total int64) {
	if id := p.HeldTransaction(); id != "" {
		return id, p.HeldTotal()
	}
	return p.TransactionID(), p.Amount()
}
