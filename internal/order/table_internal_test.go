package order

import (
	"slices"
	"testing"
)

// TestTablesSayEachPairOnce finds a state that occurs twice under an event (the second is never used), an event without
// a cell, and an unknown state.
func TestTablesSayEachPairOnce(t *testing.T) {
	t.Parallel()
	eachPairOnce(t, paymentTable, PaymentStates(), PaymentEvents())
	eachPairOnce(t, refundTable, RefundStates(), RefundEvents())
}

func eachPairOnce[S, E ~string](t *testing.T, machine table[S, E], states []S, events []E) {
	t.Helper()
	if got, want := len(machine), len(events); got != want {
		t.Errorf("got %d events in the table, want %d", got, want)
	}
	for _, event := range events {
		var seen []S
		for _, c := range machine[event] {
			for _, state := range c.states {
				if slices.Contains(seen, state) || !slices.Contains(states, state) {
					t.Errorf("%s: got state %s twice or unknown, want each once", event, state)
				}
				seen = append(seen, state)
			}
		}
		if len(seen) == 0 {
			t.Errorf("%s: got no state that takes it", event)
		}
	}
}
