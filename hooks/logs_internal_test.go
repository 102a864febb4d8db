package hooks

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/logs"
)

// Anybody may send a header; only a proxy that is near is believed.
func TestFarRequestIDs(t *testing.T) {
	t.Parallel()
	app := activityApp(t)
	app.Settings().TrustedProxy.Headers = []string{"X-Real-IP"}
	for remote, kept := range map[string]bool{"10.0.0.7:1": true, "127.0.0.1:1": true, "8.8.8.8:1": false, "[2001:db8::1]:1": false} {
		e := &core.RequestEvent{App: app}
		e.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		e.Request.RemoteAddr = remote
		e.Request.Header.Set(logs.RequestHeader, "from-the-proxy")
		told := httptest.NewRecorder()
		e.Response = told
		if err := nameRequest(e); err != nil {
			t.Fatal(err)
		}
		id := logs.Of(e.Request.Context()).ID
		if (id == "from-the-proxy") != kept || told.Header().Get(logs.RequestHeader) != id {
			t.Errorf("%s: got %q in the context, %q in the answer", remote, id, told.Header().Get(logs.RequestHeader))
		}
	}
}
