package hooks_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// circles is a filter that walks from orders to their user and back, again and again.
func circles(n int) string {
	return "user" + strings.Repeat(".orders_via_user.user", n) + `.name ?= "x"`
}

func listOf(app *apptest.App, token, collection string, query ...string) apptest.Answer {
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Add(query[i], query[i+1])
	}
	return app.Call(http.MethodGet, "/api/collections/"+collection+"/records?"+values.Encode(), token, nil)
}

func TestQueryLimits(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	order := person.Order("三鲜面", 1)
	orders, err := app.FindCollectionByNameOrId("orders")
	if err != nil {
		t.Fatal(err)
	}
	orders.Fields.Add(&core.JSONField{Name: "extra"})
	if err := app.Save(orders); err != nil {
		t.Fatal(err)
	}
	owner := app.Superuser()
	many := strings.Repeat(`id = "x" || `, 61) + `id = "x"`
	scenarios := []struct {
		name, key, value string
		refused          bool
	}{
		{"own fields", "filter", `payState = "NOTPAY" && total > 1`, false},
		{"one relation away", "filter", `user.name != "x"`, false},
		{"a modifier", "filter", `user.name:lower != "x"`, false},
		{"inside of JSON", "filter", `extra.a.b.c = 1 || total > 0`, false},
		{"a value that looks like a path", "filter", `note != "a_via_b.c.d.e"`, false},
		{"a path in a comment", "filter", "total > 0 // a_via_b.c.d", false},
		{"a function", "filter", `geoDistance(1, 2, 3, 4) > 0`, false},
		{"back", "filter", `user.orders_via_user.total > 0`, true},
		{"back in brackets", "filter", `(total > 0 && (user.orders_via_user.total ?> 0))`, true},
		{"back on the right", "filter", `1 < user.orders_via_user.total`, true},
		{"back in a function", "filter", `geoDistance(user.orders_via_user.total, 2, 3, 4) > 0`, true},
		{"in circles", "filter", circles(2), true},
		{"two relations away", "filter", `user.other.name = "x"`, true},
		{"too many conditions", "filter", many, true},
		{"too long", "filter", `note = "` + strings.Repeat("x", 2000) + `"`, true},
		{"sorted", "sort", "-created,total", false},
		{"sorted by a relation", "sort", "user.name", false},
		{"sorted by a back relation", "sort", "-user.orders_via_user.total", true},
		{"sorted by too much", "sort", "a,b,c,d,e", true},
		{"expanded", "expand", "user", false},
		{"expanded twice", "expand", "user.orders_via_user", true},
		{"expanded back", "expand", "orders_via_user", true},
		{"expanded back, as it was written once", "expand", "payments(order)", true},
		{"fields", "fields", "id,total,expand.user.name", false},
		{"too many fields", "fields", strings.Repeat("a,", 300), true},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := listOf(app, person.Token, "orders", s.key, s.value)
			if refused := got.Code() == "query_too_complex"; refused != s.refused || refused == (got.Status == 200) && !strings.HasPrefix(s.name, "sorted by a relation") {
				t.Errorf("list: got %d %.200s, want refused: %v", got.Status, got.Body, s.refused)
			}
			query := "?" + url.Values{s.key: {s.value}}.Encode()
			view := person.Call(http.MethodGet, "/api/collections/orders/records/"+order.Text("id")+query, nil)
			guest := app.Call(http.MethodGet, "/api/collections/orders/records"+query, "", nil)
			change := person.Call(http.MethodPatch, "/api/collections/orders/records/"+order.Text("id")+query, map[string]any{})
			ours := person.Call(http.MethodPost, "/api/wx/orders"+query, map[string]any{})
			for where, a := range map[string]apptest.Answer{"view": view, "guest": guest, "change": change, "own route": ours} {
				if refused := a.Code() == "query_too_complex"; refused != s.refused && s.name != "inside of JSON" {
					t.Errorf("%s: got %d %.200s, want refused: %v", where, a.Status, a.Body, s.refused)
				}
			}
			if a := listOf(app, owner, "orders", s.key, s.value); a.Code() != "" {
				t.Errorf("a superuser: got %s, want to be free", a.Code())
			}
		})
	}
}

