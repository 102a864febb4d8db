package hooks_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// unmatched has WeChat tell us of money under a number that is not in our books, until a person is told.
func unmatched(t *testing.T, app *apptest.App, buyer apptest.Person, number, attach string) *core.Record {
	t.Helper()
	sellElsewhere(t, app, buyer, wxpay.PrepayRequest{
		OutTradeNo: number, Attach: attach, Total: 500, NotifyURL: app.URL + "/api/wx/notify/pay/" + merchantOf(t, app),
	})
	row := waitFor(t, app, "wx_inbox", dbx.HashExp{"ref": number}, isState("UNMATCHED"))
	for range 5 {
		wake(app)
	}
	waitFor(t, app, "wx_alerts", dbx.HashExp{"kind": "unmatched", "subject": merchantOf(t, app) + "/" + number}, func(*core.Record) bool { return true })
	return row
}

func wantClosed(t *testing.T, app *apptest.App, row *core.Record, by string) {
	t.Helper()
	r, err := app.FindRecordById("wx_inbox", row.Id)
	if err != nil {
		t.Fatal(err)
	}
	if r.GetString("state") != "CLOSED" || !strings.Contains(r.GetString("closedBy"), by) {
		t.Errorf("row: got %s by %q, want it closed by %q", r.GetString("state"), r.GetString("closedBy"), by)
	}
	open := dbx.HashExp{"kind": "unmatched", "subject": merchantOf(t, app) + "/" + r.GetString("ref"), "closedAt": ""}
	if n := count(t, app, "wx_alerts", open); n != 0 {
		t.Errorf("alerts: got %d open, want none", n)
	}
}

func inboxClosePath(row *core.Record) string { return "/api/wx/admin/inbox/" + row.Id + "/close" }

// a person says what it was: with a reason, which the audit keeps, and WeChat's next message asks nobody again
func TestUnmatchedClosedByAPerson(t *testing.T) {
	t.Parallel()
	app, buyer, _ := paidOrder(t)
	row := unmatched(t, app, buyer, "ERP-2026-7", "till")
	super := app.Superuser()
	for _, bad := range []any{nil, map[string]any{}, map[string]any{"reason": " "}, map[string]any{"reason": strings.Repeat("x", 201)}, map[string]any{"reason": "ok", "all": true}} {
		if got := app.Call(http.MethodPost, inboxClosePath(row), super, bad); got.Status != http.StatusBadRequest {
			t.Errorf("%v: got %d %s, want 400", bad, got.Status, got.Body)
		}
	}
	if got := buyer.Call(http.MethodPost, inboxClosePath(row), map[string]any{"reason": "mine"}); got.Status < 401 {
		t.Errorf("a buyer: got %d, want it refused", got.Status)
	}
	app.Must(http.MethodPost, inboxClosePath(row), super, map[string]any{"reason": "收银机的"})
	wantClosed(t, app, row, "@")
	wantAnswer(t, app.Call(http.MethodPost, inboxClosePath(row), super, map[string]any{"reason": "again"}), http.StatusConflict, "inbox_not_open")
	if n := count(t, app, "wx_audit", dbx.And(dbx.HashExp{"action": "inbox.close"}, dbx.Like("details", "收银机的"))); n != 1 {
		t.Errorf("audit: got %d rows with the reason, want 1", n)
	}
	for range 3 {
		wake(app)
	}
	wantClosed(t, app, row, "@")
}

// a rule says it for good: for what is there, when the bill comes, and for what comes next
func TestUnmatchedExplainedByARule(t *testing.T) {
	t.Parallel()
	app, buyer, _ := paidOrder(t)
	byNumber := unmatched(t, app, buyer, "ERP-2026-7", "")
	byAttach := unmatched(t, app, buyer, "SHOP2-1", "mall/7")
	ours := unmatched(t, app, buyer, "abcdefghij01234-1", "mall/8")
	app.Must(http.MethodPost, "/api/collections/wx_merchants/records", app.Superuser(),
		map[string]any{"mchid": merchantOf(t, app), "api": "v3", "foreign": "number:ERP-*\nattach:mall*\nnumber:abc*"})
	day := noon(app)
	app.WX.ReconcileDue(t.Context())
	wantClosed(t, app, byNumber, "a rule of the merchant")
	reconcile(t, app, day)
	wantClosed(t, app, byAttach, "a rule of the merchant")
	if r, err := app.FindRecordById("wx_inbox", ours.Id); err != nil || r.GetString("state") != "UNMATCHED" {
		t.Errorf("what may be ours: got %s (%v), want it to stay", r.GetString("state"), err)
	}
	sellElsewhere(t, app, buyer, wxpay.PrepayRequest{OutTradeNo: "ERP-2026-8", Total: 100, NotifyURL: app.URL + "/api/wx/notify/pay/" + merchantOf(t, app)})
	next := waitFor(t, app, "wx_inbox", dbx.HashExp{"ref": "ERP-2026-8"}, isState("CLOSED"))
	wantClosed(t, app, next, "a rule of the merchant")
}

