package till_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// Each kind of evidence, from a notification and from a query: its effect on the attempt and on its order.
func TestEvidence(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		says    func(*wxpay.Trade) // changes a matching payment
		payment order.PaymentState
		order   order.PayState
		verdict string
		frozen  bool
	}{
		{"it fits", func(*wxpay.Trade) {}, order.PaymentPaid, order.PayPaid, "APPLIED", false},
		{"a coupon paid a part", func(t *wxpay.Trade) { t.PayerTotal-- }, order.PaymentPaid, order.PayPaid, "APPLIED", false},
		{"it has gone back since", func(t *wxpay.Trade) { t.State = wxpay.StateRefund }, order.PaymentPaid, order.PayPaid, "APPLIED", false},
		{"a fen less", func(t *wxpay.Trade) { t.Total-- }, order.PaymentDisputed, order.PayUnpaid, "DISPUTED", true},
		{"a fen more", func(t *wxpay.Trade) { t.Total++ }, order.PaymentDisputed, order.PayUnpaid, "DISPUTED", true},
		{"no amount", func(t *wxpay.Trade) { t.Total = 0 }, order.PaymentDisputed, order.PayUnpaid, "DISPUTED", true},
		{"another currency", func(t *wxpay.Trade) { t.Currency = "USD" }, order.PaymentDisputed, order.PayUnpaid, "DISPUTED", true},
		{"no currency", func(t *wxpay.Trade) { t.Currency = "" }, order.PaymentDisputed, order.PayUnpaid, "DISPUTED", true},
		{"another mini program", func(t *wxpay.Trade) { t.AppID = "wx5555555555555555" }, order.PaymentDisputed, order.PayUnpaid, "DISPUTED", true},
		{"another merchant", func(t *wxpay.Trade) { t.MchID = "1900000002" }, order.PaymentDisputed, order.PayUnpaid, "DISPUTED", true},
		{"no number of WeChat's", func(t *wxpay.Trade) { t.TransactionID = "" }, order.PaymentDisputed, order.PayUnpaid, "DISPUTED", true},
		{"not paid", func(t *wxpay.Trade) { t.State, t.TransactionID = wxpay.StateNotPay, "" }, order.PaymentPrepaid, order.PayUnpaid, "REPEATED", false},
		{"closed", func(t *wxpay.Trade) { t.State, t.TransactionID = wxpay.StateClosed, "" }, order.PaymentClosed, order.PayUnpaid, "APPLIED", false},
		{"a word that nobody knows", func(t *wxpay.Trade) { t.State = "SOLD" }, order.PaymentPrepaid, order.PayUnpaid, "REPEATED", false},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			for _, by := range []string{"notification", "query"} {
				o, payment := s.prepaid(1800)
				s.Pay.pays(payment.OutTradeNo())
				said := s.Pay.change(payment.OutTradeNo(), scenario.says)
				if by == "query" {
					s.Want("sync", s.ask(s.Cashier.Sync, s.buyer, o.Id, nil), http.StatusOK, "")
				} else {
					said.OutTradeNo = payment.OutTradeNo()
					s.Want("notify", s.notify(s.Notices.Pay, mchID, notice{Signed: "WeChat", Trade: said}), http.StatusNoContent, "")
					if got := s.Only("wx_inbox").GetString("state"); got != scenario.verdict {
						t.Errorf("%s: got the verdict %s, want %s", by, got, scenario.verdict)
					}
				}
				o, payment = s.orderRow(o.Id), s.paymentOf(o.Id)
				if payment.State() != scenario.payment || o.PayState() != scenario.order || o.IsFrozen() != scenario.frozen {
					t.Errorf("%s: got %s of an order %s, frozen %v, want %s, %s, %v", by,
						payment.State(), o.PayState(), o.IsFrozen(), scenario.payment, scenario.order, scenario.frozen)
				}
				if (payment.TransactionID() != "") != (scenario.payment == order.PaymentPaid) {
					t.Errorf("%s: got the number %q, want WeChat's for a payment that fits and none otherwise", by, payment.TransactionID())
				}
			}
		})
	}
}

func TestPaymentIsBookedOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	told := 0
	s.OnPaid.BindFunc(func(e *events.PaidEvent) error { told++; return e.Next() })
	o, payment := s.prepaid(1800)
	said := notice{Signed: "WeChat", Trade: s.Pay.pays(payment.OutTradeNo())}
	for range 3 {
		s.Want("notify", s.notify(s.Notices.Pay, mchID, said), http.StatusNoContent, "")
	}
	s.Want("sync", s.ask(s.Cashier.Sync, s.buyer, o.Id, nil), http.StatusOK, "")
	for range 2 {
		s.WorkOutbox()
	}
	ledger, err := s.FindAllRecords("wx_ledger")
	if err != nil {
		t.Fatal(err)
	}
	paid := 0
	for _, r := range ledger {
		if r.GetString("to") == "PAID" {
			paid++
		}
	}
	if paid != 1 || told != 1 || s.Count("wx_inbox") != 1 {
		t.Errorf("got %d rows of PAID, %d calls of the hook, %d rows in the inbox, want one each", paid, told, s.Count("wx_inbox"))
	}
}

func TestSecondPaymentOfAnOrderGoesBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, first := s.prepaid(1800)
	s.extend(o.Id) // other terms need another number
	s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusOK, "")
	second := s.paymentOf(o.Id)
	for _, p := range []string{second.OutTradeNo(), first.OutTradeNo()} { // the closed number was paid anyway
		said := notice{Signed: "WeChat", Trade: s.Pay.pays(p)}
		s.Want("notify", s.notify(s.Notices.Pay, mchID, said), http.StatusNoContent, "")
	}
	s.WorkOutbox()
	refund := s.refundRow(s.Only("refunds").Id)
	late := s.Row("payments", first.Id).GetString("state")
	if late != "PAID_LATE" || refund.PaymentID() != first.Id || refund.Amount() != 1800 || refund.State() != order.RefundProcessing {
		t.Errorf("got %s and a refund of %d fen of %s, want PAID_LATE and its 1800 fen on their way", late, refund.Amount(), refund.PaymentID())
	}
	s.WorkOutbox()
	if s.Count("refunds") != 1 || s.Pay.count("refund") != 1 {
		t.Errorf("got %d refunds and %d calls, want one", s.Count("refunds"), s.Pay.count("refund"))
	}
	if got := s.orderRow(o.Id).PayState(); got != order.PayPaid {
		t.Errorf("got %s, want PAID: the other payment is the order's", got)
	}
}

func TestNotificationThatIsNotBelieved(t *testing.T) {
	s := newShop(t)
	o, payment := s.prepaid(1800)
	said := s.Pay.pays(payment.OutTradeNo())
	scenarios := []struct {
		name, merchant string
		body           any
		status         int
		code           string
		kept           int // rows in the inbox
	}{
		{"no signature", mchID, notice{Trade: said}, http.StatusUnauthorized, "pay_notify_signature", 1},
		{"somebody else's signature", mchID, notice{Signed: "Mallory", Trade: said}, http.StatusUnauthorized, "pay_notify_signature", 1},
		{"an old time stamp", mchID, notice{Signed: "last week", Trade: said}, http.StatusUnauthorized, "pay_notify_stale", 1},
		{"sealed for another merchant", mchID, notice{Signed: "another merchant", Trade: said}, http.StatusNotFound, "pay_notify_merchant", 1},
		{"no such merchant", "1900000009", notice{Signed: "WeChat", Trade: said}, http.StatusNotFound, "pay_notify_merchant", 0},
		{"not even JSON", mchID, "x", http.StatusBadRequest, "pay_notify_malformed", 1},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			s.Want("notify", s.notify(s.Notices.Pay, scenario.merchant, scenario.body), scenario.status, scenario.code)
			if got := s.paymentOf(o.Id).State(); got != order.PaymentPrepaid {
				t.Errorf("got %s, want the attempt untouched", got)
			}
		})
	}
}

func TestNotificationForAnUnknownNumber(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, payment := s.prepaid(1800)
	said := s.Pay.pays(payment.OutTradeNo())
	said.OutTradeNo = "WX0000000000000000000000000000"
	for try := 1; try <= 4; try++ {
		s.Want("notify", s.notify(s.Notices.Pay, mchID, notice{Signed: "WeChat", Trade: said}), http.StatusServiceUnavailable, "pay_notify_unmatched")
	}
	if got := s.openAlerts("unmatched"); len(got) != 0 {
		t.Errorf("got %v, want nobody called yet: our row may be committing just now", got)
	}
	s.Want("fifth", s.notify(s.Notices.Pay, mchID, notice{Signed: "WeChat", Trade: said}), http.StatusNoContent, "")
	if got := s.openAlerts("unmatched"); len(got) != 1 || got[0] != mchID+"/"+said.OutTradeNo {
		t.Errorf("got %v, want an alert about the number", got)
	}
}

