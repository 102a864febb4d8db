package wechat

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	checkContentLimit = 2500
	checkURLLimit     = 2048 // our own limit; WeChat documents none
)

// ValidateTextCheck checks a request against WeChat's limits before any call. The error is KindArgs and holds a
// [*FieldError].
func ValidateTextCheck(t TextCheck) error {
	if t.Content == "" {
		return fieldError(opCheckText, "content", "must not be empty")
	}
	for _, pair := range [][2]string{
		{"content", t.Content}, {"title", t.Title}, {"nickname", t.Nickname}, {"signature", t.Signature},
	} {
		field, text := pair[0], pair[1]
		switch {
		case !utf8.ValidString(text):
			return fieldError(opCheckText, field, "must be UTF-8")
		case utf8.RuneCountInString(text) > checkContentLimit:
			return fieldError(opCheckText, field, "must have at most "+strconv.Itoa(checkContentLimit)+" characters")
		}
	}
	if t.Signature != "" && t.Scene != SceneProfile {
		return fieldError(opCheckText, "signature", "belongs to scene 1, a profile, only")
	}
	return firstError(checkCheckScene(opCheckText, t.Scene), checkOpenID(opCheckText, "openid", t.OpenID))
}

// ValidateMediaCheck checks a request against WeChat's limits before any call, as [ValidateTextCheck] does.
func ValidateMediaCheck(m MediaCheck) error {
	if m.Kind != MediaAudio && m.Kind != MediaImage {
		return fieldError(opCheckMedia, "media_type", "must be 1 audio or 2 image")
	}
	return firstError(checkMediaURL(m.URL), checkCheckScene(opCheckMedia, m.Scene), checkOpenID(opCheckMedia, "openid", m.OpenID))
}

func checkMediaURL(address string) error {
	if len(address) > checkURLLimit {
		return fieldError(opCheckMedia, "media_url", "must have at most "+strconv.Itoa(checkURLLimit)+" bytes")
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fieldError(opCheckMedia, "media_url", "must be an http or https address")
	}
	return checkText(opCheckMedia, "media_url", address, checkURLLimit)
}

func checkCheckScene(op string, scene CheckScene) error {
	if scene < SceneProfile || scene > SceneSocial {
		return fieldError(op, "scene", "must be 1 profile, 2 comment, 3 forum or 4 social log")
	}
	return nil
}

// checkOpenID refuses impossible openids; real ones have 28 letters, digits, - and _.
func checkOpenID(op, field, openID string) error {
	if openID == "" || len(openID) > maxName {
		return fieldError(op, field, "must have 1 to 128 bytes")
	}
	if strings.ContainsFunc(openID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fieldError(op, field, "must be printable ASCII")
	}
	return nil
}
