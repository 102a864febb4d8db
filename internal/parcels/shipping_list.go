package parcels

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/till"
	"wxbase/internal/wechat"
)

// mostUnshipped is the largest page of GET /api/wx/admin/shipments.
const mostUnshipped = 200

// shippedParcel is a parcel as WeChat has it.
type shippedParcel struct {
	shipmentParcel

	UploadedAt time.Time `json:"uploadedAt"`
}

// ShowShipment handles GET /api/wx/orders/{id}/shipments for superusers: it asks WeChat what it knows about the shipping of a paid order.
// shipState of the order follows if WeChat is further, as it is after shipping on its own platform or when the buyer has confirmed.
func (p *Parcels) ShowShipment(e *core.RequestEvent) error {
	o, err := till.OwnOrder(e)
	if err != nil {
		return err
	}
	payment, err := till.PaidAttempt(e.App, o.Id)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	client, err := p.shippingClient(payment)
	if err != nil {
		return answer.FromWechat(err)
	}
	ctx, cancel := context.WithTimeout(e.Request.Context(), accounts.CallTimeout)
	defer cancel()
	theirs, err := client.ShippingOf(ctx, shippingKey(payment))
	if err != nil {
		return answer.FromWechat(err)
	}
	if err := p.advanceShipState(o.Id, shipStateOf(theirs)); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if o, err = rows.OrderByID(e.App, o.Id); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, describeShipping(o, theirs))
}

func describeShipping(o rows.Order, theirs wechat.OrderShipping) map[string]any {
	parcels := make([]shippedParcel, 0, len(theirs.Parcels))
	for _, t := range theirs.Parcels {
		parcels = append(parcels, shippedParcel{
			shipmentParcel: shipmentParcel{
				TrackingNo: t.TrackingNo, ExpressCompany: t.ExpressCompany, ItemDesc: t.ItemDesc,
				Contact: shipmentContact{ConsignorContact: t.Contact.Consignor, ReceiverContact: t.Contact.Receiver},
			},
			UploadedAt: t.UploadedAt,
		})
	}
	return map[string]any{
		"state": o.ShipState(), "orderState": int(theirs.State), "transactionId": theirs.TransactionID,
		"logisticsType": int(theirs.LogisticsType), "deliveryMode": int(theirs.DeliveryMode), "finished": theirs.Finished,
		"corrected": theirs.FinishedCount > 1, "inComplaint": theirs.InComplaint, "goodsDesc": theirs.GoodsDesc, "shippingList": parcels,
	}
}

// shipStateOf is orders.shipState for what WeChat says. note: 5 refunded and 6 settling do not say whether the goods have arrived.
func shipStateOf(theirs wechat.OrderShipping) string {
	switch {
	case theirs.State == wechat.OrderReceived || theirs.State == wechat.OrderDone:
		return order.ShipReceived
	case theirs.State == wechat.OrderShipped || theirs.Finished:
		return order.ShipShipped
	default:
		return order.ShipNone
	}
}

// unshippedOrder is a row of GET /api/wx/admin/shipments. Amounts are in fen.
type unshippedOrder struct {
	ID       string         `json:"id"`
	Number   string         `json:"number"`
	AppID    string         `json:"appid"`
	PayState string         `json:"payState"`
	Total    int64          `json:"total"`
	PaidAt   types.DateTime `json:"paidAt"`
	Deadline types.DateTime `json:"deadline"`
	Rule     order.ShipRule `json:"rule"` // by which the deadline comes: 48h, 15d (announced by the shop) or 330d (reported to WeChat)
	Overdue  bool           `json:"overdue"`
	Pending  bool           `json:"pending"` // a submission is on its way
	Error    string         `json:"error"`   // of the latest submission that WeChat has not accepted
}

