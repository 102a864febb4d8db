package hooks

import (
	"encoding/json"
	"fmt"
	"io"
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

// What is read of a body that nobody wanted, before the answer goes out.
const (
	drainBytes = 32 << 20
	drainTime  = 10 * time.Second
)

// drainBody reads what is left of a body before the answer is sent. A proxy that is still sending when the connection is closed on it does
// not look at the answer: nginx makes 502 of our 413 and 401.
//
// note: the answer to a refusal is small, so that it is still in the server's buffer here.
func drainBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		if body != nil && body != http.NoBody {
			r.Body = io.NopCloser(body) // note: PocketBase closes it, and then nothing more can be read
		}
		next.ServeHTTP(w, r)
		// whoever waits for 100 Continue sends nothing before the answer
		if r.ContentLength == 0 || body == nil || r.Header.Get("Expect") != "" || r.Header.Get("Upgrade") != "" {
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime))
		_, _ = io.CopyN(io.Discard, body, drainBytes)
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
			l.Message = cutLog(scrub(l.Message), maxLogURL)
			l.Data = capLog(scrubMap(l.Data))
		}
		return e.Next()
	}})
}

// maxLogData is how many bytes of JSON a row keeps of what a call of the logger says.
const maxLogData = 32 << 10

// capLog keeps a row small whatever a hook or an error puts into it.
func capLog(data types.JSONMap[any]) types.JSONMap[any] {
	raw, err := json.Marshal(data)
	if err != nil || len(raw) <= maxLogData {
		return data
	}
	return types.JSONMap[any]{"cut": cutLog(string(raw), maxLogData)}
}

// scrub replaces the secrets in a text.
// note: most texts have nothing that could come before a secret, and looking for that costs a hundredth of the expressions.
func scrub(text string) string {
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
	case nil, bool, int, int64, uint64, float64, time.Time:
		return v
	case time.Duration:
		return int64(v) // note: nanoseconds, as encoding/json writes one; its second version refuses a bare Duration, and the row would be lost
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

// plainOrigin is what a browser sends: a scheme, a host and perhaps a port.
var plainOrigin = regexp.MustCompile(`^(?:null|(?i:[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?))$`)

// strictOrigin keeps what is no origin from PocketBase's patterns, where the star of `https://*.example.com` also stands for slashes and what
// else no host has: it is treated as a request without one, which no page may read. The sockets look at origins themselves.
func strictOrigin(e *core.RequestEvent) error {
	origins := e.Request.Header.Values("Origin")
	isOdd := len(origins) > 1 || len(origins) == 1 && !plainOrigin.MatchString(origins[0])
	if isOdd && !strings.HasPrefix(e.Request.URL.Path, "/socket.io/") {
		e.Request.Header.Del("Origin")
	}
	return e.Next()
}
