package till_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/limit"
	"wxbase/internal/metrics"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/settings"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

const mchID = "1900000001"

// shop is a till over a temporary database, with a WeChat Pay that the test controls.
type shop struct {
	*roomtest.Kit
	*till.Till

	Pay   *fakePay
	buyer *core.Record
	tb    testing.TB
}

func newShop(t *testing.T, change ...func(*till.Deps)) *shop {
	t.Helper()
	kit := roomtest.New(t)
	app, err := kit.Accounts.Settings.App(roomtest.AppID)
	if err != nil {
		t.Fatal(err)
	}
	app.MchID = mchID
	kit.Accounts.Settings.UseSimulator([]settings.App{app}, []settings.Merchant{{MchID: mchID, API: "v3", Source: settings.SourceSim}})
	pay := newFakePay(kit.Clock.Now)
	deps := till.Deps{
		App: kit.TestApp, Now: kit.Clock.Now, Accounts: kit.Accounts, Gateways: pay, Books: kit.Books, Locks: kit.Locks, Limits: limit.Usual(),
		Metrics: metrics.New(), OrderLife: 30 * time.Minute, SweepEvery: time.Hour,
	}
	for _, c := range change {
		c(&deps)
	}
	s := &shop{Kit: kit, Till: till.New(deps), Pay: pay, buyer: kit.Person("buyer"), tb: t}
	s.HandleEffects()
	s.Refunds.Hold = func(*core.RequestEvent, string, till.RefundWish) (any, int, error) { return nil, 0, nil }
	return s
}

// product is on sale for a price in fen; an empty stock means unlimited.
func (s *shop) product(price int64, stock string) string {
	s.tb.Helper()
	return s.Save("products", map[string]any{"name": "三鲜面", "price": price, "stock": stock, "active": true}).Id
}

// order is one of the buyer's orders, over an amount in fen.
func (s *shop) order(fen int64) rows.Order {
	s.tb.Helper()
	record, err := s.Orders.Place(s.TestApp, till.OrderForm{User: s.buyer.Id, Items: []till.OrderItem{{Product: s.product(fen, ""), Quantity: 1}}})
	if err != nil {
		s.tb.Fatalf("place order: %v", err)
	}
	return rows.OrderOf(record)
}

// ask calls one of the routes of an order as a person.
func (s *shop) ask(handler func(*core.RequestEvent) error, as *core.Record, orderID string, body any) roomtest.Answer {
	s.tb.Helper()
	return s.Call(handler, roomtest.Request{As: as, Path: map[string]string{"id": orderID}, Body: body})
}

// prepaid is an order with an attempt that the buyer may pay.
func (s *shop) prepaid(fen int64) (rows.Order, rows.Payment) {
	s.tb.Helper()
	o := s.order(fen)
	s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusOK, "")
	return s.orderRow(o.Id), s.paymentOf(o.Id)
}

// paid is a paid order, and WeChat's trade.
func (s *shop) paid(fen int64) (rows.Order, rows.Payment) {
	s.tb.Helper()
	o, payment := s.prepaid(fen)
	s.Pay.pays(payment.OutTradeNo())
	s.Want("sync", s.ask(s.Cashier.Sync, s.buyer, o.Id, nil), http.StatusOK, "")
	return s.orderRow(o.Id), s.paymentOf(o.Id)
}

func (s *shop) orderRow(id string) rows.Order {
	s.tb.Helper()
	return rows.OrderOf(s.Row("orders", id))
}

// paymentOf is an order's latest attempt.
func (s *shop) paymentOf(orderID string) rows.Payment {
	s.tb.Helper()
	return s.payments(orderID)[0]
}

// payments are an order's attempts, the latest first.
func (s *shop) payments(orderID string) []rows.Payment {
	s.tb.Helper()
	found, err := s.FindRecordsByFilter("payments", "order = {:o}", "-@rowid", 0, 0, map[string]any{"o": orderID})
	if err != nil || len(found) == 0 {
		s.tb.Fatalf("read payments of %s: %d rows, %v", orderID, len(found), err)
	}
	return rows.PaymentsOf(found)
}

func (s *shop) refundRow(id string) rows.Refund {
	s.tb.Helper()
	return rows.RefundOf(s.Row("refunds", id))
}

// openAlerts are the subjects of the open alerts of a kind.
func (s *shop) openAlerts(kind string) (subjects []string) {
	s.tb.Helper()
	found, err := s.FindRecordsByFilter("wx_alerts", "kind = {:k} && closedAt = ''", "", 0, 0, map[string]any{"k": kind})
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, r := range found {
		subjects = append(subjects, r.GetString("subject"))
	}
	return subjects
}

