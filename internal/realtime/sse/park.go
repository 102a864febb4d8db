package sse

import (
	"sync/atomic"

	"github.com/pocketbase/pocketbase/tools/subscriptions"
)

// park takes the client out of PocketBase's broker, unless it listens to a collection or a subscribe request looks for
// it.
func (c *client) park() {
	c.placing.Lock()
	defer c.placing.Unlock()
	c.place()
}

// borrow puts the client into the broker during a subscribe request.
func (c *client) borrow() {
	c.placing.Lock()
	defer c.placing.Unlock()
	c.borrowed++
	c.place()
}

// giveBack ends a borrow.
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

// place puts the client where it belongs. The caller holds placing.
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

// takeBack ends a loan.
func (c *client) takeBack() {
	c.parked = true
	c.loan.over.Store(true)
	c.front.app.SubscriptionsBroker().Unregister(c.Id())
}

// loan is a client in the broker. The broker discards the clients that it removes; if we remove the client, the
// connection stays.
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

// clientOf returns our client inside PocketBase's, or nil.
func clientOf(c subscriptions.Client) *client {
	if l, ok := c.(*loan); ok {
		return l.client
	}
	return nil
}
