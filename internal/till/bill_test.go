package till_test

import (
	"slices"
	"testing"
	"time"

	"wxbase/internal/days"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

// billRow is a payment's row in WeChat's bill.
func billRow(payment rows.Payment) wxpay.BillRow {
	return wxpay.BillRow{
		AppID: payment.AppID(), MchID: mchID, TransactionID: payment.TransactionID(), OutTradeNo: payment.OutTradeNo(), TradeState: "SUCCESS",
		Currency: order.CNY, Total: wxpay.Fen(payment.Amount()),
	}
}

func refundBillRow(payment rows.Payment, refund rows.Refund) wxpay.BillRow {
	row := billRow(payment)
	row.Total, row.TradeState, row.OutRefundNo, row.RefundAmount, row.RefundState = 0, "REFUND", refund.OutRefundNo(), wxpay.Fen(refund.Amount()), "SUCCESS"
	return row
}

func (s *shop) reconcile() till.BillReport {
	s.tb.Helper()
	report, err := s.Bills.Reconcile(s.tb.Context(), mchID, s.Clock.Now().In(days.Beijing()), func(int, int) {})
	if err != nil {
		s.tb.Fatal(err)
	}
	return report
}

// Each kind of difference between the books, and its result.
func TestBillDifferences(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		bill   func(s *shop, paid rows.Payment, refund rows.Refund) []wxpay.BillRow
		state  string
		kinds  []string
		mended int
	}{
		{"equal", func(_ *shop, p rows.Payment, r rows.Refund) []wxpay.BillRow {
			return []wxpay.BillRow{billRow(p), refundBillRow(p, r)}
		}, "OK", nil, 0},
		{"a payment that WeChat has not", func(_ *shop, p rows.Payment, r rows.Refund) []wxpay.BillRow {
			return []wxpay.BillRow{refundBillRow(p, r)}
		}, "DIFFERENT", []string{"payment_missing_there"}, 0},
		{"another amount", func(_ *shop, p rows.Payment, r rows.Refund) []wxpay.BillRow {
			row := billRow(p)
			row.Total++
			return []wxpay.BillRow{row, refundBillRow(p, r)}
		}, "DIFFERENT", []string{"payment_total"}, 0},
		{"a payment of a number that is not ours", func(_ *shop, p rows.Payment, r rows.Refund) []wxpay.BillRow {
			row := billRow(p)
			row.OutTradeNo = "ERP-1"
			return []wxpay.BillRow{billRow(p), refundBillRow(p, r), row}
		}, "DIFFERENT", []string{"payment_missing_here"}, 0},
		{"a payment that nobody told us of", func(s *shop, p rows.Payment, r rows.Refund) []wxpay.BillRow {
			_, other := s.prepaid(500)
			s.Pay.pays(other.OutTradeNo())
			return []wxpay.BillRow{billRow(p), refundBillRow(p, r), billRow(other)}
		}, "OK", []string{"payment_missing_here"}, 1},
		{"a payment that the bill alone claims", func(s *shop, p rows.Payment, r rows.Refund) []wxpay.BillRow {
			_, other := s.prepaid(500)
			return []wxpay.BillRow{billRow(p), refundBillRow(p, r), billRow(other)}
		}, "DIFFERENT", []string{"payment_missing_here"}, 0},
		{"a refund that WeChat has not", func(_ *shop, p rows.Payment, _ rows.Refund) []wxpay.BillRow {
			return []wxpay.BillRow{billRow(p)}
		}, "DIFFERENT", []string{"refund_missing_there"}, 0},
		{"another amount of a refund", func(_ *shop, p rows.Payment, r rows.Refund) []wxpay.BillRow {
			row := refundBillRow(p, r)
			row.RefundAmount--
			return []wxpay.BillRow{billRow(p), row}
		}, "DIFFERENT", []string{"refund_total"}, 0},
		{"a refund made by hand", func(s *shop, p rows.Payment, r rows.Refund) []wxpay.BillRow {
			row := refundBillRow(p, r)
			row.OutRefundNo, row.RefundAmount = "byhand1", 100
			s.Pay.refund("byhand1", func(r *wxpay.Refund) {
				*r = wxpay.Refund{
					MchID: mchID, OutRefundNo: "byhand1", RefundID: "5009", OutTradeNo: p.OutTradeNo(), TransactionID: p.TransactionID(),
					State: wxpay.RefundSuccess, Refund: 100, Total: 1800, CreatedAt: s.Clock.Now(), SuccessAt: s.Clock.Now(),
				}
			})
			return []wxpay.BillRow{billRow(p), refundBillRow(p, r), row}
		}, "OK", []string{"refund_missing_here"}, 1},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			o, paid := s.paid(1800)
			refund, _ := s.giveBack(o.Id, till.RefundWish{Amount: 300})
			s.refundArrives(refund.OutRefundNo())
			s.Pay.bill = wxpay.Bill{Rows: scenario.bill(s, paid, refund)}
			report := s.reconcile()
			var kinds []string
			for _, d := range report.Diffs {
				kinds = append(kinds, d.Kind)
			}
			if report.State != scenario.state || !slices.Equal(kinds, scenario.kinds) || report.Mended != scenario.mended {
				t.Errorf("got %s with %v, %d mended, want %s with %v, %d", report.State, kinds, report.Mended, scenario.state, scenario.kinds, scenario.mended)
			}
			if scenario.state == "OK" && (report.OurTotal != report.TheirTotal || report.OurRefund != report.TheirRefund) {
				t.Errorf("got sums %+v, want equal ones", report)
			}
			if got := s.openAlerts("bill"); (len(got) == 1) != (scenario.state == "DIFFERENT") {
				t.Errorf("got alerts %v of a day that is %s", got, report.State)
			}
			if bill := rows.BillOf(s.Only("wx_bills")); bill.State() != scenario.state || s.Count("wx_bill_diffs") != len(scenario.kinds) {
				t.Errorf("got %s with %d differences stored, want %s with %d", bill.State(), s.Count("wx_bill_diffs"), scenario.state, len(scenario.kinds))
			}
		})
	}
}

