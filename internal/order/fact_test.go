package order_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"wxbase/internal/order"
)

func ourAttempt() order.Attempt {
	return order.Attempt{AppID: "wxd930ea5d5a258f4f", MchID: "10000100", OutTradeNo: "k3xq0a1b2c3d4e5-1", Total: 1800, TradeType: "NATIVE"}
}

func paidFact() order.Fact {
	return order.Fact{
		AppID: "wxd930ea5d5a258f4f", MchID: "10000100", OutTradeNo: "k3xq0a1b2c3d4e5-1",
		TransactionID: "4200001234202601010000000001", Total: 1800, Currency: "CNY", State: "SUCCESS", TradeType: "NATIVE",
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		change func(*order.Attempt, *order.Fact)
		event  order.PaymentEvent
		fields []string
	}{
		{"all equal", func(*order.Attempt, *order.Fact) {}, order.EventPaidFact, nil},
		{"same transaction again", func(a *order.Attempt, f *order.Fact) { a.TransactionID = f.TransactionID }, order.EventPaidFact, nil},
		{"same transaction of the attempt that paid", func(a *order.Attempt, f *order.Fact) {
			a.TransactionID, a.OrderPaid = f.TransactionID, true
		}, order.EventPaidFact, nil},
		{"second transaction", func(a *order.Attempt, _ *order.Fact) { a.TransactionID = "4200009" }, order.EventSecondTransaction, []string{"transaction_id"}},
		{"order paid by another attempt", func(a *order.Attempt, _ *order.Fact) { a.OrderPaid = true }, order.EventPaidTwice, nil},
		{"refunded", func(_ *order.Attempt, f *order.Fact) { f.State = "REFUND" }, order.EventRefundedFact, nil},
		{"refunded on other terms", func(_ *order.Attempt, f *order.Fact) { f.State, f.Total = "REFUND", 1 }, order.EventOtherPaidFact, []string{"total"}},
		{"one fen less", func(_ *order.Attempt, f *order.Fact) { f.Total-- }, order.EventOtherPaidFact, []string{"total"}},
		{"other amount on a paid attempt", func(a *order.Attempt, f *order.Fact) {
			a.TransactionID = f.TransactionID
			f.Total++
		}, order.EventOtherPaidFact, []string{"total"}},
		{"other currency", func(_ *order.Attempt, f *order.Fact) { f.Currency = "HKD" }, order.EventOtherPaidFact, []string{"currency"}},
		{"currency in small letters", func(_ *order.Attempt, f *order.Fact) { f.Currency = "cny" }, order.EventOtherPaidFact, []string{"currency"}},
		{"other app", func(_ *order.Attempt, f *order.Fact) { f.AppID = "wxother" }, order.EventOtherPaidFact, []string{"appid"}},
		{"other merchant", func(_ *order.Attempt, f *order.Fact) { f.MchID = "10000101" }, order.EventOtherPaidFact, []string{"mchid"}},
		{"other number", func(_ *order.Attempt, f *order.Fact) { f.OutTradeNo += "0" }, order.EventOtherPaidFact, []string{"out_trade_no"}},
		{"paid in another way", func(_ *order.Attempt, f *order.Fact) { f.TradeType = "MWEB" }, order.EventOtherPaidFact, []string{"trade_type"}},
		{"paid in no way that is told", func(_ *order.Attempt, f *order.Fact) { f.TradeType = "" }, order.EventOtherPaidFact, []string{"trade_type"}},
		{"a payment that has no way", func(a *order.Attempt, f *order.Fact) { a.TradeType, f.TradeType = "", "" }, order.EventPaidFact, nil},
		{"no transaction", func(_ *order.Attempt, f *order.Fact) { f.TransactionID = "" }, order.EventOtherPaidFact, []string{"transaction_id"}},
		{"no transaction on either side", func(a *order.Attempt, f *order.Fact) {
			a.TransactionID, f.TransactionID = "", ""
		}, order.EventOtherPaidFact, []string{"transaction_id"}},
		{"no currency", func(_ *order.Attempt, f *order.Fact) { f.Currency = "" }, order.EventOtherPaidFact, []string{"currency"}},
		{"missing on both sides is not equal", func(a *order.Attempt, f *order.Fact) {
			*a, *f = order.Attempt{}, order.Fact{State: "SUCCESS"}
		}, order.EventOtherPaidFact, []string{"appid", "mchid", "out_trade_no", "total", "currency", "transaction_id"}},
		{"not paid", func(_ *order.Attempt, f *order.Fact) { *f = openFact("NOTPAY") }, order.EventNotPaidFact, nil},
		{"paying", func(_ *order.Attempt, f *order.Fact) { *f = openFact("USERPAYING") }, order.EventNotPaidFact, nil},
		{"payment failed", func(_ *order.Attempt, f *order.Fact) { *f = openFact("PAYERROR") }, order.EventNotPaidFact, nil},
		{"open on other terms", func(_ *order.Attempt, f *order.Fact) {
			*f = openFact("NOTPAY")
			f.Total = 1
		}, order.EventOtherOpenFact, []string{"total"}},
		{"open in another currency", func(_ *order.Attempt, f *order.Fact) {
			*f = openFact("NOTPAY")
			f.Currency = "USD"
		}, order.EventOtherOpenFact, []string{"currency"}},
		{"open, another number", func(_ *order.Attempt, f *order.Fact) {
			*f = openFact("NOTPAY")
			f.OutTradeNo = "other-1"
		}, order.EventUnclearFact, []string{"out_trade_no"}},
		{"closed", func(_ *order.Attempt, f *order.Fact) { *f = openFact("CLOSED") }, order.EventClosedFact, nil},
		{"revoked", func(_ *order.Attempt, f *order.Fact) { *f = openFact("REVOKED") }, order.EventClosedFact, nil},
		{"closed, no merchant", func(_ *order.Attempt, f *order.Fact) {
			*f = openFact("CLOSED")
			f.MchID = ""
		}, order.EventUnclearFact, []string{"mchid"}},
		{"unknown state", func(_ *order.Attempt, f *order.Fact) { f.State = "success" }, order.EventUnclearFact, []string{"trade_state"}},
		{"no state", func(_ *order.Attempt, f *order.Fact) { f.State = "" }, order.EventUnclearFact, []string{"trade_state"}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			attempt, fact := ourAttempt(), paidFact()
			s.change(&attempt, &fact)
			event, mismatches := order.Compare(attempt, fact)
			if event != s.event {
				t.Errorf("got %s, want %s", event, s.event)
			}
			var fields []string
			for _, m := range mismatches {
				fields = append(fields, m.Field)
			}
			if !slices.Equal(fields, s.fields) {
				t.Errorf("got mismatches %v, want %v", fields, s.fields)
			}
		})
	}
}