// ListUnshipped handles GET /api/wx/admin/shipments?page=&perPage=&promised= for superusers: paid orders of which WeChat has no whole shipping
// information, the oldest first, with the time by which it is due (order.ShipDeadline). A pre-sale is among them from 48 hours before its date
// on; with promised=true the list is of all pre-sales, by their date.
func (p *Parcels) ListUnshipped(e *core.RequestEvent) error {
	page, err := answer.QueryNumber(e, "page", 1, 1_000_000)
	if err != nil {
		return err
	}
	size, err := answer.QueryNumber(e, "perPage", 50, mostUnshipped)
	if err != nil {
		return err
	}
	unshipped, sorted := p.unshipped(e.Request.URL.Query().Get("promised") == "true")
	total, err := e.App.CountRecords("orders", unshipped)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	var orders []*core.Record
	err = e.App.RecordQuery("orders").AndWhere(unshipped).OrderBy(sorted, "id").
		Limit(int64(size)).Offset(int64((page - 1) * size)).All(&orders)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	shipments, err := lastShipments(e.App, orders)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	items := make([]unshippedOrder, 0, len(orders))
	for _, o := range orders {
		items = append(items, p.describeUnshipped(rows.OrderOf(o), shipments[o.Id]))
	}
	return e.JSON(http.StatusOK, map[string]any{"items": items, "page": page, "perPage": size, "totalItems": total})
}

// unshipped is which orders the list has, and by what it is sorted.
func (p *Parcels) unshipped(promised bool) (which dbx.Expression, sorted string) {
	waiting := dbx.And(dbx.In("payState", string(order.PayPaid), string(order.PayPartRefunded)), dbx.HashExp{"shipState": order.ShipNone})
	if promised {
		return dbx.And(waiting, dbx.NewExp("[[shipBy]] != ''")), "shipBy"
	}
	soon := p.Now().Add(order.ShipWithin).UTC().Format(days.Stored)
	return dbx.And(waiting,
		dbx.NewExp("[[paidAt]] > ''"), // note: unpaid orders stand first in the index, and there may be very many
		dbx.NewExp("[[shipBy]] <= {:soon}", dbx.Params{"soon": soon}),
	), "paidAt"
}

func (p *Parcels) describeUnshipped(o rows.Order, last shipment) unshippedOrder {
	at, rule := order.ShipDeadline(o.PaidAt(), o.ShipBy())
	deadline, _ := types.ParseDateTime(at)
	item := unshippedOrder{
		ID: o.Id, Number: o.Number(), AppID: o.AppID(), PayState: string(o.PayState()), Total: o.Total(),
		PaidAt: o.GetDateTime("paidAt"), Deadline: deadline, Rule: rule, Overdue: p.Now().After(at),
	}
	if last.row != nil && !last.job.Accepted {
		item.Pending, item.Error = last.row.GetDateTime("doneAt").IsZero(), last.row.GetString("error")
	}
	return item
}

// shipment is a submission of an order's shipping information.
type shipment struct {
	row *core.Record // nil: there is none
	job shipmentJob
}

// lastShipments finds the latest submission of each order, all of them in one query.
func lastShipments(app core.App, orders []*core.Record) (map[string]shipment, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	prefixes := make([]string, len(orders))
	for i, o := range orders {
		prefixes[i] = shipmentKeys(o.Id)
	}
	var rows []*core.Record
	if err := ShipmentsQuery(app, string(books.JSONOf(prefixes))).All(&rows); err != nil {
		return nil, fmt.Errorf("read shipments: %w", err)
	}
	last := make(map[string]shipment, len(rows))
	for _, row := range rows {
		job, err := shipmentOf(row)
		if err != nil {
			return nil, err
		}
		last[job.Order] = shipment{row, job}
	}
	return last, nil
}

// ShipmentsQuery reads the row with the greatest key below each prefix of a JSON list.
func ShipmentsQuery(app core.App, prefixes string) *dbx.SelectQuery {
	return app.RecordQuery("wx_outbox").AndWhere(dbx.NewExp(`[[key]] IN (SELECT
		(SELECT max(k.[[key]]) FROM wx_outbox k WHERE k.[[key]] BETWEEN p.value AND p.value || '~') FROM json_each({:prefixes}) p)`,
		dbx.Params{"prefixes": prefixes}))
}
