package sim_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

func (w *merchantSide) bill(query string) answer {
	w.t.Helper()
	return w.pay(http.MethodGet, "/v3/bill/tradebill?"+query, "")
}

// download fetches the file to which a bill call points.
func (w *merchantSide) download(a answer) []byte {
	w.t.Helper()
	path, ok := strings.CutPrefix(a.text("download_url"), w.srv.URL)
	if a.status != 200 || !ok || a.text("hash_type") != "SHA1" {
		w.t.Fatalf("got %d %s, want a download_url on this host", a.status, a.body)
	}
	file := w.pay(http.MethodGet, path, "")
	if file.status != 200 || file.header.Get("Wechatpay-Signature") != "" {
		w.t.Fatalf("got %d %v, want an unsigned file", file.status, file.header)
	}
	return file.body
}

// table reads a bill: the rows by column, and the summary.
func table(t *testing.T, file []byte) (columns []string, rows []map[string]string, summary map[string]string) {
	t.Helper()
	text, ok := strings.CutPrefix(string(file), "\ufeff")
	lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	if !ok || len(lines) < 4 {
		t.Fatalf("got %q, want a byte order mark and at least one row", file)
	}
	read := func(header, line string) map[string]string {
		values := strings.Split(line, ",`")
		names := strings.Split(header, ",")
		if len(values) != len(names) || !strings.HasPrefix(line, "`") {
			t.Fatalf("got %q, want a value for each of %q", line, header)
		}
		row := map[string]string{}
		for i, name := range names {
			row[name] = strings.TrimPrefix(values[i], "`")
		}
		return row
	}
	for _, line := range lines[1 : len(lines)-2] {
		rows = append(rows, read(lines[0], line))
	}
	return strings.Split(lines[0], ","), rows, read(lines[len(lines)-2], lines[len(lines)-1])
}

// traded makes a day with two payments, one of them with a coupon, and a refund of each.
func traded(w *world) {
	w.t.Helper()
	w.paid("ORD-BILL-1")
	w.fault(map[string]any{"on": "pay_device", "kind": "coupon"})
	w.paid("ORD-BILL-2")
	w.clock.Add(time.Hour)
	w.refunded("ORD-BILL-1", "R-1", 40)
	w.fault(map[string]any{"on": "refund", "kind": "refund_abnormal"})
	w.refunded("ORD-BILL-2", "R-2", 50)
	w.clock.Add(23 * time.Hour)
}

const (
	headColumns   = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额"
	refundColumns = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态"
	tailColumns   = "商品名称,商户数据包,手续费,费率,订单金额"
)

func TestTradeBill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traded(w)
	w.clock.Add(time.Hour)
	a := w.bill("bill_date=2026-03-01")
	if err := w.verify(a.header, a.body); err != nil {
		t.Fatalf("verify: %v", err)
	}
	file := w.download(a)
	sum := sha1.Sum(file)
	if hex.EncodeToString(sum[:]) != a.text("hash_value") {
		t.Error("got another SHA1 than that of the file")
	}
	columns, rows, summary := table(t, file)
	if got, want := strings.Join(columns, ","), headColumns+","+refundColumns+","+tailColumns+",申请退款金额,费率备注"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := []string{
		"ORD-BILL-1 SUCCESS 1.00 0.00 1.00 0 0 0.00 0.00 0.00  ", "ORD-BILL-2 SUCCESS 0.90 0.10 1.00 0 0 0.00 0.00 0.00  ",
		"ORD-BILL-1 REFUND 0.00 0.00 0.00 R-1 1 0.40 0.00 0.40 ORIGINAL SUCCESS", "ORD-BILL-2 REFUND 0.00 0.00 0.00 R-2 1 0.45 0.05 0.50 ORIGINAL CHANGE",
	}
	for i, r := range rows {
		refundID := r["微信退款单号"]
		if len(refundID) == 28 {
			refundID = "1"
		}
		got := strings.Join([]string{
			r["商户订单号"], r["交易状态"], r["应结订单金额"], r["代金券金额"], r["订单金额"], r["商户退款单号"], refundID, r["退款金额"],
			r["充值券退款金额"], r["申请退款金额"], r["退款类型"], r["退款状态"],
		}, " ")
		if i >= len(want) || got != want[i] {
			t.Errorf("row %d: got %q, want %q", i, got, want)
		}
	}
	o, r := w.query("ORD-BILL-1"), rows[0]
	if r["微信订单号"] != o.text("transaction_id") || r["公众账号ID"] != w.app.AppID || r["商户号"] != w.mch.MchID || r["特约商户号"] != "0" || r["交易类型"] != "JSAPI" ||
		r["货币种类"] != "CNY" || r["交易时间"] != "2026-03-01 10:00:00" || r["商品名称"] != "三鲜面 & <b>2</b> 份" || r["商户数据包"] != "o=17" || r["手续费"] != "0.01000" || r["费率"] != "0.60%" {
		t.Errorf("got %v, want the payment as it was", r)
	}
	total := map[string]string{
		"总交易单数": "4", "应结订单总金额": "1.90", "退款总金额": "0.85", "充值券退款总金额": "0.05", "手续费总金额": "0.02000", "订单总金额": "2.00", "申请退款总金额": "0.90",
	}
	if fmt.Sprint(summary) != fmt.Sprint(total) {
		t.Errorf("got %v, want %v", summary, total)
	}
}

func TestTradeBillKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traded(w)
	w.clock.Add(time.Hour)
	columns, rows, summary := table(t, w.download(w.bill("bill_date=2026-03-01&bill_type=SUCCESS")))
	if got, want := strings.Join(columns, ","), headColumns+","+tailColumns+",费率备注"; got != want || len(rows) != 2 || summary["总交易单数"] != "2" {
		t.Errorf("got %s with %d rows, want %s with 2", got, len(rows), want)
	}
	columns, rows, _ = table(t, w.download(w.bill("bill_date=2026-03-01&bill_type=REFUND")))
	if got, want := strings.Join(columns, ","), headColumns+",退款申请时间,退款成功时间,"+refundColumns+","+tailColumns+",申请退款金额,费率备注"; got != want || len(rows) != 2 {
		t.Errorf("got %s with %d rows, want %s with 2", got, len(rows), want)
	}
	if rows[0]["退款申请时间"] != "2026-03-01 11:00:00" || rows[0]["退款成功时间"] != "2026-03-01 11:00:03" || rows[1]["退款成功时间"] != "" {
		t.Errorf("got %v, want both times of the first refund", rows)
	}
	packed := w.bill("bill_date=2026-03-01&tar_type=GZIP")
	reader, err := gzip.NewReader(bytes.NewReader(w.download(packed)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(reader)
	if sum := sha1.Sum(plain); err != nil || hex.EncodeToString(sum[:]) != packed.text("hash_value") {
		t.Errorf("got %v, want the SHA1 of the unpacked file", err)
	}
}

func TestTradeBillRefusals(t *testing.T) {
	w := newWorld(t)
	traded(w) // now it is ten o'clock on March 2
	scenarios := []struct {
		name, query string
		back        time.Duration
		code        string
	}{
		{"no date", "", 0, "PARAM_ERROR"},
		{"date of v2", "bill_date=20260301", 0, "PARAM_ERROR"},
		{"no such day", "bill_date=2026-02-30", 0, "PARAM_ERROR"},
		{"no such kind", "bill_date=2026-03-01&bill_type=ALL2", 0, "PARAM_ERROR"},
		{"no such packing", "bill_date=2026-03-01&tar_type=ZIP", 0, "PARAM_ERROR"},
		{"today", "bill_date=2026-03-02", 0, "INVALID_REQUEST"},
		{"tomorrow", "bill_date=2026-03-03", 0, "INVALID_REQUEST"},
		{"more than three months ago", "bill_date=2025-12-01", 0, "INVALID_REQUEST"},
		{"an empty day", "bill_date=2025-12-02", 0, "NO_STATEMENT_EXIST"},
		{"a second too early", "bill_date=2026-03-01", time.Second, "STATEMENT_CREATING"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			w.clock.Add(-s.back)
			defer w.clock.Add(s.back)
			wantPayError(t, w.bill(s.query), 400, s.code)
		})
	}
	if a := w.bill("bill_date=2026-03-01"); a.status != 200 {
		t.Errorf("got %d %s, want the bill at ten o'clock", a.status, a.body)
	}
}

func TestBillDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traded(w)
	a := w.bill("bill_date=2026-03-01")
	path := strings.TrimPrefix(a.text("download_url"), w.srv.URL)
	if bare := w.call(http.MethodGet, path, ""); bare.status != 401 && bare.status != 400 {
		t.Errorf("got %d, want a download to need Authorization", bare.status)
	}
	wantPayError(t, w.pay(http.MethodGet, path+"x", ""), 400, "INVALID_REQUEST")
	w.clock.Add(5*time.Minute - time.Second)
	w.download(a)
	w.clock.Add(time.Second)
	wantPayError(t, w.pay(http.MethodGet, path, ""), 400, "INVALID_REQUEST")
}

// The day ends at midnight in Beijing, for a payment by its payment time and for a refund by its acceptance time.
func TestBillDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.clock.Add(14*time.Hour - time.Second) // 23:59:59
	w.paid("ORD-DAY-1")
	w.clock.Add(time.Second)
	w.paid("ORD-DAY-2")
	body := w.orderBody("ORD-DAY-3", "")
	openid, _ := w.login("p1")
	body["payer"], body["description"] = map[string]any{"openid": openid}, "三鲜面, 大份\r\n加蛋"
	w.payAs("p1", w.payment(w.prepay(body).text("prepay_id")))
	w.refunded("ORD-DAY-1", "R-1", 40)
	w.sim.Advance(34 * time.Hour)
	for day, want := range map[string]string{"2026-03-01": "ORD-DAY-1", "2026-03-02": "ORD-DAY-2 ORD-DAY-3 ORD-DAY-1"} {
		_, rows, _ := table(t, w.download(w.bill("bill_date="+day)))
		var got []string
		for _, r := range rows {
			got = append(got, r["商户订单号"])
			if r["商户订单号"] == "ORD-DAY-3" && r["商品名称"] != `三鲜面\, 大份  加蛋` {
				t.Errorf("got %q, want the comma escaped and no line end", r["商品名称"])
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", day, got, want)
		}
	}
}

func TestBillsAnyTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithBillsAnyTime())
	w.paid("ORD-ANY-1")
	w.refunded("ORD-ANY-1", "R-1", 40)
	if _, rows, _ := table(t, w.download(w.bill("bill_date=2026-03-01"))); len(rows) != 2 || rows[1]["退款状态"] != "PROCESSING" {
		t.Errorf("got %v, want today's payment and its refund under way", rows)
	}
	wantPayError(t, w.bill("bill_date=2026-03-02"), 400, "INVALID_REQUEST")
}
