package order_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/order"
)

func TestWords(t *testing.T) {
	t.Parallel()
	t.Run("order", func(t *testing.T) {
		t.Parallel()
		checkWords(t, order.ParsePayState, order.PayStates(), "UNPAID PAID PART_REFUNDED REFUNDED CANCELLED")
	})
	t.Run("payment", func(t *testing.T) {
		t.Parallel()
		checkWords(t, order.ParsePaymentState, order.PaymentStates(),
			"NEW PREPAYING PREPAID UNKNOWN PAID CLOSING CLOSED REJECTED PAID_LATE DISPUTED")
	})
	t.Run("refund", func(t *testing.T) {
		t.Parallel()
		checkWords(t, order.ParseRefundState, order.RefundStates(), "NEW SUBMITTED PROCESSING SUCCESS CLOSED ABNORMAL REJECTED")
	})
	t.Run("payout", func(t *testing.T) {
		t.Parallel()
		checkWords(t, order.ParsePayoutState, order.PayoutStates(),
			"HELD NEW SUBMITTED ACCEPTED WAITING TRANSFERRING CANCELLING SUCCESS FAILED CANCELLED REJECTED")
	})
	t.Run("payout event", func(t *testing.T) {
		t.Parallel()
		checkWords(t, order.ParsePayoutEvent, order.PayoutEvents(),
			"payout_requested payout_approved payout_package payout_cancel payout_unknown payout_not_found payout_never_made payout_forgotten "+
				"payout_rejected payout_not_enough payout_accepted payout_waits payout_confirmed payout_cancelling payout_succeeded "+
				"payout_failed payout_cancelled payout_found_sent payout_found_failed payout_other_fact")
	})
	t.Run("refund event", func(t *testing.T) {
		t.Parallel()
		checkWords(t, order.ParseRefundEvent, order.RefundEvents(),
			"refund_requested refund_accepted refund_unknown refund_not_found refund_rejected "+
				"refund_not_enough refund_too_soon refund_succeeded refund_closed refund_abnormal refund_other_fact")
	})
}

func checkWords[W ~string](t *testing.T, parse func(string) (W, error), set []W, want string) {
	t.Helper()
	words := make([]string, 0, len(set))
	for _, word := range set {
		words = append(words, string(word))
		if got, err := parse(string(word)); err != nil || got != word {
			t.Errorf("parse %s: got %q, %v, want itself", word, got, err)
		}
	}
	if got := strings.Join(words, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, bad := range []string{"", "Paid", "PAID ", "refund"} {
		if got, err := parse(bad); err == nil {
			t.Errorf("parse %q: got %q, want an error", bad, got)
		}
	}
}

func TestPayStateMoves(t *testing.T) {
	t.Parallel()
	allowed := map[order.PayState][]order.PayState{
		order.PayUnpaid:       {order.PayPaid, order.PayPartRefunded, order.PayRefunded, order.PayCancelled},
		order.PayPaid:         {order.PayPartRefunded, order.PayRefunded},
		order.PayPartRefunded: {order.PayRefunded},
		order.PayCancelled:    {order.PayPaid},
	}
	for _, from := range order.PayStates() {
		for _, to := range order.PayStates() {
			if got, want := from.CanBecome(to), slices.Contains(allowed[from], to); got != want {
				t.Errorf("%s to %s: got %t, want %t", from, to, got, want)
			}
		}
		unpaid := from == order.PayUnpaid || from == order.PayCancelled
		if from.IsPaid() == unpaid {
			t.Errorf("%s: got IsPaid %t, want %t", from, from.IsPaid(), !unpaid)
		}
	}
}

func TestPayStateAfter(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name            string
		total, refunded int64
		want            order.PayState
		err             error
	}{
		{"none", 100, 0, order.PayPaid, nil},
		{"one fen", 100, 1, order.PayPartRefunded, nil},
		{"all but one", 100, 99, order.PayPartRefunded, nil},
		{"all", 100, 100, order.PayRefunded, nil},
		{"too much", 100, 101, "", order.ErrRefundTotals},
		{"negative", 100, -1, "", order.ErrRefundTotals},
		{"no total", 0, 0, "", order.ErrRefundTotals},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := order.PayStateAfter(s.total, s.refunded)
			if got != s.want || !errors.Is(err, s.err) {
				t.Errorf("got %s, %v, want %s, %v", got, err, s.want, s.err)
			}
		})
	}
}

