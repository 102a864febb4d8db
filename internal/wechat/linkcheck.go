package wechat

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	linkQueryLimit = 1024
	linkPathLimit  = 1024 // our own limit; WeChat documents none
	minLinkLife    = time.Minute
)

// ValidateScheme checks a request against WeChat's limits before any call; the expiry counts from now. The error is
// KindArgs and holds a [*FieldError].
func ValidateScheme(r SchemeRequest, now time.Time) error {
	return firstError(checkLinkPath(opScheme, r.Path), checkLinkQuery(opScheme, "query", r.Query),
		checkEnvVersion(opScheme, r.EnvVersion), checkExpiry(opScheme, r.Expiry, now))
}

// ValidateURLLink is [ValidateScheme] for a URL link.
func ValidateURLLink(r URLLinkRequest, now time.Time) error {
	return firstError(checkLinkPath(opURLLink, r.Path), checkLinkQuery(opURLLink, "query", r.Query),
		checkEnvVersion(opURLLink, r.EnvVersion), checkExpiry(opURLLink, r.Expiry, now), checkCloudBase(r.CloudBase))
}

// ValidateShortLink is the same for a short link. It accepts a long title: WeChat cuts it.
func ValidateShortLink(r ShortLinkRequest) error {
	if r.PageURL == "" {
		return fieldError(opShortLink, "page_url", "must not be empty")
	}
	if !utf8.ValidString(r.PageTitle) {
		return fieldError(opShortLink, "page_title", "must be UTF-8")
	}
	return firstError(checkText(opShortLink, "page_url", r.PageURL, 1024), checkNoControl(opShortLink, "page_title", r.PageTitle))
}

func checkLinkPath(op, path string) error {
	if strings.ContainsAny(path, "?#") {
		return fieldError(op, "path", "must have no query; it has a field of its own")
	}
	return checkText(op, "path", path, linkPathLimit)
}

func checkLinkQuery(op, field, query string) error {
	if len(query) > linkQueryLimit {
		return fieldError(op, field, "must have at most "+strconv.Itoa(linkQueryLimit)+" characters")
	}
	for i := range len(query) {
		// note: unlike a scene it may have percent signs, so the caller percent-encodes Chinese.
		if !isSceneChar(query[i]) && query[i] != '%' {
			return fieldError(op, field, "may have digits, letters and !#$&'()*+,/:;=?@-._~% only")
		}
	}
	return nil
}

func checkEnvVersion(op, version string) error {
	switch version {
	case "", "release", "trial", "develop":
		return nil
	}
	return fieldError(op, "env_version", "must be release, trial or develop")
}

func checkExpiry(op string, e LinkExpiry, now time.Time) error {
	switch {
	case e.Days != 0 && !e.At.IsZero():
		return fieldError(op, "expire_interval", "must not be set together with expire_time")
	case e.Days < 0 || e.Days > int(LinkLife/day):
		return fieldError(op, "expire_interval", "must be 1 to 30 days")
	case e.At.IsZero():
		return nil
	}
	// in seconds, as WeChat counts: a fraction would exceed a limit
	left := time.Duration(e.At.Unix()-now.Unix()) * time.Second
	if left < minLinkLife || left > LinkLife {
		return fieldError(op, "expire_time", "must be 1 minute to 30 days from now")
	}
	return nil
}

func checkCloudBase(b *CloudBase) error {
	switch {
	case b == nil:
		return nil
	case b.Env == "":
		return fieldError(opURLLink, "cloud_base.env", "must not be empty")
	}
	return checkLinkQuery(opURLLink, "cloud_base.query", b.Query)
}

func checkLink(op, field, link string) error {
	if link == "" {
		return fieldError(op, field, "must not be empty")
	}
	return checkText(op, field, link, 2048)
}
