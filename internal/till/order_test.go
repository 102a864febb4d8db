package till_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/till"
)

// place sends an order as its buyer does.
func (s *shop) place(body map[string]any) roomtest.Answer {
	s.tb.Helper()
	return s.ask(s.Orders.Create, s.buyer, "", body)
}

func (s *shop) stock(collection, id string) string {
	s.tb.Helper()
	return s.Row(collection, id).GetString("stock")
}

func line(product string, quantity int) map[string]any {
	return map[string]any{"product": product, "quantity": quantity}
}

func TestOrderIsReckonedFromTheCatalogue(t *testing.T) {
	s := newShop(t)
	noodles, tea := s.product(1800, "5"), s.product(250, "")
	shirt := s.product(9900, "100")
	large := s.Save("product_variants", map[string]any{"product": shirt, "name": "L", "price": 10900, "stock": "2", "active": true}).Id
	scenarios := []struct {
		name  string
		items []any
		total float64
		left  map[string]string // stock of noodles and of the large shirt afterwards
	}{
		{"one", []any{line(noodles, 1)}, 1800, map[string]string{"noodles": "4", "large": "2"}},
		{"several lines", []any{line(noodles, 2), line(tea, 3)}, 4350, map[string]string{"noodles": "2", "large": "2"}},
		{"the same thing twice is one line", []any{line(noodles, 1), line(noodles, 1)}, 3600, map[string]string{"noodles": "0", "large": "2"}},
		{"a specification has its own price and stock", []any{map[string]any{"product": shirt, "variant": large, "quantity": 2}}, 21800, map[string]string{"noodles": "0", "large": "0"}},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			got := s.place(map[string]any{"items": scenario.items, "total": 1, "description": "a client's word"})
			s.Want("place", got, http.StatusOK, "")
			if got.JSON["total"] != scenario.total || got.Text("payState") != "UNPAID" || got.Text("user") != s.buyer.Id {
				t.Errorf("got %v, want %v fen of an unpaid order of the buyer", got.JSON, scenario.total)
			}
			if has := s.stock("products", noodles); has != scenario.left["noodles"] {
				t.Errorf("noodles: got %s left, want %s", has, scenario.left["noodles"])
			}
			if has := s.stock("product_variants", large); has != scenario.left["large"] {
				t.Errorf("large: got %s left, want %s", has, scenario.left["large"])
			}
		})
	}
	if has := s.stock("products", shirt); has != "100" {
		t.Errorf("got %s, want the stock of a product with specifications untouched", has)
	}
}

func TestOrderThatCannotBe(t *testing.T) {
	s := newShop(t)
	noodles, shirt := s.product(1800, "5"), s.product(9900, "")
	s.Save("product_variants", map[string]any{"product": shirt, "name": "L", "price": 10900, "stock": "2", "active": true})
	gone := s.Save("products", map[string]any{"name": "旧", "price": 100, "stock": "", "active": false}).Id
	dear := s.product(order.MaxTotal, "")
	scenarios := []struct {
		name   string
		body   map[string]any
		status int
		code   string
	}{
		{"nothing", map[string]any{}, http.StatusBadRequest, "order_items_invalid"},
		{"none of it", map[string]any{"items": []any{line(noodles, 0)}}, http.StatusBadRequest, "order_items_invalid"},
		{"less than none", map[string]any{"items": []any{line(noodles, -1)}}, http.StatusBadRequest, "order_items_invalid"},
		{"more than there is", map[string]any{"items": []any{line(noodles, 6)}}, http.StatusConflict, "product_out_of_stock"},
		{"more than there is, in two lines", map[string]any{"items": []any{line(noodles, 3), line(noodles, 3)}}, http.StatusConflict, "product_out_of_stock"},
		{"the second line is short", map[string]any{"items": []any{line(noodles, 5), line(gone, 1)}}, http.StatusNotFound, "product_not_found"},
		{"taken down", map[string]any{"items": []any{line(gone, 1)}}, http.StatusNotFound, "product_not_found"},
		{"no such product", map[string]any{"items": []any{line("nosuchproduct00", 1)}}, http.StatusNotFound, "product_not_found"},
		{"which of the specifications", map[string]any{"items": []any{line(shirt, 1)}}, http.StatusBadRequest, "product_variant_wanted"},
		{"no such specification", map[string]any{"items": []any{map[string]any{"product": shirt, "variant": "nosuchvariant00", "quantity": 1}}}, http.StatusNotFound, "product_variant_not_found"},
		{"beyond what WeChat takes", map[string]any{"items": []any{line(dear, 2)}}, http.StatusBadRequest, "order_items_invalid"},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			s.Want("place", s.place(scenario.body), scenario.status, scenario.code)
			if has := s.stock("products", noodles); has != "5" {
				t.Errorf("got %s left, want 5: what is refused reserves nothing", has)
			}
		})
	}
	if n := s.Count("orders"); n != 0 {
		t.Errorf("got %d orders, want none", n)
	}
}

func TestOrderKeyIsAnsweredWithTheSameOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	noodles := s.product(1800, "1")
	body := map[string]any{"items": []any{line(noodles, 1)}, "key": "k1", "note": "不要香菜"}
	first := s.place(body)
	s.Want("first", first, http.StatusOK, "")
	again := s.place(body) // note: by now it is sold out
	s.Want("again", again, http.StatusOK, "")
	if first.Text("id") != again.Text("id") || s.stock("products", noodles) != "0" {
		t.Errorf("got %s and %s with %s left, want one order and one reservation", first.Text("id"), again.Text("id"), s.stock("products", noodles))
	}
	body["note"] = "多加香菜"
	s.Want("another note", s.place(body), http.StatusConflict, "order_key_reused")
}

