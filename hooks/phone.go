package hooks

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// phoneForm is the body of POST /api/wx/phone: the code of the phone button, or the older encrypted pair.
type phoneForm struct {
	Code          string `json:"code"`
	EncryptedData string `json:"encryptedData"`
	IV            string `json:"iv"`
	AppID         string `json:"appid"`
}

// phone handles POST /api/wx/phone: it asks WeChat for the number behind the code and keeps it on the user. The answer of WeChat
// names no user, so the number belongs to whoever is signed in here.
//
// NB! each success on the phone costs the owner money, and a code works once: it is never sent a second time.
func (p *Plugin) phone(e *core.RequestEvent) error {
	var form phoneForm
	if err := e.BindBody(&form); err != nil {
		return asAnswer(err, errBadRequest)
	}
	app, identity, err := p.caller(e, form.AppID)
	if err != nil {
		return err
	}
	number, err := p.askPhone(e, form, app, identity)
	if err != nil {
		return asAnswer(err, errBusyHere)
	}
	user, err := e.App.FindRecordById("users", e.Auth.Id)
	if err != nil {
		return fail(errBusyHere, err)
	}
	user.Set("phone", number.PhoneNumber)
	user.Set("countryCode", number.CountryCode)
	if err := e.App.Save(user); err != nil {
		return fail(errBusyHere, err)
	}
	return e.JSON(http.StatusOK, map[string]string{
		"phoneNumber": number.PhoneNumber, "purePhoneNumber": number.PurePhoneNumber, "countryCode": number.CountryCode,
	})
}

// askPhone gets the number by the code or out of the encrypted pair; its errors are answers.
func (p *Plugin) askPhone(e *core.RequestEvent, form phoneForm, app settings.App, identity *core.Record) (wechat.Phone, error) {
	if form.Code != "" {
		conclude, err := p.spendDaily(e.App, p.daily("phones", e.Auth.Id, p.limits.PhonesPerDay), 1, errPhoneLimit, "day")
		if err != nil {
			return wechat.Phone{}, err
		}
		number, err := p.clients.wechatFor(app).PhoneNumber(e.Request.Context(), form.Code)
		conclude(err)
		if err != nil {
			return number, failCode(err)
		}
		return number, nil
	}
	data, err := p.decrypt(identity, app.AppID, form.EncryptedData, form.IV)
	if err != nil {
		return wechat.Phone{}, failWechat(err)
	}
	number, err := data.Phone()
	if err != nil { // genuine, but no phone number: the client sent other data
		return number, fail(errDataMalformed, err)
	}
	return number, nil
}