func TestNextQuery(t *testing.T) {
	t.Parallel()
	want := []time.Duration{
		5 * time.Second, 30 * time.Second, time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute,
		30 * time.Minute, 30 * time.Minute,
	}
	for attempt, delay := range want {
		if got := order.NextQuery(attempt); got != delay {
			t.Errorf("attempt %d: got %s, want %s", attempt, got, delay)
		}
	}
	if got := order.NextQuery(-1); got != want[0] {
		t.Errorf("attempt -1: got %s, want %s", got, want[0])
	}
	if got := order.NextQuery(1_000_000); got != 30*time.Minute {
		t.Errorf("attempt 1000000: got %s, want 30m", got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	if got, want := order.CloseAfter(at, at.Add(time.Hour)), at.Add(61*time.Minute); !got.Equal(want) {
		t.Errorf("close an hour later: got %s, want %s", got, want)
	}
	if got, want := order.CloseAfter(at, at.Add(time.Minute)), at.Add(5*time.Minute); !got.Equal(want) {
		t.Errorf("close a young attempt: got %s, want %s", got, want)
	}
	for age, want := range map[time.Duration]bool{
		-time.Second: false, 0: true, 115*time.Minute - 1: true, 115 * time.Minute: false, 3 * time.Hour: false,
	} {
		for _, way := range []string{"JSAPI", "NATIVE", ""} {
			if got := order.PrepayFresh(way, at, at.Add(age)); got != want {
				t.Errorf("%s of age %s: got fresh %t, want %t", way, age, got, want)
			}
		}
	}
	for age, want := range map[time.Duration]bool{-time.Second: false, 0: true, 4*time.Minute - 1: true, 4 * time.Minute: false, time.Hour: false} {
		if got := order.PrepayFresh("MWEB", at, at.Add(age)); got != want {
			t.Errorf("page of age %s: got fresh %t, want %t", age, got, want)
		}
	}
	if order.PrepayFresh("JSAPI", time.Time{}, time.Time{}.Add(time.Minute)) {
		t.Error("prepay_id without a time: got fresh, want stale")
	}
	if order.PastGrace(at, at.Add(5*time.Minute-1)) || !order.PastGrace(at, at.Add(5*time.Minute)) {
		t.Error("got another grace, want five minutes")
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 25)
	scenarios := []struct {
		name    string
		id      string
		attempt int
		want    string // empty: hashed
	}{
		{"record id", "k3xq0a1b2c3d4e5", 1, "k3xq0a1b2c3d4e5-1"},
		{"second attempt", "k3xq0a1b2c3d4e5", 2, "k3xq0a1b2c3d4e5-2"},
		{"shortest", "abcd", 1, "abcd-1"},
		{"longest", long[1:], 9_999_999, long[1:] + "-9999999"},
		{"too short", "abc", 1, ""},
		{"too long", long, 1, ""},
		{"too many attempts", long[1:], 10_000_000, ""},
		{"no attempt", "abcd", 0, ""},
		{"negative attempt", "abcd", -1, ""},
		{"other characters", "订单号一二三", 1, ""},
		{"empty", "", 1, ""},
	}
	seen := map[string]string{}
	for _, s := range scenarios {
		got := order.NewOutTradeNo(s.id, s.attempt)
		if s.want != "" && got != s.want {
			t.Errorf("%s: got %s, want %s", s.name, got, s.want)
		}
		if len(got) < 6 || len(got) > 32 || strings.Trim(got, numberChars) != "" {
			t.Errorf("%s: got %q, want 6 to 32 plain characters", s.name, got)
		}
		if got != order.NewOutTradeNo(s.id, s.attempt) {
			t.Errorf("%s: got two numbers, want one", s.name)
		}
		for _, refund := range []string{order.NewOutRefundNo(s.id), order.AutoRefundNo(s.id)} {
			if len(refund) > 64 || strings.Trim(refund, numberChars) != "" {
				t.Errorf("%s: got %q, want at most 64 plain characters", s.name, refund)
			}
		}
		if other := seen[got]; other != "" {
			t.Errorf("%s: got the number of %q", s.name, other)
		}
		seen[got] = s.name
	}
}

const numberChars = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
