package hooks_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/apptest"
)

// bodyWorld is an app with everything that a route may act on.
type bodyWorld struct {
	*apptest.App

	buyer           apptest.Person
	super, template string
	t               *testing.T
}

// bodyRoute is one route that takes a body: how to call it rightly, as often as need be, and what it is to make of a body that it does
// not know to the last word.
type bodyRoute struct {
	method  string // POST when empty
	token   func(w *bodyWorld) string
	path    func(w *bodyWorld) string         // with what it needs made anew
	body    func(w *bodyWorld) map[string]any // likewise; nil where the path says all
	ready   func(w *bodyWorld)                // what must be so before a right call
	strict  bool                              // unknown fields and numbers as text are refused by name
	empty   bool                              // no body at all is a right call
	upload  bool                              // multipart is a right form
	foreign bool                              // the body is WeChat's, and its signature is what counts
}

// bodyRoutes has every route that bindRoutes lists; TestBodyOfEveryRoute says which one is missing.
func bodyRoutes() map[string]bodyRoute {
	buyer := func(w *bodyWorld) string { return w.buyer.Token }
	super := func(w *bodyWorld) string { return w.super }
	at := func(path string) func(*bodyWorld) string { return func(*bodyWorld) string { return path } }
	of := func(what string, order func(*bodyWorld) string) func(*bodyWorld) string {
		return func(w *bodyWorld) string { return "/orders/" + order(w) + what }
	}
	nothing := func(*bodyWorld) map[string]any { return nil }
	refund := bodyRoute{token: super, path: of("/refunds", (*bodyWorld).paid), body: func(*bodyWorld) map[string]any { return map[string]any{"amount": 100} }, strict: true}
	return map[string]bodyRoute{
		"/login": {token: at(""), path: at("/login"), body: func(w *bodyWorld) map[string]any {
			return map[string]any{"code": w.buyer.LoginCode()}
		}},
		"/logout":        {token: (*bodyWorld).passer, path: at("/logout"), body: nothing, empty: true},
		"/me":            {method: http.MethodDelete, token: (*bodyWorld).passer, path: at("/me"), body: nothing, empty: true},
		"/session/reset": {token: buyer, path: at("/session/reset"), body: func(*bodyWorld) map[string]any { return map[string]any{} }, empty: true},
		"/decrypt": {token: buyer, path: at("/decrypt"), body: func(w *bodyWorld) map[string]any {
			w.buyer.Again()
			sealed := w.buyer.Phone("userinfo", nil)
			return map[string]any{"encryptedData": sealed.Text("encryptedData"), "iv": sealed.Text("iv")}
		}},
		"/phone": {token: buyer, path: at("/phone"), body: func(w *bodyWorld) map[string]any {
			return map[string]any{"code": w.buyer.Phone("phone", nil).Text("code")}
		}},
		"/profile": {token: buyer, path: at("/profile"), body: func(*bodyWorld) map[string]any { return map[string]any{"name": "小红"} }, upload: true, empty: true},
		"/orders": {token: buyer, path: at("/orders"), body: func(w *bodyWorld) map[string]any {
			return orderBody(w.Product("三鲜面"), 2)
		}},
		"/orders as a superuser": {token: super, path: at("/orders"), body: func(w *bodyWorld) map[string]any {
			return map[string]any{"user": w.buyer.User, "total": 1200, "description": "蛋糕"}
		}, strict: true},
		"/orders/{id}/pay":       {token: buyer, path: of("/pay", (*bodyWorld).unpaid), body: nothing, empty: true},
		"/orders/{id}/virtual":   {token: buyer, path: of("/virtual", (*bodyWorld).virtual), body: nothing, empty: true},
		"/orders/{id}/native":    {token: buyer, path: of("/native", (*bodyWorld).unpaid), body: nothing, empty: true},
		"/orders/{id}/h5":        {token: buyer, path: of("/h5", (*bodyWorld).unpaid), body: nothing, empty: true},
		"/orders/{id}/sync":      {token: buyer, path: of("/sync", (*bodyWorld).unpaid), body: nothing, empty: true},
		"/orders/{id}/cancel":    {token: super, path: of("/cancel", (*bodyWorld).unpaid), body: nothing, empty: true, strict: true},
		"/orders/{id}/refunds":   refund,
		"/orders/{id}/shipments": {token: super, path: of("/shipments", (*bodyWorld).paid), body: func(*bodyWorld) map[string]any { return shipment("STO1") }, strict: true},
		"/orders/{id}/presale": {token: super, path: of("/presale", (*bodyWorld).paid), body: func(w *bodyWorld) map[string]any {
			return map[string]any{"shipBy": w.Clock.Now().Add(10 * 24 * time.Hour)}
		}, strict: true},
		"/codes": {token: buyer, path: at("/codes"), body: func(*bodyWorld) map[string]any {
			return map[string]any{"payload": map[string]any{"id": 7}, "width": 300}
		}},
		"/codes as a superuser": {token: super, path: at("/codes"), body: func(*bodyWorld) map[string]any {
			return map[string]any{"payload": map[string]any{"id": 8}, "width": 300}
		}, strict: true},
		"/rooms/tickets": {token: buyer, path: at("/rooms/tickets"), body: func(*bodyWorld) map[string]any {
			return map[string]any{"rooms": []string{"chat"}}
		}},
		"/rooms/{room}/messages": {token: buyer, path: at("/rooms/chat/messages"), body: func(*bodyWorld) map[string]any {
			return map[string]any{"event": "said", "payload": map[string]any{"text": "你好"}}
		}},
		"/links": {token: super, path: at("/links"), body: func(*bodyWorld) map[string]any {
			return map[string]any{"kind": "scheme", "path": "pages/a/a"}
		}, strict: true},
		"/messages": {token: super, path: at("/messages"), ready: func(w *bodyWorld) { agrees(w.t, w.buyer, w.template, "") }, body: func(w *bodyWorld) map[string]any {
			return map[string]any{"user": w.buyer.User, "template": w.template, "data": paidData(nil)}
		}, strict: true},
		"/consents": {token: buyer, path: at("/consents"), body: func(w *bodyWorld) map[string]any {
			return map[string]any{"answers": map[string]string{w.template: "accept"}}
		}},
		"/check/text": {token: buyer, path: at("/check/text"), body: func(w *bodyWorld) map[string]any {
			w.buyer.Again()
			return map[string]any{"content": "好", "scene": 2}
		}},
		"/check/image":                 {token: buyer, path: at("/check/image"), upload: true, body: (*bodyWorld).avatar},
		"/notify/pay/{merchant}":       {token: at(""), path: func(w *bodyWorld) string { return "/notify/pay/" + merchantOf(w.t, w.App) }, foreign: true},
		"/notify/refund/{merchant}":    {token: at(""), path: func(w *bodyWorld) string { return "/notify/refund/" + merchantOf(w.t, w.App) }, foreign: true},
		"/payouts/{id}/confirm":        {token: buyer, path: func(w *bodyWorld) string { return "/payouts/" + w.payout() + "/confirm" }, body: nothing, empty: true},
		"/payouts/{id}/sync":           {token: buyer, path: func(w *bodyWorld) string { return "/payouts/" + w.payout() + "/sync" }, body: nothing, empty: true},
		"/notify/payout/{merchant}":    {token: at(""), path: func(w *bodyWorld) string { return "/notify/payout/" + merchantOf(w.t, w.App) }, foreign: true},
		"/notify/complaint/{merchant}": {token: at(""), path: func(w *bodyWorld) string { return "/notify/complaint/" + merchantOf(w.t, w.App) }, foreign: true},
		"/push/{appid}":                {token: at(""), path: func(w *bodyWorld) string { return "/push/" + w.AppID() }, foreign: true},
	}
}

