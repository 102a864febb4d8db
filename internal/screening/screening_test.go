package screening_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/limit"
	"wxbase/internal/screening"
)

const (
	textPath  = "/wxa/msg_sec_check"
	mediaPath = "/wxa/media_check_async"
)

// kit is the room with a collection posts, of which title and picture are checked.
type kit struct {
	*roomtest.Kit

	screening *screening.Screening
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{Kit: roomtest.New(t)}
	k.screening = &screening.Screening{App: k.TestApp, Now: k.Clock.Now, Accounts: k.Accounts, Books: k.Books, Limits: limit.Usual()}
	k.screening.HandleChecks()
	k.screening.BindHolds()
	users, err := k.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	c := core.NewBaseCollection("posts")
	c.Fields.Add(
		&core.TextField{Name: "title", Max: 100_000}, &core.FileField{Name: "picture", MaxSelect: 5, MaxSize: 20 << 20},
		&core.RelationField{Name: "user", CollectionId: users.Id, MaxSelect: 1},
	)
	c.ListRule, c.ViewRule = types.Pointer("title != 'secret'"), types.Pointer("")
	if err := k.TestApp.Save(c); err != nil {
		t.Fatal(err)
	}
	k.suggests("pass")
	k.WeChat.On(mediaPath, func(roomtest.Call) any {
		return map[string]any{"errcode": 0, "trace_id": fmt.Sprint("trace-", len(k.WeChat.Calls(mediaPath)))}
	})
	return k
}

// suggests lets WeChat say one thing of every text.
func (k *kit) suggests(word string) {
	k.WeChat.On(textPath, func(roomtest.Call) any { return suggestion(word) })
}

func suggestion(word string) map[string]any {
	label := 100
	if word != "pass" {
		label = 20002
	}
	return map[string]any{"errcode": 0, "errmsg": "ok", "trace_id": "t", "result": map[string]any{"suggest": word, "label": label}, "detail": []any{}}
}

// check switches a field on.
func (k *kit) check(field, action string) *core.Record {
	return k.Save("wx_check_fields", map[string]any{"collection": "posts", "field": field, "action": action})
}

// write saves a post as PocketBase's own route does for a user.
func (k *kit) write(app core.App, r *core.Record, as *core.Record) error {
	event := &core.RecordRequestEvent{RequestEvent: &core.RequestEvent{App: app, Auth: as}, Record: r}
	event.Collection = r.Collection()
	event.Request = k.HTTPRequest(roomtest.Request{})
	write := app.OnRecordCreateRequest()
	if !r.IsNew() {
		write = app.OnRecordUpdateRequest()
	}
	return write.Trigger(event, func(e *core.RecordRequestEvent) error { return e.App.Save(e.Record) })
}

func (k *kit) post(t *testing.T, fields map[string]any) *core.Record {
	t.Helper()
	c, err := k.FindCollectionByNameOrId("posts")
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(fields)
	return r
}

func (k *kit) state(r *core.Record) string { return k.Row("posts", r.Id).GetString("checkState") }

// picture is an uploaded image.
func picture(t *testing.T) *filesystem.File {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	file, err := filesystem.NewFileFromBytes(out.Bytes(), "a.png")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTextsAreHeldOrRefused: what WeChat says decides at once; where it says nothing the post waits.
func TestTextsAreHeldOrRefused(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, action string
		reply        any
		state        string // empty: it is not saved
		refusal      answer.Problem
	}{
		{"passed", "hold", suggestion("pass"), "PASS", answer.Problem{}},
		{"risky", "hold", suggestion("risky"), "HELD", answer.Problem{}},
		{"to be looked at", "hold", suggestion("review"), "HELD", answer.Problem{}},
		{"a word that nobody knows", "hold", suggestion("perhaps"), "PENDING", answer.Problem{}},
		{"no quota", "hold", roomtest.Errcode(45009), "PENDING", answer.Problem{}},
		{"passed or refused", "refuse", suggestion("pass"), "PASS", answer.Problem{}},
		{"risky and refused", "refuse", suggestion("risky"), "", answer.ContentRefused},
		{"no quota and refused", "refuse", roomtest.Errcode(45009), "", answer.WxQuota},
	}
	for _, s := range scenarios {
		k := newKit(t)
		k.check("title", s.action)
		k.WeChat.Always(textPath, s.reply)
		anna := k.Person("Anna")
		r := k.post(t, map[string]any{"title": "三鲜面", "user": anna.Id, "checkState": "PASS"})
		err := k.write(k.TestApp, r, anna)
		if s.state == "" {
			k.Want(s.name, roomtest.Refusal(err), s.refusal.Status, s.refusal.Code)
			continue
		}
		if err != nil || k.state(r) != s.state {
			t.Errorf("%s: got %v and %q, want %q", s.name, err, k.state(r), s.state)
		}
	}
}

