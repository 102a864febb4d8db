package hooks_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/apptest/web"
	"wxbase/internal/subscribe"
)

const (
	sendPath      = "/cgi-bin/message/subscribe/send"
	templatesPath = "/wxaapi/newtmpl/gettemplate"
)

// paidTemplate is the id of the template that tells of a payment.
func paidTemplate(t *testing.T, app *apptest.App) string {
	t.Helper()
	answer := app.Must(http.MethodGet, "/api/wx/templates", app.Superuser(), nil)
	templates, _ := answer.JSON["templates"].([]any)
	for _, each := range templates {
		if tmpl, _ := each.(map[string]any); tmpl["title"] == "订单支付成功通知" {
			return fmt.Sprint(tmpl["id"])
		}
	}
	t.Fatalf("no such template in %s", answer.Body)
	return ""
}

// paidData is a message of the template that tells of a payment.
func paidData(more map[string]any) map[string]any {
	data := map[string]any{
		"character_string1": "T20260101001", "thing2": "三鲜面", "amount3": "18.00元", "time4": "2026-01-01 15:01", "phrase5": "已支付",
	}
	maps.Copy(data, more)
	return data
}

// agrees lets a person press the button on the phone, whose answer the client reports.
func agrees(t *testing.T, p apptest.Person, template, key string) {
	t.Helper()
	said := p.Phone("subscribe", map[string]any{"templateIds": []string{template}, "answer": "accept"})
	p.Must(http.MethodPost, "/api/wx/consents", map[string]any{"answers": map[string]string{template: said.Text(template)}, "key": key})
}

// left is what stands in the ledger.
func left(t *testing.T, app *apptest.App, p apptest.Person, template string) int {
	t.Helper()
	all, err := app.FindAllRecords("wx_consents", dbx.HashExp{"user": p.User, "templateId": template})
	if err != nil || len(all) > 1 {
		t.Fatalf("got %d rows, %v", len(all), err)
	}
	if len(all) == 0 {
		return 0
	}
	return all[0].GetInt("remaining")
}

func pushed(event string) dbx.Expression { return dbx.HashExp{"kind": "push", "ref": event} }

// TestMessage: from the button to the card, and what the ledger has at each step.
func TestMessage(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, super := app.Login("小明"), app.Superuser()
	template := paidTemplate(t, app)
	body := map[string]any{"user": person.User, "template": template, "page": "pages/order/order?id=7", "data": paidData(nil)}
	wantAnswer(t, app.Call(http.MethodPost, "/api/wx/messages", super, body), 409, "message_not_subscribed")
	agrees(t, person, template, "tap-1")
	waitFor(t, app, "wx_inbox", pushed("subscribe_msg_popup_event"), isState("APPLIED"))
	if n := left(t, app, person, template); n != 1 {
		t.Errorf("after one yes, told by the phone and by WeChat: got %d, want 1", n)
	}
	sent := app.Must(http.MethodPost, "/api/wx/messages", super, body)
	if sent.JSON["ok"] != true || sent.Text("msgid") == "" {
		t.Errorf("got %s, want ok and an id", sent.Body)
	}
	if n := left(t, app, person, template); n != 0 {
		t.Errorf("after the message: got %d, want 0", n)
	}
	cards := list(t, app, "/_sim/messages")
	if len(cards) != 1 || cards[0]["id"] != sent.Text("msgid") || cards[0]["page"] != "pages/order/order?id=7" {
		t.Errorf("the phone shows %v", cards)
	}
	row := waitFor(t, app, "wx_messages", dbx.HashExp{"msgid": sent.Text("msgid")}, isState("DELIVERED"))
	if row.GetString("user") != person.User {
		t.Errorf("got user %q in the log", row.GetString("user"))
	}
	wantAnswer(t, app.Call(http.MethodPost, "/api/wx/messages", super, body), 409, "message_not_subscribed")
}

// afterReport holds WeChat's answer to a message back until its report has been pushed, and had time to be worked on.
type afterReport struct{ app *apptest.App }

