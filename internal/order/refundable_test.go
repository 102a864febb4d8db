package order_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"wxbase/internal/order"
)

func TestRefundable(t *testing.T) {
	t.Parallel()
	type amounts = []order.RefundAmount
	scenarios := []struct {
		name           string
		total          int64
		refunds        amounts
		left, refunded int64
		err            error
	}{
		{"none", 100, nil, 100, 0, nil},
		{"every state that reserves", 100, amounts{
			{order.RefundNew, 1},
			{order.RefundSubmitted, 2},
			{order.RefundProcessing, 3},
			{order.RefundSuccess, 4},
			{order.RefundAbnormal, 5},
		}, 85, 4, nil},
		{"closed and rejected give back", 100, amounts{{order.RefundClosed, 100}, {order.RefundRejected, 100}}, 100, 0, nil},
		{"all of it", 100, amounts{{order.RefundSuccess, 60}, {order.RefundSuccess, 40}}, 0, 100, nil},
		{"one fen too much", 100, amounts{{order.RefundSuccess, 60}, {order.RefundNew, 41}}, 0, 0, order.ErrRefundTotals},
		{"negative", 100, amounts{{order.RefundSuccess, -1}}, 0, 0, order.ErrRefundTotals},
		{"zero", 100, amounts{{order.RefundNew, 0}}, 0, 0, order.ErrRefundTotals},
		{"unknown state counts", 100, amounts{{"", 30}}, 70, 0, nil},
		{"no wrap around", math.MaxInt64, amounts{
			{order.RefundSuccess, math.MaxInt64},
			{order.RefundSuccess, math.MaxInt64},
		}, 0, 0, order.ErrRefundTotals},
		{"no total", 0, nil, 0, 0, order.ErrRefundTotals},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			left, err := order.Refundable(s.total, s.refunds)
			if left != s.left || !errors.Is(err, s.err) {
				t.Errorf("got %d left, %v, want %d, %v", left, err, s.left, s.err)
			}
			refunded, err := order.Refunded(s.total, s.refunds)
			if refunded != s.refunded || !errors.Is(err, s.err) {
				t.Errorf("got %d refunded, %v, want %d, %v", refunded, err, s.refunded, s.err)
			}
		})
	}
}

func TestAllowRefund(t *testing.T) {
	t.Parallel()
	paidAt := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	fifty := slices.Repeat([]order.RefundAmount{{State: order.RefundSuccess, Amount: 1}}, 50)
	scenarios := []struct {
		name   string
		change func(*order.RefundAsk)
		err    error
	}{
		{"all of it", func(*order.RefundAsk) {}, nil},
		{"one fen too much", func(a *order.RefundAsk) { a.Amount++ }, order.ErrRefundAmount},
		{"nothing", func(a *order.RefundAsk) { a.Amount = 0 }, order.ErrRefundAmount},
		{"negative", func(a *order.RefundAsk) { a.Amount = -1 }, order.ErrRefundAmount},
		{"last moment of the year", func(a *order.RefundAsk) { a.Now = paidAt.Add(order.RefundWindow - 1) }, nil},
		{"a year later", func(a *order.RefundAsk) { a.Now = paidAt.Add(order.RefundWindow) }, order.ErrRefundTooLate},
		{"never paid", func(a *order.RefundAsk) { a.PaidAt = time.Time{} }, order.ErrRefundTooLate},
		{"the fiftieth", func(a *order.RefundAsk) { a.Refunds, a.Amount = fifty[1:], 1 }, nil},
		{"the fifty-first", func(a *order.RefundAsk) { a.Refunds, a.Amount = fifty, 1 }, order.ErrRefundTooMany},
		{"rejected ones do not count", func(a *order.RefundAsk) {
			a.Refunds = slices.Repeat([]order.RefundAmount{{State: order.RefundRejected, Amount: 1}}, 50)
		}, nil},
		{"59 seconds after the last", func(a *order.RefundAsk) { a.LastAt = a.Now.Add(-59 * time.Second) }, order.ErrRefundTooSoon},
		{"a minute after the last", func(a *order.RefundAsk) { a.LastAt = a.Now.Add(-time.Minute) }, order.ErrRefundTooSoon},
		{"a minute and the margin after the last", func(a *order.RefundAsk) { a.LastAt = a.Now.Add(-order.RefundSpacing) }, nil},
		{"totals that cannot be", func(a *order.RefundAsk) {
			a.Refunds = []order.RefundAmount{{State: order.RefundSuccess, Amount: 101}}
		}, order.ErrRefundTotals},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ask := order.RefundAsk{Total: 100, Amount: 100, PaidAt: paidAt, Now: paidAt.Add(time.Hour)}
			s.change(&ask)
			if err := order.AllowRefund(ask); !errors.Is(err, s.err) {
				t.Errorf("got %v, want %v", err, s.err)
			}
		})
	}
}
