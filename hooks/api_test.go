package hooks_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

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

// TestGoAPIShips reports a parcel and its correction, and the parts of another order.
func TestGoAPIShips(t *testing.T) {
	t.Parallel()
	app, buyer, order := shippableOrder(t)
	parcel := hooks.Parcel{TrackingNo: "SF1", Company: "STO", Goods: "三鲜面*2", Receiver: "138****8000"}
	for range 2 { // the same again is safe
		got, err := app.WX.Ship(t.Context(), order.Text("id"), parcel)
		if err != nil || got.State != "SHIPPED" || got.Pending {
			t.Fatalf("ship: got %+v, %v, want SHIPPED", got, err)
		}
	}
	if n := len(uploads(t, app)); n != 1 {
		t.Errorf("got %d submissions, want 1", n)
	}
	for name, s := range map[string]struct {
		order, code string
		parcel      hooks.Parcel
	}{
		"no such order": {"nothing", "order_not_found", parcel},
		"no goods":      {order.Text("id"), "shipment_arguments_invalid", hooks.Parcel{TrackingNo: "SF2", Company: "STO"}},
		"not paid":      {buyer.Order("三鲜面", 1).Text("id"), "order_not_paid", parcel},
	} {
		if got, err := app.WX.Ship(t.Context(), s.order, s.parcel); refusalOf(err) != s.code {
			t.Errorf("%s: got %+v, %q, want %s", name, got, refusalOf(err), s.code)
		}
	}
	parcel.TrackingNo = "SF3"
	for i := range 2 {
		if got, err := app.WX.Ship(t.Context(), order.Text("id"), parcel); err != nil || got.State != "SHIPPED" {
			t.Errorf("correction %d: got %+v, %v, want SHIPPED", i, got, err)
		}
	}
	parcel.TrackingNo = "SF4"
	if got, err := app.WX.Ship(t.Context(), order.Text("id"), parcel); refusalOf(err) != "shipment_corrected" {
		t.Errorf("a second correction: got %+v, %v, want shipment_corrected", got, err)
	}
}

// TestGoAPIShipsInParts: the order is shipped with the last part.
func TestGoAPIShipsInParts(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	part := hooks.Parcel{TrackingNo: "SF1", Company: "STO", Goods: "三鲜面*1", Receiver: "138****8000", Part: hooks.MoreFollow}
	if got, err := app.WX.Ship(t.Context(), order.Text("id"), part); err != nil || got.State != "NONE" || got.Pending {
		t.Errorf("the first part: got %+v, %v, want NONE", got, err)
	}
	part.TrackingNo, part.Part = "SF2", hooks.LastPart
	if got, err := app.WX.Ship(t.Context(), order.Text("id"), part); err != nil || got.State != "SHIPPED" {
		t.Errorf("the last part: got %+v, %v, want SHIPPED", got, err)
	}
}

// TestGoAPIShipsLater: a payment that WeChat does not know yet is no error, and is reported by itself.
func TestGoAPIShipsLater(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	got, err := app.WX.Ship(t.Context(), order.Text("id"), hooks.Parcel{TrackingNo: "SF1", Company: "STO", Goods: "三鲜面*2", Receiver: "138****8000"})
	if err != nil || !got.Pending || got.State != "NONE" || !got.NextAt.After(app.Clock.Now()) || refusalOf(got.Why) == "" {
		t.Fatalf("just after payment: got %+v, %v, want it pending, with the reason", got, err)
	}
	app.Clock.Advance(time.Minute)
	drainOutbox(t, app)
	waitFor(t, app, "orders", dbx.HashExp{"id": order.Text("id")}, func(r *core.Record) bool { return r.GetString("shipState") == "SHIPPED" })
}

// TestGoAPIMakesCodes: the page gets the payload back, and the same wish gives the same code.
func TestGoAPIMakesCodes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	wish := hooks.NewCode{Page: "pages/table/table", Payload: map[string]any{"table": 7}, Width: 430}
	first, err := app.WX.MakeCode(t.Context(), wish)
	if err != nil || first.Reused || first.Scene == "" || first.Kind != "unlimited" {
		t.Fatalf("got %+v, %v, want a new code", first, err)
	}
	again, err := app.WX.MakeCode(t.Context(), wish)
	if err != nil || !again.Reused || again.ID != first.ID {
		t.Errorf("the same again: got %+v, %v, want code %s", again, err, first.ID)
	}
	opened := app.Must(http.MethodGet, "/api/wx/scenes/"+first.Scene, "", nil)
	if payload, _ := opened.JSON["payload"].(map[string]any); payload["table"] != 7.0 {
		t.Errorf("scene: got %s, want the payload", opened.Body)
	}
	if picture := app.Call(http.MethodGet, first.URL, "", nil); picture.Status != http.StatusOK {
		t.Errorf("picture: got %d, want 200", picture.Status)
	}
	plain, err := app.WX.MakeCode(t.Context(), hooks.NewCode{Scene: "table=7", Page: "pages/table/table"})
	if err != nil || plain.Scene != "table=7" {
		t.Errorf("a plain scene: got %+v, %v", plain, err)
	}
	for name, wish := range map[string]hooks.NewCode{
		"both":           {Scene: "a", Payload: 1},
		"too wide":       {Payload: 1, Width: 5000},
		"not JSON":       {Payload: make(chan int)},
		"unknown kind":   {Payload: 1, Kind: "round"},
		"an odd version": {Payload: 1, EnvVersion: "beta"},
	} {
		if got, err := app.WX.MakeCode(t.Context(), wish); refusalOf(err) != "code_arguments_invalid" {
			t.Errorf("%s: got %+v, %v, want code_arguments_invalid", name, got, err)
		}
	}
}

// refusalOf is the code of an error of the Go API; empty for none.
func refusalOf(err error) string {
	refused, ok := errors.AsType[*router.ApiError](err)
	if !ok {
		return ""
	}
	code, _ := refused.Data["code"].(string)
	return code
}
