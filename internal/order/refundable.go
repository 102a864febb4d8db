package order

import (
	"errors"
	"fmt"
	"time"
)

// WeChat's limits for the refunds of one payment.
const (
	// MaxRefunds is how many refunds one payment may have.
	MaxRefunds = 50
	// RefundWindow is how long after the payment a refund may be requested.
	RefundWindow = 365 * 24 * time.Hour
	// RefundSpacing is the minimum time between two refund calls of one payment: WeChat's minute, and a margin for the
	// network and for a clock that counts whole seconds.
	RefundSpacing = time.Minute + 5*time.Second
)

// Why a refund is not allowed; test with errors.Is.
var (
	ErrRefundAmount  = errors.New("refund amount is not between 1 fen and what is left")
	ErrRefundTooLate = errors.New("payment is older than a year")
	ErrRefundTooMany = errors.New("payment has had 50 refunds")
	ErrRefundTooSoon = errors.New("last refund of the payment is less than a minute old")
)

// RefundAmount is what the totals need of a refund.
type RefundAmount struct {
	State  RefundState
	Amount int64 // fen
}

// Refundable returns how many fen of a payment of total fen may still be refunded: the total less every refund that
// succeeded or may yet succeed. It fails with ErrRefundTotals if the sums are impossible.
func Refundable(total int64, refunds []RefundAmount) (left int64, err error) {
	if total < 1 {
		return 0, fmt.Errorf("sum refunds of %d fen: %w", total, ErrRefundTotals)
	}
	left = total
	for _, r := range refunds {
		if !r.State.Reserves() {
			continue
		}
		// note: compare before subtracting, so that the number cannot wrap around.
		if r.Amount < 1 || r.Amount > left {
			return 0, fmt.Errorf("sum refunds of %d fen: %w", total, ErrRefundTotals)
		}
		left -= r.Amount
	}
	return left, nil
}

// Refunded returns the fen that have certainly been refunded, for PayStateAfter. It fails like Refundable.
func Refunded(total int64, refunds []RefundAmount) (int64, error) {
	if _, err := Refundable(total, refunds); err != nil {
		return 0, err
	}
	var sum int64
	for _, r := range refunds {
		if r.State == RefundSuccess {
			sum += r.Amount
		}
	}
	return sum, nil
}

// RefundAsk is a requested refund, with everything that the decision depends on.
type RefundAsk struct {
	Total, Amount int64          // fen: what was paid, what is to be refunded
	Refunds       []RefundAmount // every refund of the payment so far
	PaidAt        time.Time      // success_time of the payment
	LastAt        time.Time      // when the last refund was sent; zero if none was
	Now           time.Time
}

// AllowRefund reports why the refund may not be sent: one of the ErrRefund errors, or nil. Only ErrRefundTooSoon passes
// with time.
func AllowRefund(ask RefundAsk) error {
	left, err := Refundable(ask.Total, ask.Refunds)
	switch {
	case err != nil:
		return err
	case ask.Amount < 1 || ask.Amount > left:
		return fmt.Errorf("refund %d of %d fen left: %w", ask.Amount, left, ErrRefundAmount)
	case ask.PaidAt.IsZero() || !ask.Now.Before(ask.PaidAt.Add(RefundWindow)):
		return ErrRefundTooLate
	case countSent(ask.Refunds) >= MaxRefunds:
		return ErrRefundTooMany
	case !ask.LastAt.IsZero() && ask.Now.Before(ask.LastAt.Add(RefundSpacing)):
		return ErrRefundTooSoon
	}
	return nil
}

// countSent counts the refunds that WeChat may count: all that it did not refuse.
func countSent(refunds []RefundAmount) int {
	sent := 0
	for _, r := range refunds {
		if r.State != RefundRejected {
			sent++
		}
	}
	return sent
}
