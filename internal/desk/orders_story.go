package desk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// orderStory is one order with all that happened to it.
type orderStory struct {
	orderRow

	Items      []orderLine   `json:"items"`
	Attach     string        `json:"attach"`
	Remark     string        `json:"remark"`
	Payments   []paymentView `json:"payments"`
	Refunds    []refundView  `json:"refunds"`
	Shipments  *shipmentView `json:"shipments"`
	Timeline   []event       `json:"timeline"`
	Can        []string      `json:"can"`
	Refundable int64         `json:"refundable"`
}

type paymentView struct {
	ID            string `json:"id"`
	API           string `json:"api"`
	TradeType     string `json:"tradeType"`
	OutTradeNo    string `json:"outTradeNo"`
	TransactionID string `json:"transactionId"`
	State         string `json:"state"`
	Amount        int    `json:"amount"`
	PayerTotal    int    `json:"payerTotal"`
	SuccessAt     string `json:"successAt"`
	Created       string `json:"created"`
	DisputedAt    string `json:"disputedAt"`
	Dispute       string `json:"dispute"`
	HeldTotal     int    `json:"heldTotal"`
}

type refundView struct {
	ID             string `json:"id"`
	OutRefundNo    string `json:"outRefundNo"`
	RefundID       string `json:"refundId"`
	State          string `json:"state"`
	Amount         int64  `json:"amount"`
	Reason         string `json:"reason"`
	RequestedBy    string `json:"requestedBy"`
	Created        string `json:"created"`
	SuccessAt      string `json:"successAt"`
	RefusedCode    string `json:"refusedCode"`
	RefusedMessage string `json:"refusedMessage"`
	WaitsFor       string `json:"waitsFor"`
}

type parcelView struct {
	TrackingNo     string `json:"trackingNo"`
	ExpressCompany string `json:"expressCompany"`
	ItemDesc       string `json:"itemDesc"`
}

type shipmentView struct {
	State   string       `json:"state"`
	Parcels []parcelView `json:"parcels"`
	Error   string       `json:"error"`
	SentAt  string       `json:"sentAt"`
}

// orderBooks are the rows that are about one order.
type orderBooks struct {
	order, buyer, remark *core.Record
	payments, refunds    []*core.Record
	requests             []*core.Record // refunds that wait for a second person, or waited
	effects, ledger      []*core.Record
	inbox, audit         []*core.Record
}

// showOrder handles GET /api/wx/admin/orders/{id}.
func (p *ordersPage) showOrder(e *core.RequestEvent) error {
	o, err := orderByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	story, err := p.storyOf(e.App, o)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, story)
}

func (p *ordersPage) storyOf(app core.App, o *core.Record) (orderStory, error) {
	b, err := p.booksOf(app, o)
	if err != nil {
		return orderStory{}, err
	}
	items, err := p.itemsOf(app, o)
	if err != nil {
		return orderStory{}, err
	}
	s := orderStory{
		orderRow: p.viewOrder(o, b.buyer), Items: items, Attach: o.GetString("attach"), Remark: b.remark.GetString("remark"),
		Payments: each(b.payments, viewPayment), Refunds: append(each(b.refunds, viewRefund), viewRequests(b.requests)...),
		Shipments: b.shipment(), Timeline: b.timeline(), Refundable: b.refundable(),
	}
	s.Can = b.can(s.Refundable)
	if p.payByCode && b.isPayable(p.Now()) {
		s.Can = append(s.Can, "native")
	}
	return s, nil
}

func (p *ordersPage) booksOf(app core.App, o *core.Record) (b orderBooks, err error) {
	b.order = o
	if b.remark, err = remarkOf(app, o.Id); err != nil {
		return b, err
	}
	buyers, err := recordsOf(app, "users", fieldOf([]*core.Record{o}, "user"))
	if err != nil {
		return b, err
	}
	b.buyer = buyers[o.GetString("user")]
	for _, part := range []struct {
		into       *[]*core.Record
		collection string
		where      dbx.Expression
	}{
		{&b.payments, "payments", dbx.HashExp{"order": o.Id}},
		{&b.refunds, "refunds", dbx.HashExp{"order": o.Id}},
		{&b.requests, "wx_refund_requests", dbx.HashExp{"order": o.Id}},
		{&b.ledger, "wx_ledger", dbx.HashExp{"order": o.Id}},
		{&b.audit, "wx_audit", dbx.HashExp{"subject": o.Id}},
	} {
		err := app.RecordQuery(part.collection).AndWhere(part.where).OrderBy("created", "rowid").Limit(mostEvents).All(part.into)
		if err != nil {
			return b, fmt.Errorf("read %s: %w", part.collection, err)
		}
	}
	if b.effects, err = effectsOf(app, o.Id); err != nil {
		return b, err
	}
	b.inbox, err = b.notifications(app)
	return b, err
}

