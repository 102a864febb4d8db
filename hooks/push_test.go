package hooks_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

// setPush changes the console's form of message push; the simulator checks the address as WeChat does.
func setPush(t *testing.T, app *apptest.App, form map[string]any) {
	t.Helper()
	app.Must(http.MethodPost, "/_sim/apps/"+app.AppID()+"/push", "", form)
}

// heard collects what OnPush is told.
type heard struct {
	mu     sync.Mutex
	events []events.PushEvent
	refuse error
}

func hear(app *apptest.App) *heard {
	h := &heard{}
	app.WX.OnPush().BindFunc(func(e *events.PushEvent) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.refuse != nil {
			return h.refuse
		}
		h.events = append(h.events, *e)
		return e.Next()
	})
	return h
}

func (h *heard) names() (names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		names = append(names, e.Name+e.MsgType)
	}
	return names
}

// TestPush: every mode and format, of events with lists in them and of what people write.
func TestPush(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	h := hear(app)
	n := 0
	for _, mode := range []string{"plain", "compatible", "safe"} {
		for _, format := range []string{"json", "xml"} {
			step(t, mode+" "+format, func(t *testing.T) {
				setPush(t, app, map[string]any{"pushMode": mode, "pushFormat": format, "pushUrl": app.URL + "/api/wx/push/" + app.AppID()})
				tellAnswer(t, app, person, n)
				waitForPushes(t, app, n+1)
				app.Must(http.MethodPost, "/_sim/push", "", map[string]any{"person": person.ID, "msgType": "text", "fields": map[string]any{"Content": "在吗 <b>&]]>"}})
				waitForPushes(t, app, n+2)
				n += 2
			})
		}
	}
	if got := left(t, app, person, "T"); got != 6 {
		t.Errorf("got %d consents, want 6", got)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) != 12 {
		t.Fatalf("got %d events, want 12", len(h.events))
	}
	for i, e := range h.events {
		if e.User == nil || e.User.Id != person.User || e.AppID != app.AppID() || e.At.IsZero() {
			t.Errorf("event %d: got %+v", i, e)
		}
		if e.MsgType == "text" && (e.Fields["Content"] != "在吗 <b>&]]>" || e.MsgID == "") {
			t.Errorf("event %d: got %v", i, e.Fields)
		}
		if e.MsgType == "event" && (len(e.Answers) != 1 || e.Answers[0] != events.SubscribeAnswer{Template: "T", Accepted: true}) {
			t.Errorf("event %d: got answers %v", i, e.Answers)
		}
	}
	for end := time.Now().Add(patience); len(undelivered(t, app)) > 0; { // the simulator may still be reading our last answer
		if time.Now().After(end) {
			t.Fatalf("got %v, want all DELIVERED", undelivered(t, app))
		}
	}
}

// undelivered lists the pushes that the simulator has not got rid of.
func undelivered(t *testing.T, app *apptest.App) (rest []any) {
	t.Helper()
	for _, r := range list(t, app, "/_sim/notifications") {
		if r["format"] == "push" && r["state"] != "DELIVERED" {
			rest = append(rest, r["event_type"], r["state"])
		}
	}
	return rest
}

// TestPushIsKeptOnce: however often WeChat sends it; and a handler that fails is asked again.
func TestPushIsKeptOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	h := hear(app)
	app.Fault("push", "duplicate", 1)
	tellAnswer(t, app, person, 1)
	twice := waitFor(t, app, "wx_inbox", pushed("subscribe_msg_popup_event"), func(r *core.Record) bool { return r.GetInt("seen") >= 2 })
	waitForPushes(t, app, 1)
	if got := left(t, app, person, "T"); got != 1 || twice.GetBool("verified") != true {
		t.Errorf("got %d consents, want 1", got)
	}
	h.mu.Lock()
	h.refuse = errors.New("not now")
	h.mu.Unlock()
	tellAnswer(t, app, person, 2)
	waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "push.handle"}, func(r *core.Record) bool { return strings.Contains(r.GetString("error"), "not now") })
	h.mu.Lock()
	h.refuse = nil
	h.mu.Unlock()
	app.Clock.Advance(time.Minute)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForPushes(t, app, 2)
	if got := left(t, app, person, "T"); got != 2 {
		t.Errorf("after a handler that failed first: got %d consents, want 2", got)
	}
	if names := h.names(); len(names) != 2 {
		t.Errorf("got %v, want each once", names)
	}
}

