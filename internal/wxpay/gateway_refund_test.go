package wxpay_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

const testRefundNo = "R-20260101-0001"

func testRefund() wxpay.RefundRequest {
	return wxpay.RefundRequest{
		OutTradeNo: testNumber, OutRefundNo: testRefundNo, Reason: "缺货 & <b>", NotifyURL: "https://shop.example.com/api/wx/notify/refund/m1",
		Refund: 40, Total: 100,
	}
}

func mustPay(t *testing.T, w world) (transactionID string) {
	t.Helper()
	mustPrepay(t, w)
	return w.pay(testNumber)
}

func mustRefund(t *testing.T, w world) wxpay.Refund {
	t.Helper()
	refund, err := w.gateway.Refund(t.Context(), testRefund())
	if err != nil {
		t.Fatalf("got %v, want the refund taken on", err)
	}
	return refund
}

// wantRefund compares everything but the times, the raw bytes and WeChat's number.
func wantRefund(t *testing.T, got, want wxpay.Refund) {
	t.Helper()
	if len(got.Raw) == 0 || !json.Valid(got.Raw) || got.RefundID == "" {
		t.Errorf("got number %q and raw %q, want the evidence", got.RefundID, got.Raw)
	}
	got.Raw, got.RefundID, got.CreatedAt, got.SuccessAt = nil, "", time.Time{}, time.Time{}
	left, _ := json.Marshal(got)
	right, _ := json.Marshal(want)
	if !bytes.Equal(left, right) {
		t.Errorf("got %s, want %s", left, right)
	}
}

// refundOf is testRefund in a state.
func refundOf(transactionID string, state wxpay.RefundState) wxpay.Refund {
	return wxpay.Refund{
		MchID: testMchID, OutRefundNo: testRefundNo, OutTradeNo: testNumber, TransactionID: transactionID, State: state,
		Refund: 40, Total: 100, PayerRefund: 36, PayerTotal: 90, Channel: "ORIGINAL", UserReceivedAccount: "支付用户零钱",
	}
}

func testRefundGoesThrough(t *testing.T, w world) {
	transactionID := mustPay(t, w)
	accepted := mustRefund(t, w)
	wantRefund(t, accepted, refundOf(transactionID, wxpay.RefundProcessing))
	if !accepted.CreatedAt.Equal(testStart) || !accepted.SuccessAt.IsZero() {
		t.Errorf("got %s and %s, want it made now and not yet done", accepted.CreatedAt, accepted.SuccessAt)
	}
	trade, err := w.gateway.Query(t.Context(), testNumber)
	if err != nil || trade.State != wxpay.StateRefund || !trade.State.IsPaid() {
		t.Errorf("got %+v, %v, want a trade that was paid and refunded in part", trade, err)
	}
	for _, state := range []wxpay.RefundState{wxpay.RefundProcessing, wxpay.RefundAbnormal, wxpay.RefundSuccess} {
		w.settle(testRefundNo, state)
		refund, err := w.gateway.QueryRefund(t.Context(), testRefundNo)
		if err != nil {
			t.Fatal(err)
		}
		wantRefund(t, refund, refundOf(transactionID, state))
		if done := state == wxpay.RefundSuccess; refund.RefundID != accepted.RefundID || refund.SuccessAt.Equal(testStart) != done {
			t.Errorf("got %s done at %s, want %s and done %t", refund.RefundID, refund.SuccessAt, accepted.RefundID, done)
		}
	}
}

