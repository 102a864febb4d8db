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
	// whether anything came of it, and why not: an UnworkedError where the page has words of its own for it.
	Replay func(ctx context.Context, row *core.Record) (applied bool, err error)
	// Rerun compares the books with WeChat's bill of a day in Beijing again, for every merchant.
	Rerun func(ctx context.Context, date string) error
	// CloseAlert closes the open alert of a kind about a subject, if there is one.
	CloseAlert func(tx core.App, kind, subject, by string) error
	// CloseInbox closes a message about money that is in no book of ours, and its alert; false where it is not one that waits.
	CloseInbox func(app core.App, id, by, reason string) (closed bool, err error)
	// CloseUnmatched closes those under a number of a merchant.
	CloseUnmatched func(tx core.App, merchant, number, by, reason string) error
}

// UnworkedError is why nothing came of a message: Code for pages, Reason for people.
type UnworkedError struct{ Code, Reason string }

func (u *UnworkedError) Error() string { return u.Reason }

// inboxPage shows WeChat's messages as they were kept.
type inboxPage struct {
	kit

	replay     func(ctx context.Context, row *core.Record) (applied bool, err error) // see BooksDeps
	closeMoney func(app core.App, id, by, reason string) (closed bool, err error)    // CloseInbox of BooksDeps
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
	ClosedBy string            `json:"closedBy"` // who closed it, or what explained it
	Reason   string            `json:"closedReason"`
	Body     *string           `json:"body,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
}

func viewInbox(r *core.Record) inboxView {
	return inboxView{
		ID: r.Id, Kind: r.GetString("kind"), Source: r.GetString("source"), State: r.GetString("state"), Verified: r.GetBool("verified"),
		Error: r.GetString("error"), Ref: r.GetString("ref"), Seen: r.GetInt("seen"), Created: moment(r.GetDateTime("created")),
		ClosedBy: r.GetString("closedBy"), Reason: r.GetString("closedReason"),
	}
}

// listInbox handles GET /api/wx/admin/inbox, the newest first.
func (p *inboxPage) listInbox(e *core.RequestEvent) error {
	ask, err := PageOf(e)
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
		all = dbx.And(where, inboxSearch(search))
	}
	return AnswerPage(e, ask, "wx_inbox", always(all), newest, func(rows []*core.Record) ([]inboxView, error) {
		return each(rows, viewInbox), nil
	})
}

// inboxSearch finds a message by the number that it is about, or by its id.
func inboxSearch(text string) dbx.Expression {
	return dbx.Or(dbx.HashExp{"ref": text}, dbx.HashExp{"id": text})
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
func (p *inboxPage) showInbox(e *core.RequestEvent) error {
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
func (p *inboxPage) replayInbox(e *core.RequestEvent) error {
	r, err := rowOf(e, "wx_inbox")
	if err != nil {
		return err
	}
	About(e, r.Id, r.GetString("kind")+" "+r.GetString("ref"))
	applied, cause := p.replay(context.WithoutCancel(e.Request.Context()), r)
	problem, reason := whyUnworked(cause)
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
	return e.JSON(http.StatusOK, map[string]string{"state": fresh.GetString("state"), "problem": problem, "error": reason})
}

// whyUnworked is the code and the text of what kept a message from being worked on; both empty where nothing did.
func whyUnworked(cause error) (code, reason string) {
	if cause == nil {
		return "", ""
	}
	if unworked, ok := errors.AsType[*UnworkedError](cause); ok {
		code = unworked.Code
	}
	return code, clip(cause.Error(), 500)
}