// TestPushesThatAreRefused: each leaves a row that says why, and moves nothing.
func TestPushesThatAreRefused(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ fault, mode, says string }{
		{"wrong_signature", "safe", "signature is wrong"},
		{"wrong_signature", "plain", "signature is wrong"},
		{"no_signature", "safe", "lacks a parameter"},
		{"stale_time", "safe", "not of this time"},
		{"future_time", "safe", "not of this time"},
		{"other_appid", "safe", "another app"},
		{"other_key", "safe", "does not decrypt"},
		{"bad_padding", "safe", "does not decrypt"},
		{"oversized", "safe", "too large"},
		{"downgrade", "safe", "not encrypted"},
		{"xxe", "plain", "malformed"},
	}
	for _, s := range scenarios {
		t.Run(s.fault+" "+s.mode, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			person := app.Login("小明")
			setPush(t, app, map[string]any{"pushMode": s.mode, "pushFormat": map[bool]string{true: "xml", false: "json"}[s.fault == "xxe"]})
			app.Fault("push", s.fault, 1)
			tellAnswer(t, app, person, 1)
			row := waitFor(t, app, "wx_inbox", dbx.HashExp{"kind": "push", "state": "REFUSED"}, func(*core.Record) bool { return true })
			if !strings.Contains(row.GetString("error"), s.says) || row.GetBool("verified") || row.GetString("source") != app.AppID() {
				t.Errorf("got %q, want %q", row.GetString("error"), s.says)
			}
		})
	}
}

// TestPushAddress: the GET with which WeChat tries the address, and who is not there.
func TestPushAddress(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	path := "/api/wx/push/" + app.AppID()
	setPush(t, app, map[string]any{"pushUrl": app.URL + path}) // fails unless the address answers as it must
	scenarios := []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"without anything", http.MethodGet, path, "", 400, "push_malformed"},
		{"with a wrong signature", http.MethodGet, path + fmt.Sprintf("?signature=%040d&timestamp=%d&nonce=1&echostr=x", 0, app.Clock.Now().Unix()), "", 401, "push_signature"},
		{"unknown mini program", http.MethodGet, "/api/wx/push/" + nextAppID, "", 404, "push_app_unknown"},
		{"post to an unknown one", http.MethodPost, "/api/wx/push/" + nextAppID, "{}", 404, "push_app_unknown"},
		{"post without a signature", http.MethodPost, path, `{"MsgType":"text"}`, 400, "push_malformed"},
		{"post of nothing", http.MethodPost, path, "", 400, "push_malformed"},
		{"post of too much", http.MethodPost, path, strings.Repeat(" ", 64<<10) + "{}", 413, "push_too_large"},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			wantAnswer(t, app.Call(s.method, s.path, "", s.body), s.status, s.code)
		})
	}
	if n := count(t, app, "wx_inbox", dbx.HashExp{"state": "REFUSED", "kind": "push"}); n > 4 {
		t.Errorf("got %d rows", n)
	}
}

// TestRefusedPushesAreBounded: strangers can make us keep so many an hour and no more.
func TestRefusedPushesAreBounded(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	for i := range 250 {
		req := httptest.NewRequest(http.MethodPost, "/api/wx/push/"+app.AppID(), strings.NewReader(fmt.Sprintf(`{"n":%d}`, i)))
		app.Handler.ServeHTTP(httptest.NewRecorder(), req)
	}
	if n := count(t, app, "wx_inbox", dbx.HashExp{"kind": "push"}); n != 200 {
		t.Errorf("got %d rows, want 200", n)
	}
}

