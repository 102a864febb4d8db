package till_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/order"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

// newWays is a shop with every way to pay.
func newWays(t *testing.T) *shop {
	return newShop(t, func(d *till.Deps) { d.Ways, d.OrderLife = till.Ways{Native: true, H5: true}, 6*time.Hour })
}

// anybodys are the ways that anybody may pay by: the route, the field of its answer, and how long that lives.
func (s *shop) anybodys() map[string]struct {
	ask   func(*core.RequestEvent) error
	field string
	lives time.Duration
} {
	return map[string]struct {
		ask   func(*core.RequestEvent) error
		field string
		lives time.Duration
	}{
		wxpay.Native: {s.Cashier.Native, "codeUrl", order.PrepayLife - order.PrepayMargin},
		wxpay.H5:     {s.Cashier.H5, "h5Url", order.H5Life - order.H5Margin},
	}
}

func TestCodeIsGivenAgainWhileItLives(t *testing.T) {
	t.Parallel()
	s := newWays(t)
	for name, way := range s.anybodys() {
		o := s.order(1800)
		first := s.ask(way.ask, s.buyer, o.Id, nil)
		s.Want(name, first, http.StatusOK, "")
		payment := s.paymentOf(o.Id)
		if payment.State() != order.PaymentPrepaid || payment.TradeType() != name || payment.OpenID() != "" || first.Text(way.field) != payment.PayURL() {
			t.Fatalf("%s: got %v and %v, want an attempt that anybody may pay", name, first.JSON, payment)
		}
		s.Clock.Advance(way.lives - time.Second)
		written := s.Row("payments", payment.Id).GetString("updated") + s.Row("payments", payment.Id).GetString("nextQueryAt")
		rowsBefore := s.Count("wx_ledger")
		again := s.ask(way.ask, s.buyer, o.Id, nil)
		s.Want(name+" again", again, http.StatusOK, "")
		now := s.Row("payments", payment.Id)
		if again.Text(way.field) != first.Text(way.field) || again.Text("expiresAt") != first.Text("expiresAt") || s.Pay.count("prepay "+payment.OutTradeNo()) != 1 {
			t.Errorf("%s: got %v, want the same as before, without a call", name, again.JSON)
		}
		if got := now.GetString("updated") + now.GetString("nextQueryAt"); got != written || s.Count("wx_ledger") != rowsBefore {
			t.Errorf("%s: got a write, want none", name)
		}
		s.Clock.Advance(time.Second)
		fresh := s.ask(way.ask, s.buyer, o.Id, nil)
		s.Want(name+" when it is old", fresh, http.StatusOK, "")
		if fresh.Text(way.field) == first.Text(way.field) || s.Pay.count("prepay "+payment.OutTradeNo()) != 2 || len(s.payments(o.Id)) != 1 {
			t.Errorf("%s: got %v, want another one of the same number", name, fresh.JSON)
		}
	}
}

// TestCodeThatMayHaveEndedIsNotGiven: WeChat was asked again and did not answer, which may have ended the code of before.
func TestCodeThatMayHaveEndedIsNotGiven(t *testing.T) {
	t.Parallel()
	s := newWays(t)
	for name, way := range s.anybodys() {
		o := s.order(1800)
		first := s.ask(way.ask, s.buyer, o.Id, nil)
		s.Want(name, first, http.StatusOK, "")
		s.Clock.Advance(way.lives)
		s.Pay.fail("prepay", failed(wxpay.KindNetwork))
		if a := s.ask(way.ask, s.buyer, o.Id, nil); a.Status < 500 {
			t.Errorf("%s: got %d %v, want a failure", name, a.Status, a.JSON)
		}
		if got := s.paymentOf(o.Id); got.Handle() != "" || got.State() != order.PaymentPrepaid {
			t.Errorf("%s: got %s with %q, want nothing to hand out", name, got.State(), got.Handle())
		}
		s.Pay.fail("prepay", nil)
		again := s.ask(way.ask, s.buyer, o.Id, nil)
		s.Want(name+" again", again, http.StatusOK, "")
		if again.Text(way.field) == "" || again.Text(way.field) == first.Text(way.field) || len(s.payments(o.Id)) != 1 {
			t.Errorf("%s: got %v, want a new one of the same number", name, again.JSON)
		}
	}
}

