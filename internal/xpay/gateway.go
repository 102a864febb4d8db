// Package xpay lets virtual payment (虚拟支付) be asked in the words of WeChat Pay, so that its payments and refunds go through the same engine.
//
// What is particular: there is no call that places an order, so a prepay is nothing but a row of ours; there is none that closes one either, so
// that a payment may come after we have closed it here; and each mini program sells in two environments, live and sandbox, whose payments are
// those of two merchants.
package xpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// API is how a payment is marked that goes through virtual payment.
const API = "xpay"

const (
	livePrefix    = "xpay-"
	sandboxPrefix = "xpay-sandbox-"
)

// MerchantOf names the merchant under which a mini program sells in one of the two environments.
func MerchantOf(appID string, sandbox bool) string {
	if sandbox {
		return sandboxPrefix + appID
	}
	return livePrefix + appID
}

// Parse reads such a name; ok is false for a merchant of WeChat Pay.
func Parse(mchID string) (appID string, sandbox, ok bool) {
	if appID, ok = strings.CutPrefix(mchID, sandboxPrefix); ok {
		return appID, true, true
	}
	appID, ok = strings.CutPrefix(mchID, livePrefix)
	return appID, false, ok
}

// Gateway is one environment of a mini program.
type Gateway struct {
	appID string
	calls wechat.Xpay
}

var _ wxpay.Gateway = Gateway{}

// New opens an environment.
func New(appID string, calls wechat.Xpay) Gateway { return Gateway{appID, calls} }

func (g Gateway) mchID() string { return MerchantOf(g.appID, g.calls.Sandbox) }

// Prepay implements wxpay.Gateway. WeChat makes the order when the buyer confirms; until then there is our row and nothing else.
func (g Gateway) Prepay(_ context.Context, req wxpay.PrepayRequest) (string, error) {
	return req.OutTradeNo, nil
}

// errNotHere is for what WeChat Pay has and virtual payment has not.
var errNotHere = errors.New("virtual payment has no such call")

// RequestPayment implements wxpay.Gateway; the phone pays by wx.requestVirtualPayment, see Sign.
func (g Gateway) RequestPayment(string, string) (wxpay.RequestPayment, error) {
	return wxpay.RequestPayment{}, errNotHere
}

// ParsePayNotification implements wxpay.Gateway; a payment is told on the message push.
func (g Gateway) ParsePayNotification(http.Header, []byte) (wxpay.Notification, error) {
	return wxpay.Notification{}, wxpay.ErrNotifyMerchant
}

// ParseRefundNotification implements wxpay.Gateway likewise.
func (g Gateway) ParseRefundNotification(http.Header, []byte) (wxpay.RefundNotification, error) {
	return wxpay.RefundNotification{}, wxpay.ErrNotifyMerchant
}

// Query implements wxpay.Gateway. A number that WeChat does not know is one that nobody has confirmed yet.
func (g Gateway) Query(ctx context.Context, outTradeNo string) (wxpay.Trade, error) {
	return g.query(ctx, wechat.XpayKey{OrderID: outTradeNo}, outTradeNo)
}

// QueryTransaction implements wxpay.Gateway, by WeChat's own number of an order.
func (g Gateway) QueryTransaction(ctx context.Context, transactionID string) (wxpay.Trade, error) {
	return g.query(ctx, wechat.XpayKey{WxOrderID: transactionID}, "")
}

func (g Gateway) query(ctx context.Context, key wechat.XpayKey, number string) (wxpay.Trade, error) {
	o, found, err := g.calls.Order(ctx, key)
	switch {
	case err != nil:
		return wxpay.Trade{}, asPayError("query", err)
	case !found && number == "":
		return wxpay.Trade{}, &wxpay.Error{Op: "query", Kind: wxpay.KindNotFound}
	case !found:
		return wxpay.Trade{AppID: g.appID, MchID: g.mchID(), OutTradeNo: number, State: wxpay.StateNotPay}, nil
	}
	return g.tradeOf(o), nil
}

// tradeOf is an order as WeChat Pay would tell it. NB! whose it is comes from the answer: what was paid in the sandbox is the sandbox's, whatever
// was asked.
func (g Gateway) tradeOf(o wechat.XpayOrder) wxpay.Trade {
	t := wxpay.Trade{
		AppID: g.appID, MchID: g.merchantIn(o.EnvType), OutTradeNo: o.OrderID, TransactionID: o.WxOrderID, SuccessAt: o.PaidAt,
		Total: wxpay.Fen(o.OrderFee), PayerTotal: wxpay.Fen(o.PaidFee), Currency: wxpay.Currency, Raw: o.Raw,
		Refunded: wxpay.Fen(o.RefundFee), Apple: o.IsApple(),
	}
	if t.SuccessAt.IsZero() {
		t.SuccessAt = o.UpdatedAt
	}
	t.State = stateOf(o)
	if !t.State.IsPaid() {
		t.TransactionID, t.SuccessAt = "", time.Time{}
	}
	return t
}

// merchantIn reads env_type. One that is missing or unknown is nobody's.
func (g Gateway) merchantIn(envType int) string {
	switch envType {
	case 1:
		return MerchantOf(g.appID, false)
	case 2:
		return MerchantOf(g.appID, true)
	}
	return ""
}

func stateOf(o wechat.XpayOrder) wxpay.TradeState {
	switch {
	case o.IsRefund():
		return "REFUND_ORDER" // note: a refund under the number of a payment is nothing that we know
	case o.Status == wechat.XpayNew, o.Status == wechat.XpayCreated:
		return wxpay.StateNotPay
	case o.Status == wechat.XpayClosed:
		return wxpay.StateClosed
	case o.Status == wechat.XpayRefunded, o.Status == wechat.XpayRefundDone, o.RefundFee > 0:
		return wxpay.StateRefund
	case o.Status == wechat.XpayPaid, o.Status == wechat.XpayDelivering, o.Status == wechat.XpayDelivered, o.Status == wechat.XpayRefundFailed:
		return wxpay.StateSuccess
	}
	return wxpay.TradeState(fmt.Sprintf("STATUS_%d", o.Status))
}

// Close implements wxpay.Gateway. There is nothing to close at WeChat: the caller has asked a moment ago, and goes on asking afterwards.
func (g Gateway) Close(context.Context, string) error { return nil }

// refundMeta comes back with a refund of ours, which names its payment by it.
type refundMeta struct {
	OutTradeNo string `json:"outTradeNo"`
}

// CodeApple is the refusal of a refund that only Apple can make.
const CodeApple = "PAID_TO_APPLE"

// Refund implements wxpay.Gateway. WeChat wants to hear what is left of the payment, so it is asked first.
func (g Gateway) Refund(ctx context.Context, req wxpay.RefundRequest) (none wxpay.Refund, err error) {
	o, found, err := g.calls.Order(ctx, wechat.XpayKey{OrderID: req.OutTradeNo})
	switch {
	case err != nil:
		return none, asPayError("refund", err)
	case !found:
		return none, &wxpay.Error{Op: "refund", Kind: wxpay.KindNotFound}
	case o.IsApple():
		return none, &wxpay.Error{Op: "refund", Kind: wxpay.KindParam, Code: CodeApple, Message: "paid through Apple, which alone gives the money back"}
	case g.merchantIn(o.EnvType) != g.mchID() || o.WxOrderID != req.TransactionID || o.OrderFee != int64(req.Total):
		return none, &wxpay.Error{Op: "refund", Kind: wxpay.KindParam, Message: "WeChat knows the payment with other terms"}
	}
	meta, err := json.Marshal(refundMeta{req.OutTradeNo})
	if err != nil {
		return none, fmt.Errorf("write biz_meta: %w", err)
	}
	id, err := g.calls.Refund(ctx, wechat.XpayRefund{
		OrderID: req.OutTradeNo, RefundOrderID: req.OutRefundNo, LeftFee: o.LeftFee, Fee: int64(req.Refund), BizMeta: string(meta), Reason: 5, From: 1,
	})
	if err != nil && wechat.ErrcodeOf(err) != wechat.XpayDone {
		return none, asPayError("refund", err)
	}
	r := wxpay.Refund{
		MchID: g.mchID(), OutRefundNo: req.OutRefundNo, RefundID: id, OutTradeNo: req.OutTradeNo, TransactionID: o.WxOrderID,
		State: wxpay.RefundProcessing, Refund: req.Refund, Total: req.Total,
	}
	r.Raw, err = json.Marshal(map[string]string{"refund_order_id": req.OutRefundNo, "refund_wx_order_id": id})
	return r, err
}

