package answer

// PocketBase trusts a body's Content-Type. Here a body that begins with a brace becomes JSON, so that PocketBase's
// routes read it as ours do.

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
)

// NameBody sets the Content-Type of a body of PocketBase's routes for records, batches and subscriptions by its bytes.
// It refuses a body that they cannot read, which PocketBase would treat as empty.
func NameBody(e *core.RequestEvent) error {
	path, method := e.Request.URL.Path, e.Request.Method
	writes := method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut
	if !writes || e.Request.Body == nil || !strings.HasPrefix(path, "/api/collections/") && path != "/api/batch" && path != "/api/realtime" {
		return e.Next()
	}
	kind, _, _ := mime.ParseMediaType(e.Request.Header.Get("Content-Type"))
	start := strings.TrimSpace(strings.TrimPrefix(firstBytes(e, 64), "\xef\xbb\xbf"))
	switch {
	case start == "":
	case start[0] == '{' || start[0] == '[':
		e.Request.Header.Set("Content-Type", "application/json")
	case kind != "application/json" && kind != "application/x-www-form-urlencoded" && kind != "multipart/form-data":
		return Fail(NotJSON, nil)
	}
	return e.Next()
}

// firstBytes looks at the beginning of a body without consuming it. NB! a body that PocketBase has wrapped restarts at
// its end: do not read on after the end.
func firstBytes(e *core.RequestEvent, n int) string {
	start := make([]byte, n)
	got, err := io.ReadFull(e.Request.Body, start)
	start = start[:got]
	body := bufferedBody{bytes.NewReader(start), e.Request.Body}
	if err == nil {
		body.Reader = io.MultiReader(body.Reader, e.Request.Body)
	}
	e.Request.Body = &router.RereadableReadCloser{ReadCloser: body}
	return string(start)
}
