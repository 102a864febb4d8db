package hooks_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
	"wxbase/internal/scene"
)

// code makes a code of a person and returns its scene.
func codeOf(t *testing.T, p apptest.Person, payload any) apptest.Answer {
	t.Helper()
	return p.Must(http.MethodPost, "/api/wx/codes", map[string]any{"payload": payload})
}

// inviterOf is who somebody came through; empty for nobody.
func inviterOf(t *testing.T, app *apptest.App, p apptest.Person) string {
	t.Helper()
	all, err := app.FindAllRecords("wx_invites", dbx.HashExp{"user": p.User})
	if err != nil || len(all) > 1 {
		t.Fatalf("got %d invites, %v", len(all), err)
	}
	if len(all) == 0 {
		return ""
	}
	return all[0].GetString("inviter")
}

// TestScansAreCounted: per code, per day in Beijing and per person, also by many at once.
func TestScansAreCounted(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	owner, one, two := app.Login("小明"), app.Login("小红"), app.Login("小刚")
	code, quiet := codeOf(t, owner, map[string]any{"id": 7}), codeOf(t, owner, map[string]any{"id": 8})
	path := "/api/wx/scenes/" + code.Text("scene")
	roomtest.AtOnce(30, func(i int) {
		token := []string{"", one.Token, two.Token}[i%3]
		if got := app.Call(http.MethodGet, path, token, nil); got.Status != http.StatusOK {
			t.Errorf("scan: got %d %s", got.Status, got.Body)
		}
	})
	app.Clock.Advance(24 * time.Hour)
	app.Must(http.MethodGet, path, one.Token, nil)
	app.Must(http.MethodGet, path, app.Superuser(), nil) // no user
	if n := count(t, app, "wx_scans", dbx.HashExp{"code": code.Text("id")}); n != 5 {
		t.Errorf("got %d rows, want one per day and person: 3 and 2", n)
	}
	record, err := app.FindRecordById("wx_codes", code.Text("id"))
	if err != nil || record.GetInt("scans") != 32 {
		t.Errorf("total: got %d, %v, want 32", record.GetInt("scans"), err)
	}
	super := app.Superuser()
	var got struct {
		Scans, Users, Guests, Invites int
		Days                          []struct {
			Day                  string
			Scans, Users, Guests int
		}
	}
	read := func(query string) {
		t.Helper()
		answer := app.Must(http.MethodGet, "/api/wx/admin/scans?"+query, super, nil)
		got.Days = nil
		if err := json.Unmarshal(answer.Body, &got); err != nil {
			t.Fatal(err)
		}
	}
	read("code=" + code.Text("id"))
	if got.Scans != 32 || got.Users != 2 || got.Guests != 11 || got.Invites != 2 || len(got.Days) != 2 {
		t.Errorf("both days: got %+v", got)
	}
	if first := got.Days[0]; first.Scans != 30 || first.Users != 2 || first.Guests != 10 {
		t.Errorf("first day: got %+v, want 30 scans by 2 and 10 guests", first)
	}
	read("from=" + got.Days[1].Day + "&to=" + got.Days[1].Day + "&inviter=" + owner.User)
	if got.Scans != 2 || got.Users != 1 || got.Invites != 0 {
		t.Errorf("second day: got %+v", got)
	}
	if read("code=" + quiet.Text("id")); got.Scans != 0 || got.Days == nil {
		t.Errorf("a code that nobody scanned: got %+v", got)
	}
	wantAnswer(t, app.Call(http.MethodGet, "/api/wx/admin/scans?from=yesterday", super, nil), 400, "request_invalid")
	wantAnswer(t, app.Call(http.MethodGet, "/api/wx/admin/scans", owner.Token, nil), 403, "staff_not_allowed")
}

// TestScansOfOwnCodes: the owner of a code reads how often it was scanned, not by whom; nobody else reads anything.
func TestScansOfOwnCodes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	owner, visitor := app.Login("小明"), app.Login("小红")
	visitor.Must(http.MethodGet, "/api/wx/scenes/"+codeOf(t, owner, 1).Text("scene"), nil)
	mine := owner.Must(http.MethodGet, "/api/collections/wx_scans/records", nil)
	if !strings.Contains(string(mine.Body), `"count":1`) || strings.Contains(string(mine.Body), visitor.User) {
		t.Errorf("owner: got %s, want a count and no name", mine.Body)
	}
	theirs := visitor.Must(http.MethodGet, "/api/collections/wx_scans/records", nil)
	if theirs.JSON["totalItems"] != 0.0 {
		t.Errorf("visitor: got %s, want nothing", theirs.Body)
	}
	invites := owner.Must(http.MethodGet, "/api/collections/wx_invites/records", nil)
	if !strings.Contains(string(invites.Body), visitor.User) {
		t.Errorf("invites: got %s, want the visitor", invites.Body)
	}
}

