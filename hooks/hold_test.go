package hooks_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// notesCollection is a collection that everybody reads and users write, with a checked text and checked images.
func notesCollection(t *testing.T, app *apptest.App, action string) {
	t.Helper()
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	c := core.NewBaseCollection("comments")
	c.ListRule, c.ViewRule = types.Pointer(""), types.Pointer(`text != "x"`)
	c.CreateRule, c.UpdateRule = types.Pointer(`@request.auth.id != ""`), types.Pointer(`user = @request.auth.id`)
	c.DeleteRule = types.Pointer(`user = @request.auth.id`)
	c.Fields.Add(
		&core.RelationField{Name: "user", CollectionId: users.Id, MaxSelect: 1},
		&core.TextField{Name: "text", Max: 30_000}, &core.EditorField{Name: "story"}, &core.NumberField{Name: "stars"},
		&core.FileField{Name: "photos", MaxSelect: 3, MaxSize: 5 << 20},
	)
	if err := app.Save(c); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"text", "story", "photos"} {
		app.Must(http.MethodPost, "/api/collections/wx_check_fields/records", app.Superuser(),
			map[string]any{"collection": "comments", "field": field, "action": action})
	}
}

const comments = "/api/collections/comments/records"

// sees tells whether somebody finds a comment, by itself and in the list.
func sees(t *testing.T, app *apptest.App, token, id string) bool {
	t.Helper()
	one := app.Call(http.MethodGet, comments+"/"+id, token, nil)
	all := app.Must(http.MethodGet, comments, token, nil)
	listed := strings.Contains(string(all.Body), id)
	if listed != (one.Status == http.StatusOK) {
		t.Errorf("got %d by itself, listed %v", one.Status, listed)
	}
	return listed
}

func TestHeldText(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	author, other := app.Login("小明"), app.Login("小红")
	notesCollection(t, app, "hold")
	write := func(text string) apptest.Answer {
		return author.Must(http.MethodPost, comments, map[string]any{"text": text, "user": author.User, "checkState": "PASS"})
	}
	fine, risky, review := write("很好吃"), write("这里有毒品"), write("请加微信")
	scenarios := []struct {
		name   string
		record apptest.Answer
		state  string
		open   bool
	}{
		{"fine", fine, "PASS", true}, {"risky", risky, "HELD", false}, {"review", review, "HELD", false},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			id := s.record.Text("id")
			if s.record.Text("checkState") != s.state {
				t.Errorf("got state %q, want %q", s.record.Text("checkState"), s.state)
			}
			if sees(t, app, other.Token, id) != s.open || sees(t, app, "", id) != s.open || !sees(t, app, author.Token, id) {
				t.Errorf("want others to see it: %v, and its author always", s.open)
			}
		})
	}
	id := risky.Text("id")
	if got := author.Must(http.MethodPatch, comments+"/"+id, map[string]any{"checkState": "PASS", "stars": 5}); got.Text("checkState") != "HELD" {
		t.Errorf("an author who lets it pass: got %q", got.Text("checkState"))
	}
	if author.Must(http.MethodPatch, comments+"/"+id, map[string]any{"text": "改好了"}); !sees(t, app, other.Token, id) {
		t.Error("mended: want it seen")
	}
	if author.Must(http.MethodPatch, comments+"/"+id, map[string]any{"text": "还是毒品"}); sees(t, app, other.Token, id) {
		t.Error("worse again: want it held")
	}
	if app.Must(http.MethodPatch, comments+"/"+id, app.Superuser(), map[string]any{"checkState": "PASS"}); !sees(t, app, other.Token, id) {
		t.Error("overruled: want it seen")
	}
	other2 := author.Must(http.MethodPost, comments, map[string]any{"text": "好", "user": author.User}).Text("id")
	app.Must(http.MethodPatch, comments+"/"+other2, app.Superuser(), map[string]any{"checkState": "HELD"})
	author.Must(http.MethodPatch, comments+"/"+other2, map[string]any{"stars": 2})
	if author.Must(http.MethodPatch, comments+"/"+other2, map[string]any{"text": "很好"}); sees(t, app, other.Token, other2) {
		t.Error("held by hand: want it held whatever its author does")
	}
	calls := app.Calls(textPath)
	author.Must(http.MethodPatch, comments+"/"+id, map[string]any{"stars": 1})
	if n := app.Calls(textPath); n != calls || !sees(t, app, other.Token, id) {
		t.Errorf("another field: got %d calls, want none, and it stays", n-calls)
	}
	story := author.Must(http.MethodPost, comments, map[string]any{"text": "好", "story": "<p>毒<b></b>品？</p><p>赌&#21338;</p>", "user": author.User})
	if story.Text("checkState") != "HELD" {
		t.Errorf("an editor's text: got %q, want HELD", story.Text("checkState"))
	}
	long := author.Must(http.MethodPost, comments, map[string]any{"text": strings.Repeat("面", 2_499) + "毒品" + strings.Repeat("面", 3_000), "user": author.User})
	if long.Text("checkState") != "HELD" {
		t.Errorf("a word on the border of two pieces: got %q, want HELD", long.Text("checkState"))
	}
	author.Must(http.MethodDelete, comments+"/"+long.Text("id"), nil)
	if n := count(t, app, "wx_checks", dbx.HashExp{"record": long.Text("id")}); n != 0 {
		t.Errorf("deleted: got %d checks left", n)
	}
}

