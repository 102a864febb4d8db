package wechat

import (
	"context"
	"net/http"
	"net/url"
)

const opLogin = "code2Session"

// Session is the result of a login.
type Session struct {
	// OpenID is the user's id in this mini program.
	OpenID string
	// UnionID is the user's id in all apps of one Open Platform account; empty for an app without one.
	UnionID string
	// SessionKey checks and decrypts what this user's phone sends. It replaces the previous one.
	SessionKey SessionKey
}

// Code2Session turns the code of wx.login into a session: GET /sns/jscode2session
// (server/API/user-login/api_code2session.html, 小程序登录). A code lives 5 minutes and works once.
//
// It is not repeated after a lost answer: the code may be used, and a repeat would say "code used" for a successful
// login. The error then has MaybeDone set and the phone must call wx.login again. Other errors: KindCodeInvalid,
// KindCodeUsed, KindRisk, KindRate (100 a minute for each user), KindConfig, KindBusy after three tries.
func (c *Client) Code2Session(ctx context.Context, code string) (Session, error) {
	if err := checkCode(opLogin, "js_code", code); err != nil {
		return Session{}, err
	}
	var session Session
	_, err := c.do(ctx, call{
		op: opLogin, method: http.MethodGet, path: "/sns/jscode2session",
		query: url.Values{
			"appid": {c.app.AppID}, "secret": {c.app.Secret}, "js_code": {code}, "grant_type": {"authorization_code"},
		},
		read: func(body []byte) (err error) {
			session, err = parseSession(body)
			return err
		},
	})
	return session, err
}

// parseSession reads the fields common to code2Session and ResetUserSessionKey. With an error the session is zero.
func parseSession(body []byte) (Session, error) {
	var wire struct {
		OpenID     string `json:"openid"`
		UnionID    string `json:"unionid"`
		SessionKey string `json:"session_key"`
	}
	if err := decode(body, &wire); err != nil {
		return Session{}, err
	}
	if wire.OpenID == "" || wire.SessionKey == "" {
		return Session{}, ErrMissingField
	}
	return Session{OpenID: wire.OpenID, UnionID: wire.UnionID, SessionKey: SessionKey(wire.SessionKey)}, nil
}

// checkCode refuses impossible one-time codes; real ones have 32 or 64 characters.
func checkCode(op, field, code string) error {
	if code == "" || len(code) > 512 {
		return fieldError(op, field, "must have 1 to 512 characters")
	}
	for i := range len(code) {
		// note: a space is allowed, because WeChat DevTools gives guests "the code is a mock one".
		if code[i] < ' ' || code[i] > '~' {
			return fieldError(op, field, "must be printable ASCII")
		}
	}
	return nil
}
