package till

// How a row of money moves, a payment and a refund alike. apply is the only writer of their states: in one transaction
// it reads the row, decides what the event means, and writes the new state, the ledger row, the consequences, and the
// effects into the outbox. drive continues from there: it makes the step's call to WeChat, whose answer is the next
// event, until no call is due.
//
// What differs between payments and refunds is in their rules (pay_apply.go, refund_drive.go) and in their tables of
// calls.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/logs"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// maxSteps ends a conversation with WeChat that does not settle; the sweep continues it later.
const maxSteps = 8

// evidence is why a step happens. Some of it is kept in the ledger. F is what WeChat says: a wxpay.Trade,
// a wxpay.Refund or a wxpay.Transfer.
type evidence[F any] struct {
	source     string // pay, notify, query, close, sweep, cancel, replace, refund, auto, platform, bill, resolve, payout, approve, confirm, sync
	fact       *F     // a verified fact; what event it is, is decided inside the transaction
	mismatches []order.Mismatch
	inbox      map[string]any // row of wx_inbox to write with the step

	prepayID string       // of a payment, or its code or page
	decision *decision    // of a person, about a payment
	refusal  *wxpay.Error // what WeChat said about a refund or a payout in place of an answer
	approver *desk.Actor  // the second person of a payout
	by       string       // who took a payout back
}

// subject is a row with the row that it belongs to.
type subject interface {
	record() *core.Record
}

// rules are what differs between collections. R is a row, S its states, E its events, F a fact about it.
type rules[R subject, S, E ~string, F any] interface {
	// read loads a row inside the transaction.
	read(tx core.App, id string) (R, error)
	// eventOf is the event that a fact stands for, or a person's decision. It may add to why.
	eventOf(tx core.App, row R, event E, why *evidence[F]) (E, error)
	// stepOf is the effect of the event on the row.
	stepOf(row R, event E, why evidence[F]) (order.Transition[S], error)
	// verdict is the result of the step for the notification behind it.
	verdict(event E, step order.Transition[S]) string
	// keep stores the event's data in the row, and when the sweep looks next.
	keep(tx core.App, row R, event E, step order.Transition[S], why evidence[F]) error
	// follow does what a step asks for in our books, and queues the rest.
	follow(tx core.App, row R, step order.Transition[S], why evidence[F]) error
	// entry names the row in the ledger, and returns the first part of the proof.
	entry(row R, why evidence[F]) (columns, proof map[string]any)
	// gateway is the merchant's gateway for the row.
	gateway(row R) (wxpay.Gateway, error)
}

// call makes an effect's call. It returns the event that the answer stands for, or a fact; neither means that the
// answer is inconclusive.
type call[R subject, E ~string, F any] struct {
	effect order.Effect
	make   func(context.Context, wxpay.Gateway, R) (E, evidence[F], error)
}

// machine moves the rows of one collection.
type machine[R subject, S, E ~string, F any] struct {
	*kit
	name  string // a row's name in errors and logs
	rules rules[R, S, E, F]
	calls []call[R, E, F]
	once  order.Effect                               // the call that is made at most once in a conversation
	due   func(core.App, time.Time) *dbx.SelectQuery // the rows that the sweep looks at
	turn  func(*core.Record) string                  // the lock under which the sweep moves one; nil: that of its order
	pause func(asked int) time.Duration              // before it looks again
}

// driven is the result of driving a row.
type driven[R subject, S ~string] struct {
	row     R // as written last; zero when err is not nil
	step    order.Transition[S]
	callErr error // the last failed call to WeChat; the state is settled all the same
	err     error // driving failed: nothing was decided
}

// apply is the only writer of states, and so of PAID and SUCCESS.
func (m *machine[R, S, E, F]) apply(app core.App, id string, event E, why evidence[F]) (row R, step order.Transition[S], err error) {
	err = books.Together(app, func(tx core.App) error {
		if row, err = m.rules.read(tx, id); err != nil {
			return err
		}
		step, err = m.applyIn(tx, row, event, why)
		return err
	})
	if err != nil {
		var none R
		return none, step, fmt.Errorf("apply %s to %s %s: %w", event, m.name, id, err)
	}
	m.books.Wake()
	return row, step, nil
}

// applyIn is apply for a row that the transaction has read already.
func (m *machine[R, S, E, F]) applyIn(tx core.App, row R, event E, why evidence[F]) (step order.Transition[S], err error) {
	if event, err = m.rules.eventOf(tx, row, event, &why); err != nil {
		return step, err
	}
	if step, err = m.rules.stepOf(row, event, why); err != nil {
		return step, err
	}
	return step, m.record(tx, row, event, step, why)
}

// record writes a step. A step without news writes only its inbox row, so that a notification delivered ten times costs
// one commit.
func (m *machine[R, S, E, F]) record(tx core.App, row R, event E, step order.Transition[S], why evidence[F]) error {
	if why.inbox != nil {
		if err := books.SaveInbox(tx, why.inbox, m.rules.verdict(event, step), describe(why.mismatches)); err != nil {
			return err
		}
	}
	decided := why.decision != nil
	if !decided && (step.Repeat || step.Stale || !step.Changed() && !writes(step.Effects)) {
		return nil
	}
	row.record().Set("state", string(step.To))
	if err := m.rules.keep(tx, row, event, step, why); err != nil {
		return err
	}
	if err := books.Write(tx, row.record()); err != nil {
		return fmt.Errorf("save %s: %w", m.name, err)
	}
	if step.Changed() || decided {
		if err := m.saveLedger(tx, row, event, step, why); err != nil {
			return err
		}
	}
	return m.rules.follow(tx, row, step, why)
}

