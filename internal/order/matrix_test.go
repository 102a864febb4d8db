package order_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"wxbase/internal/order"
)

var update = flag.Bool("update", false, "write testdata/matrix.golden anew")

// TestMatrix pins every pair of both machines: a change of the tables shows up as
// a readable diff.
func TestMatrix(t *testing.T) {
	t.Parallel()
	const path = "testdata/matrix.golden"
	got := printMatrix("payment", order.PaymentStates(), order.PaymentEvents(), order.Apply) +
		printMatrix("refund", order.RefundStates(), order.RefundEvents(), order.ApplyRefund)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	if len(gotLines) != len(wantLines) {
		t.Errorf("got %d lines, want %d", len(gotLines), len(wantLines))
	}
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Errorf("line %d: got %q, want %q", i+1, gotLines[i], wantLines[i])
		}
	}
}

// printMatrix prints a machine, one block per event and one line per state.
func printMatrix[S, E ~string](
	name string, states []S, events []E, apply func(S, E) (order.Transition[S], error),
) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s: %d states x %d events\n", name, len(states), len(events))
	for _, event := range events {
		fmt.Fprintf(&out, "\n%s\n", event)
		for _, state := range states {
			step, err := apply(state, event)
			line := fmt.Sprintf("  %-10s %s", state, outcome(step, err))
			out.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	out.WriteString("\n")
	return out.String()
}

func outcome[S ~string](step order.Transition[S], err error) string {
	switch {
	case err != nil:
		return "refused"
	case step.Repeat:
		return "repeat"
	case step.Stale:
		return "stale"
	}
	words := make([]string, 0, len(step.Effects))
	for _, effect := range step.Effects {
		words = append(words, string(effect))
	}
	to := "-"
	if step.Changed() {
		to = string(step.To)
	}
	return fmt.Sprintf("-> %-10s %s", to, strings.Join(words, ", "))
}

// TestEveryPair checks what must hold for every pair.
func TestEveryPair(t *testing.T) {
	t.Parallel()
	t.Run("payment", func(t *testing.T) {
		t.Parallel()
		everyPair(t, order.PaymentStates(), order.PaymentEvents(), order.Apply)
	})
	t.Run("refund", func(t *testing.T) {
		t.Parallel()
		everyPair(t, order.RefundStates(), order.RefundEvents(), order.ApplyRefund)
	})
}

func everyPair[S, E ~string](t *testing.T, states []S, events []E, apply func(S, E) (order.Transition[S], error)) {
	t.Helper()
	for _, state := range append(states, "", "PAYED") {
		for _, event := range append(events, "", "paid") {
			step, err := apply(state, event)
			legal := slices.Contains(states, state) && slices.Contains(events, event)
			if err != nil {
				var refused *order.TransitionError
				if !errors.As(err, &refused) || refused.State != string(state) || refused.Event != string(event) {
					t.Errorf("%s + %s: got error %v, want a TransitionError of the pair", state, event, err)
				}
				continue
			}
			if !legal {
				t.Errorf("%q + %q: got a step, want an error", state, event)
			}
			checkStep(t, fmt.Sprintf("%s + %s", state, event), states, step)
		}
	}
}

func checkStep[S ~string](t *testing.T, pair string, states []S, step order.Transition[S]) {
	t.Helper()
	if !slices.Contains(states, step.To) {
		t.Errorf("%s: got unknown state %q", pair, step.To)
	}
	if (step.Repeat || step.Stale) && (step.Changed() || len(step.Effects) > 0) {
		t.Errorf("%s: got a change or effects %v, want none of a repeat or stale event", pair, step.Effects)
	}
	for i, effect := range step.Effects {
		if !slices.Contains(order.Effects(), effect) || slices.Contains(step.Effects[:i], effect) {
			t.Errorf("%s: got unknown or doubled effect %q", pair, effect)
		}
	}
}

// TestEffectsAreAllUsed finds an effect without a step.
func TestEffectsAreAllUsed(t *testing.T) {
	t.Parallel()
	used := printMatrix("", order.PaymentStates(), order.PaymentEvents(), order.Apply) +
		printMatrix("", order.RefundStates(), order.RefundEvents(), order.ApplyRefund)
	for _, effect := range order.Effects() {
		if !strings.Contains(used, string(effect)) {
			t.Errorf("effect %s: got no step with it, want one", effect)
		}
	}
}

// TestEffectsAreOwned checks that a caller may change the returned slice.
func TestEffectsAreOwned(t *testing.T) {
	t.Parallel()
	first, err := order.Apply(order.PaymentPrepaid, order.EventPaidFact)
	if err != nil {
		t.Fatal(err)
	}
	first.Effects[0] = order.Alert
	second, err := order.Apply(order.PaymentPrepaid, order.EventPaidFact)
	if err != nil {
		t.Fatal(err)
	}
	if !second.Has(order.MarkOrderPaid) {
		t.Errorf("got effects %v, want MarkOrderPaid among them", second.Effects)
	}
}
