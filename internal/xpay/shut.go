package xpay

import (
	"context"
	"time"

	"wxbase/internal/wxpay"
)

// Shut is the sandbox of a mini program that sells live: nothing that was paid there counts, and nobody is asked.
//
// NB! whoever has the sandbox's key pays with play money.
func Shut(appID string) wxpay.Gateway { return shut{Gateway{appID: appID}} }

type shut struct{ Gateway }

func (s shut) Query(_ context.Context, outTradeNo string) (wxpay.Trade, error) {
	return wxpay.Trade{AppID: s.appID, MchID: MerchantOf(s.appID, true), OutTradeNo: outTradeNo, State: wxpay.StateClosed}, nil
}

func (s shut) QueryTransaction(context.Context, string) (wxpay.Trade, error) {
	return wxpay.Trade{}, s.refuse("query")
}

func (s shut) Refund(context.Context, wxpay.RefundRequest) (wxpay.Refund, error) {
	return wxpay.Refund{}, s.refuse("refund")
}

func (s shut) QueryRefund(context.Context, string) (wxpay.Refund, error) {
	return wxpay.Refund{}, s.refuse("query refund")
}

func (s shut) TradeBill(context.Context, time.Time) (wxpay.Bill, error) {
	return wxpay.Bill{}, s.refuse("trade bill")
}

func (s shut) refuse(op string) error {
	return &wxpay.Error{Op: op, Kind: wxpay.KindParam, Message: "a payment of the sandbox, and the mini program sells live"}
}
