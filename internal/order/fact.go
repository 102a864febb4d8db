package order

// Fact is what WeChat says about a payment, from a verified notification, query answer or bill line. Only a verified
// one may become a Fact.
//
// note: v2 omits fee_type when it is CNY; the caller fills in documented defaults. An empty field never counts as equal
// here.
type Fact struct {
	AppID, MchID, OutTradeNo, TransactionID string

	Total    int64 // fen: amount.total or total_fee, never payer_total or cash_fee
	Currency string
	State    string // trade_state, WeChat's word

	TradeType string // trade_type, the way it was paid; WeChat tells it once it is paid
}

// Attempt is what our own rows say about the payment of a fact.
type Attempt struct {
	AppID, MchID, OutTradeNo string

	TransactionID string // empty until a payment was booked for this attempt
	Total         int64  // fen
	Currency      string // empty means CNY
	OrderPaid     bool   // another attempt has already paid the order
	TradeType     string // the way that was asked for; empty for virtual payment, which has none
}

// Mismatch is one field in which a fact differs from what we expect.
type Mismatch struct {
	Field     string // "appid", "mchid", "out_trade_no", "transaction_id", "total", "currency", "trade_type", "trade_state"
	Want, Got string // Got is cut to 64 bytes
}

// CNY is the only supported currency.
const CNY = "CNY"

// Compare returns the event that a fact is for the attempt, and every field in which it differs from what we expect.
// EventPaidFact and EventRefundedFact come without a mismatch.
//
// NB! this is the only way to PAID. A field that is missing on either side is a mismatch.
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
