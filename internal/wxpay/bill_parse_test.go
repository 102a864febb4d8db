package wxpay_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"wxbase/internal/wxpay"
)

const (
	paidRow = "`2026-01-01 10:00:05,`wxd678efh567hg6787,`1900000109,`0,`,`4200002026010100000000000001,`ORD-20260101-0001,`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o," +
		"`JSAPI,`SUCCESS,`OTHERS,`CNY,`0.90,`0.10,`0,`0,`0.00,`0.00,`,`,`三鲜面,`o=17,`0.00600,`0.60%,`1.00,`0.00,`"
	refundRow = "`2026-01-01 23:59:59,`wxd678efh567hg6787,`1900000109,`0,`,`4200002025123100000000000009,`ORD-20251231-0009,`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o," +
		"`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000002026010100001,`R-20260101-0001,`50.00,`0.00,`ORIGINAL,`PROCESSING,`三鲜面,`o=9,`-0.27000,`0.54%,`0.00,`50.00,`"
	goodSums = "`2,`0.90,`50.00,`0.00,`-0.26400,`1.00,`50.00"
)

// billOf joins lines as WeChat does.
func billOf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func goodBill() string { return "\ufeff" + billOf(billAll, paidRow, refundRow, billSums, goodSums) }

func TestParseBill(t *testing.T) {
	t.Parallel()
	// any moment of that day in Beijing
	for _, day := range []time.Time{testStart, testStart.Add(-10 * time.Hour), time.Date(2025, 12, 31, 16, 0, 0, 0, time.UTC), testStart.Add(14*time.Hour - 1)} {
		bill, err := wxpay.ParseBill(iotest.OneByteReader(strings.NewReader(goodBill())), day)
		if err != nil {
			t.Fatal(err)
		}
		want := wxpay.BillSummary{Count: 2, Total: 100, Refund: 5000, Fee: -26}
		if bill.Date != "2026-01-01" || bill.Empty || bill.Summary != want || len(bill.Rows) != 2 {
			t.Fatalf("got %+v of %s, want %+v of 2026-01-01", bill.Summary, bill.Date, want)
		}
		wantRow(t, bill.Rows[0], wxpay.BillRow{
			TradeAt: testStart.Add(5 * time.Second), AppID: testAppID, MchID: testMchID, TransactionID: "4200002026010100000000000001",
			OutTradeNo: testNumber, OpenID: testOpenID, TradeType: "JSAPI", TradeState: "SUCCESS", Currency: "CNY", Total: 100, Fee: 1,
			Description: "三鲜面", Attach: "o=17",
		})
		wantRow(t, bill.Rows[1], wxpay.BillRow{
			TradeAt: testStart.Add(14*time.Hour - time.Second), AppID: testAppID, MchID: testMchID, TransactionID: "4200002025123100000000000009",
			OutTradeNo: "ORD-20251231-0009", OpenID: testOpenID, TradeType: "JSAPI", TradeState: "REFUND", Currency: "CNY",
			RefundID: "50300000002026010100001", OutRefundNo: testRefundNo, RefundAmount: 5000, RefundState: "PROCESSING", Fee: -27,
			Description: "三鲜面", Attach: "o=9",
		})
	}
}

func wantRow(t *testing.T, got, want wxpay.BillRow) {
	t.Helper()
	at, wantAt := got.TradeAt, want.TradeAt
	got.TradeAt, want.TradeAt = time.Time{}, time.Time{}
	if got != want || !at.Equal(wantAt) {
		t.Errorf("got %+v at %s, want %+v at %s", got, at, want, wantAt)
	}
}