// TestTextWaitsForWeChat: where WeChat does not answer the record is kept out of sight, and the worker asks again.
func TestTextWaitsForWeChat(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	author, other := app.Login("小明"), app.Login("小红")
	notesCollection(t, app, "hold")
	app.Fault("msg_sec_check", "busy", 6)
	written := author.Must(http.MethodPost, comments, map[string]any{"text": "很好吃", "user": author.User})
	if written.Text("checkState") != "PENDING" || sees(t, app, other.Token, written.Text("id")) {
		t.Errorf("got %s, want it pending and out of sight", written.Body)
	}
	waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "check.record"}, func(r *core.Record) bool { return r.GetInt("attempts") >= 1 })
	app.Must(http.MethodDelete, "/_sim/faults", "", nil)
	app.Clock.Advance(time.Minute)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, app, "comments", dbx.HashExp{"id": written.Text("id")}, func(r *core.Record) bool { return r.GetString("checkState") == "PASS" })
	if !sees(t, app, other.Token, written.Text("id")) {
		t.Error("passed: want it seen")
	}
}

func TestRefusedText(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	author := app.Login("小明")
	notesCollection(t, app, "refuse")
	write := func(text string) apptest.Answer {
		return author.Call(http.MethodPost, comments, map[string]any{"text": text, "user": author.User})
	}
	got := write("这里有毒品")
	wantAnswer(t, got, 422, "content_refused")
	if data, _ := got.JSON["data"].(map[string]any); data["field"] != "text" || data["label"] != 20006.0 {
		t.Errorf("got %s, want the field and the label", got.Body)
	}
	wantAnswer(t, write("很好吃"), 200, "")
	app.Fault("msg_sec_check", "busy", 3)
	wantAnswer(t, write("也很好吃"), 503, "wx_busy") // NB! what could not be looked at is not let in
	if n := rows(t, app, "comments"); n != 1 {
		t.Errorf("got %d comments, want 1", n)
	}
	wantAnswer(t, write(strings.Repeat("面", 25_000)), 400, "check_arguments_invalid")
	app.Must(http.MethodPost, comments, app.Superuser(), map[string]any{"text": "毒品很危险"}) // the owner may
}