func (w *afterReport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := web.Transport.RoundTrip(r)
	if err != nil || r.URL.Path != "/cgi-bin/message/subscribe/send" {
		return answer, err
	}
	applied := dbx.And(pushed("subscribe_msg_sent_event"), dbx.HashExp{"state": "APPLIED"})
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		if n, err := w.app.CountRecords("wx_inbox", applied); n > 0 || err != nil {
			return answer, err
		}
	}
	return answer, nil
}

// TestReportBeforeItsMessage: WeChat's report may come before we have read the answer to the call.
func TestReportBeforeItsMessage(t *testing.T) {
	t.Parallel()
	slow := &afterReport{}
	app := apptest.New(t, func(c *hooks.Config) { c.Transport = slow })
	slow.app = app
	person, super := app.Login("小明"), app.Superuser()
	template := paidTemplate(t, app)
	agrees(t, person, template, "tap-1")
	body := map[string]any{"user": person.User, "template": template, "data": paidData(nil)}
	sent := app.Must(http.MethodPost, "/api/wx/messages", super, body)
	waitFor(t, app, "wx_messages", dbx.HashExp{"msgid": sent.Text("msgid")}, isState("DELIVERED"))
}

func TestMessageArguments(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, super := app.Login("小明"), app.Superuser()
	template := paidTemplate(t, app)
	identity, err := app.FindFirstRecordByData("wx_identities", "user", person.User)
	if err != nil {
		t.Fatal(err)
	}
	nobody := newRecord(t, app, "users", map[string]any{"name": "x", "password": "1234567890"})
	body := func(more map[string]any) map[string]any {
		return merged(map[string]any{"user": person.User, "template": template, "data": paidData(nil)}, more)
	}
	long := strings.Repeat("面", 21)
	scenarios := []struct {
		name   string
		body   map[string]any
		status int
		code   string
	}{
		{"to a user", body(nil), 200, ""},
		{"to an openid", merged(body(map[string]any{"openid": identity.GetString("openid")}), map[string]any{"user": ""}), 200, ""},
		{"in WeChat's own shape", body(map[string]any{"data": paidData(map[string]any{"thing2": map[string]any{"value": "面"}})}), 200, ""},
		{"to both", body(map[string]any{"openid": "o"}), 400, "message_arguments_invalid"},
		{"to nobody", body(map[string]any{"user": ""}), 400, "message_arguments_invalid"},
		{"to a user who never logged in", body(map[string]any{"user": nobody.Id}), 409, "wx_identity_missing"},
		{"to an unknown openid", merged(body(map[string]any{"openid": "o-x"}), map[string]any{"user": ""}), 409, "wx_identity_missing"},
		{"a thing too long", body(map[string]any{"data": paidData(map[string]any{"thing2": long})}), 400, "message_arguments_invalid"},
		{"a thing too long, trimmed", body(map[string]any{"trim": true, "data": paidData(map[string]any{"thing2": long})}), 200, ""},
		{"an amount that cannot be trimmed", body(map[string]any{"trim": true, "data": paidData(map[string]any{"amount3": "much"})}), 400, "message_arguments_invalid"},
		{"a key that the template has not", body(map[string]any{"data": paidData(map[string]any{"thing9": "x"})}), 400, "message_arguments_invalid"},
		{"an unknown template", body(map[string]any{"template": strings.Repeat("x", 43)}), 400, "wx_arguments_invalid"},
		{"no data", body(map[string]any{"data": map[string]any{}}), 400, "message_arguments_invalid"},
		{"data null", body(map[string]any{"data": nil}), 400, "field_invalid"},
		{"an unknown state", body(map[string]any{"state": "beta"}), 400, "message_arguments_invalid"},
		{"data that is no text", body(map[string]any{"data": map[string]any{"thing2": []int{1}}}), 400, "field_invalid"},
	}
	for i, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			agrees(t, person, template, fmt.Sprint(i))
			before := app.Calls(sendPath)
			got := app.Call(http.MethodPost, "/api/wx/messages", super, s.body)
			wantAnswer(t, got, s.status, s.code)
			if s.code == "message_arguments_invalid" {
				wantReason(t, got)
				if n := app.Calls(sendPath) - before; n != 0 {
					t.Errorf("got %d calls, want none", n)
				}
			}
		})
	}
	for _, token := range []string{"", person.Token} {
		if got := app.Call(http.MethodPost, "/api/wx/messages", token, body(nil)); got.Status != 401 && got.Status != 403 {
			t.Errorf("by somebody else: got %d", got.Status)
		}
	}
}

