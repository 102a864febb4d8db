// Package order decides what happens to money: the next state of an order, a payment *attempt* or a refund, and the
// *effects* that must follow.
//
// It is pure: it uses only the standard library, without I/O, clock or randomness. The caller brings an *event*, gets a
// *step* back, writes the new state and queues the step's effects in one database transaction, and only then talks to
// WeChat.
//
//	request ──> EventPayRequested ──> PREPAYING ──> EventPrepaid ──> PREPAID
//	notification or query ──> Compare ──> EventPaidFact ──> PAID
//	expiry or cancel ──> CLOSING ──> query ──> close ──> EventCloseDone ──> CLOSED
//
// WeChat is the source of truth for money. A *fact* (a verified notification, query answer or bill line) beats every
// local belief; what the phone says never does. PAID is final here: refunds change the order's totals, not the
// attempt's state.
//
// Money is an int64 number of fen throughout.
package order
