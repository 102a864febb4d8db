package order_test

import (
	"slices"
	"testing"

	"wxbase/internal/order"
)

// TestStories tells the stories of real orders, row by row of the design.
func TestStories(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		events  []order.PaymentEvent
		state   order.PaymentState
		effects []order.Effect // of the last event
	}{
		{
			"paid by notification",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventPaidFact},
			order.PaymentPaid,
			[]order.Effect{order.MarkOrderPaid, order.CloseOthers},
		},
		{
			"notification twice",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventPaidFact, order.EventPaidFact},
			order.PaymentPaid, nil,
		},
		{
			"notification overtakes the prepay answer",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPaidFact, order.EventPrepaid},
			order.PaymentPaid, nil,
		},
		{
			"prepay timed out, sent again",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepayUnknown, order.EventPayRequested, order.EventPrepaid},
			order.PaymentPrepaid,
			[]order.Effect{order.SignClientParams, order.ScheduleQuery},
		},
		{
			"second call refused says nothing about the first",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepayUnknown, order.EventPayRequested, order.EventPrepayRejected},
			order.PaymentUnknown,
			[]order.Effect{order.Alert, order.QueryNow},
		},
		{
			"prepay refused for good",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepayRejected},
			order.PaymentRejected,
			[]order.Effect{order.Alert},
		},
		{
			"number used and closed on other terms",
			[]order.PaymentEvent{order.EventPayRequested, order.EventNumberUsed, order.EventOtherOpenFact, order.EventCloseDone},
			order.PaymentClosed,
			[]order.Effect{order.CancelOrder, order.ReleaseStock},
		},
		{
			"phone says ok, nothing is proven",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventClientOK},
			order.PaymentPrepaid,
			[]order.Effect{order.QueryNow},
		},
		{
			"phone says cancel, still payable",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventClientFailed, order.EventPayRequested},
			order.PaymentPrepaid,
			[]order.Effect{order.SignClientParams},
		},
		{
			"prepay_id older than two hours",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventPrepayStale},
			order.PaymentPrepaid,
			[]order.Effect{order.CallPrepay},
		},
		{
			"other amount",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventOtherPaidFact},
			order.PaymentDisputed,
			[]order.Effect{order.Freeze, order.Alert},
		},
		{
			"second transaction does not undo the first",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPaidFact, order.EventSecondTransaction},
			order.PaymentPaid,
			[]order.Effect{order.Freeze, order.Alert},
		},
		{
			"expired, asked, closed",
			[]order.PaymentEvent{
				order.EventPayRequested, order.EventPrepaid, order.EventExpire, order.EventNotPaidFact, order.EventCloseDone,
			},
			order.PaymentClosed,
			[]order.Effect{order.CancelOrder, order.ReleaseStock},
		},
		{
			"close without an answer keeps the stock",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventExpire, order.EventCloseUnknown},
			order.PaymentClosing,
			[]order.Effect{order.ScheduleQuery},
		},
		{
			"close refused because it is paid",
			[]order.PaymentEvent{
				order.EventPayRequested, order.EventPrepaid, order.EventCancel, order.EventCloseRefusedPaid, order.EventPaidFact,
			},
			order.PaymentPaid,
			[]order.Effect{order.MarkOrderPaid, order.CloseOthers},
		},
		{
			"paid while closing, the close error comes later",
			[]order.PaymentEvent{
				order.EventPayRequested, order.EventPrepaid, order.EventCancel, order.EventPaidFact, order.EventCloseRefusedPaid,
			},
			order.PaymentPaid, nil,
		},
		{
			"paid after close goes back",
			[]order.PaymentEvent{
				order.EventPayRequested, order.EventPrepaid, order.EventCancel, order.EventCloseDone, order.EventPaidFact,
			},
			order.PaymentPaidLate,
			[]order.Effect{order.ImportRefunds, order.RefundAutomatically},
		},
		{
			"paid after close is taken when the stock is there",
			[]order.PaymentEvent{
				order.EventPayRequested, order.EventPrepaid, order.EventCancel, order.EventCloseDone, order.EventRevive,
			},
			order.PaymentPaid,
			[]order.Effect{order.MarkOrderPaid, order.CloseOthers},
		},
		{
			"two attempts paid, the later goes back",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventPaidTwice},
			order.PaymentPaidLate,
			[]order.Effect{order.ImportRefunds, order.RefundAutomatically},
		},
		{
			"refunded on the platform before we knew it was paid",
			[]order.PaymentEvent{order.EventPayRequested, order.EventPrepaid, order.EventRefundedFact},
			order.PaymentPaid,
			[]order.Effect{order.MarkOrderPaid, order.CloseOthers, order.ImportRefunds},
		},
		{
			"WeChat never heard of it",
			[]order.PaymentEvent{
				order.EventPayRequested, order.EventPrepayUnknown, order.EventUnknownToWeChat,
				order.EventUnknownPastGrace, order.EventUnknownPastGrace,
			},
			order.PaymentClosed,
			[]order.Effect{order.CloseAtWeChat, order.CancelOrder, order.ReleaseStock},
		},
		{
			"prepay answer loses the race against the close",
			[]order.PaymentEvent{
				order.EventPayRequested, order.EventCancel, order.EventUnknownPastGrace, order.EventPrepaid,
			},
			order.PaymentClosed,
			[]order.Effect{order.CloseAtWeChat},
		},
		{
			"dispute settled by a person",
			[]order.PaymentEvent{order.EventPayRequested, order.EventOtherPaidFact, order.EventPaidFact, order.EventResolvePaid},
			order.PaymentPaid,
			[]order.Effect{order.MarkOrderPaid, order.CloseOthers},
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			checkStory(t, order.PaymentNew, s.events, order.Apply, s.state, s.effects)
		})
	}
}