// TestMessagesToOnePersonTakeTurns: WeChat refuses two at a time.
func TestMessagesToOnePersonTakeTurns(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	template := paidTemplate(t, app)
	const n = 5
	for i := range n {
		agrees(t, person, template, fmt.Sprint(i))
	}
	data := map[string]string{}
	for key, value := range paidData(nil) {
		data[key] = fmt.Sprint(value)
	}
	roomtest.AtOnce(n, func(int) {
		if _, err := app.WX.SendMessage(t.Context(), subscribe.Message{User: person.User, Template: template, Data: data}); err != nil {
			t.Error(err)
		}
	})
	if got := len(list(t, app, "/_sim/messages")); got != n {
		t.Errorf("got %d messages, want %d", got, n)
	}
	if got := left(t, app, person, template); got != 0 {
		t.Errorf("got %d left, want 0", got)
	}
}

// TestMessageWhoseAnswerIsLost: it may have been sent, and the error says so.
func TestMessageWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	person := scriptedPerson(t, app, wx, "one")
	wx.answerAt(sendPath, "<html>")
	_, err := app.WX.SendMessage(t.Context(), subscribe.Message{User: person.User, Template: "T", Data: map[string]string{"thing1": "x"}})
	if err == nil || !strings.Contains(fmt.Sprintf("%+v", err), "may have been sent") {
		t.Errorf("got %v, want message_uncertain", err)
	}
	if n := wx.called(sendPath); n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
}

// TestTemplates: asked for once in ten minutes, by however many.
func TestTemplates(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	super := app.Superuser()
	roomtest.AtOnce(10, func(int) { app.Must(http.MethodGet, "/api/wx/templates", super, nil) })
	if n := app.Calls(templatesPath); n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
	answer := app.Must(http.MethodGet, "/api/wx/templates?fresh=1", super, nil)
	if n := app.Calls(templatesPath); n != 2 || !strings.Contains(string(answer.Body), `"enum":["顺丰速运"`) || !strings.Contains(string(answer.Body), `"oneOff":false`) {
		t.Errorf("after %d calls got %s", n, answer.Body)
	}
	app.Clock.Advance(11 * time.Minute)
	app.Must(http.MethodGet, "/api/wx/templates", super, nil)
	if n := app.Calls(templatesPath); n != 3 {
		t.Errorf("after eleven minutes: got %d calls, want 3", n)
	}
	if got := app.Call(http.MethodGet, "/api/wx/templates?appid="+nextAppID, super, nil); got.Code() != "wx_not_configured" {
		t.Errorf("unknown mini program: got %s", got.Body)
	}
}

// tellOfPayment makes the row that tells buyers of a payment.
func tellOfPayment(t *testing.T, app *apptest.App, template string) {
	t.Helper()
	newRecord(t, app, "wx_templates", map[string]any{
		"event": "order.paid", "templateId": template, "enabled": true, "page": "pages/order/order?id={id}",
		"data": map[string]string{
			"character_string1": "{number}", "thing2": "{items}", "amount3": "{total}元", "time4": "{time}", "phrase5": "已支付",
		},
	})
}