func (w *bodyWorld) unpaid() string { return w.buyer.Order("三鲜面", 2).Text("id") }

// virtual is an order of virtual goods that can be paid.
func (w *bodyWorld) virtual() string {
	sellVirtually(w.t, w.App)
	return w.buyer.Order(membership, 1).Text("id")
}

func (w *bodyWorld) paid() string {
	order := w.buyer.Order("三鲜面", 2)
	payAndSync(w.t, w.buyer, order)
	w.Clock.Advance(10 * time.Second) // WeChat's shipping does not know an order of this second
	return order.Text("id")
}

// payout is one that waits for the buyer.
func (w *bodyWorld) payout() string {
	return sendPayout(w.t, w.App, w.buyer).Text("id")
}

// passer is somebody who may be logged out.
func (w *bodyWorld) passer() string { return w.Login("路人").Token }

// avatar names an image of the buyer's.
func (w *bodyWorld) avatar() map[string]any {
	w.buyer.Again()
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		w.t.Fatal(err)
	}
	if got := sendForm(w.t, w.App, "/api/wx/profile", w.buyer.Token, "avatar", picture.Bytes(), nil); got.Status != http.StatusOK {
		w.t.Fatalf("avatar: got %d %s", got.Status, got.Body)
	}
	return map[string]any{"collection": "users", "record": w.buyer.User, "field": "avatar"}
}

