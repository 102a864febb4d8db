package hooks_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

// TestCustomerMessagesInEveryForm: plain and sealed, in JSON and XML; sent twice they are one; what the shop answers is in the phone's chat.
func TestCustomerMessagesInEveryForm(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var mu sync.Mutex
	var kinds []string
	app.WX.OnCustomerMessage().BindFunc(func(e *hooks.CustomerMessageEvent) error {
		mu.Lock()
		defer mu.Unlock()
		kinds = append(kinds, e.Kind)
		return e.Next()
	})
	buyer := app.Login("小明")
	forms := []map[string]any{
		{"pushMode": "safe", "pushFormat": "json"},
		{"pushMode": "safe", "pushFormat": "xml"},
		{"pushMode": "compatible", "pushFormat": "xml"},
		{"pushMode": "plain", "pushFormat": "json"},
		{"pushMode": "plain", "pushFormat": "xml"},
	}
	chat := "/_sim/people/" + buyer.ID + "/chat"
	for i, form := range forms {
		setPush(t, app, form)
		app.Fault("push", "duplicate", 1)
		text := strings.Repeat("在吗 <b>]]>", i+1)
		app.Must(http.MethodPost, chat, "", map[string]any{"text": text})
		app.WaitFor(t, "wx_chat_messages", dbx.HashExp{"text": text}, func(*core.Record) bool { return true })
		app.Must(http.MethodPost, chat, "", map[string]any{"card": map[string]any{"title": "三鲜面", "pagePath": "pages/a"}})
	}
	row := app.WaitFor(t, "wx_chats", nil, func(r *core.Record) bool { return r.GetInt("unread") == 2*len(forms) })
	if row.GetString("user") == "" {
		t.Error("got a chat of nobody, want it to be the buyer's")
	}
	got := app.Must(http.MethodPost, "/api/wx/admin/chats/"+row.Id+"/reply", app.Superuser(), map[string]any{"text": "在的"})
	if got.JSON["left"] != 4.0 && got.JSON["left"] != 5.0 || got.JSON["unread"] != 0.0 {
		t.Errorf("got %s, want one answer used and nothing unread", got.Body)
	}
	phone := app.Must(http.MethodGet, chat, "", nil)
	lines, _ := phone.JSON["lines"].([]any)
	last, _ := lines[len(lines)-1].(map[string]any)
	if last["fromUs"] != true {
		t.Errorf("phone: got %v at the end, want the answer", last)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(kinds) < 2*len(forms) {
		t.Errorf("got %v told, want every message", kinds)
	}
}

// TestCustomerMessagesAreHandedOver: with the setting WeChat's own tools get what people write, in every form, and never an event.
func TestCustomerMessagesAreHandedOver(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) { c.CustomerService = "wechat" })
	var heard sync.WaitGroup
	heard.Add(1)
	app.WX.OnCustomerMessage().BindFunc(func(e *events.CustomerMessageEvent) error {
		if e.Kind == "enter" {
			heard.Done()
		}
		return e.Next()
	})
	buyer := app.Login("小明")
	chat := "/_sim/people/" + buyer.ID + "/chat"
	texts := []string{"一", "二", "三"}
	for i, form := range []map[string]any{{"pushMode": "safe", "pushFormat": "json"}, {"pushMode": "safe", "pushFormat": "xml"}, {"pushMode": "plain", "pushFormat": "json"}} {
		setPush(t, app, form)
		app.Must(http.MethodPost, chat, "", map[string]any{"text": texts[i]})
		app.WaitFor(t, "wx_chat_messages", dbx.HashExp{"text": texts[i]}, func(*core.Record) bool { return true })
	}
	app.Must(http.MethodPost, chat, "", map[string]any{"enter": "x"})
	heard.Wait()
	row := app.WaitFor(t, "wx_chats", nil, func(r *core.Record) bool { return true })
	if row.GetInt("unread") != 0 {
		t.Errorf("got %d unread, want nobody called", row.GetInt("unread"))
	}
	passed := func() (n int) {
		lines, _ := app.Must(http.MethodGet, chat, "", nil).JSON["lines"].([]any)
		for _, line := range lines {
			if line.(map[string]any)["passed"] == true { //nolint:forcetypeassert // the simulator's own list
				n++
			}
		}
		return n
	}
	for range 200 {
		if passed() == len(texts) {
			return
		}
		app.Clock.Advance(1)
	}
	t.Errorf("got %d handed over, want %d", passed(), len(texts))
}
