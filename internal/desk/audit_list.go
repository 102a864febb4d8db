package desk

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// auditRow is a row of the audit as people see it.
type auditRow struct {
	ID      string             `json:"id"`
	At      string             `json:"at"`
	Actor   string             `json:"actor"`
	Role    string             `json:"role"`
	Action  string             `json:"action"`
	Subject string             `json:"subject"`
	Label   string             `json:"label"`
	Details types.JSONMap[any] `json:"details"`
	IP      string             `json:"ip"`
	Agent   string             `json:"agent"`
	Status  int                `json:"status"`
}

func viewAuditRow(r *core.Record) auditRow {
	v := auditRow{
		ID: r.Id, At: moment(r.GetDateTime("at")), Actor: r.GetString("actor"), Role: r.GetString("role"), Action: r.GetString("action"),
		Subject: r.GetString("subject"), Label: r.GetString("label"), IP: r.GetString("ip"), Agent: r.GetString("agent"), Status: r.GetInt("status"),
	}
	_ = r.UnmarshalJSONField("details", &v.Details) // details that are no object are left out
	return v
}

// listAudit handles GET /api/wx/admin/audit: who did what, the newest first.
func (t *auditTrail) listAudit(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	where, err := auditFilter(e)
	if err != nil {
		return err
	}
	return AnswerPage(e, ask, "wx_audit", where, "at DESC, rowid DESC", func(rows []*core.Record) ([]auditRow, error) {
		return each(rows, viewAuditRow), nil
	})
}

func auditFilter(e *core.RequestEvent) (dbx.Expression, error) {
	query := e.Request.URL.Query()
	where := dbx.HashExp{}
	for _, name := range []string{"actor", "action"} {
		if value := query.Get(name); value != "" {
			where[name] = value
		}
	}
	span, err := spanOf(e, "at")
	if err != nil {
		return nil, err
	}
	all := []dbx.Expression{where, span}
	if search := query.Get("search"); search != "" {
		all = append(all, dbx.Or(dbx.HashExp{"subject": search}, dbx.Like("label", search), dbx.Like("actor", search)))
	}
	return both(all...), nil
}
