package wechat

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rule returns the limit that a value exceeds and what was found; "" for a good value.
type rule func(value string) (limit, got string)

// ruleOf returns the rule of a type; nil for an unlimited or unknown type.
func ruleOf(kind ValueType) rule {
	switch kind {
	case TypeThing:
		return ofChars(20, func(rune) bool { return true }, "characters")
	case TypeNumber:
		return ofDigits(32, decimal, "decimal point or none")
	case TypeLetter:
		return ofChars(32, isLatin, "letters")
	case TypeSymbol:
		return ofChars(5, isSymbol, "symbols")
	case TypeCharacterString:
		return ofChars(32, isStringChar, "digits, letters and symbols")
	case TypeTime:
		return matching(isTime, "must be a time such as 15:01 or 2019年10月1日 15:01, or two with ~ between them")
	case TypeDate:
		return matching(isDate, "must be a date such as 2019年10月1日 or 2019-10-01 15:01, or two with ~ between them")
	case TypeAmount:
		return ofDigits(10, amount, "decimal point or none, a currency sign or none before and 元 or none after")
	case TypePhoneNumber:
		return ofChars(17, func(r rune) bool { return isDigit(r) || isSymbol(r) }, "digits and symbols")
	case TypeCarNumber:
		return carNumber
	case TypeName:
		return personName
	case TypePhrase:
		return ofChars(5, isHan, "Chinese characters")
	case TypeEnum: // the template has the values
	}
	return nil
}

// ofChars allows at most so many characters of one kind.
func ofChars(most int, allowed func(rune) bool, what string) rule {
	limit := fmt.Sprintf("must be at most %d %s", most, what)
	return func(value string) (string, string) {
		if n := utf8.RuneCountInString(value); n > most {
			return limit, fmt.Sprintf("%d", n)
		}
		return limitIf(others(value, allowed), limit)
	}
}

// limitIf returns the limit when got is not empty.
func limitIf(got, limit string) (string, string) {
	if got == "" {
		return "", ""
	}
	return limit, got
}

// others says where the first forbidden character is. It does not quote it, because it is part of a user's text.
func others(value string, allowed func(rune) bool) string {
	for n, r := range []rune(value) {
		if !allowed(r) {
			return fmt.Sprintf("another character at place %d", n+1)
		}
	}
	return ""
}

var (
	decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	amount  = regexp.MustCompile(`^\p{Sc}?[0-9]+(\.[0-9]+)?元?$`)
)

// ofDigits allows at most so many digits in one shape. note: decimals count too; WeChat does not say.
func ofDigits(most int, shape *regexp.Regexp, what string) rule {
	limit := fmt.Sprintf("must be at most %d digits with a %s", most, what)
	return func(value string) (string, string) {
		if !shape.MatchString(value) {
			return limit, "another shape"
		}
		if n := countOf(value, isDigit); n > most {
			return limit, fmt.Sprintf("%d", n)
		}
		return "", ""
	}
}

func countOf(value string, kind func(rune) bool) (n int) {
	for _, r := range value {
		if kind(r) {
			n++
		}
	}
	return n
}

func matching(matches func(string) bool, limit string) rule {
	return func(value string) (string, string) {
		if !matches(value) {
			return limit, "another shape"
		}
		return "", ""
	}
}

// carNumber is a plate such as 粤A8Z888挂.
func carNumber(value string) (string, string) {
	const limit = "must be at most 8 letters and digits, of which the first and the last may be Chinese"
	plate := []rune(value)
	if len(plate) > 8 {
		return limit, fmt.Sprintf("%d", len(plate))
	}
	for n, r := range plate {
		edge := n == 0 || n == len(plate)-1
		if !isDigit(r) && (r > unicode.MaxASCII || !unicode.IsLetter(r)) && (!edge || !isHan(r)) {
			return limit, fmt.Sprintf("another character at place %d", n+1)
		}
	}
	return "", ""
}

// personName is a name in Chinese, in letters, or mixed, which counts as Chinese.
func personName(value string) (string, string) {
	most := nameLimit(value)
	limit := fmt.Sprintf("must be at most %d letters, Chinese characters and symbols", most)
	if most == latinName {
		limit = fmt.Sprintf("must be at most %d letters and symbols", most)
	}
	if n := utf8.RuneCountInString(value); n > most {
		return limit, fmt.Sprintf("%d", n)
	}
	return limitIf(others(value, func(r rune) bool {
		return unicode.IsLetter(r) || isSymbol(r) || r == ' ' || unicode.IsMark(r) || r == zeroWidthJoiner
	}), limit)
}

const (
	latinName   = 20
	chineseName = 10
)

// nameLimit follows the widest letter. note: WeChat is silent about scripts other than Latin; they count as Chinese.
func nameLimit(value string) int {
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsLetter(r) && !isLatin(r) }) {
		return chineseName
	}
	return latinName
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func isLatin(r rune) bool { return unicode.IsLetter(r) && unicode.Is(unicode.Latin, r) }

// isSymbol accepts visible characters that are not Chinese, letters or digits.
func isSymbol(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

func isStringChar(r rune) bool { return isDigit(r) || isLatin(r) || isSymbol(r) || r == ' ' }
