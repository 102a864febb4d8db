package hooks_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

// portrait is a picture as WeChat would send it.
func portrait(t *testing.T, width int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, width)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// answerAt makes WeChat answer one path with this body; what else is asked for works as ever.
func (u *scriptedWeChat) answerAt(path, body string) { u.failAt(path, body, nil) }

// failAt is answerAt with an error of the network in its place, if there is one.
func (u *scriptedWeChat) failAt(path, body string, failure error) {
	u.answer(func(r *http.Request) (*http.Response, error) {
		switch {
		case r.URL.Path == "/cgi-bin/stable_token":
			return reply(http.StatusOK, `{"access_token":"`+anyToken+`","expires_in":7200}`)
		case r.URL.Path != path:
			return reply(http.StatusOK, `{"errcode":-1,"errmsg":"system error"}`)
		case failure != nil:
			return nil, failure
		default:
			return reply(http.StatusOK, body)
		}
	})
}

// scriptedPerson is somebody who is logged in at a scripted WeChat.
func scriptedPerson(t *testing.T, app *apptest.App, wx *scriptedWeChat, name string) apptest.Person {
	t.Helper()
	wx.allow(ownAppID, name, wechatSession{OpenID: "o-" + name, SessionKey: keyOne})
	return app.As(login(app, ownAppID, name))
}

// TestCodeWhatComesInPlaceOfAPicture: each has an error of its own, and nothing of it is kept.
func TestCodeWhatComesInPlaceOfAPicture(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	person := scriptedPerson(t, app, wx, "one")
	whole := string(portrait(t, 280))
	scenarios := []struct {
		name   string
		answer string
		status int
		code   string
	}{
		{"JSON with an errcode", `{"errcode":40097,"errmsg":"invalid args"}`, 400, "wx_arguments_invalid"},
		{"JSON without one", `{"buffer":"abc"}`, 502, "code_answer_json"},
		{"HTML", "<html>busy</html>", 502, "code_answer_html"},
		{"a picture that ends too early", whole[:len(whole)/2], 502, "code_image_truncated"},
		{"nothing", "", 502, "code_answer_empty"},
		{"text", "hello", 502, "wx_answer_invalid"},
		{"errcode 45009", `{"errcode":45009,"errmsg":"reach max api daily quota limit"}`, 429, "wx_rate_limited"},
		{"errcode 45029", `{"errcode":45029,"errmsg":"qrcode count out of limit"}`, 429, "code_quota_exhausted"},
		{"errcode 41030", `{"errcode":41030,"errmsg":"invalid page"}`, 400, "code_page_unpublished"},
		{"silence", "", 504, "code_timeout"},
		{"a picture", whole, 200, ""},
	}
	for i, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			if wx.answerAt(unlimited, s.answer); s.name == "silence" {
				wx.failAt(unlimited, "", context.DeadlineExceeded)
			}
			got := person.Call(http.MethodPost, "/api/wx/codes", map[string]any{"payload": map[string]any{"i": i}})
			wantAnswer(t, got, s.status, s.code)
			want := 0
			if s.status == http.StatusOK {
				want = 1
			}
			if n, m := rows(t, app, "wx_codes"), files(t, app); n != want || m != want {
				t.Errorf("got %d records with %d files, want %d", n, m, want)
			}
		})
	}
	// what came to nothing is not held against the user
	if used := quotaUsed(t, app, "codes/user/"+person.User+"/"); used != 1 {
		t.Errorf("got %d codes counted for the user, want the one that was made", used)
	}
}

// quotaUsed sums up the counts whose keys begin so.
func quotaUsed(t *testing.T, app *apptest.App, prefix string) (used int) {
	t.Helper()
	err := app.DB().Select("COALESCE(SUM(used), 0)").From("wx_quotas").Where(dbx.NewExp("key LIKE {:p} || '%'", dbx.Params{"p": prefix})).Row(&used)
	if err != nil {
		t.Fatal(err)
	}
	return used
}

// TestCodeThumbnails: the small pictures come from the file itself.
func TestCodeThumbnails(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	code := app.Login("小明").Must(http.MethodPost, "/api/wx/codes", map[string]any{"scene": "thumb"})
	for _, side := range []int{100, 200, 430} {
		small := app.Must(http.MethodGet, fmt.Sprintf("%s?thumb=%dx%d", code.Text("url"), side, side), "", nil)
		config, _, err := image.DecodeConfig(bytes.NewReader(small.Body))
		if err != nil || config.Width != side {
			t.Errorf("thumb of %d: got width %d, %v", side, config.Width, err)
		}
	}
}