func TestOrdersOfOneUserAreLimited(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(d *till.Deps) { d.Limits.OpenOrders, d.Limits.OrdersPerDay = 2, 3 })
	noodles := s.product(1800, "")
	body := map[string]any{"items": []any{line(noodles, 1)}}
	s.Want("first", s.place(body), http.StatusOK, "")
	second := s.place(body)
	s.Want("second", second, http.StatusOK, "")
	refused := s.place(body)
	if s.Want("third", refused, http.StatusTooManyRequests, "order_limit_reached"); refused.Text("per") != "open" {
		t.Errorf("got %v, want the limit of open orders", refused.JSON)
	}
	s.Want("cancel", s.ask(s.Cashier.Cancel, s.buyer, second.Text("id"), nil), http.StatusOK, "")
	s.Want("third, after a cancel", s.place(body), http.StatusOK, "")
	s.Want("cancel", s.ask(s.Cashier.Cancel, s.buyer, s.openOrder(), nil), http.StatusOK, "")
	refused = s.place(body)
	if s.Want("fourth", refused, http.StatusTooManyRequests, "order_limit_reached"); refused.Text("per") != "day" {
		t.Errorf("got %v, want the limit of a day", refused.JSON)
	}
}

func (s *shop) openOrder() string {
	s.tb.Helper()
	found, err := s.FindFirstRecordByData("orders", "payState", "UNPAID")
	if err != nil {
		s.tb.Fatal(err)
	}
	return found.Id
}

func TestSuperuserNamesATotal(t *testing.T) {
	s := newShop(t)
	owner := s.Superuser()
	scenarios := []struct {
		name   string
		total  any
		status int
	}{
		{"a discount", 900, http.StatusOK}, {"nothing is no price", 0, http.StatusBadRequest}, {"beyond the most", order.MaxTotal + 1, http.StatusBadRequest},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			got := s.ask(s.Orders.Create, owner, "", map[string]any{"user": s.buyer.Id, "total": scenario.total, "description": "定制"})
			if got.Status != scenario.status {
				t.Errorf("got %d %v, want %d", got.Status, got.JSON, scenario.status)
			}
		})
	}
}

func TestHookRefusesAnOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	noodles := s.product(1800, "5")
	s.Orders.OnCreate.BindFunc(func(*events.OrderEvent) error { return errors.New("closed today") })
	if got := s.place(map[string]any{"items": []any{line(noodles, 1)}}); got.Status == http.StatusOK {
		t.Errorf("got %d, want the hook's refusal", got.Status)
	}
	if has := s.stock("products", noodles); has != "5" || s.Count("orders") != 0 {
		t.Errorf("got %s left and %d orders, want 5 and none", has, s.Count("orders"))
	}
}

func TestOrderOfAnotherDoesNotExist(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o, stranger := s.order(100), s.Person("stranger")
	for name, handler := range s.routes() {
		s.Want(name, s.ask(handler, stranger, o.Id, nil), http.StatusNotFound, "order_not_found")
	}
	if n := s.Pay.count("prepay") + s.Pay.count("query") + s.Pay.count("close"); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

func TestCancelGivesTheStockBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	noodles := s.product(1800, "5")
	made := s.place(map[string]any{"items": []any{line(noodles, 2)}})
	id := made.Text("id")
	s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, id, nil), http.StatusOK, "")
	s.Pay.fail("close", failed("network"))
	s.Want("cancel without an answer", s.ask(s.Cashier.Cancel, s.buyer, id, nil), http.StatusOK, "")
	if o := s.orderRow(id); o.PayState() != order.PayUnpaid || o.IsWanted() || s.stock("products", noodles) != "3" {
		t.Errorf("got %s with %s left, want an order that waits and keeps its stock: WeChat may still take the money", o.PayState(), s.stock("products", noodles))
	}
	s.Want("pay after that", s.ask(s.Cashier.Pay, s.buyer, id, nil), http.StatusConflict, "order_not_payable")
	s.Pay.fail("close", nil)
	s.Want("cancel", s.ask(s.Cashier.Cancel, s.buyer, id, nil), http.StatusOK, "")
	if o := s.orderRow(id); o.PayState() != order.PayCancelled || s.stock("products", noodles) != "5" {
		t.Errorf("got %s with %s left, want CANCELLED with 5", o.PayState(), s.stock("products", noodles))
	}
	s.Want("cancel again", s.ask(s.Cashier.Cancel, s.buyer, id, nil), http.StatusOK, "")
	if has := s.stock("products", noodles); has != "5" {
		t.Errorf("got %s left, want 5: stock goes back once", has)
	}
}

func TestOrderEndsWithItsTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	noodles := s.product(1800, "5")
	record, err := s.Orders.Place(s.TestApp, till.OrderForm{User: s.buyer.Id, Items: []till.OrderItem{{Product: noodles, Quantity: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	o := rows.OrderOf(record)
	if got := o.ExpiresAt().Sub(s.Clock.Now()).Round(time.Second); got != 30*time.Minute {
		t.Errorf("got %s, want the half hour of the configuration", got)
	}
	s.Clock.Advance(30*time.Minute - time.Second)
	s.sweep()
	if got := s.orderRow(o.Id).PayState(); got != order.PayUnpaid {
		t.Errorf("a second early: got %s, want UNPAID", got)
	}
	s.Clock.Advance(time.Second)
	s.Want("pay", s.ask(s.Cashier.Pay, s.buyer, o.Id, nil), http.StatusConflict, "order_expired")
	s.sweep()
	if got := s.orderRow(o.Id).PayState(); got != order.PayCancelled || s.stock("products", noodles) != "5" {
		t.Errorf("got %s with %s left, want CANCELLED with 5", got, s.stock("products", noodles))
	}
}
