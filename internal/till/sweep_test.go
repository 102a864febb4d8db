package till_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/order"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

// The sweep queries an attempt at growing intervals, and not before its time.
func TestSweepAsksLaterAndLater(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(d *till.Deps) { d.OrderLife = 3 * time.Hour })
	o, _ := s.prepaid(1800)
	for k := range 5 {
		n := 1 + 2*k // note: the call itself was the first look; each round looks and gets an answer
		payment := s.paymentOf(o.Id)
		if want := order.NextQuery(n); payment.Queries() != n+1 || !near(payment.NextQueryAt(), s.Clock.Now().Add(want)) {
			t.Fatalf("round %d: got %d at +%s, want %d at +%s", k, payment.Queries(), payment.NextQueryAt().Sub(s.Clock.Now()), n+1, want)
		}
		for _, wait := range []struct {
			d     time.Duration
			asked int
		}{{order.NextQuery(n) - 2*time.Second, k}, {3 * time.Second, k + 1}} {
			s.Clock.Advance(wait.d)
			s.sweep()
			if s.Pay.count("query") != wait.asked {
				t.Fatalf("round %d: got %d questions, want %d", k, s.Pay.count("query"), wait.asked)
			}
		}
	}
}

func TestSweepBooksWhatNobodyReported(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, payment := s.prepaid(1800)
	s.Pay.pays(payment.OutTradeNo())
	s.Clock.Advance(5 * time.Minute)
	s.sweep()
	if got := s.orderRow(o.Id).PayState(); got != order.PayPaid {
		t.Errorf("got %s, want PAID", got)
	}
	if next := s.paymentOf(o.Id).NextQueryAt(); !next.IsZero() {
		t.Errorf("got %s, want no further question", next)
	}
}

func TestSweepClosesAtWeChatFirst(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, payment := s.prepaid(1800)
	s.Clock.Advance(31*time.Minute + time.Second) // its time, and the slack for running payments
	s.Pay.fail("close", failed(wxpay.KindNetwork))
	s.sweep()
	if p, o := s.paymentOf(o.Id), s.orderRow(o.Id); p.State() != order.PaymentClosing || o.PayState() != order.PayUnpaid {
		t.Errorf("got %s of an order %s, want CLOSING and UNPAID: WeChat may still take the money", p.State(), o.PayState())
	}
	s.Pay.fail("close", nil)
	s.Clock.Advance(time.Hour)
	s.sweep()
	if p, o := s.paymentOf(o.Id), s.orderRow(o.Id); p.State() != order.PaymentClosed || o.PayState() != order.PayCancelled {
		t.Errorf("got %s of an order %s, want CLOSED and CANCELLED", p.State(), o.PayState())
	}
	if s.Pay.count("close "+payment.OutTradeNo()) != 2 {
		t.Errorf("got %s, want two tries to close", strings.Join(s.Pay.since(0), " "))
	}
	said := notice{Signed: "WeChat", Trade: s.Pay.pays(payment.OutTradeNo())}
	s.Want("a payment after all", s.notify(s.Notices.Pay, mchID, said), http.StatusNoContent, "")
	if p, o := s.paymentOf(o.Id), s.orderRow(o.Id); p.State() != order.PaymentPaidLate || o.PayState() != order.PayCancelled {
		t.Errorf("got %s of an order %s, want PAID_LATE of one that stays cancelled", p.State(), o.PayState())
	}
}

