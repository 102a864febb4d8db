package v2_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
)

func testRequest() wxpay.PrepayRequest {
	return wxpay.PrepayRequest{
		AppID: testAppID, OpenID: testOpenID, OutTradeNo: testNumber, Description: "三鲜面 & <b>2</b>份 ]]>\r\n", Attach: "o=17",
		NotifyURL: testNotifyTo, PayerIP: "203.0.113.7", Total: 100, ExpiresAt: testStart.Add(30*time.Minute + 123*time.Millisecond).UTC(),
	}
}

func testRefund(number string, fen wxpay.Fen) wxpay.RefundRequest {
	return wxpay.RefundRequest{
		OutTradeNo: testNumber, OutRefundNo: number, Reason: "缺货", NotifyURL: testRefundTo, Refund: fen, Total: 100,
	}
}

// TestGateway runs the test of every gateway, in both sign types: it mirrors runGateway of internal/wxpay.
func TestGateway(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(*testing.T, *fakeWeChat, wxpay.Gateway){
		"a payment goes through":                       testPaymentGoesThrough,
		"the same number again":                        testSameNumberAgain,
		"a code and a page are paid by anybody":        testOtherWays,
		"closing":                                      testClosing,
		"an order that is not there":                   testMissingOrder,
		"a call whose outcome is unknown says so":      testUnknownOutcome,
		"what cannot be right is not sent":             testNotSent,
		"a notification is believed only if untouched": testNotification,
		"refunds in parts":                             testRefundsInParts,
		"a refund that cannot be":                      testRefundRefused,
		"a refund's notification":                      testRefundNotification,
	}
	for _, signType := range []string{v2.SignHMACSHA256, v2.SignMD5} {
		for name, scenario := range scenarios {
			t.Run(signType+" "+name, func(t *testing.T) {
				t.Parallel()
				f := newFakeWeChat(t, signType)
				m := testMerchant()
				m.PayBase, m.SignType = f.url, signType
				scenario(t, f, newGateway(t, m, v2.WithNow(func() time.Time { return testStart })))
			})
		}
	}
}

func mustPrepay(t *testing.T, g wxpay.Gateway) string {
	t.Helper()
	id, err := g.Prepay(t.Context(), testRequest())
	if err != nil || id == "" {
		t.Fatalf("got %q, %v, want a prepay_id", id, err)
	}
	return id
}

func wantKind(t *testing.T, err error, want wxpay.Kind) {
	t.Helper()
	_ = asKind(t, err, want)
}

func asKind(t *testing.T, err error, want wxpay.Kind) *wxpay.Error {
	t.Helper()
	e, ok := errors.AsType[*wxpay.Error](err)
	if !ok || e.Kind != want {
		t.Fatalf("got %v, want kind %s", err, want)
	}
	return e
}

func testPaymentGoesThrough(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	pay, err := g.RequestPayment(testAppID, mustPrepay(t, g))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(pay)
	var phone map[string]string
	if err := json.Unmarshal(raw, &phone); err != nil {
		t.Fatal(err)
	}
	if err := f.checkPhone(phone); err != nil {
		t.Errorf("got %v, want a phone that pays", err)
	}
	trade, err := g.Query(t.Context(), testNumber)
	if err != nil || trade.State != wxpay.StateNotPay || trade.TransactionID != "" || trade.Currency != wxpay.Currency {
		t.Errorf("got %+v, %v, want an unpaid trade", trade, err)
	}
	transactionID := f.pay()
	for name, ask := range map[string]func() (wxpay.Trade, error){
		"by our number":      func() (wxpay.Trade, error) { return g.Query(t.Context(), testNumber) },
		"by WeChat's number": func() (wxpay.Trade, error) { return g.QueryTransaction(t.Context(), transactionID) },
	} {
		trade, err := ask()
		if err != nil {
			t.Fatalf("got %v %s", err, name)
		}
		wantPaid(t, trade, transactionID, "state SUCCESS")
	}
	_, err = g.Prepay(t.Context(), testRequest())
	wantKind(t, err, wxpay.KindPaid)
}

