package scene

import (
	"crypto/rand"
	"math/big"
	"strings"
)

const (
	tokenPrefix = "t" // version 1 of tokens
	tokenDigits = 22  // base62 digits that hold 128 bits
)

// New returns a random scene (128 bits), to be stored together with its payload: "t" and 22 letters and digits.
func New() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, see crypto/rand
	digits := new(big.Int).SetBytes(random[:]).Text(62)
	return tokenPrefix + strings.Repeat("0", tokenDigits-len(digits)) + digits
}

// Kind is what a scene is by its looks.
type Kind string

// The kinds of scene.
const (
	// KindToken looks like a scene of New. Only the table knows if it is one.
	KindToken Kind = "token"
	// KindPacked is a scene that Unpack reads.
	KindPacked Kind = "packed"
	// KindPlain is any other text.
	KindPlain Kind = "plain"
)

// KindOf tells the kinds apart. Tokens begin with "t", packed scenes with "~".
func KindOf(s string) Kind {
	if isToken(s) {
		return KindToken
	}
	if _, ok := Unpack(s); ok {
		return KindPacked
	}
	return KindPlain
}

func isToken(s string) bool {
	if len(s) != len(tokenPrefix)+tokenDigits || !strings.HasPrefix(s, tokenPrefix) {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) {
			return false
		}
	}
	return true
}