// QueryRefund implements wxpay.Gateway. It finds refunds of ours only: of others WeChat does not say which payment they are of.
func (g Gateway) QueryRefund(ctx context.Context, outRefundNo string) (none wxpay.Refund, err error) {
	o, found, err := g.calls.Order(ctx, wechat.XpayKey{OrderID: outRefundNo})
	if err != nil {
		return none, asPayError("query refund", err)
	}
	var meta refundMeta
	if !found || !o.IsRefund() || json.Unmarshal([]byte(o.BizMeta), &meta) != nil || meta.OutTradeNo == "" {
		return none, &wxpay.Error{Op: "query refund", Kind: wxpay.KindNotFound}
	}
	payment, found, err := g.calls.Order(ctx, wechat.XpayKey{OrderID: meta.OutTradeNo})
	switch {
	case err != nil:
		return none, asPayError("query refund", err)
	case !found:
		return none, &wxpay.Error{Op: "query refund", Kind: wxpay.KindNotFound}
	}
	return wxpay.Refund{
		MchID: g.merchantIn(o.EnvType), OutRefundNo: o.OrderID, RefundID: o.WxOrderID, OutTradeNo: payment.OrderID, TransactionID: payment.WxOrderID,
		State: refundStateOf(o.Status), Refund: wxpay.Fen(o.RefundFee), Total: wxpay.Fen(payment.OrderFee), CreatedAt: o.CreatedAt, SuccessAt: o.UpdatedAt, Raw: o.Raw,
	}, nil
}

func refundStateOf(s wechat.XpayStatus) wxpay.RefundState {
	switch s { //nolint:exhaustive // all else is under way
	case wechat.XpayRefunded, wechat.XpayRefundDone:
		return wxpay.RefundSuccess
	case wechat.XpayRefundFailed, wechat.XpayClosed:
		return wxpay.RefundClosed
	}
	return wxpay.RefundProcessing
}

// Provided tells WeChat that what was paid for is delivered. Doing it twice does no harm.
func (g Gateway) Provided(ctx context.Context, outTradeNo string) error {
	err := g.calls.Provided(ctx, wechat.XpayKey{OrderID: outTradeNo})
	if err == nil || wechat.ErrcodeOf(err) == wechat.XpayDone {
		return nil
	}
	return asPayError("provide", err)
}

// asPayError gives an error of the server API the kind that it has for the engine.
func asPayError(op string, err error) error {
	e := (&wxpay.Error{Op: op, Kind: wxpay.KindUnknown, Message: err.Error()}).WithCause(err)
	we, ok := errors.AsType[*wechat.Error](err)
	if !ok {
		e.Kind = wxpay.KindNetwork
		return e
	}
	e.Status, e.RequestID = we.Status, we.RID
	if we.Errcode != 0 {
		e.Code = fmt.Sprint(we.Errcode)
	}
	switch we.Errcode {
	case wechat.XpayTooOften:
		e.Kind, e.Code = wxpay.KindBusy, "FREQUENCY_LIMITED"
		return e
	case wechat.XpayLeftFeeDiffers, wechat.XpayRefundRunning:
		e.Kind = wxpay.KindBusy // another refund was faster: ask what is left and try again
		return e
	case wechat.XpayBadSignature:
		e.Kind = wxpay.KindSign
		return e
	}
	switch we.Kind { //nolint:exhaustive // what is left is unknown
	case wechat.KindNetwork, wechat.KindBadAnswer:
		e.Kind = wxpay.KindNetwork
	case wechat.KindBusy, wechat.KindRate, wechat.KindQuota:
		e.Kind = wxpay.KindBusy
	case wechat.KindConfig, wechat.KindToken, wechat.KindUnsupported:
		e.Kind = wxpay.KindConfig
	case wechat.KindArgs, wechat.KindState, wechat.KindRisk:
		e.Kind = wxpay.KindParam
	}
	return e
}
