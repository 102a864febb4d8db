package hooks_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

// letMoneyLeave is the owner's choice: so much a day, and so much of it by one person alone.
func letMoneyLeave(t *testing.T, app *apptest.App, perDay, alone int64) {
	t.Helper()
	app.Must(http.MethodPatch, "/api/wx/admin/setup/preferences", app.Superuser(), map[string]any{"payoutsPerDay": perDay, "payoutsAlonePerDay": alone})
}

func payoutBody(to apptest.Person, fen int64) map[string]any {
	return map[string]any{
		"user": to.User, "amount": fen, "remark": "新会员奖励", "scene": "1000", "perception": "现金奖励",
		"reports": []any{
			map[string]any{"info_type": "活动名称", "info_content": "新会员有礼"}, map[string]any{"info_type": "奖励说明", "info_content": "一等奖"},
		},
	}
}

// sendPayout sends five yuan as the owner.
func sendPayout(t *testing.T, app *apptest.App, to apptest.Person) apptest.Answer {
	t.Helper()
	letMoneyLeave(t, app, 100_000_000, 100_000_000)
	body := payoutBody(to, 500)
	body["key"] = core.GenerateDefaultRandomId()
	return app.Must(http.MethodPost, "/api/wx/admin/payouts", app.Superuser(), body)
}

// confirmTransfer is wx.requestMerchantTransfer on the receiver's phone.
func confirmTransfer(t *testing.T, to apptest.Person, id, action string) string {
	t.Helper()
	params := to.Must(http.MethodPost, "/api/wx/payouts/"+id+"/confirm", nil).JSON
	params["action"] = action
	return to.Phone("transfer", params).Text("errMsg")
}

// TestPayoutStory: the owner sends money, the receiver confirms, WeChat says that it has arrived; over every way of verifying.
func TestPayoutStory(t *testing.T) {
	t.Parallel()
	for name, env := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t, func(c *hooks.Config) { c.Env = func(name string) string { return env[name] } })
			told := make(chan string, 1)
			app.WX.Payouts.OnSucceeded().BindFunc(func(e *events.PayoutEvent) error {
				told <- e.Payout.Id
				return e.Next()
			})
			to := app.Login("小明")
			letMoneyLeave(t, app, 1_000_000, 1_000_000)
			body := payoutBody(to, 200_000)
			body["userName"] = "欧阳小明"
			sent := app.Must(http.MethodPost, "/api/wx/admin/payouts", app.Superuser(), body)
			id := sent.Text("id")
			if sent.Text("state") != "WAITING" || sent.Text("confirmBy") == "" {
				t.Fatalf("got %s, want it to wait for its receiver", sent.Body)
			}
			if got := to.Must(http.MethodGet, "/api/wx/payouts", nil); got.JSON["items"].([]any)[0].(map[string]any)["id"] != id {
				t.Errorf("got %s, want the receiver to see it", got.Body)
			}
			if got := confirmTransfer(t, to, id, "cancel"); got != "requestMerchantTransfer:fail cancel" {
				t.Errorf("got %q, want the receiver to think again", got)
			}
			if got := confirmTransfer(t, to, id, "confirm"); got != "requestMerchantTransfer:ok" {
				t.Fatalf("got %q, want ok", got)
			}
			app.Clock.Advance(10 * time.Second)
			waitFor(t, app, "wx_payouts", dbx.HashExp{"id": id}, isState("SUCCESS"))
			if got := receive(t, told); got != id {
				t.Errorf("OnSucceeded: got %s, want %s", got, id)
			}
			if got := to.Must(http.MethodPost, "/api/wx/payouts/"+id+"/sync", nil).Text("state"); got != "SUCCESS" {
				t.Errorf("sync: got %s, want SUCCESS", got)
			}
			theirs := list(t, app, "/_sim/transfers")[0]
			if theirs["state"] != "SUCCESS" || theirs["transfer_amount"] != 200_000.0 || theirs["user_name"] != "欧阳小明" {
				t.Errorf("got %v, want the same in WeChat's books, with the name that only it can read", theirs)
			}
		})
	}
}

// TestPayoutThatNobodyConfirms ends after a day, and calls a person.
func TestPayoutThatNobodyConfirms(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	failed := make(chan string, 1)
	app.WX.Payouts.OnFailed().BindFunc(func(e *events.PayoutEvent) error {
		failed <- e.Payout.GetString("failReason")
		return e.Next()
	})
	to := app.Login("小明")
	id := sendPayout(t, app, to).Text("id")
	app.Clock.Advance(24*time.Hour + time.Minute)
	waitFor(t, app, "wx_payouts", dbx.HashExp{"id": id}, isState("FAILED"))
	if got := receive(t, failed); got != "OVERDUE_CLOSE" {
		t.Errorf("OnFailed: got %q, want WeChat's word", got)
	}
	waitFor(t, app, "wx_alerts", dbx.HashExp{"kind": "payout", "subject": id}, func(*core.Record) bool { return true })
}

