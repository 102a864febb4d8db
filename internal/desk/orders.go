package desk

import (
	"encoding/json"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/order"
)

// ordersPage finds orders and tells their stories.
type ordersPage struct {
	kit

	audit     *auditTrail
	payByCode bool // the shop may show a code to pay an order by
}

// shipNone is orders.shipState of an order without whole shipping information.
const shipNone = "NONE"

// buyerView is whose an order is. The phone number is masked.
type buyerView struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// dueView is by when an order has to be shipped.
type dueView struct {
	Deadline  string  `json:"deadline"`
	HoursLeft float64 `json:"hoursLeft"` // below 0 when it is late
}

// orderRow is an order in a list.
type orderRow struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"`
	Created   string    `json:"created"`
	PaidAt    string    `json:"paidAt"`
	ExpiresAt string    `json:"expiresAt"`
	PayState  string    `json:"payState"`
	ShipState string    `json:"shipState"`
	Total     int       `json:"total"`
	Refunded  int       `json:"refunded"`
	Title     string    `json:"title"`
	Lines     int       `json:"lines"`
	Buyer     buyerView `json:"buyer"`
	Note      string    `json:"note"`
	Frozen    bool      `json:"frozen"`
	Due       *dueView  `json:"due"`
}

// orderLine is a line of an order as it was sold.
type orderLine struct {
	Product     string `json:"product"`
	Variant     string `json:"variant"`
	Name        string `json:"name"`
	VariantName string `json:"variantName"`
	Price       int64  `json:"price"`
	Quantity    int    `json:"quantity"`
	Image       string `json:"image"`
}

// linesOf reads the lines of an order; never nil. Lines that cannot be read are left out: a superuser may have made an order without any.
func linesOf(r *core.Record) []orderLine {
	lines := []orderLine{}
	_ = json.Unmarshal([]byte(r.GetString("items")), &lines)
	if lines == nil {
		lines = []orderLine{}
	}
	return lines
}

// listOrders handles GET /api/wx/admin/orders.
func (p *ordersPage) listOrders(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	find, err := p.orderFilter(e)
	if err != nil {
		return err
	}
	return AnswerPage(e, ask, "orders", find.where, find.sort+" DESC, rowid DESC", func(rows []*core.Record) ([]orderRow, error) {
		return p.viewOrders(e.App, rows)
	})
}

// viewOrders shows orders with their buyers, all of whom are read at once.
func (p *ordersPage) viewOrders(app core.App, rows []*core.Record) ([]orderRow, error) {
	buyers, err := recordsOf(app, "users", fieldOf(rows, "user"))
	if err != nil {
		return nil, err
	}
	return each(rows, func(r *core.Record) orderRow { return p.viewOrder(r, buyers[r.GetString("user")]) }), nil
}

func (p *ordersPage) viewOrder(r, buyer *core.Record) orderRow {
	v := orderRow{
		ID: r.Id, Number: r.GetString("number"), Created: moment(r.GetDateTime("created")), PaidAt: moment(r.GetDateTime("paidAt")),
		ExpiresAt: moment(r.GetDateTime("expiresAt")), PayState: r.GetString("payState"), ShipState: r.GetString("shipState"),
		Total: r.GetInt("total"), Refunded: r.GetInt("refunded"), Title: r.GetString("description"), Lines: len(linesOf(r)),
		Buyer: buyerView{ID: r.GetString("user")}, Note: r.GetString("note"), Frozen: !r.GetDateTime("frozenAt").IsZero(), Due: p.dueOf(r),
	}
	if buyer != nil {
		v.Buyer.Name, v.Buyer.Phone = buyer.GetString("name"), maskPhone(buyer.GetString("phone"))
	}
	return v
}

// isToShip tells whether an order waits to be shipped.
func isToShip(r *core.Record) bool {
	switch order.PayState(r.GetString("payState")) {
	case order.PayPaid, order.PayPartRefunded:
		return r.GetString("shipState") == shipNone
	case order.PayUnpaid, order.PayRefunded, order.PayCancelled:
	}
	return false
}

func (p *ordersPage) dueOf(r *core.Record) *dueView {
	if !isToShip(r) {
		return nil
	}
	at, _ := order.ShipDeadline(r.GetDateTime("paidAt").Time(), r.GetDateTime("shipBy").Time())
	deadline, _ := types.ParseDateTime(at)
	return &dueView{Deadline: moment(deadline), HoursLeft: hours(at.Sub(p.Now()))}
}

// hours are hours with one digit behind the point.
func hours(span time.Duration) float64 { return span.Round(6 * time.Minute).Hours() }

// maskPhone hides the middle of a phone number: 138****8000.
func maskPhone(phone string) string {
	switch n := len(phone); {
	case n == 0:
		return ""
	case n < 8:
		return "****"
	default:
		return phone[:3] + "****" + phone[n-4:]
	}
}

// fieldOf collects the values of a column, each once and none empty.
func fieldOf(rows []*core.Record, field string) []string {
	seen := map[string]bool{"": true}
	var values []string
	for _, r := range rows {
		if value := r.GetString(field); !seen[value] {
			seen[value] = true
			values = append(values, value)
		}
	}
	return values
}

// recordsOf reads records by their ids.
func recordsOf(app core.App, collection string, ids []string) (map[string]*core.Record, error) {
	if len(ids) == 0 {
		return map[string]*core.Record{}, nil
	}
	rows, err := app.FindRecordsByIds(collection, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[string]*core.Record, len(rows))
	for _, r := range rows {
		found[r.Id] = r
	}
	return found, nil
}

// orderByID finds the order of a route.
func orderByID(app core.App, id string) (*core.Record, error) {
	return byID(app, "orders", id, answer.OrderMissing)
}

// anyOf is a condition on a column that has one of some texts.
func anyOf(column string, values []string) dbx.Expression {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return dbx.In(column, list...)
}
