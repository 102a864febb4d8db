package v2_test

import (
	"fmt"
	"testing"

	"wxbase/internal/wxpay"
)

func TestRefundsOfAnOrder(t *testing.T) {
	t.Parallel()
	f, g := newTestGateway(t)
	_, err := g.RefundsOf(t.Context(), testNumber)
	wantKind(t, err, wxpay.KindNotFound) // an unknown order is an error, not an empty list
	mustPrepay(t, g)
	f.pay()
	for want := range 21 {
		if want > 0 {
			if _, err := g.Refund(t.Context(), testRefund(fmt.Sprintf("R-%02d", want), 5)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := g.RefundsOf(t.Context(), testNumber)
		if err != nil || len(got) != want {
			t.Fatalf("refunds: got %d (%v), want %d", len(got), err, want)
		}
		for i, r := range got {
			if r.OutRefundNo != fmt.Sprintf("R-%02d", i+1) || r.Refund != 5 || r.State != wxpay.RefundProcessing {
				t.Errorf("refund %d: got %s %d %s", i, r.OutRefundNo, r.Refund, r.State)
			}
		}
	}
	f.set(func(f *fakeWeChat) { f.modify = func(d doc) { d["out_trade_no"] = "OTHER-1" } })
	_, err = g.RefundsOf(t.Context(), testNumber)
	wantKind(t, err, wxpay.KindUnverified)
	_, err = g.RefundsOf(t.Context(), "no/number")
	wantKind(t, err, wxpay.KindParam)
}
