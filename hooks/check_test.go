package hooks_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

const (
	textPath  = "/wxa/msg_sec_check"
	mediaPath = "/wxa/media_check_async"
)

// sendForm sends a form as wx.uploadFile does.
func sendForm(t *testing.T, app *apptest.App, path, token, field string, file []byte, fields map[string]string) apptest.Answer {
	t.Helper()
	return sendFormBy(t, app, http.MethodPost, path, token, field, file, fields)
}

func sendFormBy(t *testing.T, app *apptest.App, method, path, token, field string, file []byte, fields map[string]string) apptest.Answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for key, value := range fields {
		if err := form.WriteField(key, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile(field, "a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, app.URL+path, &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Authorization", token)
	return app.Do(req)
}

// results lets the time pass that WeChat takes to look at an image.
func results(t *testing.T, app *apptest.App) {
	t.Helper()
	app.Must(http.MethodPost, "/_sim/clock", "", map[string]any{"advance": "5s"})
}

func TestCheckText(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	nobody := newRecord(t, app, "users", map[string]any{"name": "x", "password": "1234567890"})
	token, err := nobody.NewAuthToken()
	if err != nil {
		t.Fatal(err)
	}
	scenarios := []struct {
		name    string
		token   string
		body    any
		status  int
		code    string
		suggest string
	}{
		{"fine", person.Token, map[string]any{"content": "三鲜面很好吃"}, 200, "", "pass"},
		{"risky", person.Token, map[string]any{"content": "这里有毒品", "scene": 3}, 200, "", "risky"},
		{"for a person to look at", person.Token, map[string]any{"content": "请加微信"}, 200, "", "review"},
		{"a risky title", person.Token, map[string]any{"content": "好", "title": "毒品"}, 200, "", "risky"},
		{"2500 characters", person.Token, map[string]any{"content": strings.Repeat("面", 2500)}, 200, "", "pass"},
		{"2501 characters", person.Token, map[string]any{"content": strings.Repeat("面", 2501)}, 400, "check_arguments_invalid", ""},
		{"nothing", person.Token, map[string]any{"content": ""}, 400, "check_arguments_invalid", ""},
		{"an unknown scene", person.Token, map[string]any{"content": "好", "scene": 5}, 400, "check_arguments_invalid", ""},
		{"no JSON", person.Token, "content=x", 400, "body_not_json", ""},
		{"somebody who never logged in", token, map[string]any{"content": "好"}, 409, "wx_identity_missing", ""},
		{"a guest", "", map[string]any{"content": "好"}, 401, "", ""},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := app.Call(http.MethodPost, "/api/wx/check/text", s.token, s.body)
			wantAnswer(t, got, s.status, s.code)
			if got.Text("suggest") != s.suggest {
				t.Errorf("got %s, want %q", got.Body, s.suggest)
			}
		})
	}
	app.Clock.Advance(3 * time.Hour)
	wantAnswer(t, app.Call(http.MethodPost, "/api/wx/check/text", person.Token, map[string]any{"content": "好"}), 409, "wx_state_refused")
}

func TestCheckImage(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, other := app.Login("小明"), app.Login("小红")
	whole := portrait(t, 300)
	risky := append(bytes.Clone(whole), "sim-risky"...)
	for name, want := range map[string]string{string(whole): "PASS", string(risky): "RISKY"} {
		made := sendForm(t, app, "/api/wx/check/image", person.Token, "file", []byte(name), nil)
		if made.Text("suggest") != "pending" || made.Text("id") == "" {
			t.Fatalf("got %d %s, want pending", made.Status, made.Body)
		}
		results(t, app)
		waitFor(t, app, "wx_checks", dbx.HashExp{"id": made.Text("id")}, isState(want))
		mine := person.Must(http.MethodGet, "/api/collections/wx_checks/records/"+made.Text("id"), nil)
		if mine.Text("state") != want || strings.Contains(string(mine.Body), "openid") {
			t.Errorf("mine: got %s", mine.Body)
		}
		if got := other.Call(http.MethodGet, "/api/collections/wx_checks/records/"+made.Text("id"), nil); got.Status != 404 {
			t.Errorf("somebody else: got %d, want 404", got.Status)
		}
	}
	eventually(t, "no files after the verdicts", func() bool { return files(t, app) == 0 }) // note: they go after the commit of the verdict
	scenarios := []struct {
		name   string
		answer apptest.Answer
		code   string
	}{
		{"text", sendForm(t, app, "/api/wx/check/image", person.Token, "file", []byte("hello"), nil), "check_image_invalid"},
		{"nothing at all", person.Call(http.MethodPost, "/api/wx/check/image", map[string]any{}), "check_arguments_invalid"},
		{"a record that is not there", person.Call(http.MethodPost, "/api/wx/check/image", map[string]any{"collection": "users", "record": "x", "field": "avatar"}), "check_arguments_invalid"},
		{"a record of somebody else", other.Call(http.MethodPost, "/api/wx/check/image", map[string]any{"collection": "users", "record": person.User, "field": "avatar"}), "check_arguments_invalid"},
		{"a field without a file", person.Call(http.MethodPost, "/api/wx/check/image", map[string]any{"collection": "users", "record": person.User, "field": "avatar"}), "check_arguments_invalid"},
	}
	for _, s := range scenarios {
		wantAnswer(t, s.answer, 400, s.code)
	}
	req := httptest.NewRequest(http.MethodPost, "/api/wx/check/image", bytes.NewReader(make([]byte, 11<<20)))
	req.Header.Set("Authorization", person.Token)
	large := httptest.NewRecorder()
	if app.Handler.ServeHTTP(large, req); large.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("11 MB: got %d, want 413", large.Code)
	}
	sendForm(t, app, "/api/wx/profile", person.Token, "avatar", whole, nil)
	made := person.Must(http.MethodPost, "/api/wx/check/image", map[string]any{"collection": "users", "record": person.User, "field": "avatar"})
	results(t, app)
	waitFor(t, app, "wx_checks", dbx.HashExp{"id": made.Text("id")}, isState("PASS"))
	eventually(t, "no file but the avatar", func() bool { return files(t, app) == 1 })
}

// TestCheckImageWithoutAnAddress: WeChat could not fetch it, and the error says so.
func TestCheckImageWithoutAnAddress(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t, func(c *hooks.Config) { c.PublicURL = "" })
	person := scriptedPerson(t, app, wx, "one")
	got := sendForm(t, app, "/api/wx/check/image", person.Token, "file", portrait(t, 300), nil)
	wantAnswer(t, got, 503, "check_public_url_missing")
	eventually(t, "no rows and no files", func() bool { return rows(t, app, "wx_checks") == 0 && files(t, app) == 0 })
}

// TestCheckImageThatFails: nothing stays when WeChat does not take it.
func TestCheckImageThatFails(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	app.Fault("media_check_async", "44991", 1)
	got := sendForm(t, app, "/api/wx/check/image", person.Token, "file", portrait(t, 300), nil)
	wantAnswer(t, got, 429, "wx_rate_limited")
	eventually(t, "no rows and no files", func() bool { return rows(t, app, "wx_checks") == 0 && files(t, app) == 0 })
}
