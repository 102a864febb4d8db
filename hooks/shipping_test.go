package hooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

const uploadPath = "/wxa/sec/order/upload_shipping_info"

func shipmentsPath(order apptest.Answer) string {
	return "/api/wx/orders/" + order.Text("id") + "/shipments"
}

// shipment is a good body of one parcel with this number.
func shipment(number string) map[string]any {
	return map[string]any{
		"logisticsType": 1, "deliveryMode": 1, "shippingList": []any{
			map[string]any{"trackingNo": number, "expressCompany": "STO", "itemDesc": "三鲜面*2", "contact": map[string]any{"receiverContact": "138****8000"}},
		},
	}
}

// partOf is one parcel of a split.
func partOf(number string, all bool) map[string]any {
	return merged(shipment(number), map[string]any{"deliveryMode": 2, "isAllDelivered": all})
}

// shippableOrder is a paid order that WeChat's shipping side knows.
func shippableOrder(t *testing.T, change ...func(*hooks.Config)) (*apptest.App, apptest.Person, apptest.Answer) {
	t.Helper()
	app, buyer, order := paidOrder(t, change...)
	app.Clock.Advance(3 * time.Second)
	return app, buyer, order
}

func ship(app *apptest.App, order apptest.Answer, body any) apptest.Answer {
	return app.Call(http.MethodPost, shipmentsPath(order), app.Superuser(), body)
}

