package hooks_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
)

// addProduct stores a product and returns its id.
func addProduct(t *testing.T, app *apptest.App, fields map[string]any) string {
	t.Helper()
	c, err := app.FindCollectionByNameOrId("products")
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(fields)
	if err := app.Save(r); err != nil {
		t.Fatal(err)
	}
	return r.Id
}

// change stores other fields in a product.
func change(t *testing.T, app *apptest.App, product string, fields map[string]any) {
	t.Helper()
	r, err := app.FindRecordById("products", product)
	if err != nil {
		t.Fatal(err)
	}
	r.Load(fields)
	if err := app.Save(r); err != nil {
		t.Fatal(err)
	}
}

func line(product string, quantity any) map[string]any {
	return map[string]any{"product": product, "quantity": quantity}
}

func orderBody(product string, quantity int) map[string]any {
	return map[string]any{"items": []any{line(product, quantity)}}
}

// totalOf is the total of an order, -1 when there is none.
func totalOf(order apptest.Answer) int {
	n, ok := order.JSON["total"].(float64)
	if !ok {
		return -1
	}
	return int(n)
}

func TestOrderTotalIsOurs(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer, other := app.Login("小明"), app.Login("小红")
	noodles, plum := app.Product("三鲜面"), app.Product("酸梅汤")
	got := buyer.Must(http.MethodPost, "/api/wx/orders", map[string]any{
		"items": []any{
			merged(line(noodles, 2), map[string]any{"price": 1, "name": "x", "total": 1}), line(plum, 1), line(noodles, 1),
		},
		"total": 1, "price": 1, "payState": "PAID", "paidAt": "2026-01-01 00:00:00.000Z", "user": other.User, "description": "x",
		"openid": "o-x", "note": "不要葱",
	})
	if totalOf(got) != 3*1800+600 || got.Text("payState") != "UNPAID" || got.Text("shipState") != "NONE" || got.Text("paidAt") != "" {
		t.Errorf("got %s, want 6000 fen, unpaid", got.Body)
	}
	if got.Text("user") != buyer.User || got.Text("appid") != app.AppID() || got.Text("note") != "不要葱" || got.Text("description") != "三鲜面等4件" {
		t.Errorf("got %s, want the caller's own order", got.Body)
	}
	items, _ := got.JSON["items"].([]any)
	if len(items) != 2 {
		t.Errorf("got items %v, want the same product on one line", items)
	}
	if _, told := got.JSON["key"]; told || len(got.Text("number")) != 18 {
		t.Errorf("got %s, want a number of 18 characters and no key", got.Body)
	}
	wantStock(t, app, "酸梅汤", "99")
	wantStock(t, app, "三鲜面", "") // unlimited stays so
}

func TestOrderItems(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	noodles, plum := app.Product("三鲜面"), app.Product("酸梅汤")
	hidden := addProduct(t, app, map[string]any{"name": "下架", "price": 100})
	free := addProduct(t, app, map[string]any{"name": "赠品", "price": 1, "active": true})
	if _, err := app.NonconcurrentDB().Update("products", dbx.Params{"price": 0}, dbx.HashExp{"id": free}).Execute(); err != nil {
		t.Fatal(err) // the dashboard refuses it; a row of before does not know that
	}
	dear := addProduct(t, app, map[string]any{"name": "金条", "price": 100_000_000, "active": true})
	lines := func(n int) []any {
		var all []any
		for range n {
			all = append(all, line(noodles, 1))
		}
		return all
	}
	scenarios := []struct {
		name   string
		items  any
		status int
		code   string
		total  int
	}{
		{"inactive product", []any{line(hidden, 1)}, 404, "product_not_found", 0},
		{"unknown product", []any{line("nosuchproduct00", 1)}, 404, "product_not_found", 0},
		{"no product", []any{line("", 1)}, 404, "product_not_found", 0},
		{"a filter as product", []any{line(`" || active = true || "`, 1)}, 404, "product_not_found", 0},
		{"quantity 0", []any{line(noodles, 0)}, 400, "order_items_invalid", 0},
		{"quantity -1", []any{line(noodles, -1)}, 400, "order_items_invalid", 0},
		{"quantity -1 beside others", []any{line(noodles, 5), line(plum, -1)}, 400, "order_items_invalid", 0},
		{"quantity -1 of the same", []any{line(noodles, 5), line(noodles, -1)}, 400, "order_items_invalid", 0},
		{"quantity 999", []any{line(noodles, 999)}, 200, "", 999 * 1800},
		{"quantity 1000", []any{line(noodles, 1000)}, 400, "order_items_invalid", 0},
		{"quantity 1000 on two lines", []any{line(noodles, 500), line(noodles, 500)}, 400, "order_items_invalid", 0},
		{"half a piece", []any{line(noodles, 1.5)}, 400, "field_invalid", 0},
		{"quantity as text", []any{line(noodles, "1")}, 200, "", 1800},
		{"half a piece as text", []any{line(noodles, "1.5")}, 400, "field_invalid", 0},
		{"no line", []any{}, 400, "order_items_invalid", 0},
		{"null", nil, 400, "order_items_invalid", 0},
		{"100 lines", lines(100), 200, "", 100 * 1800},
		{"101 lines", lines(101), 400, "order_items_invalid", 0},
		{"nothing to pay", []any{line(free, 1)}, 400, "order_items_invalid", 0},
		{"something free beside", []any{line(free, 1), line(plum, 1)}, 200, "", 600},
		{"a million yuan", []any{line(dear, 1)}, 200, "", 100_000_000},
		{"more than a million yuan", []any{line(dear, 1), line(plum, 1)}, 400, "order_items_invalid", 0},
		{"too many of something dear", []any{line(dear, 999)}, 400, "order_items_invalid", 0},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			before := rows(t, app, "orders")
			got := buyer.Call(http.MethodPost, "/api/wx/orders", map[string]any{"items": s.items})
			wantAnswer(t, got, s.status, s.code)
			if s.status == 200 && totalOf(got) != s.total {
				t.Errorf("got total %d, want %d", totalOf(got), s.total)
			}
			if made := rows(t, app, "orders") - before; (made == 1) != (s.status == 200) {
				t.Errorf("got %d orders at status %d", made, s.status)
			}
		})
	}
	wantStock(t, app, "酸梅汤", "99") // the one of "something free beside"
}

