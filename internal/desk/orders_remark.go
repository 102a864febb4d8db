package desk

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// remarkOrder handles POST /api/wx/admin/orders/{id}/remark {remark}: the shop's own note, which the buyer never sees.
func (d *Desk) remarkOrder(e *core.RequestEvent) error {
	var form struct {
		Remark string `json:"remark"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if utf8.RuneCountInString(form.Remark) > 2_000 {
		return answer.Field(answer.FieldInvalid, "remark", "at most 2000 characters")
	}
	o, err := orderByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	err = e.App.RunInTransaction(func(tx core.App) error {
		r, err := remarkOf(tx, o.Id)
		if err != nil {
			return err
		}
		r.Set("remark", form.Remark)
		r.Set("by", Who(e).Email)
		return books.Save(tx, r)
	})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	About(e, o.Id, o.GetString("number"))
	return e.JSON(http.StatusOK, map[string]any{"remark": form.Remark})
}

// remarkOf finds the note of an order, or begins one.
func remarkOf(app core.App, orderID string) (*core.Record, error) {
	r, err := app.FindFirstRecordByData("wx_remarks", "order", orderID)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return r, err
	}
	c, err := app.FindCachedCollectionByNameOrId("wx_remarks")
	if err != nil {
		return nil, fmt.Errorf("find wx_remarks: %w", err)
	}
	r = core.NewRecord(c)
	r.Set("order", orderID)
	return r, nil
}

// resendEffect handles POST /api/wx/admin/orders/{id}/resend {effect}: an effect of the order that failed is due now. effect is the id of its
// row in wx_outbox.
func (d *Desk) resendEffect(e *core.RequestEvent) error {
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
			return d.makeDue(e, row)
		}
	}
	return answer.Fail(answer.EffectNotFound, nil)
}

// makeDue lets the worker carry out an effect that failed.
func (d *Desk) makeDue(e *core.RequestEvent, row *core.Record) error {
	done, err := e.App.DB().Update("wx_outbox", dbx.Params{"nextAt": stored(d.Now()), "doneAt": "", "updated": stored(d.Now())},
		dbx.And(dbx.HashExp{"id": row.Id}, dbx.NewExp("([[doneAt]] = '' OR [[error]] != '')"))).Execute()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return answer.Fail(answer.EffectDone, err)
	}
	d.Wake()
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
