package people

import (
	"context"
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// phoneForm is the body of POST /api/wx/phone: the code of the phone button, or the older encrypted pair.
type phoneForm struct {
	Code          string `json:"code"`
	EncryptedData string `json:"encryptedData"`
	IV            string `json:"iv"`
	AppID         string `json:"appid"`
	Errno         int    `json:"errno"` // of the button where it failed, without the rest
}

// errnoNoPackage is what the phone button says when the owner's package of numbers is used up.
const errnoNoPackage = 1400001

// Phone handles POST /api/wx/phone: it asks WeChat for the number behind the code and keeps it on the user. The answer of WeChat
// names no user, so the number belongs to whoever is signed in here. Who did not get the answer sends the same code again.
//
// NB! each success on the phone costs the owner money, and a code works once: it is never sent to WeChat a second time.
func (w *People) Phone(e *core.RequestEvent) error {
	var form phoneForm
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	if form.Code == "" && form.EncryptedData == "" && form.Errno == errnoNoPackage {
		return answer.Fail(answer.PhoneQuota, nil)
	}
	app, identity, err := w.caller(e, form.AppID)
	if err != nil {
		return err
	}
	key := phoneKey(app.AppID, e.Auth.Id, form.Code)
	defer w.phones.locks.Lock(key)()
	found, err := w.askPhone(e, form, app, identity, key)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	if !found.kept {
		if err := keepPhone(e.App, e.Auth.Id, found.number); err != nil {
			return answer.Fail(answer.Busy, err)
		}
		found.kept = true
		w.rememberPhone(form, key, found)
	}
	number := found.number
	return e.JSON(http.StatusOK, map[string]string{
		"phoneNumber": number.PhoneNumber, "purePhoneNumber": number.PurePhoneNumber, "countryCode": number.CountryCode,
	})
}

func keepPhone(app core.App, userID string, number wechat.Phone) error {
	user, err := books.ByID(app, "users", userID)
	if err != nil {
		return err
	}
	user.Set("phone", number.PhoneNumber)
	user.Set("countryCode", number.CountryCode)
	return books.Write(app, user)
}

// rememberPhone keeps the result of a code; encrypted data can be opened as often as one likes.
func (w *People) rememberPhone(form phoneForm, key string, found pastPhone) {
	if form.Code != "" {
		w.phones.Keep(key, found, w.Now())
	}
}

// askPhone gets the number by the code or out of the encrypted pair; its errors are answers.
func (w *People) askPhone(e *core.RequestEvent, form phoneForm, app settings.App, identity *core.Record, key string) (pastPhone, error) {
	if form.Code != "" {
		return w.tradePhone(e, form, app, key)
	}
	data, err := w.decrypt(identity, app.AppID, form.EncryptedData, form.IV)
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
func (w *People) tradePhone(e *core.RequestEvent, form phoneForm, app settings.App, key string) (pastPhone, error) {
	if past, ok := w.phones.Recall(key, w.Now()); ok {
		return past, nil
	}
	conclude, err := w.Books.SpendDaily(e.App, w.Books.Daily("phones", e.Auth.Id, w.Limits.PhonesPerDay), 1, answer.PhoneLimit, "day")
	if err != nil {
		return pastPhone{}, err
	}
	// note: a client that gives up must not tear up the answer: the code is spent, and paid for, by then
	number, err := w.Accounts.Wechat(app).PhoneNumber(context.WithoutCancel(e.Request.Context()), form.Code)
	conclude(err)
	if err != nil {
		return pastPhone{}, answer.FromCode(err)
	}
	found := pastPhone{number: number}
	w.rememberPhone(form, key, found)
	return found, nil
}