// TestBillsOfOtherShapes reads the other types, which have other columns, and the shop's own texts.
func TestBillsOfOtherShapes(t *testing.T) {
	t.Parallel()
	const paidHead = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注"
	const paidOnly = "`2026-01-01 10:00:05,`wx1,`1900000109,`0,`,`42,`ORD-20260101-0001,`o1,`JSAPI,`SUCCESS,`OTHERS,`CNY,`0.90,`0.10,`面,`o=17,`0.00600,`0.60%,`1.00,`"
	refundHead := strings.Replace(billAll, "微信退款单号", "退款申请时间,退款成功时间,微信退款单号", 1)
	refundOnly := strings.Replace(strings.Replace(refundRow, "`50300", "`2026-01-01 23:59:59,`,`50300", 1), "2026-01-01", "2025-12-30", 1)
	words := func(words string) string { return strings.Replace(paidRow, "`三鲜面,`o=17", words, 1) }
	one := func(row string) string {
		return billOf(billAll, row, billSums, "`1,`0.90,`0.00,`0.00,`0.00600,`1.00,`0.00")
	}
	scenarios := []struct {
		name, text string
		want       func(wxpay.Bill) bool
	}{
		{"payments only", billOf(paidHead, paidOnly, billSums, "`1,`0.90,`0.00,`0.00,`0.00600,`1.00,`0.00"), func(b wxpay.Bill) bool {
			return b.Rows[0].Total == 100 && b.Rows[0].RefundAmount == 0 && b.Rows[0].Attach == "o=17"
		}},
		{"refunds only, of an older trade", billOf(refundHead, refundOnly, billSums, "`1,`0.00,`50.00,`0.00,`-0.27000,`0.00,`50.00"), func(b wxpay.Bill) bool {
			return b.Rows[0].OutRefundNo == testRefundNo && b.Rows[0].RefundAmount == 5000
		}},
		{"no trades", billOf(billAll, billSums, "`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00"), func(b wxpay.Bill) bool {
			return b.Empty && len(b.Rows) == 0 && b.Date == "2026-01-01"
		}},
		{"plain line ends and none at the end", strings.TrimSuffix(strings.ReplaceAll(goodBill(), "\r", ""), "\n"), func(b wxpay.Bill) bool { return len(b.Rows) == 2 }},
		{"blank lines at the end", goodBill() + "\r\n \r\n", func(b wxpay.Bill) bool { return len(b.Rows) == 2 }},
		{"columns in another order", billOf("交易时间,订单金额,微信订单号,商户订单号,交易状态", "`2026-01-01 10:00:05,`1,`42,`ORD-1,`SUCCESS", "总交易单数,订单总金额", "`1,`1.0"), func(b wxpay.Bill) bool {
			return b.Rows[0].Total == 100 && b.Rows[0].OutTradeNo == "ORD-1"
		}},
		{"columns that we do not know", billOf("交易时间,订单金额,微信订单号,商户订单号,交易状态,新列", "`2026-01-01 10:00:05,`1,`42,`ORD-1,`SUCCESS,`x", "总交易单数,订单总金额,新列", "`1,`1.0,`x"), func(b wxpay.Bill) bool {
			return b.Rows[0].Total == 100
		}},
		{"a comma in the shop's words", one(words("`面,2份,`{\"a\":1,\"b\":2}")), func(b wxpay.Bill) bool {
			return b.Rows[0].Description == "面,2份" && b.Rows[0].Attach == `{"a":1,"b":2}`
		}},
		{"an escaped comma in the shop's words", one(words("`面\\,2份,`a\\,b")), func(b wxpay.Bill) bool {
			return b.Rows[0].Description == "面,2份" && b.Rows[0].Attach == "a,b"
		}},
		{"a border in the shop's words moves no amount", one(words("`面,`0,`9999.00,`,`o=17")), func(b wxpay.Bill) bool {
			return b.Rows[0].Total == 100 && b.Rows[0].Fee == 1 && b.Rows[0].Description == "面,`0,`9999.00,`" && b.Rows[0].Attach == "o=17"
		}},
		{"a name cut inside a character", one(words("`面\xe4\xb8,`o=17")), func(b wxpay.Bill) bool {
			return b.Rows[0].Description == "面\ufffd" && b.Rows[0].Total == 100
		}},
		{"fees rounded by WeChat", strings.Replace(goodBill(), "-0.26400", "-0.26", 1), func(b wxpay.Bill) bool { return b.Summary.Fee == -26 }},
		{"half a fen of fee", strings.NewReplacer("`0.00600", "`0.00500", "-0.26400", "-0.26500").Replace(goodBill()), func(b wxpay.Bill) bool {
			return b.Rows[0].Fee == 1 && b.Summary.Fee == -27
		}},
		{"a state of refunds we do not know", strings.Replace(goodBill(), "PROCESSING", "FROZEN", 1), func(b wxpay.Bill) bool { return b.Rows[1].RefundState == "FROZEN" }},
		{"a payment some seconds over midnight", strings.Replace(goodBill(), "2026-01-01 10:00:05", "2026-01-02 00:00:03", 1), func(b wxpay.Bill) bool { return len(b.Rows) == 2 }},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			bill, err := wxpay.ParseBill(strings.NewReader(s.text), testStart)
			if err != nil || !s.want(bill) {
				t.Errorf("got %+v, %v, want it read", bill, err)
			}
		})
	}
}