func drainOutbox(t *testing.T, app *apptest.App) {
	t.Helper()
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// uploads are the order's submissions in the outbox, the oldest first.
func uploads(t *testing.T, app *apptest.App) []*core.Record {
	t.Helper()
	rows, err := app.FindRecordsByFilter("wx_outbox", "effect = 'shipping.upload'", "key", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func wantShipState(t *testing.T, app *apptest.App, order apptest.Answer, want string) {
	t.Helper()
	o, err := app.FindRecordById("orders", order.Text("id"))
	if err != nil || o.GetString("shipState") != want {
		t.Errorf("shipState: got %v (%v), want %s", o.GetString("shipState"), err, want)
	}
}

// wantShipment compares the answer to a submission.
func wantShipment(t *testing.T, got apptest.Answer, status int, ok bool, state string) {
	t.Helper()
	if got.Status != status || got.JSON["ok"] != ok || got.Text("state") != state {
		t.Errorf("got %d %s, want %d, ok %v, %s", got.Status, got.Body, status, ok, state)
	}
}

func TestShipAnOrder(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	before := app.Must(http.MethodGet, shipmentsPath(order), app.Superuser(), nil)
	if before.Text("state") != "NONE" || before.JSON["orderState"] != 1.0 || before.JSON["finished"] != false {
		t.Errorf("before: got %s, want an order to ship", before.Body)
	}
	wantShipment(t, ship(app, order, shipment("JT1")), 200, true, "SHIPPED")
	wantShipState(t, app, order, "SHIPPED")
	after := app.Must(http.MethodGet, shipmentsPath(order), app.Superuser(), nil)
	parcels, _ := after.JSON["shippingList"].([]any)
	if after.JSON["orderState"] != 2.0 || after.JSON["finished"] != true || after.JSON["corrected"] != false || len(parcels) != 1 {
		t.Fatalf("after: got %s, want it shipped", after.Body)
	}
	parcel, _ := parcels[0].(map[string]any)
	contact, _ := parcel["contact"].(map[string]any)
	if parcel["trackingNo"] != "JT1" || parcel["expressCompany"] != "STO" || parcel["itemDesc"] != "三鲜面*2" || contact["receiverContact"] != "138****8000" {
		t.Errorf("parcel: got %v, want what was sent", parcel)
	}
	row := uploads(t, app)[0]
	if row.GetDateTime("doneAt").IsZero() || row.GetInt("attempts") != 1 || row.GetString("error") != "" {
		t.Errorf("outbox: got %v, want it done at the first try", row)
	}
}

func TestShipRefusals(t *testing.T) {
	t.Parallel()
	app, buyer, order := shippableOrder(t)
	super, stranger := app.Superuser(), app.Login("小红")
	unpaid, cancelled := buyer.Order("三鲜面", 1), buyer.Order("三鲜面", 1)
	buyer.Must(http.MethodPost, "/api/wx/orders/"+cancelled.Text("id")+"/cancel", nil)
	const nowhere = "/api/wx/orders/nosuchorder0000/shipments"
	scenarios := []struct {
		name, method, path, token string
		body                      any
		status                    int
		code                      string
	}{
		{"guest", "POST", shipmentsPath(order), "", shipment("1"), 401, "staff_sign_in"},
		{"the buyer", "POST", shipmentsPath(order), buyer.Token, shipment("1"), 403, "staff_not_allowed"},
		{"another user", "POST", shipmentsPath(order), stranger.Token, shipment("1"), 403, "staff_not_allowed"},
		{"no such order", "POST", nowhere, super, shipment("1"), 404, "order_not_found"},
		{"unpaid", "POST", shipmentsPath(unpaid), super, shipment("1"), 409, "order_not_paid"},
		{"cancelled", "POST", shipmentsPath(cancelled), super, shipment("1"), 409, "order_not_paid"},
		{"no body", "POST", shipmentsPath(order), super, nil, 400, "shipment_arguments_invalid"},
		{"not JSON", "POST", shipmentsPath(order), super, "{", 400, "body_not_json"},
		{"parcels that are numbers", "POST", shipmentsPath(order), super, merged(shipment("1"), map[string]any{"shippingList": []any{1}}), 400, "field_invalid"},
		{"no parcel", "POST", shipmentsPath(order), super, merged(shipment("1"), map[string]any{"shippingList": []any{}}), 400, "shipment_arguments_invalid"},
		{"a split of virtual goods", "POST", shipmentsPath(order), super, merged(partOf("1", true), map[string]any{"logisticsType": 3}), 400, "shipment_arguments_invalid"},
		{"a split without an end", "POST", shipmentsPath(order), super, merged(shipment("1"), map[string]any{"deliveryMode": 2}), 400, "shipment_arguments_invalid"},
		{"guest asks", "GET", shipmentsPath(order), "", nil, 401, "staff_sign_in"},
		{"the buyer asks", "GET", shipmentsPath(order), buyer.Token, nil, 403, "staff_not_allowed"},
		{"no such order to ask for", "GET", nowhere, super, nil, 404, "order_not_found"},
		{"unpaid asked for", "GET", shipmentsPath(unpaid), super, nil, 409, "order_not_paid"},
		{"guest lists", "GET", "/api/wx/admin/shipments", "", nil, 401, "staff_sign_in"},
		{"a user lists", "GET", "/api/wx/admin/shipments", buyer.Token, nil, 403, "staff_not_allowed"},
		{"page nought", "GET", "/api/wx/admin/shipments?page=0", super, nil, 400, "request_invalid"},
		{"page too long", "GET", "/api/wx/admin/shipments?perPage=201", super, nil, 400, "request_invalid"},
		{"page in words", "GET", "/api/wx/admin/shipments?page=one", super, nil, 400, "request_invalid"},
	}
	for _, s := range scenarios {
		got := app.Call(s.method, s.path, s.token, s.body)
		if got.Status != s.status || got.Code() != s.code {
			t.Errorf("%s: got %d %q, want %d %q: %s", s.name, got.Status, got.Code(), s.status, s.code, got.Body)
		}
	}
	if n := len(uploads(t, app)) + app.Calls(uploadPath); n != 0 {
		t.Errorf("submissions and calls: got %d, want none", n)
	}
	wantShipState(t, app, order, "NONE")
}

func TestShipArgumentsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	body := shipment("1")
	body["shippingList"].([]any)[0].(map[string]any)["itemDesc"] = strings.Repeat("面", 121)
	got := ship(app, order, body)
	data, _ := got.JSON["data"].(map[string]any)
	if got.Code() != "shipment_arguments_invalid" || data["reason"] != "shipping_list[0].item_desc: must have at most 120 characters" {
		t.Errorf("got %s, want the field and the reason", got.Body)
	}
}

func TestShipARefundedOrder(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	app.Must(http.MethodPost, refundPath(order), app.Superuser(), map[string]any{"amount": 600})
	settle(t, app)
	wantStates(t, app, order.Text("id"), "PART_REFUNDED", "PAID")
	wantShipment(t, ship(app, order, shipment("JT1")), 200, true, "SHIPPED") // the rest of it
	app.Must(http.MethodPost, refundPath(order), app.Superuser(), all())
	settle(t, app)
	settle(t, app)
	wantStates(t, app, order.Text("id"), "REFUNDED", "PAID")
	wantAnswer(t, ship(app, order, shipment("JT2")), 409, "order_refunded")
}

// WeChat's shipping side knows an order some seconds after it was paid
func TestShipJustAfterPaymentIsTriedAgain(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t, scriptUploads(10060001).config)
	first := ship(app, order, shipment("JT1"))
	wantShipment(t, first, 202, false, "NONE")
	if first.JSON["errcode"] != 10060001.0 || first.JSON["pending"] != true || first.Text("nextAt") == "" || first.Text("code") != "wx_state_refused" {
		t.Errorf("got %s, want it pending for 10060001", first.Body)
	}
	drainOutbox(t, app) // too early
	if row := uploads(t, app)[0]; row.GetInt("attempts") != 1 || row.GetString("error") == "" || !row.GetDateTime("doneAt").IsZero() {
		t.Errorf("outbox: got %v, want one failed try", row)
	}
	app.Clock.Advance(3 * time.Second)
	drainOutbox(t, app)
	wantShipState(t, app, order, "SHIPPED")
	drainOutbox(t, app)
	rows := uploads(t, app)
	if len(rows) != 1 || rows[0].GetInt("attempts") != 2 || rows[0].GetString("error") != "" || rows[0].GetDateTime("doneAt").IsZero() {
		t.Errorf("outbox: got %v, want one submission, done at the second try", rows)
	}
}

// the simulator itself refuses an order that was paid less than two seconds ago; on a slow machine they may have passed
func TestShipBeforeTheSimulatorKnowsTheOrder(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	if got := ship(app, order, shipment("JT1")); got.Status != http.StatusOK && got.JSON["errcode"] != 10060001.0 {
		t.Errorf("got %d %s, want 10060001", got.Status, got.Body)
	}
	app.Clock.Advance(time.Minute)
	drainOutbox(t, app)
	wantShipState(t, app, order, "SHIPPED")
}

func TestShipTheSameAgain(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	super := app.Superuser()
	answers := make([]apptest.Answer, 8)
	roomtest.AtOnce(len(answers), func(i int) { answers[i] = app.Call(http.MethodPost, shipmentsPath(order), super, shipment("JT1")) })
	for _, got := range answers {
		wantShipment(t, got, 200, true, "SHIPPED")
	}
	drainOutbox(t, app)
	if rows, calls := len(uploads(t, app)), app.Calls(uploadPath); rows != 1 || calls != 1 {
		t.Errorf("got %d submissions and %d calls, want 1 and 1", rows, calls)
	}
}

func TestShipOneCorrection(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	wantShipment(t, ship(app, order, shipment("JT1")), 200, true, "SHIPPED")
	wantShipment(t, ship(app, order, shipment("JT2")), 200, true, "SHIPPED")
	now := app.Must(http.MethodGet, shipmentsPath(order), app.Superuser(), nil)
	if now.JSON["corrected"] != true || !strings.Contains(string(now.Body), `"JT2"`) || strings.Contains(string(now.Body), `"JT1"`) {
		t.Errorf("got %s, want the second parcel in place of the first", now.Body)
	}
	got := ship(app, order, shipment("JT3"))
	data, _ := got.JSON["data"].(map[string]any)
	if got.Status != 409 || got.Code() != "shipment_corrected" || data["errcode"] != 10060003.0 || data["rid"] == nil {
		t.Errorf("third: got %d %s, want 409 shipment_corrected with WeChat's errcode", got.Status, got.Body)
	}
	wantAnswer(t, ship(app, order, shipment("JT1")), 409, "shipment_corrected") // and not taken for a repeat of the first
	app.Clock.Advance(24 * time.Hour)
	drainOutbox(t, app)
	if calls := app.Calls(uploadPath); calls != 4 {
		t.Errorf("calls: got %d, want 4 and none after the refusal", calls)
	}
	wantShipState(t, app, order, "SHIPPED")
}

func TestShipInParts(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	wantShipment(t, ship(app, order, partOf("JT1", false)), 200, true, "NONE")
	wantShipment(t, ship(app, order, partOf("JT1", false)), 200, true, "NONE") // the same parcel, not another one
	wantShipment(t, ship(app, order, partOf("JT2", false)), 200, true, "NONE")
	wantShipState(t, app, order, "NONE")
	wantShipment(t, ship(app, order, partOf("JT3", true)), 200, true, "SHIPPED")
	got := app.Must(http.MethodGet, shipmentsPath(order), app.Superuser(), nil)
	if parcels, _ := got.JSON["shippingList"].([]any); len(parcels) != 3 || got.JSON["corrected"] != false {
		t.Errorf("got %s, want three parcels and no correction", got.Body)
	}
	// WeChat keeps a whole shipping as it is: 10060002
	late := ship(app, order, partOf("JT4", false))
	wantShipment(t, late, 200, true, "SHIPPED")
	if late.JSON["unchanged"] != true {
		t.Errorf("got %s, want it to say that WeChat kept what it had", late.Body)
	}
}

// what our books have forgotten and WeChat has: 10060023
func TestShipWhatWeChatHasAlready(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	wantShipment(t, ship(app, order, shipment("JT1")), 200, true, "SHIPPED")
	if err := app.Delete(uploads(t, app)[0]); err != nil {
		t.Fatal(err)
	}
	o, err := app.FindRecordById("orders", order.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	o.Set("shipState", "NONE")
	if err := app.Save(o); err != nil {
		t.Fatal(err)
	}
	got := ship(app, order, shipment("JT1"))
	wantShipment(t, got, 200, true, "SHIPPED")
	if got.JSON["unchanged"] != true {
		t.Errorf("got %s, want unchanged", got.Body)
	}
	wantShipState(t, app, order, "SHIPPED")
}

// shipping made known on WeChat's own platform shows when it is asked for
func TestShowShipmentMovesTheOrderForward(t *testing.T) {
	t.Parallel()
	script := scriptUploads()
	app, _, order := shippableOrder(t, script.config)
	payment, err := app.FindFirstRecordByData("payments", "order", order.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		orderState int
		want       string
	}{{1, "NONE"}, {2, "SHIPPED"}, {6, "SHIPPED"}, {3, "RECEIVED"}, {4, "RECEIVED"}, {1, "RECEIVED"}, {5, "RECEIVED"}} {
		script.tell(fmt.Sprintf(`{"errcode":0,"order":{"transaction_id":%q,"order_state":%d,"shipping":{}}}`, payment.GetString("transactionId"), s.orderState))
		got := app.Must(http.MethodGet, shipmentsPath(order), app.Superuser(), nil)
		if got.Text("state") != s.want {
			t.Errorf("order_state %d: got %s, want %s", s.orderState, got.Body, s.want)
		}
		wantShipState(t, app, order, s.want)
	}
	script.tell(`{"errcode":10060001,"errmsg":"rid: 62de9a0b-7149b5f1-2eee4908"}`)
	wantAnswer(t, app.Call(http.MethodGet, shipmentsPath(order), app.Superuser(), nil), 409, "wx_state_refused")
}

// whatever becomes of the call, WeChat has the shipment once, and no correction is spent
func TestShipWhenTheCallFails(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"busy", "cut", "html", "empty", "rate_limit", "token_invalid", "timeout_after_accept"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			app, _, order := shippableOrder(t)
			app.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": "upload_shipping_info", "kind": kind, "times": 1, "delay": "10ms"})
			ship(app, order, partOf("JT1", false))
			app.Clock.Advance(time.Minute)
			drainOutbox(t, app)
			if row := uploads(t, app)[0]; row.GetDateTime("doneAt").IsZero() || row.GetString("error") != "" {
				t.Errorf("outbox: got %q, want it done", row.GetString("error"))
			}
			wantShipment(t, ship(app, order, partOf("JT2", true)), 200, true, "SHIPPED")
			got := app.Must(http.MethodGet, shipmentsPath(order), app.Superuser(), nil)
			if parcels, _ := got.JSON["shippingList"].([]any); len(parcels) != 2 || got.JSON["corrected"] != false {
				t.Errorf("got %s, want two parcels and no correction", got.Body)
			}
		})
	}
}