// the books were older than the payment, as after a restore: it is ours after all
func TestUnmatchedFoundOurs(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	bought := buyer.Order("三鲜面", 1)
	params := buyer.Must(http.MethodPost, payPath(bought), nil)
	payment := onlyPayment(t, app, bought)
	number := payment.GetString("outTradeNo")
	rename := func(to string) {
		if _, err := app.NonconcurrentDB().Update("payments", dbx.Params{"outTradeNo": to}, dbx.HashExp{"id": payment.Id}).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	rename("elsewhere-1")
	buyer.PayAtCashier(params)
	row := waitFor(t, app, "wx_inbox", dbx.HashExp{"ref": number}, isState("UNMATCHED"))
	rename(number)
	buyer.Must(http.MethodPost, "/api/wx/orders/"+bought.Text("id")+"/sync", nil)
	wantStates(t, app, bought.Text("id"), "PAID", "PAID")
	wantClosed(t, app, row, "")
}

// all of it went back at pay.weixin.qq.com: nobody has to look any more
func TestUnmatchedGivenBack(t *testing.T) {
	t.Parallel()
	app, buyer, _ := paidOrder(t)
	row := unmatched(t, app, buyer, "ERP-2026-7", "")
	app.Clock.Advance(order.RefundSpacing)
	gateway, err := app.WX.Gateway(merchantOf(t, app), app.AppID())
	if err != nil {
		t.Fatal(err)
	}
	_, err = gateway.Refund(t.Context(), wxpay.RefundRequest{
		OutTradeNo: "ERP-2026-7", OutRefundNo: "ERP-back-7", Refund: 500, Total: 500, NotifyURL: app.URL + "/api/wx/notify/refund/" + merchantOf(t, app),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wake(app)
	}
	waitFor(t, app, "wx_inbox", dbx.HashExp{"id": row.Id}, isState("CLOSED"))
	wantClosed(t, app, row, "refund")
}

// a server that was down for longer than WeChat keeps bills: what is there is caught up, what is not is named, and a person closes it
func TestDaysLostWhileTheServerWasDown(t *testing.T) {
	t.Parallel()
	app, _, _ := paidOrder(t)
	at(app, 120, 12)
	for range 40 {
		app.WX.ReconcileDue(t.Context())
	}
	oldest := app.Clock.Now().In(time.FixedZone("", 8*60*60)).AddDate(0, -3, 1).Format(time.DateOnly)
	before, since := dbx.NewExp("date < {:d}", dbx.Params{"d": oldest}), dbx.NewExp("date >= {:d}", dbx.Params{"d": oldest})
	lost := count(t, app, "wx_bills", dbx.And(before, dbx.HashExp{"state": "LOST"}))
	if all := count(t, app, "wx_bills", before); lost < 25 || all != lost {
		t.Errorf("lost days: got %d of %d, want about a month, all LOST", lost, all)
	}
	if caught, want := count(t, app, "wx_bills", dbx.And(since, dbx.In("state", "OK", "EMPTY"))), 88; caught < want {
		t.Errorf("caught up: got %d days, want %d or more", caught, want)
	}
	alert := dbx.HashExp{"kind": "bill", "subject": merchantOf(t, app) + "/lost", "closedAt": ""}
	if n := count(t, app, "wx_alerts", alert); n != 1 {
		t.Errorf("alerts of lost days: got %d, want one", n)
	}
	super := app.Superuser()
	one, err := app.FindFirstRecordByFilter("wx_bills", "state = 'LOST'")
	if err != nil {
		t.Fatal(err)
	}
	path := "/api/wx/admin/bills/" + one.Id + "/close"
	if got := app.Call(http.MethodPost, path, super, map[string]any{"all": true}); got.Status != http.StatusBadRequest {
		t.Errorf("without a reason: got %d %s, want 400", got.Status, got.Body)
	}
	app.Must(http.MethodPost, path, super, map[string]any{"reason": "已在商户平台核对"})
	if n := count(t, app, "wx_bills", dbx.HashExp{"state": "CLOSED"}); n != 1 {
		t.Errorf("closed: got %d days, want 1", n)
	}
	wantAnswer(t, app.Call(http.MethodPost, path, super, map[string]any{"reason": "again"}), http.StatusConflict, "bill_not_lost")
	if one, err = app.FindFirstRecordByFilter("wx_bills", "state = 'LOST'"); err != nil {
		t.Fatal(err)
	}
	app.Must(http.MethodPost, "/api/wx/admin/bills/"+one.Id+"/close", super, map[string]any{"reason": "已在商户平台核对", "all": true})
	if n := count(t, app, "wx_bills", dbx.HashExp{"state": "LOST"}) + count(t, app, "wx_alerts", alert); n != 0 {
		t.Errorf("lost days and alerts: got %d, want none", n)
	}
	app.WX.ReconcileDue(t.Context())
	if n := count(t, app, "wx_bills", dbx.HashExp{"state": "LOST"}); n != 0 {
		t.Errorf("after the next round: got %d lost days, want none", n)
	}
	if n := count(t, app, "wx_audit", dbx.HashExp{"action": "bill.close"}); n < 2 {
		t.Errorf("audit: got %d rows, want both", n)
	}
}
