package desk

import (
	"errors"

	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/answer"
)

// codeOf is data.code of an answer; empty for other errors.
func codeOf(err error) string {
	refusal, ok := errors.AsType[*router.ApiError](err)
	if !ok {
		return ""
	}
	code, _ := refusal.Data["code"].(string)
	return code
}

// asAnswer lets an answer pass and makes anything else one that says to try again.
func asAnswer(err error) error {
	if _, ok := errors.AsType[*router.ApiError](err); ok || err == nil {
		return err
	}
	return answer.Fail(answer.Busy, err)
}
