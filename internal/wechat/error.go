package wechat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// The values of Error.Err besides network errors.
var (
	errNoAppID     = errors.New("appid is not set")
	errNoSecret    = errors.New("app secret is not set")
	errBadBase     = errors.New("API base is not an http or https origin")
	errForceSpaced = errors.New("access token is refused, and a forced renewal is not allowed yet")
	errOtherUser   = errors.New("answer is about another user")
	errWithheld    = errors.New("cause withheld: it names a secret")

	// ErrRedirect means: the API answered with a redirect, which the client refuses.
	ErrRedirect = errors.New("answer is a redirect")
	// ErrTooLarge means: the answer is over its size limit.
	ErrTooLarge = errors.New("answer is too large")
	// ErrEmpty means: the answer has no bytes.
	ErrEmpty = errors.New("answer is empty")
	// ErrNotJSON means: the answer is not a JSON object of the documented shape.
	ErrNotJSON = errors.New("answer is not the JSON expected")
	// ErrMissingField means: the answer lacks a required field.
	ErrMissingField = errors.New("answer lacks a field")
)

// Error is a failed call. It is free of secrets: of WeChat's errmsg it keeps only the request id.
type Error struct {
	// Op is the call's name in WeChat's documents, such as code2Session.
	Op string
	// Errcode is WeChat's, or 0 without one.
	Errcode int
	// RID is WeChat's request id; its support and /cgi-bin/openapi/rid/get know it for 7 days.
	RID string
	// Kind says what can be done about it.
	Kind Kind
	// Status is the HTTP status, or 0 without an answer.
	Status int
	// IP is our own address as WeChat saw it; only for errcode 40164.
	IP string
	// Argument is the template value that WeChat refused, such as data.thing4.value; only for errcode 47003.
	Argument string
	// MaybeDone means that the request may have taken effect although there was no good answer, and that a repeat is
	// not harmless: a one-time code may be used, a counted code made.
	MaybeDone bool
	// Err is the cause when it is not WeChat's errcode: a *FieldError, a network error, or one of this package's
	// errors.
	Err error
}

// Error shows the call, the errcode with its hint or the cause, and the request id.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("wechat " + e.Op)
	if e.Errcode != 0 {
		fmt.Fprintf(&b, ": errcode %d: %s", e.Errcode, LookupErrcode(e.Errcode).EN)
	} else {
		b.WriteString(": " + strings.ReplaceAll(string(e.Kind), "_", " "))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Status != 0 && e.Status != 200 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.MaybeDone {
		b.WriteString(" (it may have been carried out)")
	}
	if e.IP != "" {
		b.WriteString(" (our address " + e.IP + ")")
	}
	if e.Argument != "" {
		b.WriteString(" (" + e.Argument + ")")
	}
	if e.RID != "" {
		b.WriteString(" (rid " + e.RID + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same request may succeed within minutes without a change by anyone.
func (e *Error) Retryable() bool {
	return e.Kind.Retryable() && !e.MaybeDone
}

// FieldError names a wrong field of a request, before anything was sent.
type FieldError struct {
	// Field is WeChat's name for it, such as line_color.
	Field string
	// Reason is for people.
	Reason string
}

// Error is "field: reason".
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

func fieldError(op, field, reason string) error {
	return &Error{Op: op, Kind: KindArgs, Err: &FieldError{Field: field, Reason: reason}}
}

func configError(op string, err error) error {
	return &Error{Op: op, Kind: KindConfig, Err: err}
}

func badAnswer(op string, err error) error {
	return &Error{Op: op, Kind: KindBadAnswer, Err: err}
}

// networkError keeps the cause and drops the address: *url.Error prints the query, which contains the secrets.
func networkError(op string, err error, secrets ...string) *Error {
	maybeDone := !neverSent(err)
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			break
		}
		err = wrapped.Err
	}
	return &Error{Op: op, Kind: KindNetwork, MaybeDone: maybeDone, Err: withhold(err, secrets)}
}

// neverSent reports that there was no connection, so the request was certainly not seen.
func neverSent(err error) bool {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// withhold removes secrets from the errors of other transports.
func withhold(err error, secrets []string) error {
	text := err.Error()
	names := func(s string) bool {
		return s != "" && (strings.Contains(text, s) || strings.Contains(text, url.QueryEscape(s)))
	}
	if !slices.ContainsFunc(secrets, names) {
		return err
	}
	for _, plain := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, plain) {
			return plain
		}
	}
	return errWithheld
}

// errcodeError makes the error of an errcode; of errmsg it keeps only the request id, our own address and a field's
// name.
func errcodeError(op string, env envelope, status int) error {
	row := LookupErrcode(env.errcode)
	e := &Error{Op: op, Errcode: env.errcode, Kind: kindOf(op, row), Status: status, RID: ridOf(env.errmsg)}
	switch env.errcode {
	case 40164:
		e.IP = addressOf(env.errmsg)
	case 47003:
		e.Argument = argumentPattern.FindString(env.errmsg)
	}
	return e
}

// kindOf is the row's kind, except for the two codes that mean "no permission" only for links.
func kindOf(op string, row Errcode) Kind {
	switch op {
	case opScheme, opURLLink, opShortLink:
		if row.Code == 40002 || row.Code == 43104 {
			return KindUnsupported
		}
	}
	return row.Kind
}

// argumentPattern finds the name in "argument invalid! data.thing4.value invalid rid: ...".
var argumentPattern = regexp.MustCompile(`data\.[a-z_]{1,32}[0-9]{1,4}(\.value)?`)

var ridPattern = regexp.MustCompile(`rid:? ?([0-9a-f]{6,8}-[0-9a-f]{6,8}-[0-9a-f]{6,8})`)

func ridOf(errmsg string) string {
	if m := ridPattern.FindStringSubmatch(errmsg); m != nil {
		return m[1]
	}
	return ""
}

// addressOf finds the address in "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist".
func addressOf(errmsg string) string {
	for word := range strings.FieldsSeq(errmsg) {
		if ip, err := netip.ParseAddr(strings.Trim(word, ",")); err == nil {
			return ip.WithZone("").Unmap().String()
		}
	}
	return ""
}