func testPartialRefunds(t *testing.T, w world) {
	transactionID := mustPay(t, w)
	first, second := testRefund(), testRefund()
	second.OutRefundNo, second.OutTradeNo, second.TransactionID, second.Refund = "R-2", "", transactionID, 60
	var ids []string
	for _, request := range []wxpay.RefundRequest{first, second} {
		refund, err := w.gateway.Refund(t.Context(), request)
		if err != nil || refund.Refund != request.Refund || refund.OutTradeNo != testNumber {
			t.Fatalf("got %+v, %v, want %s of it refunded", refund, err, request.Refund)
		}
		ids = append(ids, refund.RefundID)
		w.advance(2 * time.Minute) // between refunds of one order
	}
	if ids[0] == ids[1] {
		t.Errorf("got refund %s twice, want one each", ids[0])
	}
	third := testRefund()
	third.OutRefundNo, third.Refund = "R-3", 1
	_, err := w.gateway.Refund(t.Context(), third)
	if e := asKind(t, err, wxpay.KindParam); e.OutcomeUnknown() {
		t.Errorf("got an unknown outcome of %v, want a refusal", e)
	}
	_, err = w.gateway.QueryRefund(t.Context(), "R-3")
	wantKind(t, err, wxpay.KindNotFound)
	// a refund that failed for good leaves room for another one
	w.settle("R-2", wxpay.RefundClosed)
	third.Refund = 60
	if refund, err := w.gateway.Refund(t.Context(), third); err != nil || refund.State != wxpay.RefundProcessing {
		t.Errorf("got %+v, %v, want it taken on under a new number", refund, err)
	}
}

func testSameRefundAgain(t *testing.T, w world) {
	mustPay(t, w)
	first := mustRefund(t, w)
	if again := mustRefund(t, w); again.RefundID != first.RefundID {
		t.Errorf("got refund %s, want %s again", again.RefundID, first.RefundID)
	}
	w.settle(testRefundNo, wxpay.RefundSuccess)
	if again := mustRefund(t, w); again.RefundID != first.RefundID || again.State != wxpay.RefundSuccess {
		t.Errorf("got %+v, want the first one, done", again)
	}
	other := testRefund()
	other.Refund++
	_, err := w.gateway.Refund(t.Context(), other)
	if e := asKind(t, err, wxpay.KindReused); e.OutcomeUnknown() {
		t.Errorf("got an unknown outcome of %v, want a refusal", e)
	}
	if refund, err := w.gateway.QueryRefund(t.Context(), testRefundNo); err != nil || refund.Refund != 40 {
		t.Errorf("got %+v, %v, want the first one unchanged", refund, err)
	}
}

func testMissingRefund(t *testing.T, w world) {
	_, err := w.gateway.QueryRefund(t.Context(), testRefundNo)
	wantKind(t, err, wxpay.KindNotFound)
	_, err = w.gateway.Refund(t.Context(), testRefund())
	wantKind(t, err, wxpay.KindNotFound) // no order
	mustPrepay(t, w)
	_, err = w.gateway.Refund(t.Context(), testRefund())
	if e := asKind(t, err, wxpay.KindNotFound); e.OutcomeUnknown() { // not paid
		t.Errorf("got an unknown outcome of %v, want a refusal", e)
	}
}

func testRefundWithoutMoney(t *testing.T, w world) {
	mustPay(t, w)
	w.poor(true)
	_, err := w.gateway.Refund(t.Context(), testRefund())
	if e := asKind(t, err, wxpay.KindNotEnough); e.OutcomeUnknown() {
		t.Errorf("got an unknown outcome of %v, want a refusal", e)
	}
	_, err = w.gateway.QueryRefund(t.Context(), testRefundNo)
	wantKind(t, err, wxpay.KindNotFound)
	w.poor(false)
	mustRefund(t, w) // the same number
}

