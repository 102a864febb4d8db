package till

// Refunds made by hand on the merchant platform. Their notification may be lost, and the bill lists them only the next
// day; so WeChat is queried after every hint at them: a `sync` of a paid order, a query with REFUND, a refused refund
// of ours.
//
// API v3 finds a refund by its number alone, which we do not know. API v2 lists the refunds of an order, also of a v3
// order, and needs only the APIv2 key. A merchant without that key gets an alert instead of the list, until the bill
// shows the number.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// imports books the refunds made at WeChat by hand.
type imports struct {
	*kit
	rows *refundRows
}

// all books WeChat's refunds of a payment. The caller holds the order's lock.
func (i *imports) all(ctx context.Context, payment rows.Payment) error {
	if byVirtualPayment(payment) {
		return i.virtual(ctx, payment, "", "")
	}
	lister, err := i.lister(payment)
	if err != nil {
		return err
	}
	if lister == nil {
		return i.askByHand(ctx, payment)
	}
	refunds, err := lister.RefundsOf(ctx, payment.OutTradeNo())
	if err != nil { // note: a wrong APIv2 key must not be worse than a missing one
		return errors.Join(fmt.Errorf("list refunds of payment %s: %w", payment.Id, err), i.askByHand(ctx, payment))
	}
	for _, fact := range refunds {
		if err := i.one(payment.MchID(), fact); err != nil {
			return err
		}
	}
	return i.books.Settle(i.app, books.AlertRefund, refundsOfPayment(payment), "WeChat has listed the refunds")
}

func refundsOfPayment(payment rows.Payment) string { return "of payment " + payment.Id }

// one books one refund. One that contradicts our books raises an alert, and does not stop the others.
func (i *imports) one(mchID string, fact wxpay.Refund) error {
	id, err := i.rowOf(i.app, mchID, fact)
	if errors.Is(err, errRefundTooLarge) {
		return nil
	}
	if err != nil {
		return err
	}
	_, _, err = i.rows.apply(i.app, id, "", refundEvidence{source: "platform", fact: &fact})
	return err
}

// lister is nil for a merchant without an APIv2 key.
func (i *imports) lister(payment rows.Payment) (wxpay.RefundLister, error) {
	m, err := i.accounts.Settings.Merchant(payment.MchID())
	if err != nil || m.APIv2Key == "" {
		return nil, err
	}
	if m.API != accounts.ApiV2 {
		m.API, m.Certificate = accounts.ApiV2, "" // note: the call needs no certificate, and a v3 merchant's may have another form
	}
	gateway, err := i.gateways.GatewayFor(m, payment.AppID())
	if err != nil {
		return nil, err
	}
	lister, _ := gateway.(wxpay.RefundLister)
	return lister, nil
}

// askByHand raises an alert when WeChat says that money was refunded and our books lack the refund.
func (i *imports) askByHand(ctx context.Context, payment rows.Payment) error {
	trade, err := i.tradeOf(ctx, payment)
	if err != nil || trade.State != wxpay.StateRefund {
		return err
	}
	refunds, err := rows.RefundsOfPayment(i.app, payment.Id, dbx.In("state", "PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED"))
	if err != nil || len(refunds) > 0 {
		return err
	}
	return i.books.Raise(i.app, books.AlertRefund, refundsOfPayment(payment), map[string]any{
		"payment": payment.Id, "order": payment.OrderID(), "outTradeNo": payment.OutTradeNo(),
		"wants": "look at pay.weixin.qq.com: WeChat says that money has gone back, and our books know of no refund; the next bill names it",
	})
}

func (i *imports) tradeOf(ctx context.Context, payment rows.Payment) (wxpay.Trade, error) {
	gateway, err := i.gateways.Gateway(payment.MchID(), payment.AppID())
	if err != nil {
		return wxpay.Trade{}, err
	}
	trade, err := gateway.Query(ctx, payment.OutTradeNo())
	if err != nil {
		return trade, fmt.Errorf("query payment %s: %w", payment.Id, err)
	}
	return trade, nil
}

// syncPaid checks whether others have refunded money of a paid order.
func (i *imports) syncPaid(ctx context.Context, orderID string) error {
	payment, err := rows.FindPayment(i.app, dbx.HashExp{"order": orderID, "state": string(order.PaymentPaid)})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read payment: %w", err)
	}
	trade, err := i.tradeOf(ctx, payment)
	if err != nil || trade.State != wxpay.StateRefund {
		return err
	}
	return i.all(ctx, payment)
}

// byEffect is all for the outbox.
func (i *imports) byEffect(ctx context.Context, paymentID string) error {
	payment, err := rows.PaymentByID(i.app, paymentID)
	if err != nil {
		return err
	}
	defer i.locks.Lock("order/" + payment.OrderID())()
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	return i.all(ctx, payment)
}

// lookBehindRefusal looks for refunds by hand when one of ours was refused: they may be the reason.
func (f *Refunds) lookBehindRefusal(ctx context.Context, refundID string, end drivenRefund) {
	if end.err != nil || !end.step.Changed() || end.step.To != order.RefundRejected {
		return
	}
	payment, err := f.imports.paymentOf(refundID)
	if err == nil {
		err = f.imports.all(ctx, payment)
	}
	f.books.LogError("looking for refunds by hand", err)
}

func (i *imports) paymentOf(id string) (rows.Payment, error) {
	refund, err := rows.RefundByID(i.app, id)
	if err != nil {
		return rows.Payment{}, err
	}
	return rows.PaymentByID(i.app, refund.PaymentID())
}

// Mend queries WeChat about a refund, ours or one made by hand, and books the answer; it tells whether that changed
// anything.
func (f *Refunds) Mend(ctx context.Context, mchID string, gateway wxpay.Gateway, outRefundNo string) (bool, error) {
	return f.imports.mend(ctx, mchID, gateway, outRefundNo)
}

// AskByHand raises an alert when WeChat says that money of a payment was refunded and our books lack the refund.
func (f *Refunds) AskByHand(ctx context.Context, payment *core.Record) error {
	return f.imports.askByHand(ctx, rows.PaymentOf(payment))
}