// fakePay is WeChat Pay and its gateways. It stores its calls, answers from them, and counts.
type fakePay struct {
	now func() time.Time

	mu      sync.Mutex
	trades  map[string]wxpay.Trade  // by out_trade_no
	refunds map[string]wxpay.Refund // by out_refund_no
	bill    wxpay.Bill

	transfers map[string]wxpay.Transfer // by out_bill_no
	takenOn   map[string]bool           // calls that fail and have their effect all the same

	asked   map[string][]wxpay.PrepayRequest // by out_trade_no
	calls   []string                         // "prepay <number>" and so on, the oldest first
	failing map[string]error                 // by the first word of a call
	when    map[string]func(number string)   // by the first word of a call: called before the answer, without the lock
}

func newFakePay(now func() time.Time) *fakePay {
	return &fakePay{
		now: now, trades: map[string]wxpay.Trade{}, refunds: map[string]wxpay.Refund{}, failing: map[string]error{},
		asked: map[string][]wxpay.PrepayRequest{}, when: map[string]func(string){}, transfers: map[string]wxpay.Transfer{}, takenOn: map[string]bool{},
	}
}

// note counts a call and returns the error that the test has set.
func (f *fakePay) note(call, number string) error {
	f.mu.Lock()
	f.calls = append(f.calls, call+" "+number)
	err, when := f.failing[call], f.when[call]
	f.mu.Unlock()
	if when != nil {
		when(number)
	}
	return err
}

// fail makes a call fail from now on; nil ends that.
func (f *fakePay) fail(call string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing[call] = err
}

// count counts the calls of a kind, or of a kind and number.
func (f *fakePay) count(call string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, made := range f.calls {
		if made == call || strings.HasPrefix(made, call+" ") {
			n++
		}
	}
	return n
}

// since are the calls after the first n, by their first words.
func (f *fakePay) since(n int) (words []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, made := range f.calls[n:] {
		word, _, _ := strings.Cut(made, " ")
		words = append(words, word)
	}
	return words
}

// stranger is an openid of a person who is no user of ours.
const stranger = "o-stranger"

// pays makes the payer pay a number.
func (f *fakePay) pays(number string) wxpay.Trade {
	return f.change(number, func(t *wxpay.Trade) {
		t.State, t.TransactionID, t.SuccessAt = wxpay.StateSuccess, "42"+number, f.now()
		t.PayerTotal = t.Total
		t.TradeType, t.OpenID = wxpay.JSAPI, cmp.Or(t.OpenID, stranger)
		if sent := f.asked[number]; len(sent) > 0 {
			t.TradeType = sent[0].Way()
		}
	})
}

// change changes WeChat's trade of a number.
func (f *fakePay) change(number string, with func(*wxpay.Trade)) wxpay.Trade {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.trades[number]
	with(&t)
	t.Raw, _ = json.Marshal(map[string]any{"out_trade_no": t.OutTradeNo, "trade_state": t.State})
	f.trades[number] = t
	return t
}

// refund changes WeChat's refund.
func (f *fakePay) refund(number string, with func(*wxpay.Refund)) wxpay.Refund {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.refunds[number]
	with(&r)
	r.Raw, _ = json.Marshal(map[string]any{"out_refund_no": r.OutRefundNo, "status": r.State})
	f.refunds[number] = r
	return r
}

func failed(kind wxpay.Kind) error {
	return &wxpay.Error{Op: "test", Kind: kind, Status: http.StatusBadRequest, Code: string(kind)}
}

func (f *fakePay) Gateway(id, _ string) (wxpay.Gateway, error) {
	if id != mchID {
		return nil, settings.ErrNotConfigured
	}
	return f, nil
}

func (f *fakePay) GatewayFor(settings.Merchant, string) (wxpay.Gateway, error) { return f, nil }

func (f *fakePay) NotifyGateway(id string, body []byte) (wxpay.Gateway, error) {
	if string(body) == "without keys" {
		return nil, accounts.ErrNoKeys
	}
	return f.Gateway(id, "")
}

