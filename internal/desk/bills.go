package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// billsPage compares the books with WeChat's bills.
type billsPage struct {
	kit

	rerun          func(ctx context.Context, date string) error                 // see BooksDeps
	closeAlert     func(tx core.App, kind, subject, by string) error            // see BooksDeps
	closeUnmatched func(tx core.App, merchant, number, by, reason string) error // see BooksDeps
}

// billView is one day of one merchant.
type billView struct {
	ID          string           `json:"id"`
	Date        string           `json:"date"`
	Merchant    string           `json:"merchant"`
	State       string           `json:"state"`
	Totals      map[string]int64 `json:"totals"` // the numbers of the report: fen and counts
	Differences int              `json:"differences"`
	Open        int              `json:"open"`
	Attempts    int              `json:"attempts"`
	NextAt      string           `json:"nextAt"`
	Error       string           `json:"error"`
	ClosedBy    string           `json:"closedBy"`
	Reason      string           `json:"closedReason"`
}

var monthShape = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])$`)

// listBills handles GET /api/wx/admin/bills?month=2026-01.
func (p *billsPage) listBills(e *core.RequestEvent) error {
	month := e.Request.URL.Query().Get("month")
	if month == "" {
		month = p.Now().In(beijing).Format("2006-01")
	}
	if !monthShape.MatchString(month) {
		return answer.Field(answer.FieldInvalid, "month", "a month such as 2026-01")
	}
	var rows []*core.Record
	where := dbx.Between("date", month+"-01", month+"-31")
	if err := e.App.RecordQuery("wx_bills").AndWhere(where).OrderBy("date", "merchant").All(&rows); err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("read bills: %w", err))
	}
	counts, err := diffCounts(e.App, rows)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return answerItems(e, each(rows, func(r *core.Record) billView {
		n := counts[r.Id]
		return billView{
			ID: r.Id, Date: r.GetString("date"), Merchant: r.GetString("merchant"), State: r.GetString("state"), Totals: totalsOf(r),
			Differences: n.All, Open: n.Open, Attempts: r.GetInt("attempts"), NextAt: moment(r.GetDateTime("nextAt")), Error: r.GetString("error"),
			ClosedBy: r.GetString("closedBy"), Reason: r.GetString("closedReason"),
		}
	}))
}

// totalsOf keeps the numbers of a report.
func totalsOf(r *core.Record) map[string]int64 {
	var all map[string]any
	_ = r.UnmarshalJSONField("totals", &all) // a day that waits has none
	totals := map[string]int64{}
	for name, value := range all {
		if n, ok := value.(float64); ok {
			totals[name] = int64(n)
		}
	}
	return totals
}

type diffCount struct {
	Bill string `db:"bill"`
	All  int    `db:"all"`
	Open int    `db:"open"`
}

func diffCounts(app core.App, bills []*core.Record) (map[string]diffCount, error) {
	ids := make([]any, 0, len(bills))
	for _, b := range bills {
		ids = append(ids, b.Id)
	}
	var rows []diffCount
	err := app.DB().Select("bill", "count(*) AS all", "sum(CASE WHEN [[resolved]] THEN 0 ELSE 1 END) AS open").
		From("wx_bill_diffs").Where(dbx.In("bill", ids...)).GroupBy("bill").All(&rows)
	if err != nil {
		return nil, fmt.Errorf("count differences: %w", err)
	}
	counts := map[string]diffCount{}
	for _, r := range rows {
		counts[r.Bill] = r
	}
	return counts, nil
}

// rerunBill handles POST /api/wx/admin/bills/{date}/rerun.
func (p *billsPage) rerunBill(e *core.RequestEvent) error {
	date := e.Request.PathValue("date")
	at, err := time.ParseInLocation(day, date, beijing)
	if err != nil || !at.Before(p.Now()) {
		return answer.Field(answer.FieldInvalid, "date", "a day of the past, such as 2026-01-31")
	}
	About(e, date, date)
	if err := p.rerun(context.WithoutCancel(e.Request.Context()), date); err != nil {
		return answer.With(answer.BillNotCompared, "reason", clip(err.Error(), 300))
	}
	return e.JSON(http.StatusOK, map[string]bool{"ok": true})
}

// diffView is one difference between our books and WeChat's.
type diffView struct {
	ID         string          `json:"id"`
	Date       string          `json:"date"`
	Merchant   string          `json:"merchant"`
	Kind       string          `json:"kind"`
	OutTradeNo string          `json:"outTradeNo"`
	Ours       json.RawMessage `json:"ours"`
	Theirs     json.RawMessage `json:"theirs"`
	Resolved   bool            `json:"resolved"`
	Order      string          `json:"order"` // empty when the number is not in our books
}

// listDiffs handles GET /api/wx/admin/bill-diffs?resolved=, the newest first.
func (p *billsPage) listDiffs(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	where := dbx.HashExp{}
	switch resolved := e.Request.URL.Query().Get("resolved"); resolved {
	case "":
	case "true", "1":
		where["resolved"] = true
	case "false", "0":
		where["resolved"] = false
	default:
		return answer.Field(answer.FieldInvalid, "resolved", "true or false")
	}
	return AnswerPage(e, ask, "wx_bill_diffs", always(where), newest, func(rows []*core.Record) ([]diffView, error) {
		return viewDiffs(e.App, rows)
	})
}

func viewDiffs(app core.App, rows []*core.Record) ([]diffView, error) {
	var views []diffView
	for _, r := range rows {
		bill, err := app.FindRecordById("wx_bills", r.GetString("bill"))
		if err != nil {
			return nil, fmt.Errorf("read bill of a difference: %w", err)
		}
		v := diffView{
			ID: r.Id, Date: bill.GetString("date"), Merchant: bill.GetString("merchant"), Kind: r.GetString("kind"), OutTradeNo: r.GetString("outTradeNo"),
			Ours: rawOf(r, "ours"), Theirs: rawOf(r, "theirs"), Resolved: r.GetBool("resolved"),
		}
		if v.Order, err = orderOfNumber(app, v.OutTradeNo); err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	if views == nil {
		views = []diffView{}
	}
	return views, nil
}

func rawOf(r *core.Record, field string) json.RawMessage {
	if raw := json.RawMessage(r.GetString(field)); json.Valid(raw) {
		return raw
	}
	return json.RawMessage("null")
}

// orderOfNumber finds the order of a payment's or a refund's number; empty when it is not ours.
func orderOfNumber(app core.App, number string) (string, error) {
	for table, column := range map[string]string{"payments": "outTradeNo", "refunds": "outRefundNo"} {
		var orders []string
		if err := app.DB().Select("order").From(table).Where(dbx.HashExp{column: number}).Limit(1).Column(&orders); err != nil {
			return "", fmt.Errorf("look for a number in %s: %w", table, err)
		}
		if len(orders) > 0 {
			return orders[0], nil
		}
	}
	return "", nil
}

// resolveDiff handles POST /api/wx/admin/bill-diffs/{id}/resolve {note}: a person has looked, and says what it was.
func (p *billsPage) resolveDiff(e *core.RequestEvent) error {
	var form struct {
		Note string `json:"note"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	r, err := rowOf(e, "wx_bill_diffs")
	if err != nil {
		return err
	}
	About(e, r.Id, r.GetString("outTradeNo"))
	Note(e, "note", clip(form.Note, 500))
	if err := e.App.RunInTransaction(func(tx core.App) error { return p.settleDiff(tx, r, Who(e).Email, clip(form.Note, 500)) }); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	views, err := viewDiffs(e.App, []*core.Record{r})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, views[0])
}

// settleDiff marks a difference. The last open one of a day closes the alert of the day, which is named as internal/till names it.
func (p *billsPage) settleDiff(tx core.App, diff *core.Record, by, note string) error {
	diff.Set("resolved", true)
	if err := books.Save(tx, diff); err != nil {
		return fmt.Errorf("save difference: %w", err)
	}
	bill, err := tx.FindRecordById("wx_bills", diff.GetString("bill"))
	if err != nil {
		return fmt.Errorf("read bill of a difference: %w", err)
	}
	if err := p.closeUnmatched(tx, bill.GetString("merchant"), diff.GetString("outTradeNo"), by, note); err != nil {
		return err
	}
	left, err := tx.CountRecords("wx_bill_diffs", dbx.HashExp{"bill": bill.Id, "resolved": false})
	if err != nil || left > 0 {
		return err
	}
	return p.closeAlert(tx, "bill", bill.GetString("merchant")+"/"+bill.GetString("date"), by)
}
