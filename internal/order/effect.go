package order

// Effect is something that must follow a step. Queue it in the transaction that writes the new state; run it after the
// commit.
type Effect string

// Effects of payments.
const (
	// CallPrepay sends the stored prepay request, byte for byte the same.
	CallPrepay Effect = "CallPrepay"
	// SignClientParams hands a signed requestPayment to the owner. NB! without this effect a prepay_id must not leave
	// the server.
	SignClientParams Effect = "SignClientParams"
	// QueryNow asks WeChat at once.
	QueryNow Effect = "QueryNow"
	// ScheduleQuery asks WeChat later, see NextQuery.
	ScheduleQuery Effect = "ScheduleQuery"
	// CloseAtWeChat sends the close call, which may be repeated.
	CloseAtWeChat Effect = "CloseAtWeChat"
	// MarkOrderPaid moves the order to PAID and starts everything after that: shipping, messages, hooks. At most once
	// in an attempt's life.
	MarkOrderPaid Effect = "MarkOrderPaid"
	// CloseOthers sends EventReplace to every other live attempt of the order.
	CloseOthers Effect = "CloseOthers"
	// CancelOrder moves an UNPAID order to CANCELLED.
	//
	// note: skip it, and ReleaseStock with it, while the order has another live attempt, or when the attempt was closed
	// only to make room for the next one.
	CancelOrder Effect = "CancelOrder"
	// ReleaseStock returns reserved stock, once per order. It occurs only with a confirmed close.
	ReleaseStock Effect = "ReleaseStock"
	// ImportRefunds asks WeChat for refunds that others made, and books them.
	ImportRefunds Effect = "ImportRefunds"
	// RefundAutomatically refunds the rest of the payment under AutoRefundNo, after ImportRefunds. At most once in an
	// attempt's life.
	RefundAutomatically Effect = "RefundAutomatically"
	// Freeze holds the order back (no shipping, no refund) until a person looks.
	Freeze Effect = "Freeze"
	// Alert raises an alert. It may be repeated.
	Alert Effect = "Alert"
)

// Effects of refunds, in addition to Alert and Freeze.
const (
	// CallRefund sends the refund request under its stored number.
	CallRefund Effect = "CallRefund"
	// RetryRefundLater repeats the same request when the account is topped up.
	RetryRefundLater Effect = "RetryRefundLater"
	// RetryRefundSoon repeats the same request when RefundSpacing has passed.
	RetryRefundSoon Effect = "RetryRefundSoon"
	// QueryRefundNow asks WeChat for the refund at once.
	QueryRefundNow Effect = "QueryRefundNow"
	// ScheduleRefundQuery asks WeChat for the refund later, see NextQuery.
	ScheduleRefundQuery Effect = "ScheduleRefundQuery"
	// CountRefund adds the amount to the order's refunded total, derives its state by PayStateAfter and runs the hooks.
	// At most once in a refund's life.
	CountRefund Effect = "CountRefund"
)

// Effects returns every Effect.
func Effects() []Effect {
	return []Effect{
		CallPrepay, SignClientParams, QueryNow, ScheduleQuery, CloseAtWeChat, MarkOrderPaid, CloseOthers,
		CancelOrder, ReleaseStock, ImportRefunds, RefundAutomatically, Freeze, Alert,
		CallRefund, RetryRefundLater, RetryRefundSoon, QueryRefundNow, ScheduleRefundQuery, CountRefund,
	}
}
