package hooks_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/order"
)

// a refund that is not said clearly moves nothing
func TestRefundNeedsAClearAmount(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	super := app.Superuser()
	scenarios := []struct {
		name, body, kind string
		code, field      string
	}{
		{"nothing", "", "application/json", "refund_amount_invalid", "amount"},
		{"an empty object", "{}", "application/json", "refund_amount_invalid", "amount"},
		{"0", `{"amount":0}`, "application/json", "refund_amount_invalid", "amount"},
		{"less than 0", `{"amount":-5}`, "application/json", "refund_amount_invalid", "amount"},
		{"WeChat's names", `{"refund":100,"total":3600}`, "application/json", "field_unknown", "refund"},
		{"another spelling", `{"Amount":100}`, "application/json", "field_unknown", "Amount"},
		{"an amount and all", `{"amount":100,"all":true}`, "application/json", "refund_amount_invalid", "all"},
		{"all but not", `{"all":false}`, "application/json", "refund_amount_invalid", "all"},
		{"all as text", `{"all":"true"}`, "application/json", "field_invalid", "all"},
		{"null", `{"amount":null}`, "application/json", "field_invalid", "amount"},
		{"null and all", `{"amount":null,"all":true}`, "application/json", "field_invalid", "amount"},
		{"a fraction", `{"amount":10.5}`, "application/json", "field_invalid", "amount"},
		{"text", `{"amount":"100"}`, "application/json", "field_invalid", "amount"},
		{"twice", `{"amount":100,"amount":200}`, "application/json", "field_repeated", "amount"},
		{"a form", "amount=100", "application/x-www-form-urlencoded", "body_not_json", ""},
		{"multipart", "--x\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n100\r\n--x--\r\n", "multipart/form-data; boundary=x", "body_not_json", ""},
		{"all as a form", "all=true", "application/x-www-form-urlencoded", "body_not_json", ""},
		{"a long reason", `{"amount":1,"reason":"` + strings.Repeat("面", 27) + `"}`, "application/json", "refund_amount_invalid", "reason"},
		{"a long key", `{"amount":1,"key":"` + strings.Repeat("k", 65) + `"}`, "application/json", "field_invalid", "key"},
	}
	for _, s := range scenarios {
		got := app.CallAs(http.MethodPost, refundPath(order), super, s.kind, s.body)
		if got.Status != http.StatusBadRequest || got.Code() != s.code || s.field != "" && got.Data("field") != s.field {
			t.Errorf("%s: got %d %s, want 400 %s of %q", s.name, got.Status, got.Body, s.code, s.field)
		}
	}
	if ours, theirs := count(t, app, "refunds", nil), refundsAtWeChat(t, app); ours != 0 || theirs != 0 {
		t.Fatalf("refunds: got %d here and %d at WeChat, want none", ours, theirs)
	}
	// JSON under curl's default content type is JSON
	got := app.CallAs(http.MethodPost, refundPath(order), super, "application/x-www-form-urlencoded", `{"amount":100}`)
	if got.Status != http.StatusOK || got.JSON["amount"] != 100.0 {
		t.Errorf("JSON that is called a form: got %d %s, want 100 fen back", got.Status, got.Body)
	}
}

func TestRefundKey(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	super := app.Superuser()
	body := map[string]any{"amount": 1000, "reason": "缺货", "key": "k1"}
	first := app.Must(http.MethodPost, refundPath(order), super, body)
	for _, wait := range []time.Duration{0, 2 * time.Minute, time.Hour} {
		app.Clock.Advance(wait)
		settle(t, app)
		if again := app.Must(http.MethodPost, refundPath(order), super, body); again.Text("id") != first.Text("id") {
			t.Errorf("the same key: got refund %s, want %s", again.Text("id"), first.Text("id"))
		}
	}
	for name, change := range map[string]map[string]any{
		"another amount": {"amount": 1001}, "another reason": {"reason": ""}, "all": {"amount": 0, "all": true},
	} {
		other := merged(body, change)
		if other["all"] != nil {
			delete(other, "amount")
		}
		got := app.Call(http.MethodPost, refundPath(order), super, other)
		if got.Status != http.StatusConflict || got.Code() != "refund_key_reused" || got.Data("refund") != first.Text("id") {
			t.Errorf("%s under the key: got %d %s, want refund_key_reused of %s", name, got.Status, got.Body, first.Text("id"))
		}
	}
	second := app.Must(http.MethodPost, refundPath(order), super, merged(body, map[string]any{"key": "k2"}))
	if second.Text("id") == first.Text("id") || second.JSON["amount"] != 1000.0 {
		t.Errorf("another key: got %s, want a second refund", second.Body)
	}
	rest := map[string]any{"all": true, "key": "k3"}
	last := app.Must(http.MethodPost, refundPath(order), super, rest)
	if again := app.Must(http.MethodPost, refundPath(order), super, rest); again.Text("id") != last.Text("id") || again.JSON["amount"] != 1600.0 {
		t.Errorf("all once more: got %s, want the same 1600 fen", again.Body)
	}
	for range 4 {
		settle(t, app)
	}
	wantStates(t, app, order.Text("id"), "REFUNDED", "PAID")
	if n := refundsAtWeChat(t, app); n != 3 {
		t.Errorf("refunds at WeChat: got %d, want 3", n)
	}
}

// ten clients with one key, at once: one refund
func TestRefundKeyAtOnce(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	super := app.Superuser()
	roomtest.AtOnce(10, func(int) {
		app.Call(http.MethodPost, refundPath(order), super, map[string]any{"amount": 1000, "key": "k"})
	})
	if n := count(t, app, "refunds", nil); n != 1 {
		t.Errorf("refunds: got %d, want 1", n)
	}
}

