package order

import "slices"

// table is a state machine: for each event, the states that accept it and what it does in them. A state occurs at most
// once under an event; a missing state refuses the event.
type table[S, E ~string] map[E][]cell[S]

// step looks up the pair. machine names the table in the error.
func (t table[S, E]) step(machine string, state S, event E) (Transition[S], error) {
	for _, c := range t[event] {
		if slices.Contains(c.states, state) {
			return c.step(state), nil
		}
	}
	return Transition[S]{}, &TransitionError{Machine: machine, State: string(state), Event: string(event)}
}

// cell is what one event does in some states. It reads as a sentence: in(A, B).becomes(C, Effect).
type cell[S ~string] struct {
	states        []S
	to            S // empty: the state stays
	effects       []Effect
	repeat, stale bool
}

// in begins a cell for these states.
func in[S ~string](states ...S) cell[S] { return cell[S]{states: states} }

// becomes changes the state to next and makes the effects due.
func (c cell[S]) becomes(next S, effects ...Effect) cell[S] {
	c.to, c.effects = next, effects
	return c
}

// stays keeps the state and makes the effects due.
func (c cell[S]) stays(effects ...Effect) cell[S] {
	c.effects = effects
	return c
}

// needsNothing accepts the event without a change or an effect.
func (c cell[S]) needsNothing() cell[S] { return c }

// isRepeat says that the event is known already.
func (c cell[S]) isRepeat() cell[S] {
	c.repeat = true
	return c
}

// isStale says that the event is older or weaker than what is known, and is ignored.
func (c cell[S]) isStale() cell[S] {
	c.stale = true
	return c
}

// step applies the cell to a state.
func (c cell[S]) step(from S) Transition[S] {
	to := c.to
	if to == "" {
		to = from
	}
	return Transition[S]{From: from, To: to, Effects: slices.Clone(c.effects), Repeat: c.repeat, Stale: c.stale}
}
