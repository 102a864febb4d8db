package privacy_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/apptest"
)

// TestPushes: what a person revokes in WeChat is deleted here, in every mode and format, by whatever name the source gives to the openid.
func TestPushes(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, mode, format, event string
		fields                    map[string]any
		empty, full               []string
	}{
		{"the phone", "safe", "json", "user_authorization_revoke", map[string]any{"RevokeInfo": "8"}, []string{"phone", "countryCode"}, []string{"name", "email"}},
		{"name and avatar", "plain", "xml", "user_authorization_revoke", map[string]any{"RevokeInfo": "6"}, []string{"name", "avatar"}, []string{"phone"}},
		{"the nickname", "safe", "xml", "user_authorization_revoke", map[string]any{"RevokeInfo": "19"}, []string{"name"}, []string{"phone", "avatar"}},
		{"the avatar", "compatible", "json", "user_authorization_revoke", map[string]any{"RevokeInfo": "20", "OpenId": ""}, []string{"avatar"}, []string{"name", "phone"}},
		{"the address", "plain", "json", "user_authorization_revoke", map[string]any{"RevokeInfo": "16"}, []string{"email"}, []string{"phone", "name"}},
		{"what we never have", "safe", "json", "user_authorization_revoke", map[string]any{"RevokeInfo": "12"}, nil, []string{"phone", "name", "avatar", "email"}},
		{"something modified", "safe", "json", "user_info_modified", map[string]any{"RevokeInfo": "8"}, nil, []string{"phone", "name", "avatar", "email"}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			person := app.Login("小满")
			p := plant(t, app, person.User)
			p.update("users", person.User, map[string]any{"countryCode": "86"})
			pushTo(app, s.mode, s.format)
			push(t, app, person.ID, s.event, s.fields)
			user, err := app.FindRecordById("users", person.User)
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range s.empty {
				if got := user.GetString(field); got != "" {
					t.Errorf("%s: got %q, want it deleted", field, got)
				}
			}
			for _, field := range s.full {
				if user.GetString(field) == "" {
					t.Errorf("%s is gone", field)
				}
			}
		})
	}
}

func pushTo(app *apptest.App, mode, format string) {
	app.Must(http.MethodPost, "/_sim/apps/"+app.AppID()+"/push", "", map[string]any{
		"pushMode": mode, "pushFormat": format, "pushUrl": app.URL + "/api/wx/push/" + app.AppID(),
	})
}

// push has the simulator send an event about a person, and does what the worker would.
func push(t *testing.T, app *apptest.App, person, event string, fields map[string]any) {
	t.Helper()
	app.Must(http.MethodPost, "/_sim/people/"+person+"/privacy", "", map[string]any{"event": event, "fields": fields})
	for end := time.Now().Add(time.Minute); !applied(t, app, event); {
		if time.Now().After(end) {
			t.Fatal("the push is not worked on")
		}
	}
}

// applied tells whether the push has been answered with success, kept and worked on.
func applied(t *testing.T, app *apptest.App, event string) bool {
	t.Helper()
	n, err := app.CountRecords("wx_inbox", dbx.HashExp{"kind": "push", "ref": event, "state": "APPLIED"})
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// TestPushOfCancellation: who ends their account at WeChat is forgotten here after the time of grace.
func TestPushOfCancellation(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小满")
	p := plant(t, app, person.User)
	pushTo(app, "safe", "json")
	push(t, app, person.ID, "user_authorization_cancellation", nil)
	if got := stateOf(t, app, person.User); got != "WAITING" {
		t.Fatalf("got %q, want WAITING", got)
	}
	wantAnswer(t, person.Call(http.MethodGet, "/api/wx/session", nil), http.StatusUnauthorized, "")
	app.Clock.Advance(8 * day)
	sweep(t, app)
	checkForgotten(t, app, p)
}
