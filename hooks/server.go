package hooks

import (
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

// dashboardHeaders stops browsers from keeping the dashboard's extension code for two weeks after an upgrade.
func dashboardHeaders(e *core.RequestEvent) error {
	if strings.HasPrefix(e.Request.URL.Path, "/_/extensions") {
		e.Response.Header().Set("Cache-Control", "no-cache")
	}
	return e.Next()
}

// secretQuery finds secrets in anything that looks like a query string.
var secretQuery = regexp.MustCompile(`(?i)\b(access_token|secret|appsecret|session_key|token|js_code|code)=[^&\s"]+`)

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

func scrub(text string) string { return secretQuery.ReplaceAllString(text, "$1=***") }

func scrubMap(data types.JSONMap[any]) types.JSONMap[any] {
	for key, value := range data {
		switch v := value.(type) {
		case string:
			data[key] = scrub(v)
		case error:
			data[key] = scrub(v.Error())
		case map[string]any:
			data[key] = map[string]any(scrubMap(v))
		}
	}
	return data
}
