package wechat

import "context"

// Coins of virtual payment (代币). There are the calls and no more: what is bought with coins is kept by whoever calls them.

// XpayUser is who owns coins.
type XpayUser struct {
	OpenID     string
	SessionKey SessionKey // the one of now; errcode 268490009 for one that is gone
	IP         string
}

// XpayBalance is a user's coins.
type XpayBalance struct {
	Balance        int64 // in all
	PresentBalance int64 // of these, given away
}

// Balance asks for a user's coins: POST /xpay/query_user_balance.
func (x Xpay) Balance(ctx context.Context, u XpayUser) (b XpayBalance, err error) {
	err = x.call(ctx, "query_user_balance", xpayBody{"openid": u.OpenID, "user_ip": u.IP}, u.SessionKey, true, b.read)
	return b, err
}

func (b *XpayBalance) read(body []byte) error {
	var wire struct {
		Balance        number `json:"balance"`
		PresentBalance number `json:"present_balance"`
	}
	err := decode(body, &wire)
	b.Balance, b.PresentBalance = int64(wire.Balance), int64(wire.PresentBalance)
	return err
}

// SpendCoins takes coins for something: POST /xpay/currency_pay. items is the JSON text of what is bought. A repeat under the same number is
// errcode [XpayDone].
func (x Xpay) SpendCoins(ctx context.Context, u XpayUser, orderID string, amount int64, items, remark string) (b XpayBalance, err error) {
	err = x.call(ctx, "currency_pay", xpayBody{
		"openid": u.OpenID, "user_ip": u.IP, "order_id": orderID, "amount": amount, "payitem": items, "remark": remark,
	}, u.SessionKey, false, b.read)
	return b, err
}

// ReturnCoins undoes a SpendCoins, under a number of its own: POST /xpay/cancel_currency_pay.
func (x Xpay) ReturnCoins(ctx context.Context, u XpayUser, spentOrderID, orderID string, amount int64) error {
	return x.call(ctx, "cancel_currency_pay", xpayBody{
		"openid": u.OpenID, "user_ip": u.IP, "pay_order_id": spentOrderID, "order_id": orderID, "amount": amount,
	}, u.SessionKey, false, nil)
}

// GiveCoins gives coins away: POST /xpay/present_currency. Repeat it under the same number until it works or says [XpayDone].
func (x Xpay) GiveCoins(ctx context.Context, openID, orderID string, amount int64) (b XpayBalance, err error) {
	err = x.call(ctx, "present_currency", xpayBody{"openid": openID, "order_id": orderID, "amount": amount}, "", true, b.read)
	return b, err
}
