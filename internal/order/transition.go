package order

import (
	"fmt"
	"slices"
)

// Transition is the answer of a state machine to one event.
type Transition[S ~string] struct {
	// From and To are the states before and after; they are equal when the event
	// changes nothing.
	From, To S
	// Effects are to be queued in this order. The slice is the caller's own.
	Effects []Effect
	// Repeat says that the event told us what we knew, such as a notification that
	// is delivered again.
	Repeat bool
	// Stale says that the event is older or weaker than what we know and was
	// ignored, such as NOTPAY for a paid order.
	Stale bool
}

// Changed reports whether the state moved, so that a ledger row is due.
func (t Transition[S]) Changed() bool { return t.From != t.To }

// Has reports whether the effect is among the step's effects.
func (t Transition[S]) Has(effect Effect) bool { return slices.Contains(t.Effects, effect) }

// Step is what one event does to a payment attempt.
type Step = Transition[PaymentState]

// RefundStep is what one event does to a refund.
type RefundStep = Transition[RefundState]

// PayoutStep is what one event does to a payout.
type PayoutStep = Transition[PayoutState]

// TransitionError says that an event has no place in a state. Nothing may be
// written: it is a bug in the caller, or a request to refuse (paying a closed
// order, cancelling a paid one).
type TransitionError struct {
	// Machine is "payment", "refund" or "payout".
	Machine string
	// State and Event are the pair that was refused.
	State, Event string
}

// Error implements error.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("%s in state %.40q does not take event %.40q", e.Machine, e.State, e.Event)
}