// TestCodeLimitedKindsAreCounted: 100 000 of both kinds together, in a mini program's life. The call is not made when they are used up.
func TestCodeLimitedKindsAreCounted(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	person := scriptedPerson(t, app, wx, "one")
	const code, square = "/wxa/getwxacode", "/cgi-bin/wxaapp/createwxaqrcode"
	ask := func(kind, page string) apptest.Answer {
		return person.Call(http.MethodPost, "/api/wx/codes", map[string]any{"kind": kind, "page": page})
	}
	key := "codes/limited/" + ownAppID
	wx.answerAt(code, string(portrait(t, 280)))
	wantAnswer(t, ask("code", "a"), 200, "")
	if used := quotaUsed(t, app, key); used != 1 {
		t.Fatalf("got %d counted, want 1", used)
	}
	if _, err := app.NonconcurrentDB().Update("wx_quotas", dbx.Params{"used": 99_998}, dbx.HashExp{"key": key}).Execute(); err != nil {
		t.Fatal(err)
	}
	wx.answerAt(code, `{"errcode":41030,"errmsg":"invalid page"}`)
	wantAnswer(t, ask("code", "b"), 400, "code_page_unpublished") // a refusal does not count
	wx.answerAt(square, string(portrait(t, 280)))
	wantAnswer(t, ask("qrcode", "b"), 200, "")
	wx.answerAt(code, "<html>")
	wantAnswer(t, ask("code", "c"), 502, "code_answer_html") // it may have been made, so that it counts
	before := wx.called(code) + wx.called(square)
	wantAnswer(t, ask("code", "d"), 429, "code_quota_exhausted")
	wantAnswer(t, ask("qrcode", "d"), 429, "code_quota_exhausted")
	if n := wx.called(code) + wx.called(square); n != before {
		t.Errorf("got %d calls when nothing was left, want none", n-before)
	}
	wx.answerAt(unlimited, string(portrait(t, 280)))
	wantAnswer(t, ask("", "d"), 400, "code_arguments_invalid")
	wantAnswer(t, person.Call(http.MethodPost, "/api/wx/codes", map[string]any{"scene": "d"}), 200, "")
	if again := ask("code", "a"); again.JSON["reused"] != true {
		t.Errorf("one that is there: got %s, want it again", again.Body)
	}
}

// TestCodeQuotasAtOnce: of many who want the last code one gets it.
func TestCodeQuotasAtOnce(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	person := scriptedPerson(t, app, wx, "one")
	wx.answerAt("/wxa/getwxacode", string(portrait(t, 280)))
	person.Must(http.MethodPost, "/api/wx/codes", map[string]any{"kind": "code", "page": "first"})
	if _, err := app.NonconcurrentDB().Update("wx_quotas", dbx.Params{"used": 99_999}, dbx.HashExp{"key": "codes/limited/" + ownAppID}).Execute(); err != nil {
		t.Fatal(err)
	}
	var answers [20]apptest.Answer
	roomtest.AtOnce(len(answers), func(i int) {
		answers[i] = person.Call(http.MethodPost, "/api/wx/codes", map[string]any{"kind": "code", "page": fmt.Sprint("p", i)})
	})
	made := 0
	for _, a := range answers {
		if a.Status == http.StatusOK {
			made++
			continue
		}
		wantAnswer(t, a, 429, "code_quota_exhausted")
	}
	if made != 1 {
		t.Errorf("got %d codes, want 1", made)
	}
}

// TestCodesPerUserAndDay: new ones are counted, those that are there are not.
func TestCodesPerUserAndDay(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_CODES_PER_DAY": "2"}[name] }
	})
	person, other := app.Login("小明"), app.Login("小红")
	ask := func(p apptest.Person, i int) apptest.Answer {
		return p.Call(http.MethodPost, "/api/wx/codes", map[string]any{"payload": map[string]any{"i": i}})
	}
	for i := range 2 {
		wantAnswer(t, ask(person, i), 200, "")
		wantAnswer(t, ask(person, i), 200, "")
	}
	calls := app.Calls(unlimited)
	wantAnswer(t, ask(person, 2), 429, "code_limit_reached")
	if n := app.Calls(unlimited); n != calls {
		t.Errorf("got %d calls beyond the limit, want none", n-calls)
	}
	wantAnswer(t, ask(person, 1), 200, "")
	wantAnswer(t, ask(other, 2), 200, "")
	super := app.Superuser()
	for i := range 3 {
		app.Must(http.MethodPost, "/api/wx/codes", super, map[string]any{"payload": map[string]any{"poster": i}})
	}
	app.Clock.Advance(24 * time.Hour)
	wantAnswer(t, ask(person, 2), 200, "")
	quotas := app.Must(http.MethodGet, "/api/wx/admin/quotas", super, nil)
	if !bytes.Contains(quotas.Body, []byte(`"left":100000`)) {
		t.Errorf("quotas: got %s", quotas.Body)
	}
	if got := app.Call(http.MethodGet, "/api/wx/admin/quotas", person.Token, nil); got.Status != http.StatusForbidden {
		t.Errorf("quotas for a user: got %d, want 403", got.Status)
	}
}

// TestCodesPerDayIsANumber: a typo stops the start.
func TestCodesPerDayIsANumber(t *testing.T) {
	t.Parallel()
	_, err := hooks.Register(nil, hooks.Config{Env: func(name string) string { return map[string]string{"WXBASE_CODES_PER_DAY": "many"}[name] }})
	if err == nil {
		t.Error("got no error")
	}
}
