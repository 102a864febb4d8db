package desk

// The shop's figures. Days are Beijing's and begin at 00:00 there. They are added up from what is kept by hour and by product, see
// lines.go, so that a page reads some thousand rows however many orders there are.

import (
	"fmt"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/days"
)

// overviewPage shows the figures, and what waits for a person.
type overviewPage struct {
	kit

	online func() int // how many people are connected now
	logins *logins
}

// figures are the sums of a span; amounts are in fen.
type figures struct {
	Paid     int64 `json:"paid"`
	Orders   int64 `json:"orders"`
	Average  int64 `json:"average"`
	Refunded int64 `json:"refunded"`
	Refunds  int64 `json:"refunds"`
	Users    int64 `json:"users"`
	Logins   int64 `json:"logins"`
	Scans    int64 `json:"scans"`
}

type dayFigures struct {
	At       string `json:"at"`
	Paid     int64  `json:"paid"`
	Orders   int64  `json:"orders"`
	Refunded int64  `json:"refunded"`
}

type hourFigures struct {
	Hour   int   `json:"hour"`
	Paid   int64 `json:"paid"`
	Orders int64 `json:"orders"`
}

type bestProduct struct {
	Product  string `json:"product" db:"product"`
	Name     string `json:"name"`
	Quantity int64  `json:"quantity" db:"quantity"`
	Amount   int64  `json:"amount" db:"amount"`
}

type overview struct {
	Days   int           `json:"days"`
	From   string        `json:"from"`
	To     string        `json:"to"`
	Now    figures       `json:"now"`
	Before figures       `json:"before"`
	ByDay  []dayFigures  `json:"byDay"`
	ByHour []hourFigures `json:"byHour"`
	Best   []bestProduct `json:"best"`
	Online int           `json:"online"`
}

// showOverview handles GET /api/wx/admin/overview?days=1|7|30: the last days, today among them, beside as many before.
func (p *overviewPage) showOverview(e *core.RequestEvent) error {
	days, known := map[string]int{"": 1, "1": 1, "7": 7, "30": 30}[e.Request.URL.Query().Get("days")]
	if !known {
		return answer.Field(answer.FieldInvalid, "days", "1, 7 or 30")
	}
	o, err := p.overviewOf(e.App, days)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, o)
}

// shownDays is how many days the chart has at least.
const shownDays = 7

func (p *overviewPage) overviewOf(app core.App, days int) (overview, error) {
	end := midnight(p.Now()).AddDate(0, 0, 1)
	begin := end.AddDate(0, 0, -days)
	before := begin.AddDate(0, 0, -days)
	chart := end.AddDate(0, 0, -max(days, shownDays))
	o := overview{Days: days, From: begin.Format(day), To: end.AddDate(0, 0, -1).Format(day), Online: p.online()}
	first := before
	if chart.Before(first) {
		first = chart
	}
	paid, err := hourly(paidHours(app, first, end))
	if err != nil {
		return o, err
	}
	refunded, err := hourly(refundedHours(app, first, end))
	if err != nil {
		return o, err
	}
	o.Now, o.Before = sumUp(paid, refunded, begin, end), sumUp(paid, refunded, before, begin)
	for _, part := range []struct {
		into     *figures
		from, to time.Time
	}{{&o.Now, begin, end}, {&o.Before, before, begin}} {
		if err := p.countPeople(app, part.into, part.from, part.to); err != nil {
			return o, err
		}
	}
	o.ByDay, o.ByHour = byDay(paid, refunded, chart, end), byHour(paid, begin, end)
	o.Best, err = bestOf(app, begin, end)
	return o, err
}

func midnight(at time.Time) time.Time {
	y, m, d := at.In(beijing).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, beijing)
}

// hourSum is what one hour brought. note: Beijing is whole hours from UTC, in which the columns are.
type hourSum struct {
	Hour   string `db:"hour"` // 2026-01-31 09
	Count  int64  `db:"count"`
	Amount int64  `db:"amount"`
	at     time.Time
}

func paidHours(app core.App, from, to time.Time) *dbx.Query {
	return app.DB().NewQuery("SELECT hour, orders AS count, paid AS amount FROM wx_sales_hours WHERE hour >= {:from} AND hour < {:to}").
		Bind(dbx.Params{"from": from.UTC().Format(hourLayout), "to": to.UTC().Format(hourLayout)})
}

func refundedHours(app core.App, from, to time.Time) *dbx.Query {
	return app.DB().NewQuery(`SELECT substr([[successAt]], 1, 13) AS hour, count(*) AS count, coalesce(sum(amount), 0) AS amount
		FROM refunds WHERE [[successAt]] >= {:from} AND [[successAt]] < {:to} GROUP BY 1`).Bind(dbx.Params{"from": days.Store(from), "to": days.Store(to)})
}

