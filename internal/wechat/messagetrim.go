package wechat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	zeroWidthJoiner = '\u200d'
	ellipsis        = "…"
)

// trimValue shortens a value where that is harmless. A cut number, code or date would be another one, so it only cuts
// text for people.
func trimValue(kind ValueType, value string) string {
	if !utf8.ValidString(value) {
		return value
	}
	if strings.ContainsFunc(value, isControl) {
		spaced := strings.Map(func(r rune) rune {
			if isControl(r) {
				return ' '
			}
			return r
		}, value)
		value = strings.Join(strings.Fields(spaced), " ")
	}
	value = strings.TrimSpace(value)
	switch kind {
	case TypeThing:
		return shorten(value, 20, ellipsis)
	case TypeName:
		return shorten(value, nameLimit(value), "")
	default:
		return value
	}
}

// shorten cuts a text to at most so many characters, and appends mark if it cut.
func shorten(text string, most int, mark string) string {
	chars := []rune(text)
	if len(chars) <= most {
		return text
	}
	end := most - utf8.RuneCountInString(mark)
	for end > 0 && belongs(chars, end) {
		end--
	}
	if end == 0 {
		return "" // one character with a hundred accents; the check refuses the empty value
	}
	return strings.TrimRight(string(chars[:end]), " ") + mark
}

// belongs reports that the character at i must stay with the one before: a mark on a letter, the colour of a hand,
// members of a family, the second half of a flag. It is the part of Unicode's UAX #29 that occurs in names and titles.
func belongs(chars []rune, i int) bool {
	r := chars[i]
	switch {
	case unicode.IsMark(r), r == zeroWidthJoiner, chars[i-1] == zeroWidthJoiner:
		return true
	case 0x1f3fb <= r && r <= 0x1f3ff, 0xe0020 <= r && r <= 0xe007f: // skin colours, tags of flags
		return true
	case 0x1160 <= r && r <= 0x11ff: // middle and last parts of a Korean syllable
		return true
	}
	return isFlagHalf(r) && flagHalves(chars[:i])%2 == 1
}

func isFlagHalf(r rune) bool { return 0x1f1e6 <= r && r <= 0x1f1ff }

// flagHalves counts the flag halves at the end.
func flagHalves(chars []rune) (n int) {
	for i := len(chars) - 1; i >= 0 && isFlagHalf(chars[i]); i-- {
		n++
	}
	return n
}