// TestInviter: the first code that a new person scans decides, once and for all.
func TestInviter(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var invited []string
	app.WX.OnCodeScanned().BindFunc(func(e *events.ScanEvent) error {
		if e.Invited {
			invited = append(invited, e.User.Id)
		}
		return e.Next()
	})
	old, first, second := app.Login("甲"), app.Login("乙"), app.Login("丙")
	one, two, third := codeOf(t, old, 1), codeOf(t, first, 2), codeOf(t, second, 3)
	poster := app.Must(http.MethodPost, "/api/wx/codes", app.Superuser(), map[string]any{"payload": 4})
	scan := func(p apptest.Person, code apptest.Answer) {
		t.Helper()
		p.Must(http.MethodGet, "/api/wx/scenes/"+code.Text("scene"), nil)
	}
	scan(old, one) // their own
	scan(old, two) // of somebody younger: that would lead around in a circle
	scan(second, poster)
	if got := inviterOf(t, app, old) + inviterOf(t, app, second); got != "" {
		t.Errorf("own code, younger owner, nobody's code: got inviter %q, want none", got)
	}
	scan(first, third) // younger again
	scan(first, one)
	scan(second, two)
	scan(second, one)
	scan(second, two)
	if got := inviterOf(t, app, first); got != old.User {
		t.Errorf("got inviter %q, want %q", got, old.User)
	}
	if got := inviterOf(t, app, second); got != first.User {
		t.Errorf("got inviter %q, want the first one, %q", got, first.User)
	}
	if fmt.Sprint(invited) != fmt.Sprint([]string{first.User, second.User}) {
		t.Errorf("told of %v, want each once", invited)
	}
	late := app.Login("丁")
	app.Clock.Advance(25 * time.Hour)
	scan(app.As(late.Again()), one)
	if got := inviterOf(t, app, late); got != "" {
		t.Errorf("an account of yesterday: got inviter %q, want none", got)
	}
}

// TestInviterByLogin: who scans before they log in says so at login.
func TestInviterByLogin(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	owner := app.Login("甲")
	code := codeOf(t, owner, map[string]any{"id": 7})
	app.Must(http.MethodGet, "/api/wx/scenes/"+code.Text("scene"), "", nil)
	login := func(scene string) apptest.Person {
		t.Helper()
		stranger := app.Stranger(map[string]any{"nickname": "x"})
		return app.As(app.LoginWith(map[string]any{"code": stranger.LoginCode(), "scene": scene}))
	}
	scenarios := []struct{ name, scene, want string }{
		{"the scene", code.Text("scene"), owner.User},
		{"the scene as the page gets it", url.QueryEscape(code.Text("scene")), owner.User},
		{"a scene that leads nowhere", "nosuchscene", ""},
		{"no scene at all", "%%%", ""},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			guest := login(s.scene)
			if guest.Token == "" {
				t.Fatal("the login was refused")
			}
			if got := inviterOf(t, app, guest); got != s.want {
				t.Errorf("got inviter %q, want %q", got, s.want)
			}
		})
	}
	record, err := app.FindRecordById("wx_codes", code.Text("id"))
	if err != nil || record.GetInt("scans") != 1 {
		t.Errorf("got %d scans, %v, want 1: a login is none", record.GetInt("scans"), err)
	}
}

// TestInviterAtOnce: many first scans at the same moment leave one inviter.
func TestInviterAtOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var codes [8]string
	for i := range codes {
		codes[i] = codeOf(t, app.Login("x"), map[string]any{"i": i}).Text("scene")
	}
	guest := app.Login("new")
	roomtest.AtOnce(len(codes), func(i int) { guest.Must(http.MethodGet, "/api/wx/scenes/"+codes[i], nil) })
	if inviterOf(t, app, guest) == "" {
		t.Error("got no inviter, want one")
	}
}