func TestTwentyBuyersOfTwelveCakes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	cake := app.Product("桂花糕")
	var buyers [20]apptest.Person
	for i := range buyers {
		buyers[i] = app.Login(fmt.Sprint("买家", i))
	}
	var answers [len(buyers)]apptest.Answer
	roomtest.AtOnce(len(buyers), func(i int) { answers[i] = buyers[i].Call(http.MethodPost, "/api/wx/orders", orderBody(cake, 1)) })
	sold := 0
	for _, a := range answers {
		if a.Status == http.StatusOK {
			sold++
			continue
		}
		wantAnswer(t, a, http.StatusConflict, "product_out_of_stock")
		if data, _ := a.JSON["data"].(map[string]any); data["product"] != cake {
			t.Errorf("got data %v, want the product %s", data, cake)
		}
	}
	if n := rows(t, app, "orders"); sold != 12 || n != 12 {
		t.Errorf("got %d sold, %d orders, want 12", sold, n)
	}
	wantStock(t, app, "桂花糕", "0")
}

func TestStockIsAllOrNothing(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	got := buyer.Call(http.MethodPost, "/api/wx/orders", map[string]any{
		"items": []any{line(app.Product("酸梅汤"), 3), line(app.Product("桂花糕"), 7), line(app.Product("桂花糕"), 6)},
	})
	wantAnswer(t, got, http.StatusConflict, "product_out_of_stock")
	wantStock(t, app, "酸梅汤", "100")
	wantStock(t, app, "桂花糕", "12")
	if n := rows(t, app, "orders"); n != 0 {
		t.Errorf("got %d orders, want none", n)
	}
}