func TestBillsThatAreRefused(t *testing.T) {
	t.Parallel()
	good := goodBill()
	with := func(old, text string) string {
		if !strings.Contains(good, old) {
			panic(old)
		}
		return strings.Replace(good, old, text, 1)
	}
	scenarios := []struct{ name, text, want string }{
		{"nothing", "", "no sums"},
		{"a page", "<html></html>", "not a bill"},
		{"v2's XML", "<xml><return_code>FAIL</return_code></xml>", "not a bill"},
		{"a bill of funds", "记账时间,微信支付业务单号\n", "not a bill"},
		{"no column of amounts", with("订单金额,申请退款金额", "x,申请退款金额"), "no column 订单金额"},
		{"a column twice", with("费率备注", "订单金额"), "twice"},
		{"too many columns", with("费率备注", strings.Repeat(",x", 65)), "too many columns"},
		{"cut off after the rows", billOf(billAll, paidRow, refundRow), "no sums"},
		{"cut off after the names of the sums", billOf(billAll, paidRow, refundRow, billSums), "no sums"},
		{"cut off in the sums", good[:len(good)-10], "number of values"},
		{"cut off in the last sum", good[:len(good)-4], "申请退款总金额: amount"},
		{"a row less than announced", billOf(billAll, paidRow, billSums, goodSums), "1 rows and says 2"},
		{"a row more than announced", billOf(billAll, paidRow, paidRow, refundRow, billSums, goodSums), "3 rows and says 2"},
		{"a number of rows in words", with("`2,", "`two,"), "number of trades"},
		{"another total", with("`1.00,`50.00\r", "`1.01,`50.00\r"), "订单总金额 is not"},
		{"another sum of refunds", with("`1.00,`50.00\r", "`1.00,`50.01\r"), "申请退款总金额 is not"},
		{"another sum of fees", with("-0.26400", "-0.25400"), "手续费总金额 is a fen"},
		{"no sum of the total", with("订单总金额,申请退款总金额", "x,申请退款总金额"), "no column 订单总金额"},
		{"something after the sums", good + paidRow, "after the sums"},
		{"a blank line between rows", with(refundRow, "\r\n"+refundRow), "backtick"},
		{"a row without backticks", with(paidRow, strings.ReplaceAll(paidRow, "`", "")), "backtick"},
		{"a row of too few values", with(",`1.00,`0.00,`\r", ",`1.00,`0.00\r"), "number of values"},
		{"a negative amount", with(",`1.00,`0.00,`\r", ",`-1.00,`0.00,`\r"), "订单金额"},
		{"an amount of three decimals", with(",`1.00,`0.00,`\r", ",`1.000,`0.00,`\r"), "订单金额"},
		{"an amount with grouping", with(",`1.00,`0.00,`\r", ",`1 000.00,`0.00,`\r"), "订单金额"},
		{"an amount with an exponent", with(",`1.00,`0.00,`\r", ",`1e2,`0.00,`\r"), "订单金额"},
		{"an amount of nine digits", with(",`1.00,`0.00,`\r", ",`100000000.00,`0.00,`\r"), "订单金额"},
		{"an empty amount", with(",`1.00,`0.00,`\r", ",`,`0.00,`\r"), "订单金额"},
		{"a negative refund", with("`50.00,`\r", "`-50.00,`\r"), "申请退款金额"},
		{"a fee of six decimals", with("`0.00600", "`0.006000"), "手续费"},
		{"a fee with two signs", with("`-0.27000", "`--0.27000"), "手续费"},
		{"no time", with("`2026-01-01 10:00:05", "`"), "no time"},
		{"a time of another form", with("2026-01-01 10:00:05", "2026-01-01T10:00:05"), "time is not"},
		{"no number", with("ORD-20260101-0001", ""), "no time, number or state"},
		{"no state", with("`SUCCESS", "`"), "no time, number or state"},
		{"a payment of the next day", with("2026-01-01 10:00:05", "2026-01-02 10:00:05"), "another day"},
		{"a payment of the day before", with("2026-01-01 10:00:05", "2025-12-31 10:00:05"), "another day"},
		{"a line break in the shop's words", with("`三鲜面,`o=17", "`三\n鲜面,`o=17"), "number of values"},
		{"a row in the shop's words", with("`三鲜面,`o=17", "`x\n"+paidRow+"\n`,`"), "number of values"},
		{"sums in the shop's words", with("`三鲜面,`o=17", "`x\n"+billSums+"\n"+goodSums+"\n`,`"), "number of values"},
		{"a long line", with("三鲜面", strings.Repeat("面", 30_000)), "a line is longer"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			bill, err := wxpay.ParseBill(strings.NewReader(s.text), testStart)
			if !errors.Is(err, wxpay.ErrBill) || !strings.Contains(err.Error(), s.want) {
				t.Errorf("got %v, want %q in it", err, s.want)
			}
			if bill.Rows != nil || bill.Date != "" || bill.Summary != (wxpay.BillSummary{}) {
				t.Errorf("got %+v, want nothing of it", bill)
			}
		})
	}
}

