package answer

// data.reason tells people what a field should have been; programs read data.code and data.field. It is written in
// English where the error is found, and translated here for callers who prefer Chinese. A reason without a row, such as
// WeChat's own words, stays unchanged.

import (
	"regexp"
	"strings"
	"sync"
)

// field matches the name of the field at the beginning of a reason, which both languages share.
var field = regexp.MustCompile(`^[A-Za-z_][\w.\[\]]*: `)

// ReasonInChinese translates data.reason; an unknown text comes back unchanged.
func ReasonInChinese(reason string) string {
	if chinese, ok := reasonPhrases()(reason); ok {
		return chinese
	}
	prefix := field.FindString(reason)
	if chinese, ok := reasonPhrases()(strings.TrimPrefix(reason, prefix)); ok && prefix != "" {
		return strings.TrimSuffix(prefix, " ") + " " + chinese
	}
	return reason
}

type phrase struct {
	english *regexp.Regexp
	chinese string
}

// reasonPhrases returns the lookup. {} in a row stands for a value that is known only at run time.
var reasonPhrases = sync.OnceValue(func() func(string) (string, bool) {
	var phrases []phrase
	for english, chinese := range reasons {
		if strings.Contains(english, "{}") {
			shape := "^" + strings.ReplaceAll(regexp.QuoteMeta(english), `\{\}`, "(.+)") + "$"
			phrases = append(phrases, phrase{regexp.MustCompile(shape), strings.Replace(strings.Replace(chinese, "{}", "${1}", 1), "{}", "${2}", 1)})
		}
	}
	return func(reason string) (string, bool) {
		if chinese, ok := reasons[reason]; ok {
			return chinese, true
		}
		for _, p := range phrases {
			if p.english.MatchString(reason) {
				return p.english.ReplaceAllString(reason, p.chinese), true
			}
		}
		return "", false
	}
})
