package till_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

// giveBack requests a refund as a program does, and returns its row.
func (s *shop) giveBack(orderID string, wish till.RefundWish) (rows.Refund, roomtest.Answer) {
	s.tb.Helper()
	defer s.Locks.Lock("order/" + orderID)()
	id, err := s.Refunds.Make(s.tb.Context(), orderID, wish)
	if err != nil {
		return rows.Refund{}, roomtest.Refusal(err)
	}
	return s.refundRow(id), roomtest.Answer{Status: http.StatusOK}
}

// refundArrives makes WeChat report that the money has reached the payer.
func (s *shop) refundArrives(number string) {
	s.tb.Helper()
	fact := s.Pay.refund(number, func(r *wxpay.Refund) { r.State, r.SuccessAt = wxpay.RefundSuccess, s.Clock.Now() })
	s.Want("notify", s.notify(s.Notices.Refund, mchID, notice{Signed: "WeChat", Refund: fact}), http.StatusNoContent, "")
}

func TestRefundForm(t *testing.T) {
	t.Parallel()
	one, none, yes, no := int64(1), int64(0), true, false
	scenarios := []struct {
		name string
		form till.RefundForm
		ok   bool
	}{
		{"an amount", till.RefundForm{Amount: &one}, true},
		{"all", till.RefundForm{All: &yes}, true},
		{"neither", till.RefundForm{}, false},
		{"both", till.RefundForm{Amount: &one, All: &yes}, false},
		{"not all", till.RefundForm{All: &no}, false},
		{"nothing", till.RefundForm{Amount: &none}, false},
	}
	for _, scenario := range scenarios {
		if _, err := scenario.form.Wish("owner"); (err == nil) != scenario.ok {
			t.Errorf("%s: got %v, want it taken: %v", scenario.name, err, scenario.ok)
		}
	}
}

func TestRefundsTakeNoMoreThanIsLeft(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	told := 0
	s.OnRefunded.BindFunc(func(e *events.RefundEvent) error { told++; return e.Next() })
	o, _ := s.paid(1000)
	steps := []struct {
		name     string
		amount   int64 // 0 is the whole rest
		status   int
		code     string
		sent     int64
		payState order.PayState // when it has arrived
		refunded int64
	}{
		{"more than there is", 1001, http.StatusBadRequest, "refund_amount_invalid", 0, order.PayPaid, 0},
		{"a part", 300, http.StatusOK, "", 300, order.PayPartRefunded, 300},
		{"a fen more than is left", 701, http.StatusBadRequest, "refund_amount_invalid", 0, order.PayPartRefunded, 300},
		{"a second part", 200, http.StatusOK, "", 200, order.PayPartRefunded, 500},
		{"all that is left", 0, http.StatusOK, "", 500, order.PayRefunded, 1000},
		{"nothing is left", 0, http.StatusBadRequest, "refund_amount_invalid", 0, order.PayRefunded, 1000},
		{"not even a fen", 1, http.StatusBadRequest, "refund_amount_invalid", 0, order.PayRefunded, 1000},
	}
	for _, step := range steps {
		s.Clock.Advance(2 * time.Minute)
		refund, got := s.giveBack(o.Id, till.RefundWish{Amount: step.amount, By: "owner"})
		s.Want(step.name, got, step.status, step.code)
		if refund.Record != nil {
			if refund.Amount() != step.sent || refund.State() != order.RefundProcessing {
				t.Errorf("%s: got %d fen %s, want %d fen that WeChat has taken on", step.name, refund.Amount(), refund.State(), step.sent)
			}
			if counted := s.orderRow(o.Id).Refunded(); counted+step.sent != step.refunded {
				t.Errorf("%s: got %d counted before it has arrived", step.name, counted)
			}
			s.refundArrives(refund.OutRefundNo())
			s.refundArrives(refund.OutRefundNo()) // notified twice, counted once
		}
		if o := s.orderRow(o.Id); o.PayState() != step.payState || o.Refunded() != step.refunded {
			t.Errorf("%s: got %s with %d fen, want %s with %d", step.name, o.PayState(), o.Refunded(), step.payState, step.refunded)
		}
	}
	s.WorkOutbox()
	if told != 3 || s.Pay.count("refund") != 3 {
		t.Errorf("got %d calls of the hook and %d of WeChat, want 3 of each", told, s.Pay.count("refund"))
	}
}