// openFact is an unpaid answer, which lacks later fields.
func openFact(state string) order.Fact {
	fact := paidFact()
	fact.TransactionID, fact.Total, fact.Currency, fact.State, fact.TradeType = "", 0, "", state, ""
	return fact
}

func TestCompareRefund(t *testing.T) {
	t.Parallel()
	ours := order.RefundAttempt{
		MchID: "10000100", OutTradeNo: "k3xq-1", TransactionID: "42000", OutRefundNo: "r-abcd-1", Amount: 50, Total: 100,
	}
	scenarios := []struct {
		name   string
		change func(*order.RefundFact)
		event  order.RefundEvent
		fields []string
	}{
		{"processing", func(f *order.RefundFact) { f.State = "PROCESSING" }, order.EventRefundAccepted, nil},
		{"success", func(*order.RefundFact) {}, order.EventRefundSucceeded, nil},
		{"closed", func(f *order.RefundFact) { f.State = "CLOSED" }, order.EventRefundClosed, nil},
		{"closed in v2", func(f *order.RefundFact) { f.State = "REFUNDCLOSE" }, order.EventRefundClosed, nil},
		{"abnormal", func(f *order.RefundFact) { f.State = "ABNORMAL" }, order.EventRefundAbnormal, nil},
		{"abnormal in v2", func(f *order.RefundFact) { f.State = "CHANGE" }, order.EventRefundAbnormal, nil},
		{"unknown word", func(f *order.RefundFact) { f.State = "REFUNDED" }, order.EventRefundOtherFact, []string{"status"}},
		{"other amount", func(f *order.RefundFact) { f.Amount = 51 }, order.EventRefundOtherFact, []string{"amount"}},
		{"other total", func(f *order.RefundFact) { f.Total = 0 }, order.EventRefundOtherFact, []string{"total"}},
		{"other number", func(f *order.RefundFact) { f.OutRefundNo = "" }, order.EventRefundOtherFact, []string{"out_refund_no"}},
		{"other payment", func(f *order.RefundFact) { f.TransactionID = "43" }, order.EventRefundOtherFact, []string{"transaction_id"}},
		{"other merchant", func(f *order.RefundFact) { f.MchID = "1" }, order.EventRefundOtherFact, []string{"mchid"}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			fact := order.RefundFact{
				MchID: ours.MchID, OutTradeNo: ours.OutTradeNo, TransactionID: ours.TransactionID,
				OutRefundNo: ours.OutRefundNo, Amount: ours.Amount, Total: ours.Total, State: "SUCCESS",
			}
			s.change(&fact)
			event, mismatches := order.CompareRefund(ours, fact)
			if event != s.event {
				t.Errorf("got %s, want %s", event, s.event)
			}
			var fields []string
			for _, m := range mismatches {
				fields = append(fields, m.Field)
			}
			if !slices.Equal(fields, s.fields) {
				t.Errorf("got mismatches %v, want %v", fields, s.fields)
			}
		})
	}
}

