package parcels

// How shipping information goes to WeChat (发货信息管理). WeChat holds the buyer's money back until the shop has reported how
// the goods travel. A submission is a row in the outbox before the first byte is sent. The request that makes it also
// tries it, so that its answer has the result; what WeChat cannot accept yet stays in the outbox and is repeated, and a
// final refusal ends it, with its error.
//
// An order has one open submission at a time, and an equal one is not a new one. WeChat is the source of truth: it
// allows one correction and counts it, and after a lost answer it is queried before anything is sent again.

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/settings"
	"wxbase/internal/till"
	"wxbase/internal/wechat"
)

// shipmentForm is the body of POST /api/wx/orders/{id}/shipments; names and limits are those of upload_shipping_info in camelCase.
type shipmentForm struct {
	LogisticsType  int              `json:"logisticsType"`
	DeliveryMode   int              `json:"deliveryMode"`
	IsAllDelivered *bool            `json:"isAllDelivered,omitempty"`
	ShippingList   []shipmentParcel `json:"shippingList"`
}

type shipmentParcel struct {
	TrackingNo     string          `json:"trackingNo,omitempty"`
	ExpressCompany string          `json:"expressCompany,omitempty"`
	ItemDesc       string          `json:"itemDesc"`
	Contact        shipmentContact `json:"contact"`
}

type shipmentContact struct {
	ConsignorContact string `json:"consignorContact,omitempty"`
	ReceiverContact  string `json:"receiverContact,omitempty"`
}

// shipmentJob is the payload of a row of EffectUpload.
type shipmentJob struct {
	Order      string       `json:"order"`
	Payment    string       `json:"payment"` // the attempt that was paid
	Number     int          `json:"number"`  // counts the submissions of the order from 1
	Digest     string       `json:"digest"`  // of the shipment
	Shipment   shipmentForm `json:"shipment"`
	UploadTime time.Time    `json:"uploadTime"` // when it was submitted; the same at every try
	Sent       bool         `json:"sent"`       // a call is out or its answer was lost
	Accepted   bool         `json:"accepted"`
	Unchanged  bool         `json:"unchanged"` // WeChat had it already and kept what it had
}

// CreateShipment handles POST /api/wx/orders/{id}/shipments for superusers: it reports to WeChat how the goods of a
// paid order travel. It answers `{ok, state, unchanged?}`, where state is shipState: SHIPPED once WeChat has the whole
// shipping, NONE while a split lacks parcels. 202 with `{ok: false, state, pending, nextAt, code, errcode?, rid?}`
// means that WeChat could not accept it yet, because it knows a payment only after some seconds, or was busy: the
// outbox repeats it. The same body again tries at once and never counts twice; another body for a shipped order is the
// only correction.
func (p *Parcels) CreateShipment(e *core.RequestEvent) error {
	var form shipmentForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	record, err := till.OwnOrder(e)
	if err != nil {
		return err
	}
	row, outcome, err := p.submit(context.WithoutCancel(e.Request.Context()), e.App, record, form)
	if err != nil {
		return err
	}
	return p.answerShipment(e, row, outcome)
}

