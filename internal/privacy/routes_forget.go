package privacy

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// mostGraceDays is the longest that an operator may let a person wait: the law wants an answer within fifteen days.
const mostGraceDays = 15

// ForgetMe handles DELETE /api/wx/me and answers {state, dueAt}. All sessions end; a login before dueAt takes it back.
// Errors: forget_money_under_way (409, data.orders), server_busy.
func (p *Privacy) ForgetMe(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	row, err := p.accept(e, wish{user: e.Auth.Id, by: byUser, grace: p.Grace}, true)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, struct {
		State string         `json:"state"`
		DueAt types.DateTime `json:"dueAt"`
	}{row.GetString("state"), row.GetDateTime("dueAt")})
}

// accept stores a wish, and carries it out if there is no time of grace. Money that is under way refuses it if it would
// be carried out at once or if the person can still settle the money; otherwise the wish waits for the money.
func (p *Privacy) accept(e *core.RequestEvent, w wish, settled bool) (*core.Record, error) {
	if settled || w.grace <= 0 {
		if err := p.refuseForMoney(e.App, w.user); err != nil {
			return nil, err
		}
	}
	row, err := p.keep(w)
	if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	if w.grace <= 0 {
		p.carryOut(row.Id) // note: what fails here is tried again by the sweep
	}
	if row, err = books.ByID(e.App, erasuresTable, row.Id); err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	return row, nil
}

// ForgetUser handles POST /api/wx/admin/users/{id}/forget {reason, days?}: days of grace, 0 for at once, the setting's where it is left out.
func (p *Privacy) ForgetUser(e *core.RequestEvent) error {
	var form struct {
		Reason string `json:"reason"`
		Days   *int   `json:"days"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	form.Reason = strings.TrimSpace(form.Reason)
	if n := utf8.RuneCountInString(form.Reason); n == 0 || n > 200 {
		return answer.Field(answer.FieldInvalid, "reason", "1 to 200 characters")
	}
	if form.Days != nil && (*form.Days < 0 || *form.Days > mostGraceDays) {
		return answer.Field(answer.FieldInvalid, "days", "0 to 15")
	}
	user, err := userByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	p.About(e, user.Id, "") // note: the audit is append-only, and must not keep the name
	p.Note(e, "reason", form.Reason)
	w := wish{user: user.Id, by: p.Who(e), reason: form.Reason, grace: p.Grace}
	if form.Days != nil {
		w.grace = time.Duration(*form.Days) * 24 * time.Hour
	}
	row, err := p.accept(e, w, false)
	if err != nil {
		return err
	}
	return p.answerWish(e, row)
}

// ShowForget handles GET /api/wx/admin/users/{id}/forget: the newest wish about a user; {state: ""} where there is none.
func (p *Privacy) ShowForget(e *core.RequestEvent) error {
	user, err := userByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	row, err := books.First(e.App, erasuresTable, "`user` = ? ORDER BY `created` DESC, rowid DESC", user.Id)
	if isMissing(err) {
		return e.JSON(http.StatusOK, map[string]string{"state": ""})
	}
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return p.answerWish(e, row)
}

// KeepUser handles DELETE /api/wx/admin/users/{id}/forget: the wish is taken back. Errors: forget_not_waiting.
func (p *Privacy) KeepUser(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	user, err := userByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	p.About(e, user.Id, "")
	was, err := p.TakeBack(e.App, user.Id, p.Who(e))
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if !was {
		return answer.Fail(answer.ForgetNotWaiting, nil)
	}
	return e.NoContent(http.StatusNoContent)
}

func (p *Privacy) answerWish(e *core.RequestEvent, row *core.Record) error {
	v, err := p.show(e.App, row)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, v)
}
