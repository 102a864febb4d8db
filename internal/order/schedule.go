package order

import "time"

// Times of a payment attempt.
const (
	// PrepayLife is how long WeChat keeps a prepay_id.
	PrepayLife = 2 * time.Hour
	// PrepayMargin is taken off PrepayLife, for the payer to type a password in.
	PrepayMargin = 5 * time.Minute
	// UnknownGrace is how long ORDER_NOT_EXIST may mean "not yet" after the last
	// prepay call.
	UnknownGrace = 5 * time.Minute
	// ExpirySlack passes between time_expire and our close, for payments that were
	// under way and for clocks that differ.
	ExpirySlack = time.Minute
	// CloseMinAge is the age before which WeChat may refuse a close.
	CloseMinAge = 5 * time.Minute
)

// NextQuery returns how long to wait before asking WeChat again when it has been
// asked attempt times (0 for the first query): 5 s, 30 s, 1, 3, 5, 10 and 30
// minutes, then every 30 minutes until the attempt is settled.
//
// Official guidance: 支付回调和查单实现指引
// https://pay.weixin.qq.com/doc/v3/merchant/4012075249
func NextQuery(attempt int) time.Duration {
	switch {
	case attempt <= 0:
		return 5 * time.Second
	case attempt == 1:
		return 30 * time.Second
	case attempt == 2:
		return time.Minute
	case attempt == 3:
		return 3 * time.Minute
	case attempt == 4:
		return 5 * time.Minute
	case attempt == 5:
		return 10 * time.Minute
	}
	return 30 * time.Minute
}

// CloseAfter returns when the sweep may send EventExpire: ExpirySlack after the
// attempt's time_expire and never before it is CloseMinAge old.
func CloseAfter(createdAt, expiresAt time.Time) time.Time {
	late, old := expiresAt.Add(ExpirySlack), createdAt.Add(CloseMinAge)
	if late.After(old) {
		return late
	}
	return old
}

// PrepayFresh reports whether a prepay_id of prepayAt can be handed out at now;
// if not, the event is EventPrepayStale. A time in the future is not fresh.
func PrepayFresh(prepayAt, now time.Time) bool {
	age := now.Sub(prepayAt)
	return !prepayAt.IsZero() && age >= 0 && age < PrepayLife-PrepayMargin
}

// PastGrace reports whether ORDER_NOT_EXIST is EventUnknownPastGrace by now.
func PastGrace(lastPrepayAt, now time.Time) bool {
	return now.Sub(lastPrepayAt) >= UnknownGrace
}
