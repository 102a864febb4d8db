package desk

// How staff sign in. What a guesser sees depends on neither whether the address is known nor on whether the account is closed: the same
// words, after the work of one bcrypt, and the same lock after the same number of tries. The wish for a second factor comes only after the
// password was right.

import (
	"database/sql"
	"errors"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/crypto/bcrypt"

	"wxbase/internal/answer"
	"wxbase/internal/limit"
)

// loginForm is the body of POST /api/wx/admin/staff/login.
type loginForm struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Code     string `json:"code"`
}

// meView is who is signed in.
type meView struct {
	ID          string       `json:"id"`
	Email       string       `json:"email"`
	Name        string       `json:"name"`
	Role        Role         `json:"role"`
	Permissions []Permission `json:"permissions"`
	TOTP        bool         `json:"totp"`
	Simulated   bool         `json:"simulated"`
	Shop        string       `json:"shop"`
}

// login handles POST /api/wx/admin/staff/login.
func (d *Desk) login(e *core.RequestEvent) error {
	var form loginForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	email := strings.ToLower(strings.TrimSpace(form.Email))
	account, address := "account "+email, "address "+limit.Widen(e.RealIP())
	if until := d.tries.take(d.Now(), account, address); !until.IsZero() {
		return answer.With(answer.StaffLocked, "until", until.UTC())
	}
	staff, err := d.checkLogin(email, form)
	if err == nil {
		d.tries.giveBack(account, address)
		return d.answerLogin(e, staff)
	}
	actor := Actor{Email: knownPart(email)}
	if staff != nil {
		actor.ID, actor.Role = staff.Id, Role(staff.GetString("role"))
	}
	refusal := asAnswer(err)
	if isWish(err) {
		d.tries.pause(account, address)
	} else {
		d.leaveRow(e, actor, "staff.login", statusOf(e, refusal))
	}
	return refusal
}

// knownPart keeps a password that somebody typed into the wrong field out of the audit.
func knownPart(email string) string {
	if isAddress(email) {
		return email
	}
	return ""
}

// isWish tells whether the password was right and only the code is missing.
func isWish(err error) bool { return codeOf(err) == answer.StaffCodeWanted.Code }

// checkLogin finds the account that a form opens. The record comes with an error too, where there is one.
func (d *Desk) checkLogin(email string, form loginForm) (*core.Record, error) {
	staff, err := d.App.FindAuthRecordByEmail("wx_staff", email)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	isRight := d.isPassword(staff, form.Password)
	if staff == nil || !isRight || staff.GetBool("disabled") {
		return staff, answer.Fail(answer.StaffLoginInvalid, nil)
	}
	if staff.GetString("totpSecret") == "" {
		return staff, nil
	}
	if form.Code == "" {
		return staff, answer.Fail(answer.StaffCodeWanted, nil)
	}
	return staff, d.spendCode(staff, form.Code)
}

// isPassword compares a password, with as much work where there is no account. Two at a time: each costs a core some 50 ms.
func (d *Desk) isPassword(staff *core.Record, password string) bool {
	d.hashing <- struct{}{}
	defer func() { <-d.hashing }()
	if staff == nil {
		_ = bcrypt.CompareHashAndPassword(d.nobody(), []byte(password)) // never equal: nobody knows what it is the hash of
		return false
	}
	return staff.ValidatePassword(password)
}

func (d *Desk) answerLogin(e *core.RequestEvent, staff *core.Record) error {
	if err := d.forgetSessions(d.App); err != nil {
		d.App.Logger().Warn("old sessions not removed", "error", err.Error())
	}
	token, err := d.openSession(e, staff)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	actor := Actor{ID: staff.Id, Email: staff.Email(), Role: Role(staff.GetString("role"))}
	About(e, staff.Id, staff.Email())
	d.leaveRow(e, actor, "staff.login", http.StatusOK)
	me, err := d.viewMe(actor, staff)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]any{"token": token, "me": me})
}

// showMe handles GET /api/wx/admin/staff/me.
func (d *Desk) showMe(e *core.RequestEvent) error {
	me, err := d.viewMe(Who(e), e.Auth)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, me)
}

func (d *Desk) viewMe(actor Actor, r *core.Record) (meView, error) {
	preferences, err := LoadPreferences(d.App)
	if err != nil {
		return meView{}, err
	}
	shop := preferences.Shop
	if shop == "" {
		shop = d.App.Settings().Meta.AppName
	}
	return meView{
		ID: actor.ID, Email: actor.Email, Name: r.GetString("name"), Role: actor.Role, Permissions: actor.Role.Permissions(),
		TOTP: r.GetString("totpSecret") != "", Simulated: d.Simulated, Shop: shop,
	}, nil
}

// logout handles POST /api/wx/admin/staff/logout: it ends the session that asks.
func (d *Desk) logout(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	who := Who(e)
	if who.Session == "" {
		return answer.Fail(answer.StaffSuperuser, nil)
	}
	if err := d.endOne(who.Session, who.Email); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.NoContent(http.StatusNoContent)
}
