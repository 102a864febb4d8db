package hooks_test

import (
	"net/http"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

// plainCode asks for a code with a scene of somebody's choice.
func plainCode(p apptest.Person, scene string, more map[string]any) apptest.Answer {
	return p.Call(http.MethodPost, "/api/wx/codes", merged(map[string]any{"scene": scene}, more))
}

func codeRecord(t *testing.T, app *apptest.App, code apptest.Answer) *core.Record {
	t.Helper()
	r, err := app.FindRecordById("wx_codes", code.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPlainSceneIsEverybodysCode: who asks second, and the shop, get the code that is there, at no cost; it belongs to none of them.
func TestPlainSceneIsEverybodysCode(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	first, second := app.Login("小明"), app.Login("小红")
	made := plainCode(first, "id=7", nil)
	wantAnswer(t, made, http.StatusOK, "")
	answers := map[string]apptest.Answer{
		"the same again": plainCode(first, "id=7", nil),
		"somebody else":  plainCode(second, "id=7", nil),
		"the shop":       app.Call(http.MethodPost, "/api/wx/codes", app.Superuser(), map[string]any{"scene": "id=7"}),
	}
	for name, got := range answers {
		wantAnswer(t, got, http.StatusOK, "")
		if got.Text("id") != made.Text("id") || got.JSON["reused"] != true || got.Text("scene") != "id=7" || got.Text("url") != made.Text("url") {
			t.Errorf("%s: got %s, want the first one: %s", name, got.Body, made.Body)
		}
	}
	if n := app.Calls(unlimited); n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
	record := codeRecord(t, app, made)
	if record.GetString("user") != "" || record.GetString("maker") != first.User {
		t.Errorf("got user %q and maker %q, want nobody's code, asked for by the first", record.GetString("user"), record.GetString("maker"))
	}
	if got := first.Must(http.MethodGet, "/api/collections/wx_codes/records", nil); got.JSON["totalItems"] != 0.0 {
		t.Errorf("the first one lists %s, want no code of their own", got.Body)
	}
	if one, two := quotaUsed(t, app, "codes/user/"+first.User), quotaUsed(t, app, "codes/user/"+second.User); one != 1 || two != 0 {
		t.Errorf("got %d and %d codes counted, want the one for who had it made", one, two)
	}
}

// TestPlainSceneAtOnce: however many people ask at the same moment, WeChat is asked once for each look.
func TestPlainSceneAtOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var people [12]apptest.Person
	for i := range people {
		people[i] = app.Login("x")
	}
	looks := []map[string]any{nil, {"page": "pages/a/a"}, {"width": 300}}
	var answers [len(people)]apptest.Answer
	roomtest.AtOnce(len(people), func(i int) { answers[i] = plainCode(people[i], "table=3", looks[i%len(looks)]) })
	for i, got := range answers {
		wantAnswer(t, got, http.StatusOK, "")
		if same := answers[i%len(looks)]; got.Text("id") != same.Text("id") {
			t.Errorf("look %d: got %s and %s, want one code", i%len(looks), got.Body, same.Body)
		}
	}
	if n, m := app.Calls(unlimited), rows(t, app, "wx_codes"); n != len(looks) || m != len(looks) {
		t.Errorf("got %d calls and %d codes, want %d", n, m, len(looks))
	}
}

// TestPlainSceneOnOtherPages: another page or look under the same scene is a code of its own, as at WeChat, and a scan finds the right one.
func TestPlainSceneOnOtherPages(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	guest := app.Login("小红")
	squatted := plainCode(app.Login("小明"), "id=8", map[string]any{"page": "pages/x/x"})
	wantAnswer(t, squatted, http.StatusOK, "")
	shop := func(more map[string]any) apptest.Answer {
		t.Helper()
		return app.Must(http.MethodPost, "/api/wx/codes", app.Superuser(), merged(map[string]any{"scene": "id=8"}, more))
	}
	product := shop(map[string]any{"page": "pages/product/product"})
	wide, cart := shop(map[string]any{"page": "pages/product/product", "width": 800}), shop(map[string]any{"page": "pages/cart/cart"})
	foreign := keepRow(t, app, "wx_codes", 0, map[string]any{
		"appid": nextAppID, "kind": "unlimited", "scene": "id=8", "page": "pages/b/b", "key": "b", "payload": "null", "options": "{}",
	})
	scenarios := []struct {
		name, query, page, counts string
	}{
		{"nothing said", "", "pages/product/product", product.Text("id")}, // the shop's, though somebody else was first
		{"the page", "?page=pages/cart/cart", "pages/cart/cart", cart.Text("id")},
		{"the page with a slash", "?page=/pages/x/x", "pages/x/x", squatted.Text("id")},
		{"a page that no code leads to", "?page=pages/y/y", "pages/product/product", product.Text("id")},
		{"the mini program", "?appid=" + nextAppID, "pages/b/b", foreign},
		{"an unknown mini program", "?appid=wx1", "pages/product/product", product.Text("id")},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			scans := func() int {
				r, err := app.FindRecordById("wx_codes", s.counts)
				if err != nil {
					t.Fatal(err)
				}
				return r.GetInt("scans")
			}
			before := scans()
			got := guest.Must(http.MethodGet, "/api/wx/scenes/id%3D8"+s.query, nil)
			if got.Text("page") != s.page || got.JSON["payload"] != nil {
				t.Errorf("got %s, want page %s", got.Body, s.page)
			}
			if after := scans(); after != before+1 {
				t.Errorf("got %d scans after %d, want one more", after, before)
			}
		})
	}
	if ids := map[string]bool{squatted.Text("id"): true, product.Text("id"): true, wide.Text("id"): true, cart.Text("id"): true}; len(ids) != 4 {
		t.Errorf("got %d codes, want 4", len(ids))
	}
}