const hourLayout = "2006-01-02 15"

func hourly(query *dbx.Query) ([]hourSum, error) {
	var rows []hourSum
	if err := query.All(&rows); err != nil {
		return nil, fmt.Errorf("add up hours: %w", err)
	}
	for i := range rows {
		at, err := time.Parse(hourLayout, rows[i].Hour)
		if err != nil {
			return nil, fmt.Errorf("add up hours: %w", err)
		}
		rows[i].at = at.In(beijing)
	}
	return rows, nil
}

func isWithin(at, from, to time.Time) bool { return !at.Before(from) && at.Before(to) }

func sumUp(paid, refunded []hourSum, from, to time.Time) (f figures) {
	for _, h := range paid {
		if isWithin(h.at, from, to) {
			f.Paid += h.Amount
			f.Orders += h.Count
		}
	}
	for _, h := range refunded {
		if isWithin(h.at, from, to) {
			f.Refunded += h.Amount
			f.Refunds += h.Count
		}
	}
	if f.Orders > 0 {
		f.Average = f.Paid / f.Orders
	}
	return f
}

func byDay(paid, refunded []hourSum, from, to time.Time) []dayFigures {
	var list []dayFigures
	place := map[string]int{}
	for at := from; at.Before(to); at = at.AddDate(0, 0, 1) {
		place[at.Format(day)] = len(list)
		list = append(list, dayFigures{At: at.Format(day)})
	}
	for _, h := range paid {
		if i, ok := place[h.at.Format(day)]; ok {
			list[i].Paid += h.Amount
			list[i].Orders += h.Count
		}
	}
	for _, h := range refunded {
		if i, ok := place[h.at.Format(day)]; ok {
			list[i].Refunded += h.Amount
		}
	}
	return list
}

func byHour(paid []hourSum, from, to time.Time) []hourFigures {
	list := make([]hourFigures, 24)
	for hour := range list {
		list[hour].Hour = hour
	}
	for _, h := range paid {
		if isWithin(h.at, from, to) {
			list[h.at.Hour()].Paid += h.Amount
			list[h.at.Hour()].Orders += h.Count
		}
	}
	return list
}

// mostBest is how many products the page shows.
const mostBest = 10

// bestQuery adds up what was paid for each product.
func bestQuery(app core.App, from, to time.Time) *dbx.Query {
	return app.DB().NewQuery(`SELECT product, sum(quantity) AS quantity, sum(amount) AS amount FROM wx_sales_products
		WHERE day >= {:from} AND day < {:to} GROUP BY product HAVING sum(quantity) > 0 ORDER BY 3 DESC, 1 LIMIT {:most}`).
		Bind(dbx.Params{"from": from.Format(day), "to": to.Format(day), "most": mostBest})
}

func bestOf(app core.App, from, to time.Time) ([]bestProduct, error) {
	best := []bestProduct{}
	if err := bestQuery(app, from, to).All(&best); err != nil {
		return nil, fmt.Errorf("add up products: %w", err)
	}
	for i := range best {
		// note: the name of the last order, as ids begin with their time; the product may have gone
		err := app.DB().Select("name").From("wx_order_lines").Where(dbx.HashExp{"product": best[i].Product}).OrderBy("order DESC").Limit(1).
			Row(&best[i].Name)
		if err != nil {
			return nil, fmt.Errorf("name product %s: %w", best[i].Product, err)
		}
	}
	return best, nil
}

// countPeople counts who came: new users, logins, scans of codes.
func (p *overviewPage) countPeople(app core.App, f *figures, from, to time.Time) error {
	params := dbx.Params{"from": days.Store(from), "to": days.Store(to), "day": from.Format(day), "end": to.Format(day), "first": loginKey(from), "last": loginKey(to)}
	for _, part := range []struct {
		into *int64
		sql  string
	}{
		{&f.Users, "SELECT count(*) FROM users WHERE created >= {:from} AND created < {:to}"},
		{&f.Scans, "SELECT coalesce(sum(count), 0) FROM wx_scans WHERE day >= {:day} AND day < {:end}"},
		{&f.Logins, "SELECT coalesce(sum(used), 0) FROM wx_quotas WHERE [[key]] >= {:first} AND [[key]] < {:last}"},
	} {
		if err := app.DB().NewQuery(part.sql).Bind(params).Row(part.into); err != nil {
			return fmt.Errorf("count people: %w", err)
		}
	}
	f.Logins += p.logins.waiting(from, to)
	return nil
}
