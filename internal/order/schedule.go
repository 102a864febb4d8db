package order

import "time"

// Times of a payment attempt.
const (
	// PrepayLife is how long WeChat keeps a prepay_id.
	PrepayLife = 2 * time.Hour
	// PrepayMargin is subtracted from PrepayLife, so that the payer has time for the password.
	PrepayMargin = 5 * time.Minute
	// H5Life is how long WeChat keeps the page of an H5 payment.
	H5Life = 5 * time.Minute
	// H5Margin is subtracted from H5Life, so that the payer has time to open the page.
	H5Margin = time.Minute
	// UnknownGrace is how long ORDER_NOT_EXIST may mean "not yet" after the last prepay call.
	UnknownGrace = 5 * time.Minute
	// ExpirySlack lies between time_expire and our close, for running payments and for different clocks.
	ExpirySlack = time.Minute
	// CloseMinAge is the age before which WeChat may refuse a close.
	CloseMinAge = 5 * time.Minute
)

// NextQuery returns the pause before the next query after attempt queries (0 for the first query): 5 s, 30 s, 1, 3, 5,
// 10 and 30 minutes, then every 30 minutes until the attempt is settled.
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

// CloseAfter returns when the sweep may send EventExpire: ExpirySlack after the attempt's time_expire, and at least
// CloseMinAge after its creation.
func CloseAfter(createdAt, expiresAt time.Time) time.Time {
	late, old := expiresAt.Add(ExpirySlack), createdAt.Add(CloseMinAge)
	if late.After(old) {
		return late
	}
	return old
}

// PrepayFresh reports whether what WeChat gave at prepayAt can be handed out at now; if not, the event is
// EventPrepayStale. A time in the future is not fresh.
func PrepayFresh(tradeType string, prepayAt, now time.Time) bool {
	age, margin := now.Sub(prepayAt), PrepayMargin
	if tradeType == tradeH5 {
		margin = H5Margin
	}
	return !prepayAt.IsZero() && age >= 0 && age < PrepayLifeOf(tradeType)-margin
}

// tradeH5 is trade_type of an H5 payment.
const tradeH5 = "MWEB"

// PrepayLifeOf is how long WeChat keeps what it gives for a trade_type: a prepay_id and a Native code for two hours, the
// page of an H5 payment for five minutes.
func PrepayLifeOf(tradeType string) time.Duration {
	if tradeType == tradeH5 {
		return H5Life
	}
	return PrepayLife
}

// PastGrace reports whether ORDER_NOT_EXIST now means EventUnknownPastGrace.
func PastGrace(lastPrepayAt, now time.Time) bool {
	return now.Sub(lastPrepayAt) >= UnknownGrace
}