// TestPlainSceneInvitesNobody: neither a scan nor a login makes an inviter of who asked for the code first, and they learn of no scan.
func TestPlainSceneInvitesNobody(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	first := app.Login("小明")
	wantAnswer(t, plainCode(first, "id=9", nil), http.StatusOK, "")
	visitor := app.Login("小红")
	visitor.Must(http.MethodGet, "/api/wx/scenes/id%3D9", nil)
	app.Must(http.MethodGet, "/api/wx/scenes/id%3D9", "", nil)
	later := app.Stranger(map[string]any{"nickname": "x"})
	guest := app.As(app.LoginWith(map[string]any{"code": later.LoginCode(), "scene": "id=9"}))
	for name, p := range map[string]apptest.Person{"scan": visitor, "login": guest} {
		if got := inviterOf(t, app, p); got != "" {
			t.Errorf("%s: got inviter %q, want none", name, got)
		}
	}
	if n := count(t, app, "wx_scans", dbx.HashExp{"inviter": ""}); n != 2 {
		t.Errorf("got %d rows of scans without an owner, want the visitor's and the guests'", n)
	}
	if got := first.Must(http.MethodGet, "/api/collections/wx_scans/records", nil); got.JSON["totalItems"] != 0.0 {
		t.Errorf("the first one reads %s, want nothing", got.Body)
	}
}

// TestPlainScenesForSuperusers: where the shop keeps them for itself, users get the codes that it has had made, and no others.
func TestPlainScenesForSuperusers(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, withEnv("WXBASE_PLAIN_SCENES", "superusers"))
	person := app.Login("小明")
	wantAnswer(t, plainCode(person, "id=7", nil), http.StatusForbidden, "scene_reserved")
	if n, used := app.Calls(unlimited), quotaUsed(t, app, "codes/user/"); n != 0 || used != 0 {
		t.Errorf("got %d calls and %d counted, want none", n, used)
	}
	made := app.Must(http.MethodPost, "/api/wx/codes", app.Superuser(), map[string]any{"scene": "id=7"})
	if got := plainCode(person, "id=7", nil); got.Text("id") != made.Text("id") {
		t.Errorf("got %d %s, want the shop's code", got.Status, got.Body)
	}
	wantAnswer(t, plainCode(person, "id=7", map[string]any{"page": "pages/a/a"}), http.StatusForbidden, "scene_reserved")
	for _, body := range []map[string]any{{"payload": map[string]any{"id": 7}}, {"kind": "code", "page": "pages/a/a"}} {
		wantAnswer(t, person.Call(http.MethodPost, "/api/wx/codes", body), http.StatusOK, "")
	}
}

// TestPlainSceneOfAnOlderVersion: a code whose key still holds the user who asked first is everybody's too.
func TestPlainSceneOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	made := plainCode(app.Login("小明"), "id=7", map[string]any{"page": "pages/a/a"})
	if _, err := app.NonconcurrentDB().Update("wx_codes", dbx.Params{"key": "of the first user"}, dbx.HashExp{"id": made.Text("id")}).Execute(); err != nil {
		t.Fatal(err)
	}
	other := app.Login("小红")
	if got := plainCode(other, "id=7", map[string]any{"page": "pages/a/a"}); got.Text("id") != made.Text("id") || got.JSON["reused"] != true {
		t.Errorf("got %s, want the older code", got.Body)
	}
	for _, more := range []map[string]any{{"page": "pages/b/b"}, {"page": "pages/a/a", "width": 300}} {
		if got := plainCode(other, "id=7", more); got.Text("id") == made.Text("id") || got.JSON["reused"] != false {
			t.Errorf("%v: got %s, want a code of its own", more, got.Body)
		}
	}
}

// TestSceneIsFoundByItsIndex: the table of codes is not read from end to end for each scan.
func TestSceneIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var plan struct {
		Detail string `db:"detail"`
	}
	err := app.DB().NewQuery("EXPLAIN QUERY PLAN SELECT * FROM wx_codes WHERE scene = {:s} ORDER BY (page = 'x') DESC, created LIMIT 1").
		Bind(dbx.Params{"s": "id=7"}).One(&plan)
	if err != nil {
		t.Fatal(err)
	}
	if want := "SEARCH wx_codes USING INDEX idx_wx_codes_scene (scene=?)"; plan.Detail != want {
		t.Errorf("got %q, want %q", plan.Detail, want)
	}
}
