package roomtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/books"
)

// Request is what a handler gets.
type Request struct {
	As     *core.Record // nil for a guest
	Method string       // POST when empty
	Target string       // path and query; / when empty
	Body   any          // becomes JSON; nil is no body
	From   string       // address of the client; 192.0.2.1 when empty
	Path   map[string]string
}

// Answer is what a handler made of it.
type Answer struct {
	Status int
	Code   string         // data.code of a refusal
	JSON   map[string]any // body, or data of a refusal
	Err    error
}

// Text is a field of the answer, or empty.
func (a Answer) Text(field string) string {
	text, _ := a.JSON[field].(string)
	return text
}

// Call runs a handler as PocketBase would, without a network.
func (k *Kit) Call(handler func(*core.RequestEvent) error, in Request) Answer {
	k.tb.Helper()
	recorder := httptest.NewRecorder()
	event := &core.RequestEvent{App: k.TestApp, Auth: in.As}
	event.Request, event.Response = k.HTTPRequest(in), recorder
	err := handler(event)
	if err == nil {
		a := Answer{Status: recorder.Code}
		_ = json.Unmarshal(recorder.Body.Bytes(), &a.JSON)
		return a
	}
	return Refusal(err)
}

// Refusal reads an error that is an answer.
func Refusal(err error) Answer {
	refusal, ok := errors.AsType[*router.ApiError](err)
	if !ok {
		return Answer{Status: http.StatusInternalServerError, Code: "no answer", Err: err}
	}
	code, _ := refusal.Data["code"].(string)
	return Answer{Status: refusal.Status, Code: code, JSON: refusal.Data, Err: err}
}

// HTTPRequest is what a client would send.
func (k *Kit) HTTPRequest(in Request) *http.Request {
	k.tb.Helper()
	var body io.Reader
	if in.Body != nil {
		raw, err := json.Marshal(in.Body)
		if err != nil {
			k.tb.Fatalf("encode body: %v", err)
		}
		body = strings.NewReader(string(raw))
	}
	method, target := in.Method, in.Target
	if method == "" {
		method = http.MethodPost
	}
	if target == "" {
		target = "/"
	}
	req := httptest.NewRequestWithContext(k.tb.Context(), method, target, body)
	req.Header.Set("Content-Type", "application/json")
	if in.From != "" {
		req.RemoteAddr = in.From + ":50000"
	}
	for name, value := range in.Path {
		req.SetPathValue(name, value)
	}
	return req
}

// User makes a user whom no password opens.
func (k *Kit) User(name string) *core.Record {
	k.tb.Helper()
	return k.Save("users", map[string]any{"name": name})
}

// Person makes a user whom WeChat knows in the usual mini program as "o" and the name.
func (k *Kit) Person(name string) *core.Record {
	k.tb.Helper()
	user := k.User(name)
	k.Save("wx_identities", map[string]any{"user": user.Id, "appid": AppID, "openid": OpenID(name), "sessionAt": k.Clock.Now()})
	return user
}

// OpenID is what WeChat calls a person of Person.
func OpenID(name string) string { return "o" + name }

// Superuser makes one.
func (k *Kit) Superuser() *core.Record {
	k.tb.Helper()
	return k.Save(core.CollectionNameSuperusers, map[string]any{"email": "owner@example.com"})
}

// Save writes a row of any collection.
func (k *Kit) Save(collection string, fields map[string]any) *core.Record {
	k.tb.Helper()
	c, err := k.FindCollectionByNameOrId(collection)
	if err != nil {
		k.tb.Fatalf("find collection %s: %v", collection, err)
	}
	r := core.NewRecord(c)
	if c.IsAuth() {
		r.RefreshTokenKey()
		r.SetRaw("password", &core.PasswordFieldValue{Hash: "$none"}) // spares a bcrypt per test
	}
	r.Load(fields)
	if err := books.Save(k.TestApp, r); err != nil {
		k.tb.Fatalf("save %s: %v", collection, err)
	}
	return r
}

// WorkOutbox carries out everything of the outbox that is due, once, and returns how many rows that were.
func (k *Kit) WorkOutbox() int {
	k.tb.Helper()
	var rows []*core.Record
	err := k.RecordQuery("wx_outbox").AndWhere(dbx.HashExp{"doneAt": ""}).OrderBy("created", "id").All(&rows)
	if err != nil {
		k.tb.Fatalf("read outbox: %v", err)
	}
	n := 0
	for _, row := range rows {
		if row.GetDateTime("nextAt").Time().After(k.Clock.Now()) {
			continue
		}
		if err := k.Books.CarryOut(k.tb.Context(), row); err != nil {
			k.tb.Fatalf("carry out %s: %v", row.GetString("effect"), err)
		}
		n++
	}
	return n
}

// Row reads a row again.
func (k *Kit) Row(collection, id string) *core.Record {
	k.tb.Helper()
	r, err := k.FindRecordById(collection, id)
	if err != nil {
		k.tb.Fatalf("read %s %s: %v", collection, id, err)
	}
	return r
}

// Only reads the one row of a collection.
func (k *Kit) Only(collection string) *core.Record {
	k.tb.Helper()
	rows, err := k.FindAllRecords(collection)
	if err != nil || len(rows) != 1 {
		k.tb.Fatalf("read %s: got %d rows (%v), want 1", collection, len(rows), err)
	}
	return rows[0]
}

// Count counts the rows of a collection.
func (k *Kit) Count(collection string) int {
	k.tb.Helper()
	n, err := k.CountRecords(collection)
	if err != nil {
		k.tb.Fatalf("count %s: %v", collection, err)
	}
	return int(n)
}

// Want refuses another status or code than the named ones.
func (k *Kit) Want(what string, got Answer, status int, code string) {
	k.tb.Helper()
	if got.Status != status || got.Code != code {
		k.tb.Errorf("%s: got %d %q (%v), want %d %q", what, got.Status, got.Code, errorText(got), status, code)
	}
}

func errorText(a Answer) string { return fmt.Sprint(a.Err, a.JSON) }
