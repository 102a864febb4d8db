package subscribe_test

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/order"
	"wxbase/internal/settings"
	"wxbase/internal/subscribe"
)

const (
	sendPath  = "/cgi-bin/message/subscribe/send"
	pushToken = "pushTokenOfTheTest"
	template  = "TEMPLATE-1"
)

type kit struct {
	*roomtest.Kit

	subscribe *subscribe.Subscribe
	heard     []string // names of the events that the program was told of
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{Kit: roomtest.New(t)}
	k.subscribe = &subscribe.Subscribe{
		App: k.TestApp, Now: k.Clock.Now, Accounts: k.Accounts, Books: k.Books, Locks: k.Locks, Limits: limit.Usual(),
		OnMedia: func(*events.MediaVerdict, time.Time) error { return nil }, OnTrade: func(*events.PushEvent, string) error { return nil }, OnPush: &hook.Hook[*events.PushEvent]{},
		SimPush: func(app settings.App) settings.App {
			app.PushToken, app.PushMode = pushToken, "plain"
			return app
		},
	}
	k.subscribe.OnPush.BindFunc(func(e *events.PushEvent) error {
		k.heard = append(k.heard, e.Name)
		return e.Next()
	})
	k.subscribe.HandleMessages()
	k.Books.Handle(subscribe.EffectPush, books.Effect{Do: k.subscribe.HandlePush})
	k.subscribe.BindTemplates()
	k.WeChat.On(sendPath, func(roomtest.Call) any {
		return map[string]any{"errcode": 0, "msgid": fmt.Sprint(len(k.WeChat.Calls(sendPath)))}
	})
	return k
}

// report is a phone that says yes to the dialog.
func (k *kit) report(as *core.Record, key string) roomtest.Answer {
	return k.Call(k.subscribe.ReportConsents, roomtest.Request{As: as, Body: map[string]any{"answers": map[string]string{template: "accept"}, "key": key}})
}

// left is how many messages a person has agreed to.
func (k *kit) left(t *testing.T, user *core.Record) int {
	t.Helper()
	row, err := books.Find(k.TestApp, "wx_consents", dbx.HashExp{"user": user.Id, "templateId": template})
	if err != nil {
		t.Fatalf("read consents: %v", err)
	}
	return row.GetInt("remaining")
}

func (k *kit) send(t *testing.T, user *core.Record) roomtest.Answer {
	t.Helper()
	_, err := k.subscribe.SendMessage(t.Context(), subscribe.Message{User: user.Id, Template: template, Data: map[string]string{"thing1": "三鲜面"}})
	if err != nil {
		return roomtest.Refusal(err)
	}
	return roomtest.Answer{Status: 200}
}

func TestConsentArguments(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	many := map[string]string{}
	for i := range 21 {
		many[fmt.Sprint(i)] = "accept"
	}
	scenarios := []struct {
		name string
		body map[string]any
		code string
	}{
		{"no answers", map[string]any{"answers": map[string]string{}}, answer.ConsentArgs.Code},
		{"21 answers", map[string]any{"answers": many}, answer.ConsentArgs.Code},
		{"a key of 65", map[string]any{"answers": map[string]string{template: "accept"}, "key": strings.Repeat("a", 65)}, answer.ConsentArgs.Code},
		{"an unknown word", map[string]any{"answers": map[string]string{template: "maybe"}}, answer.ConsentArgs.Code},
		{"a template without a name", map[string]any{"answers": map[string]string{"": "accept"}}, answer.ConsentArgs.Code},
		{"a template of 129", map[string]any{"answers": map[string]string{strings.Repeat("a", 129): "accept"}}, answer.ConsentArgs.Code},
		{"the word of newer phones", map[string]any{"answers": map[string]string{template: "acceptWithAudio"}}, ""},
		{"a ban", map[string]any{"answers": map[string]string{template: "ban"}}, ""},
	}
	for _, s := range scenarios {
		status := 200
		if s.code != "" {
			status = 400
		}
		k.Want(s.name, k.Call(k.subscribe.ReportConsents, roomtest.Request{As: anna, Body: s.body}), status, s.code)
	}
	if got := k.left(t, anna); got != 1 {
		t.Errorf("got %d left, want the one yes", got)
	}
}

