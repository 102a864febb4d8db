package wxpay_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeWeChat is WeChat Pay v3 as documented. It signs and verifies with the standard library, and uses nothing of the
// package under test.
type fakeWeChat struct {
	clock *testClock
	url   string

	mu       sync.Mutex
	orders   map[string]*fakeOrder
	nonces   map[string]bool
	hits     map[string]int // by path without numbers
	headers  http.Header    // of the last request
	lastBody string
	fault    http.HandlerFunc // answers instead of the fake, when set
	modify   func(*answerStamp)
	certs    []fakeCert // the newest last
	signWith string     // serial of the key that signs answers, whatever the request asks for

	refunds   map[string]*fakeRefund   // by out_refund_no
	transfers map[string]*fakeTransfer // by out_bill_no

	poor bool     // the merchant's balance is empty
	lost bool     // calls take effect, and their answers do not arrive
	file fakeFile // the bill
	page string   // the beginning of an h5_url
}

type fakeCert struct{ serial, pem string }

type fakeOrder struct {
	params, way, state, transactionID string

	trade map[string]any
}

// answerStamp is what goes into the headers; tests modify it.
type answerStamp struct {
	at               time.Time
	serial, mark     string
	body             []byte // what is signed
	signature, nonce string
}

func newFakeWeChat(t *testing.T) *fakeWeChat {
	t.Helper()
	f := &fakeWeChat{
		clock: new(testClock), orders: map[string]*fakeOrder{}, nonces: map[string]bool{}, hits: map[string]int{},
		refunds: map[string]*fakeRefund{}, transfers: map[string]*fakeTransfer{},
		page: "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=",
	}
	serial, certPEM := platformCert(1, platformKey(), testStart.AddDate(-1, 0, 0))
	f.certs = []fakeCert{{serial, certPEM}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fakeWeChat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.headers, f.lastBody = r.Header.Clone(), string(body)
	f.hits[r.Method+" "+strings.Split(r.URL.Path, "/ORD-")[0]]++
	w.Header().Set("Date", f.clock.now().UTC().Format(http.TimeFormat))
	w.Header().Set("Request-ID", "08F78BB3AF0610D302-0")
	if fault := f.fault; fault != nil {
		// a fault may block until the caller is gone, or panic
		f.mu.Unlock()
		defer f.mu.Lock()
		fault(w, r)
		return
	}
	if status, code, message := f.authorize(r, body); status != 0 {
		refuse(w, status, code, message)
		return
	}
	f.route(w, r, body)
}

var authPattern = regexp.MustCompile(`(\w+)="([^"]*)"`)

func (f *fakeWeChat) authorize(r *http.Request, body []byte) (status int, code, message string) {
	if r.Host != "api.mch.weixin.qq.com" {
		return http.StatusBadRequest, "INVALID_REQUEST", "Host is " + r.Host
	}
	if r.Header.Get("User-Agent") == "" || r.Header.Get("Accept") == "" {
		return http.StatusBadRequest, "INVALID_REQUEST", "Http头缺少Accept或User-Agent"
	}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	fields := map[string]string{}
	for _, match := range authPattern.FindAllStringSubmatch(rest, -1) {
		fields[match[1]] = match[2]
	}
	at, err := strconv.ParseInt(fields["timestamp"], 10, 64)
	if scheme != "WECHATPAY2-SHA256-RSA2048" || err != nil || fields["mchid"] != testMchID || fields["serial_no"] != testSerial {
		return http.StatusUnauthorized, "SIGN_ERROR", "签名信息错误，验签失败"
	}
	if math.Abs(f.clock.now().Sub(time.Unix(at, 0)).Minutes()) > 5 {
		return http.StatusUnauthorized, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
	}
	text := fmt.Sprintf("%s\n%s\n%s\n%s\n%s\n", r.Method, r.RequestURI, fields["timestamp"], fields["nonce_str"], body)
	if verifyText(&merchantKey().PublicKey, text, fields["signature"]) != nil || f.nonces[fields["nonce_str"]] {
		return http.StatusUnauthorized, "SIGN_ERROR", "签名错误"
	}
	f.nonces[fields["nonce_str"]] = true
	return 0, "", ""
}

func (f *fakeWeChat) route(w http.ResponseWriter, r *http.Request, body []byte) {
	const base = "/v3/pay/transactions/"
	ways := map[string]string{"jsapi": "JSAPI", "native": "NATIVE", "h5": "MWEB"}
	path := r.URL.Path
	number, closes := strings.CutSuffix(strings.TrimPrefix(path, base+"out-trade-no/"), "/close")
	switch {
	case r.Method == http.MethodPost && ways[strings.TrimPrefix(path, base)] != "":
		f.prepay(w, r, body, ways[strings.TrimPrefix(path, base)])
	case r.Method == http.MethodPost && closes:
		f.close(w, r, number, body)
	case r.Method == http.MethodGet && strings.HasPrefix(path, base+"out-trade-no/"):
		f.query(w, r, func(n string, _ *fakeOrder) bool { return n == number })
	case r.Method == http.MethodGet && strings.HasPrefix(path, base+"id/"):
		f.query(w, r, func(_ string, o *fakeOrder) bool { return o.transactionID == strings.TrimPrefix(path, base+"id/") })
	case r.Method == http.MethodGet && path == "/v3/certificates":
		f.certificates(w, r)
	case r.Method == http.MethodPost && path == refundsPath:
		f.refund(w, r, body)
	case r.Method == http.MethodGet && strings.HasPrefix(path, refundsPath+"/"):
		f.queryRefund(w, r, strings.TrimPrefix(path, refundsPath+"/"))
	case path == transfersPath || strings.HasPrefix(path, transfersPath+"/"):
		f.transfer(w, r, strings.TrimPrefix(path, transfersPath), body)
	case r.Method == http.MethodGet && path == "/v3/bill/tradebill":
		f.tradeBill(w, r)
	case r.Method == http.MethodGet && path == "/v3/billdownload/file":
		f.download(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

type fakePrepay struct {
	AppID       string  `json:"appid"`
	MchID       string  `json:"mchid"`
	Description string  `json:"description"`
	OutTradeNo  string  `json:"out_trade_no"`
	TimeExpire  *string `json:"time_expire"`
	Attach      *string `json:"attach"`
	NotifyURL   string  `json:"notify_url"`
	Amount      struct {
		Total    int64  `json:"total"`
		Currency string `json:"currency"`
	} `json:"amount"`
	Payer *struct {
		OpenID string `json:"openid"`
	} `json:"payer"`
	Scene *struct {
		IP string `json:"payer_client_ip"`
		H5 *struct {
			Type string `json:"type"`
		} `json:"h5_info"`
	} `json:"scene_info"`
}

// fits tells whether the body is one of its way: only JSAPI names a payer, only H5 tells of its page.
func (p fakePrepay) fits(way string) bool {
	ofH5 := p.Scene != nil && p.Scene.H5 != nil && p.Scene.H5.Type == "Wap" && p.Scene.IP != ""
	return (p.Payer != nil) == (way == "JSAPI") && ofH5 == (way == "MWEB")
}

var expiryPattern = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$`)

func (f *fakeWeChat) prepay(w http.ResponseWriter, r *http.Request, body []byte, way string) {
	var req fakePrepay
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&req) != nil || req.MchID != testMchID || req.Amount.Total < 1 || req.Amount.Currency != "CNY" ||
		!req.fits(way) || req.Attach != nil && *req.Attach == "" || req.TimeExpire != nil && !expiryPattern.MatchString(*req.TimeExpire) {
		refuse(w, http.StatusBadRequest, "PARAM_ERROR", "参数错误")
		return
	}
	order := f.orders[req.OutTradeNo]
	switch {
	case order == nil:
		order = &fakeOrder{params: string(body), way: way, state: "NOTPAY", trade: map[string]any{
			"appid": req.AppID, "mchid": req.MchID, "out_trade_no": req.OutTradeNo,
			"amount": map[string]any{"total": req.Amount.Total, "currency": "CNY"}, "payer": map[string]any{},
		}}
		if req.Attach != nil {
			order.trade["attach"] = *req.Attach
		}
		f.orders[req.OutTradeNo] = order
	case order.params != string(body):
		refuse(w, http.StatusForbidden, "OUT_TRADE_NO_USED", "商户订单号重复")
		return
	case order.state == "CLOSED":
		refuse(w, http.StatusBadRequest, "ORDER_CLOSED", "订单已关闭")
		return
	case order.state != "NOTPAY":
		refuse(w, http.StatusForbidden, "ORDERPAID", "该订单已支付")
		return
	}
	f.answer(w, r, http.StatusOK, map[string]map[string]any{
		"JSAPI":  {"prepay_id": "wx01100000000000" + rand.Text()[:20]},
		"NATIVE": {"code_url": "weixin://wxpay/bizpayurl?pr=" + rand.Text()[:9]},
		"MWEB":   {"h5_url": f.page + rand.Text()[:20] + "&package=1234567890"},
	}[way])
}

func (f *fakeWeChat) query(w http.ResponseWriter, r *http.Request, match func(string, *fakeOrder) bool) {
	if r.URL.RawQuery != "mchid="+testMchID {
		refuse(w, http.StatusBadRequest, "PARAM_ERROR", "mchid")
		return
	}
	for number, order := range f.orders {
		if match(number, order) {
			f.answer(w, r, http.StatusOK, order.asTrade())
			return
		}
	}
	refuse(w, http.StatusNotFound, "ORDER_NOT_EXIST", "订单不存在")
}

func (o *fakeOrder) asTrade() map[string]any {
	trade := maps.Clone(o.trade)
	trade["trade_state"], trade["trade_state_desc"] = o.state, "state "+o.state
	return trade
}

func (f *fakeWeChat) close(w http.ResponseWriter, r *http.Request, number string, body []byte) {
	order := f.orders[number]
	switch {
	case strings.TrimSpace(string(body)) != `{"mchid":"`+testMchID+`"}`:
		refuse(w, http.StatusBadRequest, "PARAM_ERROR", "mchid")
	case order == nil:
		refuse(w, http.StatusNotFound, "ORDER_NOT_EXIST", "订单不存在")
	case order.state == "SUCCESS", order.state == "REFUND":
		refuse(w, http.StatusForbidden, "TRADE_ERROR", "订单已支付")
	default:
		order.state = "CLOSED"
		f.answer(w, r, http.StatusNoContent, nil)
	}
}

func (f *fakeWeChat) certificates(w http.ResponseWriter, r *http.Request) {
	data := []any{}
	for _, cert := range f.certs {
		data = append(data, map[string]any{
			"serial_no": cert.serial, "effective_time": "2025-01-01T10:00:00+08:00", "expire_time": "2030-01-01T10:00:00+08:00",
			"encrypt_certificate": map[string]any{
				"algorithm": "AEAD_AES_256_GCM", "nonce": "abcdefghijkl", "associated_data": "certificate",
				"ciphertext": seal(testAPIKey, "certificate", []byte(cert.pem)),
			},
		})
	}
	f.answer(w, r, http.StatusOK, map[string]any{"data": data})
}

// answer signs and sends; a 204 is signed over an empty body.
func (f *fakeWeChat) answer(w http.ResponseWriter, r *http.Request, status int, value any) {
	if f.lost {
		panic(http.ErrAbortHandler)
	}
	var body []byte
	if value != nil {
		body, _ = json.Marshal(value)
	}
	serial := "none"
	if len(f.certs) > 0 {
		serial = f.certs[len(f.certs)-1].serial
	}
	if asked := r.Header.Get("Wechatpay-Serial"); asked == testKeyID {
		serial = asked
	}
	if f.signWith != "" {
		serial = f.signWith
	}
	f.stamp(w.Header(), serial, body, f.modify)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (f *fakeWeChat) stamp(header http.Header, serial string, body []byte, modify func(*answerStamp)) {
	s := answerStamp{at: f.clock.now(), serial: serial, body: body, nonce: rand.Text()}
	if modify != nil {
		modify(&s)
	}
	at := strconv.FormatInt(s.at.Unix(), 10)
	if s.signature == "" {
		s.signature = s.mark + signText(platformKey(), at+"\n"+s.nonce+"\n"+string(s.body)+"\n")
	}
	header.Set("Wechatpay-Timestamp", at)
	header.Set("Wechatpay-Nonce", s.nonce)
	header.Set("Wechatpay-Serial", s.serial)
	header.Set("Wechatpay-Signature", s.signature)
	header.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
}

// refuse answers as production does: without a signature.
func refuse(w http.ResponseWriter, status int, code, message string) {
	body, _ := json.Marshal(map[string]any{"code": code, "message": message})
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// pay pays the order, as the person with the phone does.
func (f *fakeWeChat) pay(number string) (transactionID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	order := f.orders[number]
	order.state, order.transactionID = "SUCCESS", fmt.Sprintf("4200002026010100000000%06d", len(f.orders))
	amount := maps.Clone(order.trade["amount"].(map[string]any))
	amount["payer_total"], amount["payer_currency"] = amount["total"].(int64)-10, "CNY"
	maps.Copy(order.trade, map[string]any{
		"transaction_id": order.transactionID, "trade_type": order.way, "bank_type": "OTHERS", "amount": amount,
		"success_time": f.clock.now().Format(time.RFC3339), "payer": map[string]any{"openid": testOpenID},
		"promotion_detail": []any{map[string]any{"coupon_id": "109519", "amount": 10}},
	})
	return order.transactionID
}

// notification is what WeChat posts once the order is paid.
func (f *fakeWeChat) notification(number, serial string) (http.Header, []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	plain, _ := json.Marshal(f.orders[number].asTrade())
	body, _ := json.Marshal(notificationOf(plain, nil))
	header := http.Header{"Content-Type": {"application/json"}}
	f.stamp(header, serial, body, nil)
	return header, body
}

// notificationOf wraps plain as WeChat does; modify changes the envelope and its resource.
func notificationOf(plain []byte, modify func(envelope, resource map[string]any)) map[string]any {
	resource := map[string]any{
		"original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "associated_data": "transaction", "nonce": "abcdefghijkl",
		"ciphertext": seal(testAPIKey, "transaction", plain),
	}
	envelope := map[string]any{
		"id": "11111111-2222-5333-8444-555555555555", "create_time": "2026-01-01T10:00:06+08:00",
		"resource_type": "encrypt-resource", "event_type": "TRANSACTION.SUCCESS", "summary": "支付成功", "resource": resource,
	}
	if modify != nil {
		modify(envelope, resource)
	}
	return envelope
}

func (f *fakeWeChat) setFault(fault http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *fakeWeChat) setBend(modify func(*answerStamp)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.modify = modify
}

func (f *fakeWeChat) hitsOf(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits[call]
}

func (f *fakeWeChat) last() (http.Header, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.headers, f.lastBody
}

// checkPhone does the phone's checks of wx.requestPayment's argument.
func checkPhone(pay map[string]string) error {
	if len(pay) != 5 || pay["signType"] != "RSA" || !strings.HasPrefix(pay["package"], "prepay_id=wx") || len(pay["nonceStr"]) > 32 {
		return fmt.Errorf("parameters are %v", pay)
	}
	if _, err := strconv.ParseInt(pay["timeStamp"], 10, 64); err != nil {
		return errors.New("timeStamp is not seconds")
	}
	text := testAppID + "\n" + pay["timeStamp"] + "\n" + pay["nonceStr"] + "\n" + pay["package"] + "\n"
	return verifyText(&merchantKey().PublicKey, text, pay["paySign"])
}