func TestShipWhileAnotherIsPending(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t, scriptUploads(45011, 45011).config)
	wantShipment(t, ship(app, order, shipment("JT1")), 202, false, "NONE")
	wantAnswer(t, ship(app, order, shipment("JT2")), 409, "shipment_pending")
	wantShipment(t, ship(app, order, shipment("JT1")), 202, false, "NONE") // tries at once
	wantShipment(t, ship(app, order, shipment("JT1")), 200, true, "SHIPPED")
	wantShipment(t, ship(app, order, shipment("JT2")), 200, true, "SHIPPED")
	if rows := uploads(t, app); len(rows) != 2 || rows[0].GetInt("attempts") != 3 {
		t.Errorf("got %d submissions, want 2, the first done at the third try", len(rows))
	}
}

// a process that dies during the call leaves a row that says so; the next one asks before it sends
func TestShipAfterACrashAsksFirst(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	wantShipment(t, ship(app, order, shipment("JT1")), 200, true, "SHIPPED")
	row := uploads(t, app)[0]
	job := map[string]any{}
	if err := row.UnmarshalJSONField("payload", &job); err != nil {
		t.Fatal(err)
	}
	job["sent"], job["accepted"] = true, false
	row.Load(map[string]any{"payload": job, "doneAt": "", "attempts": 0, "nextAt": time.Now()})
	if err := app.Save(row); err != nil {
		t.Fatal(err)
	}
	drainOutbox(t, app)
	if row = uploads(t, app)[0]; row.GetDateTime("doneAt").IsZero() || row.GetString("error") != "" {
		t.Errorf("outbox: got %v, want it done", row)
	}
	if calls := app.Calls(uploadPath); calls != 1 {
		t.Errorf("uploads: got %d, want 1", calls)
	}
}

