package till_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/desk"
	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

func TestPayoutGoesThrough(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 0)
	var won, lost []string
	s.OnPayoutSucceeded.BindFunc(func(e *events.PayoutEvent) error { won = append(won, e.Payout.Id); return e.Next() })
	s.OnPayoutFailed.BindFunc(func(e *events.PayoutEvent) error { lost = append(lost, e.Payout.Id); return e.Next() })
	payout := s.waiting(2_000)
	if want := s.Clock.Now().Add(24 * time.Hour); !near(payout.ConfirmBy(), want) || payout.PackageInfo() == "" || payout.OpenID() == "" {
		t.Errorf("got confirm by %s, package %q, want %s and a package", payout.ConfirmBy(), payout.PackageInfo(), want)
	}
	got := s.ask(s.Payouts.Confirm, s.buyer, payout.Id, nil)
	s.Want("confirm", got, http.StatusOK, "")
	if got.JSON["package"] != payout.PackageInfo() || got.JSON["mchId"] != mchID || got.JSON["openId"] != payout.OpenID() {
		t.Errorf("got %v, want the argument of wx.requestMerchantTransfer", got.JSON)
	}
	for range 3 { // told three times, counted once
		s.Want("notify", s.transferEnds(payout.OutBillNo(), wxpay.TransferSuccess), http.StatusNoContent, "")
	}
	s.WorkOutbox()
	payout = s.payoutRow(payout.Id)
	if payout.State() != order.PayoutSuccess || payout.PackageInfo() != "" || !payout.NextQueryAt().IsZero() || len(won) != 1 || len(lost) != 0 {
		t.Errorf("got %s, told %v and %v, want SUCCESS told once", payout.State(), won, lost)
	}
	s.Want("nothing to confirm", s.ask(s.Payouts.Confirm, s.buyer, payout.Id, nil), http.StatusConflict, "payout_not_waiting")
	ledger, err := s.FindRecordsByFilter("wx_ledger", "payout = {:p}", "@rowid", 0, 0, map[string]any{"p": payout.Id})
	if err != nil || len(ledger) != 3 {
		t.Fatalf("got %d rows in the ledger, %v, want NEW to SUBMITTED to WAITING to SUCCESS", len(ledger), err)
	}
	for _, row := range ledger {
		if text := row.GetString("evidence"); strings.Contains(text, "package") || strings.Contains(text, "sealed") {
			t.Errorf("got %s, want neither the package nor the name in the books", text)
		}
	}
}

func TestPayoutIsQueriedBeforeItIsRepeated(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]wxpay.Kind{"cut": wxpay.KindNetwork, "busy": wxpay.KindBusy, "unverified": wxpay.KindUnverified} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := payoutShop(t, 10_000, 0)
			s.Pay.fail("transfer", failed(kind))
			payout, got := s.sends(2_000)
			s.Want("payout", got, http.StatusOK, "")
			if words := strings.Join(s.Pay.since(0), " "); payout.State() != order.PayoutSubmitted || words != "transfer queryTransfer" {
				t.Fatalf("got %s after %s, want SUBMITTED after a call and a question", payout.State(), words)
			}
			s.Pay.fail("transfer", nil)
			s.Clock.Advance(time.Hour)
			s.sweepPayouts()
			if words := strings.Join(s.Pay.since(2), " "); words != "queryTransfer transfer" || s.Pay.count("transfer "+payout.OutBillNo()) != 2 {
				t.Errorf("got %s, want a question, then the same number", words)
			}
			if state := s.payoutRow(payout.Id).State(); state != order.PayoutWaiting {
				t.Errorf("got %s, want WAITING", state)
			}
		})
	}
}

// TestPayoutWhoseAnswerWasLost is found again by the question, and never sent a second time; the receiver gets the package by the same number.
func TestPayoutWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 0)
	s.Pay.takenOn["transfer"] = true
	s.Pay.fail("transfer", failed(wxpay.KindNetwork))
	payout, got := s.sends(2_000)
	s.Want("payout", got, http.StatusOK, "")
	if payout.State() != order.PayoutWaiting || payout.PackageInfo() != "" || s.Pay.count("transfer") != 1 {
		t.Fatalf("got %s with package %q after %d calls, want it found", payout.State(), payout.PackageInfo(), s.Pay.count("transfer"))
	}
	s.Want("no package yet", s.ask(s.Payouts.Confirm, s.buyer, payout.Id, nil), http.StatusServiceUnavailable, "pay_busy")
	s.Pay.fail("transfer", nil)
	s.Want("confirm", s.ask(s.Payouts.Confirm, s.buyer, payout.Id, nil), http.StatusOK, "")
	if len(s.Pay.transfers) != 1 {
		t.Errorf("got %d transfers, want one", len(s.Pay.transfers))
	}
}