// TestPageOfAPayerWhoMoves: a repeat sends the first address, as WeChat demands.
func TestPageOfAPayerWhoMoves(t *testing.T) {
	t.Parallel()
	s := newWays(t)
	o := s.order(1800)
	for i, ip := range []string{"203.0.113.7", "198.51.100.9"} {
		page, err := s.Cashier.Page(t.Context(), o.Id, ip)
		if err != nil || page.H5URL == "" {
			t.Fatalf("got %v, %v, want a page", page, err)
		}
		s.Clock.Advance(order.H5Life)
		sent := s.Pay.asked[s.paymentOf(o.Id).OutTradeNo()]
		if len(sent) != i+1 || sent[i].PayerIP != "203.0.113.7" || len(s.payments(o.Id)) != 1 {
			t.Errorf("got %v, want the first address each time", sent)
		}
	}
}

func TestOtherWayClosesTheOneBefore(t *testing.T) {
	t.Parallel()
	s := newWays(t)
	ways := map[string]func(*core.RequestEvent) error{wxpay.JSAPI: s.Cashier.Pay, wxpay.Native: s.Cashier.Native, wxpay.H5: s.Cashier.H5}
	for from, first := range ways {
		for to, second := range ways {
			if from == to {
				continue
			}
			o := s.order(1800)
			s.Want(from, s.ask(first, s.buyer, o.Id, nil), http.StatusOK, "")
			before := len(s.Pay.since(0))
			s.Want(from+" then "+to, s.ask(second, s.buyer, o.Id, nil), http.StatusOK, "")
			now := s.payments(o.Id)
			if len(now) != 2 || now[0].TradeType() != to || now[0].State() != order.PaymentPrepaid || now[1].TradeType() != from || now[1].State() != order.PaymentClosed {
				t.Errorf("%s then %s: got %v, want the first closed beside the second", from, to, now)
			}
			if words := strings.Join(s.Pay.since(before), " "); words != "query close prepay" {
				t.Errorf("%s then %s: got %s, want the first closed at WeChat before the second is sent", from, to, words)
			}
		}
	}
}

// TestOtherWayMeetsAPayment: what was paid by the way before counts, and a close that is not sure lets nothing else be paid.
func TestOtherWayMeetsAPayment(t *testing.T) {
	t.Parallel()
	s := newWays(t)
	o, payment := s.prepaid(1800)
	s.Pay.fail("close", failed(wxpay.KindNetwork))
	if a := s.ask(s.Cashier.Native, s.buyer, o.Id, nil); a.Status < 500 || len(s.payments(o.Id)) != 1 {
		t.Errorf("got %d and %d attempts, want no second one beside one that may be paid", a.Status, len(s.payments(o.Id)))
	}
	s.Pay.fail("close", nil)
	s.Pay.pays(payment.OutTradeNo())
	s.Want("paid meanwhile", s.ask(s.Cashier.Native, s.buyer, o.Id, nil), http.StatusConflict, "order_already_paid")
	if got := s.orderRow(o.Id).PayState(); got != order.PayPaid || len(s.payments(o.Id)) != 1 {
		t.Errorf("got %s, want the first payment to count", got)
	}
}

// TestBothWaysArePaid: the sheet of the first was open when it was closed, and WeChat took the money all the same. The second pays the order,
// and what came of the first goes back.
func TestBothWaysArePaid(t *testing.T) {
	t.Parallel()
	s := newWays(t)
	o, sheet := s.prepaid(1800)
	s.Want("native", s.ask(s.Cashier.Native, s.buyer, o.Id, nil), http.StatusOK, "")
	code := s.paymentOf(o.Id)
	for _, number := range []string{code.OutTradeNo(), sheet.OutTradeNo()} {
		trade := s.Pay.pays(number)
		s.Want("notify", s.notify(s.Notices.Pay, mchID, notice{Signed: "WeChat", Trade: trade}), http.StatusNoContent, "")
	}
	s.WorkOutbox()
	if code, sheet := s.paymentOf(o.Id), s.payments(o.Id)[1]; code.State() != order.PaymentPaid || sheet.State() != order.PaymentPaidLate {
		t.Errorf("got %s and %s, want the code paid and the sheet late", code.State(), sheet.State())
	}
	refund := s.Only("refunds")
	if refund.GetString("payment") != sheet.Id || refund.GetInt("amount") != 1800 {
		t.Errorf("got %v, want the money of the sheet on its way back", refund)
	}
}

