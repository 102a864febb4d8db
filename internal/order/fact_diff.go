package order

import (
	"strconv"
	"strings"
)

// comparePaid decides about SUCCESS and REFUND; a refund was a payment first.
func comparePaid(expected Attempt, fact Fact, found []Mismatch) (PaymentEvent, []Mismatch) {
	found = append(found, diffMoney(expected, fact)...)
	if expected.TradeType != "" && expected.TradeType != fact.TradeType {
		found = append(found, mismatch("trade_type", expected.TradeType, fact.TradeType))
	}
	if fact.TransactionID == "" {
		found = append(found, mismatch("transaction_id", expected.TransactionID, ""))
	}
	if len(found) > 0 {
		return EventOtherPaidFact, found
	}
	switch {
	case expected.TransactionID != "" && expected.TransactionID != fact.TransactionID:
		return EventSecondTransaction, []Mismatch{mismatch("transaction_id", expected.TransactionID, fact.TransactionID)}
	case expected.TransactionID == "" && expected.OrderPaid:
		return EventPaidTwice, nil
	case fact.State == "REFUND":
		return EventRefundedFact, nil
	}
	return EventPaidFact, nil
}

// compareOpen decides about an unpaid number. WeChat may omit the amount in such an answer, and nothing is booked from
// it, so only a present and different amount matters.
func compareOpen(expected Attempt, fact Fact) (PaymentEvent, []Mismatch) {
	var found []Mismatch
	for _, m := range diffMoney(expected, fact) {
		missing := m.Field == "total" && fact.Total == 0 || m.Field == "currency" && fact.Currency == ""
		if !missing {
			found = append(found, m)
		}
	}
	if len(found) > 0 {
		return EventOtherOpenFact, found
	}
	return EventNotPaidFact, nil
}

// diffIdentity compares app, merchant and number.
func diffIdentity(expected Attempt, fact Fact) []Mismatch {
	var found []Mismatch
	for _, pair := range [][3]string{
		{"appid", expected.AppID, fact.AppID},
		{"mchid", expected.MchID, fact.MchID},
		{"out_trade_no", expected.OutTradeNo, fact.OutTradeNo},
	} {
		if pair[1] == "" || pair[1] != pair[2] {
			found = append(found, mismatch(pair[0], pair[1], pair[2]))
		}
	}
	return found
}

// diffMoney compares amount and currency.
func diffMoney(expected Attempt, fact Fact) []Mismatch {
	var found []Mismatch
	if expected.Total < 1 || expected.Total != fact.Total {
		found = append(found, mismatch("total", strconv.FormatInt(expected.Total, 10), strconv.FormatInt(fact.Total, 10)))
	}
	currency := expected.Currency
	if currency == "" {
		currency = CNY
	}
	if currency != fact.Currency {
		found = append(found, mismatch("currency", currency, fact.Currency))
	}
	return found
}

// mismatch cuts foreign text, so that it can be stored and shown.
func mismatch(field, want, got string) Mismatch {
	return Mismatch{Field: field, Want: want, Got: strings.ToValidUTF8(got[:min(len(got), 64)], "")}
}
