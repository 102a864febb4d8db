package order_test

import (
	"slices"
	"testing"
	"time"

	"wxbase/internal/order"
)

func TestPayoutStories(t *testing.T) {
	t.Parallel()
	const (
		sent    = order.EventPayoutRequested
		unknown = order.EventPayoutUnknown
		waits   = order.EventPayoutWaits
		cancel  = order.EventPayoutCancel
	)
	scenarios := []struct {
		name    string
		from    order.PayoutState
		events  []order.PayoutEvent
		state   order.PayoutState
		effects []order.Effect
	}{
		{"sent", order.PayoutNew, []order.PayoutEvent{sent}, order.PayoutSubmitted, []order.Effect{order.CallPayout}},
		{"looked at again is a question, not a second call", order.PayoutNew, []order.PayoutEvent{sent, sent}, order.PayoutSubmitted, []order.Effect{order.QueryPayoutNow}},
		{"timed out is a question first", order.PayoutNew, []order.PayoutEvent{sent, unknown}, order.PayoutSubmitted, []order.Effect{order.QueryPayoutNow}},
		{
			"timed out and not there: same number again", order.PayoutNew,
			[]order.PayoutEvent{sent, unknown, order.EventPayoutNotFound},
			order.PayoutSubmitted,
			[]order.Effect{order.CallPayout},
		},
		{
			"confirmed", order.PayoutNew,
			[]order.PayoutEvent{sent, waits, order.EventPayoutConfirmed, order.EventPayoutSucceeded},
			order.PayoutSuccess,
			[]order.Effect{order.TellPayout},
		},
		{
			"the end came before what led to it", order.PayoutNew,
			[]order.PayoutEvent{sent, order.EventPayoutSucceeded, waits},
			order.PayoutSuccess, nil,
		},
		{
			"not confirmed within a day", order.PayoutNew,
			[]order.PayoutEvent{sent, waits, order.EventPayoutFailed},
			order.PayoutFailed,
			[]order.Effect{order.TellPayout, order.Alert},
		},
		{"taken back before it was sent", order.PayoutNew, []order.PayoutEvent{cancel}, order.PayoutCancelled, []order.Effect{order.TellPayout}},
		{"taken back", order.PayoutNew, []order.PayoutEvent{sent, waits, cancel}, order.PayoutCancelling, []order.Effect{order.CancelPayout}},
		{
			"taken back, and the receiver was faster", order.PayoutNew,
			[]order.PayoutEvent{sent, waits, cancel, order.EventPayoutConfirmed, order.EventPayoutSucceeded},
			order.PayoutSuccess,
			[]order.Effect{order.TellPayout},
		},
		{
			"taken back before WeChat knew of it", order.PayoutNew,
			[]order.PayoutEvent{sent, unknown, cancel, order.EventPayoutNotFound, order.EventPayoutNeverMade},
			order.PayoutCancelled,
			[]order.Effect{order.TellPayout},
		},
		{
			"given up, and there all the same", order.PayoutNew,
			[]order.PayoutEvent{sent, order.EventPayoutRejected, waits},
			order.PayoutCancelling,
			[]order.Effect{order.CancelPayout, order.Alert},
		},
		{"approved by a second person", order.PayoutHeld, []order.PayoutEvent{order.EventPayoutApproved}, order.PayoutSubmitted, []order.Effect{order.CallPayout}},
		{"account short keeps the number", order.PayoutNew, []order.PayoutEvent{sent, order.EventPayoutNotEnough}, order.PayoutSubmitted, []order.Effect{order.RetryPayoutLater, order.Alert}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			checkStory(t, s.from, s.events, order.ApplyPayout, s.state, s.effects)
		})
	}
}

// TestHeldPayoutIsNotSent shows that only a second person sends what is held.
func TestHeldPayoutIsNotSent(t *testing.T) {
	t.Parallel()
	for _, event := range order.PayoutEvents() {
		step, err := order.ApplyPayout(order.PayoutHeld, event)
		if err == nil && step.Has(order.CallPayout) && event != order.EventPayoutApproved {
			t.Errorf("%s: got a call for a held payout, want none", event)
		}
	}
	if step, err := order.ApplyPayout(order.PayoutHeld, order.EventPayoutRequested); err == nil {
		t.Errorf("got %+v, want a held payout refused", step)
	}
}

// TestPayoutWalks throws random strings of events at a payout: it is sent from where nothing was sent, or right after a question that
// found nothing, and its end is told once.
func TestPayoutWalks(t *testing.T) {
	t.Parallel()
	events := order.PayoutEvents()
	t.Logf("seeds 1 to %d", walks)
	for seed := uint64(1); seed <= walks && !t.Failed(); seed++ {
		random := newRand(seed)
		state := []order.PayoutState{order.PayoutNew, order.PayoutHeld}[random.IntN(2)]
		won := 0
		for range walkLength {
			event := events[random.IntN(len(events))]
			step, err := order.ApplyPayout(state, event)
			if err != nil {
				continue
			}
			checkPayoutStep(t, event, step)
			if step.Has(order.TellPayout) && step.To == order.PayoutSuccess {
				won++
			}
			state = step.To
		}
		if want := state == order.PayoutSuccess; (won == 1) != want || won > 1 {
			t.Errorf("seed %d: got success told %d times in %s", seed, won, state)
		}
	}
}

