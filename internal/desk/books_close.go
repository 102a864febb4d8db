package desk

// What nothing else ends, a person ends with a reason: a message about money that is not ours, and a day whose bill is lost.

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// mostReason is how many characters a reason has.
const mostReason = 200

// closeForm is the body of both routes.
type closeForm struct {
	Reason string `json:"reason"` // 1 to 200 characters
	All    bool   `json:"all"`    // of a bill: every lost day of its merchant
}

func (f *closeForm) check() error {
	f.Reason = strings.TrimSpace(f.Reason)
	if f.Reason == "" || utf8.RuneCountInString(f.Reason) > mostReason {
		return answer.Field(answer.FieldInvalid, "reason", "1 to 200 characters")
	}
	return nil
}

// closeInbox handles POST /api/wx/admin/inbox/{id}/close {reason}: a person says what the money was that is in no book of ours.
func (p *inboxPage) closeInbox(e *core.RequestEvent) error {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := answer.ReadStrict(e, &body); err != nil {
		return err
	}
	form := closeForm{Reason: body.Reason}
	if err := form.check(); err != nil {
		return err
	}
	row, err := rowOf(e, "wx_inbox")
	if err != nil {
		return err
	}
	About(e, row.Id, row.GetString("kind")+" "+row.GetString("ref"))
	Note(e, "reason", form.Reason)
	closed, err := p.closeMoney(e.App, row.Id, Who(e).Email, form.Reason)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if !closed {
		return answer.With(answer.InboxNotOpen, "state", row.GetString("state"))
	}
	if row, err = rowOf(e, "wx_inbox"); err != nil {
		return err
	}
	return e.JSON(http.StatusOK, viewInbox(row))
}

// closeBill handles POST /api/wx/admin/bills/{id}/close {reason, all}: a person has looked what is missing of a lost day.
func (p *billsPage) closeBill(e *core.RequestEvent) error {
	var form closeForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if err := form.check(); err != nil {
		return err
	}
	bill, err := rowOf(e, "wx_bills")
	if err != nil {
		return err
	}
	About(e, bill.Id, bill.GetString("merchant")+" "+bill.GetString("date"))
	Note(e, "reason", form.Reason)
	if bill.GetString("state") != "LOST" {
		return answer.With(answer.BillNotLost, "state", bill.GetString("state"))
	}
	where := dbx.HashExp{"merchant": bill.GetString("merchant"), "state": "LOST"}
	if !form.All {
		where["id"] = bill.Id
	}
	n := 0
	err = e.App.RunInTransaction(func(tx core.App) error { n, err = p.closeLost(tx, where, Who(e).Email, form.Reason); return err })
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	Note(e, "days", fmt.Sprint(n))
	return e.JSON(http.StatusOK, map[string]int{"closed": n})
}

func (p *billsPage) closeLost(tx core.App, where dbx.HashExp, by, reason string) (int, error) {
	rows, err := tx.FindAllRecords("wx_bills", where)
	if err != nil {
		return 0, fmt.Errorf("read lost days: %w", err)
	}
	merchant := where["merchant"].(string)
	for _, r := range rows {
		r.Load(map[string]any{"state": "CLOSED", "closedBy": by, "closedReason": reason})
		if err := books.Save(tx, r); err != nil {
			return 0, fmt.Errorf("close lost day: %w", err)
		}
		if err := p.closeAlert(tx, "bill", merchant+"/"+r.GetString("date"), by); err != nil {
			return 0, err
		}
	}
	left, err := tx.CountRecords("wx_bills", dbx.HashExp{"merchant": merchant, "state": "LOST"})
	if err != nil || left > 0 {
		return len(rows), err
	}
	return len(rows), p.closeAlert(tx, "bill", merchant+"/lost", by) // as internal/till names it
}