// TestReportsOfOneYes: the phone and WeChat tell of the same yes, in either order, twice or minutes apart.
func TestReportsOfOneYes(t *testing.T) {
	t.Parallel()
	type step struct {
		from string // phone or wechat
		key  string
		wait time.Duration // before it
	}
	scenarios := []struct {
		name  string
		steps []step
		want  int
	}{
		{"the phone", []step{{"phone", "a", 0}}, 1},
		{"the phone, sent again", []step{{"phone", "a", 0}, {"phone", "a", time.Second}}, 1},
		{"the phone, without a key", []step{{"phone", "", 0}, {"phone", "", time.Second}}, 2},
		{"the phone, then WeChat", []step{{"phone", "a", 0}, {"wechat", "1", time.Minute}}, 1},
		{"WeChat, then the phone", []step{{"wechat", "1", 0}, {"phone", "a", time.Minute}}, 1},
		{"more than two minutes apart", []step{{"phone", "a", 0}, {"wechat", "1", 2*time.Minute + time.Second}}, 2},
		{"two of each", []step{{"phone", "a", 0}, {"phone", "b", 0}, {"wechat", "1", 0}, {"wechat", "2", 0}}, 2},
		{"a second yes of which the phone says nothing", []step{{"phone", "a", 0}, {"wechat", "1", 0}, {"wechat", "2", 0}}, 2},
		{"WeChat, sent again", []step{{"wechat", "1", 0}, {"wechat", "1", 0}}, 1},
	}
	for _, s := range scenarios {
		k := newKit(t)
		anna := k.Person("Anna")
		for _, step := range s.steps {
			k.Clock.Advance(step.wait)
			if step.from == "phone" {
				k.Want(s.name, k.report(anna, step.key), 200, "")
				continue
			}
			k.push(t, "subscribe_msg_popup_event", step.key, map[string]any{"TemplateId": template, "SubscribeStatusString": "accept", "PopupScene": "0"})
			k.WorkOutbox()
		}
		if got := k.left(t, anna); got != s.want {
			t.Errorf("%s: got %d left, want %d", s.name, got, s.want)
		}
	}
}

func TestConsentsAreBounded(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	k.subscribe.Limits.Templates = 1
	k.report(anna, "")
	row := k.Only("wx_consents")
	row.Set("remaining", 1_000)
	if err := books.Save(k.TestApp, row); err != nil {
		t.Fatal(err)
	}
	k.Want("the thousand and first", k.report(anna, ""), 200, "")
	if got := k.left(t, anna); got != 1_000 {
		t.Errorf("got %d left, want a thousand at most", got)
	}
	a := k.Call(k.subscribe.ReportConsents, roomtest.Request{As: anna, Body: map[string]any{"answers": map[string]string{"TEMPLATE-2": "accept"}}})
	k.Want("a second template", a, answer.ConsentLimit.Status, answer.ConsentLimit.Code)
}

// TestConsentsAreCountedDown: many messages to one person at once go one after the other, and use up one yes each.
func TestConsentsAreCountedDown(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	for range 5 {
		k.report(anna, "")
	}
	var underWay, most atomic.Int32
	k.WeChat.On(sendPath, func(roomtest.Call) any {
		if n := underWay.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer underWay.Add(-1)
		roomtest.Linger()
		return map[string]any{"errcode": 0, "msgid": fmt.Sprint(len(k.WeChat.Calls(sendPath)))}
	})
	roomtest.AtOnce(3, func(int) {
		if a := k.send(t, anna); a.Status != 200 {
			t.Errorf("got %d %q (%v), want it sent", a.Status, a.Code, a.Err)
		}
	})
	if got := k.left(t, anna); got != 2 || most.Load() != 1 || k.Count("wx_messages") != 3 {
		t.Errorf("got %d left, %d at a time and %d rows, want 2, 1 and 3", got, most.Load(), k.Count("wx_messages"))
	}
	roomtest.AtOnce(4, func(int) { k.send(t, anna) })
	if got := k.left(t, anna); got != 0 {
		t.Errorf("got %d left after more messages than consents, want 0", got)
	}
}

// TestWhatWeChatSaysToAMessage: its refusal sets our count right; what may have gone out is not sent again.
func TestWhatWeChatSaysToAMessage(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		reply   any
		problem answer.Problem
		left    int
	}{
		{"no yes", roomtest.Errcode(43101), answer.NotSubscribed, 0},
		{"an unknown template", roomtest.Errcode(40037), answer.WxArgs, 2},
		{"a bad argument", map[string]any{"errcode": 47003, "errmsg": "argument invalid! data.thing1.value invalid rid: 1"}, answer.MessageArgs, 2},
		{"a sensitive word", roomtest.Errcode(45168), answer.Risk, 2},
		{"half an answer", []byte(`{"errcode":`), answer.MessageUnsure, 2},
	}
	for _, s := range scenarios {
		k := newKit(t)
		anna := k.Person("Anna")
		k.report(anna, "")
		k.report(anna, "")
		k.WeChat.Always(sendPath, s.reply)
		k.Want(s.name, k.send(t, anna), s.problem.Status, s.problem.Code)
		if got := k.left(t, anna); got != s.left {
			t.Errorf("%s: got %d left, want %d", s.name, got, s.left)
		}
		if k.Count("wx_messages") != 0 {
			t.Errorf("%s: got a message in the books, want none", s.name)
		}
	}
}

