package wxpay_test

import (
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/wxpay"
)

func TestRefundAnswersThatAreNo(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		answer  http.HandlerFunc
		kind    wxpay.Kind
		unknown bool // the outcome
	}{
		{"a system error may have taken effect", codeAnswer(500, "SYSTEM_ERROR"), wxpay.KindBusy, true},
		{"a rate limit may have taken effect", codeAnswer(429, "FREQUENCY_LIMITED"), wxpay.KindBusy, true},
		{"the other rate limit too", codeAnswer(429, "RATELIMIT_EXCEEDED"), wxpay.KindBusy, true},
		{"accepted may have taken effect", plainAnswer(202, "{}"), wxpay.KindBusy, true},
		{"a page of a gateway may have taken effect", plainAnswer(502, htmlPage), wxpay.KindBusy, true},
		{"a broken rule is final", codeAnswer(400, "INVALID_REQUEST"), wxpay.KindParam, false},
		{"other amounts are final", codeAnswer(400, "REFUND_FEE_MISMATCH"), wxpay.KindReused, false},
		{"an empty balance is not an outcome", codeAnswer(403, "NOT_ENOUGH"), wxpay.KindNotEnough, false},
		{"a closed account is final", codeAnswer(403, "USER_ACCOUNT_ABNORMAL"), wxpay.KindPayerAccount, false},
		{"a year ago is final", codeAnswer(403, "TRADE_OVERDUE"), wxpay.KindOverdue, false},
		{"no such order", codeAnswer(404, "RESOURCE_NOT_EXISTS"), wxpay.KindNotFound, false},
		{"no such merchant", codeAnswer(404, "MCH_NOT_EXISTS"), wxpay.KindConfig, false},
		{"an empty 404 is a wrong path, not a missing refund", plainAnswer(404, ""), wxpay.KindConfig, false},
		{"a signature of ours", codeAnswer(401, "SIGN_ERROR"), wxpay.KindSign, false},
		{"the right JSON without a signature", plainAnswer(200, `{"status":"SUCCESS"}`), wxpay.KindUnverified, true},
		{"an answer without end", plainAnswer(200, strings.Repeat("x", 1<<20+1)), wxpay.KindNetwork, true},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newTestV3(t)
			f.setFault(s.answer)
			_, refundErr := v.Refund(t.Context(), testRefund())
			_, queryErr := v.QueryRefund(t.Context(), testRefundNo)
			for op, err := range map[string]error{"refund": refundErr, "query refund": queryErr} {
				if e := asKind(t, err, s.kind); e.OutcomeUnknown() != s.unknown || e.Op != op {
					t.Errorf("got %+v, unknown %t, want %s, unknown %t", e, e.OutcomeUnknown(), op, s.unknown)
				}
				wantNoSecret(t, err)
			}
			if got := f.hitsOf("POST " + refundsPath); got != 1 {
				t.Errorf("got %d calls, want 1: nothing is repeated here", got)
			}
		})
	}
}

// anyRefund is WeChat's answer to testRefund, changed by modify.
func anyRefund(modify func(refund, amount map[string]any)) map[string]any {
	amount := map[string]any{"total": 100, "refund": 40, "payer_total": 90, "payer_refund": 36, "currency": "CNY"}
	refund := map[string]any{
		"refund_id": "50300000002026010100001", "out_refund_no": testRefundNo, "out_trade_no": testNumber, "status": "PROCESSING",
		"transaction_id": "4200002026010100000000000001", "create_time": "2026-01-01T10:00:00+08:00", "amount": amount,
	}
	if modify != nil {
		modify(refund, amount)
	}
	return refund
}

func TestSignedRefundsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	type maps = map[string]any
	scenarios := []struct {
		name   string
		modify func(refund, amount maps)
		kind   wxpay.Kind // of Refund
		read   bool       // QueryRefund, which knows only the number, accepts it
	}{
		{"another refund, replayed", func(r, _ maps) { r["out_refund_no"] = "R-2" }, wxpay.KindUnverified, false},
		{"of another order", func(r, _ maps) { r["out_trade_no"] = "ORD-20260101-0002" }, wxpay.KindUnverified, true},
		{"of another transaction", func(r, _ maps) { r["transaction_id"] = "42" }, wxpay.KindUnverified, true},
		{"of another merchant", func(r, _ maps) { r["mchid"] = "1900000110" }, wxpay.KindUnverified, false},
		{"of another amount", func(_, a maps) { a["refund"] = 41 }, wxpay.KindReused, true},
		{"of another total", func(_, a maps) { a["total"] = 101 }, wxpay.KindReused, true},
		{"of more than the total", func(_, a maps) { a["refund"] = 101 }, wxpay.KindUnknown, false},
		{"of nothing", func(_, a maps) { a["refund"] = 0 }, wxpay.KindUnknown, false},
		{"of less than nothing", func(_, a maps) { a["refund"] = -40 }, wxpay.KindUnknown, false},
		{"of half a fen", func(_, a maps) { a["refund"] = 0.5 }, wxpay.KindUnknown, false},
		{"of another currency", func(_, a maps) { a["currency"] = "USD" }, wxpay.KindUnknown, false},
		{"without amounts", func(r, _ maps) { delete(r, "amount") }, wxpay.KindUnknown, false},
		{"without a state", func(r, _ maps) { delete(r, "status") }, wxpay.KindUnknown, false},
		{"with two states", func(r, _ maps) { r["refund_status"] = "SUCCESS" }, wxpay.KindUnknown, false},
		{"without WeChat's number", func(r, _ maps) { delete(r, "refund_id") }, wxpay.KindUnknown, false},
		{"made at no time", func(r, _ maps) { r["create_time"] = "yesterday" }, wxpay.KindUnknown, false},
		{"done at no time", func(r, _ maps) { r["success_time"] = "2026" }, wxpay.KindUnknown, false},
		{"empty", func(r, _ maps) { clear(r) }, wxpay.KindUnknown, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newTestV3(t)
			f.setFault(answerWith(f, anyRefund(s.modify)))
			request := testRefund()
			request.TransactionID = "4200002026010100000000000001"
			refund, err := v.Refund(t.Context(), request)
			if e := asKind(t, err, s.kind); refund.State != "" || e.OutcomeUnknown() != (s.kind != wxpay.KindReused) {
				t.Errorf("got %+v, %v, want nothing to act on", refund, e)
			}
			if refund, err = v.QueryRefund(t.Context(), testRefundNo); (err == nil) != s.read || (refund.State != "") != s.read {
				t.Errorf("got %+v, %v, want read %t", refund, err, s.read)
			}
		})
	}
}

func TestRefundStatesWeDoNotKnow(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	f.setFault(answerWith(f, anyRefund(func(r, _ map[string]any) { r["status"], r["new"] = "FROZEN", []int{1} })))
	if refund, err := v.Refund(t.Context(), testRefund()); err != nil || refund.State != "FROZEN" {
		t.Errorf("got %+v, %v, want the word kept", refund, err)
	}
}

// TestRefundOnTheWire pins the bytes sent: a repeat must be identical.
func TestRefundOnTheWire(t *testing.T) {
	t.Parallel()
	const tail = `"notify_url":"https://shop.example.com/api/wx/notify/refund/m1","amount":{"refund":40,"total":100,"currency":"CNY"}}` + "\n"
	scenarios := []struct {
		name   string
		modify func(*wxpay.RefundRequest)
		want   string
	}{
		{
			"by our number, which is known from the first try on", func(r *wxpay.RefundRequest) { r.TransactionID = "4200002026010100000000000001" },
			`{"out_trade_no":"ORD-20260101-0001","out_refund_no":"R-20260101-0001","reason":"缺货 \u0026 \u003cb\u003e",` + tail,
		},
		{
			"by WeChat's number", func(r *wxpay.RefundRequest) { r.OutTradeNo, r.TransactionID = "", "4200002026010100000000000001" },
			`{"transaction_id":"4200002026010100000000000001","out_refund_no":"R-20260101-0001","reason":"缺货 \u0026 \u003cb\u003e",` + tail,
		},
		{
			"without a reason", func(r *wxpay.RefundRequest) { r.Reason = "" },
			`{"out_trade_no":"ORD-20260101-0001","out_refund_no":"R-20260101-0001",` + tail,
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newTestV3(t)
			if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
				t.Fatal(err)
			}
			f.pay(testNumber)
			request := testRefund()
			s.modify(&request)
			for range 2 {
				if _, err := v.Refund(t.Context(), request); err != nil {
					t.Fatal(err)
				}
				if _, body := f.last(); body != s.want {
					t.Errorf("got %s, want %s", body, s.want)
				}
			}
		})
	}
}

// TestRefundNumbersOfEveryCharacter checks that the signed path is the sent path when it needs escapes.
func TestRefundNumbersOfEveryCharacter(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
		t.Fatal(err)
	}
	f.pay(testNumber)
	for _, number := range []string{"R-A|B*C_1-2@shop", "1", strings.Repeat("r", 64)} {
		request := testRefund()
		request.OutRefundNo, request.Refund = number, 1
		if _, err := v.Refund(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		if refund, err := v.QueryRefund(t.Context(), number); err != nil || refund.OutRefundNo != number {
			t.Errorf("got %+v, %v, want %s", refund, err, number)
		}
	}
}
