package wxpay_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"wxbase/internal/wxpay"
)

const (
	billAll = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额," +
		"代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
	billSums = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"

	downloadQuery = "token=a%2Fb%2Bc-_d%3D&x"
)

// fakeFile is the bill that the fake hands out.
type fakeFile struct {
	ready    bool
	text     []byte              // empty: made from the books
	pack     func([]byte) []byte // gzip when nil
	announce func(answer map[string]any)
	serve    http.HandlerFunc // the download
	packed   []byte
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	must(err)
	must(w.Close())
	return b.Bytes()
}

func sha1Hex(b []byte) string {
	sum := sha1.Sum(b)
	return hex.EncodeToString(sum[:])
}

// billLine puts a backtick in front of every value.
func billLine(values ...string) string { return "`" + strings.Join(values, ",`") + "\r\n" }

// booksAsBill is the bill of all payments and refunds so far.
func (f *fakeWeChat) booksAsBill() string {
	var rows []string
	var total, refunded wxpay.Fen
	for number, order := range f.orders {
		if order.transactionID == "" {
			continue
		}
		amount := wxpay.Fen(order.trade["amount"].(map[string]any)["total"].(int64))
		total += amount
		rows = append(rows, billLine("2026-01-01 10:00:00", testAppID, testMchID, "0", "", order.transactionID, number, testOpenID, "JSAPI", "SUCCESS",
			"OTHERS", "CNY", (amount-10).String(), "0.10", "0", "0", "0.00", "0.00", "", "", `三鲜面\, 2份`, "o=17", "0.00600", "0.60%", amount.String(), "0.00", ""))
	}
	for number, refund := range f.refunds {
		refunded += wxpay.Fen(refund.refund)
		rows = append(rows, billLine(refund.at.Format("2006-01-02 15:04:05"), testAppID, testMchID, "0", "", f.orders[refund.order].transactionID, refund.order,
			testOpenID, "JSAPI", "REFUND", "OTHERS", "CNY", "0.00", "0.00", refund.values["refund_id"].(string), number, wxpay.Fen(refund.refund).String(),
			"0.00", "ORIGINAL", refund.state, "三鲜面", "o=17", "-0.00200", "0.60%", "0.00", wxpay.Fen(refund.refund).String(), ""))
	}
	slices.Sort(rows)
	fee := fmt.Sprintf("0.%05d", 600*(len(rows)-len(f.refunds))-200*len(f.refunds))
	sums := billLine(fmt.Sprint(len(rows)), total.String(), refunded.String(), "0.00", fee, total.String(), refunded.String())
	return "\ufeff" + billAll + "\r\n" + strings.Join(rows, "") + billSums + "\r\n" + sums
}

func (f *fakeWeChat) tradeBill(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	day := query.Get("bill_date")
	switch {
	case query.Get("bill_type") != "ALL" || query.Get("tar_type") != "GZIP" || len(query) != 3 || day >= f.clock.now().Format("2006-01-02"):
		refuse(w, http.StatusBadRequest, "INVALID_REQUEST", "参数错误")
		return
	case day != testStart.Format("2006-01-02"):
		refuse(w, http.StatusBadRequest, "NO_STATEMENT_EXIST", "账单文件不存在")
		return
	case !f.file.ready:
		refuse(w, http.StatusBadRequest, "STATEMENT_CREATING", "账单生成中")
		return
	}
	text := f.file.text
	if text == nil {
		text = []byte(f.booksAsBill())
	}
	pack := f.file.pack
	if pack == nil {
		pack = gzipped
	}
	f.file.packed = pack(text)
	answer := map[string]any{
		"hash_type": "SHA1", "hash_value": sha1Hex(text), "download_url": "https://api.mch.weixin.qq.com/v3/billdownload/file?" + downloadQuery,
	}
	if f.file.announce != nil {
		f.file.announce(answer)
	}
	f.answer(w, r, http.StatusOK, answer)
}

// download is not signed, as at WeChat. The request's signature has been checked before.
func (f *fakeWeChat) download(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.RawQuery != downloadQuery:
		refuse(w, http.StatusBadRequest, "INVALID_REQUEST", "token")
	case r.Header.Get("Accept-Encoding") != "identity":
		refuse(w, http.StatusBadRequest, "PARAM_ERROR", "somebody wants to unpack behind our back")
	case f.file.serve != nil:
		f.file.serve(w, r)
	default:
		_, _ = w.Write(f.file.packed)
	}
}
