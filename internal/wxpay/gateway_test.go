package wxpay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

// world is a gateway and the WeChat it talks to, the same for both versions of the protocol.
type world struct {
	gateway wxpay.Gateway
	pay     func(outTradeNo string) (transactionID string)
	notify  func(outTradeNo string) (http.Header, []byte)
	onPhone func(pay map[string]string) error
	// each makes all calls fail in its way until it is called with false
	busy, cut, forge func(on bool)

	settle       func(outRefundNo string, state wxpay.RefundState) // settles a refund at WeChat
	notifyRefund func(outRefundNo string) (http.Header, []byte)
	poor, lose   func(on bool) // the balance is empty; calls take effect and their answers are lost
	closeDay     func(on bool) // makes the bill of testStart's day available
	advance      func(time.Duration)
}

func testRequest() wxpay.PrepayRequest {
	return wxpay.PrepayRequest{
		AppID: testAppID, OpenID: testOpenID, OutTradeNo: testNumber, Description: "三鲜面 & <b>2</b>份", Attach: "o=17",
		NotifyURL: testNotifyTo, PayerIP: "203.0.113.7", Total: 100, ExpiresAt: testStart.Add(30*time.Minute + 123*time.Millisecond).UTC(),
	}
}

// runGateway tests what every gateway must do, over either API.
func runGateway(t *testing.T, newWorld func(*testing.T) world) {
	t.Helper()
	scenarios := map[string]func(*testing.T, world){
		"a payment goes through":                       testPaymentGoesThrough,
		"the same number again":                        testSameNumberAgain,
		"a code and a page are paid by anybody":        testOtherWays,
		"closing":                                      testClosing,
		"an order that is not there":                   testMissingOrder,
		"a call whose outcome is unknown says so":      testUnknownOutcome,
		"what cannot be right is not sent":             testNotSent,
		"a notification is believed only if untouched": testNotification,

		"a refund goes through":                       testRefundGoesThrough,
		"an order is refunded in parts":               testPartialRefunds,
		"the same number of a refund again":           testSameRefundAgain,
		"a refund that is not there":                  testMissingRefund,
		"a refund without money waits":                testRefundWithoutMoney,
		"a refund whose outcome is unknown says so":   testRefundUnknownOutcome,
		"a refund that cannot be right is not sent":   testRefundNotSent,
		"a refund's notification counts if untouched": testRefundNotification,
		"the bill of a day":                           testBillOfADay,
	}
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, newWorld(t))
		})
	}
}