// TestHeldImage: a photo is out of sight until WeChat has pushed what it found; a risky one stays so, or goes.
func TestHeldImage(t *testing.T) {
	t.Parallel()
	whole := portrait(t, 300)
	for _, s := range []struct {
		name, action string
		file         []byte
		state        string
		photos       int
	}{
		{"fine", "hold", whole, "PASS", 1},
		{"risky", "hold", append(bytes.Clone(whole), "sim-risky"...), "HELD", 1},
		{"risky and refused", "refuse", append(bytes.Clone(whole), "sim-risky"...), "PASS", 0},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			author, other := app.Login("小明"), app.Login("小红")
			notesCollection(t, app, s.action)
			written := sendForm(t, app, comments, author.Token, "photos", s.file, map[string]string{"text": "好", "user": author.User})
			if written.Text("checkState") != "PENDING" || sees(t, app, other.Token, written.Text("id")) || !sees(t, app, author.Token, written.Text("id")) {
				t.Fatalf("got %d %s, want it pending and seen by its author alone", written.Status, written.Body)
			}
			waitFor(t, app, "wx_checks", dbx.HashExp{"record": written.Text("id")}, func(r *core.Record) bool { return r.GetString("traceId") != "" })
			results(t, app)
			r := waitFor(t, app, "comments", dbx.HashExp{"id": written.Text("id")}, func(r *core.Record) bool { return r.GetString("checkState") == s.state })
			if n := len(r.GetStringSlice("photos")); n != s.photos {
				t.Errorf("got %d photos, want %d", n, s.photos)
			}
			if sees(t, app, other.Token, written.Text("id")) != (s.state == "PASS") {
				t.Errorf("want others to see it: %v", s.state == "PASS")
			}
		})
	}
}

// TestImageWhoseResultDoesNotCome: it is handed in again, and in the end a person must look.
func TestImageWhoseResultDoesNotCome(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	author := app.Login("小明")
	notesCollection(t, app, "hold")
	setPush(t, app, map[string]any{"pushUrl": ""})
	written := sendForm(t, app, comments, author.Token, "photos", portrait(t, 300), map[string]string{"user": author.User})
	for try := 1; try <= 3; try++ {
		waitFor(t, app, "wx_checks", dbx.HashExp{"record": written.Text("id")}, func(r *core.Record) bool { return r.GetInt("tries") == try })
		app.Clock.Advance(61 * time.Minute)
		author.Again() // WeChat wants them to have been here
		if err := app.WX.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, app, "wx_checks", dbx.HashExp{"record": written.Text("id")}, isState("FAILED"))
	waitFor(t, app, "comments", dbx.HashExp{"id": written.Text("id")}, func(r *core.Record) bool { return r.GetString("checkState") == "HELD" })
	if n := app.Calls(mediaPath); n != 3 {
		t.Errorf("got %d calls, want 3", n)
	}
}

// TestCheckedProfile: the route that people change their name with is under the switch too.
func TestCheckedProfile(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	app.Must(http.MethodPost, "/api/collections/wx_check_fields/records", app.Superuser(),
		map[string]any{"collection": "users", "field": "name", "action": "refuse", "scene": "1"})
	wantAnswer(t, person.Call(http.MethodPost, "/api/wx/profile", map[string]string{"name": "卖毒品"}), 422, "content_refused")
	wantAnswer(t, person.Call(http.MethodPost, "/api/wx/profile", map[string]string{"name": "卖面"}), 200, "")
	got := person.Call(http.MethodPatch, "/api/collections/users/records/"+person.User, map[string]string{"name": "赌博"})
	wantAnswer(t, got, 422, "content_refused")
}

// TestBatchAsksNobody: inside a transaction WeChat is not called; what is written is held, or refused where nothing may wait.
func TestBatchAsksNobody(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]int{"hold": 200, "refuse": 400} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			settings := app.Settings() // before the first request: PocketBase reloads them under the feet of the running ones
			settings.Batch.Enabled, settings.Batch.MaxRequests, settings.Batch.Timeout = true, 10, 5
			if err := app.Save(settings); err != nil {
				t.Fatal(err)
			}
			author := app.Login("小明")
			notesCollection(t, app, action)
			got := author.Call(http.MethodPost, "/api/batch", map[string]any{"requests": []any{
				map[string]any{"method": "POST", "url": comments, "body": map[string]any{"text": "很好吃", "user": author.User}},
			}})
			if got.Status != want {
				t.Fatalf("got %d %s, want %d", got.Status, got.Body, want)
			}
			if action == "hold" {
				if !strings.Contains(string(got.Body), `"checkState":"PENDING"`) {
					t.Errorf("got %s, want it pending", got.Body)
				}
				waitFor(t, app, "comments", dbx.NewExp("TRUE"), func(r *core.Record) bool { return r.GetString("checkState") == "PASS" })
			}
		})
	}
}

