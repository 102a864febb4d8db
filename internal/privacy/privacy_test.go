package privacy_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

const day = 24 * time.Hour

// TestExportHoldsEverything walks all collections of the schema: a row about the person is in the file, wherever it stands, and nothing of what is
// not for them. A collection that is added tomorrow is planted and looked for by itself.
func TestExportHoldsEverything(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, other := app.Login("小满"), app.Login("别人")
	p := plant(t, app, person.User)
	p.update("wx_invites", p.ids["wx_invites"], dbx.Params{"inviter": other.User})
	for who, answer := range map[string]apptest.Answer{
		"themselves": person.Must(http.MethodGet, "/api/wx/me/export", nil),
		"superuser":  app.Must(http.MethodGet, "/api/wx/admin/users/"+person.User+"/export", app.Superuser(), nil),
	} {
		got := open(t, answer.Body)
		for table, id := range p.ids {
			if !got.has(table, id) {
				t.Errorf("%s: %s is not in the file", who, table)
			}
		}
		for _, secret := range []string{keyOfPerson, "tokenKey", `"password"`, other.User, "demo@example.com"} {
			if strings.Contains(got.text, secret) {
				t.Errorf("%s: got %q in the file, want it left out", who, secret)
			}
		}
		for _, word := range []string{nameOfPerson, phoneOfPerson, mailOfPerson, p.openID, wordsOfPerson} {
			if !strings.Contains(got.text, word) {
				t.Errorf("%s: %q is not in the file", who, word)
			}
		}
		for _, table := range []string{"users", "wx_codes", "wx_checks", "op_cascade"} {
			if !slices.Contains(values(got.files), "file of "+table) {
				t.Errorf("%s: the file of %s is missing", who, table)
			}
		}
	}
}

func values(files map[string]string) (all []string) {
	for _, text := range files {
		all = append(all, text)
	}
	return all
}

func TestExportIsLimitedAndTheirsAlone(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, other := app.Login("小满"), app.Login("别人")
	order := other.Order("三鲜面", 1)
	got := open(t, person.Must(http.MethodGet, "/api/wx/me/export", nil).Body)
	if got.has("orders", order.Text("id")) || strings.Contains(got.text, other.User) {
		t.Errorf("got another's rows in %s", got.text)
	}
	for range 2 {
		person.Must(http.MethodGet, "/api/wx/me/export", nil)
	}
	wantAnswer(t, person.Call(http.MethodGet, "/api/wx/me/export", nil), http.StatusTooManyRequests, "export_limit_reached")
	wantAnswer(t, app.Call(http.MethodGet, "/api/wx/me/export", "", nil), http.StatusUnauthorized, "")
	app.Clock.Advance(day)
	person.Must(http.MethodGet, "/api/wx/me/export", nil)
}

func wantAnswer(t *testing.T, got apptest.Answer, status int, code string) {
	t.Helper()
	if got.Status != status || got.Code() != code {
		t.Errorf("got %d %q %s, want %d %q", got.Status, got.Code(), got.Body, status, code)
	}
}

// TestChatFromBeforeTheLogin: who wrote before they signed in takes the talk along all the same, and it is forgotten with its pictures.
func TestChatFromBeforeTheLogin(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小满")
	identity, err := app.FindFirstRecordByData("wx_identities", "user", person.User)
	if err != nil {
		t.Fatal(err)
	}
	p := &planter{t: t, app: app, user: person.User, openID: identity.GetString("openid"), ids: map[string]string{}}
	p.fill("wx_chats")
	p.update("wx_chats", p.ids["wx_chats"], dbx.Params{"user": "", "openid": p.openID})
	p.fill("wx_chat_messages")
	got := open(t, person.Must(http.MethodGet, "/api/wx/me/export", nil).Body)
	if len(got.Collections["wx_chats"]) != 1 || len(got.Collections["wx_chat_messages"]) != 1 || !slices.Contains(values(got.files), "file of wx_chat_messages") {
		t.Errorf("got %s, want the whole talk", got.text)
	}
	app.Must(http.MethodPost, "/api/wx/admin/users/"+person.User+"/forget", app.Superuser(), map[string]any{"reason": "asked by letter", "days": 0})
	if found := where(t, app, p.openID, wordsOfPerson); len(found) > 0 {
		t.Errorf("got %v, want nothing left of the talk", found)
	}
	_ = filepath.WalkDir(filepath.Join(app.DataDir(), "storage"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Name() == "planted.txt" {
			t.Errorf("the file %s is still there", path)
		}
		return err
	})
}

