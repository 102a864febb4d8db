package parcels

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wechat"
)

// What WeChat's shipping side answers, as far as more than the kind matters.
const (
	errcodeUnknownOrder = 10060001
	errcodeShipped      = 10060002
	errcodeCorrected    = 10060003
	errcodeUnchanged    = 10060023
)

// alertAfter is the number of tries, half an hour after the first one, before an alert says that an order stays
// unshipped.
const alertAfter = 10

// shipping is the submission as WeChat wants it, for the attempt that was paid.
func (j shipmentJob) shipping(payment rows.Payment) wechat.Shipping {
	s := wechat.Shipping{
		Key: shippingKey(payment), LogisticsType: wechat.LogisticsType(j.Shipment.LogisticsType),
		DeliveryMode: wechat.DeliveryMode(j.Shipment.DeliveryMode), IsAllDelivered: j.Shipment.IsAllDelivered,
		UploadTime: j.UploadTime, OpenID: payment.OpenID(),
	}
	for _, p := range j.Shipment.ShippingList {
		s.Parcels = append(s.Parcels, wechat.Parcel{
			TrackingNo: p.TrackingNo, ExpressCompany: p.ExpressCompany, ItemDesc: p.ItemDesc,
			Contact: wechat.Contact{Consignor: p.Contact.ConsignorContact, Receiver: p.Contact.ReceiverContact},
		})
	}
	return s
}

func shippingKey(payment rows.Payment) wechat.OrderKey {
	return wechat.OrderKey{
		TransactionID: payment.TransactionID(), MchID: payment.MchID(), OutTradeNo: payment.OutTradeNo(),
	}
}

// EffectUpload sends shipping information to WeChat.
const EffectUpload = "shipping.upload"

// HandleShipments registers the effect. Shipping raises its own alert.
func (p *Parcels) HandleShipments() {
	p.Books.Handle(EffectUpload, books.Effect{Do: p.uploadShipment, Carry: p.carryShipment, Alert: func(*core.Record, error) error { return nil }})
}

