package till

// How a payment goes, and whose word counts.
//
// WeChat is the source of truth for money, our database for what was asked. The phone proves nothing.
//
//	pay        the owner asks to pay: an order has one live attempt at a time. Its row, with every parameter, is committed
//	           before the first byte goes to WeChat; a repeat sends the same bytes. The answer is wx.requestPayment's
//	           argument.
//	notify     WeChat posts a signed and encrypted notification until it gets a 2xx, which we send after our commit.
//	sync       the phone reports that it is back from the cashier: we query WeChat at once.
//	sweep      without any report we query WeChat at growing intervals; an expired attempt is closed there first.
//
// All four end in apply (machine.go), the only writer of payment states, where internal/order decides what an event
// means. What follows a commit is either done by drive (also in machine.go), a call to WeChat whose answer is the next
// event, or it is a row in the outbox.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/limit"
	"wxbase/internal/order"
	"wxbase/internal/people"
	"wxbase/internal/rows"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// Cashier handles the phone's requests: pay, sync, cancel.
type Cashier struct {
	*kit
	orders     *Orders
	payments   *Payments
	imports    *imports
	syncMinute limit.Minute
	Items      *Items
	Ways       Ways
}

// begin starts what a phone asks for about its order, in the order's turn, until end is called.
// note: a conversation with WeChat is finished even when the phone disconnects
func (c *Cashier) begin(e *core.RequestEvent) (o rows.Order, ctx context.Context, end func(), err error) {
	if err := answer.ReadNothing(e); err != nil {
		return o, nil, nil, err
	}
	if o, err = OwnOrder(e); err != nil {
		return o, nil, nil, err
	}
	ctx, end = c.turn(e.Request.Context(), o.Id)
	return o, ctx, end, nil
}

// Pay handles POST /api/wx/orders/{id}/pay and answers with the argument of wx.requestPayment.
func (c *Cashier) Pay(e *core.RequestEvent) error {
	record, ctx, end, err := c.begin(e)
	if err != nil {
		return err
	}
	defer end()
	payment, err := c.prepare(ctx, e.App, record.Id, c.terms)
	if err != nil {
		return err
	}
	return c.answerPay(e, payment)
}

// prepare gets an attempt to where the phone can pay it.
func (c *Cashier) prepare(ctx context.Context, app core.App, orderID string, terms termsOf) (none rows.Payment, err error) {
	// an attempt on other terms, or one that WeChat closed, makes way for a new number
	for range 3 {
		row, step, err := c.attempt(app, orderID, terms)
		if err != nil {
			return none, answer.Or(err, answer.Busy)
		}
		end := c.payments.settle(ctx, row, step)
		if isOutpaced(end.err) {
			continue // a notification was faster: look again
		}
		if end.err != nil {
			return none, answer.Or(end.err, answer.Busy)
		}
		switch {
		case end.step.Has(order.SignClientParams):
			return end.row.payment, nil
		case end.step.To == order.PaymentPaid:
			return none, answer.Fail(answer.OrderPaid, nil)
		case end.step.To == order.PaymentRejected, end.callErr != nil:
			return none, answer.FromPay(end.callErr)
		}
	}
	return none, answer.Fail(answer.PayBusy, nil)
}

// attempt finds the attempt to pay with, or makes one, and takes its first step, all in one transaction. It refuses an order that is not to be paid.
func (c *Cashier) attempt(app core.App, orderID string, termsOf termsOf) (row attempt, step order.Step, err error) {
	err = books.Together(app, func(tx core.App) error {
		row.order, err = rows.OrderByID(tx, orderID)
		if err != nil {
			return err
		}
		o := row.order
		if err := c.checkPayable(o); err != nil {
			return err
		}
		terms, err := termsOf(tx, o)
		if err != nil {
			return err
		}
		live, err := liveAttempts(tx, o.Id)
		if err != nil {
			return err
		}
		event := order.EventPayRequested
		if len(live) > 0 {
			row.payment, event = live[0], c.continueWith(live[0], terms)
		} else if row.payment, err = c.newAttempt(tx, o, terms); err != nil {
			return err
		}
		step, err = c.payments.applyIn(tx, row, event, payEvidence{source: "pay"})
		return err
	})
	c.books.Wake()
	return row, step, err
}

func (c *Cashier) checkPayable(o rows.Order) error {
	state := o.PayState()
	switch {
	case state.IsPaid():
		return answer.Fail(answer.OrderPaid, nil)
	case o.IsFrozen():
		return answer.Fail(answer.OrderDisputed, nil)
	case state != order.PayUnpaid || !o.IsWanted():
		return answer.Fail(answer.OrderNotPayable, nil)
	case !c.now().Before(o.ExpiresAt()):
		return answer.Fail(answer.OrderExpired, nil)
	}
	return nil
}

// termsOf says what an order is to be paid by.
type termsOf func(tx core.App, o rows.Order) (payTerms, error)

// terms are what WeChat will be asked for, all but the number. Nothing in them comes from the client.
func (c *Cashier) terms(tx core.App, o rows.Order) (payTerms, error) {
	terms, err := c.shopTerms(o)
	if err != nil {
		return terms, err
	}
	if _, terms.request.OpenID, err = people.OpenIDOf(tx, o.User(), terms.request.AppID); err != nil {
		return payTerms{}, answer.Fail(answer.IdentityMissing, err)
	}
	return terms, nil
}