// mostEvents is how much of each book one page shows; an order has some dozen.
const mostEvents = 500

// notifications reads what WeChat told about the order's numbers.
func (b orderBooks) notifications(app core.App) ([]*core.Record, error) {
	numbers := append(fieldOf(b.payments, "outTradeNo"), fieldOf(b.refunds, "outRefundNo")...)
	if len(numbers) == 0 {
		return nil, nil
	}
	var rows []*core.Record
	// note: the bodies, which may be long, stay where they are
	err := app.RecordQuery("wx_inbox").Select("id", "kind", "source", "state", "verified", "error", "ref", "seen", "created").
		AndWhere(anyOf("ref", numbers)).OrderBy("created").Limit(mostEvents).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("read wx_inbox: %w", err)
	}
	return rows, nil
}

// itemsOf are the lines of an order with the pictures that the products have now.
func (p *ordersPage) itemsOf(app core.App, o *core.Record) ([]orderLine, error) {
	lines := linesOf(o)
	var ids []string
	for _, l := range lines {
		if l.Product != "" {
			ids = append(ids, l.Product)
		}
	}
	products, err := recordsOf(app, "products", ids)
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	for i, l := range lines {
		if p := products[l.Product]; p != nil && p.GetString("image") != "" {
			lines[i].Image = "/api/files/products/" + p.Id + "/" + p.GetString("image")
		}
	}
	return lines, nil
}

func viewPayment(r *core.Record) paymentView {
	return paymentView{
		ID: r.Id, API: r.GetString("api"), TradeType: r.GetString("tradeType"), OutTradeNo: r.GetString("outTradeNo"), TransactionID: r.GetString("transactionId"),
		State: r.GetString("state"), Amount: r.GetInt("amount"), PayerTotal: r.GetInt("payerTotal"), SuccessAt: moment(r.GetDateTime("successAt")),
		Created: moment(r.GetDateTime("created")), DisputedAt: moment(r.GetDateTime("disputedAt")), Dispute: disputeOf(r), HeldTotal: r.GetInt("heldTotal"),
	}
}

// disputeFacts is what payments.dispute says.
type disputeFacts struct {
	Source     string                                 `json:"source"`
	Mismatches []struct{ Field, Got, Want string }    `json:"mismatches"`
	Decision   *struct{ Decision, By, Reason string } `json:"decision"`
}

// mayBeOthers tells whether a disputed payment was made in another mini program than the one that was asked to take it. Whether that one
// is somebody else's, WeChat is asked for the decision.
func mayBeOthers(payment *core.Record) bool {
	var d disputeFacts
	if rows.PaymentOf(payment).State() != order.PaymentDisputed || json.Unmarshal([]byte(payment.GetString("dispute")), &d) != nil {
		return false
	}
	return slices.ContainsFunc(d.Mismatches, func(m struct{ Field, Got, Want string }) bool { return m.Field == "appid" })
}

// disputeOf puts into words what does not fit, or what was decided about it.
func disputeOf(payment *core.Record) string {
	var d disputeFacts
	if json.Unmarshal([]byte(payment.GetString("dispute")), &d) != nil {
		return ""
	}
	if d.Decision != nil {
		return d.Decision.Decision + ": " + d.Decision.Reason + " (" + d.Decision.By + ")"
	}
	if len(d.Mismatches) == 0 {
		return d.Source
	}
	words := make([]string, 0, len(d.Mismatches))
	for _, m := range d.Mismatches {
		words = append(words, fmt.Sprintf("%s: %s ≠ %s", m.Field, m.Got, m.Want))
	}
	return strings.Join(words, "; ")
}

