package v2_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	v2 "wxbase/internal/wxpay/v2"
)

// fakeWeChat is WeChat Pay v2 as documented, with the standard library only. It uses nothing of the package under test.
type fakeWeChat struct {
	url, signType string

	mu      sync.Mutex
	orders  map[string]*fakeOrder
	refunds map[string]doc // by out_refund_no
	nonces  map[string]bool
	hits    map[string]int
	last    doc
	header  http.Header
	fault   http.HandlerFunc // answers instead of the fake, when set
	modify  func(doc)        // before the answer is signed
	forge   bool             // sign with another key
	bills   map[string][]byte
}

type fakeOrder struct {
	asked                doc
	state, transactionID string
}

func newFakeWeChat(t *testing.T, signType string) *fakeWeChat {
	t.Helper()
	f := &fakeWeChat{
		signType: signType, orders: map[string]*fakeOrder{}, refunds: map[string]doc{}, nonces: map[string]bool{},
		hits: map[string]int{}, bills: map[string][]byte{},
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func newTestGateway(t *testing.T) (*fakeWeChat, *v2.Gateway) {
	t.Helper()
	f := newFakeWeChat(t, v2.SignHMACSHA256)
	m := testMerchant()
	m.PayBase = f.url
	return f, newGateway(t, m, v2.WithNow(func() time.Time { return testStart }))
}

func (f *fakeWeChat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hits[r.URL.Path]++
	f.header = r.Header.Clone()
	w.Header().Set("Request-ID", "08F78BB3AF0610D302-0")
	if fault := f.fault; fault != nil {
		// a fault may block until the caller is gone, or panic
		f.mu.Unlock()
		defer f.mu.Lock()
		fault(w, r)
		return
	}
	asked, err := readDoc(body)
	f.last = asked
	switch {
	case r.Method != http.MethodPost || r.Host != "api.mch.weixin.qq.com":
		refuse(w, "请求方法或域名错误")
	case err != nil || !bytes.HasPrefix(body, []byte("<xml>")):
		refuse(w, "XML格式错误")
	case asked["sign"] != signDoc(asked, f.signType, testAPIKey) || asked["sign_type"] != f.signType:
		refuse(w, "签名错误")
	case asked["mch_id"] != testMchID || asked["appid"] != testAppID && asked["appid"] != otherAppID:
		refuse(w, "商户号mch_id与appid不匹配")
	case asked["nonce_str"] == "" || len(asked["nonce_str"]) > 32 || f.nonces[asked["nonce_str"]]:
		refuse(w, "参数格式校验错误")
	default:
		f.nonces[asked["nonce_str"]] = true
		f.route(w, r.URL.Path, asked)
	}
}

func (f *fakeWeChat) route(w http.ResponseWriter, path string, asked doc) {
	routes := map[string]func(doc) (doc, string){
		"/pay/unifiedorder": f.unifiedorder, "/pay/orderquery": f.orderquery, "/pay/closeorder": f.closeorder,
		"/secapi/pay/refund": f.refund, "/pay/refundquery": f.refundquery,
	}
	if path == "/pay/downloadbill" {
		f.downloadbill(w, asked)
		return
	}
	route := routes[path]
	if route == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	fields, code := route(asked)
	f.answer(w, asked, fields, code)
}

// answer adds the fields of every answer and signs.
func (f *fakeWeChat) answer(w http.ResponseWriter, asked, fields doc, code string) {
	d := doc{
		"return_code": "SUCCESS", "return_msg": "OK", "appid": asked["appid"], "mch_id": asked["mch_id"], "device_info": "",
		"nonce_str": rand.Text()[:16], "result_code": "SUCCESS",
	}
	maps.Copy(d, fields)
	if code != "" {
		d["result_code"], d["err_code"], d["err_code_des"] = "FAIL", code, "因为"
	}
	if f.modify != nil {
		f.modify(d)
	}
	key := testAPIKey
	if f.forge {
		key = strangerKey
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(writeDoc("xml", signed(d, f.signType, key)))
}

// refuse answers as production does: 200, and no signature.
func refuse(w http.ResponseWriter, message string) {
	_, _ = w.Write(writeDoc("xml", doc{"return_code": "FAIL", "return_msg": message}))
}

var (
	numberPattern = regexp.MustCompile(`^[0-9A-Za-z_\-|*]{6,32}$`)
	timePattern   = regexp.MustCompile(`^\d{14}$`)
)

func isFen(text string) bool {
	fen, err := strconv.Atoi(text)
	return err == nil && fen > 0 && strconv.Itoa(fen) == text
}

func (f *fakeWeChat) unifiedorder(asked doc) (doc, string) {
	for _, name := range []string{"body", "out_trade_no", "total_fee", "spbill_create_ip", "notify_url", "trade_type"} {
		if asked[name] == "" {
			return nil, "LACK_PARAMS"
		}
	}
	_, ipErr := netip.ParseAddr(asked["spbill_create_ip"])
	if !numberPattern.MatchString(asked["out_trade_no"]) || !isFen(asked["total_fee"]) || (asked["trade_type"] == "JSAPI") != (asked["openid"] != "") ||
		ipErr != nil || asked["time_expire"] != "" && !timePattern.MatchString(asked["time_expire"]) {
		return nil, "INVALID_REQUEST"
	}
	answer := doc{"trade_type": asked["trade_type"], "prepay_id": "wx01100000000000" + strings.ToLower(rand.Text()[:20])}
	switch asked["trade_type"] {
	case "JSAPI":
	case "NATIVE":
		if asked["product_id"] == "" {
			return nil, "LACK_PARAMS"
		}
		answer["code_url"] = "weixin://wxpay/bizpayurl?pr=" + rand.Text()[:9]
	case "MWEB":
		var scene struct {
			H5 map[string]string `json:"h5_info"`
		}
		if json.Unmarshal([]byte(asked["scene_info"]), &scene) != nil || scene.H5["type"] != "Wap" || scene.H5["wap_url"] == "" || scene.H5["wap_name"] == "" {
			return nil, "LACK_PARAMS"
		}
		answer["mweb_url"] = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=" + answer["prepay_id"] + "&package=" + "1234567890"
	default:
		return nil, "NOAUTH"
	}
	terms := maps.Clone(asked)
	for _, name := range []string{"nonce_str", "sign"} {
		delete(terms, name)
	}
	order := f.orders[asked["out_trade_no"]]
	switch {
	case order == nil:
		f.orders[asked["out_trade_no"]] = &fakeOrder{asked: terms, state: "NOTPAY"}
	case !maps.Equal(order.asked, terms):
		return nil, "OUT_TRADE_NO_USED"
	case order.state == "CLOSED":
		return nil, "ORDERCLOSED"
	case order.state != "NOTPAY":
		return nil, "ORDERPAID"
	}
	return answer, ""
}

func (f *fakeWeChat) orderquery(asked doc) (doc, string) {
	for number, order := range f.orders {
		byNumber := asked["out_trade_no"] == number && asked["transaction_id"] == ""
		byTransaction := order.transactionID != "" && asked["transaction_id"] == order.transactionID && asked["out_trade_no"] == ""
		if byNumber || byTransaction {
			return order.asTrade(), ""
		}
	}
	return nil, "ORDERNOTEXIST"
}

// asTrade returns only number and attach while the order is unpaid.
func (o *fakeOrder) asTrade() doc {
	d := doc{
		"out_trade_no": o.asked["out_trade_no"], "attach": o.asked["attach"],
		"trade_state": o.state, "trade_state_desc": "state " + o.state,
	}
	if o.transactionID != "" {
		maps.Copy(d, o.asPaid())
	}
	return d
}

// asPaid has a coupon of 10 fen, and lacks fee_type.
func (o *fakeOrder) asPaid() doc {
	total, err := strconv.Atoi(o.asked["total_fee"])
	must(err)
	return doc{
		"openid": testOpenID, "is_subscribe": "N", "trade_type": o.asked["trade_type"], "bank_type": "OTHERS", "total_fee": o.asked["total_fee"],
		"settlement_total_fee": o.asked["total_fee"], "cash_fee": strconv.Itoa(total - 10), "coupon_fee": "10", "coupon_count": "1",
		"coupon_type_0": "CASH", "coupon_id_0": "10000", "coupon_fee_0": "10", "transaction_id": o.transactionID,
		"time_end": testStart.Format("20060102150405"), "out_trade_no": o.asked["out_trade_no"], "attach": o.asked["attach"],
	}
}

func (f *fakeWeChat) closeorder(asked doc) (doc, string) {
	order := f.orders[asked["out_trade_no"]]
	switch {
	case order == nil:
		return nil, "ORDERNOTEXIST"
	case order.state == "SUCCESS":
		return nil, "ORDERPAID"
	case order.state == "CLOSED":
		return nil, "ORDERCLOSED"
	}
	order.state = "CLOSED"
	return nil, ""
}

func (f *fakeWeChat) paidOrder(asked doc) *fakeOrder {
	for number, order := range f.orders {
		if order.transactionID != "" && (number == asked["out_trade_no"]) != (order.transactionID == asked["transaction_id"]) {
			return order
		}
	}
	return nil
}

func (f *fakeWeChat) refund(asked doc) (doc, string) {
	order := f.paidOrder(asked)
	if order == nil {
		return nil, "ORDERNOTEXIST"
	}
	if !isFen(asked["refund_fee"]) || asked["total_fee"] != order.asked["total_fee"] || asked["notify_url"] == "" {
		return nil, "PARAM_ERROR"
	}
	sum, _ := strconv.Atoi(asked["refund_fee"])
	if have := f.refunds[asked["out_refund_no"]]; have != nil {
		if have["refund_fee"] != asked["refund_fee"] {
			return nil, "REFUND_FEE_MISMATCH"
		}
		return have, ""
	}
	for _, have := range f.refunds {
		fen, _ := strconv.Atoi(have["refund_fee"])
		sum += fen
	}
	if total, _ := strconv.Atoi(order.asked["total_fee"]); sum > total {
		return nil, "ERROR"
	}
	order.state = "REFUND"
	f.refunds[asked["out_refund_no"]] = doc{
		"transaction_id": order.transactionID, "out_trade_no": order.asked["out_trade_no"], "out_refund_no": asked["out_refund_no"],
		"refund_id": fmt.Sprintf("5030000000202601010000000%04d", len(f.refunds)), "refund_fee": asked["refund_fee"],
		"total_fee": asked["total_fee"], "cash_fee": "90", "coupon_refund_fee": "4",
	}
	return f.refunds[asked["out_refund_no"]], ""
}

// refundquery returns all refunds of the order, even when one is asked for.
func (f *fakeWeChat) refundquery(asked doc) (doc, string) {
	numbers := slices.Sorted(maps.Keys(f.refunds))
	if asked["out_refund_no"] == "" { // all of an order, ten at a time
		if f.orders[asked["out_trade_no"]] == nil {
			return nil, "ORDERNOTEXIST"
		}
		offset, _ := strconv.Atoi(asked["offset"])
		numbers = numbers[min(offset, len(numbers)):min(offset+10, len(numbers))]
	}
	if len(numbers) == 0 || asked["out_refund_no"] != "" && f.refunds[asked["out_refund_no"]] == nil {
		return nil, "REFUNDNOTEXIST"
	}
	d := doc{"refund_count": strconv.Itoa(len(numbers)), "total_refund_count": strconv.Itoa(len(f.refunds))}
	for n, number := range numbers {
		refund := f.refunds[number]
		for _, name := range []string{"transaction_id", "out_trade_no", "total_fee", "cash_fee"} {
			d[name] = refund[name]
		}
		row := "_" + strconv.Itoa(n)
		for _, name := range []string{"out_refund_no", "refund_id", "refund_fee", "coupon_refund_fee"} {
			d[name+row] = refund[name]
		}
		status := refund["refund_status"]
		if status == "" {
			status = "PROCESSING"
		}
		d["refund_status"+row], d["refund_channel"+row], d["refund_recv_accout"+row] = status, "ORIGINAL", "支付用户零钱"
		if status == "SUCCESS" {
			d["refund_success_time"+row] = testStart.Format("2006-01-02 15:04:05")
		}
	}
	return d, ""
}

func (f *fakeWeChat) downloadbill(w http.ResponseWriter, asked doc) {
	bill := f.bills[asked["bill_date"]]
	switch {
	case asked["bill_type"] != "ALL":
		refuse(w, "invalid bill_type")
	case asked["tar_type"] != "GZIP":
		refuse(w, "invalid tar_type")
	case bill == nil:
		refuse(w, "No Bill Exist")
	default:
		file := gzip.NewWriter(w)
		_, _ = file.Write(bill)
		_ = file.Close()
	}
}

// pay pays the tests' order, as the person with the phone does.
func (f *fakeWeChat) pay() (transactionID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	order := f.orders[testNumber]
	order.state, order.transactionID = "SUCCESS", fmt.Sprintf("4200000000202601010000%06d", len(f.orders))
	return order.transactionID
}

// settle decides about a refund.
func (f *fakeWeChat) settle(number, status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refunds[number]["refund_status"] = status
}

// notification is what WeChat posts once the order is paid.
func (f *fakeWeChat) notification(number string) doc {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.orders[number].asPaid()
	maps.Copy(d, doc{
		"return_code": "SUCCESS", "result_code": "SUCCESS", "appid": testAppID, "mch_id": testMchID, "nonce_str": "B1B1B1B1B1B1B1B1",
		"fee_type": "CNY", "sign_type": f.signType,
	})
	return d
}

// refundNotification is what WeChat posts once a refund is settled.
func (f *fakeWeChat) refundNotification(number string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	plain := doc{"success_time": testStart.Format("2006-01-02 15:04:05"), "refund_recv_accout": "支付用户零钱", "refund_request_source": "API"}
	maps.Copy(plain, f.refunds[number])
	return writeDoc("xml", doc{
		"return_code": "SUCCESS", "appid": testAppID, "mch_id": testMchID, "nonce_str": "D1D1D1D1D1D1D1D1",
		"req_info": sealReqInfo(testAPIKey, writeDoc("root", plain)),
	})
}

func (f *fakeWeChat) set(change func(f *fakeWeChat)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeWeChat) setFault(fault http.HandlerFunc) { f.set(func(f *fakeWeChat) { f.fault = fault }) }

func (f *fakeWeChat) hitsOf(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits[path]
}

func (f *fakeWeChat) lastDoc() (doc, http.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last, f.header
}

// checkPhone does the phone's checks of wx.requestPayment's argument.
func (f *fakeWeChat) checkPhone(pay map[string]string) error {
	if len(pay) != 5 || pay["signType"] != f.signType || !strings.HasPrefix(pay["package"], "prepay_id=wx") || len(pay["nonceStr"]) > 32 {
		return fmt.Errorf("parameters are %v", pay)
	}
	d := doc{"appId": testAppID}
	for _, name := range []string{"timeStamp", "nonceStr", "package", "signType"} {
		d[name] = pay[name]
	}
	if want := signDoc(d, f.signType, testAPIKey); pay["paySign"] != want || pay["timeStamp"] != strconv.FormatInt(testStart.Unix(), 10) {
		return fmt.Errorf("got %v, want paySign %s", pay, want)
	}
	return nil
}