func mustPrepay(t *testing.T, w world) string {
	t.Helper()
	id, err := w.gateway.Prepay(t.Context(), testRequest())
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

func testPaymentGoesThrough(t *testing.T, w world) {
	id := mustPrepay(t, w)
	pay, err := w.gateway.RequestPayment(testAppID, id)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(pay)
	if err != nil {
		t.Fatal(err)
	}
	var phone map[string]string
	if err := json.Unmarshal(raw, &phone); err != nil {
		t.Fatal(err)
	}
	if err := w.onPhone(phone); err != nil {
		t.Errorf("got %v, want a phone that pays", err)
	}
	trade, err := w.gateway.Query(t.Context(), testNumber)
	if err != nil || trade.State != wxpay.StateNotPay || trade.State.IsPaid() || trade.Total != 100 || trade.TransactionID != "" {
		t.Errorf("got %+v, %v, want an unpaid trade", trade, err)
	}
	transactionID := w.pay(testNumber)
	byNumber, err := w.gateway.Query(t.Context(), testNumber)
	if err != nil {
		t.Fatal(err)
	}
	wantPaid(t, byNumber, transactionID)
	byTransaction, err := w.gateway.QueryTransaction(t.Context(), transactionID)
	if err != nil {
		t.Fatal(err)
	}
	wantPaid(t, byTransaction, transactionID)
	_, err = w.gateway.Prepay(t.Context(), testRequest())
	wantKind(t, err, wxpay.KindPaid)
}

func wantPaid(t *testing.T, trade wxpay.Trade, transactionID string) {
	t.Helper()
	at := trade.SuccessAt
	trade.SuccessAt = time.Time{}
	if len(trade.Raw) == 0 || !json.Valid(trade.Raw) {
		t.Errorf("got raw %q, want the evidence", trade.Raw)
	}
	got, _ := json.Marshal(trade)
	want, _ := json.Marshal(wxpay.Trade{
		AppID: testAppID, MchID: testMchID, OutTradeNo: testNumber, TransactionID: transactionID, State: wxpay.StateSuccess,
		StateDesc: "state SUCCESS", BankType: "OTHERS", Attach: "o=17", OpenID: testOpenID, Total: 100, PayerTotal: 90,
		Currency: wxpay.Currency, TradeType: wxpay.JSAPI, Raw: trade.Raw,
	})
	if !bytes.Equal(got, want) || !at.Equal(testStart) {
		t.Errorf("got %s at %s, want %s at %s", got, at, want, testStart)
	}
}

func testOtherWays(t *testing.T, w world) {
	for way, begins := range map[string]string{wxpay.Native: "weixin://wxpay/bizpayurl?pr=", wxpay.H5: "https://wx.tenpay.com/"} {
		request := testRequest()
		request.TradeType, request.OpenID, request.OutTradeNo = way, "", "ORD-"+way+"-1"
		address, err := w.gateway.Prepay(t.Context(), request)
		if err != nil || !strings.HasPrefix(address, begins) {
			t.Fatalf("%s: got %q, %v, want what is scanned or opened", way, address, err)
		}
		other := testRequest()
		other.OutTradeNo = request.OutTradeNo
		_, err = w.gateway.Prepay(t.Context(), other)
		wantKind(t, err, wxpay.KindReused)
		transactionID := w.pay(request.OutTradeNo)
		trade, err := w.gateway.Query(t.Context(), request.OutTradeNo)
		if err != nil || trade.TradeType != way || trade.OpenID != testOpenID || trade.TransactionID != transactionID {
			t.Errorf("%s: got %+v, %v, want it paid in this way by whoever came", way, trade, err)
		}
	}
}

// TestPageOfAnotherKind: a browser is sent to https only.
func TestPageOfAnotherKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{
		"weixin://wxpay/bizpayurl?pr=JyC91EIz1": {true, false},
		"https://wx.tenpay.com/?prepay_id=wx1":  {true, true},
		"http://wx.tenpay.com/":                 {false, false},
		"javascript:alert(1)":                   {false, false},
		"weixin://" + strings.Repeat("a", 512):  {false, false},
		"https://wx.tenpay.com/ a":              {false, false},
		"":                                      {false, false},
	} {
		for i, way := range []string{wxpay.Native, wxpay.H5} {
			if err := wxpay.CheckPayURL(way, text); (err == nil) != want[i] {
				t.Errorf("%s at %.40q: got %v, want it taken: %t", way, text, err, want[i])
			}
		}
	}
}

func testSameNumberAgain(t *testing.T, w world) {
	mustPrepay(t, w)
	mustPrepay(t, w)
	other := testRequest()
	other.Total++
	_, err := w.gateway.Prepay(t.Context(), other)
	if e := asKind(t, err, wxpay.KindReused); e.OutcomeUnknown() {
		t.Errorf("got an unknown outcome of %v, want a refusal", e)
	}
}

func testClosing(t *testing.T, w world) {
	mustPrepay(t, w)
	for range 2 {
		if err := w.gateway.Close(t.Context(), testNumber); err != nil {
			t.Fatalf("got %v, want it closed", err)
		}
	}
	if trade, err := w.gateway.Query(t.Context(), testNumber); err != nil || trade.State != wxpay.StateClosed {
		t.Errorf("got %+v, %v, want a closed trade", trade, err)
	}
	_, err := w.gateway.Prepay(t.Context(), testRequest())
	wantKind(t, err, wxpay.KindClosed)
	w.pay(testNumber)
	wantKind(t, w.gateway.Close(t.Context(), testNumber), wxpay.KindPaid)
}

