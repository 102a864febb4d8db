package desk

import (
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/limit"
)

// changePassword handles POST /api/wx/admin/staff/me/password {old, new}: it ends all other sessions.
func (p *ownPage) changePassword(e *core.RequestEvent) error {
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
	if err := p.checkOwnPassword(e, form.Old); err != nil {
		return err
	}
	e.Auth.SetPassword(form.New)
	err := e.App.RunInTransaction(func(tx core.App) error {
		if err := p.sessions.endSessions(tx, e.Auth.Id, Who(e).Session, Who(e).Email); err != nil {
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
func (p *ownPage) checkOwnPassword(e *core.RequestEvent, password string) error {
	if Who(e).Session == "" {
		return answer.Fail(answer.StaffSuperuser, nil)
	}
	account, address := "account "+e.Auth.Email(), "address "+limit.Widen(e.RealIP())
	if until := p.tries.take(p.Now(), account, address); !until.IsZero() {
		return answer.With(answer.StaffLocked, "until", until.UTC())
	}
	if !p.isPassword(e.Auth, password) {
		return answer.Fail(answer.StaffPasswordWrong, nil)
	}
	p.tries.giveBack(account, address)
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
func (p *ownPage) listSessions(e *core.RequestEvent) error {
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
		if p.sessions.isOpen(r) {
			items = append(items, sessionView{
				ID: r.Id, Agent: r.GetString("agent"), IP: r.GetString("ip"), Created: moment(r.GetDateTime("created")),
				Seen: moment(r.GetDateTime("seenAt")), Current: r.Id == who.Session,
			})
		}
	}
	return answerItems(e, items)
}

// endSession handles DELETE /api/wx/admin/staff/sessions/{id}: one's own, and everybody's for owners.
func (p *ownPage) endSession(e *core.RequestEvent) error {
	who := Who(e)
	s, err := e.App.FindRecordById("wx_staff_sessions", e.Request.PathValue("id"))
	if err != nil || s.GetString("staff") != who.ID && !who.Role.May(Staff) { // note: whose it is, only owners learn
		return answer.Fail(answer.StaffNotFound, err)
	}
	if err := p.sessions.endOne(s.Id, who.Email); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.NoContent(http.StatusNoContent)
}