// A prepay call that WeChat carries out after we gave the number up, and whose close fails, leaves a number that can be paid: no notification and no
// later request tells us, so the sweep asks until it is closed or the money is seen, and then no more.
func TestSweepFollowsACloseAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, closes, queries string // how the calls fail
		pays                  bool
		want                  order.PaymentState
	}{
		{"it is closed", "network", "", false, order.PaymentClosed},
		{"it was paid", "network", "", true, order.PaymentPaidLate},
		{"the close said so, but not what", "paid", "network", true, order.PaymentPaidLate},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			failures := map[string]error{"network": failed(wxpay.KindNetwork), "paid": failed(wxpay.KindPaid), "": nil}
			o := s.order(1800)
			s.Pay.fail("prepay", failures["network"])
			_ = s.ask(s.Cashier.Pay, s.buyer, o.Id, nil)
			number := s.paymentOf(o.Id).OutTradeNo()
			s.Pay.when["close"] = func(string) {
				s.Pay.change(number, func(t *wxpay.Trade) {
					*t = wxpay.Trade{AppID: roomtest.AppID, MchID: mchID, OutTradeNo: number, State: wxpay.StateNotPay, Total: 1800, Currency: order.CNY}
				})
				s.Pay.fail("query", failures[tc.queries])
			}
			s.Pay.fail("close", failures[tc.closes])
			s.Clock.Advance(31*time.Minute + time.Second)
			s.sweep()
			payment := s.paymentOf(o.Id)
			if payment.State() != order.PaymentClosed || payment.NextQueryAt().IsZero() {
				t.Fatalf("got %s, next look %s, want CLOSED, and a look because the close failed", payment.State(), payment.NextQueryAt())
			}
			delete(s.Pay.when, "close")
			s.Pay.fail("close", nil)
			s.Pay.fail("query", nil)
			if tc.pays {
				s.Pay.pays(number)
			}
			for range 3 {
				s.Clock.Advance(time.Hour)
				s.sweep()
			}
			payment, asked := s.paymentOf(o.Id), s.Pay.count("query")
			if payment.State() != tc.want || !payment.NextQueryAt().IsZero() {
				t.Errorf("got %s, next look %s, want %s and no look", payment.State(), payment.NextQueryAt(), tc.want)
			}
			s.Clock.Advance(24 * time.Hour)
			if s.sweep(); s.Pay.count("query") != asked {
				t.Errorf("got %d questions after the end, want none", s.Pay.count("query")-asked)
			}
		})
	}
}

func TestOutageIsNotAnsweredWithAStorm(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, _ := s.prepaid(1800)
	s.Pay.fail("query", failed(wxpay.KindNetwork))
	s.Clock.Advance(10 * time.Minute)
	s.sweep()
	payment := s.paymentOf(o.Id)
	if wait := payment.NextQueryAt().Sub(s.Clock.Now()); wait < time.Minute || s.Pay.count("query") != 1 {
		t.Errorf("got %d questions and the next one in %s, want one and a wait", s.Pay.count("query"), wait)
	}
	s.sweep()
	if s.Pay.count("query") != 1 {
		t.Errorf("got %d questions, want the sweep to keep to the wait", s.Pay.count("query"))
	}
}

func TestFrozenOrderIsNotSwept(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, payment := s.prepaid(1800)
	s.Pay.pays(payment.OutTradeNo())
	s.Pay.change(payment.OutTradeNo(), func(t *wxpay.Trade) { t.Total-- })
	s.Want("sync", s.ask(s.Cashier.Sync, s.buyer, o.Id, nil), http.StatusOK, "")
	s.Clock.Advance(24 * time.Hour)
	s.sweep()
	if got := s.orderRow(o.Id); got.PayState() != order.PayUnpaid || !got.IsFrozen() {
		t.Errorf("got %s, frozen %v, want it to wait for a person", got.PayState(), got.IsFrozen())
	}
}

func TestSweepFollowsRefunds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, _ := s.paid(1000)
	refund, _ := s.giveBack(o.Id, till.RefundWish{Amount: 300})
	s.Pay.refund(refund.OutRefundNo(), func(r *wxpay.Refund) { r.State, r.SuccessAt = wxpay.RefundSuccess, s.Clock.Now() })
	s.sweepRefunds()
	if s.Pay.count("queryRefund") != 0 {
		t.Errorf("got %d questions, want none within the first minute", s.Pay.count("queryRefund"))
	}
	s.Clock.Advance(61 * time.Second)
	s.sweepRefunds()
	if got := s.refundRow(refund.Id); got.State() != order.RefundSuccess || s.orderRow(o.Id).Refunded() != 300 || !got.NextQueryAt().IsZero() {
		t.Errorf("got %s with %d counted, want SUCCESS with 300", got.State(), s.orderRow(o.Id).Refunded())
	}
}
