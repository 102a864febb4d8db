package hooks_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/apptest/web"
)

// phoneOf is what is stored for a user.
func phoneOf(t *testing.T, app *apptest.App, user string) string {
	t.Helper()
	r, err := app.FindRecordById("users", user)
	if err != nil {
		t.Fatal(err)
	}
	return r.GetString("countryCode") + " " + r.GetString("phone")
}

func TestPhoneByCode(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	got := person.Must(http.MethodPost, "/api/wx/phone", map[string]any{"code": person.Phone("phone", nil).Text("code"), "phone": "1", "phoneNumber": "2"})
	if got.Text("phoneNumber") != "13800138000" || got.Text("purePhoneNumber") != "13800138000" || got.Text("countryCode") != "86" {
		t.Errorf("got %s, want the number with its country", got.Body)
	}
	if got := phoneOf(t, app, person.User); got != "86 13800138000" {
		t.Errorf("stored: got %q, want 86 13800138000", got)
	}
	app.Must(http.MethodPost, "/_sim/people/"+person.ID, "", map[string]any{"phone": "+852 51234567"})
	got = person.Must(http.MethodPost, "/api/wx/phone", map[string]any{"code": person.Phone("phone", nil).Text("code")})
	if got.Text("phoneNumber") != "+85251234567" || got.Text("purePhoneNumber") != "51234567" || phoneOf(t, app, person.User) != "852 +85251234567" {
		t.Errorf("foreign: got %s, stored %q", got.Body, phoneOf(t, app, person.User))
	}
}

func TestPhoneCodeWorksOnceAndForTheCaller(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, other := app.Login("小明"), app.Login("小红")
	code := map[string]any{"code": person.Phone("phone", nil).Text("code")}
	// the answer of WeChat names no user: whoever sends the code gets the number, and nobody else does
	other.Must(http.MethodPost, "/api/wx/phone", code)
	if got := phoneOf(t, app, other.User); got != "86 13800138000" {
		t.Errorf("caller: got %q, want the number", got)
	}
	wantAnswer(t, person.Call(http.MethodPost, "/api/wx/phone", code), 400, "wx_code_invalid")
	if got := phoneOf(t, app, person.User); got != " " {
		t.Errorf("owner of the phone, after the code was used: got %q, want nothing", got)
	}
}

// who did not get the answer sends the code again: WeChat is asked once, and an old number does not come back
func TestPhoneCodeSentAgain(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, other := app.Login("小明"), app.Login("小红")
	code := map[string]any{"code": person.Phone("phone", nil).Text("code")}
	answers := make([]apptest.Answer, 10)
	roomtest.AtOnce(len(answers), func(i int) { answers[i] = person.Call(http.MethodPost, "/api/wx/phone", code) })
	for _, a := range answers {
		if a.Status != http.StatusOK || a.Text("phoneNumber") != "13800138000" {
			t.Fatalf("answer: got %d %s, want the number every time", a.Status, a.Body)
		}
	}
	if n := app.Calls("/wxa/business/getuserphonenumber"); n != 1 {
		t.Errorf("calls: got %d, want 1", n)
	}
	wantAnswer(t, other.Call(http.MethodPost, "/api/wx/phone", code), 400, "wx_code_invalid")
	if got := phoneOf(t, app, other.User); got != " " {
		t.Errorf("somebody else with the code: got %q, want nothing", got)
	}
	app.Must(http.MethodPost, "/_sim/people/"+person.ID, "", map[string]any{"phone": "+852 51234567"})
	person.Must(http.MethodPost, "/api/wx/phone", map[string]any{"code": person.Phone("phone", nil).Text("code")})
	person.Must(http.MethodPost, "/api/wx/phone", code)
	if got := phoneOf(t, app, person.User); got != "852 +85251234567" {
		t.Errorf("the old code after a new number: got %q, want the new number", got)
	}
	app.Clock.Advance(5 * time.Minute)
	if got := person.Call(http.MethodPost, "/api/wx/phone", code); got.Status != http.StatusBadRequest {
		t.Errorf("after five minutes: got %d %s, want a used code", got.Status, got.Body)
	}
}