// TestBodyOfEveryRoute: no route does more than what was asked, whatever its body is called and however little of it is understood.
func TestBodyOfEveryRoute(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	w := &bodyWorld{App: app, buyer: app.Login("小明"), super: app.Superuser(), template: paidTemplate(t, app), t: t}
	makeRoom(t, app, "chat", map[string]any{"joinRule": everybody, "publishRule": signedIn})
	routes := bodyRoutes()
	for _, path := range postRoutes(t) {
		if strings.HasPrefix(path, "/admin/") {
			continue // TestBodyOfEveryAdminRoute
		}
		if _, ok := routes[path]; !ok {
			t.Errorf("%s is not in bodyRoutes: say what it makes of its body", path)
		}
	}
	// note: all that must change nothing comes first, because what WeChat has been asked for comes back in its own time
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		step(t, name+" half understood", func(t *testing.T) { w.t = t; w.halfUnderstood(routes[name]) })
	}
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		if !routes[name].foreign {
			step(t, name+" understood", func(t *testing.T) { w.t = t; w.wholeUnderstood(routes[name]) })
		}
	}
}

// postRoutes reads the list of bindRoutes and its like.
func postRoutes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`wx\.(?:POST|PATCH|PUT|DELETE)\("([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	if len(found) < 20 {
		t.Fatalf("routes: got %d, want the whole list", len(found))
	}
	return slices.Sorted(maps.Keys(found))
}

// bodies that are no JSON, by their Content-Type.
func otherBodies(fields map[string]any) map[string]string {
	form, parts := "zzz=1", "--x\r\nContent-Disposition: form-data; name=\"zzz\"\r\n\r\n1\r\n"
	for key, value := range fields {
		form += "&" + key + "=" + fmt.Sprint(value)
		parts += "--x\r\nContent-Disposition: form-data; name=\"" + key + "\"\r\n\r\n" + fmt.Sprint(value) + "\r\n"
	}
	return map[string]string{
		"application/x-www-form-urlencoded": form, "text/plain": form, "application/json": form,
		"multipart/form-data; boundary=x": parts + "--x--\r\n", "text/xml": "<xml><zzz>1</zzz></xml>",
	}
}

// wantNothing calls and wants a refusal that has changed nothing here and asked nothing of WeChat.
func (w *bodyWorld) wantNothing(name string, call func() apptest.Answer, code string) {
	w.t.Helper()
	before, calls := w.fingerprint(), len(list(w.t, w.App, "/_sim/calls"))
	got := call()
	if got.Status < http.StatusBadRequest || got.Status >= http.StatusInternalServerError || code != "" && got.Code() != code {
		w.t.Errorf("%s: got %d %s, want a refusal %s", name, got.Status, got.Body, code)
	}
	if after := w.fingerprint(); after != before {
		w.t.Errorf("%s: something has changed: %s", name, changed(before, after))
	}
	if n := len(list(w.t, w.App, "/_sim/calls")) - calls; n != 0 {
		w.t.Errorf("%s: got %d calls to WeChat, want none", name, n)
	}
}

// fingerprint is all that is stored, by collection. The inbox keeps what is refused, and is left out.
func (w *bodyWorld) fingerprint() string {
	w.t.Helper()
	if err := w.WX.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	collections, err := w.FindAllCollections("base", "auth")
	if err != nil {
		w.t.Fatal(err)
	}
	var out strings.Builder
	for _, c := range collections {
		if c.Name == "wx_inbox" || c.Name == "wx_audit" { // what was tried leaves a row there
			continue
		}
		rows := []dbx.NullStringMap{}
		if err := w.DB().NewQuery("SELECT * FROM {{" + c.Name + "}} ORDER BY rowid").All(&rows); err != nil {
			w.t.Fatal(err)
		}
		text, err := json.Marshal(rows)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %d %x\n", c.Name, len(rows), sha256.Sum256(text))
	}
	return out.String()
}

func changed(before, after string) string {
	var names []string
	was := strings.Split(before, "\n")
	for i, line := range strings.Split(after, "\n") {
		if i >= len(was) || was[i] != line {
			names = append(names, strings.Fields(line)[0])
		}
	}
	return strings.Join(names, ", ")
}

// halfUnderstood sends what is no JSON, what has a field too many, and nothing.
func (w *bodyWorld) halfUnderstood(r bodyRoute) {
	w.t.Helper()
	path, token := "/api/wx"+r.path(w), r.token(w)
	var right map[string]any
	if r.body != nil {
		right = r.body(w)
	}
	for kind, body := range otherBodies(right) {
		if r.upload && strings.HasPrefix(kind, "multipart") {
			continue
		}
		code := "body_not_json"
		if r.foreign {
			code = ""
		}
		w.wantNothing("no JSON as "+kind, func() apptest.Answer { return w.CallAs(cmp.Or(r.method, http.MethodPost), path, token, kind, body) }, code)
	}
	for name, body := range map[string]string{"nothing": "", "an empty object": "{}"} {
		if !r.empty {
			w.wantNothing(name, func() apptest.Answer {
				return w.CallAs(cmp.Or(r.method, http.MethodPost), path, token, "application/json", body)
			}, "")
		}
	}
	if !r.strict {
		return
	}
	unknown := encoded(w.t, merged(right, map[string]any{"zzz": 1}))
	w.wantNothing("an unknown field", func() apptest.Answer {
		return w.CallAs(cmp.Or(r.method, http.MethodPost), path, token, "text/plain", unknown)
	}, "field_unknown")
	if text, has := numbersAsText(right); has {
		body := encoded(w.t, text)
		w.wantNothing("numbers as text", func() apptest.Answer {
			return w.CallAs(cmp.Or(r.method, http.MethodPost), path, token, "text/plain", body)
		}, "field_invalid")
	}
}

// wholeUnderstood sends the right body under every name, and to lenient routes with a field too many and with numbers as text: each
// does what the right call does.
func (w *bodyWorld) wholeUnderstood(r bodyRoute) {
	w.t.Helper()
	kinds := []string{"application/json", "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"}
	for _, kind := range kinds {
		w.wantDone("JSON as "+kind, r, kind, func(right map[string]any) map[string]any { return right })
	}
	if r.empty {
		w.wantDone("nothing", r, "", func(map[string]any) map[string]any { return nil })
	}
	if r.strict {
		return
	}
	w.wantDone("an unknown field", r, "text/plain", func(right map[string]any) map[string]any { return merged(right, map[string]any{"zzz": 1}) })
	w.wantDone("numbers as text", r, "text/plain", func(right map[string]any) map[string]any {
		text, _ := numbersAsText(right)
		return text
	})
}

func (w *bodyWorld) wantDone(name string, r bodyRoute, kind string, change func(map[string]any) map[string]any) {
	w.t.Helper()
	if r.ready != nil {
		r.ready(w)
	}
	path, token, right := "/api/wx"+r.path(w), r.token(w), r.body(w)
	body := ""
	if sent := change(right); sent != nil {
		body = encoded(w.t, sent)
	}
	got := w.CallAs(cmp.Or(r.method, http.MethodPost), path, token, kind, body)
	if got.Status >= http.StatusBadRequest {
		w.t.Errorf("%s: got %d %s, want it done", name, got.Status, got.Body)
	}
	for field, value := range map[string]any{"amount": right["amount"], "total": right["total"]} {
		if number, ok := value.(int); ok && got.JSON[field] != float64(number) {
			w.t.Errorf("%s: got %s %v, want %d", name, field, got.JSON[field], number)
		}
	}
	if right["items"] != nil && got.JSON["total"] != 3600.0 {
		w.t.Errorf("%s: got a total of %v, want 3600", name, got.JSON["total"])
	}
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// numbersAsText writes every number outside of a payload as a string.
func numbersAsText(body map[string]any) (map[string]any, bool) {
	out, has := map[string]any{}, false
	for key, value := range body {
		switch v := value.(type) {
		case int:
			out[key], has = strconv.Itoa(v), true
		case []any:
			out[key] = v
			if line, ok := v[0].(map[string]any); ok {
				text, inside := numbersAsText(line)
				out[key], has = []any{text}, has || inside
			}
		default:
			out[key] = v
		}
	}
	return out, has
}
