package scene

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// MaxLen is the greatest length of a scene, in characters (which are bytes here).
const MaxLen = 32

// Why a text is not a scene; test with errors.Is.
var (
	ErrEmpty   = errors.New("scene is empty")
	ErrTooLong = errors.New("scene is longer than 32 characters")
	ErrChar    = errors.New("scene holds a character that WeChat does not allow")
)

// Valid returns nil if WeChat takes s as a scene: 1 to 32 digits, letters and
// !#$&'()*+,/:;=?@-._~ characters. Percent signs and Chinese are not allowed.
func Valid(s string) error {
	switch {
	case s == "":
		return ErrEmpty
	case len(s) > MaxLen:
		return ErrTooLong
	}
	for i := range len(s) {
		if !isAllowed(s[i]) {
			return fmt.Errorf("check scene at position %d: %w", i+1, ErrChar)
		}
	}
	return nil
}

// isAllowed reports a character of WeChat's set.
func isAllowed(c byte) bool {
	return isAlnum(c) || strings.IndexByte("!#$&'()*+,/:;=?@-._~", c) >= 0
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// maxRaw is the longest spelling of a scene: every character encoded twice.
const maxRaw = MaxLen * len("%2541")

// Normalize turns what a page got as query.scene into the scene: percent-encoded
// once, as WeChat delivers it, or twice, as some developer tools do, or not at
// all. A "+" is a plus sign, never a space, and nothing is trimmed. The result has
// passed Valid.
func Normalize(raw string) (string, error) {
	if len(raw) > maxRaw {
		return "", ErrTooLong
	}
	s := raw
	for range 2 {
		// note: a scene holds no percent sign, so that one is always an encoding.
		if !strings.Contains(s, "%") {
			break
		}
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return "", fmt.Errorf("decode scene: %w", ErrChar)
		}
		s = decoded
	}
	if err := Valid(s); err != nil {
		return "", err
	}
	return s, nil
}