func TestRefundThatIsAskedForTwice(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, _ := s.paid(1000)
	first, got := s.giveBack(o.Id, till.RefundWish{Amount: 300, Key: "k", Reason: "cold"})
	s.Want("first", got, http.StatusOK, "")
	again, got := s.giveBack(o.Id, till.RefundWish{Amount: 300, Key: "k", Reason: "cold"})
	s.Want("again", got, http.StatusOK, "")
	if again.Id != first.Id || s.Pay.count("refund") != 1 {
		t.Errorf("got %s after %d calls, want %s after one", again.Id, s.Pay.count("refund"), first.Id)
	}
	_, got = s.giveBack(o.Id, till.RefundWish{Amount: 400, Key: "k", Reason: "cold"})
	s.Want("another wish under the key", got, http.StatusConflict, "refund_key_reused")
	_, got = s.giveBack(o.Id, till.RefundWish{Amount: 300})
	s.Want("a second click", got, http.StatusConflict, "refund_repeated")
	s.refundArrives(first.OutRefundNo())
	s.Clock.Advance(2 * time.Minute)
	_, got = s.giveBack(o.Id, till.RefundWish{Amount: 300})
	s.Want("meant so", got, http.StatusOK, "")
}

func TestRefundsKeepTheirDistance(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, _ := s.paid(1000)
	first, _ := s.giveBack(o.Id, till.RefundWish{Amount: 100})
	s.Clock.Advance(10 * time.Second)
	second, got := s.giveBack(o.Id, till.RefundWish{Amount: 200})
	s.Want("second", got, http.StatusOK, "")
	if want := first.LastSent().Add(order.RefundSpacing); second.State() != order.RefundNew || !near(second.NextQueryAt(), want) {
		t.Errorf("got %s at %s, want it to wait until %s", second.State(), second.NextQueryAt(), want)
	}
	s.sweepRefunds()
	if s.Pay.count("refund") != 1 {
		t.Errorf("got %d calls, want the second one later", s.Pay.count("refund"))
	}
	s.Clock.Advance(order.RefundSpacing)
	s.sweepRefunds()
	if got := s.refundRow(second.Id).State(); got != order.RefundProcessing || s.Pay.count("refund") != 2 {
		t.Errorf("got %s after %d calls, want it sent", got, s.Pay.count("refund"))
	}
}

func (s *shop) sweepRefunds() {
	s.tb.Helper()
	if err := s.Refunds.Sweep(s.tb.Context()); err != nil {
		s.tb.Fatal(err)
	}
}

// near compares times, one of which may be from the database.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second }

// One number makes one refund, whatever the result of its call.
func TestRefundWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		err    error
		state  order.RefundState
		alerts int
	}{
		{"no answer, and WeChat has never heard of it", failed(wxpay.KindNetwork), order.RefundSubmitted, 0},
		{"a key that somebody will mend", failed(wxpay.KindSign), order.RefundSubmitted, 0},
		{"not enough in the account", failed(wxpay.KindNotEnough), order.RefundSubmitted, 1},
		{"too many calls", &wxpay.Error{Op: "refund", Kind: wxpay.KindBusy, Code: "FREQUENCY_LIMITED"}, order.RefundNew, 0},
		{"refused for good", failed(wxpay.KindOverdue), order.RefundRejected, 1},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			o, _ := s.paid(1000)
			s.Pay.fail("refund", scenario.err)
			refund, got := s.giveBack(o.Id, till.RefundWish{Amount: 300})
			s.Want("make", got, http.StatusOK, "")
			if refund.State() != scenario.state || s.Pay.count("refund") != 1 || len(s.openAlerts("refund")) != scenario.alerts {
				t.Errorf("got %s after %d calls with alerts %v, want %s after one with %d", refund.State(), s.Pay.count("refund"), s.openAlerts("refund"),
					scenario.state, scenario.alerts)
			}
			s.Pay.fail("refund", nil)
			s.Clock.Advance(31 * time.Minute)
			s.sweepRefunds()
			after := s.refundRow(refund.Id)
			if scenario.state == order.RefundRejected {
				if s.Pay.count("refund") != 1 {
					t.Errorf("got %d calls, want what was refused for good left alone", s.Pay.count("refund"))
				}
				return
			}
			if after.State() != order.RefundProcessing || after.OutRefundNo() != refund.OutRefundNo() || s.Pay.count("refund") != 2 {
				t.Errorf("got %s after %d calls, want the same number sent again, once", after.State(), s.Pay.count("refund"))
			}
		})
	}
}

