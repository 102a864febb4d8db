package scene

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// packPrefix begins version 1 of packed scenes. What follows is a key or the end,
// so that "~" and any other character is left for a later version.
const packPrefix = "~"

// Marks between a key and its value.
const (
	markText   = '=' // a string, as it is
	markNumber = ':' // a number, digit for digit
	markWord   = '!' // t, f or n: true, false, null
)

// Pack writes a flat JSON object into a scene: {"id":7,"from":"ad"} becomes "~from=ad&id:7". It reports false if that
// is impossible: nested values, texts with & or with characters that a scene cannot carry, keys other than letters,
// digits and _, or more than 32 characters in all. Then store the payload under New.
//
// NB! anyone can read and make packed scenes, see the package.
func Pack(payload json.RawMessage) (string, bool) {
	canonical, err := CanonicalJSON(payload)
	if err != nil {
		return "", false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(canonical), &fields) != nil || fields == nil {
		return "", false
	}
	var pairs []string
	for key, raw := range fields {
		value, ok := packValue(raw)
		if !ok || !isKey(key) {
			return "", false
		}
		pairs = append(pairs, key+value)
	}
	slices.SortFunc(pairs, byKey)
	packed := packPrefix + strings.Join(pairs, "&")
	return packed, Valid(packed) == nil
}

// packValue spells one value behind its mark.
func packValue(raw json.RawMessage) (string, bool) {
	switch raw[0] {
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil || !isText(text) {
			return "", false
		}
		return string(markText) + text, true
	case 't', 'f', 'n':
		return string(markWord) + string(raw[:1]), true
	case '{', '[':
		return "", false
	}
	return string(markNumber) + string(raw), true
}

// Unpack reads a scene of Pack back into its JSON object, in the spelling of
// CanonicalJSON. It reports false for every text that Pack does not make.
func Unpack(s string) (json.RawMessage, bool) {
	body, found := strings.CutPrefix(s, packPrefix)
	if !found || Valid(s) != nil {
		return nil, false
	}
	out := []byte("{")
	last := ""
	for pair := range strings.SplitSeq(body, "&") {
		if body == "" {
			break
		}
		key, value, ok := unpackPair(pair)
		// note: ascending keys, so that each object has one spelling only.
		if !ok || last != "" && key <= last {
			return nil, false
		}
		if last != "" {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), key...), `":`...)
		out = append(out, value...)
		last = key
	}
	return append(out, '}'), true
}

// unpackPair splits one pair and spells its value in JSON.
func unpackPair(pair string) (key string, value []byte, ok bool) {
	at := strings.IndexFunc(pair, func(r rune) bool { return !isKey(string(r)) })
	if at < 1 {
		return "", nil, false
	}
	key, text := pair[:at], pair[at+1:]
	switch pair[at] {
	case markText:
		// nothing that a scene may hold needs an escape in JSON
		return key, []byte(`"` + text + `"`), true
	case markNumber:
		return key, []byte(text), isNumber(text)
	case markWord:
		word := map[string]string{"t": "true", "f": "false", "n": "null"}[text]
		return key, []byte(word), word != ""
	}
	return "", nil, false
}

// byKey orders pairs as CanonicalJSON orders their keys.
func byKey(a, b string) int {
	keyOf := func(pair string) string { return pair[:strings.IndexAny(pair, "=:!")] }
	return strings.Compare(keyOf(a), keyOf(b))
}

// isKey reports a key that can be packed.
func isKey(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '_' {
			return false
		}
	}
	return s != ""
}

// isText reports a string that can be packed as it is.
func isText(s string) bool {
	for i := range len(s) {
		if !isAllowed(s[i]) || s[i] == '&' {
			return false
		}
	}
	return true
}

// isNumber reports a JSON number.
func isNumber(s string) bool {
	if s == "" || !bytes.ContainsRune([]byte("-0123456789"), rune(s[0])) {
		return false
	}
	return json.Valid([]byte(s))
}