func TestMessageArguments(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	data := map[string]string{"thing1": "面"}
	scenarios := []struct {
		name    string
		message subscribe.Message
		problem answer.Problem
	}{
		{"nobody", subscribe.Message{Template: template, Data: data}, answer.MessageArgs},
		{"a user and an openid", subscribe.Message{User: anna.Id, OpenID: "oAnna", Template: template, Data: data}, answer.MessageArgs},
		{"an openid of nobody", subscribe.Message{OpenID: "oNobody", Template: template, Data: data}, answer.IdentityMissing},
		{"a mini program where they never were", subscribe.Message{User: anna.Id, AppID: roomtest.OtherAppID, Template: template, Data: data}, answer.IdentityMissing},
		{"no template", subscribe.Message{User: anna.Id, Data: data}, answer.MessageArgs},
		{"a thing of 21", subscribe.Message{User: anna.Id, Template: template, Data: map[string]string{"thing1": strings.Repeat("面", 21)}}, answer.MessageArgs},
	}
	for _, s := range scenarios {
		_, err := k.subscribe.SendMessage(t.Context(), s.message)
		k.Want(s.name, roomtest.Refusal(err), s.problem.Status, s.problem.Code)
	}
	if _, err := k.subscribe.SendMessage(t.Context(), subscribe.Message{OpenID: "oAnna", Template: template, Trim: true, Data: map[string]string{"thing1": strings.Repeat("面", 21)}}); err != nil {
		t.Errorf("shortened: got %v, want it sent", err)
	}
	if n := len(k.WeChat.Calls(sendPath)); n != 1 {
		t.Errorf("got %d calls of WeChat, want only the last", n)
	}
}

// paid makes an order and lets it be paid, which queues the message of a template.
func (k *kit) paid(t *testing.T, user *core.Record) {
	t.Helper()
	k.Save("wx_templates", map[string]any{"event": "order.paid", "templateId": template, "enabled": true, "data": map[string]string{"thing1": "{items}", "amount2": "{total}"}})
	o := k.Save("orders", map[string]any{
		"user": user.Id, "appid": roomtest.AppID, "number": "N1", "total": 1234, "description": "三鲜面", "payState": string(order.PayUnpaid), "shipState": order.ShipNone,
		"items": []map[string]any{{"product": "p", "name": "三鲜面", "price": 617, "quantity": 2}},
	})
	o = k.Row("orders", o.Id) // note: which knows what it was before
	o.Set("payState", string(order.PayPaid))
	if err := k.TestApp.Save(o); err != nil {
		t.Fatal(err)
	}
}

// TestBuyerIsToldOnce: an order that was paid tells its buyer, and what may have gone out never goes out again.
func TestBuyerIsToldOnce(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name  string
		reply any
		later time.Duration // before the first try
		calls int           // of three rounds, a day apart in all
	}{
		{"it works", map[string]any{"errcode": 0, "msgid": "1"}, 0, 1},
		{"no yes", roomtest.Errcode(43101), 0, 1},
		{"its answer is lost", []byte(`{"errcode":`), 0, 1},
		{"a quota that comes back", roomtest.Errcode(45009), 0, 3},
		{"a day too late", map[string]any{"errcode": 0, "msgid": "1"}, 24*time.Hour + time.Second, 0},
	}
	for _, s := range scenarios {
		k := newKit(t)
		k.paid(t, k.Person("Anna"))
		k.WeChat.Always(sendPath, s.reply)
		k.Clock.Advance(s.later)
		for range 3 {
			k.WorkOutbox()
			k.Clock.Advance(5 * time.Hour)
		}
		calls := k.WeChat.Calls(sendPath)
		if len(calls) != s.calls {
			t.Errorf("%s: got %d calls of WeChat, want %d", s.name, len(calls), s.calls)
			continue
		}
		if s.calls > 0 {
			if data, err := json.Marshal(calls[0].Field("data")); err != nil || string(data) != `{"amount2":{"value":"12.34"},"thing1":{"value":"三鲜面 x2"}}` {
				t.Errorf("%s: got data %s (%v), want the order's words", s.name, data, err)
			}
		}
	}
}