// repeat returns a head and then the same line repeatedly.
func repeat(head, line string) io.Reader {
	return io.MultiReader(strings.NewReader(head), &again{text: line})
}

// again returns a text repeatedly.
type again struct {
	text string
	at   int
}

func (a *again) Read(p []byte) (n int, err error) {
	for n < len(p) {
		copied := copy(p[n:], a.text[a.at:])
		n, a.at = n+copied, (a.at+copied)%len(a.text)
	}
	return n, nil
}

func TestBillsWithoutEnd(t *testing.T) {
	t.Parallel()
	const head = "交易时间,微信订单号,商户订单号,交易状态,订单金额\n"
	scenarios := []struct {
		name  string
		input io.Reader
		want  string
	}{
		{"of rows", repeat(head, "`2026-01-01 10:00:05,`4,`O,`SUCCESS,`1\n"), "more than 500000 rows"},
		{"of blanks", repeat(goodBill(), strings.Repeat(" ", 60_000)+"\n"), fmt.Sprintf("longer than %d bytes", wxpay.MaxBillBytes)},
		{"in one line", repeat(head, "`"), "a line is longer"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			bill, err := wxpay.ParseBill(s.input, testStart)
			if !errors.Is(err, wxpay.ErrBill) || !strings.Contains(err.Error(), s.want) || bill.Rows != nil {
				t.Errorf("got %d rows, %v, want %q", len(bill.Rows), err, s.want)
			}
		})
	}
	t.Run("the reader's error is told apart", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("connection reset")
		input := io.MultiReader(strings.NewReader(goodBill()), iotest.ErrReader(broken))
		if _, err := wxpay.ParseBill(input, testStart); !errors.Is(err, broken) || errors.Is(err, wxpay.ErrBill) {
			t.Errorf("got %v, want %v alone", err, broken)
		}
	})
}

// FuzzParseBill tries any text: what ParseBill accepts must add up.
func FuzzParseBill(f *testing.F) {
	f.Add(goodBill())
	f.Add(billOf(billAll, billSums, "`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00"))
	f.Add(billOf("交易时间,订单金额,微信订单号,商户订单号,交易状态", "`2026-01-01 10:00:05,`1,`42,`ORD-1,`SUCCESS", "总交易单数,订单总金额", "`1,`1.0"))
	f.Add(billOf(billAll, paidRow+",`,`", refundRow, billSums, goodSums))
	f.Fuzz(func(t *testing.T, text string) {
		bill, err := wxpay.ParseBill(strings.NewReader(text), testStart)
		if err != nil {
			if bill.Rows != nil || !errors.Is(err, wxpay.ErrBill) {
				t.Errorf("got %+v, %v, want a refusal", bill, err)
			}
			return
		}
		var sum wxpay.BillSummary
		for _, row := range bill.Rows {
			sum.Count++
			sum.Total += row.Total
			if row.Total < 0 || row.RefundAmount < 0 || row.OutTradeNo == "" || row.TransactionID == "" {
				t.Errorf("got %+v, want it refused", row)
			}
		}
		if sum.Count != bill.Summary.Count || sum.Total != bill.Summary.Total || bill.Empty != (sum.Count == 0) {
			t.Errorf("got %+v, want its rows to add up to %+v", bill.Summary, sum)
		}
	})
}
