package desk

import (
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/books"
)

// notesKey is where a request carries what its row in the audit shall say.
const notesKey = "wxDeskNotes"

// notes is what a handler adds to its row.
type notes struct {
	subject string
	label   string
	details map[string]any
}

func notesOf(e *core.RequestEvent) *notes {
	n, ok := e.Get(notesKey).(*notes)
	if !ok {
		n = &notes{details: map[string]any{}}
		e.Set(notesKey, n)
	}
	return n
}

// Note adds a detail to the row that a request leaves in the audit. NB! never a secret, a password, a token or a whole phone number.
func Note(e *core.RequestEvent, key string, value any) { notesOf(e).details[key] = value }

// About says what a request is about: the id of a record, and how people call it, such as the number of an order. Without it the row
// names the {id} of the route.
func About(e *core.RequestEvent, id, label string) {
	n := notesOf(e)
	n.subject, n.label = id, label
}

// auditTrail writes down who did what, and shows it.
type auditTrail struct{ kit }

// audited does something and leaves a row about it.
func (t *auditTrail) audited(e *core.RequestEvent, action string, do func() error) error {
	err := do()
	if action != "" {
		t.leaveRow(e, Who(e), action, statusOf(e, err))
	}
	return err
}

// leaveRow writes a row. What was done is done: a row that cannot be written goes to the log.
func (t *auditTrail) leaveRow(e *core.RequestEvent, actor Actor, action string, status int) {
	if err := t.writeRow(e, actor, action, status); err != nil {
		t.App.Logger().Error("audit row not written", "actor", actor.Email, "action", action, "status", status, "error", err.Error())
	}
}

func (t *auditTrail) writeRow(e *core.RequestEvent, actor Actor, action string, status int) error {
	c, err := t.App.FindCachedCollectionByNameOrId("wx_audit")
	if err != nil {
		return fmt.Errorf("find wx_audit: %w", err)
	}
	n := notesOf(e)
	subject := n.subject
	if subject == "" {
		subject = e.Request.PathValue("id")
	}
	row := core.NewRecord(c)
	row.Load(map[string]any{
		"actor": actor.Email, "actorId": actor.ID, "role": string(actor.Role), "action": action, "subject": clip(subject, 100), "label": clip(n.label, 200),
		"details": n.details, "status": status, "ip": clip(e.RealIP(), 64), "agent": clip(e.Request.UserAgent(), 300), "at": t.Now(),
	})
	return books.Save(t.App, row)
}

// statusOf is the HTTP status that a request is answered with.
func statusOf(e *core.RequestEvent, err error) int {
	if answer, ok := err.(*router.ApiError); ok { //nolint:errorlint // what PocketBase itself looks at
		return answer.Status
	}
	switch {
	case err != nil:
		return http.StatusBadRequest
	case e.Written():
		return e.Status()
	default:
		return http.StatusOK
	}
}

// clip cuts a text to so many characters.
func clip(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most])
}

func keepAudit(e *core.RecordEvent) error {
	return fmt.Errorf("audit row %s: the audit is append-only", e.Record.Id)
}