func TestWhoeverComesMayPay(t *testing.T) {
	t.Parallel()
	scenarios := map[string]struct {
		says    func(*wxpay.Trade)
		payment order.PaymentState
		openID  string
	}{
		"a stranger pays":              {func(*wxpay.Trade) {}, order.PaymentPaid, stranger},
		"nobody says who":              {func(t *wxpay.Trade) { t.OpenID = "" }, order.PaymentPaid, ""},
		"in a mini program of others":  {func(t *wxpay.Trade) { t.AppID = "wx5555555555555555" }, order.PaymentDisputed, ""},
		"to another merchant":          {func(t *wxpay.Trade) { t.MchID = "1900000002" }, order.PaymentDisputed, ""},
		"a fen less":                   {func(t *wxpay.Trade) { t.Total-- }, order.PaymentDisputed, ""},
		"in another currency":          {func(t *wxpay.Trade) { t.Currency = "HKD" }, order.PaymentDisputed, ""},
		"by the phone's own cashier":   {func(t *wxpay.Trade) { t.TradeType = wxpay.JSAPI }, order.PaymentDisputed, ""},
		"in no way that WeChat tells":  {func(t *wxpay.Trade) { t.TradeType = "" }, order.PaymentDisputed, ""},
		"in a way that nobody asks of": {func(t *wxpay.Trade) { t.TradeType = "MICROPAY" }, order.PaymentDisputed, ""},
	}
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newWays(t)
			for way, by := range s.anybodys() {
				o := s.order(1800)
				s.Want(way, s.ask(by.ask, s.buyer, o.Id, nil), http.StatusOK, "")
				number := s.paymentOf(o.Id).OutTradeNo()
				s.Pay.pays(number)
				said := s.Pay.change(number, scenario.says)
				said.OutTradeNo = number
				s.Want("notify", s.notify(s.Notices.Pay, mchID, notice{Signed: "WeChat", Trade: said}), http.StatusNoContent, "")
				payment, o := s.paymentOf(o.Id), s.orderRow(o.Id)
				if payment.State() != scenario.payment || payment.OpenID() != scenario.openID || o.PayState().IsPaid() != (scenario.payment == order.PaymentPaid) {
					t.Errorf("%s: got %s by %q of an order %s, want %s by %q", way, payment.State(), payment.OpenID(), o.PayState(), scenario.payment, scenario.openID)
				}
			}
		})
	}
}

func TestWaysThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newWays(t)
	membership := s.Save("products", map[string]any{"name": "会员月卡", "price": 1800, "active": true, "kind": order.KindVirtual}).Id
	virtual, err := s.Orders.Place(s.TestApp, till.OrderForm{User: s.buyer.Id, Items: []till.OrderItem{{Product: membership, Quantity: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	open, super := s.order(1800), s.Superuser()
	for way, by := range s.anybodys() {
		s.Want(way+" of virtual goods", s.ask(by.ask, s.buyer, virtual.Id, nil), http.StatusConflict, "order_virtual")
		s.Want(way+" by somebody else", s.ask(by.ask, s.Person("stranger "+way), open.Id, nil), http.StatusNotFound, "order_not_found")
		s.Want(way+" with an amount", s.ask(by.ask, super, open.Id, map[string]any{"total": 1}), http.StatusBadRequest, "field_unknown")
		s.Cashier.Ways = till.Ways{}
		s.Want(way+" that the shop has not", s.ask(by.ask, s.buyer, open.Id, nil), http.StatusConflict, "pay_way_off")
		s.Cashier.Ways = till.Ways{Native: true, H5: true}
	}
	s.Accounts.Settings.UseSimulator(nil, nil)
	for _, ip := range []string{"127.0.0.1", "10.0.0.7", "::1", "fe80::1", "", "a"} {
		if _, err := s.Cashier.Page(t.Context(), open.Id, ip); roomtest.Refusal(err).Code != "payer_address_local" {
			t.Errorf("a page at %q: got %v, want payer_address_local", ip, err)
		}
	}
	if n := s.Count("payments"); n != 0 || s.Pay.count("prepay") != 0 {
		t.Errorf("got %d attempts and %d calls after refusals, want none", n, s.Pay.count("prepay"))
	}
}

// TestShopShowsTheCode: who runs the shop may show the code of somebody's order.
func TestShopShowsTheCode(t *testing.T) {
	t.Parallel()
	s := newWays(t)
	o := s.order(1800)
	shown := s.ask(s.Cashier.Native, s.Superuser(), o.Id, nil)
	s.Want("shown", shown, http.StatusOK, "")
	code, err := s.Cashier.Code(t.Context(), o.Id)
	if err != nil || code.CodeURL != shown.Text("codeUrl") || !strings.HasPrefix(code.Image, "data:image/png;base64,") {
		t.Errorf("got %v, %v, want the same code for a program", code, err)
	}
	if left := code.ExpiresAt.Sub(s.Clock.Now()); left <= 0 || left > order.PrepayLife {
		t.Errorf("got %s left, want at most two hours", left)
	}
}
