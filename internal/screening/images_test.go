package screening_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
)

// TestImagesWaitForThePush: an image is out of sight until WeChat has pushed what it found.
func TestImagesWaitForThePush(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, action string
		verdict      events.MediaVerdict
		state        string
		pictures     int
	}{
		{"passed", "hold", events.MediaVerdict{Suggest: "pass", Label: 100}, "PASS", 1},
		{"risky", "hold", events.MediaVerdict{Suggest: "risky", Label: 20002}, "HELD", 1},
		{"risky and refused", "refuse", events.MediaVerdict{Suggest: "risky", Label: 20002}, "PASS", 0},
		{"not to be looked at", "hold", events.MediaVerdict{Errcode: -1008}, "HELD", 1},
		{"a word that nobody knows", "hold", events.MediaVerdict{Suggest: "perhaps"}, "HELD", 1},
	}
	for _, s := range scenarios {
		k := newKit(t)
		k.check("picture", s.action)
		anna := k.Person("Anna")
		r := k.post(t, map[string]any{"title": "三鲜面", "user": anna.Id, "picture": []any{picture(t)}})
		if err := k.write(k.TestApp, r, anna); err != nil || k.state(r) != "PENDING" {
			t.Fatalf("%s: got %v and %q, want PENDING", s.name, err, k.state(r))
		}
		k.WorkOutbox()
		calls := k.WeChat.Calls(mediaPath)
		if len(calls) != 1 || !strings.HasPrefix(fmt.Sprint(calls[0].Field("media_url")), roomtest.PublicURL+"/api/files/") {
			t.Fatalf("%s: got calls %v, want one about a file of ours", s.name, calls)
		}
		s.verdict.TraceID = "trace-1"
		if err := k.screening.ApplyMedia(&s.verdict, k.Clock.Now()); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if s.verdict.Errcode != 0 && !strings.Contains(k.Only("wx_checks").GetString("error"), fmt.Sprint(s.verdict.Errcode)) {
			t.Errorf("%s: got error %q, want WeChat's errcode in it", s.name, k.Only("wx_checks").GetString("error"))
		}
		if got := k.Row("posts", r.Id); got.GetString("checkState") != s.state || len(got.GetStringSlice("picture")) != s.pictures {
			t.Errorf("%s: got %q with %d pictures, want %q with %d", s.name, got.GetString("checkState"), len(got.GetStringSlice("picture")), s.state, s.pictures)
		}
	}
}

// TestImageThatNobodyAnswers: it is handed in three times, an hour apart, and then a person must look.
func TestImageThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.check("picture", "hold")
	anna := k.Person("Anna")
	r := k.post(t, map[string]any{"user": anna.Id, "picture": []any{picture(t)}})
	if err := k.write(k.TestApp, r, anna); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		k.WorkOutbox()
		k.Clock.Advance(time.Hour + time.Minute)
	}
	if n := len(k.WeChat.Calls(mediaPath)); n != 3 || k.state(r) != "HELD" {
		t.Errorf("got %d calls and %q, want 3 and HELD", n, k.state(r))
	}
	if err := k.screening.ApplyMedia(&events.MediaVerdict{TraceID: "trace-9", Suggest: "pass"}, k.Clock.Now()); err == nil {
		t.Error("a trace that is not here yet: got no error, want it tried again")
	}
	if err := k.screening.ApplyMedia(&events.MediaVerdict{TraceID: "trace-9", Suggest: "pass"}, k.Clock.Now().Add(-2*time.Hour)); err != nil {
		t.Errorf("a trace of another program: got %v, want it passed over", err)
	}
}

// TestImagesAtOnce: one of a user and so many in all are taken in at a time.
func TestImagesAtOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.screening.Limits.ImagesAtOnce = 2
	anna, bob, carl := k.User("Anna"), k.User("Bob"), k.User("Carl")
	inside := func(as *core.Record, then func()) error {
		event := &core.RequestEvent{App: k.TestApp, Auth: as}
		chain := &hook.Hook[*core.RequestEvent]{}
		chain.BindFunc(k.screening.OneImage)
		return chain.Trigger(event, func(*core.RequestEvent) error {
			then()
			return nil
		})
	}
	err := inside(anna, func() {
		k.Want("a second of Anna", roomtest.Refusal(inside(anna, func() {})), answer.CheckLimit.Status, answer.CheckLimit.Code)
		if err := inside(bob, func() {
			k.Want("a third person", roomtest.Refusal(inside(carl, func() {})), answer.CheckLimit.Status, answer.CheckLimit.Code)
		}); err != nil {
			t.Errorf("Bob: got %v, want it let in", err)
		}
	})
	if err := errors.Join(err, inside(anna, func() {}), inside(carl, func() {})); err != nil {
		t.Errorf("afterwards: got %v, want both let in", err)
	}
}

// TestPointAtAFile: an image of a record is checked for whoever may see the record.
func TestPointAtAFile(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	c, err := k.FindCollectionByNameOrId("posts")
	if err != nil {
		t.Fatal(err)
	}
	c.ViewRule = types.Pointer("user = @request.auth.id")
	if err := k.TestApp.Save(c); err != nil {
		t.Fatal(err)
	}
	r := k.post(t, map[string]any{"user": anna.Id, "picture": []any{picture(t)}})
	if err := k.TestApp.Save(r); err != nil {
		t.Fatal(err)
	}
	ask := func(as *core.Record, field, file string) roomtest.Answer {
		return k.Call(k.screening.CheckImage, roomtest.Request{As: as, Body: map[string]any{"collection": "posts", "record": r.Id, "field": field, "file": file}})
	}
	k.Want("somebody else's", ask(k.Person("Bob"), "picture", ""), 400, answer.CheckArgs.Code)
	k.Want("a field that is no file", ask(anna, "title", ""), 400, answer.CheckArgs.Code)
	k.Want("a file that is not there", ask(anna, "picture", "../other.png"), 400, answer.CheckArgs.Code)
	if a := ask(anna, "picture", ""); a.Text("suggest") != "pending" || k.Only("wx_checks").GetString("traceId") != "trace-1" {
		t.Errorf("got %v (%v), want it handed in", a.JSON, a.Err)
	}
	k.WeChat.Always(mediaPath, roomtest.Errcode(61010))
	if a := ask(anna, "picture", ""); a.Status == 200 || k.Count("wx_checks") != 1 {
		t.Errorf("refused: got %d and %d checks, want no second one", a.Status, k.Count("wx_checks"))
	}
	if raw, err := json.Marshal(k.Only("wx_checks").GetString("record")); err != nil || string(raw) != `""` {
		t.Errorf("got record %s, want none: whoever asks about a record must not move it", raw)
	}
	if n, err := k.CountRecords("wx_outbox", dbx.HashExp{"effect": "check.late"}); err != nil || n != 1 {
		t.Errorf("got %d late checks (%v), want 1", n, err)
	}
}