// submit keeps a shipment of an order and tries it. outcome is why WeChat could not take it yet, or has refused it.
func (p *Parcels) submit(ctx context.Context, app core.App, o rows.Order, form shipmentForm) (row *core.Record, outcome, err error) {
	defer p.Locks.Lock(shipmentLock(o.Id))()
	job, err := p.planShipment(app, o, form)
	if err != nil {
		return nil, nil, answer.Or(err, answer.Busy)
	}
	row, job, err = p.queueShipment(app, job)
	if err != nil {
		return nil, nil, answer.Or(err, answer.Busy)
	}
	if job.Accepted {
		return row, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	outcome = p.Books.Perform(ctx, row)
	if err := p.Books.NoteOutcome(row, outcome); err != nil {
		return nil, nil, answer.Fail(answer.Busy, err)
	}
	return row, outcome, nil
}

// shipmentLock is the key under which the submissions of an order take turns.
func shipmentLock(orderID string) string { return "ship/" + orderID }

// planShipment refuses what cannot work before anything is kept.
func (p *Parcels) planShipment(app core.App, o rows.Order, form shipmentForm) (shipmentJob, error) {
	if err := till.RefuseFrozen(app, o.Id); err != nil {
		return shipmentJob{}, err
	}
	switch state := o.PayState(); {
	case !state.IsPaid():
		return shipmentJob{}, answer.Fail(answer.OrderNotPaid, nil)
	case state == order.PayRefunded:
		return shipmentJob{}, answer.Fail(answer.OrderRefunded, nil)
	}
	payment, err := till.PaidAttempt(app, o.Id)
	if err != nil {
		return shipmentJob{}, err
	}
	if _, err := p.shippingClient(payment); err != nil {
		return shipmentJob{}, answer.FromWechat(err)
	}
	raw, err := json.Marshal(form)
	if err != nil {
		return shipmentJob{}, fmt.Errorf("encode shipment: %w", err)
	}
	job := shipmentJob{Order: o.Id, Payment: payment.Id, Digest: books.Digest(raw), Shipment: form, UploadTime: p.Now()}
	if err := wechat.ValidateShipping(job.shipping(payment)); err != nil {
		return shipmentJob{}, refuseShipment(err)
	}
	return job, nil
}

// refuseShipment names the field in the words of upload_shipping_info.
func refuseShipment(err error) error {
	refusal := answer.Fail(answer.ShipmentArgs, err)
	if fe, ok := errors.AsType[*wechat.FieldError](err); ok {
		refusal.Data["reason"] = fe.Error()
	}
	return refusal
}

// shippingClient is the client of the mini program in which the order was paid.
func (p *Parcels) shippingClient(payment rows.Payment) (*wechat.Client, error) {
	app, err := p.Accounts.Settings.App(payment.AppID())
	if err != nil {
		return nil, err
	}
	if app.AppID != payment.AppID() {
		return nil, fmt.Errorf("mini program of payment %s: %w", payment.Id, settings.ErrNotConfigured)
	}
	return p.Accounts.Wechat(app), nil
}

// queueShipment keeps a submission, or finds it where it is the order's latest one already and was not refused.
func (p *Parcels) queueShipment(app core.App, job shipmentJob) (row *core.Record, kept shipmentJob, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		last, before, err := lastShipment(tx, job.Order)
		if err != nil {
			return err
		}
		pending := last != nil && last.GetDateTime("doneAt").IsZero()
		switch {
		case last != nil && before.Digest == job.Digest && (pending || before.Accepted):
			row, kept = last, before
			return nil
		case pending:
			return answer.Fail(answer.ShipmentPending, nil)
		}
		// note: WeChat wants each upload later than the one before, whatever our clock has done since
		if least := before.UploadTime.Add(time.Millisecond); job.UploadTime.Before(least) {
			job.UploadTime = least
		}
		job.Number = before.Number + 1
		kept = job
		row, err = p.saveShipment(tx, job)
		return err
	})
	return row, kept, err
}

// saveShipment makes the row. The worker leaves it alone as long as the request that made it may still be trying.
func (p *Parcels) saveShipment(tx core.App, job shipmentJob) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId("wx_outbox")
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"effect": EffectUpload, "key": fmt.Sprintf("%s%06d", shipmentKeys(job.Order), job.Number), "nextAt": p.Now().Add(2 * accounts.CallTimeout),
	})
	r.Set("payload", job)
	if err := books.Write(tx, r); err != nil {
		return nil, fmt.Errorf("queue %s: %w", EffectUpload, err)
	}
	return r, nil
}

// shipmentKeys is what the keys of an order's submissions begin with.
func shipmentKeys(orderID string) string { return EffectUpload + "/" + orderID + "/" }

// lastShipment finds the latest submission of an order; nil means that there is none.
func lastShipment(app core.App, orderID string) (*core.Record, shipmentJob, error) {
	r := &core.Record{}
	from := shipmentKeys(orderID)
	err := app.RecordQuery("wx_outbox").AndWhere(dbx.Between("key", from, from+"~")).OrderBy("key DESC").Limit(1).One(r)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, shipmentJob{}, nil
	case err != nil:
		return nil, shipmentJob{}, fmt.Errorf("read shipments: %w", err)
	}
	job, err := shipmentOf(r)
	return r, job, err
}

func shipmentOf(row *core.Record) (job shipmentJob, err error) {
	if err := row.UnmarshalJSONField("payload", &job); err != nil {
		return job, fmt.Errorf("read shipment: %w", err)
	}
	return job, nil
}

// answerShipment answers with the state of a submission.
func (p *Parcels) answerShipment(e *core.RequestEvent, row *core.Record, outcome error) error {
	stands, err := standing(e.App, e.Request.PathValue("id"), row, outcome)
	if err != nil {
		return err
	}
	reply := map[string]any{"ok": !stands.Pending, "state": stands.State}
	if !stands.Pending {
		if stands.Unchanged {
			reply["unchanged"] = true
		}
		return e.JSON(http.StatusOK, reply)
	}
	reply["pending"], reply["nextAt"] = true, row.GetDateTime("nextAt")
	maps.Copy(reply, answer.FromWechat(outcome).Data) // code, errcode and rid
	return e.JSON(http.StatusAccepted, reply)
}
