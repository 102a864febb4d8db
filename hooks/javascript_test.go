package hooks_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
)

// script runs a file of JavaScript hooks as the program does.
func script(t *testing.T, app *apptest.App, code string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shop.pb.js"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := app.WX.LoadScripts(dir); err != nil {
		t.Fatal(err)
	}
	if problem := app.WX.ScriptAdvice(); len(problem) > 0 {
		t.Fatalf("script: %s", problem)
	}
}

// TestJavaScriptHooks: every event reaches a script, which reads and writes with PocketBase's own API.
func TestJavaScriptHooks(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	script(t, app, `
		const note = (text) => null // out of reach of the handlers, as in every PocketBase script
		onWxLogin((e) => {
			e.user.set("name", "登录 " + (e.isNew ? "new " : "again ") + (e.appID.length == 18) + (e.openID != ""))
			e.app.save(e.user)
			e.next()
		})
		onWxOrderCreate((e) => { e.order.set("note", "经脚本"); e.next() })
		onWxOrderPaid((e) => {
			const order = $app.findRecordById("orders", e.order.id)
			order.set("attach", "paid " + order.getInt("total"))
			$app.save(order)
			e.next()
		})
		onWxCodeScanned((e) => {
			if (e.code.getString("page") == "pages/closed") throw new ForbiddenError("closed")
			e.next()
		})
	`)
	buyer := app.Login("张三")
	if got := nameOf(t, app, buyer); got != "登录 new truetrue" {
		t.Errorf("after login: got name %q", got)
	}
	order := buyer.Order("三鲜面", 1)
	if order.Text("note") != "经脚本" {
		t.Errorf("order: got note %q", order.Text("note"))
	}
	params := buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/pay", nil)
	if got := buyer.PayAtCashier(params); got != "requestPayment:ok" {
		t.Fatalf("pay: got %q", got)
	}
	buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/sync", nil)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	paid, err := app.FindRecordById("orders", order.Text("id"))
	if err != nil || paid.GetString("attach") != "paid 1800" {
		t.Errorf("paid: got attach %q, %v", paid.GetString("attach"), err)
	}
	code := buyer.Must(http.MethodPost, "/api/wx/codes", map[string]any{"page": "pages/closed", "payload": 1, "checkPath": false})
	if got := app.Call(http.MethodGet, "/api/wx/scenes/"+code.Text("scene"), "", nil); got.Status != http.StatusForbidden {
		t.Errorf("a script that throws: got %d, want 403", got.Status)
	}
}

func nameOf(t *testing.T, app *apptest.App, who apptest.Person) string {
	t.Helper()
	user, err := app.FindRecordById("users", who.User)
	if err != nil {
		t.Fatal(err)
	}
	return user.GetString("name")
}

// TestScriptAPI: $wx makes orders and publishes; its mistakes are exceptions.
func TestScriptAPI(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	script(t, app, `
		onWxLogin((e) => {
			e.next()
			const form = {user: e.user.id, total: 100, description: "会员卡", key: "card"}
			const order = $wx.createOrder(form)
			if ($wx.createOrder(form).id != order.id) throw new Error("another order under the same key")
			$wx.publish("notice", "card", {order: order.id})
			const code = $wx.payByCode(order.id)
			if (!/^weixin:/.test(code.codeUrl) || !/^data:image\/png/.test(code.image) || !(new Date(code.expiresAt) > new Date(0))) throw new Error("no code: " + JSON.stringify(code))
			let refused = ""
			try { $wx.createOrder({user: e.user.id, total: -1, description: "x"}) } catch (err) { refused = String(err) }
			if (!refused) throw new Error("a negative total was taken")
		})
	`)
	buyer := app.Login("张三")
	orders, err := app.FindAllRecords("orders")
	if err != nil || len(orders) != 1 {
		t.Fatalf("got %d orders, %v, want 1", len(orders), err)
	}
	if o := orders[0]; o.GetInt("total") != 100 || o.GetString("user") != buyer.User || o.GetString("payState") != "UNPAID" {
		t.Errorf("got %v", o)
	}
	code, err := app.WX.PayByCode(t.Context(), orders[0].Id)
	if err != nil || code.CodeURL == "" || count(t, app, "payments", dbx.HashExp{"tradeType": "NATIVE", "payUrl": code.CodeURL}) != 1 {
		t.Errorf("got %v, %v, want the code that the script was given", code, err)
	}
	page, err := app.WX.PayByPage(t.Context(), orders[0].Id, "203.0.113.7")
	if err != nil || count(t, app, "payments", dbx.HashExp{"tradeType": "MWEB", "payUrl": page.H5URL, "state": "PREPAID"}) != 1 || count(t, app, "payments", dbx.HashExp{"state": "CLOSED"}) != 1 {
		t.Errorf("got %v, %v, want a page in place of the code", page, err)
	}
}

// TestScriptTypesNameWhatExists: the declarations for editors name every event, and nothing else.
func TestScriptTypesNameWhatExists(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	types, err := os.ReadFile(filepath.Join(app.DataDir(), "wxbase.d.ts"))
	if err != nil {
		t.Fatal(err)
	}
	code := declared(string(types))
	if got := strings.Count(code, "typeof"); got < 8 {
		t.Fatalf("got %d declarations, want at least 8", got)
	}
	script(t, app, code)
}

// declared is a script that fails when something declared does not exist.
func declared(types string) string {
	var code strings.Builder
	for line := range strings.Lines(types) {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '(' })
		switch {
		case len(words) > 2 && words[0] == "declare" && words[1] == "function":
			code.WriteString("if (typeof " + words[2] + " != 'function') throw new Error('" + words[2] + "');\n")
		case len(words) > 1 && words[0] == "function":
			code.WriteString("if (typeof $wx." + words[1] + " != 'function') throw new Error('" + words[1] + "');\n")
		}
	}
	return code.String()
}

// TestUserIDsAreUniqueAcrossAuthCollections: the quick save keeps PocketBase's check.
func TestUserIDsAreUniqueAcrossAuthCollections(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	super, err := app.FindFirstRecordByFilter(core.CollectionNameSuperusers, "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	user := core.NewRecord(users)
	user.Id = super.Id
	user.RefreshTokenKey()
	user.SetRaw("password", &core.PasswordFieldValue{Hash: "x"})
	if err := app.Save(user); err == nil || !strings.Contains(err.Error(), "id") {
		t.Errorf("a user with the id of a superuser: got %v, want it refused", err)
	}
}
