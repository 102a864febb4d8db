package hooks

import (
	"context"
	"time"

	"wxbase/internal/subscribe"
	"wxbase/internal/till"
)

// Reconcile fetches the trade bill of a merchant for a day, compares, mends and stores the outcome. step is called for every entry that was
// looked at.
func (p *Plugin) Reconcile(ctx context.Context, mchID string, day time.Time, step func(done, all int)) (till.BillReport, error) {
	return p.till.Reconcile(ctx, mchID, day, step)
}

// SendMessage sends a subscribe message and returns WeChat's id of it, which may be empty. One person gets one after the other. The error
// is the one that the route would answer, with a code of docs/errors.md: message_not_subscribed is the one to expect.
//
// NB! after message_uncertain the message may be on its way: do not send it again by itself.
func (p *Plugin) SendMessage(ctx context.Context, m subscribe.Message) (msgID string, err error) {
	return p.subscribe.SendMessage(ctx, m)
}

// Publish sends a message to everybody in a room and returns to how many connections of this process. It waits for none of them, but
// for the commit where the room keeps history: so not inside of a transaction.
func (p *Plugin) Publish(room, event string, payload any) (int, error) {
	return p.rooms.Publish(room, event, payload)
}

type (
	// Message is a subscribe message.
	Message = subscribe.Message
	// BillReport is the outcome of one comparison with a bill of WeChat.
	BillReport = till.BillReport
	// BillDiff is one number on which the books differ.
	BillDiff = till.BillDiff
)
