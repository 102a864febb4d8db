package till

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
	"wxbase/internal/xpay"
)

// Virtual works on what virtual payment has pushed; it may be done again. The push was answered when it was kept.
//
// NB! it is a reason to ask and nothing more: in the clear its signature does not cover what it says.
func (n *Notices) Virtual(ctx context.Context, m wechat.PushMessage) error {
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	switch m.Event {
	case wechat.EventXpayGoods:
		return n.virtualPaid(ctx, m)
	case wechat.EventXpayRefund:
		return n.virtualRefunded(ctx, m)
	case wechat.EventXpayComplaint:
		return n.tellVirtual(m, "complaint", "ComplaintId", "answer the complaint in the console of virtual payment")
	case wechat.EventXpayRisk:
		return n.tellVirtual(m, "risk control", "BusinessCode", "look at the console of virtual payment: WeChat checks or punishes this mini program")
	default:
		return nil // kept in the inbox, and OnPush hears of it
	}
}

// tellVirtual tells a person of a push, once however often it comes.
func (n *Notices) tellVirtual(m wechat.PushMessage, what, key, wants string) error {
	subject := fmt.Sprintf("%s %v of %s", what, m.Fields[key], m.AppID)
	details := map[string]any{"wants": wants}
	for _, name := range []string{"MchOrderId", "ComplaintId", "ComplaintDetail", "ComplaintTime", "BusinessCode", "BusinessState", "EventType", "Remark"} {
		if value := m.Fields[name]; value != nil {
			details[name] = books.Clip(fmt.Sprint(value), 600)
		}
	}
	return n.books.Raise(n.app, books.AlertPayment, subject, details)
}

func (n *Notices) virtualPaid(ctx context.Context, m wechat.PushMessage) error {
	told, err := m.XpayPaid()
	if err != nil {
		return books.Final(err)
	}
	payment, err := findVirtual(n.app, m.AppID, told.Env, told.OutTradeNo)
	if errors.Is(err, sql.ErrNoRows) {
		return n.virtualUnmatched(m.AppID, told)
	}
	if err != nil {
		return err
	}
	defer n.locks.Lock("order/" + payment.OrderID())()
	end := n.payments.drive(ctx, payment.Id, order.EventClientOK, payEvidence{source: "notify"})
	if end.err != nil || end.callErr != nil {
		return errors.Join(end.err, end.callErr)
	}
	if end.step.To.IsLive() || end.step.To == order.PaymentClosed {
		return n.askSoon(end.row.payment)
	}
	return nil
}

// askSoon has the sweep ask again: a push may be faster than the query knows, or be nobody's.
func (n *Notices) askSoon(payment rows.Payment) error {
	payment.SetQueries(0)
	payment.SetNextQueryAt(n.now().Add(order.NextQuery(0)))
	return books.Write(n.app, payment.Record)
}

// virtualUnmatched is money for a number that is not in our books. Of the sandbox it is none, unless the mini program sells there.
func (n *Notices) virtualUnmatched(appID string, told wechat.XpayPaidPush) error {
	app, err := n.accounts.Settings.App(appID)
	if err != nil {
		return err
	}
	if told.Env == 1 && app.XpayEnv != "sandbox" {
		n.app.Logger().Warn("a payment of the sandbox was pushed to a mini program that sells live", "outTradeNo", told.OutTradeNo)
		return nil
	}
	mchID := xpay.MerchantOf(appID, told.Env == 1)
	return n.books.Raise(n.app, books.AlertUnmatched, mchID+"/"+told.OutTradeNo, map[string]any{"merchant": mchID, "outTradeNo": told.OutTradeNo, "notification": "xpay"})
}

func (n *Notices) virtualRefunded(ctx context.Context, m wechat.PushMessage) error {
	told, err := m.XpayRefunded()
	if err != nil {
		return books.Final(err)
	}
	payment, err := rows.FindPayment(n.app, dbx.HashExp{"appid": m.AppID, "api": xpay.API, "outTradeNo": told.OutTradeNo})
	if errors.Is(err, sql.ErrNoRows) {
		return nil // note: of money that is not ours; its payment has raised the alert
	}
	if err != nil {
		return err
	}
	defer n.locks.Lock("order/" + payment.OrderID())()
	refund, err := rows.FindRefund(n.app, dbx.HashExp{"merchant": payment.MchID(), "outRefundNo": told.RefundOrderID})
	if errors.Is(err, sql.ErrNoRows) {
		if !told.OK {
			return nil
		}
		return n.imports.virtual(ctx, payment, told.RefundOrderID, told.WxRefundID)
	}
	if err != nil {
		return err
	}
	return n.confirmRefund(ctx, payment, refund, told)
}