// TestExportHidesWhoPaid: somebody else scanned the code of an order. The buyer learns that it was paid, and not by whom.
func TestExportHidesWhoPaid(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, friend := app.Login("小满"), app.Login("朋友")
	order := person.Order("三鲜面", 1)
	path := "/api/wx/orders/" + order.Text("id")
	code := person.Must(http.MethodPost, path+"/native", nil).Text("codeUrl")
	app.Must(http.MethodPost, "/_sim/people/"+friend.ID+"/pay-url", "", map[string]any{"url": code})
	if got := person.Must(http.MethodPost, path+"/sync", nil); got.Text("payState") != "PAID" {
		t.Fatalf("got %s, want it paid", got.Body)
	}
	payment, err := app.FindFirstRecordByData("payments", "order", order.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	payer := payment.GetString("openid")
	identity, err := app.FindFirstRecordByData("wx_identities", "user", friend.User)
	if err != nil || identity.GetString("openid") != payer {
		t.Fatalf("payer: got %q (%v), want who scanned", payer, err)
	}
	mine := open(t, person.Must(http.MethodGet, "/api/wx/me/export", nil).Body)
	if !mine.has("payments", payment.Id) || strings.Contains(mine.text, payer) {
		t.Errorf("got %s, want the payment without %s", mine.text, payer)
	}
	theirs := open(t, friend.Must(http.MethodGet, "/api/wx/me/export", nil).Body)
	if !theirs.has("payments", payment.Id) || !strings.Contains(theirs.text, payer) || strings.Contains(theirs.text, person.User) {
		t.Errorf("got %s, want the payment that they made, and nothing of whom it was for", theirs.text)
	}
}

// TestForgetLeavesMoneyAlone: after the days of grace nothing in the whole database or the storage is about the person but the rows about money, and what
// an operator's own relations keep.
func TestForgetLeavesMoneyAlone(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小满")
	p := plant(t, app, person.User)
	told := 0
	app.WX.OnUserForget().BindFunc(func(e *events.UserForgetEvent) error {
		told++
		if e.User.GetString("name") != nameOfPerson || !slices.Contains(e.OpenIDs, p.openID) || e.Phone != phoneOfPerson {
			t.Errorf("got %v %s, want who it was", e.OpenIDs, e.Phone)
		}
		return e.Next()
	})
	answer := person.Must(http.MethodDelete, "/api/wx/me", nil)
	if answer.Text("state") != "WAITING" {
		t.Errorf("got %s, want it to wait", answer.Body)
	}
	wantAnswer(t, person.Call(http.MethodGet, "/api/wx/session", nil), http.StatusUnauthorized, "")
	sweep(t, app)
	if got := stateOf(t, app, person.User); got != "WAITING" {
		t.Errorf("before its time: got %s, want WAITING", got)
	}
	app.Clock.Advance(7*day + time.Minute)
	sweep(t, app)
	if got := stateOf(t, app, person.User); got != "DONE" || told != 1 {
		t.Fatalf("got %s, told %d times, want DONE, once", got, told)
	}
	checkForgotten(t, app, p)
	again := app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": person.LoginCode()})
	record, _ := again.JSON["record"].(map[string]any)
	if record["id"] == person.User || record["name"] == nameOfPerson {
		t.Errorf("got the old user back: %s", again.Body)
	}
}

// checkForgotten searches every column of the database, and the storage.
func checkForgotten(t *testing.T, app *apptest.App, p *planter) {
	t.Helper()
	kept := slices.Concat(money, []string{"op_required", "op_cleared", "op_text", "op_many"})
	for _, found := range where(t, app, p.openID, phoneOfPerson, mailOfPerson, nameOfPerson, wordsOfPerson, "union-of-xiaoman", keyOfPerson) {
		table, _, _ := strings.Cut(found, ".")
		if !slices.Contains(kept, table) {
			t.Errorf("%s still tells of the person", found)
		}
	}
	for _, found := range where(t, app, nameOfPerson, phoneOfPerson, mailOfPerson) {
		t.Errorf("%s still has their name, phone or address", found)
	}
	for table, id := range p.ids {
		stays := slices.Contains(kept, table) && table != "op_many" || table == "users"
		if _, err := app.FindRecordById(table, id); (err == nil) != stays {
			t.Errorf("%s: got a row %v, want %v", table, err == nil, stays)
		}
	}
	order, err := app.FindRecordById("orders", p.ids["orders"])
	if err != nil || order.GetString("note") != "" || order.GetString("user") != p.user {
		t.Errorf("order: got %v %v, want it kept at the account, without the note", order, err)
	}
	cleared, err := app.FindRecordById("op_cleared", p.ids["op_cleared"])
	if err != nil || cleared.GetString("who") != "" {
		t.Errorf("cleared: got %v %v, want no user in it", cleared, err)
	}
	_ = filepath.WalkDir(filepath.Join(app.DataDir(), "storage"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Name() == "planted.txt" {
			t.Errorf("the file %s is still there", path)
		}
		return err
	})
}

// TestForgetIsTakenBack by a login within the time, which says so.
func TestForgetIsTakenBack(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小满")
	person.Must(http.MethodDelete, "/api/wx/me", nil)
	again := app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": person.LoginCode()})
	meta, _ := again.JSON["meta"].(map[string]any)
	if meta["forgetWithdrawn"] != true || meta["isNew"] != false {
		t.Errorf("got %s, want it said that the wish is withdrawn", again.Body)
	}
	app.Clock.Advance(30 * day)
	sweep(t, app)
	if got := stateOf(t, app, person.User); got != "WITHDRAWN" {
		t.Errorf("got %s, want WITHDRAWN", got)
	}
	if user, err := app.FindRecordById("users", person.User); err != nil || user.GetBool("blocked") {
		t.Errorf("got %v %v, want the user as before", user, err)
	}
	third := app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": person.LoginCode()})
	if meta, _ := third.JSON["meta"].(map[string]any); meta["forgetWithdrawn"] != nil {
		t.Errorf("got %s, want nothing said", third.Body)
	}
}

// TestForgetSurvivesAnEnd: the process ends in the middle of the work, at one deletion after another. What a kill leaves on the disk is copied at that
// moment, and the next process finishes it.
func TestForgetSurvivesAnEnd(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"wx_checks", "op_cascade", "users"} {
		t.Run("at "+at, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			person := app.Login("小满")
			p := plant(t, app, person.User)
			left := filepath.Join(t.TempDir(), "pb_data")
			endAt(t, app, at, func() error { return os.CopyFS(left, os.DirFS(app.DataDir())) })
			person.Must(http.MethodDelete, "/api/wx/me", nil)
			app.Clock.Advance(8 * day)
			sweep(t, app)
			next := apptest.NewOn(t, left)
			if got := stateOf(t, next, person.User); got != "RUNNING" {
				t.Fatalf("got %s, want it in the middle", got)
			}
			next.Clock.Advance(8 * day)
			sweep(t, next)
			if got := stateOf(t, next, person.User); got != "DONE" {
				t.Fatalf("got %s, want DONE", got)
			}
			checkForgotten(t, next, p)
		})
	}
}

