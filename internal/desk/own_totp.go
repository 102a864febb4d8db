package desk

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"image/png"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/limit"
)

// codeSeconds is how long a code of an authenticator lives.
const codeSeconds = 30

// totpPlace is where the vault takes the secret of a person to be.
func totpPlace(staff *core.Record) string { return "wx_staff/" + staff.Id + "/totpSecret" }

// beginTOTP handles POST /api/wx/admin/staff/me/totp: it makes a secret, which counts once it is confirmed. This is the only time that it is
// shown.
func (p *ownPage) beginTOTP(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	if Who(e).Session == "" {
		return answer.Fail(answer.StaffSuperuser, nil)
	}
	preferences, err := LoadPreferences(p.App)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	issuer := preferences.Shop
	if issuer == "" {
		issuer = p.App.Settings().Meta.AppName
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: e.Auth.Email(), Period: codeSeconds})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	sealed, err := p.vault().Seal(totpPlace(e.Auth), key.Secret())
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	e.Auth.Set("totpWaiting", sealed)
	if err := books.Save(e.App, e.Auth); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	image, err := pictureOf(key)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]any{"secret": key.Secret(), "url": key.URL(), "image": image})
}

// pictureOf is the QR code that an authenticator reads, as an address with the picture in it.
func pictureOf(key *otp.Key) (string, error) {
	img, err := key.Image(240, 240)
	if err != nil {
		return "", fmt.Errorf("draw code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", fmt.Errorf("encode code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// confirmTOTP handles POST /api/wx/admin/staff/me/totp/confirm {code}: the secret that waits becomes the one that counts.
func (p *ownPage) confirmTOTP(e *core.RequestEvent) error {
	var form struct {
		Code string `json:"code"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if Who(e).Session == "" || e.Auth.GetString("totpWaiting") == "" {
		return answer.Fail(answer.StaffTOTPNone, nil)
	}
	if until := p.tries.take(p.Now(), "confirm "+e.Auth.Id, "confirm at "+limit.Widen(e.RealIP())); !until.IsZero() {
		return answer.With(answer.StaffLocked, "until", until.UTC())
	}
	step, err := p.stepOf(e.Auth, e.Auth.GetString("totpWaiting"), form.Code)
	if err != nil {
		return asAnswer(err)
	}
	e.Auth.Set("totpSecret", e.Auth.GetString("totpWaiting"))
	e.Auth.Set("totpWaiting", "")
	e.Auth.Set("totpStep", step)
	if err := books.Save(e.App, e.Auth); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	p.tries.giveBack("confirm "+e.Auth.Id, "confirm at "+limit.Widen(e.RealIP()))
	return e.NoContent(http.StatusNoContent)
}

// removeTOTP handles DELETE /api/wx/admin/staff/me/totp {password}.
func (p *ownPage) removeTOTP(e *core.RequestEvent) error {
	var form struct {
		Password string `json:"password"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if err := p.checkOwnPassword(e, form.Password); err != nil {
		return err
	}
	if e.Auth.GetString("totpSecret") == "" {
		return answer.Fail(answer.StaffTOTPNone, nil)
	}
	e.Auth.Set("totpSecret", "")
	e.Auth.Set("totpWaiting", "")
	if err := books.Save(e.App, e.Auth); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.NoContent(http.StatusNoContent)
}

// spendCode accepts a code of an authenticator once.
func (p *ownPage) spendCode(staff *core.Record, code string) error {
	step, err := p.stepOf(staff, staff.GetString("totpSecret"), code)
	if err != nil {
		return err
	}
	done, err := p.App.DB().Update("wx_staff", dbx.Params{"totpStep": step},
		dbx.And(dbx.HashExp{"id": staff.Id}, dbx.NewExp("[[totpStep]] < {:step}", dbx.Params{"step": step}))).Execute()
	if err != nil {
		return fmt.Errorf("keep the code's step: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return answer.Fail(answer.StaffCodeInvalid, err)
	}
	return nil
}

// stepOf is the time step whose code this is: now's, or one before or after it, for clocks that are a little off.
func (p *ownPage) stepOf(staff *core.Record, sealed, code string) (step int64, err error) {
	secret, err := p.vault().Open(totpPlace(staff), sealed)
	if err != nil {
		return 0, fmt.Errorf("open the secret of %s: %w", staff.Id, err)
	}
	for _, off := range []int64{0, -1, 1} {
		at := p.Now().Add(time.Duration(off) * codeSeconds * time.Second)
		want, err := totp.GenerateCode(secret, at)
		if err != nil {
			return 0, fmt.Errorf("make the code of %s: %w", staff.Id, err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return at.Unix() / codeSeconds, nil
		}
	}
	return 0, answer.Fail(answer.StaffCodeInvalid, nil)
}
