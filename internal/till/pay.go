package till

// How a payment goes, and who is right about it.
//
// WeChat is the source of truth for money, our database for what was asked. The phone is believed in nothing.
//
//	pay        the owner asks to pay: one attempt per order is live at a time. Its row, with every parameter, is committed before
//	           the first byte goes to WeChat; repeated asking repeats the same bytes. The answer is what wx.requestPayment wants.
//	notify     WeChat posts a signed and encrypted notification until it gets a 2xx, which it gets after our commit.
//	sync       the phone says it is back from the cashier: we ask WeChat, now.
//	sweep      nobody says anything: we ask WeChat, later and later; what has expired is closed there first and here second.
//
// All four end in apply (pay_apply.go), the only writer of payment states, where internal/order decides what an event means.
// What has to happen after a commit is either carried out by drive (pay_drive.go), a call to WeChat whose answer is the next
// event, or it is a row in the outbox.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/people"
	"wxbase/internal/settings"
	"wxbase/internal/wxpay"
)

// Pay handles POST /api/wx/orders/{id}/pay and answers with the argument of wx.requestPayment.
func (t *Till) Pay(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	record, err := OwnOrder(e)
	if err != nil {
		return err
	}
	defer t.Locks.Lock("order/" + record.Id)()
	// note: what has begun at WeChat is finished even when the phone hangs up
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	// an attempt on other terms, or one that WeChat closed, makes way for a new number
	for range 3 {
		attempt, event, err := t.attempt(e.App, record.Id)
		if err != nil {
			return answer.Or(err, answer.Busy)
		}
		end := t.drive(ctx, attempt.Id, event, evidence{source: "pay"})
		if isOutpaced(end.err) {
			continue // a notification was faster: look again
		}
		if end.err != nil {
			return answer.Or(end.err, answer.Busy)
		}
		switch {
		case end.step.Has(order.SignClientParams):
			return t.answerPay(e, attempt.Id)
		case end.step.To == order.PaymentPaid:
			return answer.Fail(answer.OrderPaid, nil)
		case end.step.To == order.PaymentRejected, end.callErr != nil:
			return answer.FromPay(end.callErr)
		}
	}
	return answer.Fail(answer.PayBusy, nil)
}

// attempt finds the attempt to pay with, or makes one, and says what to do with it. It refuses an order that is not to be paid.
func (t *Till) attempt(app core.App, orderID string) (payment *core.Record, event order.PaymentEvent, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		o, err := tx.FindRecordById("orders", orderID)
		if err != nil {
			return err
		}
		if err := t.checkPayable(o); err != nil {
			return err
		}
		terms, err := t.terms(tx, o)
		if err != nil {
			return err
		}
		live, err := liveAttempts(tx, o.Id)
		if err != nil {
			return err
		}
		if len(live) > 0 {
			payment, event = live[0], t.continueWith(live[0], terms)
			return nil
		}
		payment, err = t.newAttempt(tx, o, terms)
		event = order.EventPayRequested
		return err
	})
	return payment, event, err
}

func (t *Till) checkPayable(o *core.Record) error {
	state := order.PayState(o.GetString("payState"))
	switch {
	case state.IsPaid():
		return answer.Fail(answer.OrderPaid, nil)
	case isFrozen(o):
		return answer.Fail(answer.OrderDisputed, nil)
	case state != order.PayUnpaid || !o.GetDateTime("cancelAt").IsZero():
		return answer.Fail(answer.OrderNotPayable, nil)
	case !t.Now().Before(o.GetDateTime("expiresAt").Time()):
		return answer.Fail(answer.OrderExpired, nil)
	}
	return nil
}