func wantPaid(t *testing.T, trade wxpay.Trade, transactionID, desc string) {
	t.Helper()
	var evidence doc
	if err := json.Unmarshal(trade.Raw, &evidence); err != nil || evidence["sign"] == "" || evidence["coupon_id_0"] != "10000" {
		t.Errorf("got raw %s, want the evidence", trade.Raw)
	}
	at := trade.SuccessAt
	trade.SuccessAt = time.Time{}
	got, _ := json.Marshal(trade)
	want, _ := json.Marshal(wxpay.Trade{
		AppID: testAppID, MchID: testMchID, OutTradeNo: testNumber, TransactionID: transactionID, State: wxpay.StateSuccess,
		StateDesc: desc, BankType: "OTHERS", Attach: "o=17", OpenID: testOpenID, Total: 100, PayerTotal: 90,
		Currency: wxpay.Currency, TradeType: wxpay.JSAPI, Raw: trade.Raw,
	})
	if !bytes.Equal(got, want) || !at.Equal(testStart) {
		t.Errorf("got %s at %s, want %s at %s", got, at, want, testStart)
	}
}

// testOtherWays mirrors the test of internal/wxpay.
func testOtherWays(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	for way, begins := range map[string]string{wxpay.Native: "weixin://wxpay/bizpayurl?pr=", wxpay.H5: "https://wx.tenpay.com/"} {
		clear(f.orders)
		request := testRequest()
		request.TradeType, request.OpenID = way, ""
		address, err := g.Prepay(t.Context(), request)
		if err != nil || !strings.HasPrefix(address, begins) {
			t.Fatalf("%s: got %q, %v, want what is scanned or opened", way, address, err)
		}
		transactionID := f.pay()
		trade, err := g.Query(t.Context(), testNumber)
		if err != nil || trade.TradeType != way || trade.OpenID != testOpenID || trade.TransactionID != transactionID {
			t.Errorf("%s: got %+v, %v, want it paid in this way by whoever came", way, trade, err)
		}
		f.modify = func(d doc) { d["code_url"], d["mweb_url"] = "", "http://wx.tenpay.com/" }
		request.OutTradeNo = "ORD-20260101-0002"
		_, err = g.Prepay(t.Context(), request)
		wantKind(t, err, wxpay.KindUnknown)
		f.modify = nil
	}
	nowhere := testRequest()
	nowhere.TradeType, nowhere.OpenID, nowhere.NotifyURL = wxpay.H5, "", "https://"+strings.Repeat("a", 120)+".example.com/n"
	_, err := g.Prepay(t.Context(), nowhere)
	wantKind(t, err, wxpay.KindParam)
}

func testSameNumberAgain(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	mustPrepay(t, g)
	mustPrepay(t, g)
	asked, header := f.lastDoc()
	if asked["time_expire"] != "20260101103000" || asked["spbill_create_ip"] != "203.0.113.7" || asked["body"] != testRequest().Description {
		t.Errorf("got %v, want the order as it is", asked)
	}
	if got := header.Get("Content-Type"); got != "text/xml; charset=utf-8" {
		t.Errorf("got content type %q", got)
	}
	other := testRequest()
	other.Total++
	_, err := g.Prepay(t.Context(), other)
	if e := asKind(t, err, wxpay.KindReused); e.OutcomeUnknown() {
		t.Errorf("got an unknown outcome of %v, want a refusal", e)
	}
	plain := wxpay.PrepayRequest{AppID: testAppID, OpenID: testOpenID, OutTradeNo: "ORD-2", Description: "x", NotifyURL: testNotifyTo, Total: 1}
	plain.OutTradeNo = "ORD-20260101-0002"
	for range 2 {
		if _, err := g.Prepay(t.Context(), plain); err != nil {
			t.Fatalf("got %v without the fields that may be empty", err)
		}
	}
	asked, _ = f.lastDoc()
	for _, name := range []string{"attach", "time_expire"} {
		if value, sent := asked[name]; sent {
			t.Errorf("got %s %q, want it left out", name, value)
		}
	}
}

func testClosing(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	mustPrepay(t, g)
	if err := g.Close(t.Context(), testNumber); err != nil {
		t.Fatalf("got %v, want it closed", err)
	}
	if e := asKind(t, g.Close(t.Context(), testNumber), wxpay.KindClosed); e.OutcomeUnknown() || e.Code != "ORDERCLOSED" || e.Op != "close" {
		t.Errorf("got %+v, want it closed already", e)
	}
	if trade, err := g.Query(t.Context(), testNumber); err != nil || trade.State != wxpay.StateClosed {
		t.Errorf("got %+v, %v, want a closed trade", trade, err)
	}
	_, err := g.Prepay(t.Context(), testRequest())
	wantKind(t, err, wxpay.KindClosed)
	f.pay()
	wantKind(t, g.Close(t.Context(), testNumber), wxpay.KindPaid)
}

