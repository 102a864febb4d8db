package till

// How virtual goods are paid (虚拟支付). It is the same engine as for every other payment, over another gateway (package xpay):
//
//	virtual   the owner asks to pay. There is nothing to order at WeChat: the row is committed, and its one text, signData, is signed twice,
//	          by the AppKey and by the session_key that the phone has now. The phone hands all of it to wx.requestVirtualPayment.
//	push      WeChat tells of a payment on the message push. It is a reason to ask and proves nothing: in the clear its body is not signed.
//	sweep     asks as for every payment. Nothing closes an order at WeChat, so an attempt that is closed here is asked about for a week more.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/order"
	"wxbase/internal/people"
	"wxbase/internal/rows"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
	"wxbase/internal/xpay"
)

// sessionTrust is how long after a login its session_key is taken for the phone's without asking WeChat.
const sessionTrust = 10 * time.Minute

// virtualPay is the argument of wx.requestVirtualPayment. Both signatures are over SignData as it stands.
type virtualPay struct {
	SignData  string `json:"signData"`
	PaySig    string `json:"paySig"`
	Signature string `json:"signature"`
	Mode      string `json:"mode"`
}

// Virtual handles POST /api/wx/orders/{id}/virtual and answers with the argument of wx.requestVirtualPayment.
func (c *Cashier) Virtual(e *core.RequestEvent) error {
	record, ctx, end, err := c.begin(e)
	if err != nil {
		return err
	}
	defer end()
	c.books.LogError("put an item on sale", c.Items.offer(ctx, record)) // note: whether it is on sale, the terms say
	payment, err := c.prepare(ctx, e.App, record.Id, c.virtualTerms)
	if err != nil {
		return err
	}
	signed, err := c.sign(ctx, payment, record.User())
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, signed)
}

// sign signs the stored text of an attempt for the phone of its payer.
func (c *Cashier) sign(ctx context.Context, payment rows.Payment, user string) (none virtualPay, err error) {
	app, err := c.accounts.Settings.App(payment.AppID())
	if err != nil {
		return none, answer.Fail(answer.NotConfigured, err)
	}
	key, at, err := people.SessionOf(c.app, c.accounts.Settings.Vault(), user, app.AppID)
	if err != nil || key == "" {
		return none, answer.Fail(answer.SessionStale, err)
	}
	if c.now().Sub(at) > sessionTrust {
		// note: a signature by a key that the phone has no longer is refused there (-15005), where nobody can mend it
		valid, err := c.accounts.Wechat(app).CheckSession(ctx, payment.OpenID(), key)
		if err != nil {
			return none, answer.FromWechat(err)
		}
		if !valid {
			return none, answer.Fail(answer.SessionStale, nil)
		}
	}
	_, sandbox, _ := xpay.Parse(payment.MchID())
	text := signedText(payment)
	return virtualPay{
		SignData: text, PaySig: wechat.XpayClientSig(app.XpayKeyIn(sandbox), text), Signature: wechat.XpayUserSig(key, text), Mode: string(wechat.XpayGoods),
	}, nil
}

// signedText is the text of an attempt that both signatures are over; empty for an attempt of WeChat Pay.
func signedText(payment rows.Payment) string {
	var params payParams
	_ = json.Unmarshal([]byte(payment.GetString("params")), &params) // note: what cannot be read has no such text
	return params.SignData
}

func isVirtual(o rows.Order) (bool, error) {
	items, err := o.Items()
	if err != nil {
		return false, err
	}
	return order.Virtual(items)
}

// virtualTerms are what the phone will pay by virtual payment.
func (c *Cashier) virtualTerms(tx core.App, o rows.Order) (payTerms, error) {
	items, err := o.Items()
	if err != nil {
		return payTerms{}, err
	}
	if virtual, err := order.Virtual(items); err != nil || !virtual || len(items) != 1 {
		return payTerms{}, answer.Fail(answer.OrderNotVirtual, err)
	}
	app, err := c.accounts.Settings.App(o.AppID())
	if err != nil {
		return payTerms{}, answer.Fail(answer.NotConfigured, err)
	}
	if !app.SellsVirtual() {
		return payTerms{}, answer.Fail(answer.VirtualConfig, nil)
	}
	if c.accounts.Settings.PublicURL() == "" {
		return payTerms{}, answer.Fail(answer.NoPublicURL, nil)
	}
	_, openID, err := people.OpenIDOf(tx, o.User(), app.AppID)
	if err != nil {
		return payTerms{}, answer.Fail(answer.IdentityMissing, err)
	}
	return c.virtualTermsOf(tx, o, items[0], app, openID)
}