func TestPayoutThatWeChatRefuses(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		kind   wxpay.Kind
		state  order.PayoutState
		alerts int
		again  bool // sent again later
	}{
		{wxpay.KindParam, order.PayoutRejected, 1, false},
		{wxpay.KindDenied, order.PayoutRejected, 1, false},
		{wxpay.KindPayerAccount, order.PayoutRejected, 1, false},
		{wxpay.KindNotEnough, order.PayoutSubmitted, 1, true},
		{wxpay.KindSign, order.PayoutSubmitted, 0, true},
	}
	for _, scenario := range scenarios {
		t.Run(string(scenario.kind), func(t *testing.T) {
			t.Parallel()
			s := payoutShop(t, 10_000, 0)
			told := 0
			s.OnPayoutFailed.BindFunc(func(e *events.PayoutEvent) error { told++; return e.Next() })
			s.Pay.fail("transfer", failed(scenario.kind))
			payout, got := s.sends(2_000)
			s.Want("payout", got, http.StatusOK, "")
			s.WorkOutbox()
			if payout.State() != scenario.state || len(s.openAlerts("payout")) != scenario.alerts || told > 0 == scenario.again {
				t.Errorf("got %s, %d alerts, told %d, want %s", payout.State(), len(s.openAlerts("payout")), told, scenario.state)
			}
			s.Pay.fail("transfer", nil)
			s.Clock.Advance(time.Hour)
			s.sweepPayouts()
			if got := s.payoutRow(payout.Id).State() == order.PayoutWaiting; got != scenario.again {
				t.Errorf("got %s an hour later, want it sent again %t", s.payoutRow(payout.Id).State(), scenario.again)
			}
		})
	}
}

// TestPayoutIsGivenUp after a week in which WeChat took nothing.
func TestPayoutIsGivenUp(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 0)
	s.Pay.fail("transfer", failed(wxpay.KindNotEnough))
	payout, _ := s.sends(2_000)
	s.Clock.Advance(7*24*time.Hour + time.Hour)
	s.sweepPayouts()
	if got := s.payoutRow(payout.Id); got.State() != order.PayoutRejected || got.GetString("refusedCode") == "" {
		t.Errorf("got %s, want REJECTED with WeChat's word", got.State())
	}
}

// TestPayoutThatWeChatHasForgotten stays as it is: after 30 days a question that finds nothing proves nothing.
func TestPayoutThatWeChatHasForgotten(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 0)
	payout := s.waiting(2_000)
	s.Pay.mu.Lock()
	delete(s.Pay.transfers, payout.OutBillNo())
	s.Pay.mu.Unlock()
	s.Clock.Advance(30 * 24 * time.Hour)
	before := s.Pay.count("transfer")
	s.sweepPayouts()
	got := s.payoutRow(payout.Id)
	if got.State() != order.PayoutWaiting || !got.NextQueryAt().IsZero() || len(s.openAlerts("payout")) != 1 || s.Pay.count("transfer") != before {
		t.Errorf("got %s, next %s, %d alerts, want a person called and nothing sent", got.State(), got.NextQueryAt(), len(s.openAlerts("payout")))
	}
}

func TestPayoutBoundsOfADay(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 5_000, 0)
	first := s.waiting(3_000)
	_, got := s.sends(2_001)
	s.Want("more than is left", got, http.StatusConflict, "payout_ceiling_reached")
	_, got = s.sends(2_000)
	s.Want("all that is left", got, http.StatusOK, "")
	_, got = s.sends(10)
	s.Want("nothing is left", got, http.StatusConflict, "payout_ceiling_reached")
	s.Want("it comes back", s.transferEnds(first.OutBillNo(), wxpay.TransferFailed), http.StatusNoContent, "")
	_, got = s.sends(2_999)
	s.Want("what came back may leave", got, http.StatusOK, "")
	s.Clock.Advance(24 * time.Hour)
	_, got = s.sends(5_000)
	s.Want("another day", got, http.StatusOK, "")
}