// TestPendingTextIsAskedAgain: the outbox asks once WeChat answers, about the text as it is then.
func TestPendingTextIsAskedAgain(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"pass": "PASS", "risky": "HELD"} {
		k := newKit(t)
		k.check("title", "hold")
		k.WeChat.Always(textPath, roomtest.Errcode(45009))
		anna := k.Person("Anna")
		r := k.post(t, map[string]any{"title": "三鲜面", "user": anna.Id})
		if err := k.write(k.TestApp, r, anna); err != nil {
			t.Fatal(err)
		}
		k.WorkOutbox()
		if got := k.state(r); got != "PENDING" {
			t.Errorf("got %q while WeChat refuses, want PENDING", got)
		}
		k.suggests(word)
		k.Clock.Advance(time.Hour)
		k.WorkOutbox()
		if got := k.state(r); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

// TestNewTextIsCheckedAnew: the outcome of the old one is void; what did not change costs no call.
func TestNewTextIsCheckedAnew(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.check("title", "hold")
	anna := k.Person("Anna")
	k.suggests("risky")
	r := k.post(t, map[string]any{"title": "三鲜面", "user": anna.Id})
	if err := k.write(k.TestApp, r, anna); err != nil {
		t.Fatal(err)
	}
	r = k.Row("posts", r.Id)
	if err := k.write(k.TestApp, r, anna); err != nil || len(k.WeChat.Calls(textPath)) != 1 || k.state(r) != "HELD" {
		t.Errorf("unchanged: got %v, %d calls and %q, want one call and HELD", err, len(k.WeChat.Calls(textPath)), k.state(r))
	}
	k.suggests("pass")
	r = k.Row("posts", r.Id)
	r.Set("title", "牛肉面")
	if err := k.write(k.TestApp, r, anna); err != nil || k.state(r) != "PASS" || k.Count("wx_checks") != 0 {
		t.Errorf("changed: got %v, %q and %d checks, want PASS and none", err, k.state(r), k.Count("wx_checks"))
	}
}

// TestWhoMayDecide: no client says that it has passed; a superuser does, and nothing late overrules that.
func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.check("title", "hold")
	anna, owner := k.Person("Anna"), k.Superuser()
	k.suggests("risky")
	r := k.post(t, map[string]any{"title": "三鲜面", "user": anna.Id})
	if err := k.write(k.TestApp, r, anna); err != nil {
		t.Fatal(err)
	}
	r = k.Row("posts", r.Id)
	r.Set("checkState", "PASS")
	if err := k.write(k.TestApp, r, anna); err != nil || k.state(r) != "HELD" {
		t.Errorf("the author: got %v and %q, want HELD", err, k.state(r))
	}
	k.Want("somebody without a name", roomtest.Refusal(k.write(k.TestApp, k.post(t, map[string]any{"title": "面"}), nil)), answer.IdentityMissing.Status, answer.IdentityMissing.Code)
	r = k.Row("posts", r.Id)
	r.Set("checkState", "PASS")
	if err := k.write(k.TestApp, r, owner); err != nil || k.state(r) != "PASS" || k.Count("wx_checks") != 0 {
		t.Errorf("the owner: got %v, %q and %d checks, want PASS and none", err, k.state(r), k.Count("wx_checks"))
	}
	r = k.Row("posts", r.Id)
	r.Set("checkState", "HELD") // by hand, with no check against it
	if err := k.write(k.TestApp, r, owner); err != nil {
		t.Fatal(err)
	}
	r = k.Row("posts", r.Id)
	r.Set("checkState", "PASS")
	if err := k.write(k.TestApp, r, anna); err != nil || k.state(r) != "HELD" {
		t.Errorf("the author of what the owner holds back: got %v and %q, want HELD", err, k.state(r))
	}
}

// TestBatchIsNotAskedAbout: a transaction holds the database's only writer, so WeChat is asked after it.
func TestBatchIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	field := k.check("title", "hold")
	anna := k.Person("Anna")
	r := k.post(t, map[string]any{"title": "三鲜面", "user": anna.Id})
	if err := k.RunInTransaction(func(tx core.App) error { return k.write(tx, r, anna) }); err != nil {
		t.Fatal(err)
	}
	if n := len(k.WeChat.Calls(textPath)); n != 0 || k.state(r) != "PENDING" {
		t.Errorf("got %d calls and %q, want none and PENDING", n, k.state(r))
	}
	k.WorkOutbox()
	if got := k.state(r); got != "PASS" {
		t.Errorf("got %q after the commit, want PASS", got)
	}
	field = k.Row("wx_check_fields", field.Id)
	field.Set("action", "refuse")
	if err := k.TestApp.Save(field); err != nil {
		t.Fatal(err)
	}
	err := k.RunInTransaction(func(tx core.App) error {
		return k.write(tx, k.post(t, map[string]any{"title": "面", "user": anna.Id}), anna)
	})
	k.Want("a field that refuses", roomtest.Refusal(err), answer.CheckArgs.Status, answer.CheckArgs.Code)
}