// TestGuard: the rules of a collection follow its switches, whatever else is edited.
func TestGuard(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	notesCollection(t, app, "hold")
	const guard = `(checkState != "PENDING" && checkState != "HELD" || user = @request.auth.id)`
	want := func(name, list, view string) {
		t.Helper()
		c, err := app.FindCollectionByNameOrId(name)
		if err != nil {
			t.Fatal(err)
		}
		if *c.ListRule != list || *c.ViewRule != view {
			t.Errorf("got list %q and view %q,\nwant %q and %q", *c.ListRule, *c.ViewRule, list, view)
		}
	}
	want("comments", guard, `(text != "x") && `+guard)
	super := app.Superuser()
	app.Must(http.MethodPatch, "/api/collections/comments", super, map[string]any{"listRule": "stars > 1", "name": "opinions"})
	want("opinions", "(stars > 1) && "+guard, `(text != "x") && `+guard)
	fields, err := app.FindAllRecords("wx_check_fields", dbx.HashExp{"collection": "opinions"})
	if err != nil || len(fields) != 3 {
		t.Fatalf("renamed: got %d switches, %v, want 3", len(fields), err)
	}
	c, err := app.FindCollectionByNameOrId("opinions")
	if err != nil {
		t.Fatal(err)
	}
	c.Fields.RemoveByName("text")
	if err := app.Save(c); err == nil {
		t.Error("removed a checked field: got no error")
	}
	for _, f := range fields {
		app.Must(http.MethodDelete, "/api/collections/wx_check_fields/records/"+f.Id, super, nil)
	}
	want("opinions", "stars > 1", `text != "x"`)
}

func TestCheckFieldRows(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	notesCollection(t, app, "hold")
	super := app.Superuser()
	scenarios := []struct {
		name string
		body map[string]any
		ok   bool
	}{
		{"a collection that is not there", map[string]any{"collection": "nothing", "field": "text"}, false},
		{"one of ours", map[string]any{"collection": "wx_codes", "field": "page"}, false},
		{"one of PocketBase's", map[string]any{"collection": "_superusers", "field": "email"}, false},
		{"a field that is not there", map[string]any{"collection": "comments", "field": "nothing"}, false},
		{"a number", map[string]any{"collection": "comments", "field": "stars"}, false},
		{"the same twice", map[string]any{"collection": "comments", "field": "text"}, false},
		{"an author that is none", map[string]any{"collection": "products", "field": "name", "author": "price"}, false},
		{"a text", map[string]any{"collection": "products", "field": "description"}, true},
		{"an image", map[string]any{"collection": "users", "field": "avatar"}, true},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := app.Call(http.MethodPost, "/api/collections/wx_check_fields/records", super, merged(s.body, map[string]any{"action": "hold"}))
			if (got.Status == http.StatusOK) != s.ok {
				t.Errorf("got %d %s, want ok %v", got.Status, got.Body, s.ok)
			}
		})
	}
}

// TestCheckWithoutAnIdentity: content whose writer WeChat does not know cannot be checked, and is not let in.
func TestCheckWithoutAnIdentity(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) { c.Out = io.Discard })
	notesCollection(t, app, "hold")
	c, err := app.FindCollectionByNameOrId("comments")
	if err != nil {
		t.Fatal(err)
	}
	c.CreateRule = types.Pointer("")
	if err := app.Save(c); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, app.Call(http.MethodPost, comments, "", map[string]any{"text": "好"}), 409, "wx_identity_missing")
	wantAnswer(t, app.Call(http.MethodPost, comments, "", map[string]any{"stars": 5}), 200, "")
	if n := rows(t, app, "comments"); n != 1 {
		t.Errorf("got %d comments, want 1", n)
	}
}