// TestRefundStories does the same for refunds.
func TestRefundStories(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		events  []order.RefundEvent
		state   order.RefundState
		effects []order.Effect
	}{
		{
			"accepted and done",
			[]order.RefundEvent{order.EventRefundRequested, order.EventRefundAccepted, order.EventRefundSucceeded},
			order.RefundSuccess,
			[]order.Effect{order.CountRefund},
		},
		{
			"late answer does not downgrade",
			[]order.RefundEvent{order.EventRefundRequested, order.EventRefundSucceeded, order.EventRefundAccepted},
			order.RefundSuccess, nil,
		},
		{
			"timed out and not there: same number again",
			[]order.RefundEvent{order.EventRefundRequested, order.EventRefundUnknown, order.EventRefundNotFound},
			order.RefundSubmitted,
			[]order.Effect{order.CallRefund},
		},
		{
			"refused for good",
			[]order.RefundEvent{order.EventRefundRequested, order.EventRefundRejected},
			order.RefundRejected,
			[]order.Effect{order.Alert},
		},
		{
			"account short keeps number and reservation",
			[]order.RefundEvent{order.EventRefundRequested, order.EventRefundNotEnough},
			order.RefundSubmitted,
			[]order.Effect{order.RetryRefundLater, order.Alert},
		},
		{
			"too soon after another one, so not sent",
			[]order.RefundEvent{order.EventRefundRequested, order.EventRefundTooSoon},
			order.RefundNew,
			[]order.Effect{order.RetryRefundSoon},
		},
		{
			"closed",
			[]order.RefundEvent{order.EventRefundRequested, order.EventRefundAccepted, order.EventRefundClosed},
			order.RefundClosed,
			[]order.Effect{order.Alert},
		},
		{
			"abnormal, then done",
			[]order.RefundEvent{order.EventRefundRequested, order.EventRefundAbnormal, order.EventRefundSucceeded},
			order.RefundSuccess,
			[]order.Effect{order.CountRefund},
		},
		{
			"made on the platform",
			[]order.RefundEvent{order.EventRefundSucceeded},
			order.RefundSuccess,
			[]order.Effect{order.CountRefund},
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			checkStory(t, order.RefundNew, s.events, order.ApplyRefund, s.state, s.effects)
		})
	}
}

func checkStory[S, E ~string](
	t *testing.T, state S, events []E, apply func(S, E) (order.Transition[S], error), want S, effects []order.Effect,
) {
	t.Helper()
	var last order.Transition[S]
	for _, event := range events {
		step, err := apply(state, event)
		if err != nil {
			t.Fatal(err)
		}
		state, last = step.To, step
	}
	if state != want {
		t.Errorf("got state %s, want %s", state, want)
	}
	if !slices.Equal(last.Effects, effects) {
		t.Errorf("got effects %v, want %v", last.Effects, effects)
	}
}

// TestRefused lists the events that must be refused to a user.
func TestRefused(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name  string
		state order.PaymentState
		event order.PaymentEvent
	}{
		{"cancel a paid order", order.PaymentPaid, order.EventCancel},
		{"pay a paid order", order.PaymentPaid, order.EventPayRequested},
		{"pay a closed attempt", order.PaymentClosed, order.EventPayRequested},
		{"pay while closing", order.PaymentClosing, order.EventPayRequested},
		{"pay a disputed attempt", order.PaymentDisputed, order.EventPayRequested},
		{"revive what is not closed", order.PaymentPaidLate, order.EventRevive},
		{"mark paid by hand without a dispute", order.PaymentPrepaid, order.EventResolvePaid},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if step, err := order.Apply(s.state, s.event); err == nil {
				t.Errorf("got %+v, want an error", step)
			}
		})
	}
}
