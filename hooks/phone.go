package hooks

import (
	"context"
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
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
// names no user, so the number belongs to whoever is signed in here. Who did not get the answer sends the same code again.
//
// NB! each success on the phone costs the owner money, and a code works once: it is never sent to WeChat a second time.
func (p *Plugin) phone(e *core.RequestEvent) error {
	var form phoneForm
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	app, identity, err := p.caller(e, form.AppID)
	if err != nil {
		return err
	}
	key := phoneKey(app.AppID, e.Auth.Id, form.Code)
	defer p.phones.locks.lock(key)()
	found, err := p.askPhone(e, form, app, identity, key)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	if !found.kept {
		if err := keepPhone(e.App, e.Auth.Id, found.number); err != nil {
			return answer.Fail(answer.Busy, err)
		}
		found.kept = true
		p.rememberPhone(form, key, found)
	}
	number := found.number
	return e.JSON(http.StatusOK, map[string]string{
		"phoneNumber": number.PhoneNumber, "purePhoneNumber": number.PurePhoneNumber, "countryCode": number.CountryCode,
	})
}

func keepPhone(app core.App, userID string, number wechat.Phone) error {
	user, err := app.FindRecordById("users", userID)
	if err != nil {
		return err
	}
	user.Set("phone", number.PhoneNumber)
	user.Set("countryCode", number.CountryCode)
	return save(app, user)
}

// rememberPhone keeps the result of a code; encrypted data can be opened as often as one likes.
func (p *Plugin) rememberPhone(form phoneForm, key string, found pastPhone) {
	if form.Code != "" {
		p.phones.keep(key, found, p.now())
	}
}

// askPhone gets the number by the code or out of the encrypted pair; its errors are answers.
func (p *Plugin) askPhone(e *core.RequestEvent, form phoneForm, app settings.App, identity *core.Record, key string) (pastPhone, error) {
	if form.Code != "" {
		return p.tradePhone(e, form, app, key)
	}
	data, err := p.decrypt(identity, app.AppID, form.EncryptedData, form.IV)
	if err != nil {
		return pastPhone{}, answer.FromWechat(err)
	}
	number, err := data.Phone()
	if err != nil { // genuine, but no phone number: the client sent other data
		return pastPhone{}, answer.Fail(answer.DataMalformed, err)
	}
	return pastPhone{number: number}, nil
}

// tradePhone asks WeChat for the number of a code, or remembers that it has asked.
func (p *Plugin) tradePhone(e *core.RequestEvent, form phoneForm, app settings.App, key string) (pastPhone, error) {
	if past, ok := p.phones.recall(key, p.now()); ok {
		return past, nil
	}
	conclude, err := p.spendDaily(e.App, p.daily("phones", e.Auth.Id, p.limits.PhonesPerDay), 1, answer.PhoneLimit, "day")
	if err != nil {
		return pastPhone{}, err
	}
	// note: a client that gives up must not tear up the answer: the code is spent, and paid for, by then
	number, err := p.clients.wechatFor(app).PhoneNumber(context.WithoutCancel(e.Request.Context()), form.Code)
	conclude(err)
	if err != nil {
		return pastPhone{}, answer.FromCode(err)
	}
	found := pastPhone{number: number}
	p.rememberPhone(form, key, found)
	return found, nil
}
