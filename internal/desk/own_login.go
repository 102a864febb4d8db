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
	"wxbase/internal/settings"
)

// ownPage is what everybody of staff does for themselves: sign in and out, change the password, a second factor.
type ownPage struct {
	kit

	simulated bool
	vault     func() *settings.Vault // there once the app has booted
	sessions  *sessions
	audit     *auditTrail
	tries     *tries
	hashing   chan struct{} // passwords that are compared at this moment
	nobody    func() []byte // a hash that no password has
}

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
func (p *ownPage) login(e *core.RequestEvent) error {
	var form loginForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	email := strings.ToLower(strings.TrimSpace(form.Email))
	account, address := "account "+email, "address "+limit.Widen(e.RealIP())
	if until := p.tries.take(p.Now(), account, address); !until.IsZero() {
		return answer.With(answer.StaffLocked, "until", until.UTC())
	}
	staff, err := p.checkLogin(email, form)
	if err == nil {
		p.tries.giveBack(account, address)
		return p.answerLogin(e, staff)
	}
	actor := Actor{Email: knownPart(email)}
	if staff != nil {
		actor.ID, actor.Role = staff.Id, Role(staff.GetString("role"))
	}
	refusal := asAnswer(err)
	if isWish(err) {
		p.tries.pause(account, address)
	} else {
		p.audit.leaveRow(e, actor, "staff.login", statusOf(e, refusal))
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
func (p *ownPage) checkLogin(email string, form loginForm) (*core.Record, error) {
	staff, err := p.App.FindAuthRecordByEmail("wx_staff", email)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	isRight := p.isPassword(staff, form.Password)
	if staff == nil || !isRight || staff.GetBool("disabled") {
		return staff, answer.Fail(answer.StaffLoginInvalid, nil)
	}
	if staff.GetString("totpSecret") == "" {
		return staff, nil
	}
	if form.Code == "" {
		return staff, answer.Fail(answer.StaffCodeWanted, nil)
	}
	return staff, p.spendCode(staff, form.Code)
}

// isPassword compares a password, with as much work where there is no account. Two at a time: each costs a core some 50 ms.
func (p *ownPage) isPassword(staff *core.Record, password string) bool {
	p.hashing <- struct{}{}
	defer func() { <-p.hashing }()
	if staff == nil {
		_ = bcrypt.CompareHashAndPassword(p.nobody(), []byte(password)) // never equal: nobody knows what it is the hash of
		return false
	}
	return staff.ValidatePassword(password)
}

func (p *ownPage) answerLogin(e *core.RequestEvent, staff *core.Record) error {
	if err := p.sessions.forgetSessions(p.App); err != nil {
		p.App.Logger().Warn("old sessions not removed", "error", err.Error())
	}
	token, err := p.sessions.openSession(e, staff)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	actor := Actor{ID: staff.Id, Email: staff.Email(), Role: Role(staff.GetString("role"))}
	About(e, staff.Id, staff.Email())
	p.audit.leaveRow(e, actor, "staff.login", http.StatusOK)
	me, err := p.viewMe(actor, staff)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]any{"token": token, "me": me})
}

// showMe handles GET /api/wx/admin/staff/me.
func (p *ownPage) showMe(e *core.RequestEvent) error {
	me, err := p.viewMe(Who(e), e.Auth)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, me)
}

func (p *ownPage) viewMe(actor Actor, r *core.Record) (meView, error) {
	preferences, err := LoadPreferences(p.App)
	if err != nil {
		return meView{}, err
	}
	shop := preferences.Shop
	if shop == "" {
		shop = p.App.Settings().Meta.AppName
	}
	return meView{
		ID: actor.ID, Email: actor.Email, Name: r.GetString("name"), Role: actor.Role, Permissions: actor.Role.Permissions(),
		TOTP: r.GetString("totpSecret") != "", Simulated: p.simulated, Shop: shop,
	}, nil
}

// logout handles POST /api/wx/admin/staff/logout: it ends the session that asks.
func (p *ownPage) logout(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	who := Who(e)
	if who.Session == "" {
		return answer.Fail(answer.StaffSuperuser, nil)
	}
	if err := p.sessions.endOne(who.Session, who.Email); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.NoContent(http.StatusNoContent)
}