// FuzzCompare searches a fact that counts as paid but differs from the request.
func FuzzCompare(f *testing.F) {
	ours, fact := ourAttempt(), paidFact()
	f.Add(fact.AppID, fact.MchID, fact.OutTradeNo, fact.TransactionID, fact.Total, fact.Currency, fact.State, "", false)
	f.Add(fact.AppID, fact.MchID, fact.OutTradeNo, "42", fact.Total, fact.Currency, "REFUND", "42", true)
	f.Add("", "", "", "", int64(-1), "", "CLOSED", "4", true)
	f.Add(fact.AppID, "1\xff", strings.Repeat("无", 40), "", int64(0), "", "NOTPAY", "", false)
	f.Fuzz(func(t *testing.T, appID, mchID, number, transaction string, total int64, currency, state, known string, orderPaid bool) {
		attempt := ours
		attempt.TransactionID, attempt.OrderPaid = known, orderPaid
		event, mismatches := order.Compare(attempt, order.Fact{
			AppID: appID, MchID: mchID, OutTradeNo: number, TransactionID: transaction,
			Total: total, Currency: currency, State: state, TradeType: attempt.TradeType,
		})
		if _, err := order.ParsePaymentEvent(string(event)); err != nil {
			t.Fatal(err)
		}
		equal := appID == ours.AppID && mchID == ours.MchID && number == ours.OutTradeNo &&
			total == ours.Total && currency == order.CNY && transaction != "" && (known == "" || known == transaction)
		took := event == order.EventPaidFact || event == order.EventRefundedFact
		if took && (!equal || len(mismatches) > 0 || state != "SUCCESS" && state != "REFUND") {
			t.Errorf("got %s with %v, want it for equal facts only", event, mismatches)
		}
		if equal && state == "SUCCESS" && !took && event != order.EventPaidTwice {
			t.Errorf("got %s, want the payment to be taken", event)
		}
		for _, m := range mismatches {
			if len(m.Got) > 64 || !utf8.ValidString(m.Got) {
				t.Errorf("got mismatch of %d bytes, want at most 64 of valid text", len(m.Got))
			}
		}
	})
}
