package wechat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// envelope holds the fields that every JSON answer may have.
type envelope struct {
	errcode int
	errmsg  string
}

// parseEnvelope reads errcode and errmsg of an answer. An absent errcode is 0, which means success.
func parseEnvelope(body []byte) (envelope, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) == 0 {
		return envelope{}, ErrEmpty
	}
	var wire struct {
		Errcode number          `json:"errcode"`
		Errmsg  json.RawMessage `json:"errmsg"`
	}
	// note: "null" and "[]" are JSON, but only an object is an answer.
	if body[0] != '{' || json.Unmarshal(body, &wire) != nil {
		return envelope{}, ErrNotJSON
	}
	var text string
	_ = json.Unmarshal(wire.Errmsg, &text) // an errmsg that is not a string is ignored
	return envelope{errcode: int(wire.Errcode), errmsg: text}, nil
}

// decode reads the fields of an answer with a good envelope into out.
func decode(body []byte, out any) error {
	if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), out); err != nil {
		// note: drop the cause, because some JSON errors quote the value, which may be a key.
		return ErrNotJSON
	}
	return nil
}

// encode writes a request body as WeChat wants it: plain UTF-8, and "<" not as \u003c, which some calls would store.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// number is a JSON integer that may be written as a string: 40029 or "40029".
type number int64

// UnmarshalJSON accepts an integer, an integer in a string, and null.
func (n *number) UnmarshalJSON(b []byte) error {
	text := string(b)
	if text == "null" {
		return nil
	}
	if b[0] == '"' {
		text = strings.TrimSpace(strings.Trim(text, `"`))
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("parse integer: %w", err)
	}
	*n = number(v)
	return nil
}

// word is a JSON string that may be written as a number: "86" or 86.
type word string

// UnmarshalJSON accepts a string, a number, and null.
func (w *word) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(w))
	}
	if string(b) == "null" {
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("parse word: %w", err)
	}
	*w = word(n)
	return nil
}
