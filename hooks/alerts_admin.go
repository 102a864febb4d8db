package hooks

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/order"
)

// mostAlerts is how many alerts one answer holds; the collection wx_alerts has the rest.
const mostAlerts = 200

// alertView is an alert as superusers see it.
type alertView struct {
	ID       string             `json:"id"`
	Kind     string             `json:"kind"`
	Subject  string             `json:"subject"`
	Details  types.JSONMap[any] `json:"details"`
	Since    types.DateTime     `json:"since"`
	Seen     int                `json:"seen"`
	Last     types.DateTime     `json:"last"`
	ClosedAt types.DateTime     `json:"closedAt"`
	ClosedBy string             `json:"closedBy"`
}

func viewAlert(r *core.Record) alertView {
	v := alertView{
		ID: r.Id, Kind: r.GetString("kind"), Subject: r.GetString("subject"), Since: r.GetDateTime("since"), Seen: r.GetInt("seen"),
		Last: r.GetDateTime("last"), ClosedAt: r.GetDateTime("closedAt"), ClosedBy: r.GetString("closedBy"),
	}
	_ = r.UnmarshalJSONField("details", &v.Details) // details that are no object are left out
	return v
}

// listAlerts handles GET /api/wx/admin/alerts for superusers: the open ones, the oldest first; with ?closed=1 the closed ones, the
// newest first.
func (p *Plugin) listAlerts(e *core.RequestEvent) error {
	where, sort := dbx.Expression(dbx.HashExp{"closedAt": ""}), "since ASC"
	if e.Request.URL.Query().Get("closed") == "1" {
		where, sort = dbx.NewExp("closedAt != ''"), "closedAt DESC"
	}
	items, err := p.alerts(e.App, where, sort)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	open, err := e.App.CountRecords("wx_alerts", dbx.HashExp{"closedAt": ""})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]any{"open": open, "items": items})
}

func (p *Plugin) alerts(app core.App, where dbx.Expression, sort string) ([]alertView, error) {
	var rows []*core.Record
	if err := app.RecordQuery("wx_alerts").AndWhere(where).OrderBy(sort).Limit(mostAlerts).All(&rows); err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	views := make([]alertView, 0, len(rows))
	for _, r := range rows {
		views = append(views, viewAlert(r))
	}
	return views, nil
}

// closeAlert handles POST /api/wx/admin/alerts/{id}/close for superusers. Who closed it first stays on the row.
func (p *Plugin) closeAlert(e *core.RequestEvent) error {
	id := e.Request.PathValue("id")
	row, err := e.App.FindRecordById("wx_alerts", id)
	if errors.Is(err, sql.ErrNoRows) {
		return answer.Fail(answer.AlertMissing, nil)
	}
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if row.GetDateTime("closedAt").IsZero() {
		if err := p.settle(e.App, alertKind(row.GetString("kind")), row.GetString("subject"), e.Auth.Email()); err != nil {
			return answer.Fail(answer.Busy, err)
		}
		if row, err = e.App.FindRecordById("wx_alerts", id); err != nil {
			return answer.Fail(answer.Busy, err)
		}
	}
	return e.JSON(http.StatusOK, viewAlert(row))
}

// alertForStep closes what a step has mended, and raises what it asks for.
func (p *Plugin) alertForStep(tx core.App, payment *core.Record, step order.Step, why evidence) error {
	if step.Changed() && why.inbox != nil { // it may have been unmatched at first
		if err := p.settle(tx, alertUnmatched, payment.GetString("merchant")+"/"+payment.GetString("outTradeNo"), why.source); err != nil {
			return err
		}
	}
	if step.Changed() && step.From == order.PaymentDisputed {
		if err := p.settle(tx, alertDisputed, payment.Id, why.source); err != nil {
			return err
		}
	}
	return p.raiseForStep(tx, payment, step)
}

// raiseForStep tells a person what a step of a payment asks for. Money that came too late and goes back by itself needs nobody: if it
// does not go back, its refund says so.
//
// note: WeChat has no list of an order's refunds; those that are not ours come by notification or with the bill.
func (p *Plugin) raiseForStep(tx core.App, payment *core.Record, step order.Step) error {
	details := map[string]any{
		"payment": payment.Id, "order": payment.GetString("order"), "merchant": payment.GetString("merchant"),
		"outTradeNo": payment.GetString("outTradeNo"), "amount": payment.GetInt("amount"), "from": string(step.From), "to": string(step.To),
	}
	switch {
	case step.Has(order.Freeze):
		return p.raise(tx, alertDisputed, payment.Id, details)
	case step.Has(order.Alert) && step.To == order.PaymentRejected:
		return p.raise(tx, alertPayment, "refused by "+payment.GetString("merchant"), details) // one row, however many buyers try
	case step.Has(order.Alert):
		return p.raise(tx, alertPayment, payment.Id, details)
	case step.Has(order.ImportRefunds) && !step.Has(order.RefundAutomatically):
		return p.raise(tx, alertRefund, "of payment "+payment.Id, details)
	default:
		return nil
	}
}

// raiseForRefund does the same for a refund; one that has reached the payer needs nobody any more.
func (p *Plugin) raiseForRefund(tx core.App, refund *core.Record, step order.RefundStep) error {
	switch {
	case step.Has(order.Alert), step.Has(order.Freeze):
		return p.raise(tx, alertRefund, refund.Id, map[string]any{
			"refund": refund.Id, "payment": refund.GetString("payment"), "order": refund.GetString("order"),
			"outRefundNo": refund.GetString("outRefundNo"), "amount": refund.GetInt("amount"), "from": string(step.From), "to": string(step.To),
		})
	case step.Changed() && step.To == order.RefundSuccess:
		return p.settle(tx, alertRefund, refund.Id, "it has reached the payer")
	default:
		return nil
	}
}
