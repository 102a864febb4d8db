package desk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// BooksDeps is what the pages of the books need of the payments.
type BooksDeps struct {
	// Replay works on a kept message again. What moves money is never believed from the row: WeChat is asked anew about its number. It tells
	// whether anything came of it, and why not.
	Replay func(ctx context.Context, row *core.Record) (applied bool, err error)
	// Rerun compares the books with WeChat's bill of a day in Beijing again, for every merchant.
	Rerun func(ctx context.Context, date string) error
}

func (d *Desk) booksRoutes() []Route {
	return []Route{
		{http.MethodGet, "/inbox", Books, "", d.listInbox, 0},
		{http.MethodGet, "/inbox/{id}", Books, "", d.showInbox, 0},
		{http.MethodPost, "/inbox/{id}/replay", Books, "inbox.replay", d.replayInbox, 0},
		{http.MethodGet, "/effects", Books, "", d.listEffects, 0},
		{http.MethodPost, "/effects/{id}/resend", Books, "effect.resend", d.resendAnyEffect, 0},
		{http.MethodGet, "/bills", Books, "", d.listBills, 0},
		{http.MethodPost, "/bills/{date}/rerun", Books, "bill.rerun", d.rerunBill, 0},
		{http.MethodGet, "/bill-diffs", Books, "", d.listDiffs, 0},
		{http.MethodPost, "/bill-diffs/{id}/resolve", Books, "bill.resolve", d.resolveDiff, 0},
		{http.MethodGet, "/held", Outreach, "", d.listHeld, 0},
		{http.MethodPost, "/held/{id}", Outreach, "held.decide", d.decideHeld, 0},
	}
}

// inboxView is one message of WeChat's as it was kept. Body and headers are there when one is looked at.
type inboxView struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind"`
	Source   string            `json:"source"`
	State    string            `json:"state"`
	Verified bool              `json:"verified"`
	Error    string            `json:"error"`
	Ref      string            `json:"ref"`
	Seen     int               `json:"seen"`
	Created  string            `json:"created"`
	Body     *string           `json:"body,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
}

func viewInbox(r *core.Record) inboxView {
	return inboxView{
		ID: r.Id, Kind: r.GetString("kind"), Source: r.GetString("source"), State: r.GetString("state"), Verified: r.GetBool("verified"),
		Error: r.GetString("error"), Ref: r.GetString("ref"), Seen: r.GetInt("seen"), Created: moment(r.GetDateTime("created")),
	}
}

// listInbox handles GET /api/wx/admin/inbox, the newest first.
func (d *Desk) listInbox(e *core.RequestEvent) error {
	ask, err := pageOf(e)
	if err != nil {
		return err
	}
	query, where := e.Request.URL.Query(), dbx.HashExp{}
	for _, name := range []string{"kind", "state"} {
		if value := query.Get(name); value != "" {
			where[name] = value
		}
	}
	var all dbx.Expression = where
	if search := strings.TrimSpace(query.Get("search")); search != "" {
		all = dbx.And(where, dbx.Or(dbx.HashExp{"ref": search}, dbx.HashExp{"source": search}, dbx.HashExp{"id": search}))
	}
	return answerPage(e, ask, "wx_inbox", always(all), "created DESC, id DESC", func(rows []*core.Record) ([]inboxView, error) {
		return each(rows, viewInbox), nil
	})
}

func rowOf(e *core.RequestEvent, collection string) (*core.Record, error) {
	r, err := e.App.FindRecordById(collection, e.Request.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.DeskRowNotFound, nil)
	}
	if err != nil {
		return nil, answer.Fail(answer.Busy, fmt.Errorf("read %s: %w", collection, err))
	}
	return r, nil
}

// showInbox handles GET /api/wx/admin/inbox/{id}.
func (d *Desk) showInbox(e *core.RequestEvent) error {
	r, err := rowOf(e, "wx_inbox")
	if err != nil {
		return err
	}
	view, body := viewInbox(r), r.GetString("body")
	view.Body = &body
	_ = r.UnmarshalJSONField("headers", &view.Headers) // headers that are no texts are left out
	return e.JSON(http.StatusOK, view)
}

// replayInbox handles POST /api/wx/admin/inbox/{id}/replay.
func (d *Desk) replayInbox(e *core.RequestEvent) error {
	r, err := rowOf(e, "wx_inbox")
	if err != nil {
		return err
	}
	About(e, r.Id, r.GetString("kind")+" "+r.GetString("ref"))
	applied, cause := d.Books.Replay(context.WithoutCancel(e.Request.Context()), r)
	problem := ""
	if cause != nil {
		problem = clip(cause.Error(), 500)
	}
	fresh, err := rowOf(e, "wx_inbox")
	if err != nil {
		return err
	}
	if applied && fresh.GetString("state") != "APPLIED" {
		fresh.Set("state", "APPLIED")
		fresh.Set("error", "")
		if err := books.Save(e.App, fresh); err != nil {
			return answer.Fail(answer.Busy, fmt.Errorf("save inbox: %w", err))
		}
	}
	Note(e, "state", fresh.GetString("state"))
	return e.JSON(http.StatusOK, map[string]string{"state": fresh.GetString("state"), "error": problem})
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

// listEffects handles GET /api/wx/admin/effects?failed=1, the newest first.
func (d *Desk) listEffects(e *core.RequestEvent) error {
	ask, err := pageOf(e)
	if err != nil {
		return err
	}
	var where dbx.Expression = dbx.HashExp{}
	if e.Request.URL.Query().Get("failed") == "1" {
		where = dbx.Not(dbx.HashExp{"error": ""})
	}
	return answerPage(e, ask, "wx_outbox", always(where), "created DESC, id DESC", func(rows []*core.Record) ([]effectView, error) {
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
func (d *Desk) resendAnyEffect(e *core.RequestEvent) error {
	r, err := rowOf(e, "wx_outbox")
	if err != nil {
		return err
	}
	About(e, r.Id, r.GetString("key"))
	return d.makeDue(e, r)
}

// always is a condition that may be empty.
func always(where dbx.Expression) dbx.Expression { return dbx.And(dbx.NewExp("1 = 1"), where) }