func TestBillOfAnotherProgram(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, rules string
		row         wxpay.BillRow
		foreign     int
	}{
		{"a number of another system", "number:ERP-*", wxpay.BillRow{OutTradeNo: "ERP-1", AppID: "wx5555555555555555", Total: 5}, 1},
		{"another mini program", "appid:wx5555555555555555", wxpay.BillRow{OutTradeNo: "A1", AppID: "wx5555555555555555", Total: 5}, 1},
		{"no rule fits", "number:ERP-*", wxpay.BillRow{OutTradeNo: "A1", AppID: "wx5555555555555555", Total: 5}, 0},
		{"our own mini program is never foreign", "appid:wx0123456789abcdef", wxpay.BillRow{OutTradeNo: "A1", AppID: "wx0123456789abcdef", Total: 5}, 0},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.Save("wx_merchants", map[string]any{"mchid": mchID, "api": "v3", "foreign": scenario.rules})
			s.Pay.bill = wxpay.Bill{Rows: []wxpay.BillRow{scenario.row}}
			if report := s.reconcile(); report.Foreign != scenario.foreign || len(report.Diffs) != 1-scenario.foreign {
				t.Errorf("got %d foreign and %d differences, want %d and the rest", report.Foreign, len(report.Diffs), scenario.foreign)
			}
		})
	}
}

func TestBillRoundsFetchWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.paid(1800)
	s.Bills.RunDue(t.Context())
	if n := s.Pay.count("bill"); n != 0 {
		t.Errorf("got %d bills, want none of a day that is not over", n)
	}
	s.Clock.Advance(3 * 24 * time.Hour)
	s.Pay.fail("bill", failed(wxpay.KindNotReady))
	s.Bills.RunDue(t.Context())
	tries := s.Pay.count("bill")
	if tries < 2 || s.Count("wx_bills") != tries {
		t.Errorf("got %d questions and %d rows, want each day asked for and kept waiting", tries, s.Count("wx_bills"))
	}
	s.Bills.RunDue(t.Context())
	if s.Pay.count("bill") != tries {
		t.Errorf("got %d questions at once again, want a pause", s.Pay.count("bill"))
	}
	s.Clock.Advance(20 * time.Minute)
	s.Pay.fail("bill", nil)
	s.Pay.bill = wxpay.Bill{Empty: true}
	s.Bills.RunDue(t.Context())
	if s.Pay.count("bill") != 2*tries {
		t.Errorf("got %d questions, want every day once more", s.Pay.count("bill"))
	}
	s.Bills.RunDue(t.Context())
	if s.Pay.count("bill") != 2*tries {
		t.Errorf("got %d questions, want days that are done left alone", s.Pay.count("bill"))
	}
}
