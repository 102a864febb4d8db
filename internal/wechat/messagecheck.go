package wechat

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValueType is the type of a subscribe message's value: the letters of its key.
type ValueType string

// The types, with their limits (framework/open-ability/subscribe-message.html, 订阅消息参数值内容限制说明). Characters are
// Unicode's; a digit is 0 to 9.
const (
	TypeThing           ValueType = "thing"            // at most 20 characters of any kind
	TypeNumber          ValueType = "number"           // at most 32 digits, one decimal point among them
	TypeLetter          ValueType = "letter"           // at most 32 letters, not Chinese
	TypeSymbol          ValueType = "symbol"           // at most 5 symbols
	TypeCharacterString ValueType = "character_string" // at most 32 digits, letters and symbols, not Chinese
	TypeTime            ValueType = "time"             // 15:01 or 15:01:30, a date before it if wanted; or two with ~
	TypeDate            ValueType = "date"             // 2019年10月1日, 2019-10-01, /, ., a time after it if wanted; or two with ~
	TypeAmount          ValueType = "amount"           // a currency sign or none, at most 10 digits, one decimal point among them, 元 or none
	TypePhoneNumber     ValueType = "phone_number"     // at most 17 digits and symbols
	TypeCarNumber       ValueType = "car_number"       // at most 8 letters and digits; the first and the last may be Chinese
	TypeName            ValueType = "name"             // at most 20 letters and symbols, or 10 with a Chinese character among them
	TypePhrase          ValueType = "phrase"           // at most 5 Chinese characters
	TypeEnum            ValueType = "enum"             // one of the template's values: see [Template.Check]
)

// ValueError names a wrong value of a message. It wraps a [*FieldError].
type ValueError struct {
	// Field is WeChat's name for it, such as data.thing1.value.
	Field string
	// Type is the type in the key; empty for an invalid key.
	Type ValueType
	// Limit is what the type allows, and Got what was found; neither quotes the value.
	Limit, Got string
}

// Error is "field (type): limit, got ...".
func (e *ValueError) Error() string {
	return e.Field + " (" + string(e.Type) + "): " + e.Limit + ", got " + e.Got
}

// Unwrap returns the error as a [*FieldError].
func (e *ValueError) Unwrap() error {
	return &FieldError{Field: e.Field, Reason: e.Limit + ", got " + e.Got}
}

func valueError(key string, kind ValueType, limit, got string) error {
	return &Error{Op: opSendMessage, Kind: KindArgs, Err: &ValueError{
		Field: "data." + key + ".value", Type: kind, Limit: limit, Got: got,
	}}
}

// CheckMessage checks a message against WeChat's limits before any call, as [Client.SendMessage] does: the type of each
// value by its key, no line breaks or other control characters, no empty values. It accepts unknown types, because
// WeChat has more than it documents. The error is KindArgs and holds a [*FieldError], for a value a [*ValueError]
// around it.
func CheckMessage(m SubscribeMessage) error {
	if err := m.checkFrame(); err != nil {
		return err
	}
	for _, key := range sortedKeys(m.Data) {
		if err := checkValue(key, m.Data[key]); err != nil {
			return err
		}
	}
	return nil
}

// TrimMessage shortens a message where that is harmless: line breaks and other control characters become spaces, spaces
// around a value are removed, and a long thing or name is cut, with "…" at the end of a thing. Joined characters, such
// as an emoji and its colour, are kept or cut together. It refuses what it cannot shorten, such as an amount with too
// many digits, like [CheckMessage]. It does not change m.
func TrimMessage(m SubscribeMessage) (SubscribeMessage, error) {
	data := make(map[string]string, len(m.Data))
	for key, value := range m.Data {
		data[key] = trimValue(typeOf(key), value)
	}
	m.Data = data
	if err := CheckMessage(m); err != nil {
		return SubscribeMessage{}, err
	}
	return m, nil
}

// checkFrame checks everything but the values.
func (m SubscribeMessage) checkFrame() error {
	if err := checkOpenID(opSendMessage, "touser", m.ToUser); err != nil {
		return err
	}
	switch {
	case m.TemplateID == "" || len(m.TemplateID) > maxName:
		return fieldError(opSendMessage, "template_id", "must have 1 to 128 bytes")
	case !slices.Contains([]string{"", "developer", "trial", "formal"}, m.MiniProgramState):
		return fieldError(opSendMessage, "miniprogram_state", "must be developer, trial or formal")
	case !slices.Contains([]string{"", "zh_CN", "en_US", "zh_HK", "zh_TW"}, m.Lang):
		return fieldError(opSendMessage, "lang", "must be zh_CN, en_US, zh_HK or zh_TW")
	case len(m.Data) == 0:
		return fieldError(opSendMessage, "data", "must not be empty")
	}
	return checkText(opSendMessage, "page", m.Page, linkPathLimit)
}

// checkValue checks one value by the type of its key.
func checkValue(key, value string) error {
	kind := typeOf(key)
	switch {
	case kind == "":
		return valueError(key, kind, "key must be a type and a number, such as thing1", "another key")
	case value == "":
		return valueError(key, kind, "must not be empty", "nothing")
	case !utf8.ValidString(value):
		return valueError(key, kind, "must be UTF-8", "other bytes")
	case strings.ContainsFunc(value, isControl):
		return valueError(key, kind, "must have no line breaks or other control characters", "one")
	}
	if rule := ruleOf(kind); rule != nil {
		if limit, got := rule(value); limit != "" {
			return valueError(key, kind, limit, got)
		}
	}
	return nil
}

// isControl includes Unicode's line separators.
func isControl(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// typeOf returns the letters of a key such as thing1, or "" for an invalid key.
func typeOf(key string) ValueType {
	letters := strings.TrimRight(key, "0123456789")
	if letters == "" || letters == key || len(key) > 64 || strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return ValueType(letters)
}

func sortedKeys(data map[string]string) []string { return slices.Sorted(maps.Keys(data)) }

func checkNoControl(op, field, text string) error {
	if strings.ContainsFunc(text, isControl) {
		return fieldError(op, field, "must have no line breaks or other control characters")
	}
	return nil
}
