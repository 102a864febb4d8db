package desk

// What needs a person: the open alerts, grouped by their kind, and what only the books tell, such as orders that have to be shipped. Each
// has the page that mends it. The most urgent first.

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/days"
	"wxbase/internal/order"
)

// attention is one thing that needs a person.
type attention struct {
	ID        string   `json:"id"`
	Kind      string   `json:"kind"`
	Count     int      `json:"count"`
	Subject   string   `json:"subject"`
	Details   string   `json:"details"`
	Since     string   `json:"since"`
	HoursLeft *float64 `json:"hoursLeft"`
	To        string   `json:"to"`

	urgency int
}

// shownKind is how the dashboard calls a kind of alert, how urgent it is, and where it is mended; {subject} stands for the alert's.
type shownKind struct {
	kind, to string
	urgency  int
}

var shownKinds = map[string]shownKind{
	"disputed":      {"disputed", "/orders?state=disputed", 1},
	"unmatched":     {"unmatched", "/inbox?state=UNMATCHED", 2},
	"refund":        {"refund_abnormal", "/orders?search=", 3},
	"payment":       {"payment", "/inbox", 4},
	"payout":        {"payout", "/payouts", 4},
	"secret":        {"secret", "/setup", 5},
	"disk":          {"disk", "/doctor", 6},
	"shipping":      {"shipping", "/orders?ship=NONE", 8},
	"effect":        {"effect_failed", "/effects", 9},
	"bill":          {"bill", "/bills", 10},
	"backup":        {"backup", "/doctor", 11},
	"hooks":         {"hooks", "/doctor", 12},
	"complaint_due": {"complaint_due", "/complaints", 4},
	"complaint":     {"complaint", "/complaints", 7},
	"chat":          {"chat", "/chats", 7},
	"replica":       {"replica", "/doctor", 11},
	"restore":       {"restore", "/alerts", 5},
}

const (
	urgencyShipping = 7
	urgencySecond   = 3
	urgencyHeld     = 13
	urgencyOther    = 14
)

// mostAlerts is how many alerts are looked at; more of one kind are one line anyway.
const mostAlerts = 500

// listAttention handles GET /api/wx/admin/attention: one line for each kind. With ?kind= it is each alert and each refund of that kind.
func (p *overviewPage) listAttention(e *core.RequestEvent) error {
	items := []attention{}
	if kind := e.Request.URL.Query().Get("kind"); kind != "" {
		return p.listKind(e, kind)
	}
	for _, part := range []func(core.App) ([]attention, error){p.alertsOf, p.secondPersons, p.heldPayouts, p.shippingDue, p.openDifferences, p.heldTexts} {
		found, err := part(e.App)
		if err != nil {
			return answer.Fail(answer.Busy, err)
		}
		items = append(items, found...)
	}
	items = withoutTwice(items)
	slices.SortStableFunc(items, func(a, b attention) int {
		return cmp.Or(cmp.Compare(a.urgency, b.urgency), cmp.Compare(a.Since, b.Since))
	})
	return answerItems(e, items)
}

// alertsOf are the open alerts, one line for each kind: that of the oldest.
func (p *overviewPage) alertsOf(app core.App) ([]attention, error) {
	var rows []*core.Record
	err := app.RecordQuery("wx_alerts").AndWhere(dbx.NewExp("[[closedAt]] = ''")).OrderBy("since").Limit(mostAlerts).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	var items []attention
	place := map[string]int{}
	for _, r := range rows {
		kind := r.GetString("kind")
		if i, ok := place[kind]; ok {
			items[i].Count++
			items[i].To = listOf(items[i].Kind)
			continue
		}
		place[kind] = len(items)
		items = append(items, viewAlert(r))
	}
	return items, nil
}

func viewAlert(r *core.Record) attention {
	kind := r.GetString("kind")
	shown, known := shownKinds[kind]
	if !known {
		shown = shownKind{kind, "/inbox", urgencyOther}
	}
	a := attention{
		ID: r.Id, Kind: shown.kind, Count: 1, Subject: r.GetString("subject"), Details: r.GetString("details"), Since: moment(r.GetDateTime("since")),
		To: shown.to, urgency: shown.urgency,
	}
	var about struct {
		Order string `json:"order"`
	}
	if r.UnmarshalJSONField("details", &about) == nil && about.Order != "" {
		a.To = "/orders/" + about.Order
	}
	switch kind {
	case "shipping":
		a.To = "/orders/" + a.Subject
	case "chat":
		a.To = "/chats/" + a.Subject
	case "complaint", "complaint_due":
		a.To = "/complaints/" + a.Subject
	}
	if kind == "payout" {
		a.To = "/payouts/" + a.Subject
	}
	return a
}