// writes tells whether effects leave a trace. Signing for the phone does not, so a repeated request to pay costs no
// write.
func writes(effects []order.Effect) bool {
	return slices.ContainsFunc(effects, func(e order.Effect) bool { return e != order.SignClientParams })
}

// saveLedger appends the transition with its evidence.
func (m *machine[R, S, E, F]) saveLedger(tx core.App, row R, event E, step order.Transition[S], why evidence[F]) error {
	columns, proof := m.rules.entry(row, why)
	proof["event"] = string(event)
	if len(why.mismatches) > 0 {
		proof["mismatches"] = why.mismatches
	}
	columns["from"], columns["to"], columns["source"], columns["evidence"] = string(step.From), string(step.To), why.source, proof
	_, err := books.Insert(tx, "wx_ledger", columns)
	return err
}

// drive applies an event, makes the call to WeChat that follows, applies its answer, and so on until no call is due.
// NB! calls are made outside of transactions, and each state is committed before the call that it announces.
func (m *machine[R, S, E, F]) drive(ctx context.Context, id string, event E, why evidence[F]) driven[R, S] {
	row, step, err := m.apply(m.app, id, event, why)
	if err != nil {
		return driven[R, S]{step: step, err: err}
	}
	return m.settle(ctx, row, step)
}

// settle is drive for a row whose first step is committed.
func (m *machine[R, S, E, F]) settle(ctx context.Context, row R, step order.Transition[S]) driven[R, S] {
	end, id, called := driven[R, S]{row: row, step: step}, row.record().Id, false
	for range maxSteps {
		again := end.step.Has(m.once)
		if again && called {
			return end
		}
		called = called || again
		event, why, err := m.carryOut(ctx, end.row, end.step)
		if event == "" && why.fact == nil {
			end.callErr = errors.Join(end.callErr, err)
			return end
		}
		if err != nil {
			end.callErr = err
		}
		if end.row, end.step, end.err = m.apply(m.app, id, event, why); end.err != nil {
			return end
		}
	}
	end.err = fmt.Errorf("%s %s does not settle", m.name, id)
	return end
}

// carryOut makes a step's only call, and logs a failure with WeChat's request id. Neither an event nor a fact means
// that nothing is to be done, or that the answer is inconclusive and the sweep must query again.
func (m *machine[R, S, E, F]) carryOut(ctx context.Context, row R, step order.Transition[S]) (event E, why evidence[F], err error) {
	for _, c := range m.calls {
		if !step.Has(c.effect) {
			continue
		}
		gateway, err := m.rules.gateway(row)
		if err != nil {
			return event, why, err
		}
		event, why, err = c.make(ctx, gateway, row)
		if err != nil {
			m.logCall(ctx, row, string(c.effect), err)
		}
		return event, why, err
	}
	return event, why, nil
}

// logCall logs a failed call; the client gets only a code.
func (m *machine[R, S, E, F]) logCall(ctx context.Context, row R, call string, err error) {
	rid := ""
	if refused, ok := errors.AsType[*wxpay.Error](err); ok {
		rid = refused.RequestID
	}
	logs.Named(m.app.Logger()).WarnContext(ctx, "WeChat Pay call failed", "call", call, m.name, row.record().Id, "rid", rid, "error", err.Error())
}

// sweep handles the rows whose time has come. look handles one, under its order's lock.
func (m *machine[R, S, E, F]) sweep(ctx context.Context, look func(context.Context, *core.Record) driven[R, S]) error {
	var due []*core.Record
	if err := m.due(m.app, m.now()).All(&due); err != nil {
		return fmt.Errorf("find due %ss: %w", m.name, err)
	}
	for _, r := range due {
		m.sweepRow(ctx, r, look)
	}
	return nil
}

func (m *machine[R, S, E, F]) sweepRow(ctx context.Context, r *core.Record, look func(context.Context, *core.Record) driven[R, S]) {
	turn := "order/" + r.GetString("order")
	if m.turn != nil {
		turn = m.turn(r)
	}
	defer m.locks.Lock(turn)()
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	end := look(ctx, r)
	if end.err != nil {
		m.app.Logger().Error("sweep of a "+m.name+" stopped", m.name, r.Id, "error", end.err.Error())
	}
	if end.err != nil || end.callErr != nil {
		m.postpone(r)
	}
}

// postpone delays a row after an unanswered query, so that an outage does not cause a storm. It skips a row that has
// ended meanwhile.
func (m *machine[R, S, E, F]) postpone(r *core.Record) {
	err := m.app.RunInTransaction(func(tx core.App) error {
		r, err := books.ByID(tx, r.Collection().Name, r.Id)
		if err != nil || r.GetDateTime("nextQueryAt").IsZero() {
			return err
		}
		asked := r.GetInt("queries")
		r.Set("queries", asked+1)
		r.Set("nextQueryAt", m.now().Add(m.pause(asked)))
		return books.Write(tx, r)
	})
	if err != nil {
		m.app.Logger().Warn(m.name+" not postponed", m.name, r.Id, "error", err.Error())
	}
}
