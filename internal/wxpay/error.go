package wxpay

import (
	"fmt"
	"strings"
)

// Kind says what an [Error] means for the caller. The set is closed.
type Kind string

// The kinds of failure.
const (
	KindNetwork    Kind = "network"    // no answer, or a part of one: the outcome is unknown
	KindBusy       Kind = "busy"       // 202, 429, 5xx: repeat later with the same parameters
	KindParam      Kind = "param"      // a parameter or a business rule: our mistake, do not repeat
	KindSign       Kind = "sign"       // 401: our key, serial or clock is wrong
	KindConfig     Kind = "config"     // merchant, appid binding or base URL is wrong
	KindPaid       Kind = "paid"       // refused because the order is paid: query it
	KindClosed     Kind = "closed"     // refused because the order is closed: take a new number
	KindReused     Kind = "reused"     // the number was used with other parameters: query it
	KindNotFound   Kind = "notFound"   // WeChat has no such order, refund or bill
	KindDenied     Kind = "denied"     // no right, a limit, the payer's account: tell the admin
	KindNotReady   Kind = "notReady"   // the bill is not made yet: ask again in half an hour
	KindUnverified Kind = "unverified" // a 2xx answer whose signature did not verify: believe nothing
	KindUnknown    Kind = "unknown"    // none of the above

	// of refunds. NotEnough can be repeated: keep the number, top up, send the same again. (On a v2 prepay the payer
	// lacks the money.) The others are final.
	KindNotEnough    Kind = "notEnough"    // the merchant's balance is too low
	KindOverdue      Kind = "overdue"      // paid more than a year ago: give the money back outside of WeChat
	KindPayerAccount Kind = "payerAccount" // the payer's account is closed or frozen: a person must act
)

// Error is a failed call. It holds no secret and no query string.
type Error struct {
	Op        string // "prepay", "query", "close", "refund", ...
	Status    int    // HTTP status, 0 when there was no answer
	Code      string // WeChat's code, such as "PARAM_ERROR"; empty when WeChat did not say
	Message   string // WeChat's words or ours, cut to 256 characters; for logs, not for decisions
	RequestID string // WeChat's Request-ID, which its support asks for
	Kind      Kind

	cause error
}

// Error names the call, the kind and what WeChat said.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "wechat pay %s: %s", e.Op, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, ", status %d", e.Status)
	}
	for _, text := range []string{e.Code, e.Message} {
		if text != "" {
			b.WriteString(", " + text)
		}
	}
	if e.RequestID != "" {
		b.WriteString(", request id " + e.RequestID)
	}
	return b.String()
}

// Unwrap returns the cause, so that errors.Is finds context.DeadlineExceeded and others.
func (e *Error) Unwrap() error { return e.cause }

// WithCause sets what Unwrap returns, and returns e. Error does not print it.
func (e *Error) WithCause(cause error) *Error {
	e.cause = cause
	return e
}

// OutcomeUnknown tells whether the call may have taken effect at WeChat although it failed.
//
// NB! when true, never take a new number: query, or repeat with the same parameters.
func (e *Error) OutcomeUnknown() bool {
	switch e.Kind {
	case KindNetwork, KindBusy, KindUnverified:
		return true
	case KindUnknown:
		// a refusal with one of WeChat's codes is final, even if the code is new to us; a proxy's error page is not
		// from WeChat.
		return e.Code == "" || e.Status/100 != 4
	case KindParam, KindSign, KindConfig, KindPaid, KindClosed, KindReused, KindNotFound, KindDenied, KindNotReady,
		KindNotEnough, KindOverdue, KindPayerAccount:
		return false
	default:
		return true
	}
}
