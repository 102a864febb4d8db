// Package redact removes secrets from texts before they reach a log, an alert or a stored error.
package redact

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/tools/types"
)

// The places where a secret, or a person's number, is recognised: a query string, also one quoted inside another; a
// header; and a JSON text. A word may come before the name (refresh_token, apiV3Key), but errcode is not a code, and a
// monkey not a key.
const secretWords = `token|secret|session_?key|password|passwd|authorization|ticket|phone|phone_?number|mobile|encrypted_?data|rawdata|signature|` +
	`cookie|private_?key|api_?key|aes_?key|apiv[23]_?key|secret_?key`

var (
	secretName  = regexp.MustCompile(`(?i)^(?:[\w-]*(?:` + secretWords + `)|key|js_code|iv)$`)
	secretQuery = regexp.MustCompile(`(?i)\b(\w*(?:` + secretWords + `)|js_code|code|key|iv)` +
		`(?:=[^&\s"'\\]+|%3D(?:[^%&\s"'\\]|%25[0-9A-F]{2})+)`)
	secretHeader = regexp.MustCompile(`(?i)\b(authorization|cookie|set-cookie)(\\?"?\s*:\s*\[?\\?"?\s*)(?:(?:bearer|basic|wechatpay2-[\w-]+)\s+)?[^\s"\\,\]]+`)
	secretJSON   = regexp.MustCompile(`(?i)(\\?"(?:\w*(?:` + secretWords + `)|key|js_code|iv)\\?"\s*:\s*\\?")[^"\\]+`)
	secretNumber = regexp.MustCompile(`(?i)(\\?"(?:\w*(?:phone|phone_?number|mobile))\\?"\s*:\s*)\d{5,}`)
	secretXML    = regexp.MustCompile(`(?i)(<(\w*(?:` + secretWords + `)|key)>(?:<!\[CDATA\[)?)[^<\]]+`)
)

// Text replaces the secrets in a text.
// note: most texts have nothing that could come before a secret, and looking for that costs a hundredth of the expressions.
func Text(text string) string {
	if strings.ContainsAny(text, "=%") {
		text = secretQuery.ReplaceAllString(text, "$1=***")
	}
	if strings.IndexByte(text, ':') >= 0 {
		text = secretHeader.ReplaceAllString(text, "$1$2***")
	}
	if strings.IndexByte(text, '"') >= 0 {
		text = secretJSON.ReplaceAllString(text, "$1***")
		text = secretNumber.ReplaceAllString(text, "$1***")
	}
	if strings.IndexByte(text, '<') >= 0 {
		text = secretXML.ReplaceAllString(text, "$1***")
	}
	return text
}

// Map replaces the secrets in what a log call has attached, in place, and returns it.
func Map(data types.JSONMap[any]) types.JSONMap[any] {
	for key, value := range data {
		if text, ok := value.(string); ok && text != "" && secretName.MatchString(key) {
			data[key] = "***"
			continue
		}
		data[key] = scrubValue(value)
	}
	return data
}

func scrubValue(value any) any {
	switch v := value.(type) {
	case nil, bool, int, int64, uint64, float64, time.Time:
		return v
	case time.Duration:
		return int64(v) // note: nanoseconds, as encoding/json writes one; its second version refuses a bare Duration, and the row would be lost
	case string:
		return Text(v)
	case error:
		return Text(v.Error())
	case map[string]any:
		return map[string]any(Map(v))
	default:
		return scrubJSON(v)
	}
}

// scrubJSON handles every other type as it will be written: as JSON.
func scrubJSON(value any) any {
	raw, err := json.Marshal(value)
	if err != nil {
		return Text(fmt.Sprint(value))
	}
	return json.RawMessage(Text(string(raw)))
}