func testRefundUnknownOutcome(t *testing.T, w world) {
	mustPay(t, w)
	scenarios := []struct {
		kind wxpay.Kind
		turn func(on bool)
	}{{wxpay.KindBusy, w.busy}, {wxpay.KindNetwork, w.cut}}
	for _, s := range scenarios {
		s.turn(true)
		_, refundErr := w.gateway.Refund(t.Context(), testRefund())
		_, queryErr := w.gateway.QueryRefund(t.Context(), testRefundNo)
		for _, err := range []error{refundErr, queryErr} {
			if e := asKind(t, err, s.kind); !e.OutcomeUnknown() {
				t.Errorf("got a known outcome of %v, want unknown", e)
			}
		}
		s.turn(false)
		_, err := w.gateway.QueryRefund(t.Context(), testRefundNo)
		wantKind(t, err, wxpay.KindNotFound) // the query shows it: the refund did not take effect
	}
	for kind, turn := range map[wxpay.Kind]func(bool){wxpay.KindNetwork: w.lose, wxpay.KindUnverified: w.forge} {
		turn(true)
		_, err := w.gateway.Refund(t.Context(), testRefund())
		if e := asKind(t, err, kind); !e.OutcomeUnknown() {
			t.Errorf("got a known outcome of %v, want unknown", e)
		}
		turn(false)
		found, err := w.gateway.QueryRefund(t.Context(), testRefundNo)
		if err != nil || found.State != wxpay.RefundProcessing {
			t.Errorf("got %+v, %v, want what took effect all the same", found, err)
		}
		if again := mustRefund(t, w); again.RefundID != found.RefundID {
			t.Errorf("got refund %s, want %s and no second one", again.RefundID, found.RefundID)
		}
	}
}

func testRefundNotSent(t *testing.T, w world) {
	w.cut(true) // a call that goes out would be a network error
	scenarios := map[string]func(*wxpay.RefundRequest){
		"no order":           func(r *wxpay.RefundRequest) { r.OutTradeNo = "" },
		"a short order":      func(r *wxpay.RefundRequest) { r.OutTradeNo = "short" },
		"a path as order":    func(r *wxpay.RefundRequest) { r.TransactionID = "42/../43" },
		"no number":          func(r *wxpay.RefundRequest) { r.OutRefundNo = "" },
		"a long number":      func(r *wxpay.RefundRequest) { r.OutRefundNo = strings.Repeat("R", 65) },
		"a path as number":   func(r *wxpay.RefundRequest) { r.OutRefundNo = "R-1/../R-2" },
		"a long reason":      func(r *wxpay.RefundRequest) { r.Reason = strings.Repeat("缺", 81) },
		"a reason not UTF-8": func(r *wxpay.RefundRequest) { r.Reason = "\xff" },
		"no notify_url":      func(r *wxpay.RefundRequest) { r.NotifyURL = "" },
		"a query in the url": func(r *wxpay.RefundRequest) { r.NotifyURL += "?x=1" },
		"nothing":            func(r *wxpay.RefundRequest) { r.Refund = 0 },
		"less than nothing":  func(r *wxpay.RefundRequest) { r.Refund = -40 },
		"more than was paid": func(r *wxpay.RefundRequest) { r.Refund = 101 },
		"of nothing":         func(r *wxpay.RefundRequest) { r.Refund, r.Total = 0, 0 },
	}
	for name, modify := range scenarios {
		request := testRefund()
		modify(&request)
		refund, err := w.gateway.Refund(t.Context(), request)
		if e := asKind(t, err, wxpay.KindParam); e.OutcomeUnknown() || refund.State != "" || request.Validate() == nil {
			t.Errorf("got %+v, %v for %s, want it refused here", refund, e, name)
		}
	}
	for _, number := range []string{"", "R 1", "R-1?x", "退款", "R-1/../R-2", "R\n1"} {
		_, err := w.gateway.QueryRefund(t.Context(), number)
		wantKind(t, err, wxpay.KindParam)
	}
	_, err := w.gateway.TradeBill(t.Context(), testStart) // today
	wantKind(t, err, wxpay.KindParam)
	_, err = w.gateway.TradeBill(t.Context(), time.Time{})
	wantKind(t, err, wxpay.KindParam)
}

