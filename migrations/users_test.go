package migrations_test

import (
	"bytes"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"
)

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

// TestUsersChange: people change their name and avatar and nothing else.
func TestUsersChange(t *testing.T) {
	k := newKit(t)
	me := k.make(t, "users", map[string]any{
		"name": "小明", "phone": "13800138000", "countryCode": "86", "email": "me@example.com", "emailVisibility": false,
	})
	other := k.make(t, "users", map[string]any{"name": "小红"})
	mine := records("users") + "/" + me.Id
	scenarios := []struct {
		name string
		path string
		body map[string]any
		ok   bool
	}{
		{"name", mine, map[string]any{"name": "小刚"}, true},
		{"name, and the phone as it is", mine, map[string]any{"name": "小刚", "phone": "13800138000"}, true},
		{"phone", mine, map[string]any{"phone": "13900139000"}, false},
		{"phone taken away", mine, map[string]any{"phone": ""}, false},
		{"countryCode", mine, map[string]any{"countryCode": "1"}, false},
		{"blocked", mine, map[string]any{"blocked": true}, false},
		{"name and blocked", mine, map[string]any{"name": "x", "blocked": true}, false},
		{"email", mine, map[string]any{"email": "you@example.com"}, false},
		{"emailVisibility", mine, map[string]any{"emailVisibility": true}, false},
		{"verified", mine, map[string]any{"verified": true}, false},
		{"password", mine, map[string]any{"password": "new-long-password", "passwordConfirm": "new-long-password"}, false},
		{"password with a guessed old one", mine, map[string]any{
			"password": "new-long-password", "passwordConfirm": "new-long-password", "oldPassword": "",
		}, false},
		{"the id", mine, map[string]any{"id": "abcdefghijklmno"}, false},
		{"another user's name", records("users") + "/" + other.Id, map[string]any{"name": "x"}, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			before, err := k.FindRecordById("users", me.Id)
			if err != nil {
				t.Fatal(err)
			}
			a := k.call(t, http.MethodPatch, s.path, token(t, before), s.body)
			if ok := a.status == http.StatusOK; ok != s.ok {
				t.Errorf("got %d %s, want success %v", a.status, a.body, s.ok)
			}
			wantUntouched(t, k, before, s.ok)
		})
	}
	// note: PocketBase answers 200 and ignores hidden fields and unknown modifiers
	for _, key := range []string{"tokenKey", "tokenKey:autogenerate", "phone:autogenerate", "phone+", "countryCode:autogenerate", "email+", "blocked+"} {
		k.call(t, http.MethodPatch, mine, token(t, me), map[string]any{key: strings.Repeat("9", 40)})
		wantUntouched(t, k, me, true)
	}
	if r, _ := k.FindRecordById("users", other.Id); r.GetString("name") != "小红" {
		t.Errorf("the other user: got name %q", r.GetString("name"))
	}
}

// wantUntouched compares everything but the name, which may have changed if named is true.
func wantUntouched(t *testing.T, k *kit, before *core.Record, named bool) {
	t.Helper()
	after, err := k.FindRecordById("users", before.Id)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range before.Collection().Fields.FieldNames() {
		if field == "updated" || field == "name" && named {
			continue
		}
		if before.GetString(field) != after.GetString(field) {
			t.Errorf("%s: got %q, want %q as before", field, after.GetString(field), before.GetString(field))
		}
	}
}

func TestUsersAvatar(t *testing.T) {
	k := newKit(t)
	me := k.make(t, "users", map[string]any{"name": "小明"})
	png, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	scenarios := []struct {
		name    string
		content []byte
		status  int
	}{
		{"a picture", png, http.StatusOK},
		{"SVG, which can carry script", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`), http.StatusBadRequest},
		{"HTML that calls itself a picture", []byte("<!doctype html><script>1</script>"), http.StatusBadRequest},
		{"more than 2 MB", append(bytes.Clone(png), make([]byte, 2<<20)...), http.StatusBadRequest},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			file, err := form.CreateFormFile("avatar", "me.png")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = file.Write(s.content)
			_ = form.Close()
			a := k.send(t, http.MethodPatch, records("users")+"/"+me.Id, token(t, me), form.FormDataContentType(), body.Bytes())
			if a.status != s.status {
				t.Errorf("got %d %s, want %d", a.status, a.body, s.status)
			}
		})
	}
}

// TestUsersDoors: nobody becomes a user, or signs in as one, but through WeChat.
func TestUsersDoors(t *testing.T) {
	k := newKit(t)
	me := k.make(t, "users", map[string]any{"name": "小明", "email": "me@example.com", "verified": true})
	scenarios := []struct {
		name, method, path string
		token              string
		body               map[string]any
		status             int
	}{
		{"sign up", "POST", records("users"), "", map[string]any{"password": "a-long-password", "passwordConfirm": "a-long-password"}, 403},
		{"sign up as a user", "POST", records("users"), token(t, me), map[string]any{"name": "x"}, 403},
		{"password", "POST", "/api/collections/users/auth-with-password", "", map[string]any{"identity": "me@example.com", "password": "a-long-password"}, 403},
		{"one-time password", "POST", "/api/collections/users/request-otp", "", map[string]any{"email": "me@example.com"}, 403},
		{"OAuth2", "POST", "/api/collections/users/auth-with-oauth2", "", map[string]any{"provider": "google", "code": "1", "redirectURL": "https://x"}, 403},
		{"impersonate", "POST", "/api/collections/users/impersonate/" + me.Id, token(t, me), nil, 403},
		{"delete oneself", "DELETE", records("users") + "/" + me.Id, token(t, me), nil, 403},
		{"renew the token", "POST", "/api/collections/users/auth-refresh", token(t, me), nil, 200},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			if a := k.call(t, s.method, s.path, s.token, s.body); a.status != s.status {
				t.Errorf("got %d %s, want %d", a.status, a.body, s.status)
			}
		})
	}
	me.Set("blocked", true)
	if err := k.Save(me); err != nil {
		t.Fatal(err)
	}
	if a := k.call(t, "POST", "/api/collections/users/auth-refresh", token(t, me), nil); a.status != http.StatusForbidden {
		t.Errorf("a blocked user renews a token: got %d %s, want 403", a.status, a.body)
	}
}