func TestShipErrcodes(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		errcode int
		status  int
		code    string
		pending bool
	}{
		{-1, 202, "wx_busy", true},
		{45011, 202, "wx_rate_limited", true},
		{45009, 202, "wx_quota_exhausted", true},
		{40164, 202, "wx_config_invalid", true},
		{10060001, 202, "wx_state_refused", true},
		{10060019, 202, "wx_busy", true},
		{10060003, 409, "shipment_corrected", false},
		{10060004, 409, "wx_state_refused", false},
		{10060031, 400, "wx_arguments_invalid", false},
		{10060014, 400, "wx_arguments_invalid", false},
		{268485216, 400, "wx_arguments_invalid", false},
		{48001, 502, "wx_config_invalid", false},
		{99999, 502, "wx_answer_invalid", false},
		{10060002, 409, "wx_state_refused", false}, // and get_order does not bear it out
		{10060023, 409, "wx_state_refused", false},
	}
	for _, s := range scenarios {
		t.Run(fmt.Sprint(s.errcode), func(t *testing.T) {
			t.Parallel()
			app, _, order := shippableOrder(t, scriptUploads(s.errcode, s.errcode, s.errcode).config)
			got := ship(app, order, shipment("JT1"))
			code := got.Code()
			if s.pending {
				code = got.Text("code")
			}
			if got.Status != s.status || code != s.code || (got.JSON["pending"] == true) != s.pending {
				t.Errorf("got %d %s, want %d %s, pending %v", got.Status, got.Body, s.status, s.code, s.pending)
			}
			row := uploads(t, app)[0]
			if !strings.Contains(row.GetString("error"), fmt.Sprint(s.errcode)) || row.GetDateTime("doneAt").IsZero() != s.pending {
				t.Errorf("outbox: got %q done %v, want the errcode and done only when it is final", row.GetString("error"), row.GetDateTime("doneAt"))
			}
			wantShipState(t, app, order, "NONE")
			if !s.pending { // mended, it may be sent again, as a submission of its own
				if again := ship(app, order, shipment("JT1")); len(uploads(t, app)) != 2 {
					t.Errorf("again: got %d %s, want a second submission", again.Status, again.Body)
				}
			}
		})
	}
}

func TestShipThatNeverWorksAlertsOnce(t *testing.T) {
	t.Parallel()
	refusals := make([]int, 40)
	for i := range refusals {
		refusals[i] = 10060001
	}
	app, _, order := shippableOrder(t, scriptUploads(refusals...).config)
	ship(app, order, shipment("JT1"))
	for range 15 {
		app.Clock.Advance(2 * time.Hour)
		drainOutbox(t, app)
	}
	if n := uploads(t, app)[0].GetInt("attempts"); n != 16 {
		t.Errorf("attempts: got %d, want 16", n)
	}
	if n := count(t, app, "wx_alerts", dbx.HashExp{"kind": "shipping", "subject": order.Text("id"), "seen": 1}); n != 1 {
		t.Errorf("alerts: got %d, want 1", n)
	}
}