func TestOrderKey(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer, other := app.Login("小明"), app.Login("小红")
	cake, plum := app.Product("桂花糕"), app.Product("酸梅汤")
	body := func(more map[string]any) map[string]any {
		return merged(map[string]any{"key": "k-1", "note": "  少糖 🍰\n", "items": []any{line(cake, 1), line(plum, 2)}}, more)
	}
	var answers [20]apptest.Answer
	roomtest.AtOnce(len(answers), func(i int) { answers[i] = buyer.Call(http.MethodPost, "/api/wx/orders", body(nil)) })
	for _, a := range answers {
		wantAnswer(t, a, http.StatusOK, "")
		if a.Text("id") != answers[0].Text("id") {
			t.Errorf("got orders %s and %s, want one", a.Text("id"), answers[0].Text("id"))
		}
	}
	wantStock(t, app, "桂花糕", "11")
	wantStock(t, app, "酸梅汤", "98")
	scenarios := []struct {
		name   string
		who    apptest.Person
		more   map[string]any
		status int
		code   string
		same   bool
	}{
		{"the same on other lines", buyer, map[string]any{"items": []any{line(plum, 1), line(cake, 1), line(plum, 1)}}, 200, "", true},
		{"other goods", buyer, map[string]any{"items": []any{line(plum, 2)}}, 409, "order_key_reused", false},
		{"other quantity", buyer, map[string]any{"items": []any{line(cake, 1), line(plum, 1)}}, 409, "order_key_reused", false},
		{"more goods", buyer, map[string]any{"items": []any{line(cake, 1), line(plum, 2), line(app.Product("三鲜面"), 1)}}, 409, "order_key_reused", false},
		{"other note", buyer, map[string]any{"note": "少糖"}, 409, "order_key_reused", false},
		{"another user's order of the same key", other, nil, 200, "", false},
		{"64 bytes", buyer, map[string]any{"key": strings.Repeat("k", 64)}, 200, "", false},
		{"65 bytes", buyer, map[string]any{"key": strings.Repeat("k", 65)}, 400, "request_invalid", false},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := s.who.Call(http.MethodPost, "/api/wx/orders", body(s.more))
			wantAnswer(t, got, s.status, s.code)
			if same := got.Text("id") == answers[0].Text("id"); same != s.same {
				t.Errorf("got the same order %t, want %t", same, s.same)
			}
		})
	}
	without := body(map[string]any{"key": ""})
	if a, b := buyer.Must(http.MethodPost, "/api/wx/orders", without), buyer.Must(http.MethodPost, "/api/wx/orders", without); a.Text("id") == b.Text("id") {
		t.Error("without a key: got one order, want two")
	}
}

// TestOrderKeyOutlivesTheOffer: the answer of the first call was lost, and meanwhile the price rose and the product was taken down.
func TestOrderKeyOutlivesTheOffer(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	cake := app.Product("桂花糕")
	body := merged(orderBody(cake, 12), map[string]any{"key": "k"})
	first := buyer.Must(http.MethodPost, "/api/wx/orders", body)
	change(t, app, cake, map[string]any{"price": 99_999, "active": false})
	again := buyer.Must(http.MethodPost, "/api/wx/orders", body)
	if again.Text("id") != first.Text("id") || totalOf(again) != 12*880 {
		t.Errorf("got %s, want the first order at the first price", again.Body)
	}
}

func TestOrderNote(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	noodles := app.Product("三鲜面")
	emoji := strings.Repeat("🍜", 500)
	scenarios := []struct {
		name, note string
		status     int
		code       string
	}{
		{"500 emoji", emoji, 200, ""},
		{"501 emoji", emoji + "🍜", 400, "request_invalid"},
		{"families, flags, quotes and line breaks", "👨‍👩‍👧 🇨🇳 \"'\\\n<b>&amp; ${x}", 200, ""},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := buyer.Call(http.MethodPost, "/api/wx/orders", merged(orderBody(noodles, 1), map[string]any{"note": s.note}))
			wantAnswer(t, got, s.status, s.code)
			if s.status == 200 && got.Text("note") != s.note {
				t.Errorf("got %q, want %q", got.Text("note"), s.note)
			}
		})
	}
}

