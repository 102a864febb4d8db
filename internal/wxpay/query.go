package wxpay

import (
	"context"
	"io"
	"net/url"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
)

// Query implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791859 (商户订单号查询订单).
func (v *V3) Query(ctx context.Context, outTradeNo string) (Trade, error) {
	if err := checkOutTradeNo(outTradeNo); err != nil {
		return Trade{}, paramError(opQuery, err)
	}
	return v.query(ctx, "out-trade-no/", outTradeNo, func(t Trade) bool { return t.OutTradeNo == outTradeNo })
}

// QueryTransaction implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791858 (微信支付订单号查询订单).
func (v *V3) QueryTransaction(ctx context.Context, transactionID string) (Trade, error) {
	if err := checkToken("transaction_id", transactionID, 32); err != nil {
		return Trade{}, paramError(opQuery, err)
	}
	return v.query(ctx, "id/", transactionID, func(t Trade) bool { return t.TransactionID == transactionID })
}

// query parses the bytes itself: the SDK's model fails as a whole when one coupon has a field of a new type.
func (v *V3) query(ctx context.Context, by, number string, isMine func(Trade) bool) (Trade, error) {
	address := consts.WechatPayAPIServer + "/v3/pay/transactions/" + by + url.PathEscape(number) + "?mchid=" + v.mchID
	result, err := v.sdk.Get(ctx, address)
	if err := classify(opQuery, result, err); err != nil {
		return Trade{}, err
	}
	raw, err := io.ReadAll(result.Response.Body)
	if err != nil {
		return Trade{}, answerError(opQuery, result, "answer cannot be read")
	}
	trade, err := parseTrade(raw)
	if err != nil {
		return Trade{}, answerError(opQuery, result, err.Error())
	}
	// NB! the signature does not cover the request: compare the numbers, an answer about another order verifies too.
	if trade.MchID != v.mchID || !isMine(trade) {
		return Trade{}, newError(opQuery, result, KindUnverified, "answer is about another order")
	}
	return trade, nil
}

// Close implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791860 (关闭订单).
func (v *V3) Close(ctx context.Context, outTradeNo string) error {
	if err := checkOutTradeNo(outTradeNo); err != nil {
		return paramError(opClose, err)
	}
	orders := jsapi.JsapiApiService{Client: v.sdk}
	result, err := orders.CloseOrder(ctx, jsapi.CloseOrderRequest{OutTradeNo: &outTradeNo, Mchid: &v.mchID})
	return classify(opClose, result, err)
}