// TestTopicLimits: PocketBase evaluates the options of a topic at every change of a record.
func TestTopicLimits(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	owner := app.Superuser()
	scenarios := []struct {
		name, options string
		refused       bool
	}{
		{"none", "", false},
		{"a filter", `{"query":{"filter":"total > 1"}}`, false},
		{"in circles", `{"query":{"filter":"user.orders_via_user.total ?> 1"}}`, true},
		{"expanded twice", `{"query":{"expand":"user.orders_via_user"}}`, true},
		{"too many fields", `{"query":{"fields":"` + strings.Repeat("a,", 300) + `"}}`, true},
	}
	for _, s := range scenarios {
		for who, token := range map[string]string{"user": person.Token, "guest": "", "superuser": owner} {
			step(t, s.name+" "+who, func(t *testing.T) {
				topic := "orders/*"
				if s.options != "" {
					topic += "?options=" + url.QueryEscape(s.options)
				}
				got := app.Call(http.MethodPost, "/api/realtime", token, map[string]any{"clientId": openStream(t, app).id, "subscriptions": []string{topic}})
				if refused := got.Code() == "query_too_complex"; refused != (s.refused && who != "superuser") {
					t.Errorf("got %d %s, want refused: %v", got.Status, got.Body, s.refused)
				}
			})
		}
	}
}

// TestQueryDeadline: a rule of the owner walks in circles, so that only the clock can stop it.
func TestQueryDeadline(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_QUERY_SECONDS": "1"}[name] }
	})
	person := app.Login("小明")
	for i := range 400 {
		fields := map[string]any{"user": person.User, "number": fmt.Sprintf("N%031d", i)}
		c, err := app.FindCachedCollectionByNameOrId("orders")
		if err != nil {
			t.Fatal(err)
		}
		r := core.NewRecord(c)
		r.Load(fields)
		if err := app.SaveNoValidate(r); err != nil {
			t.Fatal(err)
		}
	}
	orders, err := app.FindCollectionByNameOrId("orders")
	if err != nil {
		t.Fatal(err)
	}
	rule := circles(2)
	orders.ListRule, orders.ViewRule = &rule, &rule
	if err := app.Save(orders); err != nil {
		t.Fatal(err)
	}
	room := newRecord(t, app, "rooms", map[string]any{"name": "slow", "joinRule": `@collection.orders.` + circles(1) + ` || @collection.orders:b.` + circles(1)})
	one, err := app.FindFirstRecordByFilter("orders", "user = {:user}", dbx.Params{"user": person.User})
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() apptest.Answer{
		"list": func() apptest.Answer { return listOf(app, person.Token, "orders") },
		"view": func() apptest.Answer {
			return person.Call(http.MethodGet, "/api/collections/orders/records/"+one.Id, nil)
		},
		"room": func() apptest.Answer {
			return person.Call(http.MethodGet, "/api/wx/rooms/"+room.GetString("name")+"/messages", nil)
		},
	} {
		began := time.Now()
		got := ask()
		took := time.Since(began)
		quick := took < 900*time.Millisecond && got.Status == http.StatusOK // SQLite has found a plan that does not walk in circles
		if took > 15*time.Second || got.Status < 400 && !quick {
			t.Errorf("%s: got %d %.200s after %s, want to be stopped after a second", name, got.Status, got.Body, took)
		}
		if name == "list" && got.Code() != "query_too_slow" && !quick {
			t.Errorf("%s: got %d %.200s, want query_too_slow", name, got.Status, got.Body)
		}
		if name == "room" && (got.Code() != "room_forbidden" || time.Since(began) < 900*time.Millisecond) {
			t.Errorf("%s: got %d %.200s after %s, want a rule that was evaluated for a second", name, got.Status, got.Body, time.Since(began))
		}
	}
}
