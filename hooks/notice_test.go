package hooks_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// TestNotice: everybody hears that something was bought, with a masked name and without anything that leads to the buyer.
func TestNotice(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, withEnv("WXBASE_ORDER_NOTICE", "total"))
	scenarios := []struct {
		name, nickname string
		items          []any
		wantName, want string
		total          float64
	}{
		{"one product", "小明", []any{line(app.Product("三鲜面"), 2)}, "小*", "三鲜面 x2", 3600},
		{"two products, long name", "欧阳小明", []any{line(app.Product("酸梅汤"), 1), line(app.Product("桂花糕"), 2)}, "欧**明", "酸梅汤等3件", 2360},
		{"somebody without a name", "", []any{line(app.Product("三鲜面"), 1)}, "微信用户", "三鲜面 x1", 1800},
	}
	heard := listen(t, app, "rooms/notice")
	for _, s := range scenarios {
		buyer := app.Login("x")
		if s.nickname != "" {
			buyer.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": s.nickname})
		}
		order := buyer.Must(http.MethodPost, "/api/wx/orders", map[string]any{"items": s.items})
		payAndSync(t, buyer, order)
		text := receive(t, heard)
		var message struct {
			Event   string         `json:"event"`
			Payload map[string]any `json:"payload"`
		}
		if err := json.Unmarshal([]byte(text), &message); err != nil {
			t.Fatal(err)
		}
		got := message.Payload
		if message.Event != "order.paid" || got["name"] != s.wantName || got["items"] != s.want || got["total"] != s.total {
			t.Errorf("%s: got %s, want %s, %s, %v fen", s.name, text, s.wantName, s.want, s.total)
		}
		for _, private := range []string{buyer.User, order.Text("id"), order.Text("number")} {
			if strings.Contains(text, private) {
				t.Errorf("%s: got %s, want nothing that leads to the buyer", s.name, text)
			}
		}
	}
}

// TestNoticeSettings: the banner can be turned off, and its text changed.
func TestNoticeSettings(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name string
		env  map[string]string
		want string // of the text; "off" for no message at all
	}{
		{"usual", nil, ""},
		{"off", map[string]string{"WXBASE_ORDER_NOTICE": "off"}, "off"},
		{"another text", map[string]string{"WXBASE_ORDER_NOTICE_TEXT": "{name} 刚买了 {items}，{total} 元 {unknown}"}, "小* 刚买了 三鲜面 x2，36.00 元 {unknown}"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t, func(c *hooks.Config) { c.Env = func(name string) string { return s.env[name] } })
			heard := listen(t, app, "rooms/notice")
			buyer := app.Login("x")
			buyer.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": "小明"})
			payAndSync(t, buyer, buyer.Order("三鲜面", 2))
			if s.want == "off" {
				if err := app.WX.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := app.WX.Publish("notice", "end", nil); err != nil {
					t.Fatal(err)
				}
			}
			got := receive(t, heard)
			var message struct {
				Event   string
				Payload struct{ Text string }
			}
			if err := json.Unmarshal([]byte(got), &message); err != nil {
				t.Fatal(err)
			}
			if s.want == "off" && message.Event != "end" || s.want != "off" && message.Payload.Text != s.want {
				t.Errorf("got %s, want text %q", got, s.want)
			}
		})
	}
}

// TestGuestsSpeakBesideTheSimulator: the article's page works at once, unless the owner has said who may speak.
func TestGuestsSpeakBesideTheSimulator(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	if got := app.Call(http.MethodPost, "/api/wx/rooms/notice/messages", "", map[string]any{"event": "x"}); got.Status != http.StatusOK {
		t.Errorf("with the simulator: got %d %s, want a guest to be heard", got.Status, got.Body)
	}
	makeRoom(t, app, "notice", map[string]any{"publishRule": signedIn})
	if got := app.Call(http.MethodPost, "/api/wx/rooms/notice/messages", "", map[string]any{"event": "x"}); got.Code() != "room_publish_forbidden" {
		t.Errorf("the owner has said who may speak: got %d %s, want a guest refused", got.Status, got.Body)
	}
	quiet := apptest.New(t, func(c *hooks.Config) { c.Sim = false })
	if got := quiet.Call(http.MethodPost, "/api/wx/rooms/notice/messages", "", map[string]any{"event": "x"}); got.Code() != "room_publish_forbidden" {
		t.Errorf("without the simulator: got %d %s, want a guest refused", got.Status, got.Body)
	}
}
