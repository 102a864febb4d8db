package order

import (
	"strings"
	"unicode"
)

// NoName is WeChat's name for a user without a nickname, which we also show.
const NoName = "微信用户"

// MaskName hides most of a nickname for a public banner: "小明" becomes "小*", "欧阳小明" becomes "欧**明". It shows at most
// three stars, so that the length stays private too. A character is a grapheme: an emoji with its skin colour, a flag,
// a letter with its accents.
func MaskName(name string) string {
	name = cleanText(cutBytes(strings.ToValidUTF8(name, ""), 512))
	letters := graphemes(name)
	switch n := len(letters); {
	case n == 0 || name == NoName:
		return NoName
	case n <= 2:
		return letters[0] + "*"
	default:
		return letters[0] + strings.Repeat("*", min(n-2, 3)) + letters[n-1]
	}
}

// graphemes splits a name into graphemes. It handles what occurs in nicknames, not every rule of the Unicode annex.
func graphemes(s string) []string {
	var letters []string
	var last rune
	flag := false // the last letter is half a flag
	for _, r := range s {
		half := isFlagHalf(r)
		if n := len(letters); n > 0 && (extends(r) || last == zeroWidthJoiner || flag && half) {
			if len(letters[n-1]) < maxLetter {
				letters[n-1] += string(r)
			}
			half = false
		} else if !invisible(r) {
			letters = append(letters, string(r))
		}
		last, flag = r, half
	}
	return letters
}

const (
	zeroWidthJoiner = '\u200d'

	// maxLetter limits a pile of accents, in bytes; the longest emoji have about 40.
	maxLetter = 48
)

// extends reports whether r belongs to the character before it.
func extends(r rune) bool {
	switch {
	case r == zeroWidthJoiner, unicode.Is(unicode.M, r):
		return true
	case r >= 0x1F3FB && r <= 0x1F3FF: // skin colours
		return true
	case r >= 0xE0020 && r <= 0xE007F: // tags, as in the flag of Scotland
		return true
	}
	return r >= 0x1160 && r <= 0x11FF // Hangul vowels and finals
}

// invisible reports a format mark that is not a separate character.
func invisible(r rune) bool { return unicode.Is(unicode.Cf, r) }

// isFlagHalf reports a regional indicator; two of them make a flag.
func isFlagHalf(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }
