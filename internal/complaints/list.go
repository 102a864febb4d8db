package complaints

import (
	"net/http"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/rows"
)

// view is a complaint in the list. Amounts are fen; there is no phone number in it.
type view struct {
	ID           string   `json:"id"`
	Source       string   `json:"source"`
	Number       string   `json:"number"`
	State        string   `json:"state"`
	Status       int      `json:"status"` // of the platform
	Problem      string   `json:"problem"`
	Detail       string   `json:"detail"`
	Amount       int      `json:"amount"`
	ApplyRefund  int      `json:"applyRefund"`
	FullRefunded bool     `json:"fullRefunded"`
	UserWaits    bool     `json:"userWaits"`
	Urgent       bool     `json:"urgent"`
	Times        int      `json:"times"`
	At           string   `json:"at"`
	DueAt        string   `json:"dueAt"`
	HoursLeft    *float64 `json:"hoursLeft"` // until dueAt, below zero when it has passed; null when nothing is due
	Order        string   `json:"order"`
	OrderNumber  string   `json:"orderNumber"`
	OutTradeNo   string   `json:"outTradeNo"`
}

// detail is a complaint with its history and the order beside it.
type detail struct {
	view

	Description string     `json:"description"`
	Transaction string     `json:"transaction"`
	Merchant    string     `json:"merchant"`
	AppID       string     `json:"appid"`
	User        string     `json:"user"`
	Pictures    []string   `json:"pictures"`
	Steps       []step     `json:"steps"`
	ReadAt      string     `json:"readAt"`
	Beside      *orderView `json:"beside"` // null for a payment that is not in our books
}

// orderView is the order that is complained of.
type orderView struct {
	ID          string       `json:"id"`
	Number      string       `json:"number"`
	Description string       `json:"description"`
	PayState    string       `json:"payState"`
	ShipState   string       `json:"shipState"`
	Total       int64        `json:"total"`
	Refunded    int64        `json:"refunded"`
	PaidAt      string       `json:"paidAt"`
	Refunds     []refundView `json:"refunds"`
}

type refundView struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Amount int64  `json:"amount"`
}

// List handles GET /api/wx/admin/complaints?state=&source=&page=&perPage=. state is open (the default), PROCESSED, or all; what is due first, then
// the newest.
func (c *Complaints) List(e *core.RequestEvent) error {
	query := e.Request.URL.Query()
	var parts []dbx.Expression
	switch state := query.Get("state"); state {
	case "", "open":
		parts = append(parts, dbx.NewExp("[[state]] != 'PROCESSED'"))
	case "all":
	case Pending, Processing, Processed:
		parts = append(parts, dbx.HashExp{"state": state})
	default:
		return answer.Field(answer.FieldInvalid, "state", "open, all, PENDING, PROCESSING or PROCESSED")
	}
	if source := query.Get("source"); source != "" {
		if !slices.Contains([]string{SourcePay, SourcePlatform, SourceVirtual}, source) {
			return answer.Field(answer.FieldInvalid, "source", "wechatpay, platform or xpay")
		}
		parts = append(parts, dbx.HashExp{"source": source})
	}
	ask, err := desk.PageOf(e)
	if err != nil {
		return err
	}
	where, first := dbx.And(append(parts, dbx.NewExp("1 = 1"))...), "CASE WHEN [[dueAt]] = '' THEN 1 ELSE 0 END, dueAt, at DESC, rowid DESC"
	return desk.AnswerPage(e, ask, table, where, first, func(found []*core.Record) (items []view, err error) {
		items = make([]view, 0, len(found))
		for _, row := range found {
			v := c.viewOf(row)
			if v.OrderNumber, err = numberOf(e.App, v.Order); err != nil {
				return nil, err
			}
			items = append(items, v)
		}
		return items, nil
	})
}

func numberOf(app core.App, orderID string) (number string, err error) {
	if orderID == "" {
		return "", nil
	}
	found, err := books.Select(app, "orders", "`id` = ?", orderID)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].GetString("number"), nil
}

// Show handles GET /api/wx/admin/complaints/{id}.
func (c *Complaints) Show(e *core.RequestEvent) error {
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	return c.show(e, row)
}

func (c *Complaints) show(e *core.RequestEvent, row *core.Record) error {
	d := detail{
		view: c.viewOf(row), Description: row.GetString("description"), Transaction: row.GetString("transaction"), Merchant: row.GetString("merchant"),
		AppID: row.GetString("appid"), User: row.GetString("user"), Pictures: listOf[string](row, "pictures"), Steps: listOf[step](row, "steps"),
		ReadAt: days.Stamp(row.GetDateTime("readAt").Time()),
	}
	beside, err := orderBeside(e.App, d.Order)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if d.Beside = beside; beside != nil {
		d.OrderNumber = beside.Number
	}
	return e.JSON(http.StatusOK, d)
}

func orderBeside(app core.App, id string) (*orderView, error) {
	if id == "" {
		return nil, nil //nolint:nilnil // a payment that is not in our books
	}
	found, err := books.Select(app, "orders", "`id` = ?", id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	o := rows.OrderOf(found[0])
	v := &orderView{
		ID: o.Id, Number: o.Number(), Description: o.Description(), PayState: string(o.PayState()), ShipState: o.ShipState(), Total: o.Total(),
		Refunded: o.Refunded(), PaidAt: days.Stamp(o.GetDateTime("paidAt").Time()), Refunds: []refundView{},
	}
	refunds, err := books.Select(app, "refunds", "`order` = ? ORDER BY `created`", id)
	if err != nil {
		return nil, err
	}
	for _, r := range rows.RefundsOf(refunds) {
		v.Refunds = append(v.Refunds, refundView{ID: r.Id, State: string(r.State()), Amount: r.Amount()})
	}
	return v, nil
}

func (c *Complaints) viewOf(row *core.Record) view {
	v := view{
		ID: row.Id, Source: row.GetString("source"), Number: row.GetString("number"), State: row.GetString("state"), Status: row.GetInt("status"),
		Problem: row.GetString("problem"), Detail: row.GetString("detail"), Amount: row.GetInt("amount"), ApplyRefund: row.GetInt("applyRefund"),
		FullRefunded: row.GetBool("fullRefunded"), UserWaits: row.GetBool("userWaits"), Urgent: row.GetBool("urgent"), Times: row.GetInt("times"),
		At: days.Stamp(row.GetDateTime("at").Time()), DueAt: days.Stamp(row.GetDateTime("dueAt").Time()), Order: row.GetString("order"), OutTradeNo: row.GetString("outTradeNo"),
	}
	if due := row.GetDateTime("dueAt"); !due.IsZero() {
		hours := float64(int(due.Time().Sub(c.Now()).Hours()*10)) / 10
		v.HoursLeft = &hours
	}
	return v
}

// picturesOf are all that a complaint has, those of its history included.
func picturesOf(row *core.Record) []string {
	all := listOf[string](row, "pictures")
	for _, s := range listOf[step](row, "steps") {
		all = append(all, s.Pictures...)
	}
	return all
}
