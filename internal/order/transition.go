package order

import (
	"fmt"
	"slices"
)

// Transition is the result of one event in a state machine.
type Transition[S ~string] struct {
	// From and To are the states before and after; they are equal when the event changes nothing.
	From, To S
	// Effects are to be queued in this order. The caller owns the slice.
	Effects []Effect
	// Repeat says that the event is known already, such as a repeated notification.
	Repeat bool
	// Stale says that the event is older or weaker than what is known and was ignored, such as NOTPAY for a paid order.
	Stale bool
}

// Changed reports whether the state changed, so that a ledger row is due.
func (t Transition[S]) Changed() bool { return t.From != t.To }

// Has reports whether the effect is among the step's effects.
func (t Transition[S]) Has(effect Effect) bool { return slices.Contains(t.Effects, effect) }

// Step is what one event does to a payment attempt.
type Step = Transition[PaymentState]

// RefundStep is what one event does to a refund.
type RefundStep = Transition[RefundState]

// TransitionError says that an event has no place in a state. Nothing may be
// written: it is a bug in the caller, or a request to refuse (paying a closed
// order, cancelling a paid one).
type TransitionError struct {
	// Machine is "payment" or "refund".
	Machine string
	// State and Event are the pair that was refused.
	State, Event string
}

// Error implements error.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("%s in state %.40q does not take event %.40q", e.Machine, e.State, e.Event)
}