func testMissingOrder(t *testing.T, w world) {
	_, err := w.gateway.Query(t.Context(), testNumber)
	wantKind(t, err, wxpay.KindNotFound)
	_, err = w.gateway.QueryTransaction(t.Context(), "4200002026010100000000000001")
	wantKind(t, err, wxpay.KindNotFound)
	wantKind(t, w.gateway.Close(t.Context(), testNumber), wxpay.KindNotFound)
}

func testUnknownOutcome(t *testing.T, w world) {
	// fetch the keys of certificate mode first, so that the faults hit the calls themselves
	mustPrepay(t, w)
	scenarios := []struct {
		kind wxpay.Kind
		turn func(on bool)
	}{{wxpay.KindBusy, w.busy}, {wxpay.KindNetwork, w.cut}, {wxpay.KindUnverified, w.forge}}
	for _, s := range scenarios {
		s.turn(true)
		_, prepayErr := w.gateway.Prepay(t.Context(), testRequest())
		_, queryErr := w.gateway.Query(t.Context(), testNumber)
		for _, err := range []error{prepayErr, queryErr, w.gateway.Close(t.Context(), testNumber)} {
			if e := asKind(t, err, s.kind); !e.OutcomeUnknown() {
				t.Errorf("got a known outcome of %v, want unknown", e)
			}
		}
		s.turn(false)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.gateway.Query(ctx, testNumber)
	if wantKind(t, err, wxpay.KindNetwork); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to wrap %v", err, context.Canceled)
	}
}

func testNotSent(t *testing.T, w world) {
	w.cut(true) // a call that goes out would be a network error
	request := testRequest()
	request.Total = 0
	_, err := w.gateway.Prepay(t.Context(), request)
	wantKind(t, err, wxpay.KindParam)
	for _, number := range []string{"", "short", "ORD-20260101/../1", "ORD 20260101", "订单号订单号", "ORD-1?mchid=2"} {
		_, err := w.gateway.Query(t.Context(), number)
		wantKind(t, err, wxpay.KindParam)
		wantKind(t, w.gateway.Close(t.Context(), number), wxpay.KindParam)
	}
	_, err = w.gateway.QueryTransaction(t.Context(), "42/../43")
	wantKind(t, err, wxpay.KindParam)
	_, err = w.gateway.RequestPayment("", "wx01")
	wantKind(t, err, wxpay.KindParam)
	_, err = w.gateway.RequestPayment(testAppID, "wx01\nwx02")
	if e := asKind(t, err, wxpay.KindParam); e.OutcomeUnknown() {
		t.Errorf("got an unknown outcome of %v, want a refusal", e)
	}
}

func testNotification(t *testing.T, w world) {
	mustPrepay(t, w)
	transactionID := w.pay(testNumber)
	header, body := w.notify(testNumber)
	note, err := w.gateway.ParsePayNotification(header, body)
	if err != nil {
		t.Fatal(err)
	}
	wantPaid(t, note.Trade, transactionID)
	if note.ID == "" || !bytes.Equal(note.Plaintext, note.Trade.Raw) {
		t.Errorf("got id %q and plaintext %s, want both", note.ID, note.Plaintext)
	}
	for i := 0; i < len(body); i += 7 {
		touched := bytes.Clone(body)
		touched[i] ^= 1
		if note, err := w.gateway.ParsePayNotification(header, touched); err == nil {
			t.Fatalf("got %+v with byte %d changed, want a refusal", note, i)
		}
	}
	if note, err := w.gateway.ParsePayNotification(http.Header{}, body); err == nil {
		t.Errorf("got %+v without headers, want a refusal", note)
	}
}