// TestPayoutsAreOffUntilSomebodyTurnsThemOn: no choice is no ceiling of nothing.
func TestPayoutsAreOffUntilSomebodyTurnsThemOn(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, got := s.sends(10)
	s.Want("no ceiling", got, http.StatusConflict, "payouts_off")
	if len(s.Pay.since(0)) != 0 {
		t.Errorf("got %v, want no call", s.Pay.since(0))
	}
}

// TestPayoutOfOnePersonAlone: what is above the bound of a day waits, in parts too.
func TestPayoutOfOnePersonAlone(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 1_000)
	alice, bob := s.staff("alice@example.com"), s.staff("bob@example.com")
	create := func(as desk.Actor, fen int64, key string) roomtest.Answer {
		form := s.payoutForm(fen)
		form.Key = key
		return s.askAs(s.Payouts.Create, as, "", form)
	}
	s.Want("a small one", create(alice, 600, "a"), http.StatusOK, "")
	held := create(alice, 401, "b")
	s.Want("one fen too much", held, http.StatusAccepted, "")
	id, _ := held.JSON["id"].(string)
	if s.Pay.count("transfer") != 1 || s.payoutRow(id).State() != order.PayoutHeld {
		t.Fatalf("got %d calls and %s, want it held", s.Pay.count("transfer"), s.payoutRow(id).State())
	}
	s.sweepPayouts()
	s.Clock.Wait(time.Hour)
	s.sweepPayouts()
	s.Want("again", create(alice, 401, "b"), http.StatusAccepted, "")
	s.Want("who asked", s.askAs(s.Payouts.Approve, alice, id, nil), http.StatusForbidden, "payout_same_person")
	s.Want("asked for by its receiver", s.ask(s.Payouts.Confirm, s.buyer, id, nil), http.StatusNotFound, "payout_not_found")
	if s.Pay.count("transfer") != 1 {
		t.Fatalf("got %d calls, want nothing sent", s.Pay.count("transfer"))
	}
	s.Want("somebody else", s.askAs(s.Payouts.Approve, bob, id, nil), http.StatusOK, "")
	if got := s.payoutRow(id); got.State() != order.PayoutWaiting || got.ApprovedBy() != "bob@example.com" {
		t.Errorf("got %s by %q, want it sent on bob's word", got.State(), got.ApprovedBy())
	}
	s.Want("twice", s.askAs(s.Payouts.Approve, bob, id, nil), http.StatusConflict, "payout_state_refused")
	refused := create(alice, 500, "c")
	id, _ = refused.JSON["id"].(string)
	s.Want("refused", s.askAs(s.Payouts.Cancel, bob, id, nil), http.StatusOK, "")
	s.Want("and approved", s.askAs(s.Payouts.Approve, bob, id, nil), http.StatusConflict, "payout_state_refused")
	if got := s.payoutRow(id).State(); got != order.PayoutCancelled || s.Pay.count("transfer") != 2 {
		t.Errorf("got %s after %d calls, want CANCELLED and never sent", got, s.Pay.count("transfer"))
	}
}

// TestApprovalKeepsToTheCeiling of the day on which the money leaves.
func TestApprovalKeepsToTheCeiling(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 1_000, 0)
	alice, bob := s.staff("alice@example.com"), s.staff("bob@example.com")
	held := s.askAs(s.Payouts.Create, alice, "", s.payoutForm(800))
	s.Want("held", held, http.StatusAccepted, "")
	s.waiting(300)
	id, _ := held.JSON["id"].(string)
	s.Want("too much for today", s.askAs(s.Payouts.Approve, bob, id, nil), http.StatusConflict, "payout_ceiling_reached")
	if got := s.payoutRow(id).State(); got != order.PayoutHeld || s.Pay.count("transfer") != 1 {
		t.Errorf("got %s, want it to stay held", got)
	}
	s.Clock.Advance(24 * time.Hour)
	s.Want("tomorrow", s.askAs(s.Payouts.Approve, bob, id, nil), http.StatusOK, "")
}