// shopTerms are the terms of every way to pay, without the payer.
func (c *Cashier) shopTerms(o rows.Order) (payTerms, error) {
	if virtual, err := isVirtual(o); virtual || err != nil {
		return payTerms{}, cmp.Or(err, error(answer.Fail(answer.OrderVirtual, nil)))
	}
	app, err := c.accounts.Settings.App(o.AppID())
	if err != nil {
		return payTerms{}, answer.Fail(answer.NotConfigured, err)
	}
	merchant, err := c.accounts.Settings.Merchant(app.MchID)
	if err != nil {
		return payTerms{}, answer.Fail(answer.NotConfigured, err)
	}
	if c.accounts.Settings.PublicURL() == "" {
		return payTerms{}, answer.Fail(answer.NoPublicURL, nil)
	}
	return payTerms{merchant: merchant, request: wxpay.PrepayRequest{
		AppID: app.AppID, Description: order.FitDescription(o.Description()), Attach: o.Number(),
		NotifyURL: c.accounts.Settings.PublicURL() + "/api/wx/notify/pay/" + merchant.MchID,
		Total:     wxpay.Fen(o.Total()), ExpiresAt: o.ExpiresAt(),
	}}, nil
}

type payTerms struct {
	merchant settings.Merchant
	request  wxpay.PrepayRequest
	virtual  *wechat.XpaySignData // of virtual payment, all but the number
}

// signData is the text that the phone hands to virtual payment for a number; empty for WeChat Pay.
func (t payTerms) signData(outTradeNo string) (string, error) {
	if t.virtual == nil {
		return "", nil
	}
	data := *t.virtual
	data.OutTradeNo = outTradeNo
	return data.Text()
}

// payParams is what is stored of a prepay: every parameter, and the text that was signed.
type payParams struct {
	wxpay.PrepayRequest

	SignData string `json:"signData,omitempty"`
}

// continueWith is the event of another request to pay for a live attempt.
func (c *Cashier) continueWith(payment rows.Payment, terms payTerms) order.PaymentEvent {
	request := terms.request
	request.OutTradeNo = payment.OutTradeNo()
	if sent, err := requestOf(payment); err == nil && request.Way() == wxpay.H5 && sent.Way() == wxpay.H5 {
		request.PayerIP = sent.PayerIP // note: a browser that has moved to another network repeats the first request
	}
	signData, err := terms.signData(payment.OutTradeNo())
	same := err == nil && payment.MchID() == terms.merchant.MchID && payment.ParamsHash() == request.Hash() && signedText(payment) == signData
	prepaid := payment.State() == order.PaymentPrepaid
	switch {
	case !same:
		return order.EventReplace
	case prepaid && (payment.Handle() == "" || !order.PrepayFresh(payment.TradeType(), payment.PrepayAt(), c.now())):
		return order.EventPrepayStale
	default:
		return order.EventPayRequested
	}
}

// newAttempt makes the row of a new number; its first step writes it. NB! it is committed before anything is sent.
func (c *Cashier) newAttempt(tx core.App, o rows.Order, terms payTerms) (none rows.Payment, err error) {
	payments, err := tx.FindCachedCollectionByNameOrId("payments")
	if err != nil {
		return none, err
	}
	r := core.NewRecord(payments)
	r.Id = books.NewID()
	request := terms.request
	request.OutTradeNo = order.NewOutTradeNo(r.Id, 1)
	if err := request.Validate(); err != nil {
		return none, answer.With(answer.PayRefused, "reason", err.Error())
	}
	signData, err := terms.signData(request.OutTradeNo)
	if err != nil {
		return none, err
	}
	way := request.Way()
	if terms.virtual != nil {
		way = "" // note: virtual payment has no trade_type
	}
	r.Load(map[string]any{
		"order": o.Id, "tradeType": way, "merchant": terms.merchant.MchID, "appid": request.AppID, "api": terms.merchant.API,
		"outTradeNo": request.OutTradeNo, "state": string(order.PaymentNew), "amount": int64(request.Total),
		"openid": request.OpenID, "params": payParams{request, signData}, "paramsHash": request.Hash(), "expiresAt": request.ExpiresAt,
		"nextQueryAt": c.now().Add(order.NextQuery(1)),
	})
	return rows.PaymentOf(r), nil
}

// answerPay signs the stored prepay_id for the phone.
func (c *Cashier) answerPay(e *core.RequestEvent, payment rows.Payment) error {
	gateway, err := c.gateways.Gateway(payment.MchID(), payment.AppID())
	if err != nil {
		return answer.FromPay(err)
	}
	params, err := gateway.RequestPayment(payment.AppID(), payment.PrepayID())
	if err != nil {
		return answer.FromPay(err)
	}
	return e.JSON(http.StatusOK, params)
}

// liveAttempts are the attempts of an order that may still be paid, the oldest first.
func liveAttempts(app core.App, orderID string) ([]rows.Payment, error) {
	live, err := books.Select(app, "payments", "`order` = ? AND `state` IN ("+liveStates+") ORDER BY `created`", orderID)
	if err != nil {
		return nil, fmt.Errorf("find payments: %w", err)
	}
	return rows.PaymentsOf(live), nil
}

// liveStates names the states of an attempt that may still be paid, for SQL. Rows of other states are not read: a
// notification usually meets some.
var liveStates = func() string {
	var words []string
	for _, state := range order.PaymentStates() {
		if state.IsLive() {
			words = append(words, "'"+string(state)+"'")
		}
	}
	return strings.Join(words, ", ")
}()

// requestOf is the request that was sent under the attempt's number.
func requestOf(payment rows.Payment) (wxpay.PrepayRequest, error) {
	var request wxpay.PrepayRequest
	if err := json.Unmarshal([]byte(payment.GetString("params")), &request); err != nil {
		return request, fmt.Errorf("read parameters of payment %s: %w", payment.Id, err)
	}
	if request.Hash() != payment.ParamsHash() {
		return request, errors.New("stored parameters of payment " + payment.Id + " do not match their hash")
	}
	return request, nil
}