func TestDisputedPaymentIsAPersonsMatter(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, decision string
		mend           func(*wxpay.Trade) // what WeChat answers when it is queried again
		status         int
		code           string
		payment        order.PaymentState
		order          order.PayState
	}{
		{"accepted once WeChat says what we expect", "accept", func(t *wxpay.Trade) { t.Total-- }, http.StatusOK, "", order.PaymentPaid, order.PayPaid},
		{"another amount is never accepted", "accept", func(*wxpay.Trade) {}, http.StatusConflict, "dispute_mismatch", order.PaymentDisputed, order.PayUnpaid},
		{"money is not closed away", "close", func(*wxpay.Trade) {}, http.StatusConflict, "dispute_money_held", order.PaymentDisputed, order.PayUnpaid},
		{"closed when WeChat holds nothing", "close", func(t *wxpay.Trade) { t.State = wxpay.StateClosed }, http.StatusOK, "", order.PaymentClosed, order.PayUnpaid},
		{"ours is not disowned", "notOurs", func(*wxpay.Trade) {}, http.StatusConflict, "dispute_is_ours", order.PaymentDisputed, order.PayUnpaid},
		{"another program's", "notOurs", func(t *wxpay.Trade) { t.AppID = "wx5555555555555555" }, http.StatusOK, "", order.PaymentClosed, order.PayUnpaid},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			o, payment := s.prepaid(1800)
			s.Pay.pays(payment.OutTradeNo())
			said := s.Pay.change(payment.OutTradeNo(), func(t *wxpay.Trade) { t.Total++ })
			s.Want("notify", s.notify(s.Notices.Pay, mchID, notice{Signed: "WeChat", Trade: said}), http.StatusNoContent, "")
			s.Pay.change(payment.OutTradeNo(), scenario.mend)
			got := s.ask(s.Disputes.Resolve, s.Superuser(), o.Id, map[string]any{"payment": payment.Id, "decision": scenario.decision, "reason": "looked at it"})
			s.Want("resolve", got, scenario.status, scenario.code)
			o, payment = s.orderRow(o.Id), s.paymentOf(o.Id)
			if payment.State() != scenario.payment || o.PayState() != scenario.order || o.IsFrozen() != (scenario.payment == order.PaymentDisputed) {
				t.Errorf("got %s of an order %s, frozen %v, want %s, %s", payment.State(), o.PayState(), o.IsFrozen(), scenario.payment, scenario.order)
			}
		})
	}
}

func TestMoneyOfADisputeGoesBackOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, payment := s.prepaid(1800)
	s.Pay.pays(payment.OutTradeNo())
	s.Pay.change(payment.OutTradeNo(), func(t *wxpay.Trade) { t.Total = 1900 })
	s.Want("sync", s.ask(s.Cashier.Sync, s.buyer, o.Id, nil), http.StatusOK, "")
	owner, body := s.Superuser(), map[string]any{"payment": payment.Id, "decision": "giveBack", "reason": "wrong amount"}
	for range 2 {
		s.Want("resolve", s.ask(s.Disputes.Resolve, owner, o.Id, body), http.StatusOK, "")
	}
	refund := s.refundRow(s.Only("refunds").Id)
	if refund.Amount() != 1900 || s.Pay.count("refund") != 1 {
		t.Errorf("got %d fen by %d calls, want the 1900 that WeChat holds, once", refund.Amount(), s.Pay.count("refund"))
	}
	s.refundArrives(refund.OutRefundNo())
	if o, p := s.orderRow(o.Id), s.paymentOf(o.Id); p.State() != order.PaymentClosed || o.IsFrozen() || o.Refunded() != 0 {
		t.Errorf("got %s, frozen %v, %d refunded, want the dispute closed and no refund of the order", p.State(), o.IsFrozen(), o.Refunded())
	}
}

func TestSyncAsksForRefundsMadeByHand(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, payment := s.paid(1800)
	s.Pay.change(payment.OutTradeNo(), func(t *wxpay.Trade) { t.State = wxpay.StateRefund })
	s.Want("sync", s.ask(s.Cashier.Sync, s.buyer, o.Id, nil), http.StatusOK, "")
	if got := s.openAlerts("refund"); len(got) != 1 { // the merchant has no APIv2 key, so the refunds cannot be listed
		t.Errorf("got %v, want one alert", got)
	}
	before := s.Pay.count("query")
	s.Want("sync again", s.ask(s.Cashier.Sync, s.buyer, o.Id, nil), http.StatusOK, "")
	if s.Pay.count("query") != before {
		t.Error("got another query, want the buyer asked for once a minute")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Clock.Advance(time.Minute)
	if err := s.Refunds.AskByHand(ctx, payment.Record); err != nil {
		t.Errorf("got %v, want no mistake", err)
	}
}

func TestSecondTransactionUnderOneNumber(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, payment := s.paid(1800)
	said := s.Pay.change(payment.OutTradeNo(), func(t *wxpay.Trade) { t.TransactionID = "4200009999" })
	s.Want("notify", s.notify(s.Notices.Pay, mchID, notice{Signed: "WeChat", Trade: said}), http.StatusNoContent, "")
	if got := s.Only("wx_inbox").GetString("state"); got != "DISPUTED" || !s.orderRow(o.Id).IsFrozen() {
		t.Errorf("got the verdict %s, want DISPUTED and the order frozen: it was paid twice", got)
	}
	if got := s.paymentOf(o.Id); got.TransactionID() != payment.TransactionID() || got.State() != order.PaymentPaid {
		t.Errorf("got %s %s, want the payment that was booked first", got.State(), got.TransactionID())
	}
}