func TestOrderBySuperuser(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer, super := app.Login("小明"), app.Superuser()
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	nobody := core.NewRecord(users)
	nobody.SetRandomPassword()
	if err := app.Save(nobody); err != nil {
		t.Fatal(err)
	}
	plum := app.Product("酸梅汤")
	hand := map[string]any{"user": buyer.User, "total": 12_345, "description": "定制蛋糕"}
	scenarios := []struct {
		name   string
		body   map[string]any
		status int
		code   string
		total  int
	}{
		{"total and description", hand, 200, "", 12_345},
		{"one fen", merged(hand, map[string]any{"total": 1}), 200, "", 1},
		{"total with items, which are reserved", merged(hand, orderBody(plum, 10)), 200, "", 12_345},
		{"total with unknown items", merged(hand, orderBody("nosuchproduct00", 1)), 404, "product_not_found", 0},
		{"from the catalogue for a user", merged(orderBody(plum, 2), map[string]any{"user": buyer.User}), 200, "", 1200},
		{"negative total", merged(hand, map[string]any{"total": -1}), 400, "order_items_invalid", 0},
		{"no total and no items", merged(hand, map[string]any{"total": 0}), 400, "order_items_invalid", 0},
		{"nothing to pay, with items", merged(orderBody(plum, 2), map[string]any{"user": buyer.User, "total": 0}), 400, "order_items_invalid", 0},
		{"more than a million yuan", merged(hand, map[string]any{"total": 100_000_001}), 400, "order_items_invalid", 0},
		{"total as a fraction", merged(hand, map[string]any{"total": 1.5}), 400, "field_invalid", 0},
		{"no description", merged(hand, map[string]any{"description": ""}), 400, "order_items_invalid", 0},
		{"128 bytes of description", merged(hand, map[string]any{"description": strings.Repeat("d", 128)}), 400, "order_items_invalid", 0},
		{"user who never logged in", merged(hand, map[string]any{"user": nobody.Id}), 409, "wx_identity_missing", 0},
		{"no user", merged(hand, map[string]any{"user": ""}), 409, "wx_identity_missing", 0},
		{"with a key", merged(hand, map[string]any{"key": "k"}), 200, "", 12_345},
		{"key again, other total", merged(hand, map[string]any{"key": "k", "total": 12_346}), 409, "order_key_reused", 0},
		{"key again, other description", merged(hand, map[string]any{"key": "k", "description": "普通蛋糕"}), 409, "order_key_reused", 0},
		{"key again, with items", merged(hand, orderBody(plum, 1), map[string]any{"key": "k"}), 409, "order_key_reused", 0},
		{"key again", merged(hand, map[string]any{"key": "k"}), 200, "", 12_345},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := app.Call(http.MethodPost, "/api/wx/orders", super, s.body)
			wantAnswer(t, got, s.status, s.code)
			if s.status == 200 && (totalOf(got) != s.total || got.Text("user") != buyer.User) {
				t.Errorf("got %s, want %d fen for %s", got.Body, s.total, buyer.User)
			}
			if _, byHand := s.body["total"]; s.status == 200 && byHand && got.Text("description") != "定制蛋糕" {
				t.Errorf("got description %q, want 定制蛋糕", got.Text("description"))
			}
		})
	}
	wantStock(t, app, "酸梅汤", "88")
	if n := rows(t, app, "orders"); n != 5 {
		t.Errorf("got %d orders, want 5", n)
	}
}

func TestOrderOfAnotherUserDoesNotExist(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	order, thief := app.Login("小明").Order("三鲜面", 1), app.Login("小红")
	for _, id := range []string{order.Text("id"), "nosuchorder0000", "%22%20%7C%7C%201%3D1"} {
		for _, what := range []string{"/pay", "/sync", "/cancel"} {
			got := thief.Call(http.MethodPost, "/api/wx/orders/"+id+what, nil)
			wantAnswer(t, got, http.StatusNotFound, "order_not_found")
		}
	}
	if got := thief.Call(http.MethodGet, "/api/collections/orders/records/"+order.Text("id"), nil); got.Status != http.StatusNotFound {
		t.Errorf("the record itself: got %d, want 404", got.Status)
	}
	wantStates(t, app, order.Text("id"), "UNPAID")
}

func TestOrderNeedsAUser(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	order := app.Login("小明").Order("三鲜面", 1)
	for _, path := range []string{"", "/" + order.Text("id") + "/pay", "/" + order.Text("id") + "/sync", "/" + order.Text("id") + "/cancel"} {
		for _, token := range []string{"", "garbage"} {
			if got := app.Call(http.MethodPost, "/api/wx/orders"+path, token, map[string]any{}); got.Status != http.StatusUnauthorized {
				t.Errorf("%s with token %q: got %d, want 401", path, token, got.Status)
			}
		}
	}
}

func TestOnOrderCreateRunsInTheTransaction(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	refuse := errors.New("closed on Mondays")
	app.WX.OnOrderCreate().BindFunc(func(e *events.OrderEvent) error {
		if !e.App.IsTransactional() {
			t.Error("got the app itself, want the transaction")
		}
		if e.Order.GetInt("total") != 880 || e.Order.GetString("user") != buyer.User || !e.Order.IsNew() {
			t.Errorf("got %v, want a settled order that is not written yet", e.Order)
		}
		e.Order.Set("attach", "hook")
		if refuse != nil {
			return refuse
		}
		return e.Next()
	})
	cake := orderBody(app.Product("桂花糕"), 1)
	wantAnswer(t, buyer.Call(http.MethodPost, "/api/wx/orders", cake), http.StatusServiceUnavailable, "busy")
	wantStock(t, app, "桂花糕", "12")
	refuse = nil
	if got := buyer.Must(http.MethodPost, "/api/wx/orders", cake); got.Text("attach") != "hook" {
		t.Errorf("got %s, want what the hook set", got.Body)
	}
	wantStock(t, app, "桂花糕", "11")
}