// secondPersons are refunds that wait for somebody else.
func (p *overviewPage) secondPersons(app core.App) ([]attention, error) {
	var rows []*core.Record
	err := app.RecordQuery("wx_refund_requests").AndWhere(dbx.HashExp{"state": requestWaiting}).OrderBy("created").Limit(mostAlerts).All(&rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	first := viewSecond(rows[0])
	if first.Count = len(rows); first.Count > 1 {
		first.To = listOf(first.Kind)
	}
	return []attention{first}, nil
}

// dueSoon is how long before its deadline an order is called for.
const dueSoon = 24 * time.Hour

// shippingDue are paid orders whose deadline has passed or comes within a day.
func (p *overviewPage) shippingDue(app core.App) ([]attention, error) {
	var row struct {
		Count  int    `db:"count"`
		Since  string `db:"since"`
		Oldest string `db:"oldest"` // of those without a promise
		Soon   string `db:"soon"`   // the first promise
	}
	if err := dueQuery(app, p.Now().Add(dueSoon)).One(&row); err != nil {
		return nil, fmt.Errorf("count orders to ship: %w", err)
	}
	if row.Count == 0 {
		return nil, nil
	}
	var at [3]types.DateTime
	for i, text := range []string{row.Since, row.Oldest, row.Soon} {
		if err := at[i].Scan(text); err != nil {
			return nil, fmt.Errorf("count orders to ship: %w", err)
		}
	}
	first := at[2].Time()
	if usual := at[1].Time().Add(order.ShipWithin); first.IsZero() || !at[1].IsZero() && usual.Before(first) {
		first = usual
	}
	left := hours(first.Sub(p.Now()))
	return []attention{{Kind: "shipping_due", Count: row.Count, Since: moment(at[0]), HoursLeft: &left, To: "/orders?ship=NONE", urgency: urgencyShipping}}, nil
}

// dueQuery counts the orders whose deadline is before a time.
func dueQuery(app core.App, before time.Time) *dbx.Query {
	return app.DB().NewQuery(`SELECT count(*) AS count, coalesce(min([[paidAt]]), '') AS since,
		coalesce(min(CASE WHEN [[shipBy]] = '' THEN [[paidAt]] END), '') AS oldest, coalesce(min(CASE WHEN [[shipBy]] != '' THEN [[shipBy]] END), '') AS soon
		FROM orders WHERE [[shipState]] = 'NONE' AND [[paidAt]] > '' AND [[paidAt]] < {:paid} AND [[payState]] IN ('PAID', 'PART_REFUNDED')
		AND ([[shipBy]] = '' OR [[shipBy]] < {:before})`).
		Bind(dbx.Params{"paid": days.Store(before.Add(-order.ShipWithin)), "before": days.Store(before)})
}

// openDifferences are differences with WeChat's bills that nobody has settled; the alert of the bill may be closed before they are.
func (p *overviewPage) openDifferences(app core.App) ([]attention, error) {
	var row struct {
		Count  int    `db:"count"`
		Oldest string `db:"oldest"`
	}
	err := app.DB().NewQuery("SELECT count(*) AS count, coalesce(min(created), '') AS oldest FROM wx_bill_diffs WHERE resolved = FALSE").One(&row)
	if err != nil || row.Count == 0 {
		return nil, err
	}
	oldest, err := types.ParseDateTime(row.Oldest)
	if err != nil {
		return nil, fmt.Errorf("count differences: %w", err)
	}
	return []attention{{Kind: "bill_diff", Count: row.Count, Since: moment(oldest), To: "/bills", urgency: shownKinds["bill"].urgency}}, nil
}

// heldTexts are texts and pictures that WeChat wants a person to look at.
func (p *overviewPage) heldTexts(app core.App) ([]attention, error) {
	var rows []*core.Record
	err := app.RecordQuery("wx_checks").AndWhere(dbx.HashExp{"state": "REVIEW"}).AndWhere(dbx.NewExp("[[record]] != ''")).OrderBy("created").
		Limit(mostAlerts).All(&rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return []attention{{
		Kind: "held_text", Count: len(rows), Subject: rows[0].GetString("collection"), Since: moment(rows[0].GetDateTime("created")), To: "/held",
		urgency: urgencyHeld,
	}}, nil
}