func TestPayoutIsTakenBack(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 0)
	bob := s.staff("bob@example.com")
	payout := s.waiting(2_000)
	s.Want("cancel", s.askAs(s.Payouts.Cancel, bob, payout.Id, nil), http.StatusOK, "")
	if got := s.payoutRow(payout.Id).State(); got != order.PayoutCancelling {
		t.Fatalf("got %s, want CANCELLING", got)
	}
	s.Want("told", s.transferEnds(payout.OutBillNo(), wxpay.TransferCancelled), http.StatusNoContent, "")
	if got := s.payoutRow(payout.Id).State(); got != order.PayoutCancelled {
		t.Errorf("got %s, want CANCELLED", got)
	}
	faster := s.waiting(2_100)
	s.Pay.transfer(faster.OutBillNo(), func(t *wxpay.Transfer) { t.State = wxpay.TransferConfirmed })
	s.Want("too late", s.askAs(s.Payouts.Cancel, bob, faster.Id, nil), http.StatusOK, "")
	if got := s.payoutRow(faster.Id).State(); got != order.PayoutTransferring {
		t.Errorf("got %s, want TRANSFERRING: the receiver was faster", got)
	}
	s.Want("and again", s.askAs(s.Payouts.Cancel, bob, faster.Id, nil), http.StatusConflict, "payout_state_refused")
}

// TestPayoutTakenBackBeforeWeChatAnswered is cancelled once it is certain that there is nothing.
func TestPayoutTakenBackBeforeWeChatAnswered(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 0)
	s.Pay.fail("transfer", failed(wxpay.KindNetwork))
	payout, _ := s.sends(2_000)
	s.Want("cancel", s.askAs(s.Payouts.Cancel, s.staff("bob@example.com"), payout.Id, nil), http.StatusOK, "")
	if got := s.payoutRow(payout.Id).State(); got != order.PayoutCancelling {
		t.Fatalf("got %s, want CANCELLING: the call may still be on its way", got)
	}
	s.Clock.Advance(10 * time.Minute)
	s.sweepPayouts()
	if got := s.payoutRow(payout.Id).State(); got != order.PayoutCancelled || s.Pay.count("transfer") != 1 {
		t.Errorf("got %s after %d calls, want CANCELLED", got, s.Pay.count("transfer"))
	}
}

func TestPayoutNotificationThatDoesNotFit(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(*wxpay.Transfer){
		"another amount":   func(t *wxpay.Transfer) { t.Amount++ },
		"no amount":        func(t *wxpay.Transfer) { t.Amount = 0 },
		"another receiver": func(t *wxpay.Transfer) { t.OpenID = "oSTRANGER" },
	}
	for name, bend := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := payoutShop(t, 10_000, 0)
			payout := s.waiting(2_000)
			s.Want("notify", s.transferEnds(payout.OutBillNo(), wxpay.TransferSuccess, bend), http.StatusNoContent, "")
			if got := s.payoutRow(payout.Id).State(); got != order.PayoutWaiting || len(s.openAlerts("payout")) != 1 {
				t.Errorf("got %s and %d alerts, want nothing believed and a person called", got, len(s.openAlerts("payout")))
			}
		})
	}
	s := payoutShop(t, 10_000, 0)
	payout := s.waiting(2_000)
	forged := transferNotice{Signed: "nobody", Transfer: wxpay.Transfer{MchID: mchID, OutBillNo: payout.OutBillNo(), State: wxpay.TransferSuccess, Amount: 2_000}}
	s.Want("forged", s.notify(s.Notices.Payout, mchID, forged), http.StatusUnauthorized, "pay_notify_signature")
	if got := s.payoutRow(payout.Id).State(); got != order.PayoutWaiting {
		t.Errorf("got %s, want nothing believed", got)
	}
	unknown := transferNotice{Signed: "WeChat", Transfer: wxpay.Transfer{MchID: mchID, OutBillNo: "po404", State: wxpay.TransferSuccess, Amount: 2_000}}
	for range 5 {
		s.notify(s.Notices.Payout, mchID, unknown)
	}
	s.Want("unknown", s.notify(s.Notices.Payout, mchID, unknown), http.StatusNoContent, "")
	if len(s.openAlerts("unmatched")) != 1 {
		t.Errorf("got %v, want a person called about money that nobody asked for", s.openAlerts("unmatched"))
	}
}