// TestRulesOfACheckedCollection: the condition comes with the switch, survives an edit, and goes with it.
func TestRulesOfACheckedCollection(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	rules := func() (list, view string) {
		c, err := k.FindCollectionByNameOrId("posts")
		if err != nil {
			t.Fatal(err)
		}
		return *c.ListRule, *c.ViewRule
	}
	const guard = `(checkState != "PENDING" && checkState != "HELD" || user = @request.auth.id)`
	field := k.check("title", "hold")
	if list, view := rules(); list != "(title != 'secret') && "+guard || view != guard {
		t.Errorf("got %q and %q, want the condition on both", list, view)
	}
	c, err := k.FindCollectionByNameOrId("posts")
	if err != nil {
		t.Fatal(err)
	}
	c.ListRule = types.Pointer("title != 'hidden'")
	if err := k.TestApp.Save(c); err != nil {
		t.Fatal(err)
	}
	if list, _ := rules(); list != "(title != 'hidden') && "+guard {
		t.Errorf("after an edit: got %q, want the condition again", list)
	}
	if err := k.Delete(k.Row("wx_check_fields", field.Id)); err != nil {
		t.Fatal(err)
	}
	if list, view := rules(); list != "title != 'hidden'" || view != "" {
		t.Errorf("switched off: got %q and %q, want the owner's rules back", list, view)
	}
}

func TestSwitchesThatCannotWork(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	c, err := k.FindCollectionByNameOrId("wx_check_fields")
	if err != nil {
		t.Fatal(err)
	}
	for _, fields := range []map[string]any{
		{"collection": "none", "field": "title"},
		{"collection": "wx_checks", "field": "error"},
		{"collection": core.CollectionNameSuperusers, "field": "email"},
		{"collection": "posts", "field": "none"},
		{"collection": "posts", "field": "user"},
		{"collection": "posts", "field": "title", "author": "title"},
	} {
		r := core.NewRecord(c)
		r.Load(fields)
		r.Set("action", "hold")
		if err := k.TestApp.Save(r); err == nil {
			t.Errorf("%v: got it saved, want it refused", fields)
		}
	}
}

// TestLongTextsAreCut: a text is asked about in pieces that overlap, and the first that does not pass decides.
func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		length int // characters
		pieces []int
	}{
		{"one piece", 2_500, []int{2_500}},
		{"one more", 2_501, []int{2_500, 101}},
		{"eight pieces", 19_300, []int{2_500, 2_500, 2_500, 2_500, 2_500, 2_500, 2_500, 2_500}},
	}
	for _, s := range scenarios {
		k := newKit(t)
		k.check("title", "refuse")
		anna := k.Person("Anna")
		if err := k.write(k.TestApp, k.post(t, map[string]any{"title": strings.Repeat("面", s.length), "user": anna.Id}), anna); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		var got []int
		for _, c := range k.WeChat.Calls(textPath) {
			got = append(got, len([]rune(fmt.Sprint(c.Field("content")))))
		}
		if !slices.Equal(got, s.pieces) {
			t.Errorf("%s: got pieces of %v, want %v", s.name, got, s.pieces)
		}
		k.Want("a longer one", roomtest.Refusal(k.write(k.TestApp, k.post(t, map[string]any{"title": strings.Repeat("面", 19_301), "user": anna.Id}), anna)), 400, answer.CheckArgs.Code)
	}
}

// TestChecksPerDay: what a user may have checked by the routes; a check that surely did not happen is not counted.
func TestChecksPerDay(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.screening.Limits.ChecksPerDay = 2
	anna := k.Person("Anna")
	ask := func() roomtest.Answer {
		return k.Call(k.screening.CheckText, roomtest.Request{As: anna, Body: map[string]any{"content": "面"}})
	}
	k.WeChat.Always(textPath, roomtest.Errcode(61010))
	if a := ask(); a.Status == 200 {
		t.Errorf("got %v, want WeChat's refusal", a.JSON)
	}
	k.suggests("risky")
	if a := ask(); a.Text("suggest") != "risky" {
		t.Errorf("got %v (%v), want risky", a.JSON, a.Err)
	}
	k.Want("the second", ask(), 200, "")
	k.Want("the third", ask(), answer.CheckLimit.Status, answer.CheckLimit.Code)
	k.Clock.Advance(24 * time.Hour)
	k.Want("the next day", ask(), 200, "")
}
