package desk

import (
	"fmt"
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/days"
)

// effectsPage is what the server still has to do, or has done.
type effectsPage struct {
	kit

	wake func() // makes the worker of wx_outbox look for what is due
}

// effectView is something that the server still has to do, or has done.
type effectView struct {
	ID       string `json:"id"`
	Effect   string `json:"effect"`
	Key      string `json:"key"`
	Attempts int    `json:"attempts"`
	NextAt   string `json:"nextAt"`
	DoneAt   string `json:"doneAt"`
	Error    string `json:"error"`
	Created  string `json:"created"`
	Order    string `json:"order"`
}

// failedEffects are those with an error, in the words of their index.
var failedEffects = dbx.NewExp("[[error]] != ''")

// listEffects handles GET /api/wx/admin/effects?failed=1, the newest first.
func (p *effectsPage) listEffects(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	where, sort := dbx.Expression(dbx.HashExp{}), newestRows
	if e.Request.URL.Query().Get("failed") == "1" {
		where, sort = failedEffects, newest
	}
	return AnswerPage(e, ask, "wx_outbox", always(where), sort, func(rows []*core.Record) ([]effectView, error) {
		return each(rows, viewEffect), nil
	})
}

func viewEffect(r *core.Record) effectView {
	var about struct {
		Order string `json:"order"`
	}
	_ = r.UnmarshalJSONField("payload", &about) // one that cannot be read is of no order
	return effectView{
		ID: r.Id, Effect: r.GetString("effect"), Key: r.GetString("key"), Attempts: r.GetInt("attempts"), NextAt: moment(r.GetDateTime("nextAt")),
		DoneAt: moment(r.GetDateTime("doneAt")), Error: r.GetString("error"), Created: moment(r.GetDateTime("created")), Order: about.Order,
	}
}

// resendAnyEffect handles POST /api/wx/admin/effects/{id}/resend: what failed is due now.
func (p *effectsPage) resendAnyEffect(e *core.RequestEvent) error {
	r, err := rowOf(e, "wx_outbox")
	if err != nil {
		return err
	}
	About(e, r.Id, r.GetString("key"))
	return p.makeDue(e, r)
}

// resendEffect handles POST /api/wx/admin/orders/{id}/resend {effect}: an effect of the order that failed is due now. effect is the id of its
// row in wx_outbox.
func (p *effectsPage) resendEffect(e *core.RequestEvent) error {
	var form struct {
		Effect string `json:"effect"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	o, err := orderByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	About(e, o.Id, o.GetString("number"))
	effects, err := effectsOf(e.App, o.Id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	for _, row := range effects {
		if row.Id == form.Effect {
			Note(e, "effect", row.GetString("key"))
			return p.makeDue(e, row)
		}
	}
	return answer.Fail(answer.EffectNotFound, nil)
}

// makeDue lets the worker carry out an effect that failed.
func (p *effectsPage) makeDue(e *core.RequestEvent, row *core.Record) error {
	done, err := e.App.DB().Update("wx_outbox", dbx.Params{"nextAt": days.Store(p.Now()), "doneAt": "", "updated": days.Store(p.Now())},
		dbx.And(dbx.HashExp{"id": row.Id}, dbx.NewExp("([[doneAt]] = '' OR [[error]] != '')"))).Execute()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return answer.Fail(answer.EffectDone, err)
	}
	p.wake()
	return e.JSON(http.StatusOK, map[string]any{"ok": true})
}

// hasFailed tells whether an effect was tried in vain.
func hasFailed(row *core.Record) bool { return row.GetString("error") != "" }

// effectsOf reads the effects of an order, of its payments and of its refunds: what an effect is about stands in its key.
func effectsOf(app core.App, orderID string) ([]*core.Record, error) {
	about := []string{
		"order.paid.notice/" + orderID, "order.paid.hooks/" + orderID, "shipping.upload/" + orderID + "/", "message.send/order.paid/" + orderID + "/",
		"message.send/order.shipped/" + orderID + "/",
	}
	var payments, refunds []string
	if err := app.DB().Select("id").From("payments").Where(dbx.HashExp{"order": orderID}).Column(&payments); err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	if err := app.DB().Select("id").From("refunds").Where(dbx.HashExp{"order": orderID}).Column(&refunds); err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	for _, id := range payments {
		about = append(about, "payment.close/"+id, "refund.auto/"+id, "refund.import/"+id+"/")
	}
	for _, id := range refunds {
		about = append(about, "refund.succeeded/"+id, "message.send/refund.succeeded/"+id+"/")
	}
	var rows []*core.Record
	if err := effectsQuery(app, about).All(&rows); err != nil {
		return nil, fmt.Errorf("read effects: %w", err)
	}
	return rows, nil
}

// effectsQuery reads the rows of the outbox whose keys begin with one of these.
func effectsQuery(app core.App, about []string) *dbx.SelectQuery {
	return app.RecordQuery("wx_outbox").AndWhere(dbx.NewExp(
		"[[wx_outbox.id]] IN (SELECT k.id FROM json_each({:about}) p JOIN wx_outbox k ON k.[[key]] BETWEEN p.value AND p.value || '~')",
		dbx.Params{"about": jsonText(about)}))
}