func (c *Cashier) virtualTermsOf(tx core.App, o rows.Order, item order.Item, app settings.App, openID string) (none payTerms, err error) {
	sandbox := app.XpayEnv == settings.XpaySandbox
	if item.Price < 1 || item.Price*int64(item.Quantity) != o.Total() {
		return none, answer.Fail(answer.ItemPrice, nil)
	}
	id, err := c.Items.onSale(tx, app.AppID, sandbox, item)
	if err != nil {
		return none, err
	}
	env := 0
	if sandbox {
		env = 1
	}
	return payTerms{
		merchant: settings.Merchant{MchID: xpay.MerchantOf(app.AppID, sandbox), API: xpay.API},
		request: wxpay.PrepayRequest{
			AppID: app.AppID, OpenID: openID, Description: order.FitDescription(o.Description()), Attach: o.Number(),
			NotifyURL: c.accounts.Settings.PublicURL() + "/api/wx/push/" + app.AppID, Total: wxpay.Fen(o.Total()), ExpiresAt: o.ExpiresAt(),
		},
		virtual: &wechat.XpaySignData{
			OfferID: app.XpayOfferID, BuyQuantity: item.Quantity, Env: env, CurrencyType: wxpay.Currency, ProductID: id, GoodsPrice: item.Price, Attach: o.Number(),
		},
	}, nil
}

// lateFor is how long an attempt of virtual payment is asked about after it was closed here: what the phone was given can be paid as long as its
// session_key lives.
const lateFor = 7 * 24 * time.Hour

// nextLate is when a closed attempt of virtual payment is looked at again; zero for an attempt of WeChat Pay, which closes for good, and once
// lateFor is over.
func nextLate(payment rows.Payment, state order.PaymentState, now time.Time) time.Time {
	if !byVirtualPayment(payment) || state != order.PaymentClosed {
		return time.Time{}
	}
	age := now.Sub(payment.Created())
	if age > lateFor+closeAfter(payment).Sub(payment.Created()) {
		return time.Time{}
	}
	return now.Add(min(max(age/8, time.Minute), 6*time.Hour))
}

// canRevive tells whether money that came after the close is to be taken all the same: Apple's, which we cannot give back, while nobody else has
// bought what it was for.
func canRevive(tx core.App, o rows.Order, trade wxpay.Trade) (bool, error) {
	if !trade.Apple || o.PayState().IsPaid() || o.IsFrozen() {
		return false, nil
	}
	if o.PayState() != order.PayCancelled {
		return true, nil
	}
	items, err := o.Items()
	if err != nil {
		return false, err
	}
	return stockReaches(tx, items)
}

// byVirtualPayment tells whether an attempt is of virtual payment, not of WeChat Pay.
func byVirtualPayment(payment rows.Payment) bool {
	_, _, virtual := xpay.Parse(payment.MchID())
	return virtual
}

// paidToApple tells whether the buyer of an attempt paid Apple.
func paidToApple(payment rows.Payment) bool {
	var raw struct {
		Type int `json:"order_type"`
	}
	return byVirtualPayment(payment) && json.Unmarshal([]byte(payment.GetString("raw")), &raw) == nil && raw.Type == 7
}

// provide tells WeChat that a virtual payment which was found by asking has been delivered. One that was found by its push was told so by our answer.
func (p *Payments) provide(ctx context.Context, paymentID string) error {
	payment, err := rows.PaymentByID(p.app, paymentID)
	if err != nil {
		return err
	}
	gateway, err := p.gateways.Gateway(payment.MchID(), payment.AppID())
	if err != nil {
		return err
	}
	virtual, ok := gateway.(xpay.Gateway)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	return virtual.Provided(ctx, payment.OutTradeNo())
}

// findVirtual finds an attempt by the number in a push. It fails with sql.ErrNoRows.
func findVirtual(app core.App, appID string, env int, outTradeNo string) (rows.Payment, error) {
	payment, err := rows.FindPayment(app, dbx.HashExp{"merchant": xpay.MerchantOf(appID, env == 1), "outTradeNo": outTradeNo})
	if err != nil {
		return payment, fmt.Errorf("find virtual payment: %w", err)
	}
	return payment, nil
}