func testMissingOrder(t *testing.T, _ *fakeWeChat, g wxpay.Gateway) {
	_, err := g.Query(t.Context(), testNumber)
	wantKind(t, err, wxpay.KindNotFound)
	_, err = g.QueryTransaction(t.Context(), "4200002026010100000000000001")
	wantKind(t, err, wxpay.KindNotFound)
	wantKind(t, g.Close(t.Context(), testNumber), wxpay.KindNotFound)
	_, err = g.Refund(t.Context(), testRefund(testRefundNo, 1))
	wantKind(t, err, wxpay.KindNotFound)
	_, err = g.QueryRefund(t.Context(), testRefundNo)
	wantKind(t, err, wxpay.KindNotFound)
}

// everyCall makes each call once.
func everyCall(ctx context.Context, g wxpay.Gateway) map[string]error {
	errs := map[string]error{}
	_, errs["prepay"] = g.Prepay(ctx, testRequest())
	_, errs["query"] = g.Query(ctx, testNumber)
	errs["close"] = g.Close(ctx, testNumber)
	_, errs["refund"] = g.Refund(ctx, testRefund(testRefundNo, 1))
	_, errs["query refund"] = g.QueryRefund(ctx, testRefundNo)
	_, errs["trade bill"] = g.TradeBill(ctx, testStart.AddDate(0, 0, -1))
	return errs
}

func testUnknownOutcome(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	mustPrepay(t, g)
	systemError := func(d doc) { d["result_code"], d["err_code"] = "FAIL", "SYSTEMERROR" }
	scenarios := []struct {
		name string
		kind wxpay.Kind
		turn func(f *fakeWeChat)
		bill bool // whether bills behave so too: their answers are not signed
	}{
		{"busy in WeChat's words", wxpay.KindBusy, func(f *fakeWeChat) { f.modify = systemError }, false},
		{"busy", wxpay.KindBusy, func(f *fakeWeChat) { f.fault = plainAnswer(503, "<html>") }, true},
		{"cut off", wxpay.KindNetwork, func(f *fakeWeChat) {
			f.fault = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}, true},
		{"forged", wxpay.KindUnverified, func(f *fakeWeChat) { f.forge = true }, false},
		{"a page", wxpay.KindUnverified, func(f *fakeWeChat) { f.fault = plainAnswer(200, htmlPage) }, true},
	}
	for _, s := range scenarios {
		f.set(s.turn)
		for op, err := range everyCall(t.Context(), g) {
			if op == "trade bill" && !s.bill {
				continue
			}
			if e := asKind(t, err, s.kind); !e.OutcomeUnknown() || e.Op != op {
				t.Errorf("%s: got %+v, want an unknown outcome of %s", s.name, e, op)
			}
		}
		f.set(func(f *fakeWeChat) { f.fault, f.modify, f.forge = nil, nil, false })
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range everyCall(ctx, g) {
		if wantKind(t, err, wxpay.KindNetwork); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want it to wrap %v", err, context.Canceled)
		}
	}
}