// carryShipment is carry for the worker. A request may have tried the row since it was read, so it is read again when it is its turn.
func (p *Parcels) carryShipment(ctx context.Context, row *core.Record) error {
	job, err := shipmentOf(row)
	if err != nil {
		return p.Books.NoteOutcome(row, books.Final(err))
	}
	unlock, err := p.Locks.LockContext(ctx, shipmentLock(job.Order))
	if err != nil {
		return err
	}
	defer unlock()
	row, err = p.App.FindRecordById("wx_outbox", row.Id)
	if err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	if !row.GetDateTime("doneAt").IsZero() || row.GetDateTime("nextAt").Time().After(p.Now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	outcome := p.Books.Perform(ctx, row)
	if err := p.Books.NoteOutcome(row, outcome); err != nil {
		return err
	}
	if books.IsFinal(outcome) || outcome != nil && row.GetInt("attempts") == alertAfter {
		return p.Books.Raise(p.App, books.AlertShipping, job.Order, map[string]any{
			"payment": job.Payment, "attempts": row.GetInt("attempts"), "error": row.GetString("error"),
		})
	}
	if outcome == nil {
		return p.Books.Settle(p.App, books.AlertShipping, job.Order, "WeChat took the shipping information")
	}
	return nil
}

// uploadShipment makes one try. The caller holds the order's shipmentLock. The error is final when no further try can work.
func (p *Parcels) uploadShipment(ctx context.Context, row *core.Record) error {
	job, err := shipmentOf(row)
	if err != nil {
		return books.Final(err)
	}
	payment, err := rows.PaymentByID(p.App, job.Payment)
	if err != nil {
		return err
	}
	client, err := p.shippingClient(payment)
	if err != nil {
		return err
	}
	s := job.shipping(payment)
	if job.Sent { // an earlier try may have worked
		theirs, err := askShipping(ctx, client, s.Key)
		if err != nil {
			return err
		}
		if hasArrived(theirs, s) {
			return p.acceptShipment(row, job, theirs.Finished)
		}
	}
	// NB! kept before the call: a second upload of the same thing may count as the one correction
	job.Sent = true
	row.Set("payload", job)
	if err := books.Write(p.App, row); err != nil {
		return fmt.Errorf("save outbox: %w", err)
	}
	return p.concludeShipment(ctx, client, row, job, s, client.UploadShipping(ctx, s))
}

// concludeShipment decides what the answer to an upload means.
func (p *Parcels) concludeShipment(
	ctx context.Context, client *wechat.Client, row *core.Record, job shipmentJob, s wechat.Shipping, cause error,
) error {
	if cause == nil {
		return p.acceptShipment(row, job, s.DeliveryMode == wechat.Unified || *s.IsAllDelivered)
	}
	we, ok := errors.AsType[*wechat.Error](cause)
	job.Sent = !ok || we.MaybeDone
	row.Set("payload", job)
	if ok && (we.Errcode == errcodeShipped || we.Errcode == errcodeUnchanged) {
		theirs, err := client.ShippingOf(ctx, s.Key)
		switch {
		case err != nil:
			return errors.Join(err, cause)
		case theirs.Finished || hasArrived(theirs, s):
			job.Unchanged = true
			return p.acceptShipment(row, job, theirs.Finished)
		}
		return books.Final(cause)
	}
	if ok && givesUp(we) {
		return books.Final(cause)
	}
	return cause
}

// givesUp tells refusals that stay. note: an order that WeChat does not know yet is the one state that passes by itself.
func givesUp(err *wechat.Error) bool {
	switch err.Kind {
	case wechat.KindState:
		return err.Errcode != errcodeUnknownOrder
	case wechat.KindArgs, wechat.KindUnsupported, wechat.KindRisk:
		return true
	case wechat.KindUnknown:
		return err.Errcode != 0
	default:
		return false
	}
}

// askShipping is ShippingOf where an order that WeChat does not know is one without shipping.
func askShipping(ctx context.Context, client *wechat.Client, key wechat.OrderKey) (wechat.OrderShipping, error) {
	theirs, err := client.ShippingOf(ctx, key)
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Errcode == errcodeUnknownOrder {
		return wechat.OrderShipping{}, nil
	}
	return theirs, err
}

// hasArrived tells whether WeChat has what a submission says: the way, whether it is whole, and each parcel.
func hasArrived(theirs wechat.OrderShipping, s wechat.Shipping) bool {
	whole := s.DeliveryMode == wechat.Unified || *s.IsAllDelivered
	if theirs.LogisticsType != s.LogisticsType || theirs.DeliveryMode != s.DeliveryMode || theirs.Finished != whole {
		return false
	}
	for _, ours := range s.Parcels {
		there := slices.ContainsFunc(theirs.Parcels, func(t wechat.SentParcel) bool {
			described := cmp.Or(t.ItemDesc, theirs.GoodsDesc) // one of the two is there; the latter joins all parcels
			return t.TrackingNo == ours.TrackingNo && t.ExpressCompany == ours.ExpressCompany &&
				(described == ours.ItemDesc || t.ItemDesc == "" && s.DeliveryMode == wechat.Split)
		})
		if !there {
			return false
		}
	}
	return true
}

// acceptShipment notes that WeChat has a submission, and that the order is shipped if that was all of it.
func (p *Parcels) acceptShipment(row *core.Record, job shipmentJob, whole bool) error {
	job.Sent, job.Accepted = false, true
	row.Set("payload", job)
	if !whole {
		return nil
	}
	return p.advanceShipState(job.Order, order.ShipShipped)
}

// advanceShipState moves orders.shipState forward, never back.
func (p *Parcels) advanceShipState(orderID, to string) error {
	steps := []string{order.ShipNone, order.ShipShipped, order.ShipReceived}
	return p.App.RunInTransaction(func(tx core.App) error {
		o, err := rows.OrderByID(tx, orderID)
		if err != nil {
			return err
		}
		if slices.Index(steps, o.ShipState()) >= slices.Index(steps, to) {
			return nil
		}
		o.SetShipState(to)
		if err := books.Write(tx, o.Record); err != nil {
			return fmt.Errorf("save order: %w", err)
		}
		return nil
	})
}
