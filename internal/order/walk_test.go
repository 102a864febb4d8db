package order_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"wxbase/internal/order"
)

const (
	walks      = 200_000 // random lives for each machine
	walkLength = 16      // events in each
)

// payWalk is one random life of a payment attempt and its history.
type payWalk struct {
	t      *testing.T
	state  order.PaymentState
	events []order.PaymentEvent
	counts map[order.Effect]int
}

// TestPaymentWalks applies random sequences of events to an attempt. The seed of a walk is its number: repeat one with
// newRand(seed).
func TestPaymentWalks(t *testing.T) {
	t.Parallel()
	events := order.PaymentEvents()
	t.Logf("seeds 1 to %d", walks)
	for seed := uint64(1); seed <= walks && !t.Failed(); seed++ {
		random := newRand(seed)
		walk := &payWalk{t: t, state: order.PaymentNew, counts: map[order.Effect]int{}}
		for range walkLength {
			walk.feed(events[random.IntN(len(events))])
		}
		walk.finish()
		if t.Failed() {
			t.Logf("seed %d: events %v", seed, walk.events)
		}
	}
}

func newRand(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0))
}

// feed applies one event and checks its step.
func (w *payWalk) feed(event order.PaymentEvent) {
	w.events = append(w.events, event)
	step, err := order.Apply(w.state, event)
	if err != nil {
		return // refused: nothing is written
	}
	for _, effect := range step.Effects {
		w.counts[effect]++
	}
	w.checkMoney(step)
	w.checkClose(step, event)
	w.checkReplay(step, event)
	w.state = step.To
}

func (w *payWalk) checkMoney(step order.Step) {
	for _, final := range []order.PaymentState{order.PaymentPaid, order.PaymentPaidLate} {
		if step.From == final && step.Changed() {
			w.t.Errorf("got %s -> %s, want to stay", step.From, step.To)
		}
	}
	if got, want := step.Has(order.MarkOrderPaid), step.Changed() && step.To == order.PaymentPaid; got != want {
		w.t.Errorf("%s -> %s: got MarkOrderPaid %t, want %t", step.From, step.To, got, want)
	}
	if got, want := step.Has(order.RefundAutomatically), step.Changed() && step.To == order.PaymentPaidLate; got != want {
		w.t.Errorf("%s -> %s: got RefundAutomatically %t, want %t", step.From, step.To, got, want)
	}
	if step.Has(order.SignClientParams) && step.To != order.PaymentPrepaid {
		w.t.Errorf("%s -> %s: got client parameters, want them in PREPAID only", step.From, step.To)
	}
	if step.Has(order.CloseAtWeChat) && step.To != order.PaymentClosing && step.To != order.PaymentClosed {
		w.t.Errorf("%s -> %s: got a close call, want it in CLOSING and CLOSED only", step.From, step.To)
	}
}

// checkClose checks that only some events prove that an attempt can no longer be paid.
func (w *payWalk) checkClose(step order.Step, event order.PaymentEvent) {
	if step.Has(order.ReleaseStock) && (!step.Changed() || step.To != order.PaymentClosed) {
		w.t.Errorf("%s -> %s: got ReleaseStock, want it with a close only", step.From, step.To)
	}
	if !step.Changed() || step.To != order.PaymentClosed {
		return
	}
	neverSent := step.From == order.PaymentNew || step.From == order.PaymentRejected
	proof := map[order.PaymentEvent]bool{
		order.EventClosedFact:       true,
		order.EventCloseDone:        step.From == order.PaymentClosing,
		order.EventUnknownPastGrace: step.From == order.PaymentClosing,
		order.EventResolveClosed:    step.From == order.PaymentDisputed,
		order.EventExpire:           neverSent,
		order.EventCancel:           neverSent,
		order.EventReplace:          neverSent,
	}
	if !proof[event] {
		w.t.Errorf("%s + %s: got CLOSED, want a confirmed close first", step.From, event)
	}
}

// checkReplay repeats the event: the state stays, and one-time effects do not repeat.
func (w *payWalk) checkReplay(step order.Step, event order.PaymentEvent) {
	// a request to pay is not a report, and a missing order is believed the second time.
	if event == order.EventPayRequested || event == order.EventUnknownPastGrace {
		return
	}
	again, err := order.Apply(step.To, event)
	if err != nil {
		return
	}
	if again.Changed() {
		w.t.Errorf("%s + %s twice: got %s, want %s", step.From, event, again.To, step.To)
	}
	for _, once := range []order.Effect{order.MarkOrderPaid, order.RefundAutomatically, order.ReleaseStock, order.CancelOrder} {
		if again.Has(once) {
			w.t.Errorf("%s + %s twice: got %s again, want it once", step.From, event, once)
		}
	}
}

// finish checks a whole life, and that a payment is never lost.
func (w *payWalk) finish() {
	if got := w.counts[order.MarkOrderPaid] + w.counts[order.RefundAutomatically]; got > 1 {
		w.t.Errorf("got the money kept and returned %d times, want at most once", got)
	}
	// note: a dispute can follow a close, and a person may end it by closing.
	disputed := slices.Contains(w.events, order.EventResolveClosed)
	if got := w.counts[order.ReleaseStock]; got > 1 && !disputed {
		w.t.Errorf("got the stock released %d times, want at most once", got)
	}
	step, err := order.Apply(w.state, order.EventPaidFact)
	if err != nil {
		w.t.Fatalf("payment in %s: got error %v, want a step", w.state, err)
	}
	if !slices.Contains([]order.PaymentState{order.PaymentPaid, order.PaymentPaidLate, order.PaymentDisputed}, step.To) {
		w.t.Errorf("payment in %s: got %s, want the money to be seen", w.state, step.To)
	}
}

// TestRefundWalks does the same for refunds.
func TestRefundWalks(t *testing.T) {
	t.Parallel()
	events := order.RefundEvents()
	t.Logf("seeds 1 to %d", walks)
	for seed := uint64(1); seed <= walks && !t.Failed(); seed++ {
		random := newRand(seed)
		state := order.RefundNew
		counted := 0
		for range walkLength {
			event := events[random.IntN(len(events))]
			step, err := order.ApplyRefund(state, event)
			if err != nil {
				continue
			}
			if state == order.RefundSuccess && step.Changed() {
				t.Errorf("seed %d: got SUCCESS -> %s, want to stay", seed, step.To)
			}
			if step.Has(order.CountRefund) {
				counted++
			}
			if again, err := order.ApplyRefund(step.To, event); err == nil && again.Changed() {
				t.Errorf("seed %d: %s + %s twice: got %s, want %s", seed, state, event, again.To, step.To)
			}
			state = step.To
		}
		if want := state == order.RefundSuccess; (counted == 1) != want || counted > 1 {
			t.Errorf("seed %d: got refund counted %d times in %s", seed, counted, state)
		}
	}
}

// TestLiveAttemptsEnd checks that every attempt can be ended.
func TestLiveAttemptsEnd(t *testing.T) {
	t.Parallel()
	for _, state := range order.PaymentStates() {
		if !state.IsLive() {
			continue
		}
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			for _, event := range []order.PaymentEvent{order.EventExpire, order.EventNotPaidFact, order.EventCloseDone} {
				step, err := order.Apply(state, event)
				if err != nil {
					t.Fatal(err)
				}
				state = step.To
			}
			if state != order.PaymentClosed || state.IsLive() {
				t.Errorf("got %s, want CLOSED", state)
			}
		})
	}
}
