package desk

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// staffPage is where owners keep the accounts of staff.
type staffPage struct {
	kit

	sessions *sessions
}

// listRoles handles GET /api/wx/admin/roles: the table of who may do what.
func (p *staffPage) listRoles(e *core.RequestEvent) error {
	return e.JSON(http.StatusOK, map[string]any{"roles": allowed})
}

// staffView is an account as owners see it.
type staffView struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Name     string `json:"name"`
	Role     Role   `json:"role"`
	Disabled bool   `json:"disabled"`
	TOTP     bool   `json:"totp"`
	LastSeen string `json:"lastSeen"`
	Sessions int    `json:"sessions"`
	Created  string `json:"created"`
}

func viewStaff(r *core.Record, sessions int) staffView {
	return staffView{
		ID: r.Id, Email: r.Email(), Name: r.GetString("name"), Role: Role(r.GetString("role")), Disabled: r.GetBool("disabled"),
		TOTP: r.GetString("totpSecret") != "", LastSeen: moment(r.GetDateTime("seenAt")), Sessions: sessions, Created: moment(r.GetDateTime("created")),
	}
}

// listStaff handles GET /api/wx/admin/staff.
func (p *staffPage) listStaff(e *core.RequestEvent) error {
	var rows []*core.Record
	if err := e.App.RecordQuery("wx_staff").OrderBy("created", "id").All(&rows); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	sessions, err := p.sessions.countSessions(e.App)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return answerItems(e, each(rows, func(r *core.Record) staffView { return viewStaff(r, sessions[r.Id]) }))
}

// staffForm is the body of POST and PATCH staff. What is left out stays as it is.
type staffForm struct {
	Email    *string `json:"email"`
	Name     *string `json:"name"`
	Role     *Role   `json:"role"`
	Password *string `json:"password"`
	Disabled *bool   `json:"disabled"`
	TOTP     *bool   `json:"totp"` // false takes a lost authenticator away
}

func (f staffForm) check() error {
	switch {
	case f.Email != nil && !isAddress(*f.Email):
		return answer.Field(answer.FieldInvalid, "email", "an e-mail address")
	case f.Name != nil && utf8.RuneCountInString(*f.Name) > 100:
		return answer.Field(answer.FieldInvalid, "name", "at most 100 characters")
	case f.Role != nil && !slices.Contains(roles, *f.Role):
		return answer.Field(answer.FieldInvalid, "role", "owner, manager, clerk, finance or viewer")
	case f.TOTP != nil && *f.TOTP:
		return answer.Field(answer.FieldInvalid, "totp", "false: everybody sets up their own authenticator")
	case f.Password != nil:
		return checkPassword("password", *f.Password)
	}
	return nil
}

func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text && len(text) <= 200
}

// checkPassword: bcrypt reads 72 bytes.
func checkPassword(field, password string) error {
	if utf8.RuneCountInString(password) < 10 || len(password) > 71 {
		return answer.Field(answer.FieldInvalid, field, "at least 10 characters and at most 71 bytes")
	}
	return nil
}

// fill puts a form into an account, and tells whether its sessions have to end.
func (f staffForm) fill(r *core.Record) (endsSessions bool) {
	if f.Email != nil {
		r.SetEmail(strings.ToLower(*f.Email))
	}
	if f.Name != nil {
		r.Set("name", *f.Name)
	}
	if f.Role != nil && Role(r.GetString("role")) != *f.Role {
		r.Set("role", string(*f.Role))
		endsSessions = true
	}
	if f.Disabled != nil && r.GetBool("disabled") != *f.Disabled {
		r.Set("disabled", *f.Disabled)
		endsSessions = true
	}
	if f.TOTP != nil {
		r.Set("totpSecret", "")
		r.Set("totpWaiting", "")
		endsSessions = true
	}
	if f.Password != nil {
		r.SetPassword(*f.Password)
		endsSessions = true
	}
	return endsSessions
}

