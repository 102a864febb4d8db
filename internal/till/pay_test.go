package till_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

// routes are the order's routes for a phone.
func (s *shop) routes() map[string]func(*core.RequestEvent) error {
	return map[string]func(*core.RequestEvent) error{"pay": s.Cashier.Pay, "sync": s.Cashier.Sync, "cancel": s.Cashier.Cancel}
}

func (s *shop) sweep() {
	s.tb.Helper()
	if err := s.Sweep(s.tb.Context()); err != nil {
		s.tb.Fatal(err)
	}
}

func TestAttemptIsWrittenBeforeItIsSent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o := s.order(1800)
	s.Pay.when["prepay"] = func(number string) {
		row, err := s.FindFirstRecordByData("payments", "outTradeNo", number)
		if err != nil || row.GetString("state") != "PREPAYING" || row.GetInt("amount") != 1800 {
			t.Errorf("got %v, %v, want the attempt committed before WeChat hears of it", row, err)
		}
		if s.IsTransactional() {
			t.Error("a call inside a transaction")
		}
	}
	first := s.ask(s.Cashier.Pay, s.buyer, o.Id, nil)
	s.Want("pay", first, http.StatusOK, "")
	payment := s.paymentOf(o.Id)
	if payment.State() != order.PaymentPrepaid || payment.OpenID() != roomtest.OpenID("buyer") || payment.AppID() != roomtest.AppID {
		t.Errorf("got %v, want a prepaid attempt of the buyer's in our mini program", payment)
	}
	again := s.ask(s.Cashier.Pay, s.buyer, o.Id, nil)
	s.Want("pay again", again, http.StatusOK, "")
	if again.Text("package") != first.Text("package") || s.Pay.count("prepay") != 1 || len(s.payments(o.Id)) != 1 {
		t.Errorf("got %v after %d calls, want the same prepay_id and no second call", again.JSON, s.Pay.count("prepay"))
	}
}

func TestAttemptsOfOneOrderTakeTurns(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o := s.order(1800)
	var inside, most atomic.Int32
	s.Pay.when["prepay"] = func(string) {
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		roomtest.Linger()
		inside.Add(-1)
	}
	answers := make([]roomtest.Answer, 8)
	roomtest.AtOnce(len(answers), func(i int) { answers[i] = s.ask(s.Cashier.Pay, s.buyer, o.Id, nil) })
	for _, a := range answers {
		s.Want("pay", a, http.StatusOK, "")
	}
	if n := len(s.payments(o.Id)); n != 1 || most.Load() != 1 || s.Pay.count("prepay") != 1 {
		t.Errorf("got %d attempts, %d calls, %d of them at once, want one of each", n, s.Pay.count("prepay"), most.Load())
	}
}

func TestPayWaitsForTheOrdersTurn(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o := s.order(1800)
	for name, handler := range s.routes() {
		unlock := s.Locks.Lock("order/" + o.Id)
		done := make(chan roomtest.Answer)
		go func() { done <- s.ask(handler, s.buyer, o.Id, nil) }()
		roomtest.Linger()
		select {
		case a := <-done:
			t.Errorf("%s: got %d while the order was held, want it to wait", name, a.Status)
			unlock()
			continue
		default:
		}
		unlock()
		if a := <-done; a.Status == 0 {
			t.Errorf("%s: got no answer", name)
		}
	}
}

func TestAttemptWithoutAnAnswerKeepsItsNumber(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o := s.order(1800)
	s.Pay.fail("prepay", failed(wxpay.KindNetwork))
	if a := s.ask(s.Cashier.Pay, s.buyer, o.Id, nil); a.Status < 500 {
		t.Errorf("got %d %v, want a failure", a.Status, a.JSON)
	}
	first := s.paymentOf(o.Id)
	if first.State() != order.PaymentUnknown {
		t.Errorf("got %s, want UNKNOWN: WeChat may have it", first.State())
	}
	s.Pay.fail("prepay", nil)
	s.Want("pay again", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusOK, "")
	if second := s.paymentOf(o.Id); second.OutTradeNo() != first.OutTradeNo() {
		t.Errorf("got %s, want the number %s again", second.OutTradeNo(), first.OutTradeNo())
	}
}

func TestRefusedAttemptMakesWayForANewNumber(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o := s.order(1800)
	s.Pay.fail("prepay", failed(wxpay.KindParam))
	s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusBadGateway, "pay_refused")
	first := s.paymentOf(o.Id)
	if first.State() != order.PaymentRejected || len(s.openAlerts("payment")) != 1 {
		t.Errorf("got %s and alerts %v, want REJECTED and one alert", first.State(), s.openAlerts("payment"))
	}
	s.Pay.fail("prepay", nil)
	s.Want("pay again", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusOK, "")
	if second := s.paymentOf(o.Id); second.OutTradeNo() == first.OutTradeNo() || len(s.payments(o.Id)) != 2 {
		t.Errorf("got %s, want another number than the refused one", second.OutTradeNo())
	}
}

func TestStalePrepayIDIsRenewed(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(d *till.Deps) { d.OrderLife = 3 * time.Hour })
	o, payment := s.prepaid(1800)
	s.Clock.Advance(order.PrepayLife - order.PrepayMargin - time.Second)
	s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusOK, "")
	if s.Pay.count("prepay") != 1 {
		t.Errorf("got %d calls, want the prepay_id used as long as it lives", s.Pay.count("prepay"))
	}
	s.Clock.Advance(time.Second)
	s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusOK, "")
	if s.Pay.count("prepay "+payment.OutTradeNo()) != 2 || len(s.payments(o.Id)) != 1 {
		t.Errorf("got %d calls for the number, want the same one sent again", s.Pay.count("prepay "+payment.OutTradeNo()))
	}
}

func TestOtherTermsTakeAnotherNumber(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, payment := s.prepaid(1800)
	s.extend(o.Id)
	s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusOK, "")
	if now := s.payments(o.Id); len(now) != 2 || now[1].Id != payment.Id || now[1].State() != order.PaymentClosed {
		t.Errorf("got %d attempts, the first %s, want it closed beside a new one", len(now), now[len(now)-1].State())
	}
	if words := strings.Join(s.Pay.since(1), " "); words != "query close prepay" {
		t.Errorf("got %s, want the old number asked for and closed before the new one is sent", words)
	}
}

// extend gives an order an hour from now, which changes the terms of its payment.
func (s *shop) extend(orderID string) {
	s.tb.Helper()
	row := s.Row("orders", orderID)
	row.Set("expiresAt", s.Clock.Now().Add(time.Hour))
	if err := books.Save(s.TestApp, row); err != nil {
		s.tb.Fatal(err)
	}
}

func TestOrderThatIsNotToBePaid(t *testing.T) {
	s := newShop(t)
	paid, _ := s.paid(1800)
	frozen, payment := s.prepaid(1800)
	s.Pay.pays(payment.OutTradeNo())
	s.Pay.change(payment.OutTradeNo(), func(t *wxpay.Trade) { t.Total++ })
	s.Want("sync", s.ask(s.Cashier.Sync, s.buyer, frozen.Id, nil), http.StatusOK, "")
	scenarios := []struct{ name, order, code string }{{"paid", paid.Id, "order_already_paid"}, {"disputed", frozen.Id, "order_disputed"}}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			before := s.Pay.count("prepay")
			s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, scenario.order, nil), http.StatusConflict, scenario.code)
			s.Want("cancel", s.ask(s.Cashier.Cancel, s.buyer, scenario.order, nil), http.StatusConflict, scenario.code)
			if s.Pay.count("prepay") != before {
				t.Error("got another call, want none")
			}
		})
	}
}
