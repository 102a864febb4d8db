package hooks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/types"
)

// hardenServer sets the time-outs that PocketBase leaves wide, so that slow headers are not a cheap attack.
// note: reading and writing keep PocketBase's five minutes, because uploads and downloads need them.
func hardenServer(s *http.Server) {
	if s == nil { // a test that builds the mux only
		return
	}
	s.ReadHeaderTimeout = 10 * time.Second
	s.IdleTimeout = 90 * time.Second
	s.MaxHeaderBytes = 64 << 10
}

// patchByHeader takes a POST with the header `X-HTTP-Method-Override: PATCH` for a PATCH, which wx.request cannot send.
func patchByHeader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.Header.Get("X-HTTP-Method-Override") == http.MethodPatch {
			r.Method = http.MethodPatch
		}
		next.ServeHTTP(w, r)
	})
}

// dashboardHeaders stops browsers from keeping the dashboard's extension code for two weeks after an upgrade.
func dashboardHeaders(e *core.RequestEvent) error {
	if strings.HasPrefix(e.Request.URL.Path, "/_/extensions") {
		e.Response.Header().Set("Cache-Control", "no-cache")
	}
	return e.Next()
}

// The places where a secret, or a person's number, is recognized: a query string, also one that is quoted inside another; a header; and a
// JSON text. A word may come before the name (refresh_token, apiV3Key), but errcode is no code, and a monkey no key.
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

// bindLogs scrubs every log row before it is written: PocketBase logs whole URLs, and a file's URL carries a token.
func bindLogs(app core.App) {
	app.OnModelCreate("_logs").Bind(&hook.Handler[*core.ModelEvent]{Id: "wxLogScrub", Func: func(e *core.ModelEvent) error {
		if l, ok := e.Model.(*core.Log); ok {
			l.Message = scrub(l.Message)
			l.Data = scrubMap(l.Data)
		}
		return e.Next()
	}})
}

func scrub(text string) string {
	text = secretQuery.ReplaceAllString(text, "$1=***")
	text = secretHeader.ReplaceAllString(text, "$1$2***")
	text = secretJSON.ReplaceAllString(text, "$1***")
	text = secretNumber.ReplaceAllString(text, "$1***")
	return secretXML.ReplaceAllString(text, "$1***")
}

func scrubMap(data types.JSONMap[any]) types.JSONMap[any] {
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
	case nil, bool, int, int64, uint64, float64, time.Time, time.Duration:
		return v
	case string:
		return scrub(v)
	case error:
		return scrub(v.Error())
	case map[string]any:
		return map[string]any(scrubMap(v))
	default:
		return scrubJSON(v)
	}
}

// scrubJSON handles every other type as it will be written: as JSON.
func scrubJSON(value any) any {
	raw, err := json.Marshal(value)
	if err != nil {
		return scrub(fmt.Sprint(value))
	}
	return json.RawMessage(scrub(string(raw)))
}
