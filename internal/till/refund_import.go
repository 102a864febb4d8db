package till

// Refunds that somebody made by hand on the merchant platform. Their notification may be lost, and the bill names them only the next
// day; so WeChat is asked whenever something hints at them: a `sync` of a paid order, a query that says REFUND, a refund of ours that is
// refused.
//
// API v3 finds a refund by its number alone, which we do not know. API v2 lists the refunds of an order, for orders of v3 too, and needs
// no more than the APIv2 key. A merchant without that key gets an alert in place of the list, until the bill brings the number.

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
	"wxbase/internal/wxpay"
)

// importRefunds books what WeChat knows of the refunds of a payment. The caller holds the order's lock.
func (t *Till) importRefunds(ctx context.Context, payment *core.Record) error {
	lister, err := t.refundLister(payment)
	if err != nil {
		return err
	}
	if lister == nil {
		return t.AskForRefundsByHand(ctx, payment)
	}
	refunds, err := lister.RefundsOf(ctx, payment.GetString("outTradeNo"))
	if err != nil { // note: an APIv2 key that is wrong must not be worse than none
		return errors.Join(fmt.Errorf("list refunds of payment %s: %w", payment.Id, err), t.AskForRefundsByHand(ctx, payment))
	}
	for _, fact := range refunds {
		if err := t.importRefund(payment.GetString("merchant"), fact); err != nil {
			return err
		}
	}
	return t.Books.Settle(t.App, books.AlertRefund, refundsOfPayment(payment), "WeChat has listed the refunds")
}

func refundsOfPayment(payment *core.Record) string { return "of payment " + payment.Id }

// importRefund books one refund. One that cannot stand in our books has raised an alert, and does not keep the others out.
func (t *Till) importRefund(mchID string, fact wxpay.Refund) error {
	id, err := t.refundOfFact(t.App, mchID, fact)
	if errors.Is(err, errRefundTooLarge) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = t.applyRefund(t.App, id, "", refundEvidence{source: "platform", fact: &fact})
	return err
}

// refundLister is nil for a merchant without an APIv2 key.
func (t *Till) refundLister(payment *core.Record) (wxpay.RefundLister, error) {
	m, err := t.Accounts.Settings.Merchant(payment.GetString("merchant"))
	if err != nil || m.APIv2Key == "" {
		return nil, err
	}
	if m.API != accounts.ApiV2 {
		m.API, m.Certificate = accounts.ApiV2, "" // note: the call needs no certificate, and a merchant of v3 has none in the right form
	}
	gateway, err := t.Accounts.GatewayFor(m, payment.GetString("appid"))
	if err != nil {
		return nil, err
	}
	lister, _ := gateway.(wxpay.RefundLister)
	return lister, nil
}

// AskForRefundsByHand raises an alert when WeChat says that money has gone back and our books know of none.
func (t *Till) AskForRefundsByHand(ctx context.Context, payment *core.Record) error {
	trade, err := t.tradeOf(ctx, payment)
	if err != nil || trade.State != wxpay.StateRefund {
		return err
	}
	rows, err := t.App.FindAllRecords("refunds", dbx.HashExp{"payment": payment.Id}, dbx.In("state", "PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED"))
	if err != nil || len(rows) > 0 {
		return err
	}
	return t.Books.Raise(t.App, books.AlertRefund, refundsOfPayment(payment), map[string]any{
		"payment": payment.Id, "order": payment.GetString("order"), "outTradeNo": payment.GetString("outTradeNo"),
		"wants": "look at pay.weixin.qq.com: WeChat says that money has gone back, and our books know of no refund; the next bill names it",
	})
}

func (t *Till) tradeOf(ctx context.Context, payment *core.Record) (wxpay.Trade, error) {
	gateway, err := t.Accounts.Gateway(payment.GetString("merchant"), payment.GetString("appid"))
	if err != nil {
		return wxpay.Trade{}, err
	}
	trade, err := gateway.Query(ctx, payment.GetString("outTradeNo"))
	if err != nil {
		return trade, fmt.Errorf("query payment %s: %w", payment.Id, err)
	}
	return trade, nil
}

// syncPaid looks whether money of a paid order has gone back without us.
func (t *Till) syncPaid(ctx context.Context, orderID string) error {
	payment, err := books.Find(t.App, "payments", dbx.HashExp{"order": orderID, "state": string(order.PaymentPaid)})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read payment: %w", err)
	}
	trade, err := t.tradeOf(ctx, payment)
	if err != nil || trade.State != wxpay.StateRefund {
		return err
	}
	return t.importRefunds(ctx, payment)
}

// importByEffect is importRefunds for the outbox.
func (t *Till) importByEffect(ctx context.Context, paymentID string) error {
	payment, err := t.App.FindRecordById("payments", paymentID)
	if err != nil {
		return fmt.Errorf("read payment: %w", err)
	}
	defer t.Locks.Lock("order/" + payment.GetString("order"))()
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	return t.importRefunds(ctx, payment)
}

// lookBehindRefusal asks for refunds by hand when one of ours was refused: they may be why.
func (t *Till) lookBehindRefusal(ctx context.Context, refundID string, end drivenRefund) {
	if end.err != nil || !end.step.Changed() || end.step.To != order.RefundRejected {
		return
	}
	payment, err := t.paymentOfRefund(refundID)
	if err == nil {
		err = t.importRefunds(ctx, payment)
	}
	t.Books.LogError("looking for refunds by hand", err)
}

func (t *Till) paymentOfRefund(id string) (*core.Record, error) {
	refund, err := t.App.FindRecordById("refunds", id)
	if err != nil {
		return nil, fmt.Errorf("read refund: %w", err)
	}
	return t.App.FindRecordById("payments", refund.GetString("payment"))
}
