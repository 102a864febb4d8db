package hooks_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	scenarios := []struct {
		name   string
		body   any
		status int
		code   string
		want   string
	}{
		{"a name", map[string]any{"name": "阿明 🍜"}, 200, "", "阿明 🍜"},
		{"spaces and control characters go", map[string]any{"name": "  阿\x00明\n "}, 200, "", "阿明"},
		{"no name", map[string]any{"name": " "}, 400, "profile_name_invalid", "阿明"},
		{"the name of everybody", map[string]any{"name": "微信用户"}, 400, "profile_name_invalid", "阿明"},
		{"32 characters", map[string]any{"name": strings.Repeat("名", 32)}, 200, "", strings.Repeat("名", 32)},
		{"33 characters", map[string]any{"name": strings.Repeat("名", 33)}, 400, "profile_name_invalid", strings.Repeat("名", 32)},
		{"other fields are not looked at", map[string]any{"phone": "1", "blocked": true, "name": "甲"}, 200, "", "甲"},
	}
	for _, s := range scenarios {
		got := person.Call(http.MethodPost, "/api/wx/profile", s.body)
		if got.Status != s.status || got.Code() != s.code {
			t.Errorf("%s: got %d %q, want %d %q", s.name, got.Status, got.Code(), s.status, s.code)
		}
		user, err := app.FindRecordById("users", person.User)
		if err != nil {
			t.Fatal(err)
		}
		if user.GetString("name") != s.want || user.GetString("phone") != "" || user.GetBool("blocked") {
			t.Errorf("%s: got name %q phone %q, want %q and no phone", s.name, user.GetString("name"), user.GetString("phone"), s.want)
		}
	}
	if got := app.Call(http.MethodPost, "/api/wx/profile", "", map[string]any{"name": "甲"}); got.Status != 401 {
		t.Errorf("guest: got %d, want 401", got.Status)
	}
}

func TestProfileAvatar(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	if got := upload(t, app, person, picture.Bytes()); got.Status != 200 || !strings.HasSuffix(got.Text("avatar"), ".png") {
		t.Errorf("a picture: got %d %s, want 200 and a .png", got.Status, got.Body)
	}
	if got := upload(t, app, person, []byte("<svg onload=alert(1)>")); got.Status != 400 || got.Code() != "profile_avatar_invalid" {
		t.Errorf("no picture: got %d %q, want 400 profile_avatar_invalid", got.Status, got.Code())
	}
	if got := upload(t, app, person, make([]byte, 4<<20)); got.Status != 413 {
		t.Errorf("four megabytes: got %d, want 413", got.Status)
	}
}

func TestProfileCanBeRefusedByAHook(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.WX.OnProfile().BindFunc(func(e *events.ProfileEvent) error {
		if e.User.GetString("name") == "坏" {
			return errors.New("a word that the shop does not want")
		}
		return e.Next()
	})
	person := app.Login("小明")
	if got := person.Call(http.MethodPost, "/api/wx/profile", map[string]any{"name": "坏"}); got.Status != 422 || got.Code() != "profile_refused" {
		t.Errorf("refused name: got %d %q, want 422 profile_refused", got.Status, got.Code())
	}
	if got := person.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": "好"}); got.Text("name") != "好" {
		t.Errorf("name: got %s, want 好", got.Body)
	}
}

// upload sends a file as wx.uploadFile does.
func upload(t *testing.T, app *apptest.App, person apptest.Person, content []byte) apptest.Answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("avatar", "avatar.png")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(content)
	_ = form.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL+"/api/wx/profile", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Authorization", person.Token)
	req.Header.Set("Expect", "100-continue") // so that a refusal is read before the body is sent
	return app.Do(req)
}
