package desk

import (
	"errors"
	"net/http"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/tools/router"
)

// Problem is one error that a client of the dashboard's API can meet: a stable code, an HTTP status, a sentence in both languages and what
// to do about it. docs/errors.md is made from it.
type Problem struct {
	Code    string
	Status  int
	Message string
	Chinese string
	Fix     string
	FixZH   string
}

// The catalogue of what staff and the audit need; every page has its own list beside it.
var (
	errSignIn     = Problem{"staff_sign_in", http.StatusUnauthorized, "Sign in first.", "请先登录", "Sign in with POST /api/wx/admin/staff/login; a session that was ended or has run out is no longer one.", "用 POST /api/wx/admin/staff/login 登录；已结束或过期的会话不再有效。"}
	errNotAllowed = Problem{"staff_not_allowed", http.StatusForbidden, "You may not do this.", "没有权限", "`data.permission` is what is missing; an owner gives roles.", "缺少的权限见 `data.permission`，角色由店主设置。"}
	errInvalid    = Problem{Code: "field_invalid", Status: http.StatusBadRequest, Message: "A field of the body is not what it should be."}
	errBusy       = Problem{Code: "busy", Status: http.StatusServiceUnavailable, Message: "The server is busy. Try again."}
)

// Problems lists the catalogue in the order of the documentation.
func Problems() []Problem {
	all := []Problem{errSignIn, errNotAllowed}
	for _, part := range [][]Problem{
		staffProblems(), orderProblems(), refundProblems(), userProblems(),
		productProblems(), setupProblems(), booksProblems(),
	} {
		all = append(all, part...)
	}
	return all
}

// codeOf is data.code of an answer; empty for other errors.
func codeOf(err error) string {
	answer, ok := errors.AsType[*router.ApiError](err)
	if !ok {
		return ""
	}
	code, _ := answer.Data["code"].(string)
	return code
}

// fail makes the answer for a problem. The cause goes to the log only.
func fail(p Problem, cause error) *router.ApiError {
	err := apis.NewApiError(p.Status, p.Message, cause)
	err.Data = map[string]any{"code": p.Code}
	return err
}

// failWith is fail with one more fact for the client.
func failWith(p Problem, key string, value any) *router.ApiError {
	err := fail(p, nil)
	err.Data[key] = value
	return err
}

// failField refuses a field of the body or of the query.
func failField(field, reason string) *router.ApiError {
	err := failWith(errInvalid, "field", field)
	err.Data["reason"] = reason
	return err
}

// asAnswer lets an answer pass and makes anything else one that says to try again.
func asAnswer(err error) error {
	if _, ok := errors.AsType[*router.ApiError](err); ok || err == nil {
		return err
	}
	return fail(errBusy, err)
}