// TestMergeKeepsScans: two users who become one keep their scans, and one inviter.
func TestMergeKeepsScans(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	addApp(t, app, ownSecret)
	host := scriptedPerson(t, app, wx, "host")
	wx.allow(ownAppID, "a", wechatSession{OpenID: "o-a", SessionKey: keyOne})
	wx.allow(nextAppID, "b", wechatSession{OpenID: "o-b", SessionKey: keyTwo})
	older, newer := app.As(login(app, ownAppID, "a")), app.As(login(app, nextAppID, "b"))
	code := func(owner, key string) *core.Record {
		r := newRecord(t, app, "wx_links", map[string]any{"user": owner, "appid": ownAppID, "kind": "short", "key": key, "url": "x"})
		_, err := app.NonconcurrentDB().Insert("wx_codes", dbx.Params{
			"id": r.Id, "user": owner, "appid": ownAppID, "kind": "unlimited", "key": key, "scene": key, "payload": "null", "options": "{}",
		}).Execute()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	shared, mine := code(host.User, "shared"), code(older.User, "mine")
	for _, p := range []apptest.Person{older, newer} {
		p.Must(http.MethodGet, "/api/wx/scenes/shared", nil)
	}
	newer.Must(http.MethodGet, "/api/wx/scenes/mine", nil)
	wx.allow(ownAppID, "a2", wechatSession{OpenID: "o-a", UnionID: "u-1", SessionKey: keyOne})
	wx.allow(nextAppID, "b2", wechatSession{OpenID: "o-b", UnionID: "u-1", SessionKey: keyTwo})
	login(app, ownAppID, "a2")
	login(app, nextAppID, "b2")
	rows, err := app.FindAllRecords("wx_scans", dbx.HashExp{"code": shared.Id})
	if err != nil || len(rows) != 1 || rows[0].GetInt("count") != 2 || rows[0].GetString("user") != older.User {
		t.Errorf("got %v, %v, want one row of the older user with both scans", rows, err)
	}
	if n := count(t, app, "wx_scans", dbx.HashExp{"code": mine.Id, "user": older.User}); n != 1 {
		t.Errorf("got %d rows of the other code, want it moved", n)
	}
	if got := inviterOf(t, app, older); got != host.User {
		t.Errorf("got inviter %q, want %q", got, host.User)
	}
}

// TestScenePayloadsRoundTrip: ten thousand random payloads go into a scene, or to a token beside which they are stored, and come out of
// what a page may get as they went in.
func TestScenePayloadsRoundTrip(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 5))
	packed := 0
	for i := range 10_000 {
		payload, err := json.Marshal(randomPayload(random, 3))
		if err != nil {
			t.Fatal(err)
		}
		want, err := scene.CanonicalJSON(payload)
		if err != nil {
			t.Fatalf("payload %d: %s: %v", i, payload, err)
		}
		stored := map[string]string{}
		made, ok := scene.Pack(json.RawMessage(want))
		if !ok {
			made = scene.New()
			stored[made] = want
		}
		if err := scene.Valid(made); err != nil {
			t.Fatalf("payload %d: scene %q: %v", i, made, err)
		}
		spelled := made
		for range random.IntN(3) { // as it is, as WeChat delivers it, as developer tools do
			spelled = url.QueryEscape(spelled)
		}
		back, err := scene.Normalize(spelled)
		if err != nil || back != made {
			t.Fatalf("payload %d: %q became %q, %v, want %q", i, spelled, back, err, made)
		}
		got := stored[back]
		if raw, isPacked := scene.Unpack(back); isPacked {
			packed++
			got = string(raw)
		}
		if got != want {
			t.Fatalf("payload %d: got %s, want %s", i, got, want)
		}
	}
	if packed < 500 || packed > 9_500 {
		t.Errorf("got %d packed of 10000, want both ways well tried", packed)
	}
}

// randomPayload is any JSON value that a client may send.
func randomPayload(random *rand.Rand, depth int) any {
	letters := []rune("abcXYZ019_-=&:!~ 面店👍🏽\u00e9\"\\")
	text := make([]rune, random.IntN(9))
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	switch kind := random.IntN(8); {
	case kind < 3 && depth > 0:
		object := map[string]any{}
		for range random.IntN(3) {
			maps.Copy(object, map[string]any{fmt.Sprintf("k%d", random.IntN(20)): randomPayload(random, depth-1)})
		}
		return object
	case kind == 3 && depth > 0:
		return []any{randomPayload(random, depth-1), randomPayload(random, depth-1)}
	case kind == 4:
		return random.IntN(2) == 0
	case kind == 5:
		return nil
	case kind == 6:
		return random.IntN(1_000_000) - 500_000
	default:
		return string(text)
	}
}