// a phone that gives up while WeChat is thinking has not lost the number
func TestPhoneClientThatGivesUp(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	given := person.Phone("phone", nil).Text("code")
	app.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": "getuserphonenumber", "kind": "slow", "times": 1, "delay": "300ms"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, app.URL+"/api/wx/phone", strings.NewReader(`{"code":"`+given+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", person.Token)
	if res, err := web.Client.Do(req); err == nil {
		_ = res.Body.Close()
		t.Fatalf("got %d, want to have given up", res.StatusCode)
	}
	if got := person.Must(http.MethodPost, "/api/wx/phone", map[string]any{"code": given}); got.Text("phoneNumber") != "13800138000" {
		t.Errorf("once more: got %s, want the number", got.Body)
	}
}

func TestPhoneByEncryptedData(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	pair := func(a apptest.Answer) map[string]any {
		return map[string]any{"encryptedData": a.Text("encryptedData"), "iv": a.Text("iv")}
	}
	first := pair(person.Phone("phone", nil))
	send := func(body any) apptest.Answer { return person.Call(http.MethodPost, "/api/wx/phone", body) }
	wantAnswer(t, send(first), 200, "")
	rotate := func() {
		app.Clock.Advance(6 * time.Second)
		person.Again()
	}
	rotate()
	wantAnswer(t, send(first), 200, "") // made under the key before
	rotate()
	wantAnswer(t, send(first), 409, "wx_session_stale")
	scenarios := []struct {
		name   string
		body   any
		status int
		code   string
	}{
		{"the profile in place of the number", pair(person.Phone("userinfo", nil)), 400, "wx_data_malformed"},
		{"no iv", merged(pair(person.Phone("phone", nil)), map[string]any{"iv": ""}), 400, "wx_data_malformed"},
		{"a plus that became a space", map[string]any{"encryptedData": "AAAA AAA", "iv": first["iv"]}, 400, "wx_data_malformed"},
		{"nothing", map[string]any{}, 400, "wx_data_malformed"},
		{"no JSON", "code", 400, "body_not_json"},
		{"code that is none", map[string]any{"code": strings.Repeat("x", 5000)}, 400, "wx_code_invalid"},
		{"code of wx.login", map[string]any{"code": person.LoginCode()}, 400, "wx_code_invalid"},
		{"mini program without an identity", map[string]any{"code": "x", "appid": nextAppID}, 409, "wx_identity_missing"},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) { wantAnswer(t, send(s.body), s.status, s.code) })
	}
	if got := phoneOf(t, app, person.User); got != "86 13800138000" {
		t.Errorf("got %q, want the number as it was", got)
	}
}

func TestPhoneRefusesDataOfAnotherMiniProgram(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	for _, code := range []string{"1", "2"} { // two keys, so that the wrong watermark must not be taken for the wrong key
		wechat.allow(ownAppID, code, wechatSession{"o-a", "", map[string]string{"1": keyOne, "2": keyTwo}[code]})
	}
	app.LoginWith(map[string]any{"code": "1"})
	token := app.LoginWith(map[string]any{"code": "2"}).Text("token")
	for _, key := range []string{keyOne, keyTwo} {
		got := app.Call(http.MethodPost, "/api/wx/phone", token, sealed(t, key, phoneData(app, nextAppID)))
		wantAnswer(t, got, 400, "wx_watermark_invalid")
	}
}

func TestPhoneNeedsAUser(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	body := map[string]any{"code": person.Phone("phone", nil).Text("code")}
	for name, token := range map[string]string{"guest": "", "garbage": "x.y.z"} {
		if got := app.Call(http.MethodPost, "/api/wx/phone", token, body); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401", name, got.Status)
		}
	}
	if got := app.Call(http.MethodPost, "/api/wx/phone", app.Superuser(), body); got.Status != http.StatusForbidden {
		t.Errorf("superuser: got %d, want 403", got.Status)
	}
	wantAnswer(t, person.Call(http.MethodPost, "/api/wx/phone", body), 200, "") // nobody has used it up
}

func TestPhoneOfAUserWithoutIdentity(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	user := core.NewRecord(users)
	user.SetRandomPassword()
	if err := app.Save(user); err != nil {
		t.Fatal(err)
	}
	token, err := user.NewAuthToken()
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, app.Call(http.MethodPost, "/api/wx/phone", token, map[string]any{"code": "x"}), 409, "wx_identity_missing")
}

// TestPhoneCodeIsSentOnce: a code whose answer was lost may be spent, and each success costs money.
func TestPhoneCodeIsSentOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	scenarios := []struct {
		kind   string
		status int
		code   string
	}{
		{"cut", 503, "wx_busy"},
		{"html", 502, "wx_answer_invalid"},
		{"empty", 502, "wx_answer_invalid"},
		{"rate_limit", 429, "wx_rate_limited"},
	}
	for i, s := range scenarios {
		app.Fault("getuserphonenumber", s.kind, 1)
		got := person.Call(http.MethodPost, "/api/wx/phone", map[string]any{"code": person.Phone("phone", nil).Text("code")})
		wantAnswer(t, got, s.status, s.code)
		if n := app.Calls("/wxa/business/getuserphonenumber"); n != i+1 {
			t.Errorf("%s: got %d calls, want one", s.kind, n-i)
		}
	}
	if got := phoneOf(t, app, person.User); got != " " {
		t.Errorf("got %q, want nothing stored", got)
	}
}

// data that claims to be of the future could be kept and played again for as long
func TestPhoneRefusesDataOfAnotherTime(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	wechat.allow(ownAppID, "1", wechatSession{"o-a", "", keyOne})
	token := app.LoginWith(map[string]any{"code": "1"}).Text("token")
	scenarios := []struct {
		name   string
		off    time.Duration
		status int
		code   string
	}{
		{"now", 0, 200, ""},
		{"a clock that is a little ahead", 4 * time.Minute, 200, ""},
		{"the future", 6 * time.Minute, 400, "wx_watermark_invalid"},
		{"a far future", 100 * 365 * 24 * time.Hour, 400, "wx_watermark_invalid"},
		{"nine minutes ago", -9 * time.Minute, 200, ""},
		{"eleven minutes ago", -11 * time.Minute, 400, "wx_watermark_invalid"},
	}
	for _, s := range scenarios {
		for _, path := range []string{"/api/wx/phone", "/api/wx/decrypt"} {
			data := phoneData(app, ownAppID)
			data["watermark"] = map[string]any{"timestamp": app.Clock.Now().Add(s.off).Unix(), "appid": ownAppID}
			got := app.Call(http.MethodPost, path, token, sealed(t, keyOne, data))
			if got.Status != s.status || got.Code() != s.code {
				t.Errorf("%s at %s: got %d %q, want %d %q", s.name, path, got.Status, got.Code(), s.status, s.code)
			}
		}
	}
}
