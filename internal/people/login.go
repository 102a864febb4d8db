package people

import (
	"context"
	"encoding/json"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// anonymousName is WeChat's name for people who have not chosen one; it is not kept.
const anonymousName = "微信用户"

// loginForm is the body of POST /api/wx/login.
type loginForm struct {
	Code          string  `json:"code"`
	AppID         string  `json:"appid"`
	RawData       *string `json:"rawData"`
	Signature     *string `json:"signature"`
	EncryptedData *string `json:"encryptedData"`
	IV            *string `json:"iv"`
	Scene         string  `json:"scene"` // of a code that the person opened before they logged in
}

// Login handles POST /api/wx/login: it trades the code of wx.login for an openid and a session key, checks what the client signed
// or encrypted with that key, and answers like every login of PocketBase. The session key stays here.
func (w *People) Login(e *core.RequestEvent) error {
	var form loginForm
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	if form.Code == "" || len(form.Code) > 128 {
		return answer.Fail(answer.CodeInvalid, nil)
	}
	app, err := w.Accounts.Settings.App(form.AppID)
	if err != nil {
		return answer.FromWechat(err)
	}
	key := loginKey(app.AppID, e.RealIP(), form.Code)
	defer w.logins.locks.Lock(key)()
	past, err := w.tradeCode(e.Request.Context(), app, key, form.Code)
	if err != nil {
		return err
	}
	user, err := w.identify(e.App, app, form, key, &past)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	if user.GetBool("blocked") {
		return answer.Fail(answer.UserBlocked, nil)
	}
	takenBack, err := w.OnReturn(e.App, user.Id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	w.OnScene(e.App, form.Scene, user.Id)
	event := &events.LoginEvent{App: e.App, Request: e, User: user, AppID: app.AppID, OpenID: past.session.OpenID, UnionID: past.session.UnionID, IsNew: past.isNew}
	return w.OnLogin.Trigger(event, func(le *events.LoginEvent) error {
		meta := map[string]any{"isNew": le.IsNew, "appid": le.AppID, "openid": le.OpenID}
		if le.UnionID != "" {
			meta["unionid"] = le.UnionID
		}
		if takenBack {
			meta["forgetWithdrawn"] = true
		}
		return apis.RecordAuthResponse(e, le.User, "", meta)
	})
}

// tradeCode asks WeChat whose code it is, or remembers that it has asked.
func (w *People) tradeCode(ctx context.Context, app settings.App, key, code string) (PastLogin, error) {
	if past, ok := w.logins.Recall(key, w.Now()); ok {
		return past, nil
	}
	// note: a client that gives up must not tear up the answer: the code is spent by then
	session, err := w.Accounts.Wechat(app).Code2Session(context.WithoutCancel(ctx), code)
	if err != nil {
		return PastLogin{}, answer.FromCode(err)
	}
	past := PastLogin{session: session}
	w.logins.Keep(key, past, w.Now())
	return past, nil
}

// identify checks the proofs and finds or makes the user. A repeated login finds the user of the first one: the session key that it
// brought may have been replaced since, and must not come back.
func (w *People) identify(db core.App, app settings.App, form loginForm, key string, past *PastLogin) (*core.Record, error) {
	who, err := form.verify(past.session.SessionKey, app)
	if err != nil {
		return nil, err
	}
	if past.User != "" {
		return books.ByID(db, "users", past.User)
	}
	user, isNew, err := w.remember(db, app.AppID, past.session, who)
	if err != nil {
		return nil, err
	}
	past.User, past.isNew = user.Id, isNew
	w.logins.Keep(key, *past, w.Now())
	return user, nil
}

// profile is what a client says about its user, once the signature has shown that WeChat said it.
type profile struct {
	NickName string `json:"nickName"`
}

// verify checks every proof that the client sent. Half a proof is refused: leaving a field out must not switch a check off.
func (f loginForm) verify(key wechat.SessionKey, app settings.App) (profile, error) {
	var who profile
	if (f.RawData == nil) != (f.Signature == nil) || (f.EncryptedData == nil) != (f.IV == nil) {
		return who, answer.Fail(answer.Signature, nil)
	}
	if f.RawData != nil {
		if !wechat.VerifySignature(*f.RawData, key, *f.Signature) {
			return who, answer.Fail(answer.Signature, nil)
		}
		// note: the signature has been checked over the exact text; what does not parse is only no profile
		_ = json.Unmarshal([]byte(*f.RawData), &who)
	}
	if f.EncryptedData != nil {
		data, err := wechat.DecryptOpenData(key, *f.EncryptedData, *f.IV, app.AppID)
		if err != nil {
			return who, answer.FromWechat(err)
		}
		_ = json.Unmarshal(data.JSON, &who)
	}
	if who.NickName == anonymousName {
		who.NickName = ""
	}
	return who, nil
}