func TestRefundFactThatDoesNotFit(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name string
		says func(*wxpay.Refund)
	}{
		{"another amount", func(r *wxpay.Refund) { r.Refund++ }},
		{"another total", func(r *wxpay.Refund) { r.Total++ }},
		{"another payment", func(r *wxpay.Refund) { r.TransactionID = "4200000000" }},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			o, _ := s.paid(1000)
			refund, _ := s.giveBack(o.Id, till.RefundWish{Amount: 300})
			fact := s.Pay.refund(refund.OutRefundNo(), func(r *wxpay.Refund) {
				r.State, r.SuccessAt = wxpay.RefundSuccess, s.Clock.Now()
				scenario.says(r)
			})
			s.Want("notify", s.notify(s.Notices.Refund, mchID, notice{Signed: "WeChat", Refund: fact}), http.StatusNoContent, "")
			o = s.orderRow(o.Id)
			if o.Refunded() != 0 || !o.IsFrozen() || s.refundRow(refund.Id).State() != order.RefundProcessing {
				t.Errorf("got %d counted, frozen %v, want nothing counted and the order frozen", o.Refunded(), o.IsFrozen())
			}
		})
	}
}

func TestRefundMadeByHandIsImported(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, payment := s.paid(1000)
	scenarios := []struct {
		name     string
		fen      wxpay.Fen
		status   int
		refunded int64
	}{{"a part", 400, http.StatusNoContent, 400}, {"more than is left", 601, http.StatusInternalServerError, 400}}
	for _, scenario := range scenarios {
		fact := s.Pay.refund("hand"+scenario.fen.String(), func(r *wxpay.Refund) {
			*r = wxpay.Refund{
				MchID: mchID, OutRefundNo: "hand" + scenario.fen.String(), RefundID: "5000", OutTradeNo: payment.OutTradeNo(), TransactionID: payment.TransactionID(),
				State: wxpay.RefundSuccess, Refund: scenario.fen, Total: 1000, CreatedAt: s.Clock.Now(), SuccessAt: s.Clock.Now(),
			}
		})
		if got := s.notify(s.Notices.Refund, mchID, notice{Signed: "WeChat", Refund: fact}); got.Status != scenario.status {
			t.Errorf("%s: got %d, want %d", scenario.name, got.Status, scenario.status)
		}
		if got := s.orderRow(o.Id).Refunded(); got != scenario.refunded {
			t.Errorf("%s: got %d counted, want %d", scenario.name, got, scenario.refunded)
		}
	}
	if got := s.openAlerts("refund"); len(got) != 1 {
		t.Errorf("got %v, want an alert about the one that cannot be", got)
	}
}

func TestRefundOfWhatIsNotPaid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, _ := s.prepaid(1000)
	_, got := s.giveBack(o.Id, till.RefundWish{Amount: 1})
	s.Want("unpaid", got, http.StatusConflict, "order_not_paid")
	paid, _ := s.paid(1000)
	s.Clock.Advance(order.RefundWindow + time.Minute)
	_, got = s.giveBack(paid.Id, till.RefundWish{Amount: 1})
	s.Want("a year later", got, http.StatusConflict, "refund_too_late")
}

func TestRefundWaitsForASecondPerson(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, _ := s.paid(1000)
	owner := s.Superuser()
	for _, hold := range []struct {
		held   any
		err    error
		status int
	}{{map[string]any{"id": "x"}, nil, http.StatusAccepted}, {nil, answer.Fail(answer.Busy, errors.New("disk")), http.StatusServiceUnavailable}} {
		s.Refunds.Hold = func(*core.RequestEvent, string, till.RefundWish) (any, int, error) {
			return hold.held, hold.status, hold.err
		}
		if got := s.ask(s.Refunds.Create, owner, o.Id, map[string]any{"amount": 100}); got.Status != hold.status {
			t.Errorf("got %d, want %d", got.Status, hold.status)
		}
	}
	if s.Pay.count("refund") != 0 || s.Count("refunds") != 0 {
		t.Errorf("got %d calls, want nothing moved", s.Pay.count("refund"))
	}
}

// Refunds that came due while the server was down are not sent at once.
func TestLateRefundsKeepTheirDistance(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, _ := s.paid(1000)
	for _, fen := range []int64{100, 200, 300} {
		_, got := s.giveBack(o.Id, till.RefundWish{Amount: fen})
		s.Want("make", got, http.StatusOK, "")
		s.Clock.Advance(10 * time.Second)
	}
	s.Clock.Advance(time.Hour)
	for sent := 2; sent <= 3; sent++ {
		s.sweepRefunds()
		if got := s.Pay.count("refund"); got != sent {
			t.Errorf("got %d calls, want %d: one a minute", got, sent)
		}
		s.Clock.Advance(order.RefundSpacing)
	}
}