func TestPayoutThatIsAskedForTwice(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 0)
	key := func(k string) func(*till.PayoutForm) { return func(f *till.PayoutForm) { f.Key = k } }
	first, _ := s.sends(500, key("k"))
	again, got := s.sends(500, key("k"))
	s.Want("the same wish", got, http.StatusOK, "")
	if again.Id != first.Id || s.Pay.count("transfer") != 1 {
		t.Errorf("got %s after %d calls, want %s after one", again.Id, s.Pay.count("transfer"), first.Id)
	}
	_, got = s.sends(501, key("k"))
	s.Want("another wish under the key", got, http.StatusConflict, "payout_key_reused")
	_, got = s.sends(500)
	s.Want("a second click", got, http.StatusConflict, "payout_repeated")
	s.Clock.Advance(2 * time.Minute)
	_, got = s.sends(500)
	s.Want("meant so", got, http.StatusOK, "")
}

// TestPayoutThatWasNeverSent: the process died between the row and the call. Asked for again, it goes out under its number.
func TestPayoutThatWasNeverSent(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 10_000, 0)
	keyed := func(f *till.PayoutForm) { f.Key = "k" }
	first, _ := s.sends(500, keyed)
	if _, err := s.DB().Update("wx_payouts", dbx.Params{"state": "NEW", "calledAt": ""}, dbx.HashExp{"id": first.Id}).Execute(); err != nil {
		t.Fatal(err)
	}
	again, got := s.sends(500, keyed)
	s.Want("asked for again", got, http.StatusOK, "")
	if again.Id != first.Id || again.State() != order.PayoutWaiting || again.CalledAt().IsZero() {
		t.Errorf("got %s %s, want %s WAITING", again.Id, again.State(), first.Id)
	}
}

func TestPayoutThatCannotBe(t *testing.T) {
	t.Parallel()
	s := payoutShop(t, 1_000_000, 0)
	scenarios := map[string]struct {
		change func(*till.PayoutForm)
		status int
		code   string
	}{
		"nobody":              {func(f *till.PayoutForm) { f.User = "" }, http.StatusBadRequest, "payout_invalid"},
		"somebody unknown":    {func(f *till.PayoutForm) { f.User = "nobody000000000" }, http.StatusBadRequest, "payout_invalid"},
		"too little":          {func(f *till.PayoutForm) { f.Amount = 9 }, http.StatusBadRequest, "payout_invalid"},
		"less than nothing":   {func(f *till.PayoutForm) { f.Amount = -100 }, http.StatusBadRequest, "payout_invalid"},
		"no remark":           {func(f *till.PayoutForm) { f.Remark = "" }, http.StatusBadRequest, "payout_invalid"},
		"no scene":            {func(f *till.PayoutForm) { f.Scene = "" }, http.StatusBadRequest, "payout_invalid"},
		"no report":           {func(f *till.PayoutForm) { f.Reports = nil }, http.StatusBadRequest, "payout_invalid"},
		"much without a name": {func(f *till.PayoutForm) { f.Amount = 200_000 }, http.StatusBadRequest, "payout_invalid"},
	}
	for name, scenario := range scenarios {
		_, got := s.sends(500, scenario.change)
		s.Want(name, got, scenario.status, scenario.code)
	}
	if n := len(s.Pay.since(0)); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
	named, got := s.sends(200_000, func(f *till.PayoutForm) { f.UserName = "张三" })
	s.Want("much with a name", got, http.StatusOK, "")
	if sealed := s.payoutRow(named.Id).UserName(); sealed == "" || strings.Contains(sealed, "张三") {
		t.Errorf("got %q, want the name sealed", sealed)
	}
	s.transferEnds(named.OutBillNo(), wxpay.TransferSuccess)
	if left := s.payoutRow(named.Id).UserName(); left != "" {
		t.Errorf("got %q, want the name gone when it is needed no more", left)
	}
	stranger := s.Person("stranger")
	s.Want("another person's", s.ask(s.Payouts.Confirm, stranger, named.Id, nil), http.StatusNotFound, "payout_not_found")
}
