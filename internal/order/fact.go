package order

// Fact is what WeChat says about a payment, from a verified notification, query
// answer or bill line. Only a verified one may become a Fact.
//
// note: v2 leaves fee_type out when it is CNY; the caller fills in what a document
// defines as a default. An empty field never counts as equal here.
type Fact struct {
	AppID, MchID, OutTradeNo, TransactionID string

	Total    int64 // fen: amount.total or total_fee, never payer_total or cash_fee
	Currency string
	State    string // trade_state, WeChat's word
}

// Attempt is what our own rows say about the payment that a fact is about.
type Attempt struct {
	AppID, MchID, OutTradeNo string

	TransactionID string // empty until a payment was booked for this attempt
	Total         int64  // fen
	Currency      string // empty means CNY
	OrderPaid     bool   // another attempt has paid the order already
}

// Mismatch is one field in which a fact differs from what we expect.
type Mismatch struct {
	Field     string // "appid", "mchid", "out_trade_no", "transaction_id", "total", "currency", "trade_state"
	Want, Got string // Got is cut to 64 bytes
}

// CNY is the only currency that we take.
const CNY = "CNY"

// Compare says which event a fact is for the attempt, and every field in which it
// differs from what we expect. With EventPaidFact and EventRefundedFact there is
// no mismatch.
//
// NB! this is the only door to PAID. It takes nothing for granted: a field that is
// missing on either side is a mismatch.
func Compare(expected Attempt, fact Fact) (PaymentEvent, []Mismatch) {
	identity := diffIdentity(expected, fact)
	switch fact.State {
	case "SUCCESS", "REFUND":
		return comparePaid(expected, fact, identity)
	case "NOTPAY", "USERPAYING", "PAYERROR":
		if len(identity) > 0 {
			return EventUnclearFact, identity
		}
		return compareOpen(expected, fact)
	case "CLOSED", "REVOKED":
		if len(identity) > 0 {
			return EventUnclearFact, identity
		}
		return EventClosedFact, nil
	}
	return EventUnclearFact, append(identity, mismatch("trade_state", "", fact.State))
}
