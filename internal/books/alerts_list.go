package books

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
)

// mostAlerts limits the alerts in one answer; the collection wx_alerts has the rest.
const mostAlerts = 200

// Alert is an alert as superusers see it.
type Alert struct {
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

func viewAlert(r *core.Record) Alert {
	v := Alert{
		ID: r.Id, Kind: r.GetString("kind"), Subject: r.GetString("subject"), Since: r.GetDateTime("since"), Seen: r.GetInt("seen"),
		Last: r.GetDateTime("last"), ClosedAt: r.GetDateTime("closedAt"), ClosedBy: r.GetString("closedBy"),
	}
	_ = r.UnmarshalJSONField("details", &v.Details) // details that are not an object are left out
	return v
}

// ListAlerts handles GET /api/wx/admin/alerts for superusers: the open ones, the oldest first; with ?closed=1 the closed ones, the
// newest first.
func (a *alerts) ListAlerts(e *core.RequestEvent) error {
	where, sort := dbx.Expression(dbx.HashExp{"closedAt": ""}), "since ASC"
	if e.Request.URL.Query().Get("closed") == "1" {
		where, sort = dbx.NewExp("closedAt != ''"), "closedAt DESC"
	}
	items, err := a.Alerts(e.App, where, sort)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	open, err := e.App.CountRecords("wx_alerts", dbx.HashExp{"closedAt": ""})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]any{"open": open, "items": items})
}

// Alerts reads at most 200 alerts.
func (a *alerts) Alerts(app core.App, where dbx.Expression, sort string) ([]Alert, error) {
	var rows []*core.Record
	if err := app.RecordQuery("wx_alerts").AndWhere(where).OrderBy(sort).Limit(mostAlerts).All(&rows); err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	views := make([]Alert, 0, len(rows))
	for _, r := range rows {
		views = append(views, viewAlert(r))
	}
	return views, nil
}

// CloseAlert handles POST /api/wx/admin/alerts/{id}/close for superusers. The row keeps the first person who closed it.
func (a *alerts) CloseAlert(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	id := e.Request.PathValue("id")
	row, err := e.App.FindRecordById("wx_alerts", id)
	if errors.Is(err, sql.ErrNoRows) {
		return answer.Fail(answer.AlertMissing, nil)
	}
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if row.GetDateTime("closedAt").IsZero() {
		if err := a.Settle(e.App, AlertKind(row.GetString("kind")), row.GetString("subject"), e.Auth.Email()); err != nil {
			return answer.Fail(answer.Busy, err)
		}
		if row, err = e.App.FindRecordById("wx_alerts", id); err != nil {
			return answer.Fail(answer.Busy, err)
		}
	}
	return e.JSON(http.StatusOK, viewAlert(row))
}
