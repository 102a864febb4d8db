package wechat

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	sceneLimit = 32
	widthMin   = 280
	widthMax   = 1280
)

// ValidateCode checks a request against WeChat's limits before any call: the error is KindArgs and holds a
// [*FieldError]. It refuses fields that this kind of code lacks instead of dropping them silently.
func ValidateCode(r CodeRequest) error {
	switch r.Kind {
	case "", CodeUnlimited:
		return firstError(checkScene(r), checkPage(r), refuse(opUnlimited, r.Path != "", "path"), checkLook(opUnlimited, r))
	case CodePlain:
		return firstError(refuseUnlimited(opCode, r), checkPath(opCode, r.Path, 1024), checkLook(opCode, r))
	case CodeSquare:
		return firstError(
			refuseUnlimited(opQRCode, r), checkPath(opQRCode, r.Path, 128), checkWidth(opQRCode, r.Width),
			refuse(opQRCode, r.AutoColor, "auto_color"), refuse(opQRCode, r.LineColor != nil, "line_color"),
			refuse(opQRCode, r.IsHyaline, "is_hyaline"), refuse(opQRCode, r.EnvVersion != "", "env_version"),
		)
	}
	return fieldError(opUnlimited, "kind", "must be unlimited, code or qrcode")
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func refuse(op string, set bool, field string) error {
	if set {
		return fieldError(op, field, "does not belong to this kind of code")
	}
	return nil
}

func refuseUnlimited(op string, r CodeRequest) error {
	return firstError(refuse(op, r.Scene != "", "scene"), refuse(op, r.Page != "", "page"),
		refuse(op, r.CheckPath != nil, "check_path"))
}

func checkScene(r CodeRequest) error {
	if r.Scene == "" || len(r.Scene) > sceneLimit {
		return fieldError(opUnlimited, "scene", "must have 1 to 32 characters")
	}
	for i := range len(r.Scene) {
		if !isSceneChar(r.Scene[i]) {
			// note: percent signs are not allowed either, so Chinese cannot be encoded; store it and use its key here.
			return fieldError(opUnlimited, "scene", "may have digits, letters and !#$&'()*+,/:;=?@-._~ only")
		}
	}
	return nil
}

func isSceneChar(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' ||
		strings.IndexByte("!#$&'()*+,/:;=?@-._~", c) >= 0
}

func checkPage(r CodeRequest) error {
	switch {
	case r.Page == "":
		return nil
	case strings.HasPrefix(r.Page, "/"):
		return fieldError(opUnlimited, "page", "must not begin with a slash")
	case strings.ContainsAny(r.Page, "?#"):
		return fieldError(opUnlimited, "page", "must have no query; put it into scene")
	}
	return checkText(opUnlimited, "page", r.Page, 1024)
}

func checkPath(op, path string, limit int) error {
	if path == "" {
		return fieldError(op, "path", "must not be empty")
	}
	return checkText(op, "path", path, limit)
}

func checkText(op, field, text string, limit int) error {
	switch {
	case !utf8.ValidString(text):
		return fieldError(op, field, "must be UTF-8")
	case utf8.RuneCountInString(text) > limit:
		return fieldError(op, field, "must have at most "+strconv.Itoa(limit)+" characters")
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return fieldError(op, field, "must have no spaces or control characters")
	case strings.Contains(text, "scancode_time"):
		return fieldError(op, field, "must not use scancode_time, which is WeChat's own")
	}
	return nil
}

// checkLook checks what both round codes have.
func checkLook(op string, r CodeRequest) error {
	switch r.EnvVersion {
	case "", "release", "trial", "develop":
	default:
		return fieldError(op, "env_version", "must be release, trial or develop")
	}
	if c := r.LineColor; c != nil {
		if r.AutoColor {
			return fieldError(op, "line_color", "works with auto_color false only")
		}
		if c.R < 0 || c.R > 255 || c.G < 0 || c.G > 255 || c.B < 0 || c.B > 255 {
			return fieldError(op, "line_color", "must have r, g and b of 0 to 255")
		}
	}
	return checkWidth(op, r.Width)
}

func checkWidth(op string, width int) error {
	if width != 0 && (width < widthMin || width > widthMax) {
		return fieldError(op, "width", "must be 280 to 1280")
	}
	return nil
}