// TestBuyerIsToldOfPayment: one message per order, however often the payment is told of.
func TestBuyerIsToldOfPayment(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	template := paidTemplate(t, app)
	tellOfPayment(t, app, template)
	for i := range 3 { // more consents than messages, so that nothing but us stops a second one
		agrees(t, buyer, template, fmt.Sprint(i))
	}
	order := buyer.Order("三鲜面", 2)
	payAndSync(t, buyer, order)
	buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/sync", nil)
	row := waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "message.send"}, isDone)
	if row.GetString("error") != "" {
		t.Fatalf("got error %q", row.GetString("error"))
	}
	buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/sync", nil)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	cards := list(t, app, "/_sim/messages")
	if len(cards) != 1 || cards[0]["page"] != "pages/order/order?id="+order.Text("id") {
		t.Fatalf("got %v, want one card that opens the order", cards)
	}
	if text := fmt.Sprint(cards[0]["lines"]); !strings.Contains(text, "36.00元") || !strings.Contains(text, "三鲜面 x2") || !strings.Contains(text, order.Text("number")) {
		t.Errorf("card: got %s", text)
	}
}

func isDone(r *core.Record) bool { return !r.GetDateTime("doneAt").IsZero() }

// TestBuyerWhoDidNotAgree: WeChat's no is final and harms nothing.
func TestBuyerWhoDidNotAgree(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	tellOfPayment(t, app, paidTemplate(t, app))
	payAndSync(t, buyer, buyer.Order("三鲜面", 1))
	row := waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "message.send"}, isDone)
	if !strings.Contains(row.GetString("error"), "43101") || row.GetInt("attempts") != 1 {
		t.Errorf("got %q after %d tries, want 43101 after one", row.GetString("error"), row.GetInt("attempts"))
	}
}

// TestBuyerIsToldLater: a busy WeChat is asked again; one whose answer was lost is not.
func TestBuyerIsToldLater(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	template := paidTemplate(t, app)
	tellOfPayment(t, app, template)
	for i := range 3 {
		agrees(t, buyer, template, fmt.Sprint(i))
	}
	app.Fault("subscribe_send", "busy", 3)
	payAndSync(t, buyer, buyer.Order("三鲜面", 1))
	waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "message.send"}, func(r *core.Record) bool { return r.GetInt("attempts") == 1 && !isDone(r) })
	app.Clock.Advance(time.Minute)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "message.send"}, isDone)
	if n := len(list(t, app, "/_sim/messages")); n != 1 {
		t.Fatalf("got %d messages, want 1", n)
	}
	app.Fault("subscribe_send", "empty", 1)
	payAndSync(t, buyer, buyer.Order("三鲜面", 1))
	lost := waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "message.send"}, func(r *core.Record) bool { return isDone(r) && r.GetString("error") != "" })
	if lost.GetInt("attempts") != 1 {
		t.Errorf("got %d tries of a message whose answer was lost, want 1", lost.GetInt("attempts"))
	}
}

// TestTemplateRows: what could never be sent is refused when it is saved.
func TestTemplateRows(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	super := app.Superuser()
	scenarios := []struct {
		name  string
		event string
		data  any
		ok    bool
	}{
		{"placeholders", "order.paid", map[string]string{"thing1": "{items} {note}"}, true},
		{"plain text", "order.shipped", map[string]string{"thing1": "在路上"}, true},
		{"the amount of a refund", "refund.succeeded", map[string]string{"amount1": "{refund}"}, true},
		{"the amount of a refund where there is none", "order.paid", map[string]string{"amount1": "{refund}"}, false},
		{"an unknown placeholder", "order.paid", map[string]string{"thing1": "{price}"}, false},
		{"no object", "order.paid", []string{"thing1"}, false},
		{"an unknown event", "order.lost", map[string]string{"thing1": "x"}, false},
	}
	for i, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := app.Call(http.MethodPost, "/api/collections/wx_templates/records", super,
				map[string]any{"event": s.event, "templateId": fmt.Sprint("T", i), "data": s.data})
			if (got.Status == http.StatusOK) != s.ok {
				t.Errorf("got %d %s, want ok %v", got.Status, got.Body, s.ok)
			}
		})
	}
}
