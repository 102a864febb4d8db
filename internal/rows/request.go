package rows

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// RefundRequest is a refund that waits for a second person, or has been decided: a row of wx_refund_requests.
type RefundRequest struct{ *core.Record }

// RefundRequestOf wraps a record of wx_refund_requests.
func RefundRequestOf(r *core.Record) RefundRequest { return RefundRequest{r} }

// OrderID names the order.
func (r RefundRequest) OrderID() string { return r.GetString("order") }

// PaymentID names the payment of which wrong money goes back; empty for a refund of the order.
func (r RefundRequest) PaymentID() string { return r.GetString("payment") }

// RefundID names the refund that it became; empty until it is approved.
func (r RefundRequest) RefundID() string { return r.GetString("refund") }

// State is WAITING, APPROVED or REFUSED.
func (r RefundRequest) State() string { return r.GetString("state") }

// SetState changes State.
func (r RefundRequest) SetState(v string) { r.Set("state", v) }

// Amount is to go back, in fen.
func (r RefundRequest) Amount() int64 { return int64(r.GetInt("amount")) }

// All is all that was left was asked for.
func (r RefundRequest) All() bool { return r.GetBool("all") }

// Reason is what the asker wrote.
func (r RefundRequest) Reason() string { return r.GetString("reason") }

// RequestedBy is the address of who asked.
func (r RefundRequest) RequestedBy() string { return r.GetString("requestedBy") }

// RequesterID is the account of who asked.
func (r RefundRequest) RequesterID() string { return r.GetString("requesterId") }

// Created is when it was asked for.
func (r RefundRequest) Created() time.Time { return r.GetDateTime("created").Time() }