// without a key, what was asked for a moment ago is a second click
func TestRefundSecondClick(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	super := app.Superuser()
	thousand := map[string]any{"amount": 1000}
	first := app.Must(http.MethodPost, refundPath(order), super, thousand)
	wantRepeat := func(when string, body map[string]any, earlier apptest.Answer) {
		t.Helper()
		got := app.Call(http.MethodPost, refundPath(order), super, body)
		if got.Status != http.StatusConflict || got.Code() != "refund_repeated" || got.Data("refund") != earlier.Text("id") {
			t.Errorf("%s: got %d %s, want refund_repeated of %s", when, got.Status, got.Body, earlier.Text("id"))
		}
	}
	wantRepeat("at once", thousand, first)
	app.Fault("refund_query", "busy", 1)
	app.Clock.Advance(10 * time.Minute)
	wantRepeat("while it is on its way", thousand, first)
	settle(t, app) // busy
	settle(t, app)
	settle(t, app)
	r, err := app.FindRecordById("refunds", first.Text("id"))
	if err != nil || r.GetString("state") != "SUCCESS" {
		t.Fatalf("first refund: got %s (%v), want SUCCESS", r.GetString("state"), err)
	}
	second := app.Must(http.MethodPost, refundPath(order), super, thousand)
	rest := app.Must(http.MethodPost, refundPath(order), super, all())
	wantRepeat("all, twice", all(), rest)
	if second.JSON["amount"] != 1000.0 || rest.JSON["amount"] != 1600.0 {
		t.Errorf("later: got %s and %s, want 1000 and 1600 fen", second.Body, rest.Body)
	}
}

// WeChat's minute counts from when it had the call, so ours is a little longer, and a turn that comes late moves the next one
func TestRefundsKeepTheirDistance(t *testing.T) {
	t.Parallel()
	app, _, paid := paidOrder(t)
	super := app.Superuser()
	for _, amount := range []int{100, 200, 300} {
		app.Must(http.MethodPost, refundPath(paid), super, map[string]any{"amount": amount})
	}
	sent := func(after time.Duration, want int) {
		t.Helper()
		app.Clock.Advance(after)
		if err := app.WX.SweepRefunds(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := refundsAtWeChat(t, app); n != want {
			t.Errorf("refunds at WeChat: got %d, want %d", n, want)
		}
	}
	sent(0, 1)
	sent(time.Minute, 1)
	sent(10*time.Minute, 2) // both have their turn by now; one leaves, and the other keeps its distance
	sent(time.Minute, 2)
	sent(order.RefundSpacing, 3)
	if n := app.Calls("/v3/refund/domestic/refunds"); n != 3 {
		t.Errorf("calls for a refund: got %d, want 3 and none that WeChat finds too early", n)
	}
}

// "too many" means that it was not sent: it waits for its turn, and no longer
func TestRefundThatIsOneOfTooMany(t *testing.T) {
	t.Parallel()
	app, _, paid := paidOrder(t)
	app.Fault("refund", "rate_limit", 1)
	got := app.Must(http.MethodPost, refundPath(paid), app.Superuser(), all())
	if got.Text("state") != "NEW" || got.Text("sentAt") != "" || got.Text("refusedCode") != "FREQUENCY_LIMITED" {
		t.Errorf("refund: got %s, want NEW, not sent, with WeChat's code", got.Body)
	}
	app.Clock.Advance(order.RefundSpacing)
	if err := app.WX.SweepRefunds(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := app.FindRecordById("refunds", got.Text("id"))
	if err != nil || r.GetString("state") != "PROCESSING" || r.GetString("refusedCode") != "" {
		t.Errorf("a minute later: got %s %q (%v), want PROCESSING without a refusal", r.GetString("state"), r.GetString("refusedCode"), err)
	}
	settle(t, app)
	wantStates(t, app, paid.Text("id"), "REFUNDED", "PAID")
	if n := refundsAtWeChat(t, app); n != 1 {
		t.Errorf("refunds at WeChat: got %d, want 1", n)
	}
}

// what WeChat says when it refuses is on the record, in the ledger and in the answer, and no buyer sees it
func TestRefundKeepsWhatWeChatSaid(t *testing.T) {
	t.Parallel()
	app, buyer, paid := paidOrder(t)
	app.Fault("refund", "account_abnormal", 1)
	got := app.Must(http.MethodPost, refundPath(paid), app.Superuser(), all())
	if got.Text("state") != "REJECTED" || got.Text("refusedCode") != "USER_ACCOUNT_ABNORMAL" || got.Text("refusedMessage") != "用户账户异常或已注销" {
		t.Errorf("answer: got %s, want REJECTED with WeChat's code and words", got.Body)
	}
	r, err := app.FindFirstRecordByFilter("wx_ledger", "refund = {:id} && to = 'REJECTED'", dbx.Params{"id": got.Text("id")})
	if err != nil || !strings.Contains(r.GetString("evidence"), `"USER_ACCOUNT_ABNORMAL"`) || !strings.Contains(r.GetString("evidence"), "用户账户异常或已注销") {
		t.Errorf("ledger: got %v (%v), want WeChat's code and words", r, err)
	}
	seen := buyer.Must(http.MethodGet, "/api/collections/refunds/records/"+got.Text("id"), nil)
	for _, field := range []string{"refusedCode", "refusedMessage", "key", "all", "calledAt"} {
		if _, there := seen.JSON[field]; there {
			t.Errorf("the buyer sees %s", field)
		}
	}
	// nothing went back, so the same may be asked for at once
	if again := app.Must(http.MethodPost, refundPath(paid), app.Superuser(), all()); again.Text("id") == got.Text("id") {
		t.Error("once more: got the refused refund, want another one")
	}
}
