package till_test

import (
	"net/http"
	"testing"
	"time"

	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/desk"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// forgottenPayout is one that was sent 30 days ago and that WeChat no longer knows.
func forgottenPayout(t *testing.T) (*shop, rows.Payout) {
	t.Helper()
	s := payoutShop(t, 10_000, 0)
	payout := s.waiting(2_000)
	s.Pay.mu.Lock()
	delete(s.Pay.transfers, payout.OutBillNo())
	s.Pay.mu.Unlock()
	s.Clock.Advance(30 * 24 * time.Hour)
	s.sweepPayouts()
	return s, payout
}

func says(outcome string) map[string]string {
	return map[string]string{"outcome": outcome, "note": "商户平台 > 商家转账 > 转账记录"}
}

// TestForgottenPayoutIsSettledByTwo: a superuser says what became of it, another person confirms, and nothing is ever sent for it again.
func TestForgottenPayoutIsSettledByTwo(t *testing.T) {
	t.Parallel()
	for outcome, state := range map[string]order.PayoutState{"SUCCESS": order.PayoutSuccess, "FAILED": order.PayoutFailed} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			s, payout := forgottenPayout(t)
			sent := s.Pay.count("transfer")
			root := desk.Actor{ID: "root00000000001", Email: "root@example.com", Role: desk.Superuser}
			alice, other := s.staff("alice@example.com"), map[string]string{"SUCCESS": "FAILED", "FAILED": "SUCCESS"}[outcome]
			steps := []struct {
				name   string
				as     desk.Actor
				second bool
				body   any
				status int
				code   string
			}{
				{"a second person before the first", alice, true, map[string]string{"outcome": outcome}, http.StatusConflict, "payout_settlement_missing"},
				{"staff is not enough for the first", alice, false, says(outcome), http.StatusForbidden, "payout_superuser_only"},
				{"no such outcome", root, false, says("WAITING"), http.StatusBadRequest, "payout_invalid"},
				{"without a word where it was seen", root, false, map[string]string{"outcome": outcome}, http.StatusBadRequest, "payout_invalid"},
				{"the first", root, false, says(outcome), http.StatusAccepted, ""},
				{"the same person", root, true, map[string]string{"outcome": outcome}, http.StatusForbidden, "payout_same_person"},
				{"their other account", desk.Actor{ID: "staff-roo", Email: "Root@example.com", Role: desk.Owner}, true, map[string]string{"outcome": outcome}, http.StatusForbidden, "payout_same_person"},
				{"who found something else", alice, true, map[string]string{"outcome": other}, http.StatusConflict, "payout_settlement_differs"},
				{"the second", alice, true, map[string]string{"outcome": outcome}, http.StatusOK, ""},
				{"once more", alice, true, map[string]string{"outcome": outcome}, http.StatusConflict, "payout_not_forgotten"},
				{"and the other way", root, false, says(other), http.StatusConflict, "payout_not_forgotten"},
			}
			for _, step := range steps {
				handler := s.Payouts.Settle
				if step.second {
					handler = s.Payouts.SettleSecond
				}
				s.Want(step.name, s.askAs(handler, step.as, payout.Id, step.body), step.status, step.code)
			}
			s.Clock.Advance(time.Hour)
			s.sweepPayouts()
			s.Want("looked at", s.askAs(s.Payouts.Look, alice, payout.Id, map[string]string{}), http.StatusOK, "")
			if got := s.payoutRow(payout.Id); got.State() != state || s.Pay.count("transfer") != sent || len(s.openAlerts("payout")) != 0 {
				t.Errorf("got %s, %d calls, %d alerts, want %s and nothing sent", got.State(), s.Pay.count("transfer")-sent, len(s.openAlerts("payout")), state)
			}
		})
	}
}

// TestWhatWeChatKnowsIsNotSettled: a young payout, one that WeChat answers about after all, and one about which it says nothing.
func TestWhatWeChatKnowsIsNotSettled(t *testing.T) {
	t.Parallel()
	root := desk.Actor{ID: "root00000000001", Email: "root@example.com", Role: desk.Superuser}
	settle := func(s *shop, id string) roomtest.Answer {
		return s.askAs(s.Payouts.Settle, root, id, says("FAILED"))
	}
	young := payoutShop(t, 10_000, 0)
	payout := young.waiting(2_000)
	young.Want("young", settle(young, payout.Id), http.StatusConflict, "payout_not_forgotten")

	known := payoutShop(t, 10_000, 0)
	payout = known.waiting(2_000)
	known.Pay.mu.Lock()
	transfer := known.Pay.transfers[payout.OutBillNo()]
	transfer.State = wxpay.TransferSuccess
	known.Pay.transfers[payout.OutBillNo()] = transfer
	known.Pay.mu.Unlock()
	known.Clock.Advance(30 * 24 * time.Hour)
	known.Want("known after all", settle(known, payout.Id), http.StatusConflict, "payout_not_forgotten")
	if got := known.payoutRow(payout.Id); got.State() != order.PayoutSuccess || got.GetString("settleAs") != "" {
		t.Errorf("got %s, want what WeChat says", got.State())
	}

	silent, payout := forgottenPayout(t)
	silent.Pay.fail("queryTransfer", failed(wxpay.KindBusy))
	if got := settle(silent, payout.Id); got.Status < 400 || silent.payoutRow(payout.Id).GetString("settleAs") != "" {
		t.Errorf("without WeChat's word: got %d, want a refusal and nothing noted", got.Status)
	}
}

// TestFirstPersonChangesTheirMind: while WeChat is asked for the second person, the first one's word is taken back or becomes the second one's own.
func TestFirstPersonChangesTheirMind(t *testing.T) {
	t.Parallel()
	root := desk.Actor{ID: "root00000000001", Email: "root@example.com", Role: desk.Superuser}
	second := desk.Actor{ID: "root00000000002", Email: "second@example.com", Role: desk.Superuser}
	scenarios := map[string]struct {
		by   desk.Actor
		says string
		code string
	}{
		"it is another outcome now":   {root, "SUCCESS", "payout_settlement_differs"},
		"it is the second one's word": {second, "FAILED", "payout_same_person"},
	}
	for name, sc := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, payout := forgottenPayout(t)
			s.Want("the first", s.askAs(s.Payouts.Settle, root, payout.Id, says("FAILED")), http.StatusAccepted, "")
			asked := 0
			s.Pay.mu.Lock()
			s.Pay.when["queryTransfer"] = func(string) {
				if asked++; asked == 1 {
					s.askAs(s.Payouts.Settle, sc.by, payout.Id, says(sc.says))
				}
			}
			s.Pay.mu.Unlock()
			if got := s.askAs(s.Payouts.SettleSecond, second, payout.Id, map[string]string{"outcome": "FAILED"}); got.Code != sc.code {
				t.Errorf("got %d %q, want %q", got.Status, got.Code, sc.code)
			}
			if got := s.payoutRow(payout.Id); got.State().IsFinal() {
				t.Errorf("got %s, want it open", got.State())
			}
		})
	}
}