// TestBuyerIsNotToldAfterADeath: a process that died while it was sending may have sent.
func TestBuyerIsNotToldAfterADeath(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.paid(t, k.Person("Anna"))
	row := k.Only("wx_outbox")
	var job map[string]any
	if err := row.UnmarshalJSONField("payload", &job); err != nil {
		t.Fatal(err)
	}
	job["sent"] = true
	row.Set("payload", job)
	if err := books.Save(k.TestApp, row); err != nil {
		t.Fatal(err)
	}
	k.WorkOutbox()
	if n := len(k.WeChat.Calls(sendPath)); n != 0 || k.Only("wx_outbox").GetDateTime("doneAt").IsZero() {
		t.Errorf("got %d calls, want none and the row done with", n)
	}
}

// push is what WeChat sends to the address of the message push, in the clear.
func (k *kit) push(t *testing.T, event, nonce string, list map[string]any) roomtest.Answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"ToUserName": "gh_1", "FromUserName": "oAnna", "CreateTime": k.Clock.Now().Unix(), "MsgType": "event", "Event": event, "List": []any{list}, "Nonce": nonce,
	})
	if err != nil {
		t.Fatal(err)
	}
	return k.deliver(t, body, pushToken)
}

// deliver signs a body with a token and hands it in.
func (k *kit) deliver(t *testing.T, body []byte, token string) roomtest.Answer {
	t.Helper()
	parts := []string{token, fmt.Sprint(k.Clock.Now().Unix()), "nonce"}
	query := url.Values{"timestamp": {parts[1]}, "nonce": {parts[2]}}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	query.Set("signature", hex.EncodeToString(sum[:]))
	event := &core.RequestEvent{App: k.TestApp}
	recorder := httptest.NewRecorder()
	event.Request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?"+query.Encode(), strings.NewReader(string(body)))
	event.Request.SetPathValue("appid", roomtest.AppID)
	event.Response = recorder
	if err := k.subscribe.ReceivePush(event); err != nil {
		return roomtest.Refusal(err)
	}
	return roomtest.Answer{Status: recorder.Code}
}

// TestPushIsKeptOnce: the same push twice is one row and one piece of work; one that is not WeChat's is refused.
func TestPushIsKeptOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.Person("Anna")
	reject := map[string]any{"TemplateId": template, "SubscribeStatusString": "reject"}
	for range 3 {
		k.Want("a push", k.push(t, "subscribe_msg_change_event", "1", reject), 200, "")
	}
	if k.Count("wx_inbox") != 1 || k.Count("wx_outbox") != 1 {
		t.Errorf("got %d rows in the inbox and %d in the outbox, want 1 and 1", k.Count("wx_inbox"), k.Count("wx_outbox"))
	}
	if n := k.WorkOutbox() + k.WorkOutbox(); n != 1 || len(k.heard) != 1 {
		t.Errorf("got %d effects and events %v, want one", n, k.heard)
	}
	k.Want("a foreign signature", k.deliver(t, []byte(`{"ToUserName":"gh_1","FromUserName":"oAnna","CreateTime":1,"MsgType":"event","Event":"x"}`), "anotherToken"), answer.PushSignature.Status, answer.PushSignature.Code)
	k.Want("no message", k.deliver(t, []byte(`nonsense`), pushToken), answer.PushMalformed.Status, answer.PushMalformed.Code)
}

// TestSwitchedOff: whoever turns a template off in WeChat's settings has agreed to nothing any more.
func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	for range 3 {
		k.report(anna, "")
	}
	k.push(t, "subscribe_msg_change_event", "1", map[string]any{"TemplateId": template, "SubscribeStatusString": "reject"})
	k.WorkOutbox()
	if got := k.left(t, anna); got != 0 {
		t.Errorf("got %d left, want 0", got)
	}
}

// TestReportsOfMessages: what became of a message, as WeChat tells later.
func TestReportsOfMessages(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ code, want string }{{"0", "DELIVERED"}, {"3", "FAILED"}}
	for _, s := range scenarios {
		k := newKit(t)
		k.send(t, k.Person("Anna"))
		k.push(t, "subscribe_msg_sent_event", "1", map[string]any{"TemplateId": template, "MsgID": "1", "ErrorCode": s.code, "ErrorStatus": "user refuse"})
		k.WorkOutbox()
		if got := k.Only("wx_messages").GetString("state"); got != s.want {
			t.Errorf("code %s: got %q, want %q", s.code, got, s.want)
		}
	}
}
