package answer

// data.reason says to people what a field should have been; programs look at data.code and data.field. It is written in English where it
// is found out, and turned into Chinese here for callers who prefer that. A reason without a row, such as what WeChat itself has said,
// stays as it is.

import (
	"regexp"
	"strings"
	"sync"
)

// field is what a reason may begin with: the name of the field, which is the same in both languages.
var field = regexp.MustCompile(`^[A-Za-z_][\w.\[\]]*: `)

// ReasonInChinese translates data.reason; a text that is not known comes back unchanged.
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

// reasonPhrases gives the lookup. {} in a row stands for what is only known when the reason is given.
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