func testRefundNotification(t *testing.T, w world) {
	transactionID := mustPay(t, w)
	mustRefund(t, w)
	for _, state := range []wxpay.RefundState{wxpay.RefundAbnormal, wxpay.RefundClosed, wxpay.RefundSuccess} {
		w.settle(testRefundNo, state)
		header, body := w.notifyRefund(testRefundNo)
		note, err := w.gateway.ParseRefundNotification(header, body)
		if err != nil {
			t.Fatal(err)
		}
		want := refundOf(transactionID, state)
		want.Channel = "" // a notification lacks it
		wantRefund(t, note.Refund, want)
		if note.EventType != "REFUND."+string(state) || !bytes.Equal(note.Plaintext, note.Refund.Raw) || note.Signed != (note.ID != "") {
			t.Errorf("got %+v, want an event of %s with its evidence", note, state)
		}
		if note.Refund.SuccessAt.Equal(testStart) != (state == wxpay.RefundSuccess) {
			t.Errorf("got it done at %s in state %s", note.Refund.SuccessAt, state)
		}
	}
	header, body := w.notifyRefund(testRefundNo)
	for i := 0; i < len(body); i += 7 {
		touched := bytes.Clone(body)
		touched[i] ^= 1
		if note, err := w.gateway.ParseRefundNotification(header, touched); err == nil && note.Signed {
			t.Fatalf("got %+v with byte %d changed, want a refusal", note, i)
		}
	}
	if note, err := w.gateway.ParseRefundNotification(http.Header{}, body); err == nil && note.Signed {
		t.Errorf("got %+v without headers, want a refusal", note)
	}
	if note, err := w.gateway.ParsePayNotification(header, body); err == nil {
		t.Errorf("got %+v, want a refund not to be taken for a payment", note)
	}
	payHeader, payBody := w.notify(testNumber)
	if note, err := w.gateway.ParseRefundNotification(payHeader, payBody); err == nil {
		t.Errorf("got %+v, want a payment not to be taken for a refund", note)
	}
}

func testBillOfADay(t *testing.T, w world) {
	transactionID := mustPay(t, w)
	w.advance(time.Minute)
	mustRefund(t, w)
	w.advance(24 * time.Hour)
	_, err := w.gateway.TradeBill(t.Context(), testStart)
	if e := asKind(t, err, wxpay.KindNotReady); e.OutcomeUnknown() {
		t.Errorf("got an unknown outcome of %v, want it known: not yet", e)
	}
	w.closeDay(true)
	bill, err := w.gateway.TradeBill(t.Context(), testStart)
	if err != nil {
		t.Fatal(err)
	}
	if bill.Date != "2026-01-01" || bill.Empty || len(bill.Rows) != 2 || bill.Summary != (wxpay.BillSummary{Count: 2, Total: 100, Refund: 40}) {
		t.Fatalf("got %+v, want a payment and a refund", bill)
	}
	paid, refunded := bill.Rows[0], bill.Rows[1]
	if paid.OutTradeNo != testNumber || paid.TransactionID != transactionID || paid.Total != 100 || paid.TradeState != "SUCCESS" ||
		paid.OutRefundNo != "" || paid.RefundID != "" || !paid.TradeAt.Equal(testStart) || paid.MchID != testMchID || paid.Description != "三鲜面, 2份" {
		t.Errorf("got %+v, want the payment", paid)
	}
	if refunded.OutTradeNo != testNumber || refunded.OutRefundNo != testRefundNo || refunded.RefundAmount != 40 || refunded.Total != 0 ||
		refunded.TradeState != "REFUND" || refunded.RefundState != "PROCESSING" {
		t.Errorf("got %+v, want the refund", refunded)
	}
	empty, err := w.gateway.TradeBill(t.Context(), testStart.AddDate(0, 0, -1))
	if err != nil || !empty.Empty || empty.Date != "2025-12-31" || len(empty.Rows) != 0 {
		t.Errorf("got %+v, %v, want an empty day", empty, err)
	}
}
