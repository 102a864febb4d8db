package hooks

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

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
