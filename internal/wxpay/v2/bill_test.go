package v2_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

const (
	billHead = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额," +
		"微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
	billSums = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)

// testBill is the bill of the last day of 2025: one payment of 100 fen, 10 of them a coupon.
func testBill() []byte {
	row := []string{
		"2025-12-31 23:59:59", testAppID, testMchID, "0", "", "4200000000202512310000000001", "ORD-20251231-0001", testOpenID, "JSAPI", "SUCCESS",
		"OTHERS", "CNY", "0.90", "0.10", "0", "0", "0.00", "0.00", "", "", "三鲜面", "o=17", "0.01000", "0.60%", "1.00", "0.00", "",
	}
	sums := []string{"1", "0.90", "0.00", "0.00", "0.01000", "1.00", "0.00"}
	line := func(values []string) string { return "`" + strings.Join(values, ",`") }
	return []byte("\ufeff" + strings.Join([]string{billHead, line(row), billSums, line(sums)}, "\r\n") + "\r\n")
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	file := gzip.NewWriter(&b)
	_, err := file.Write(text)
	must(err)
	must(file.Close())
	return b.Bytes()
}

func TestBill(t *testing.T) {
	t.Parallel()
	f, g := newTestGateway(t)
	f.set(func(f *fakeWeChat) { f.bills["20251231"] = testBill() })
	// 16:30 in London is 0:30 of the next day in Beijing
	day := time.Date(2025, 12, 30, 16, 30, 0, 0, time.UTC)
	for name, fault := range map[string]http.HandlerFunc{
		"a gzip file": nil,
		"plain text":  plainAnswer(200, string(testBill())),
		"a gzip file that calls itself packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped(testBill()))
		},
	} {
		f.setFault(fault)
		bill, err := g.TradeBill(t.Context(), day)
		if err != nil || bill.Empty || bill.Date != "2025-12-31" || len(bill.Rows) != 1 || bill.Summary.Total != 100 || bill.SHA1 != "" {
			t.Fatalf("got %+v, %v from %s, want one row", bill, err, name)
		}
		if row := bill.Rows[0]; row.OutTradeNo != "ORD-20251231-0001" || row.Total != 100 || row.Fee != 1 || row.MchID != testMchID {
			t.Errorf("got %+v from %s, want the payment", row, name)
		}
	}
	asked, header := f.lastDoc()
	if asked["bill_date"] != "20251231" || header.Get("Accept-Encoding") != "identity" {
		t.Errorf("got %v, %v, want the day in Beijing, as a file", asked, header)
	}
	f.setFault(nil)
	bill, err := g.TradeBill(t.Context(), day.AddDate(0, 0, -1))
	if err != nil || !bill.Empty || bill.Date != "2025-12-30" || len(bill.Rows) != 0 {
		t.Errorf("got %+v, %v, want an empty day", bill, err)
	}
}

func TestBillRefused(t *testing.T) {
	t.Parallel()
	words := func(message string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, message) }
	}
	half := zipped(testBill())
	half = half[:len(half)-12]
	broken := zipped(testBill())
	broken[len(broken)-6] ^= 1 // in the checksum
	scenarios := []struct {
		name   string
		answer http.HandlerFunc
		kind   wxpay.Kind
	}{
		{"too early", words("Bill Creating"), wxpay.KindNotReady},
		{"a signature of ours", words("SIGN ERROR"), wxpay.KindSign},
		{"a bad type", words("invalid bill_type"), wxpay.KindParam},
		{"an unhappy system", words("system error"), wxpay.KindBusy},
		{"XML that is no refusal", plainAnswer(200, "<xml><return_code>SUCCESS</return_code></xml>"), wxpay.KindUnverified},
		{"a page", plainAnswer(200, htmlPage), wxpay.KindUnverified},
		{"hostile XML", plainAnswer(200, hostile()["an external entity"]), wxpay.KindUnverified},
		{"a page with 502", plainAnswer(502, htmlPage), wxpay.KindBusy},
		{"nothing", plainAnswer(200, ""), wxpay.KindNetwork},
		{"half a file", plainAnswer(200, string(half)), wxpay.KindNetwork},
		{"a file with a broken checksum", plainAnswer(200, string(broken)), wxpay.KindUnknown},
		{"a file that is corrupt", plainAnswer(200, string(zipped(testBill())[:10])+"\xff\xff\xff\xff\xff\xff\xff\xff"), wxpay.KindUnknown},
		{"gzip of another kind", plainAnswer(200, "\x1f\x8b\x09garbage-garbage"), wxpay.KindUnknown},
		{"text that is no bill", plainAnswer(200, "hello"), wxpay.KindUnknown},
		{"a bill of another merchant", plainAnswer(200, strings.ReplaceAll(string(testBill()), testMchID, "1900000110")), wxpay.KindUnverified},
		{"a bill cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			_, _ = w.Write(testBill())
		}, wxpay.KindNetwork},
		{"a bomb", func(w http.ResponseWriter, _ *http.Request) {
			file := gzip.NewWriter(w)
			_, _ = io.WriteString(file, strings.Repeat("0", 1<<20))
			_ = file.Close()
		}, wxpay.KindUnknown},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, g := newTestGateway(t)
			f.setFault(s.answer)
			bill, err := g.TradeBill(t.Context(), testStart.AddDate(0, 0, -1))
			if e := asKind(t, err, s.kind); e.Op != "trade bill" || len(bill.Rows) != 0 || bill.Empty {
				t.Errorf("got %+v, %+v, want no bill", bill, e)
			}
		})
	}
}