// TestPushOutlivesTheProcess: what was answered is worked on after a restart.
func TestPushOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	h := hear(app)
	now := app.Clock.Now().UTC().Format("2006-01-02 15:04:05.000Z")
	identity, err := app.FindFirstRecordByData("wx_identities", "user", person.User)
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"ToUserName":"gh_1","FromUserName":%q,"CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event",
		"List":{"TemplateId":"T","SubscribeStatusString":"accept","PopupScene":"0"}}`, identity.GetString("openid"), app.Clock.Now().Unix())
	newRecord(t, app, "wx_inbox", map[string]any{
		"kind": "push", "source": app.AppID(), "dedupeKey": "push/x", "body": body, "verified": true, "state": "RECEIVED", "seen": 1,
	})
	newRecord(t, app, "wx_outbox", map[string]any{"effect": "push.handle", "key": "push.handle/x", "payload": map[string]any{"push": "push/x"}, "nextAt": now})
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForPushes(t, app, 1)
	if got := left(t, app, person, "T"); got != 1 || !slices.Equal(h.names(), []string{"subscribe_msg_popup_eventevent"}) {
		t.Errorf("got %d consents and %v, want 1 and the event", got, h.names())
	}
}

// TestPushOfTrade: what shipping management tells reaches OnPush with the order it is about.
func TestPushOfTrade(t *testing.T) {
	t.Parallel()
	app, buyer, order := paidOrder(t)
	h := hear(app)
	payment, err := app.FindFirstRecordByData("payments", "order", order.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	app.Must(http.MethodPost, "/_sim/push", "", map[string]any{"person": buyer.ID, "event": "trade_manage_order_settlement", "fields": map[string]any{
		"transaction_id": payment.GetString("transactionId"), "merchant_id": payment.GetString("merchant"),
		"merchant_trade_no": payment.GetString("outTradeNo"), "pay_time": app.Clock.Now().Unix(), "shipped_time": app.Clock.Now().Unix(),
		"estimated_settlement_time": app.Clock.Now().Unix(),
	}})
	waitForPushes(t, app, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if trade := h.events[0].Trade; trade == nil || trade.Order == nil || trade.Order.Id != order.Text("id") || trade.ShippedAt.IsZero() || !trade.SettledAt.IsZero() {
		t.Errorf("got %+v, want the order, shipped and not settled", trade)
	}
}

// TestPushWithoutSettings: a mini program without a token takes nothing; one with a key takes nothing in the clear.
func TestPushWithoutSettings(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		env    map[string]string
		status int
		code   string
	}{
		{"no token", nil, 404, "push_app_unknown"},
		{"a token", map[string]string{"WXBASE_PUSH_TOKEN": "AAAAA"}, 200, ""},
		{"a token and a key", map[string]string{"WXBASE_PUSH_TOKEN": "AAAAA", "WXBASE_PUSH_AES_KEY": strings.Repeat("A", 43)}, 401, "push_config_invalid"},
		{"a token and a key in plain mode", map[string]string{
			"WXBASE_PUSH_TOKEN": "AAAAA", "WXBASE_PUSH_AES_KEY": strings.Repeat("A", 43), "WXBASE_PUSH_MODE": "plain",
		}, 200, ""},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			moment := time.Unix(1714037059, 0) // of WeChat's own vector
			app := apptest.New(t, func(c *hooks.Config) {
				c.Sim, c.Out, c.Now = false, io.Discard, func() time.Time { return moment }
				c.Env = func(name string) string {
					if v := s.env[name]; v != "" {
						return v
					}
					return map[string]string{"WXBASE_APPID": ownAppID, "WXBASE_APP_SECRET": ownSecret}[name]
				}
			})
			got := app.Call(http.MethodPost, "/api/wx/push/"+ownAppID+"?signature=899cf89e464efb63f54ddac96b0a0a235f53aa78&timestamp=1714037059&nonce=486452656", "",
				`{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714037059,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`)
			wantAnswer(t, got, s.status, s.code)
			if s.status == 200 && string(got.Body) != "success" {
				t.Errorf("got %q, want success and nothing else", got.Body)
			}
		})
	}
}

// TestScriptsAreToldOfPushes: and they send messages and make codes.
func TestScriptsAreToldOfPushes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	script(t, app, `
		onWxPush((e) => {
			if (e.msgType == "text" && e.fields["Content"] == "海报") {
				const code = $wx.code({ user: e.user.id, page: "pages/a/a", payload: { from: e.user.id } })
				const user = $app.findRecordById("users", e.user.id)
				user.set("name", code.scene)
				$app.save(user)
			}
			if (e.answers.length > 0 && e.answers[0].accepted) {
				$wx.sendSubscribeMessage({ user: e.user.id, template: e.answers[0].template, trim: true, data: {
					character_string1: "T1", thing2: "三鲜面", amount3: "18元", time4: "15:01", phrase5: "已支付" } })
			}
			e.next()
		})
	`)
	person := app.Login("小明")
	app.Must(http.MethodPost, "/_sim/push", "", map[string]any{"person": person.ID, "msgType": "text", "fields": map[string]any{"Content": "海报"}})
	waitForPushes(t, app, 1)
	code, err := app.FindFirstRecordByData("wx_codes", "user", person.User)
	if err != nil || nameOf(t, app, person) != code.GetString("scene") {
		t.Errorf("got name %q, %v, want the scene of the code", nameOf(t, app, person), err)
	}
	template := paidTemplate(t, app)
	person.Phone("subscribe", map[string]any{"templateIds": []string{template}, "answer": "accept"})
	waitForPushes(t, app, 2)
	if n := len(list(t, app, "/_sim/messages")); n != 1 {
		t.Errorf("got %d messages, want 1", n)
	}
}
