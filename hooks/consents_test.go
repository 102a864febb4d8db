package hooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/apptest"
)

// TestConsentsCountOnce: the phone and WeChat tell of the same answers, in any order, twice or never.
func TestConsentsCountOnce(t *testing.T) {
	t.Parallel()
	const phone, wechat, again, pause = "phone", "wechat", "again", "pause"
	scenarios := []struct {
		name  string
		steps []string
		want  int
	}{
		{"the phone alone", []string{phone}, 1},
		{"WeChat alone", []string{wechat}, 1},
		{"the phone first", []string{phone, wechat}, 1},
		{"WeChat first", []string{wechat, phone}, 1},
		{"two answers, each told of twice", []string{phone, phone, wechat, wechat}, 2},
		{"two answers, one after the other", []string{phone, wechat, phone, wechat}, 2},
		{"a report that is sent again", []string{phone, again, wechat}, 1},
		{"two answers, the second push lost", []string{phone, wechat, phone}, 2},
		{"a push that is about another answer", []string{phone, pause, wechat}, 2},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			person := app.Login("小明")
			told := 0
			for i, what := range s.steps {
				switch what {
				case phone, again:
					key := i
					if what == again {
						key = i - 1
					}
					person.Must(http.MethodPost, "/api/wx/consents", map[string]any{"answers": map[string]string{"T": "accept"}, "key": fmt.Sprint(key)})
				case wechat:
					told++
					tellAnswer(t, app, person, i)
					waitForPushes(t, app, told)
				case pause:
					app.Clock.Advance(3 * time.Minute)
				}
			}
			if got := left(t, app, person, "T"); got != s.want {
				t.Errorf("got %d, want %d", got, s.want)
			}
		})
	}
}

// tellAnswer has WeChat push what somebody answered; n makes it another event than the one before.
func tellAnswer(t *testing.T, app *apptest.App, p apptest.Person, n int) {
	t.Helper()
	app.Must(http.MethodPost, "/_sim/push", "", map[string]any{"person": p.ID, "event": "subscribe_msg_popup_event", "fields": map[string]any{
		"List": []any{map[string]any{"TemplateId": "T", "SubscribeStatusString": "accept", "PopupScene": fmt.Sprint(n)}},
	}})
}

// waitForPushes waits until so many pushes were worked on.
func waitForPushes(t *testing.T, app *apptest.App, n int) {
	t.Helper()
	for end := time.Now().Add(patience); count(t, app, "wx_inbox", dbx.HashExp{"kind": "push", "state": "APPLIED"}) < n; {
		if time.Now().After(end) {
			t.Fatalf("got %d pushes, want %d", count(t, app, "wx_inbox", dbx.HashExp{"kind": "push"}), n)
		}
	}
}

// TestConsentsAreTakenBack: in the chat of service messages, and by WeChat's refusal.
func TestConsentsAreTakenBack(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	template := paidTemplate(t, app)
	agrees(t, person, template, "1")
	waitForPushes(t, app, 1)
	person.Phone("unsubscribe", map[string]any{"templateIds": []string{template}})
	waitForPushes(t, app, 2)
	if got := left(t, app, person, template); got != 0 {
		t.Errorf("after switching it off: got %d, want 0", got)
	}
	for i := range 5 { // lies
		person.Must(http.MethodPost, "/api/wx/consents", map[string]any{"answers": map[string]string{template: "accept"}, "key": fmt.Sprint("lie", i)})
	}
	body := map[string]any{"user": person.User, "template": template, "data": paidData(nil)}
	wantAnswer(t, app.Call(http.MethodPost, "/api/wx/messages", app.Superuser(), body), 409, "message_not_subscribed")
	if got := left(t, app, person, template); got != 0 {
		t.Errorf("after WeChat's no: got %d, want 0", got)
	}
}

func TestConsentReports(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, other := app.Login("小明"), app.Login("小红")
	many := map[string]string{}
	for i := range 21 {
		many[fmt.Sprint("T", i)] = "accept"
	}
	scenarios := []struct {
		name   string
		body   any
		status int
		code   string
	}{
		{"all four answers", map[string]any{"answers": map[string]string{"A": "accept", "B": "reject", "C": "ban", "D": "filter"}}, 200, ""},
		{"the errMsg of the phone's object", map[string]any{"answers": map[string]string{"errMsg": "requestSubscribeMessage:ok"}}, 400, "consent_arguments_invalid"},
		{"none", map[string]any{"answers": map[string]string{}}, 400, "consent_arguments_invalid"},
		{"too many", map[string]any{"answers": many}, 400, "consent_arguments_invalid"},
		{"an unknown answer", map[string]any{"answers": map[string]string{"A": "yes"}}, 400, "consent_arguments_invalid"},
		{"a long template", map[string]any{"answers": map[string]string{strings.Repeat("x", 129): "accept"}}, 400, "consent_arguments_invalid"},
		{"a long key", map[string]any{"answers": map[string]string{"A": "accept"}, "key": strings.Repeat("k", 65)}, 400, "consent_arguments_invalid"},
		{"no object", `{"answers": "accept"}`, 400, "field_invalid"},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			wantAnswer(t, person.Call(http.MethodPost, "/api/wx/consents", s.body), s.status, s.code)
		})
	}
	mine := person.Must(http.MethodGet, "/api/collections/wx_consents/records", nil)
	if mine.JSON["totalItems"] != 4.0 || strings.Contains(string(mine.Body), "recent") {
		t.Errorf("mine: got %s, want four rows without how they came about", mine.Body)
	}
	if theirs := other.Must(http.MethodGet, "/api/collections/wx_consents/records", nil); theirs.JSON["totalItems"] != 0.0 {
		t.Errorf("somebody else: got %s", theirs.Body)
	}
	if got := app.Call(http.MethodPost, "/api/wx/consents", "", map[string]any{"answers": map[string]string{"A": "accept"}}); got.Status != 401 {
		t.Errorf("guest: got %d, want 401", got.Status)
	}
	for i := range 30 { // no end of reports, an end of what is kept
		person.Must(http.MethodPost, "/api/wx/consents", map[string]any{"answers": map[string]string{"A": "accept"}, "key": fmt.Sprint(i)})
	}
	if got := left(t, app, person, "A"); got != 31 {
		t.Errorf("got %d, want 31", got)
	}
}
