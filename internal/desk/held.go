package desk

import (
	"fmt"
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// heldPage is what WeChat wants a person to look at.
type heldPage struct{ kit }

// heldView is a text or a picture that WeChat wants a person to look at.
type heldView struct {
	ID         string `json:"id"` // of the check
	User       string `json:"user"`
	Name       string `json:"name"`
	Collection string `json:"collection"`
	Record     string `json:"record"`
	Field      string `json:"field"`
	Text       string `json:"text"`
	Image      string `json:"image"`
	State      string `json:"state"` // REVIEW, RISKY, or FAILED where WeChat could not look
	Label      string `json:"label"`
	Created    string `json:"created"`
}

// heldState is the checkState of a record that is out of sight until a person decides.
const heldState = "HELD"

// listHeld handles GET /api/wx/admin/held: what is held back, the oldest first.
func (p *heldPage) listHeld(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	where := dbx.And(dbx.HashExp{"state": []any{"REVIEW", "RISKY", "FAILED"}}, dbx.Not(dbx.HashExp{"record": ""}))
	return AnswerPage(e, ask, "wx_checks", where, "created, id", func(rows []*core.Record) ([]heldView, error) {
		views := make([]heldView, 0, len(rows))
		for _, r := range rows {
			views = append(views, p.viewHeld(e.App, r))
		}
		return views, nil
	})
}

func (p *heldPage) viewHeld(app core.App, check *core.Record) heldView {
	v := heldView{
		ID: check.Id, User: check.GetString("user"), Collection: check.GetString("collection"), Record: check.GetString("record"),
		Field: check.GetString("field"), State: check.GetString("state"), Label: check.GetString("label"), Created: moment(check.GetDateTime("created")),
	}
	if user, err := app.FindRecordById("users", v.User); err == nil {
		v.Name = user.GetString("name")
	}
	record, err := app.FindRecordById(v.Collection, v.Record)
	if err != nil {
		return v // it is gone, and a decision drops the check
	}
	if file := check.GetString("file"); file != "" {
		v.Image = "/api/files/" + file
	} else {
		v.Text = clip(record.GetString(v.Field), 2_500)
	}
	return v
}

// decideHeld handles POST /api/wx/admin/held/{id} {decision}: pass shows the record; refuse deletes it, or empties the field of a user.
func (p *heldPage) decideHeld(e *core.RequestEvent) error {
	var form struct {
		Decision string `json:"decision"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if form.Decision != "pass" && form.Decision != "refuse" {
		return answer.Field(answer.FieldInvalid, "decision", "pass or refuse")
	}
	check, err := rowOf(e, "wx_checks")
	if err != nil {
		return err
	}
	About(e, check.GetString("record"), check.GetString("collection")+"."+check.GetString("field"))
	Note(e, "decision", form.Decision)
	err = e.App.RunInTransaction(func(tx core.App) error { return settleHeld(tx, check, form.Decision == "pass") })
	if err != nil {
		return asAnswer(err)
	}
	return e.JSON(http.StatusOK, map[string]bool{"ok": true})
}

func settleHeld(tx core.App, check *core.Record, passes bool) error {
	record, err := tx.FindRecordById(check.GetString("collection"), check.GetString("record"))
	if err != nil {
		return tx.Delete(check) // there is nothing left to decide about
	}
	switch {
	case passes:
	case record.Collection().Name == "users":
		record.Set(check.GetString("field"), nil)
	default:
		if err := tx.Delete(record); err != nil {
			return fmt.Errorf("delete what was refused: %w", err)
		}
		return dropCheck(tx, check)
	}
	others, err := tx.CountRecords("wx_checks", dbx.HashExp{
		"collection": check.GetString("collection"), "record": record.Id, "state": []any{"REVIEW", "RISKY", "FAILED", "PENDING"},
	}, dbx.Not(dbx.HashExp{"id": check.Id}))
	if err != nil {
		return fmt.Errorf("look for other checks: %w", err)
	}
	if others == 0 && record.GetString("checkState") == heldState {
		record.Set("checkState", "PASS")
	}
	if err := tx.Save(record); err != nil {
		return fmt.Errorf("save what was looked at: %w", err)
	}
	return passCheck(tx, check)
}

// dropCheck forgets a check, unless it went with its record.
func dropCheck(tx core.App, check *core.Record) error {
	if _, err := tx.NonconcurrentDB().Delete("wx_checks", dbx.HashExp{"id": check.Id}).Execute(); err != nil {
		return fmt.Errorf("drop check: %w", err)
	}
	return nil
}

// passCheck writes what a person has found, if the check is still there: an emptied field takes its own along.
func passCheck(tx core.App, check *core.Record) error {
	_, err := tx.NonconcurrentDB().Update("wx_checks", dbx.Params{"state": "PASS"}, dbx.HashExp{"id": check.Id}).Execute()
	if err != nil {
		return fmt.Errorf("save check: %w", err)
	}
	return nil
}
