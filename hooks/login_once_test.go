package hooks_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

func (u *scriptedWeChat) called(path string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls[path]
}

func TestLoginWithTheSameCodeAgain(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	wx.allow(ownAppID, "code-1", wechatSession{OpenID: "o-one", SessionKey: keyOne})
	answers := make([]apptest.Answer, 50)
	roomtest.AtOnce(len(answers), func(i int) {
		answers[i] = app.Call(http.MethodPost, "/api/wx/login", "", map[string]string{"code": "code-1"})
	})
	users := map[any]bool{}
	for _, a := range answers {
		if a.Status != http.StatusOK || meta(a, "isNew") != true {
			t.Fatalf("answer: got %d %s, want 200 and a new user, as the first", a.Status, a.Body)
		}
		record, _ := a.JSON["record"].(map[string]any)
		users[record["id"]] = true
	}
	if n := wx.called("/sns/jscode2session"); n != 1 || len(users) != 1 {
		t.Errorf("calls and users: got %d and %d, want 1 and 1", n, len(users))
	}
	// a fresh code changes the session key; the old code must not bring the old key back
	wx.allow(ownAppID, "code-2", wechatSession{OpenID: "o-one", SessionKey: keyTwo})
	app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": "code-2"})
	before := changes(t, app)
	app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": "code-1"})
	if after := changes(t, app); after != before {
		t.Errorf("a repeated login wrote %d times, want 0", after-before)
	}
	// after five minutes WeChat is asked again, and says what it says
	app.Clock.Advance(5 * time.Minute)
	app.Call(http.MethodPost, "/api/wx/login", "", map[string]string{"code": "code-1"})
	if n := wx.called("/sns/jscode2session"); n != 3 {
		t.Errorf("calls after five minutes: got %d, want 3", n)
	}
}

// a wrong signature must not burn the code: the client may send the right one
func TestLoginAgainAfterAWrongSignature(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	wx.allow(ownAppID, "code-1", wechatSession{OpenID: "o-one", SessionKey: keyTwo})
	const rawData = `{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}`
	wrong := map[string]string{"code": "code-1", "rawData": rawData, "signature": "0000000000000000000000000000000000000000"}
	if got := app.Call(http.MethodPost, "/api/wx/login", "", wrong); got.Code() != "wx_signature_invalid" {
		t.Fatalf("wrong signature: got %d %q, want wx_signature_invalid", got.Status, got.Code())
	}
	if n := count(t, app, "users", nil); n != 0 {
		t.Errorf("users after a wrong signature: got %d, want 0", n)
	}
	right := map[string]string{"code": "code-1", "rawData": rawData, "signature": "75e81ceda165f4ffa64f4068af58c64b8f54b88c"}
	got := app.Must(http.MethodPost, "/api/wx/login", "", right)
	if record, _ := got.JSON["record"].(map[string]any); record["name"] != "Band" || meta(got, "isNew") != true {
		t.Errorf("right signature: got %s, want the new user Band", got.Body)
	}
	if got := app.Call(http.MethodPost, "/api/wx/login", "", wrong); got.Code() != "wx_signature_invalid" {
		t.Errorf("wrong signature with a known code: got %d %q, want wx_signature_invalid", got.Status, got.Code())
	}
}

// who caught a code elsewhere gets nothing for it, however short ago it was used
func TestLoginWithTheSameCodeFromElsewhere(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	app.Settings().TrustedProxy.Headers = []string{"X-Forwarded-For"}
	from := func(address string) apptest.Answer {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL+"/api/wx/login", strings.NewReader(`{"code":"code-1"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Forwarded-For", address)
		return app.Do(req)
	}
	wx.allow(ownAppID, "code-1", wechatSession{OpenID: "o-one", SessionKey: keyOne})
	wantAnswer(t, from("198.51.100.1"), http.StatusOK, "")
	wx.forbid(ownAppID, "code-1") // WeChat takes a code once
	wantAnswer(t, from("198.51.100.1"), http.StatusOK, "")
	for _, elsewhere := range []string{"198.51.100.2", "2001:db8::1"} {
		if got := from(elsewhere); got.Status == http.StatusOK || got.Text("token") != "" {
			t.Errorf("from %s: got %d %s, want no login", elsewhere, got.Status, got.Body)
		}
	}
	if n := wx.called("/sns/jscode2session"); n != 3 {
		t.Errorf("calls: got %d, want one for each address", n)
	}
}
