package hooks_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
)

// innerRefund are fields of a refund that only the shop sees.
var innerRefund = []string{"payment", "merchant", "requestedBy", "sentAt", "nextQueryAt", "queries", "raw"}

// address is the one under which a superuser is signed in.
func address(t *testing.T, app *apptest.App, token string) string {
	t.Helper()
	r, err := app.FindAuthRecordByToken(token, core.TokenTypeAuth)
	if err != nil {
		t.Fatal(err)
	}
	return r.Email()
}

// TestBuyersDoNotSeeWhoRefunds: on no way to a refund, and in no collection that a buyer may list, is the superuser named.
func TestBuyersDoNotSeeWhoRefunds(t *testing.T) {
	t.Parallel()
	app, buyer, order := paidOrder(t)
	heard := listenAs(t, app, buyer.Token, "refunds/*", "orders/*")
	super := app.Superuser()
	refund := app.Must(http.MethodPost, refundPath(order), super, map[string]any{"amount": 1000})
	who := address(t, app, super)
	if refund.Text("requestedBy") != who || refund.Text("payment") == "" {
		t.Fatalf("got %s, want the superuser to see who asked, and all the rest", refund.Body)
	}
	settle(t, app)
	const list, view = "/api/collections/refunds/records", "/api/collections/refunds/records/"
	live := receive(t, heard)
	for !strings.Contains(live, refund.Text("id")) { // the order's payment may still be on its way
		live = receive(t, heard)
	}
	answers := map[string]apptest.Answer{
		"one":   buyer.Must(http.MethodGet, view+refund.Text("id"), nil),
		"all":   buyer.Must(http.MethodGet, list, nil),
		"named": buyer.Must(http.MethodGet, list+"?fields=*,requestedBy,merchant,queries", nil),
		"live":  {Body: []byte(live)},
	}
	for name, a := range answers {
		text := string(a.Body)
		if !strings.Contains(text, refund.Text("id")) {
			t.Errorf("%s: got %s, want the refund", name, text)
		}
		if strings.Contains(text, who) || slices.ContainsFunc(innerRefund, func(f string) bool { return strings.Contains(text, `"`+f+`"`) }) {
			t.Errorf("%s: got %s, want no inner field", name, text)
		}
	}
	for _, guess := range []string{`requestedBy ~ "@"`, `merchant != ""`, `queries >= 0`} {
		if got := buyer.Call(http.MethodGet, list+"?filter="+url.QueryEscape(guess), nil); got.Status != http.StatusBadRequest {
			t.Errorf("filter %s: got %d %s, want 400: it tells what is hidden", guess, got.Status, got.Body)
		}
	}
}

// TestListsNameNoSuperuser asks every collection that a user may list for everything.
func TestListsNameNoSuperuser(t *testing.T) {
	t.Parallel()
	app, buyer, order := paidOrder(t)
	super := app.Superuser()
	app.Must(http.MethodPost, refundPath(order), super, map[string]any{"amount": 1000})
	who := address(t, app, super)
	all, err := app.FindAllCollections()
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, c := range all {
		got := buyer.Call(http.MethodGet, "/api/collections/"+c.Name+"/records", nil)
		if got.Status != http.StatusOK {
			continue
		}
		listed++
		if strings.Contains(string(got.Body), who) {
			t.Errorf("%s: got %s, want no address of a superuser", c.Name, got.Body)
		}
	}
	if listed < 5 {
		t.Errorf("got %d lists, want all that users may read", listed)
	}
}

// TestNoticeTellsNoTotals: unless the shop says so, in the room and in what it keeps of the past.
func TestNoticeTellsNoTotals(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		setting string
		total   any
		silent  bool
	}{
		{"", nil, false},
		{"on", nil, false},
		{"total", 3600.0, false},
		{"TOTAL", 3600.0, false},
		{"off", nil, true},
	}
	for _, s := range scenarios {
		t.Run("setting "+s.setting, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t, withEnv("WXBASE_ORDER_NOTICE", s.setting))
			heard := listen(t, app, "rooms/notice")
			buyer := app.Login("小明")
			payAndSync(t, buyer, buyer.Order("三鲜面", 2))
			if err := app.WX.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s.silent {
				if n := rows(t, app, "room_messages"); n != 0 {
					t.Errorf("got %d messages, want none", n)
				}
				return
			}
			var live struct{ Payload map[string]any }
			if err := json.Unmarshal([]byte(receive(t, heard)), &live); err != nil {
				t.Fatal(err)
			}
			if live.Payload["total"] != s.total || live.Payload["items"] != "三鲜面 x2" {
				t.Errorf("got %v, want total %v", live.Payload, s.total)
			}
			past := app.Must(http.MethodGet, "/api/wx/rooms/notice/messages", "", nil)
			if has := strings.Contains(string(past.Body), "3600"); has != (s.total != nil) {
				t.Errorf("the past: got %s, want a total: %v", past.Body, s.total != nil)
			}
		})
	}
}