func testNotSent(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	f.setFault(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }) // a call that goes out would be a network error
	modify := []func(*wxpay.PrepayRequest){
		func(r *wxpay.PrepayRequest) { r.Total = 0 },
		func(r *wxpay.PrepayRequest) { r.Attach = "a&total_fee=1" },
		func(r *wxpay.PrepayRequest) { r.Attach = string(bytes.Repeat([]byte("字"), 128)) },
		func(r *wxpay.PrepayRequest) { r.Description = "a\x00b" },
	}
	for i, change := range modify {
		request := testRequest()
		change(&request)
		_, err := g.Prepay(t.Context(), request)
		if e := asKind(t, err, wxpay.KindParam); e.OutcomeUnknown() || e.Status != 0 {
			t.Errorf("got %+v for request %d, want a refusal", e, i)
		}
	}
	for _, number := range []string{"", "short", "ORD-20260101/../1", "ORD 20260101", "订单号订单号", "ORD-1&appid=2"} {
		_, err := g.Query(t.Context(), number)
		wantKind(t, err, wxpay.KindParam)
		wantKind(t, g.Close(t.Context(), number), wxpay.KindParam)
	}
	_, err := g.QueryTransaction(t.Context(), "42/../43")
	wantKind(t, err, wxpay.KindParam)
	_, err = g.RequestPayment("", "wx01")
	wantKind(t, err, wxpay.KindParam)
	for _, id := range []string{"", "wx01\nwx02", "wx01&signType=MD5"} {
		_, err = g.RequestPayment(testAppID, id)
		wantKind(t, err, wxpay.KindParam)
	}
	_, err = g.Refund(t.Context(), testRefund(testRefundNo, 101))
	wantKind(t, err, wxpay.KindParam)
	_, err = g.QueryRefund(t.Context(), "R/1")
	wantKind(t, err, wxpay.KindParam)
	_, err = g.TradeBill(t.Context(), testStart) // today
	wantKind(t, err, wxpay.KindParam)
}

func testNotification(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	mustPrepay(t, g)
	transactionID := f.pay()
	body := writeDoc("xml", signed(f.notification(testNumber), f.signType, testAPIKey))
	note, err := g.ParsePayNotification(http.Header{}, body)
	if err != nil {
		t.Fatal(err)
	}
	wantPaid(t, note.Trade, transactionID, "")
	if len(note.ID) != 32 || note.EventType != "TRANSACTION.SUCCESS" || !bytes.Equal(note.Plaintext, note.Trade.Raw) || !note.CreateTime.Equal(testStart) {
		t.Errorf("got %+v, want an id, an event and a time", note)
	}
	for i := range body {
		touched := bytes.Clone(body)
		touched[i] ^= 1
		// note: blanks between elements are not signed, so they may differ as long as nothing else does.
		note, err := g.ParsePayNotification(nil, touched)
		if err == nil && body[i] != '\n' {
			t.Fatalf("got %+v with byte %d changed, want a refusal", note, i)
		}
		if err != nil && !errors.Is(err, wxpay.ErrNotifyMalformed) && !errors.Is(err, wxpay.ErrNotifySignature) {
			t.Fatalf("got %v with byte %d changed", err, i)
		}
	}
}

func testRefundsInParts(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	mustPrepay(t, g)
	transactionID := f.pay()
	first, err := g.Refund(t.Context(), testRefund(testRefundNo, 40))
	if err != nil {
		t.Fatal(err)
	}
	wantRefund(t, first, wxpay.Refund{
		MchID: testMchID, OutRefundNo: testRefundNo, RefundID: first.RefundID, OutTradeNo: testNumber, TransactionID: transactionID,
		State: wxpay.RefundProcessing, Refund: 40, Total: 100, PayerRefund: 36, PayerTotal: 90,
	})
	again, err := g.Refund(t.Context(), testRefund(testRefundNo, 40))
	if err != nil || again.RefundID != first.RefundID {
		t.Errorf("got %+v, %v, want the same refund", again, err)
	}
	asked, _ := f.lastDoc()
	if asked["out_trade_no"] != testNumber || asked["transaction_id"] != "" || asked["refund_desc"] != "缺货" || asked["notify_url"] != testRefundTo {
		t.Errorf("got %v, want our number, the reason and where to notify", asked)
	}
	byTransaction := testRefund("R-2", 60)
	byTransaction.OutTradeNo, byTransaction.TransactionID = "", transactionID
	if _, err := g.Refund(t.Context(), byTransaction); err != nil {
		t.Fatal(err)
	}
	for word, state := range map[string]wxpay.RefundState{
		"PROCESSING": wxpay.RefundProcessing, "SUCCESS": wxpay.RefundSuccess, "CHANGE": wxpay.RefundAbnormal, "REFUNDCLOSE": wxpay.RefundClosed, "NEWWORD": "NEWWORD",
	} {
		f.settle("R-2", word)
		got, err := g.QueryRefund(t.Context(), "R-2")
		if err != nil {
			t.Fatal(err)
		}
		if got.SuccessAt.Equal(testStart) != (word == "SUCCESS") {
			t.Errorf("got success at %s in %s", got.SuccessAt, word)
		}
		got.SuccessAt = time.Time{}
		wantRefund(t, got, wxpay.Refund{
			MchID: testMchID, OutRefundNo: "R-2", RefundID: got.RefundID, OutTradeNo: testNumber, TransactionID: transactionID, State: state,
			Refund: 60, Total: 100, PayerRefund: 56, PayerTotal: 90, Channel: "ORIGINAL", UserReceivedAccount: "支付用户零钱",
		})
	}
	if trade, err := g.Query(t.Context(), testNumber); err != nil || trade.State != wxpay.StateRefund || !trade.State.IsPaid() {
		t.Errorf("got %+v, %v, want a refunded trade", trade, err)
	}
}