func (f *fakePay) Prepay(_ context.Context, r wxpay.PrepayRequest) (string, error) {
	if err := f.note("prepay", r.OutTradeNo); err != nil {
		return "", err
	}
	f.change(r.OutTradeNo, func(t *wxpay.Trade) {
		*t = wxpay.Trade{AppID: r.AppID, MchID: mchID, OutTradeNo: r.OutTradeNo, State: wxpay.StateNotPay, Total: r.Total, Currency: order.CNY, OpenID: r.OpenID}
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[r.OutTradeNo] = append(f.asked[r.OutTradeNo], r)
	switch n := len(f.asked[r.OutTradeNo]); r.Way() {
	case wxpay.Native:
		return fmt.Sprintf("weixin://wxpay/bizpayurl?pr=%s-%d", r.OutTradeNo, n), nil
	case wxpay.H5:
		return fmt.Sprintf("https://wx.tenpay.com/?prepay_id=%s-%d", r.OutTradeNo, n), nil
	}
	return "prepay_" + r.OutTradeNo, nil
}

func (f *fakePay) RequestPayment(_, prepayID string) (wxpay.RequestPayment, error) {
	return wxpay.RequestPayment{Package: "prepay_id=" + prepayID, SignType: "RSA"}, nil
}

func (f *fakePay) Query(_ context.Context, number string) (wxpay.Trade, error) {
	if err := f.note("query", number); err != nil {
		return wxpay.Trade{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.trades[number]
	if !ok {
		return t, failed(wxpay.KindNotFound)
	}
	return t, nil
}

func (f *fakePay) QueryTransaction(context.Context, string) (wxpay.Trade, error) {
	return wxpay.Trade{}, failed(wxpay.KindNotFound)
}

func (f *fakePay) Close(_ context.Context, number string) error {
	if err := f.note("close", number); err != nil {
		return err
	}
	f.mu.Lock()
	known, state := f.trades[number].OutTradeNo != "", f.trades[number].State
	f.mu.Unlock()
	switch {
	case !known:
		return failed(wxpay.KindNotFound)
	case state.IsPaid():
		return failed(wxpay.KindPaid)
	}
	f.change(number, func(t *wxpay.Trade) { t.State = wxpay.StateClosed })
	return nil
}

func (f *fakePay) Refund(_ context.Context, r wxpay.RefundRequest) (wxpay.Refund, error) {
	if err := f.note("refund", r.OutRefundNo); err != nil {
		return wxpay.Refund{}, err
	}
	return f.refund(r.OutRefundNo, func(known *wxpay.Refund) {
		if known.OutRefundNo == "" {
			*known = wxpay.Refund{
				MchID: mchID, OutRefundNo: r.OutRefundNo, RefundID: "50" + r.OutRefundNo, OutTradeNo: r.OutTradeNo, TransactionID: r.TransactionID,
				State: wxpay.RefundProcessing, Refund: r.Refund, Total: r.Total, CreatedAt: f.now(),
			}
		}
	}), nil
}

func (f *fakePay) QueryRefund(_ context.Context, number string) (wxpay.Refund, error) {
	if err := f.note("queryRefund", number); err != nil {
		return wxpay.Refund{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.refunds[number]
	if !ok {
		return r, failed(wxpay.KindNotFound)
	}
	return r, nil
}

func (f *fakePay) TradeBill(_ context.Context, day time.Time) (wxpay.Bill, error) {
	if err := f.note("bill", day.Format(time.DateOnly)); err != nil {
		return wxpay.Bill{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bill, nil
}

// notice is the body of a fakePay notification. Signed tells whether WeChat wrote it.
type notice struct {
	Signed string
	Trade  wxpay.Trade
	Refund wxpay.Refund
}

func (f *fakePay) ParsePayNotification(_ http.Header, body []byte) (wxpay.Notification, error) {
	n, err := readNotice(body)
	return wxpay.Notification{ID: "evt", Trade: n.Trade, Plaintext: n.Trade.Raw}, err
}

func (f *fakePay) ParseRefundNotification(_ http.Header, body []byte) (wxpay.RefundNotification, error) {
	n, err := readNotice(body)
	return wxpay.RefundNotification{ID: "evt", Refund: n.Refund, Plaintext: n.Refund.Raw, Signed: true}, err
}

func readNotice(body []byte) (n notice, err error) {
	if err := json.Unmarshal(body, &n); err != nil {
		return n, wxpay.ErrNotifyMalformed
	}
	switch n.Signed {
	case "WeChat":
		return n, nil
	case "another merchant":
		return n, wxpay.ErrNotifyMerchant
	case "last week":
		return n, wxpay.ErrNotifyStale
	default:
		return n, wxpay.ErrNotifySignature
	}
}

// notify posts a notification of a merchant. A refusal shows in the answer's code.
func (s *shop) notify(handler func(*core.RequestEvent) error, merchant string, n any) roomtest.Answer {
	s.tb.Helper()
	a := s.Call(handler, roomtest.Request{Path: map[string]string{"merchant": merchant}, Body: n})
	if data, ok := a.JSON["data"].(map[string]any); ok {
		a.Code, _ = data["code"].(string)
	}
	return a
}