// createStaff handles POST /api/wx/admin/staff.
func (p *staffPage) createStaff(e *core.RequestEvent) error {
	var form staffForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	for field, missing := range map[string]bool{"email": form.Email == nil, "role": form.Role == nil, "password": form.Password == nil} {
		if missing {
			return answer.Field(answer.FieldInvalid, field, "needed")
		}
	}
	if err := form.check(); err != nil {
		return err
	}
	c, err := e.App.FindCachedCollectionByNameOrId("wx_staff")
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	r := core.NewRecord(c)
	form.fill(r)
	if err := p.saveStaff(e.App, r); err != nil {
		return asAnswer(err)
	}
	About(e, r.Id, r.Email())
	Note(e, "role", r.GetString("role"))
	return e.JSON(http.StatusOK, viewStaff(r, 0))
}

// saveStaff writes an account whose address nobody else has.
func (p *staffPage) saveStaff(app core.App, r *core.Record) error {
	others, err := app.CountRecords("wx_staff", dbx.HashExp{"email": r.Email()}, dbx.Not(dbx.HashExp{"id": r.Id}))
	if err != nil {
		return fmt.Errorf("look for the address: %w", err)
	}
	if others > 0 {
		return answer.Fail(answer.StaffEmailUsed, nil)
	}
	return books.Save(app, r)
}

// changeStaff handles PATCH /api/wx/admin/staff/{id}. Another role, another password, a lost authenticator and a lock end all sessions.
func (p *staffPage) changeStaff(e *core.RequestEvent) error {
	var form staffForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if form.Email != nil {
		return answer.Field(answer.FieldInvalid, "email", "an account keeps its address")
	}
	if err := form.check(); err != nil {
		return err
	}
	var r *core.Record
	err := e.App.RunInTransaction(func(tx core.App) (err error) {
		if r, err = staffByID(tx, e.Request.PathValue("id")); err != nil {
			return err
		}
		wasOwner := isActiveOwner(r)
		ends := form.fill(r)
		if wasOwner && !isActiveOwner(r) {
			if err := keepAnOwner(tx, r.Id); err != nil {
				return err
			}
		}
		if ends {
			if err := p.sessions.endSessions(tx, r.Id, "", Who(e).Email); err != nil {
				return err
			}
		}
		return p.saveStaff(tx, r)
	})
	if err != nil {
		return asAnswer(err)
	}
	About(e, r.Id, r.Email())
	noteForm(e, form)
	return p.answerStaff(e, r)
}

// noteForm tells the audit what was changed, and of a password only that it was.
func noteForm(e *core.RequestEvent, form staffForm) {
	if form.Role != nil {
		Note(e, "role", *form.Role)
	}
	if form.Disabled != nil {
		Note(e, "disabled", *form.Disabled)
	}
	if form.Name != nil {
		Note(e, "name", *form.Name)
	}
	if form.Password != nil {
		Note(e, "password", "changed")
	}
	if form.TOTP != nil {
		Note(e, "totp", "removed")
	}
}

func (p *staffPage) answerStaff(e *core.RequestEvent, r *core.Record) error {
	sessions, err := p.sessions.countSessions(e.App)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, viewStaff(r, sessions[r.Id]))
}

// removeStaff handles DELETE /api/wx/admin/staff/{id}. What they did stays in the audit.
func (p *staffPage) removeStaff(e *core.RequestEvent) error {
	err := e.App.RunInTransaction(func(tx core.App) error {
		r, err := staffByID(tx, e.Request.PathValue("id"))
		if err != nil {
			return err
		}
		About(e, r.Id, r.Email())
		if isActiveOwner(r) {
			if err := keepAnOwner(tx, r.Id); err != nil {
				return err
			}
		}
		return tx.Delete(r)
	})
	if err != nil {
		return asAnswer(err)
	}
	return e.NoContent(http.StatusNoContent)
}

func staffByID(app core.App, id string) (*core.Record, error) {
	r, err := app.FindRecordById("wx_staff", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.StaffNotFound, nil)
	}
	return r, err
}

func isActiveOwner(r *core.Record) bool {
	return Role(r.GetString("role")) == Owner && !r.GetBool("disabled")
}

// keepAnOwner refuses what would leave the shop without an owner who can sign in.
func keepAnOwner(tx core.App, but string) error {
	others, err := tx.CountRecords("wx_staff", dbx.HashExp{"role": string(Owner), "disabled": false}, dbx.Not(dbx.HashExp{"id": but}))
	if err != nil {
		return fmt.Errorf("count owners: %w", err)
	}
	if others == 0 {
		return answer.Fail(answer.StaffLastOwner, nil)
	}
	return nil
}