func wantRefund(t *testing.T, got, want wxpay.Refund) {
	t.Helper()
	if !json.Valid(got.Raw) || got.RefundID == "" {
		t.Errorf("got raw %s and refund_id %q, want the evidence", got.Raw, got.RefundID)
	}
	got.Raw = nil
	have, _ := json.Marshal(got)
	if wanted, _ := json.Marshal(want); !bytes.Equal(have, wanted) {
		t.Errorf("got %s, want %s", have, wanted)
	}
}

func testRefundRefused(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	mustPrepay(t, g)
	f.pay()
	if _, err := g.Refund(t.Context(), testRefund(testRefundNo, 40)); err != nil {
		t.Fatal(err)
	}
	_, err := g.Refund(t.Context(), testRefund(testRefundNo, 41))
	wantKind(t, err, wxpay.KindReused)
	_, err = g.Refund(t.Context(), testRefund("R-2", 61))
	if e := asKind(t, err, wxpay.KindParam); e.OutcomeUnknown() || e.Code != "ERROR" {
		t.Errorf("got %+v, want a refusal for good", e)
	}
}

func testRefundNotification(t *testing.T, f *fakeWeChat, g wxpay.Gateway) {
	mustPrepay(t, g)
	f.pay()
	if _, err := g.Refund(t.Context(), testRefund(testRefundNo, 40)); err != nil {
		t.Fatal(err)
	}
	f.settle(testRefundNo, "CHANGE")
	body := f.refundNotification(testRefundNo)
	note, err := g.ParseRefundNotification(nil, body)
	if err != nil || note.Signed || note.EventType != "REFUND.ABNORMAL" || note.Refund.State != wxpay.RefundAbnormal ||
		note.Refund.OutRefundNo != testRefundNo || note.Refund.Refund != 40 || note.Refund.Total != 100 || note.Refund.MchID != testMchID {
		t.Errorf("got %+v, %v, want an unsigned notification of the refund", note, err)
	}
	scenarios := []struct {
		name string
		body []byte
		want error
	}{
		{"of another merchant", bytes.ReplaceAll(body, []byte(testMchID), []byte("1900000110")), wxpay.ErrNotifyMerchant},
		{"under another key", writeDoc("xml", doc{
			"return_code": "SUCCESS", "mch_id": testMchID, "req_info": sealReqInfo(strangerKey, []byte("<root><out_refund_no>R-1</out_refund_no></root>")),
		}), wxpay.ErrNotifyDecrypt},
		{"of a line break", writeDoc("xml", doc{"return_code": "SUCCESS", "mch_id": testMchID, "req_info": "\n"}), wxpay.ErrNotifyDecrypt},
		{"of a payment", writeDoc("xml", signed(f.notification(testNumber), f.signType, testAPIKey)), wxpay.ErrNotifyUnsupported},
		{"with an entity", []byte(`<!DOCTYPE x [<!ENTITY e "1">]><xml><req_info>&e;</req_info></xml>`), wxpay.ErrNotifyMalformed},
	}
	for _, s := range scenarios {
		if note, err := g.ParseRefundNotification(nil, s.body); !errors.Is(err, s.want) {
			t.Errorf("got %+v, %v for a notification %s, want %v", note, err, s.name, s.want)
		}
	}
	_, err = g.ParsePayNotification(nil, body)
	if !errors.Is(err, wxpay.ErrNotifySignature) {
		t.Errorf("got %v, want a refund's notification to be no payment's", err)
	}
}

const htmlPage = "<html><body>502 Bad Gateway</body></html>"

func plainAnswer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}
