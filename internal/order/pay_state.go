package order

import (
	"errors"
	"fmt"
	"slices"
)

// PayState says how far an order is paid, as stored in orders.payState.
type PayState string

// The states of an order. CANCELLED is left only when a payment after the close is accepted (EventRevive).
const (
	PayUnpaid       PayState = "UNPAID"
	PayPaid         PayState = "PAID"
	PayPartRefunded PayState = "PART_REFUNDED"
	PayRefunded     PayState = "REFUNDED"
	PayCancelled    PayState = "CANCELLED"
)

// PayStates returns every PayState, in the order of an order's life.
func PayStates() []PayState {
	return []PayState{PayUnpaid, PayPaid, PayPartRefunded, PayRefunded, PayCancelled}
}

// ParsePayState returns the state with exactly this spelling, or an error.
func ParsePayState(word string) (PayState, error) {
	return parseWord("order pay state", word, PayStates())
}

// CanBecome reports whether an order may move from s to next. Staying is not a move. A state never returns to UNPAID,
// and a paid order is not cancelled but refunded.
func (s PayState) CanBecome(next PayState) bool {
	switch s {
	case PayUnpaid:
		// note: a payment can be discovered already refunded (a lost notification).
		return slices.Contains([]PayState{PayPaid, PayPartRefunded, PayRefunded, PayCancelled}, next)
	case PayPaid:
		return next == PayPartRefunded || next == PayRefunded
	case PayPartRefunded:
		return next == PayRefunded
	case PayCancelled:
		return next == PayPaid
	case PayRefunded:
	}
	return false
}

// IsPaid reports whether money came in for the order, refunded since or not.
func (s PayState) IsPaid() bool {
	return s == PayPaid || s == PayPartRefunded || s == PayRefunded
}

// ErrRefundTotals means that refunds sum to less than nothing or to more than was paid: a bug or a foreign booking,
// which must not be stored.
var ErrRefundTotals = errors.New("refund totals do not fit the payment")

// PayStateAfter returns the state of a paid order of total fen after successful refunds of refunded fen.
func PayStateAfter(total, refunded int64) (PayState, error) {
	switch {
	case total < 1 || refunded < 0 || refunded > total:
		return "", fmt.Errorf("derive pay state from %d of %d fen: %w", refunded, total, ErrRefundTotals)
	case refunded == 0:
		return PayPaid, nil
	case refunded < total:
		return PayPartRefunded, nil
	}
	return PayRefunded, nil
}
