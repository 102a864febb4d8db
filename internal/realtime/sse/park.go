package sse

import (
	"sync/atomic"

	"github.com/pocketbase/pocketbase/tools/subscriptions"
)

// park takes the client out of PocketBase's broker, unless it listens to a collection or is being looked for.
func (c *client) park() {
	c.placing.Lock()
	defer c.placing.Unlock()
	c.place()
}

// borrow puts the client into the broker for the time of a subscribe request.
func (c *client) borrow() {
	c.placing.Lock()
	defer c.placing.Unlock()
	c.borrowed++
	c.place()
}

// GiveBack is the end of a borrow.
func (c *client) giveBack() {
	c.placing.Lock()
	defer c.placing.Unlock()
	c.borrowed--
	c.place()
}

func (c *client) isParked() bool {
	c.placing.Lock()
	defer c.placing.Unlock()
	return c.parked
}

// place runs under placing.
func (c *client) place() {
	park := c.mass && c.borrowed == 0
	if c.ended || park == c.parked {
		return
	}
	if park {
		c.takeBack()
		return
	}
	c.parked, c.loan = false, &loan{client: c}
	c.front.app.SubscriptionsBroker().Register(c.loan)
}

// takeBack is the end of a loan.
func (c *client) takeBack() {
	c.parked = true
	c.loan.over.Store(true)
	c.front.app.SubscriptionsBroker().Unregister(c.Id())
}

// loan is a client as the broker knows it. The broker discards what it lets go of; when it is we who take the client back, that does
// not end the connection.
type loan struct {
	*client

	over atomic.Bool
}

// Discard ends the connection, unless the loan is over.
func (l *loan) Discard() {
	if !l.over.Load() {
		l.client.Discard()
	}
}

// clientOf finds our client behind PocketBase's, or nil.
func clientOf(c subscriptions.Client) *client {
	if l, ok := c.(*loan); ok {
		return l.client
	}
	return nil
}
