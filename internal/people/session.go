package people

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// How far the watermark of open data may be from now. WeChat makes it when the phone asks for the data, not when the data arrives.
const (
	openDataAge    = 10 * time.Minute
	openDataFuture = 5 * time.Minute
)

// CheckSession handles GET /api/wx/session: is the session key that we hold still the one of the phone? A client asks before it fetches
// encrypted data, and logs in first when the answer is no.
func (w *People) CheckSession(e *core.RequestEvent) error {
	app, identity, err := w.caller(e, e.Request.URL.Query().Get("appid"))
	if err != nil {
		return err
	}
	key, err := w.sessionKey(identity, "sessionKey")
	if err != nil {
		return e.JSON(http.StatusOK, map[string]bool{"valid": false}) // the key of our vault has changed
	}
	valid, err := w.Accounts.Wechat(app).CheckSession(e.Request.Context(), identity.GetString("openid"), key)
	if err != nil {
		return answer.FromWechat(err)
	}
	return e.JSON(http.StatusOK, map[string]bool{"valid": valid})
}

// ResetSession handles POST /api/wx/session/reset: WeChat makes a new session key, and what was encrypted with the old one is worth nothing.
func (w *People) ResetSession(e *core.RequestEvent) error {
	var form struct {
		AppID string `json:"appid"`
	}
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	app, identity, err := w.caller(e, form.AppID)
	if err != nil {
		return err
	}
	key, err := w.sessionKey(identity, "sessionKey")
	if err != nil {
		return answer.Fail(answer.SessionStale, err)
	}
	session, err := w.Accounts.Wechat(app).ResetSession(e.Request.Context(), identity.GetString("openid"), key)
	if err != nil {
		return answer.FromWechat(err)
	}
	if err := w.refreshIdentity(e.App, identity, session); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]bool{"ok": true})
}

// DecryptData handles POST /api/wx/decrypt: open data of every kind (openGId, WeRun, user info), with the watermark checked.
func (w *People) DecryptData(e *core.RequestEvent) error {
	var form struct {
		EncryptedData string `json:"encryptedData"`
		IV            string `json:"iv"`
		AppID         string `json:"appid"`
	}
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	app, identity, err := w.caller(e, form.AppID)
	if err != nil {
		return err
	}
	data, err := w.decrypt(identity, app.AppID, form.EncryptedData, form.IV)
	if err != nil {
		return answer.FromWechat(err)
	}
	return e.JSON(http.StatusOK, map[string]json.RawMessage{"data": data.JSON})
}

// LogoutEverywhere handles POST /api/wx/logout: every token of the user stops working at once, on every device.
func (w *People) LogoutEverywhere(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	user, err := books.ByID(e.App, "users", e.Auth.Id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	user.RefreshTokenKey()
	if err := books.Save(e.App, user); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.NoContent(http.StatusNoContent)
}

// caller is the mini program that a signed-in user comes from, and who they are there.
func (w *People) caller(e *core.RequestEvent, appID string) (settings.App, *core.Record, error) {
	identity, err := IdentityOf(e.App, e.Auth.Id, appID)
	if err != nil {
		return settings.App{}, nil, answer.Fail(answer.IdentityMissing, err)
	}
	app, err := w.Accounts.Settings.App(identity.GetString("appid"))
	if err != nil {
		return app, nil, answer.FromWechat(err)
	}
	return app, identity, nil
}

// decrypt opens what the phone encrypted, with the session key of now or the one before: the key may have changed between the
// moment the data was made and its arrival.
func (w *People) decrypt(identity *core.Record, appID, encryptedData, iv string) (wechat.OpenData, error) {
	for _, field := range []string{"sessionKey", "previousSessionKey"} {
		key, keyErr := w.sessionKey(identity, field)
		if keyErr != nil || key == "" {
			continue
		}
		data, err := wechat.DecryptOpenData(key, encryptedData, iv, appID)
		if err == nil {
			return data, w.checkFresh(data)
		}
		if !errors.Is(err, wechat.ErrDecrypt) || errors.Is(err, wechat.ErrMalformed) {
			return data, err // not to be opened by any key
		}
	}
	return wechat.OpenData{}, wechat.ErrDecrypt
}

// checkFresh refuses open data that was made long ago: it was caught somewhere and is played again.
func (w *People) checkFresh(data wechat.OpenData) error {
	age := w.Now().Sub(data.Timestamp)
	if age > openDataAge || age < -openDataFuture {
		return wechat.ErrWatermark
	}
	return nil
}