// TestPayoutsAreTheShops: no user makes one, sees another's, or lets one go.
func TestPayoutsAreTheShops(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	to, other := app.Login("小明"), app.Login("小红")
	id := sendPayout(t, app, to).Text("id")
	for _, token := range []string{"", to.Token, other.Token} {
		for _, path := range []string{"", "/" + id + "/approve", "/" + id + "/cancel", "/" + id + "/sync"} {
			if got := app.Call(http.MethodPost, "/api/wx/admin/payouts"+path, token, payoutBody(to, 500)); got.Status != http.StatusUnauthorized && got.Status != http.StatusForbidden {
				t.Errorf("%s: got %d, want it refused", path, got.Status)
			}
		}
		if got := app.Call(http.MethodGet, "/api/collections/wx_payouts/records", token, nil); got.Status == http.StatusOK {
			t.Errorf("got %d %s, want the rows for superusers alone", got.Status, got.Body)
		}
	}
	for _, what := range []string{"confirm", "sync"} {
		if got := other.Call(http.MethodPost, "/api/wx/payouts/"+id+"/"+what, nil); got.Code() != "payout_not_found" {
			t.Errorf("%s by another: got %d %q, want payout_not_found", what, got.Status, got.Code())
		}
	}
	if got := other.Must(http.MethodGet, "/api/wx/payouts", nil); len(got.JSON["items"].([]any)) != 0 {
		t.Errorf("got %s, want nothing of another's", got.Body)
	}
	strict := payoutBody(to, 500)
	strict["openid"] = "oSOMEBODY"
	if got := app.Call(http.MethodPost, "/api/wx/admin/payouts", app.Superuser(), strict); got.Code() != "field_unknown" {
		t.Errorf("an openid: got %d %q, want it refused by name", got.Status, got.Code())
	}
}

// TestEveryFaultOfAPayoutIsSurvived: whatever goes wrong at a call or in a message, the money leaves once or not at all, and both books agree.
func TestEveryFaultOfAPayoutIsSurvived(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"transfer", "transfer_query", "transfer_notification"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			to := app.Login("小明")
			for _, kind := range kindsOf(t, app, on) {
				delay := ""
				if kind == "slow" || kind == "timeout_after_accept" {
					delay = "10ms"
				}
				app.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": on, "kind": kind, "times": 1, "delay": delay})
				id := sendPayout(t, app, to).Text("id")
				row := settlePayout(t, app, to, id)
				if row["state"] != "SUCCESS" && row["state"] != "REJECTED" && row["state"] != "FAILED" {
					t.Errorf("%s: got %v, want it to end", kind, row["state"])
				}
				app.Must(http.MethodDelete, "/_sim/faults", "", nil)
			}
			wantSameTransfers(t, app)
		})
	}
}

// settlePayout confirms and asks until a payout has ended.
func settlePayout(t *testing.T, app *apptest.App, to apptest.Person, id string) map[string]any {
	t.Helper()
	for range 40 {
		row := app.Must(http.MethodGet, "/api/wx/admin/payouts/"+id, app.Superuser(), nil).JSON
		switch row["state"] {
		case "SUCCESS", "REJECTED", "FAILED", "CANCELLED":
			return row
		case "WAITING":
			if params := to.Call(http.MethodPost, "/api/wx/payouts/"+id+"/confirm", nil); params.Status == http.StatusOK {
				to.Phone("transfer", params.JSON)
			}
		}
		app.Clock.Advance(10 * time.Minute)
		app.Call(http.MethodPost, "/api/wx/admin/payouts/"+id+"/sync", app.Superuser(), map[string]any{})
	}
	t.Fatalf("payout %s does not end", id)
	return nil
}

// wantSameTransfers compares both books.
func wantSameTransfers(t *testing.T, app *apptest.App) {
	t.Helper()
	theirs := map[string]any{}
	for _, one := range list(t, app, "/_sim/transfers") {
		theirs[one["out_bill_no"].(string)] = one["state"]
	}
	rows, err := app.FindAllRecords("wx_payouts")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		want := map[string]any{"SUCCESS": "SUCCESS", "FAILED": "FAIL", "REJECTED": nil}[row.GetString("state")]
		if got := theirs[row.GetString("outBillNo")]; got != want {
			t.Errorf("%s: ours %s, theirs %v", row.GetString("outBillNo"), row.GetString("state"), got)
		}
		delete(theirs, row.GetString("outBillNo"))
	}
	if len(theirs) > 0 {
		t.Errorf("transfers that we know nothing of: %v", theirs)
	}
}
