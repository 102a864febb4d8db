package hooks_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
)

// group is a group chat with a robot; it refuses the first calls, in its own way.
type group struct {
	*httptest.Server

	calls  chan string
	refuse atomic.Int32
}

func newGroup(t *testing.T, refusal func(http.ResponseWriter)) *group {
	t.Helper()
	g := &group{calls: make(chan string, 20)}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("call: got %s, %v", r.Method, err)
		}
		if g.refuse.Add(-1) >= 0 {
			refusal(w)
			return
		}
		g.calls <- string(text)
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *group) config(format string) func(*hooks.Config) {
	return func(c *hooks.Config) {
		c.Env = func(name string) string {
			return map[string]string{"WXBASE_ALERT_WEBHOOK": g.URL + "/robot?key=TOPSECRET", "WXBASE_ALERT_WEBHOOK_FORMAT": format}[name]
		}
	}
}

// TestWebhook: a new alert is posted once, after refusals of every kind, and a repeat is not.
func TestWebhook(t *testing.T) {
	t.Parallel()
	refusals := map[string]func(http.ResponseWriter){
		"status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"errcode": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"errcode":45009,"errmsg":"api freq out of limit"}`)
		},
		"code":     func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"code":9499,"msg":"too many request"}`) },
		"redirect": func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(http.StatusFound) },
	}
	for name, refusal := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGroup(t, refusal)
			g.refuse.Store(3)
			app, _, order := paidOrder(t, g.config(""))
			app.Fault("refund", "refund_abnormal", 1)
			refund := app.Must(http.MethodPost, refundPath(order), app.Superuser(), map[string]any{"all": true})
			settle(t, app)
			for range 12 {
				app.Clock.Advance(5 * time.Minute)
				if err := app.WX.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var said map[string]any
			if err := json.Unmarshal([]byte(receive(t, g.calls)), &said); err != nil {
				t.Fatal(err)
			}
			if said["kind"] != "refund" || said["subject"] != refund.Text("id") || said["server"] != app.URL {
				t.Errorf("call: got %v, want the refund", said)
			}
			if n := len(g.calls); n != 0 {
				t.Errorf("got %d more calls, want none", n)
			}
			rows, err := app.FindAllRecords("wx_outbox", dbx.HashExp{"effect": "alert.webhook"})
			if err != nil || len(rows) != 1 || rows[0].GetInt("attempts") != 4 {
				t.Errorf("outbox: got %v, %v, want one row with 4 attempts", rows, err)
			}
		})
	}
}

// TestWebhookThatIsAway: it is one alert, which calls nobody, and its address is in no error.
func TestWebhookThatIsAway(t *testing.T) {
	t.Parallel()
	g := newGroup(t, nil)
	g.Close()
	app, _, order := paidOrder(t, g.config(""))
	app.Fault("refund", "refund_abnormal", 1)
	app.Must(http.MethodPost, refundPath(order), app.Superuser(), map[string]any{"all": true})
	settle(t, app)
	for range 15 {
		app.Clock.Advance(time.Hour)
		if err := app.WX.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantAlert(t, app, "effect", "alert.webhook")
	rows, err := app.FindAllRecords("wx_outbox", dbx.HashExp{"effect": "alert.webhook"})
	if err != nil || len(rows) != 1 {
		t.Fatalf("outbox: got %d rows, %v, want that of the refund alone", len(rows), err)
	}
	if text := rows[0].GetString("error"); text == "" || strings.Contains(text, "TOPSECRET") || strings.Contains(text, "robot") {
		t.Errorf("error: got %q, want one without the address", text)
	}
}

// TestWebhookShapes: robots get the text messages that they know.
func TestWebhookShapes(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"wecom": `"msgtype":"text","text":{"content":"wxbase: refund`, "dingtalk": `"msgtype":"text","text":{"content":"wxbase: refund`,
		"feishu": `{"content":{"text":"wxbase: refund`,
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			g := newGroup(t, nil)
			app, _, order := paidOrder(t, g.config(format))
			app.Fault("refund", "refund_abnormal", 1)
			app.Must(http.MethodPost, refundPath(order), app.Superuser(), map[string]any{"all": true})
			settle(t, app)
			if err := app.WX.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, g.calls); !strings.Contains(got, want) {
				t.Errorf("got %s, want %s in it", got, want)
			}
		})
	}
}

// TestWebhookAddress: what is no https and not this machine is refused at the start, without a word of the address.
func TestWebhookAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://example.com/TOPSECRET", "ftp://127.0.0.1/TOPSECRET", "TOPSECRET", "https:///TOPSECRET", "http://127.0.0.1.example.com/TOPSECRET", "http://[::1/TOPSECRET"} {
		code, stdout, stderr := run(t, home(t), []string{"WXBASE_ALERT_WEBHOOK=" + address}, "serve", "--http", "127.0.0.1:0")
		if code != 1 || !strings.Contains(stderr, "WXBASE_ALERT_WEBHOOK must be") || strings.Contains(stdout+stderr, "TOPSECRET") {
			t.Errorf("%s: got exit %d, %q, want 1 and a reason without the address", address, code, stderr)
		}
	}
}
