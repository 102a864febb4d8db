package hooks_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// TestGoAPI sells, hears of it and gives back without a route, as a program around wxbase does.
func TestGoAPI(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	paid := make(chan string, 1)
	app.WX.OnOrderPaid().BindFunc(func(e *hooks.PaidEvent) error {
		paid <- e.Order.Id
		return e.Next()
	})
	wish := hooks.NewOrder{User: buyer.User, Total: 5800, Description: "桌号 7", Key: "table-7"}
	order, err := app.WX.CreateOrder(wish)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := app.WX.CreateOrder(wish); err != nil || again.Id != order.Id {
		t.Errorf("the same key: got %v, %v, want the same order", again, err)
	}
	mine := buyer.Must(http.MethodGet, "/api/collections/orders/records/"+order.Id, nil)
	payAndSync(t, buyer, mine)
	if got := receive(t, paid); got != order.Id {
		t.Errorf("paid: got %s, want %s", got, order.Id)
	}
	refund, err := app.WX.Refund(t.Context(), order.Id, hooks.NewRefund{Amount: 800, Reason: "少一份"})
	if err != nil {
		t.Fatal(err)
	}
	if refund.GetInt("amount") != 800 || refund.GetString("requestedBy") != "program" {
		t.Errorf("refund: got %v, want 800 fen asked for by the program", refund)
	}
	app.Clock.Advance(2 * time.Minute)
	if _, err := app.WX.Refund(t.Context(), order.Id, hooks.NewRefund{All: true}); err != nil {
		t.Fatal(err)
	}
	settle(t, app)
	waitFor(t, app, "orders", dbx.HashExp{"id": order.Id}, func(r *core.Record) bool { return r.GetInt("refunded") == 5800 })
}

// TestGoAPIRefuses what says two things, or nothing.
func TestGoAPIRefuses(t *testing.T) {
	t.Parallel()
	app, buyer, order := paidOrder(t)
	line := []hooks.OrderLine{{Product: app.Product("三鲜面"), Quantity: 1}}
	for name, wish := range map[string]hooks.NewOrder{
		"nothing":         {User: buyer.User},
		"both":            {User: buyer.User, Lines: line, Total: 1, Description: "x"},
		"a total of 0":    {User: buyer.User, Description: "x"},
		"less than 0":     {User: buyer.User, Total: -1, Description: "x"},
		"an unknown user": {User: "nobody", Lines: line},
	} {
		if got, err := app.WX.CreateOrder(wish); err == nil {
			t.Errorf("%s: got order %s, want an error", name, got.Id)
		}
	}
	for name, wish := range map[string]hooks.NewRefund{
		"nothing": {}, "both": {Amount: 1, All: true}, "less than 0": {Amount: -1}, "too much": {Amount: 3601},
	} {
		if got, err := app.WX.Refund(t.Context(), order.Text("id"), wish); err == nil {
			t.Errorf("%s: got refund %s, want an error", name, got.Id)
		}
	}
	if n := count(t, app, "refunds", nil); n != 0 {
		t.Errorf("got %d refunds, want none", n)
	}
}
