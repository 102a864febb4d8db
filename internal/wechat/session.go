package wechat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
)

const (
	opCheckSession = "checkSessionKey"
	opResetSession = "ResetUserSessionKey"
)

// CheckSession asks whether key is still the user's session_key: GET /wxa/checksession
// (server/API/user-login/api_checksessionkey.html, 检验登录态). A stale key is false without an error.
func (c *Client) CheckSession(ctx context.Context, openID string, key SessionKey) (bool, error) {
	query, err := sessionQuery(opCheckSession, openID, key)
	if err != nil {
		return false, err
	}
	_, err = c.do(ctx, call{
		op: opCheckSession, method: http.MethodGet, path: "/wxa/checksession", query: query,
		needsToken: true, repeatable: true,
	})
	if KindOf(err) == KindSession {
		return false, nil
	}
	return err == nil, err
}

// ResetSession makes WeChat replace the user's session_key: GET /wxa/resetusersessionkey
// (server/API/user-login/api_resetusersessionkey.html, 重置登录态). key must be the current one, or the error is
// KindSession. It is not repeated after a lost answer: the old key may be dead, and the user logs in again.
func (c *Client) ResetSession(ctx context.Context, openID string, key SessionKey) (Session, error) {
	query, err := sessionQuery(opResetSession, openID, key)
	if err != nil {
		return Session{}, err
	}
	var session Session
	_, err = c.do(ctx, call{
		op: opResetSession, method: http.MethodGet, path: "/wxa/resetusersessionkey", query: query,
		needsToken: true,
		read: func(body []byte) error {
			s, err := parseSession(body)
			if err == nil && s.OpenID != openID {
				return errOtherUser
			}
			session = s
			return err
		},
	})
	return session, err
}

// sessionQuery proves that we hold the key: an HMAC of the empty text.
func sessionQuery(op, openID string, key SessionKey) (url.Values, error) {
	if openID == "" {
		return nil, fieldError(op, "openid", "must not be empty")
	}
	if key == "" {
		return nil, fieldError(op, "session_key", "must not be empty")
	}
	return url.Values{
		"openid": {openID}, "signature": {sessionSignature(key)}, "sig_method": {"hmac_sha256"},
	}, nil
}

// sessionSignature is keyed with the base64 text; note: not with its 16 bytes.
func sessionSignature(key SessionKey) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	return hex.EncodeToString(mac.Sum(nil))
}