// confirmRefund asks what became of a refund of ours. Where WeChat does not know it by its number, what is left of the payment tells.
func (n *Notices) confirmRefund(ctx context.Context, payment rows.Payment, refund rows.Refund, told wechat.XpayRefundPush) error {
	gateway, err := n.gateways.Gateway(payment.MchID(), payment.AppID())
	if err != nil {
		return err
	}
	fact, err := gateway.QueryRefund(ctx, refund.OutRefundNo())
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindNotFound && told.OK {
		fact, err = n.imports.refundBySum(ctx, payment, refund, told.WxRefundID)
	}
	if err != nil {
		return err
	}
	_, _, err = n.refunds.apply(n.app, refund.Id, "", refundEvidence{source: "notify", fact: &fact})
	return err
}

// refundBySum is a refund of ours as done, when WeChat has given back as much as that and all that we knew of before.
func (i *imports) refundBySum(ctx context.Context, payment rows.Payment, refund rows.Refund, wxRefundID string) (none wxpay.Refund, err error) {
	trade, err := i.tradeOf(ctx, payment)
	if err != nil {
		return none, err
	}
	done, err := i.sumOfRefunds(payment, order.RefundSuccess)
	if err != nil {
		return none, err
	}
	if int64(trade.Refunded) < done+refund.Amount() {
		return none, fmt.Errorf("refund %s was told as done, and WeChat has given back %d fen", refund.OutRefundNo(), trade.Refunded)
	}
	return i.virtualFact(trade, refund.OutRefundNo(), wxRefundID, refund.Amount())
}

// virtual books what has gone back of a virtual payment without us: WeChat names the sum, and no list. number is the one that a push has told.
func (i *imports) virtual(ctx context.Context, payment rows.Payment, number, wxRefundID string) error {
	trade, err := i.tradeOf(ctx, payment)
	if err != nil {
		return err
	}
	known, err := i.sumOfRefunds(payment, order.RefundSubmitted, order.RefundProcessing, order.RefundSuccess, order.RefundAbnormal)
	if err != nil {
		return err
	}
	gone := int64(trade.Refunded) - known
	if gone < 1 {
		return nil
	}
	number = cmp.Or(number, fmt.Sprintf("hand-%s-%d", payment.OutTradeNo(), trade.Refunded))
	fact, err := i.virtualFact(trade, number, wxRefundID, gone)
	if err != nil {
		return err
	}
	return i.one(payment.MchID(), fact)
}

func (i *imports) sumOfRefunds(payment rows.Payment, states ...order.RefundState) (sum int64, err error) {
	refunds, err := rows.RefundsOfPayment(i.app, payment.Id)
	if err != nil {
		return 0, err
	}
	for _, r := range refunds {
		for _, state := range states {
			if r.State() == state {
				sum += r.Amount()
			}
		}
	}
	return sum, nil
}

func (i *imports) virtualFact(trade wxpay.Trade, number, wxRefundID string, amount int64) (fact wxpay.Refund, err error) {
	fact = wxpay.Refund{
		MchID: trade.MchID, OutRefundNo: number, RefundID: wxRefundID, OutTradeNo: trade.OutTradeNo, TransactionID: trade.TransactionID,
		State: wxpay.RefundSuccess, Refund: wxpay.Fen(amount), Total: trade.Total, SuccessAt: i.now(),
	}
	fact.Raw, err = json.Marshal(map[string]any{"order": json.RawMessage(trade.Raw), "refund_wx_order_id": wxRefundID})
	return fact, err
}

// Inquiry answers Apple, which asks before it gives a buyer's money back, from our books and the shop's rule; it writes nothing.
func (n *Notices) Inquiry(appID string, in wechat.XpayInquiry) (said wechat.XpayInquiryAnswer, err error) {
	app, err := n.accounts.Settings.App(appID)
	if err != nil {
		return said, err
	}
	payment, err := rows.FindPayment(n.app, dbx.HashExp{"appid": appID, "api": xpay.API, "outTradeNo": in.OutTradeNo})
	if errors.Is(err, sql.ErrNoRows) {
		return wechat.XpayInquiryAnswer{Code: 0, Info: "not delivered", Evidence: "no such order in the shop's books"}, nil
	}
	if err != nil {
		return said, err
	}
	evidence := fmt.Sprintf("payment %s is %s", in.OutTradeNo, payment.State())
	if payment.State() != order.PaymentPaid {
		return wechat.XpayInquiryAnswer{Code: 0, Info: "not delivered", Evidence: evidence}, nil
	}
	evidence += ", paid and delivered at " + payment.SuccessAt().UTC().Format(time.RFC3339)
	if app.XpayKeepApple {
		return wechat.XpayInquiryAnswer{Code: 1, Info: "delivered", Evidence: evidence}, nil
	}
	return wechat.XpayInquiryAnswer{Code: 0, Info: "the shop agrees", Evidence: evidence}, nil
}