// terms are what WeChat will be asked for, all but the number. Nothing in them comes from the client.
func (t *Till) terms(tx core.App, o *core.Record) (payTerms, error) {
	app, err := t.Accounts.Settings.App(o.GetString("appid"))
	if err != nil {
		return payTerms{}, answer.Fail(answer.NotConfigured, err)
	}
	merchant, err := t.Accounts.Settings.Merchant(app.MchID)
	if err != nil {
		return payTerms{}, answer.Fail(answer.NotConfigured, err)
	}
	if t.Accounts.Settings.PublicURL() == "" {
		return payTerms{}, answer.Fail(answer.NoPublicURL, nil)
	}
	identity, err := people.IdentityOf(tx, o.GetString("user"), app.AppID)
	if err != nil {
		return payTerms{}, answer.Fail(answer.IdentityMissing, err)
	}
	return payTerms{merchant: merchant, request: wxpay.PrepayRequest{
		AppID: app.AppID, OpenID: identity.GetString("openid"), Description: order.FitDescription(o.GetString("description")), Attach: o.GetString("number"),
		NotifyURL: t.Accounts.Settings.PublicURL() + "/api/wx/notify/pay/" + merchant.MchID,
		Total:     wxpay.Fen(o.GetInt("total")), ExpiresAt: o.GetDateTime("expiresAt").Time(),
	}}, nil
}

type payTerms struct {
	merchant settings.Merchant
	request  wxpay.PrepayRequest
}

// continueWith says what asking again means for a live attempt.
func (t *Till) continueWith(payment *core.Record, terms payTerms) order.PaymentEvent {
	request := terms.request
	request.OutTradeNo = payment.GetString("outTradeNo")
	same := payment.GetString("merchant") == terms.merchant.MchID && payment.GetString("paramsHash") == request.Hash()
	prepaid := order.PaymentState(payment.GetString("state")) == order.PaymentPrepaid
	switch {
	case !same:
		return order.EventReplace
	case prepaid && !order.PrepayFresh(payment.GetDateTime("prepayAt").Time(), t.Now()):
		return order.EventPrepayStale
	default:
		return order.EventPayRequested
	}
}

// newAttempt writes the row of a new number. NB! it is committed before anything is sent.
func (t *Till) newAttempt(tx core.App, o *core.Record, terms payTerms) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId("payments")
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Id = core.GenerateDefaultRandomId()
	request := terms.request
	request.OutTradeNo = order.NewOutTradeNo(r.Id, 1)
	if err := request.Validate(); err != nil {
		return nil, answer.With(answer.PayRefused, "reason", err.Error())
	}
	r.Load(map[string]any{
		"order": o.Id, "merchant": terms.merchant.MchID, "appid": request.AppID, "api": terms.merchant.API,
		"outTradeNo": request.OutTradeNo, "state": string(order.PaymentNew), "amount": int64(request.Total),
		"openid": request.OpenID, "params": request, "paramsHash": request.Hash(), "expiresAt": request.ExpiresAt,
		"nextQueryAt": t.Now().Add(order.NextQuery(1)),
	})
	if err := books.Save(tx, r); err != nil {
		return nil, fmt.Errorf("save payment: %w", err)
	}
	return r, nil
}

// answerPay signs the stored prepay_id for the phone.
func (t *Till) answerPay(e *core.RequestEvent, paymentID string) error {
	payment, err := e.App.FindRecordById("payments", paymentID)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	gateway, err := t.Accounts.Gateway(payment.GetString("merchant"), payment.GetString("appid"))
	if err != nil {
		return answer.FromPay(err)
	}
	params, err := gateway.RequestPayment(payment.GetString("appid"), payment.GetString("prepayId"))
	if err != nil {
		return answer.FromPay(err)
	}
	return e.JSON(http.StatusOK, params)
}

// liveAttempts are the attempts of an order that may still take money, the oldest first.
func liveAttempts(app core.App, orderID string) ([]*core.Record, error) {
	var all []*core.Record
	if err := app.RecordQuery("payments").AndWhere(dbx.HashExp{"order": orderID}).OrderBy("created").All(&all); err != nil {
		return nil, fmt.Errorf("find payments: %w", err)
	}
	var live []*core.Record
	for _, r := range all {
		if order.PaymentState(r.GetString("state")).IsLive() {
			live = append(live, r)
		}
	}
	return live, nil
}

// requestOf is what WeChat was asked for under the attempt's number.
func requestOf(payment *core.Record) (wxpay.PrepayRequest, error) {
	var request wxpay.PrepayRequest
	if err := json.Unmarshal([]byte(payment.GetString("params")), &request); err != nil {
		return request, fmt.Errorf("read parameters of payment %s: %w", payment.Id, err)
	}
	if request.Hash() != payment.GetString("paramsHash") {
		return request, errors.New("stored parameters of payment " + payment.Id + " do not match their hash")
	}
	return request, nil
}
