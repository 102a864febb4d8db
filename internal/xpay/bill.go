package xpay

import (
	"context"
	"time"

	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// TradeBill implements wxpay.Gateway: virtual payment has no trade bill that can be compared line by line, see BillAddress.
func (g Gateway) TradeBill(context.Context, time.Time) (wxpay.Bill, error) {
	return wxpay.Bill{}, &wxpay.Error{Op: "trade bill", Kind: wxpay.KindParam, Message: "virtual payment has no trade bill; its payments are compared by query"}
}

// BillAddress is where the file of some days lies at WeChat, for people. KindNotReady: ask again later.
//
// note: no document names its columns, so nothing is read from it.
func (g Gateway) BillAddress(ctx context.Context, from, to time.Time) (string, error) {
	address, err := g.calls.Bill(ctx, from, to)
	if wechat.ErrcodeOf(err) == wechat.XpayNotReady {
		return "", &wxpay.Error{Op: "bill", Kind: wxpay.KindNotReady}
	}
	if err != nil {
		return "", asPayError("bill", err)
	}
	return address, nil
}
