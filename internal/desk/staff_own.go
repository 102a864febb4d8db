package desk

import (
	"fmt"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/limit"
)

// sessionMemory is how long a session is kept after it could last be used.
const sessionMemory = 60 * 24 * time.Hour

// changePassword handles POST /api/wx/admin/staff/me/password {old, new}: it ends all other sessions.
func (d *Desk) changePassword(e *core.RequestEvent) error {
	var form struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if err := checkPassword("new", form.New); err != nil {
		return err
	}
	if err := d.checkOwnPassword(e, form.Old); err != nil {
		return err
	}
	e.Auth.SetPassword(form.New)
	err := e.App.RunInTransaction(func(tx core.App) error {
		if err := d.endSessions(tx, e.Auth.Id, Who(e).Session, Who(e).Email); err != nil {
			return err
		}
		return books.Save(tx, e.Auth)
	})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.NoContent(http.StatusNoContent)
}

// checkOwnPassword asks for the password again: a session that somebody has taken over is not enough. It is guessed no faster than at a login.
func (d *Desk) checkOwnPassword(e *core.RequestEvent, password string) error {
	if Who(e).Session == "" {
		return answer.Fail(answer.StaffSuperuser, nil)
	}
	account, address := "account "+e.Auth.Email(), "address "+limit.Widen(e.RealIP())
	if until := d.tries.take(d.Now(), account, address); !until.IsZero() {
		return answer.With(answer.StaffLocked, "until", until.UTC())
	}
	if !d.isPassword(e.Auth, password) {
		return answer.Fail(answer.StaffPasswordWrong, nil)
	}
	d.tries.giveBack(account, address)
	return nil
}

// sessionView is one login.
type sessionView struct {
	ID      string `json:"id"`
	Agent   string `json:"agent"`
	IP      string `json:"ip"`
	Created string `json:"created"`
	Seen    string `json:"seen"`
	Current bool   `json:"current"`
}

// listSessions handles GET /api/wx/admin/staff/{id}/sessions: one's own, and everybody's for owners.
func (d *Desk) listSessions(e *core.RequestEvent) error {
	who, id := Who(e), e.Request.PathValue("id")
	if id != who.ID && !who.Role.May(Staff) {
		return answer.Fail(answer.StaffNotFound, nil)
	}
	rows, err := e.App.FindAllRecords("wx_staff_sessions", dbx.HashExp{"staff": id, "endedAt": ""})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	items := []sessionView{}
	for _, r := range rows {
		if d.isOpen(r) {
			items = append(items, sessionView{
				ID: r.Id, Agent: r.GetString("agent"), IP: r.GetString("ip"), Created: moment(r.GetDateTime("created")),
				Seen: moment(r.GetDateTime("seenAt")), Current: r.Id == who.Session,
			})
		}
	}
	return answerItems(e, items)
}

// endSession handles DELETE /api/wx/admin/staff/sessions/{id}: one's own, and everybody's for owners.
func (d *Desk) endSession(e *core.RequestEvent) error {
	who := Who(e)
	s, err := e.App.FindRecordById("wx_staff_sessions", e.Request.PathValue("id"))
	if err != nil || s.GetString("staff") != who.ID && !who.Role.May(Staff) { // note: whose it is, only owners learn
		return answer.Fail(answer.StaffNotFound, err)
	}
	if err := d.endOne(s.Id, who.Email); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.NoContent(http.StatusNoContent)
}

func (d *Desk) endOne(session, by string) error {
	_, err := d.App.DB().Update("wx_staff_sessions", dbx.Params{"endedAt": stored(d.Now()), "endedBy": clip(by, 200)},
		dbx.HashExp{"id": session, "endedAt": ""}).Execute()
	if err != nil {
		return fmt.Errorf("end session %s: %w", session, err)
	}
	return nil
}

// countSessions counts the open sessions of everybody.
func (d *Desk) countSessions(app core.App) (map[string]int, error) {
	var rows []struct {
		Staff string `db:"staff"`
		N     int    `db:"n"`
	}
	err := app.DB().Select("staff", "COUNT(*) AS n").From("wx_staff_sessions").
		Where(dbx.NewExp("endedAt = '' AND endsAt > {:now} AND seenAt > {:idle}", dbx.Params{
			"now": stored(d.Now()), "idle": stored(d.Now().Add(-sessionIdle)),
		})).GroupBy("staff").All(&rows)
	if err != nil {
		return nil, fmt.Errorf("count sessions: %w", err)
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.Staff] = r.N
	}
	return counts, nil
}

// forgetSessions removes what nobody will ask about any more.
func (d *Desk) forgetSessions(app core.App) error {
	_, err := app.DB().Delete("wx_staff_sessions",
		dbx.NewExp("endsAt < {:before}", dbx.Params{"before": stored(d.Now().Add(-sessionMemory))})).Execute()
	if err != nil {
		return fmt.Errorf("forget old sessions: %w", err)
	}
	return nil
}
