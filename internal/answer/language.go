package answer

import (
	"errors"
	"maps"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
	"golang.org/x/text/language"
)

// Translate answers our own problems in Chinese when Accept-Language prefers it, and otherwise in English. Programs
// read data.code, which is the same in both.
func Translate() func(*core.RequestEvent) error {
	problems := byCode()
	matcher := language.NewMatcher([]language.Tag{language.English, language.Chinese})
	return func(e *core.RequestEvent) error {
		err := e.Next()
		answer, ok := errors.AsType[*router.ApiError](err)
		if !ok {
			return err
		}
		code, _ := answer.Data["code"].(string)
		problem, known := problems[code]
		if !known {
			return err
		}
		e.Response.Header().Add("Vary", "Accept-Language")
		if _, at := language.MatchStrings(matcher, e.Request.Header.Get("Accept-Language")); at == 0 {
			return err
		}
		translated := *answer // note: requests may share a problem
		translated.Message = problem.ZH
		if reason, ok := answer.Data["reason"].(string); ok {
			translated.Data = maps.Clone(answer.Data)
			translated.Data["reason"] = ReasonInChinese(reason)
		}
		return &translated
	}
}

func byCode() map[string]Problem {
	problems := map[string]Problem{}
	for _, p := range All() {
		problems[p.Code] = p
	}
	return problems
}
