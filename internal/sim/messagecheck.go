package sim

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// badText reports a control character or a line break, which messages must not contain.
func badText(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl)
}

// The formats of the keyword types; the lengths are separate. Times have 24 hours.
const (
	clockPattern = `(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?`
	dayPattern   = `(?:[0-9]{4}年(?:0?[1-9]|1[0-2])月(?:0?[1-9]|[12][0-9]|3[01])日|` +
		`[0-9]{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12][0-9]|3[01])|` +
		`[0-9]{4}/(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])|` +
		`[0-9]{4}\.(?:0?[1-9]|1[0-2])\.(?:0?[1-9]|[12][0-9]|3[01]))`
)

var (
	timeShape   = regexp.MustCompile(`^(?:` + dayPattern + ` ?)?` + clockPattern + `$`)
	dateShape   = regexp.MustCompile(`^` + dayPattern + `(?: ?` + clockPattern + `)?$`)
	numberShape = regexp.MustCompile(`^[0-9]+(?:\.[0-9]+)?$`)
	letterShape = regexp.MustCompile(`^[A-Za-z]{1,32}$`)
	asciiShape  = regexp.MustCompile(`^[ -~]{1,32}$`)
	amountShape = regexp.MustCompile(`^\p{Sc}?([0-9]+(?:\.[0-9]+)?)元?$`)
	plateShape  = regexp.MustCompile(`^[\p{Han}0-9A-Za-z][0-9A-Za-z]{0,6}[\p{Han}0-9A-Za-z]?$`)
	phraseShape = regexp.MustCompile(`^\p{Han}{1,5}$`)
)

// holds tells whether a value fits a keyword, by the document's table.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage.html (发送订阅消息)
func (k keyword) holds(value string) bool {
	if badText(value) {
		return false
	}
	switch k.kind() {
	case "thing":
		return utf8.RuneCountInString(value) <= 20
	case "number":
		return numberShape.MatchString(value) && countDigits(value) <= 32
	case "letter":
		return letterShape.MatchString(value)
	case "symbol":
		return utf8.RuneCountInString(value) <= 5 && !strings.ContainsFunc(value, notSymbol)
	case "character_string":
		return asciiShape.MatchString(value)
	case "time":
		return isRange(timeShape, value)
	case "date":
		return isRange(dateShape, value)
	case "amount":
		return amountShape.MatchString(value) && countDigits(value) <= 10
	case "phone_number":
		return utf8.RuneCountInString(value) <= 17 && countDigits(value) > 0 && !strings.ContainsFunc(value, notPhone)
	case "car_number":
		return plateShape.MatchString(value)
	case "name":
		return isName(value)
	case "phrase":
		return phraseShape.MatchString(value)
	case "enum":
		return slices.Contains(k.Enum, value)
	}
	return false
}

// countDigits counts decimal digits, before and after a point.
func countDigits(value string) (n int) {
	for _, r := range value {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n
}

func notSymbol(r rune) bool { return !unicode.IsPunct(r) && !unicode.IsSymbol(r) }
func notPhone(r rune) bool  { return (r < '0' || r > '9') && r != ' ' && notSymbol(r) }

// isRange accepts one value, or two with a ~ between them.
func isRange(shape *regexp.Regexp, value string) bool {
	from, to, both := strings.Cut(value, "~")
	return shape.MatchString(strings.TrimSpace(from)) && (!both || shape.MatchString(strings.TrimSpace(to)))
}

// isName allows 10 characters if one of them is Chinese, else 20; digits are not allowed.
func isName(value string) bool {
	most := 20
	for _, r := range value {
		switch {
		case unicode.Is(unicode.Han, r):
			most = 10
		case !unicode.IsLetter(r) && r != ' ' && notSymbol(r):
			return false
		}
	}
	return utf8.RuneCountInString(value) <= most
}

// templateData is the data of a message as received: {"thing1": {"value": "..."}}.
type templateData map[string]struct {
	Value json.RawMessage `json:"value"`
}

// messageLine is one line of a message as the phone shows it.
type messageLine struct {
	Code  string `json:"code"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// fill puts data into the template's lines, or returns the wrong argument, as in "data.thing4.value invalid". note: it
// ignores data that the template does not use.
func (t template) fill(data templateData) (lines []messageLine, wrong string) {
	for _, k := range t.Keywords {
		value, isText := scalarText(data[k.Code].Value)
		switch {
		case value == "" && isText:
			return nil, "data." + k.Code + ".value is empty"
		case !isText || !k.holds(value):
			return nil, "data." + k.Code + ".value invalid"
		}
		lines = append(lines, messageLine{k.Code, k.Name, value})
	}
	return lines, ""
}

// scalarText reads text, or a number as written; absent and null are empty.
func scalarText(raw json.RawMessage) (text string, ok bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", true
	}
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	var number json.Number
	if json.Unmarshal(raw, &number) != nil {
		return "", false
	}
	return number.String(), true
}