// endAt calls end before a row of a collection goes, and before the account is emptied for users.
func endAt(t *testing.T, app *apptest.App, table string, end func() error) {
	t.Helper()
	ended := errors.New("the process ended")
	stop := func(e *core.RecordEvent) error {
		if e.Record.GetString("phone") != "" {
			return e.Next() // an account that is closed, and not emptied yet
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		return ended
	}
	if table == "users" {
		app.OnRecordUpdate(table).BindFunc(stop)
		return
	}
	app.OnRecordDelete(table).BindFunc(stop)
}

// TestForgetWaitsForMoney: whoever asks is told which orders are in the way, and what was asked with days of grace waits for them.
func TestForgetWaitsForMoney(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小满")
	order := person.Order("三鲜面", 1)
	path := "/api/wx/admin/users/" + person.User + "/forget"
	refused := person.Call(http.MethodDelete, "/api/wx/me", nil)
	wantAnswer(t, refused, http.StatusConflict, "forget_money_under_way")
	if !strings.Contains(string(refused.Body), order.Text("number")) {
		t.Errorf("got %s, want the order named", refused.Body)
	}
	if got := person.PayAtCashier(person.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/pay", nil)); got != "requestPayment:ok" {
		t.Fatal(got)
	}
	person.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/sync", nil)
	wantAnswer(t, person.Call(http.MethodDelete, "/api/wx/me", nil), http.StatusConflict, "forget_money_under_way")
	wantAnswer(t, app.Call(http.MethodPost, path, app.Superuser(), map[string]any{"reason": "asked by letter", "days": 0}), http.StatusConflict, "forget_money_under_way")
	app.Must(http.MethodPost, path, app.Superuser(), map[string]any{"reason": "asked by letter", "days": 1})
	app.Clock.Advance(2 * day)
	sweep(t, app)
	if got := stateOf(t, app, person.User); got != "WAITING" {
		t.Errorf("not shipped: got %s, want WAITING", got)
	}
	if _, err := app.NonconcurrentDB().Update("orders", dbx.Params{"shipState": "RECEIVED"}, dbx.HashExp{"id": order.Text("id")}).Execute(); err != nil {
		t.Fatal(err)
	}
	app.Clock.Advance(2 * time.Hour)
	sweep(t, app)
	if got := stateOf(t, app, person.User); got != "DONE" {
		t.Errorf("received: got %s, want DONE", got)
	}
	if n, _ := app.CountRecords("payments", dbx.HashExp{"order": order.Text("id"), "state": "PAID"}); n != 1 {
		t.Errorf("got %d payments, want the one", n)
	}
}

// TestForgetByTheShop: at once, or taken back, with rows in the audit that keep no name.
func TestForgetByTheShop(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小满")
	super, path := app.Superuser(), "/api/wx/admin/users/"+person.User+"/forget"
	wantAnswer(t, app.Call(http.MethodPost, path, super, map[string]any{"reason": " "}), http.StatusBadRequest, "field_invalid")
	wantAnswer(t, app.Call(http.MethodPost, path, super, map[string]any{"reason": "x", "days": 16}), http.StatusBadRequest, "field_invalid")
	wantAnswer(t, app.Call(http.MethodDelete, path, super, nil), http.StatusConflict, "forget_not_waiting")
	app.Must(http.MethodPost, path, super, map[string]any{"reason": "asked by letter"})
	app.Must(http.MethodDelete, path, super, nil)
	app.Must(http.MethodGet, "/api/wx/admin/users/"+person.User+"/export", super, nil)
	at := app.Must(http.MethodPost, path, super, map[string]any{"reason": "asked by letter", "days": 0})
	if at.Text("state") != "DONE" || at.Text("by") != "demo@example.com" {
		t.Errorf("got %s, want it done", at.Body)
	}
	wantAnswer(t, app.Call(http.MethodDelete, path, super, nil), http.StatusConflict, "forget_not_waiting")
	var rows []struct{ Action, Label string }
	if err := app.DB().NewQuery("SELECT action, label FROM wx_audit WHERE subject = {:u} ORDER BY rowid").Bind(dbx.Params{"u": person.User}).All(&rows); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, row := range rows {
		actions = append(actions, row.Action)
		if row.Label != "" {
			t.Errorf("%s: got the label %q, want none", row.Action, row.Label)
		}
	}
	if got := slices.Compact(actions); !slices.Contains(got, "user.export") || !slices.Contains(got, "user.forget") || !slices.Contains(got, "user.forget.undo") {
		t.Errorf("got %v in the audit", got)
	}
}
