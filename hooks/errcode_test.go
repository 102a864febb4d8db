package hooks_test

import (
	"fmt"
	"net/http"
	"testing"

	"wxbase/internal/apptest"
)

// errcodeRow is one answer of WeChat and what a client of ours gets for it. calls is how often WeChat was asked: more than once where a
// repeat is harmless and helps.
type errcodeRow struct {
	errcode int
	status  int
	code    string
	calls   int
}

// TestErrcodes: errcode in, HTTP status, our code and the number of tries out, for every errcode that the documents name for the login,
// phone and session calls.
func TestErrcodes(t *testing.T) {
	t.Parallel()
	scenarios := map[string]struct {
		path string
		ask  func(p apptest.Person) apptest.Answer
		rows []errcodeRow
	}{
		"login": {
			"/sns/jscode2session",
			func(p apptest.Person) apptest.Answer {
				return p.Call(http.MethodPost, "/api/wx/login", map[string]string{"code": "any"})
			},
			[]errcodeRow{
				{-1, 503, "wx_busy", 3},
				{40029, 400, "wx_code_invalid", 1},
				{40163, 400, "wx_code_used", 1},
				{40226, 403, "wx_login_refused", 1},
				{45011, 429, "wx_rate_limited", 1},
				{40013, 502, "wx_config_invalid", 1},
				{40125, 502, "wx_config_invalid", 1},
				{40002, 400, "wx_arguments_invalid", 1},
				{41002, 400, "wx_arguments_invalid", 1},
				{41004, 400, "wx_arguments_invalid", 1},
				{41008, 400, "wx_arguments_invalid", 1},
				{40164, 502, "wx_config_invalid", 1},
				{40243, 502, "wx_config_invalid", 1},
				{50007, 502, "wx_config_invalid", 1},
				{999_999, 502, "wx_answer_invalid", 1},
			},
		},
		"phone": {
			"/wxa/business/getuserphonenumber",
			func(p apptest.Person) apptest.Answer {
				return p.Call(http.MethodPost, "/api/wx/phone", map[string]string{"code": "any"})
			},
			[]errcodeRow{
				{-1, 503, "wx_busy", 3},
				{40029, 400, "wx_code_invalid", 1},
				{40163, 400, "wx_code_used", 1},
				{45011, 429, "wx_rate_limited", 1},
				{40013, 502, "wx_config_invalid", 1},
				{48001, 502, "wx_config_invalid", 1},
				{47001, 400, "wx_arguments_invalid", 1},
				{45009, 429, "wx_quota_exhausted", 1},
				{999_999, 502, "wx_answer_invalid", 1},
			},
		},
		"check session": {
			"/wxa/checksession",
			func(p apptest.Person) apptest.Answer { return p.Call(http.MethodGet, "/api/wx/session", nil) },
			[]errcodeRow{
				{-1, 503, "wx_busy", 3},
				{87009, 200, "", 1},
				{87007, 200, "", 1},
				{87008, 400, "wx_arguments_invalid", 1},
				{40003, 400, "wx_arguments_invalid", 1},
				{40097, 400, "wx_arguments_invalid", 1},
				{45011, 429, "wx_rate_limited", 1},
			},
		},
		"reset session": {
			"/wxa/resetusersessionkey",
			func(p apptest.Person) apptest.Answer { return p.Call(http.MethodPost, "/api/wx/session/reset", nil) },
			[]errcodeRow{
				{-1, 503, "wx_busy", 3},
				{87009, 409, "wx_session_stale", 1},
				{87007, 409, "wx_session_stale", 1},
				{87008, 400, "wx_arguments_invalid", 1},
				{40097, 400, "wx_arguments_invalid", 1},
				{45011, 429, "wx_rate_limited", 1},
			},
		},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, wx := scripted(t)
			wx.allow(ownAppID, "first", wechatSession{OpenID: "o-one", SessionKey: keyOne})
			person := app.As(login(app, ownAppID, "first"))
			for _, row := range s.rows {
				wx.answer(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path == "/cgi-bin/stable_token" {
						return reply(http.StatusOK, `{"access_token":"`+anyToken+`","expires_in":7200}`)
					}
					return reply(http.StatusOK, fmt.Sprintf(`{"errcode":%d,"errmsg":"no, rid: 62de9a0b-7149b5f1-2eee4908"}`, row.errcode))
				})
				before := wx.called(s.path)
				got := s.ask(person)
				if got.Status != row.status || got.Code() != row.code || wx.called(s.path)-before != row.calls {
					t.Errorf("errcode %d: got %d %q after %d calls, want %d %q after %d",
						row.errcode, got.Status, got.Code(), wx.called(s.path)-before, row.status, row.code, row.calls)
				}
				if data, _ := got.JSON["data"].(map[string]any); row.status != http.StatusOK && data["errcode"] != float64(row.errcode) {
					t.Errorf("errcode %d: got %v in the answer", row.errcode, data["errcode"])
				}
			}
		})
	}
}