func viewRefund(r *core.Record) refundView {
	return refundView{
		ID: r.Id, OutRefundNo: r.GetString("outRefundNo"), RefundID: r.GetString("refundId"), State: r.GetString("state"),
		Amount: int64(r.GetInt("amount")), Reason: r.GetString("reason"), RequestedBy: r.GetString("requestedBy"), Created: moment(r.GetDateTime("created")),
		SuccessAt: moment(r.GetDateTime("successAt")), RefusedCode: r.GetString("refusedCode"), RefusedMessage: r.GetString("refusedMessage"),
	}
}

// refundable is how many fen a person may still give back.
func (b orderBooks) refundable() int64 {
	_, left := rows.ToGiveBack(rows.PaymentsOf(b.payments), rows.RefundsOf(b.refunds))
	return left
}

// can lists what the order's state allows, whoever asks.
func (b orderBooks) can(refundable int64) []string {
	can := []string{}
	add := func(what string, allowed bool) {
		if allowed {
			can = append(can, what)
		}
	}
	frozen, disputed, elsewhere := rows.OrderOf(b.order).IsFrozen(), false, false
	for _, p := range b.payments {
		disputed = disputed || rows.PaymentOf(p).IsDisputed()
		elsewhere = elsewhere || mayBeOthers(p)
	}
	failed := false
	for _, row := range b.effects {
		failed = failed || hasFailed(row)
	}
	add("sync", len(b.payments) > 0)
	add("cancel", rows.OrderOf(b.order).PayState() == order.PayUnpaid && !frozen)
	add("refund", refundable > 0 && !frozen)
	add("ship", isToShip(b.order) && !frozen)
	add("resolve", disputed)
	add("disown", elsewhere)
	add("resend", failed)
	return can
}

// isPayable tells whether a code can be shown for the order: virtual goods are paid in the mini program only.
func (b orderBooks) isPayable(now time.Time) bool {
	o := rows.OrderOf(b.order)
	items, err := o.Items()
	if err != nil {
		return false
	}
	virtual, err := order.Virtual(items)
	return err == nil && !virtual && o.PayState() == order.PayUnpaid && !o.IsFrozen() && o.IsWanted() && now.Before(o.ExpiresAt())
}

// shipment is the latest submission of shipping information; nil when there is none and none was accepted.
func (b orderBooks) shipment() *shipmentView {
	var last *core.Record
	for _, row := range b.effects {
		if row.GetString("effect") == "shipping.upload" && (last == nil || row.GetString("key") > last.GetString("key")) {
			last = row
		}
	}
	if last == nil {
		return nil
	}
	var job struct {
		Shipment struct {
			ShippingList []parcelView `json:"shippingList"`
		} `json:"shipment"`
	}
	_ = last.UnmarshalJSONField("payload", &job) // one that cannot be read has no parcels to show
	v := &shipmentView{State: b.order.GetString("shipState"), Parcels: job.Shipment.ShippingList, Error: last.GetString("error"), SentAt: moment(last.GetDateTime("doneAt"))}
	if v.Parcels == nil {
		v.Parcels = []parcelView{}
	}
	if v.Error != "" {
		v.SentAt = ""
	}
	return v
}

// listPicking handles GET /api/wx/admin/picking?ids=a,b: the orders that somebody packs now, at most 100.
func (p *ordersPage) listPicking(e *core.RequestEvent) error {
	ids := strings.FieldsFunc(e.Request.URL.Query().Get("ids"), func(r rune) bool { return r == ',' })
	if len(ids) < 1 || len(ids) > 100 {
		return answer.Field(answer.FieldInvalid, "ids", "1 to 100 orders")
	}
	found, err := recordsOf(e.App, "orders", ids)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	items := []orderStory{}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) { // named twice, packed once
		o := found[id]
		if o == nil {
			return answer.With(answer.OrderMissing, "order", id)
		}
		story, err := p.storyOf(e.App, o)
		if err != nil {
			return answer.Fail(answer.Busy, err)
		}
		items = append(items, story)
	}
	return answerItems(e, items)
}

func jsonText(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return "null" // never: lists of texts
	}
	return string(raw)
}
