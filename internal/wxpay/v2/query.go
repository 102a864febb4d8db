package v2

import (
	"context"

	"wxbase/internal/wxpay"
)

// Query implements [wxpay.Gateway].
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_2 (查询订单).
func (g *Gateway) Query(ctx context.Context, outTradeNo string) (wxpay.Trade, error) {
	if err := checkOutTradeNo(outTradeNo); err != nil {
		return wxpay.Trade{}, paramError(opQuery, err)
	}
	return g.query(ctx, "out_trade_no", outTradeNo)
}

// QueryTransaction implements [wxpay.Gateway].
func (g *Gateway) QueryTransaction(ctx context.Context, transactionID string) (wxpay.Trade, error) {
	if err := checkTransactionID(transactionID); err != nil {
		return wxpay.Trade{}, paramError(opQuery, err)
	}
	return g.query(ctx, "transaction_id", transactionID)
}

func (g *Gateway) query(ctx context.Context, by, number string) (wxpay.Trade, error) {
	f, err := g.do(ctx, g.newCall(opQuery, "/pay/orderquery", fields{by: number}))
	if err != nil {
		return wxpay.Trade{}, err
	}
	// NB! an answer about another order verifies too.
	if f[by] != number {
		return wxpay.Trade{}, answerError(opQuery, wxpay.KindUnverified, errNotAsked)
	}
	trade, err := readTrade(f, wxpay.TradeState(f["trade_state"]))
	if err != nil {
		return wxpay.Trade{}, answerError(opQuery, wxpay.KindUnknown, err)
	}
	return trade, nil
}

// Close implements [wxpay.Gateway]. WeChat may refuse to close an order younger than five minutes. A closed order is
// KindClosed.
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_3 (关闭订单).
func (g *Gateway) Close(ctx context.Context, outTradeNo string) error {
	if err := checkOutTradeNo(outTradeNo); err != nil {
		return paramError(opClose, err)
	}
	_, err := g.do(ctx, g.newCall(opClose, "/pay/closeorder", fields{"out_trade_no": outTradeNo}))
	return err
}
