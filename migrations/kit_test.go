package migrations_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"

	_ "wxbase/migrations" // what is tested
)

// kit is a migrated app with the routes of PocketBase and none of ours, so that the rules stand alone.
type kit struct {
	*tests.TestApp

	mux http.Handler
}

// newKit makes an app on an empty folder; routes adds to what PocketBase serves.
func newKit(tb testing.TB, routes ...func(*core.ServeEvent)) *kit {
	tb.Helper()
	app, err := tests.NewTestApp(tb.TempDir())
	if err != nil {
		tb.Fatalf("start app: %v", err)
	}
	tb.Cleanup(app.Cleanup)
	k := &kit{TestApp: app}
	router, err := apis.NewRouter(app)
	if err != nil {
		tb.Fatal(err)
	}
	app.OnServe().Unbind("__pbCronStart__") // as in apptest
	err = app.OnServe().Trigger(&core.ServeEvent{App: app, Router: router}, func(e *core.ServeEvent) (err error) {
		for _, add := range routes {
			add(e)
		}
		k.mux, err = e.Router.BuildMux()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// make saves a record as the server does.
func (k *kit) make(tb testing.TB, collection string, fields map[string]any) *core.Record {
	tb.Helper()
	c, err := k.FindCollectionByNameOrId(collection)
	if err != nil {
		tb.Fatal(err)
	}
	r := core.NewRecord(c)
	if c.IsAuth() {
		r.SetPassword("a-long-password")
	}
	r.Load(fields)
	if err := k.Save(r); err != nil {
		tb.Fatalf("make %s: %v", collection, err)
	}
	return r
}

func token(tb testing.TB, r *core.Record) string {
	tb.Helper()
	t, err := r.NewAuthToken()
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// answer is what the HTTP API said.
type answer struct {
	status int
	body   string
	json   map[string]any
}

func (k *kit) call(tb testing.TB, method, path, token string, body any) answer {
	tb.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	return k.send(tb, method, path, token, "application/json", raw)
}

func (k *kit) send(tb testing.TB, method, path, token, contentType string, body []byte) answer {
	tb.Helper()
	req := httptest.NewRequestWithContext(tb.Context(), method, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", token)
	rec := httptest.NewRecorder()
	k.mux.ServeHTTP(rec, req)
	a := answer{status: rec.Code, body: rec.Body.String()}
	_ = json.Unmarshal(rec.Body.Bytes(), &a.json)
	return a
}

// ids lists the ids of a list answer.
func (a answer) ids() (ids []string) {
	items, _ := a.json["items"].([]any)
	for _, i := range items {
		item, _ := i.(map[string]any)
		id, _ := item["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

func records(collection string) string { return "/api/collections/" + collection + "/records" }