func checkPayoutStep(t *testing.T, event order.PayoutEvent, step order.PayoutStep) {
	t.Helper()
	unsent := step.From == order.PayoutNew || step.From == order.PayoutHeld
	if step.Has(order.CallPayout) && !unsent && event != order.EventPayoutNotFound && event != order.EventPayoutPackage {
		t.Errorf("%s + %s: got a call, want a question first", step.From, event)
	}
	if step.From == order.PayoutSuccess && step.Changed() {
		t.Errorf("%s: got SUCCESS -> %s, want to stay", event, step.To)
	}
	if got, want := step.Has(order.TellPayout), step.Changed() && step.To.IsFinal(); got != want {
		t.Errorf("%s + %s -> %s: got told %t, want %t", step.From, event, step.To, got, want)
	}
	if again, err := order.ApplyPayout(step.To, event); err == nil && again.Changed() && event != order.EventPayoutCancel {
		t.Errorf("%s + %s twice: got %s, want %s", step.From, event, again.To, step.To)
	}
}

func TestComparePayout(t *testing.T) {
	t.Parallel()
	ours := order.PayoutAttempt{MchID: "1900000001", AppID: "wx1", OutBillNo: "po1", OpenID: "o1", Amount: 30}
	full := order.PayoutFact{MchID: "1900000001", AppID: "wx1", OutBillNo: "po1", OpenID: "o1", Amount: 30, State: "SUCCESS"}
	scenarios := []struct {
		name  string
		fact  func(*order.PayoutFact)
		event order.PayoutEvent
		field string
	}{
		{"equal", func(*order.PayoutFact) {}, order.EventPayoutSucceeded, ""},
		{"an answer that names the number only", func(f *order.PayoutFact) {
			*f = order.PayoutFact{MchID: f.MchID, OutBillNo: f.OutBillNo, State: "WAIT_USER_CONFIRM"}
		}, order.EventPayoutWaits, ""},
		{"success without an amount", func(f *order.PayoutFact) { f.Amount = 0 }, order.EventPayoutOtherFact, "transfer_amount"},
		{"another amount", func(f *order.PayoutFact) { f.Amount = 31 }, order.EventPayoutOtherFact, "transfer_amount"},
		{"a negative amount", func(f *order.PayoutFact) { f.State, f.Amount = "FAIL", -30 }, order.EventPayoutOtherFact, "transfer_amount"},
		{"another receiver", func(f *order.PayoutFact) { f.OpenID = "o2" }, order.EventPayoutOtherFact, "openid"},
		{"another merchant", func(f *order.PayoutFact) { f.MchID = "1" }, order.EventPayoutOtherFact, "mchid"},
		{"no merchant", func(f *order.PayoutFact) { f.MchID = "" }, order.EventPayoutOtherFact, "mchid"},
		{"another number", func(f *order.PayoutFact) { f.OutBillNo = "po2" }, order.EventPayoutOtherFact, "out_bill_no"},
		{"another program", func(f *order.PayoutFact) { f.AppID = "wx2" }, order.EventPayoutOtherFact, "appid"},
		{"a state of tomorrow", func(f *order.PayoutFact) { f.State = "FROZEN" }, order.EventPayoutOtherFact, "state"},
		{"spelt otherwise", func(f *order.PayoutFact) { f.State = "TRANSFERRING" }, order.EventPayoutOtherFact, "state"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			fact := full
			s.fact(&fact)
			event, found := order.ComparePayout(ours, fact)
			fields := make([]string, 0, len(found))
			for _, m := range found {
				fields = append(fields, m.Field)
			}
			if event != s.event || s.field != "" && !slices.Contains(fields, s.field) {
				t.Errorf("got %s with %v, want %s with %q", event, fields, s.event, s.field)
			}
		})
	}
}

func TestPayoutMissing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	scenarios := []struct {
		name         string
		state        order.PayoutState
		made, called time.Duration // ago
		want         order.PayoutEvent
	}{
		{"young", order.PayoutSubmitted, time.Hour, time.Minute, order.EventPayoutNotFound},
		{"being cancelled a moment after the call", order.PayoutCancelling, time.Hour, time.Minute, order.EventPayoutNotFound},
		{"being cancelled", order.PayoutCancelling, time.Hour, 5 * time.Minute, order.EventPayoutNeverMade},
		{"tried for a week", order.PayoutSubmitted, 7 * 24 * time.Hour, time.Minute, order.EventPayoutNeverMade},
		{"older than WeChat's memory", order.PayoutSubmitted, 31 * 24 * time.Hour, 30 * 24 * time.Hour, order.EventPayoutForgotten},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := order.PayoutMissing(s.state, now.Add(-s.made), now.Add(-s.called), now); got != s.want {
				t.Errorf("got %s, want %s", got, s.want)
			}
		})
	}
}

func TestNewOutBillNo(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"k3x9a0b1c2d3e4f", "", "k3x-1", "a very long id that is none of ours, by far"} {
		number := order.NewOutBillNo(id)
		letters := func(r rune) bool { return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
		if len(number) > 32 || slices.ContainsFunc([]rune(number), func(r rune) bool { return !letters(r) }) {
			t.Errorf("got %q, want at most 32 letters and digits", number)
		}
	}
}
