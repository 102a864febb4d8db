package hooks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

const (
	everybody = `id != ""`
	signedIn  = `@request.auth.id != ""`
)

// makeRoom makes or changes a room as the owner does in the dashboard.
func makeRoom(t *testing.T, app *apptest.App, name string, fields map[string]any) *core.Record {
	t.Helper()
	c, err := app.FindCollectionByNameOrId("rooms")
	if err != nil {
		t.Fatal(err)
	}
	r, err := app.FindFirstRecordByData("rooms", "name", name)
	if err != nil {
		r = core.NewRecord(c)
		r.Set("name", name)
	}
	r.Load(fields)
	if err := app.Save(r); err != nil {
		t.Fatal(err)
	}
	return r
}

// history reads GET /api/wx/rooms/{room}/messages as a guest.
func history(t *testing.T, app *apptest.App, room, query string) (seqs []int64, more bool, last int64) {
	t.Helper()
	var page struct {
		Messages []struct{ Seq int64 }
		More     bool
		Last     int64
	}
	got := app.Must(http.MethodGet, "/api/wx/rooms/"+room+"/messages"+query, "", nil)
	if err := json.Unmarshal(got.Body, &page); err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Messages {
		seqs = append(seqs, m.Seq)
	}
	return seqs, page.More, page.Last
}

func TestRoomRules(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, vip := app.Login("小明"), app.Login("小红")
	super := app.Superuser()
	makeRoom(t, app, "open", map[string]any{"joinRule": everybody, "publishRule": everybody, "presence": true})
	makeRoom(t, app, "members", map[string]any{"joinRule": signedIn, "publishRule": signedIn})
	makeRoom(t, app, "vip", map[string]any{"joinRule": `@request.auth.id = "` + vip.User + `"`, "publishRule": ""})
	makeRoom(t, app, "closed", map[string]any{"presence": true})
	makeRoom(t, app, "broken", nil)
	// a save would refuse them; a field that a rule names may go later
	_, err := app.DB().NewQuery("UPDATE rooms SET joinRule = 'no such field = 1', publishRule = '(((' WHERE name = 'broken'").Execute()
	if err != nil {
		t.Fatal(err)
	}
	scenarios := []struct {
		room, token        string
		who                string
		read, say, members string // the code of the refusal, empty for none
	}{
		{"open", "", "guest", "", "", ""},
		{"open", person.Token, "user", "", "", ""},
		{"members", "", "guest", "room_forbidden", "room_publish_forbidden", "room_forbidden"},
		{"members", "not-a-token", "guest with a bad token", "room_forbidden", "room_publish_forbidden", "room_forbidden"},
		{"members", person.Token, "user", "", "", "presence_forbidden"},
		{"vip", person.Token, "user", "room_forbidden", "room_publish_forbidden", "room_forbidden"},
		{"vip", vip.Token, "the one it is for", "", "room_publish_forbidden", "presence_forbidden"},
		{"vip", super, "superuser", "", "", ""},
		{"closed", person.Token, "user", "room_forbidden", "room_publish_forbidden", "room_forbidden"},
		{"closed", super, "superuser", "", "", ""},
		{"broken", person.Token, "user", "room_forbidden", "room_publish_forbidden", "room_forbidden"},
		{"nowhere", person.Token, "user", "room_unknown", "room_unknown", "room_unknown"},
		{"nowhere", super, "superuser", "room_unknown", "room_unknown", "room_unknown"},
		{"user:x", super, "superuser in a room of the system", "room_unknown", "room_unknown", "room_unknown"},
		{"*", super, "superuser in all rooms", "room_unknown", "room_unknown", "room_unknown"},
	}
	for _, s := range scenarios {
		t.Run(s.room+" "+s.who, func(t *testing.T) {
			t.Parallel()
			path := "/api/wx/rooms/" + s.room
			for what, got := range map[string]string{
				"read " + s.read:       app.Call(http.MethodGet, path+"/messages", s.token, nil).Code(),
				"say " + s.say:         app.Call(http.MethodPost, path+"/messages", s.token, map[string]any{"event": "x"}).Code(),
				"members " + s.members: app.Call(http.MethodGet, path+"/members", s.token, nil).Code(),
			} {
				if _, want, _ := strings.Cut(what, " "); got != want {
					t.Errorf("%s: got %q", what, got)
				}
			}
		})
	}
}

func TestRoomMessages(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	makeRoom(t, app, "chat", map[string]any{"joinRule": everybody, "publishRule": signedIn, "history": 1_000})
	makeRoom(t, app, "plain", map[string]any{"joinRule": everybody, "publishRule": signedIn})
	heard := listen(t, app, "rooms/chat")
	sent := person.Must(http.MethodPost, "/api/wx/rooms/chat/messages", map[string]any{"event": "said", "payload": map[string]any{"text": "你好"}})
	if sent.JSON["seq"] != 1.0 || sent.JSON["received"] != 1.0 {
		t.Errorf("got %s, want number 1 to one client", sent.Body)
	}
	if got, want := receive(t, heard), fmt.Sprintf(`{"event":"said","payload":{"text":"你好"},"at":%q,"seq":1,"sender":%q}`, sent.Text("at"), person.User); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	app.Must(http.MethodPost, "/api/wx/rooms/chat/messages", app.Superuser(), map[string]any{"event": "said"})
	if got := receive(t, heard); !strings.Contains(got, `"payload":null`) || strings.Contains(got, "sender") {
		t.Errorf("a superuser: got %s, want no payload and no sender, as from the server", got)
	}
	if got := person.Must(http.MethodPost, "/api/wx/rooms/plain/messages", map[string]any{"event": "x"}); got.JSON["seq"] != 0.0 {
		t.Errorf("a room without history: got %s, want number 0", got.Body)
	}
	for range 10 {
		if _, err := app.WX.Publish("chat", "n", 1); err != nil {
			t.Fatal(err)
		}
	}
	if got, more, last := history(t, app, "chat", "?after=3&limit=4"); !slices.Equal(got, []int64{4, 5, 6, 7}) || !more || last != 7 {
		t.Errorf("got %v, %v, %d, want 4 … 7 and more", got, more, last)
	}
	if got, more, last := history(t, app, "chat", "?after=7"); !slices.Equal(got, []int64{8, 9, 10, 11, 12}) || more || last != 12 {
		t.Errorf("got %v, %v, %d, want 8 … 12 and no more", got, more, last)
	}
	if got, more, last := history(t, app, "chat", "?after=12"); len(got) != 0 || more || last != 12 {
		t.Errorf("the end: got %v, %v, %d", got, more, last)
	}
	scenarios := []struct {
		name, path, method string
		body               any
		code               string
	}{
		{"a reserved event", "chat/messages", http.MethodPost, map[string]any{"event": "disconnect"}, "event_name_invalid"},
		{"no event", "chat/messages", http.MethodPost, map[string]any{}, "event_name_invalid"},
		{"64 KiB", "chat/messages", http.MethodPost, map[string]any{"event": "x", "payload": strings.Repeat("x", 65_534)}, ""},
		{"too big", "chat/messages", http.MethodPost, map[string]any{"event": "x", "payload": strings.Repeat("x", 65_535)}, "message_too_big"},
		{"no JSON", "chat/messages", http.MethodPost, "{", "body_not_json"},
		{"after no number", "chat/messages?after=x", http.MethodGet, nil, "request_invalid"},
		{"after negative", "chat/messages?after=-1", http.MethodGet, nil, "request_invalid"},
		{"limit no number", "chat/messages?limit=x", http.MethodGet, nil, "request_invalid"},
		{"limit too large", "chat/messages?limit=201", http.MethodGet, nil, "request_invalid"},
	}
	for _, s := range scenarios {
		got := app.Call(s.method, "/api/wx/rooms/"+s.path, app.Superuser(), s.body)
		if s.code == "" && got.Status != http.StatusOK || s.code != "" && got.Code() != s.code {
			t.Errorf("%s: got %d %s, want %q", s.name, got.Status, got.Body, s.code)
		}
	}
}

// TestAMessageWithAKeyIsSaidOnce: a phone whose answer was lost sends it again.
func TestAMessageWithAKeyIsSaidOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	one, other := app.Login("小明"), app.Login("小红")
	say := func(who apptest.Person, room, text, key string) apptest.Answer {
		return who.Must(http.MethodPost, "/api/wx/rooms/"+room+"/messages", map[string]any{"event": "said", "payload": text, "key": key})
	}
	for room, history := range map[string]int{"kept": 100, "plain": 0} {
		makeRoom(t, app, room, map[string]any{"joinRule": everybody, "publishRule": signedIn, "history": history})
		heard := listen(t, app, "rooms/"+room)
		var wg sync.WaitGroup
		answers := make([]any, 20)
		for i := range answers {
			wg.Go(func() { answers[i] = say(one, room, "a", "k1").JSON["at"] })
		}
		wg.Wait()
		if distinct := slices.Compact(answers); len(distinct) != 1 {
			t.Errorf("%s: got %d different answers to one key, want the first for all", room, len(distinct))
		}
		say(other, room, "b", "k1")
		say(one, room, "c", "k2")
		say(one, room, "d", "")
		say(one, room, "d", "")
		for _, want := range []string{"a", "b", "c", "d", "d"} {
			if got := receive(t, heard); !strings.Contains(got, `"payload":"`+want+`"`) {
				t.Errorf("%s: got %s, want %s", room, got, want)
			}
		}
	}
	if seqs, _, _ := history(t, app, "kept", "?limit=100"); len(seqs) != 5 {
		t.Errorf("got %d messages kept, want 5", len(seqs))
	}
	long := one.Call(http.MethodPost, "/api/wx/rooms/kept/messages", map[string]any{"event": "said", "key": strings.Repeat("k", 65)})
	if long.Code() != "request_invalid" {
		t.Errorf("a key of 65 bytes: got %d %s", long.Status, long.Body)
	}
}

func TestRoomMessageHook(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	app.WX.OnRoomMessage().BindFunc(func(e *events.RoomMessageEvent) error {
		switch {
		case strings.Contains(string(e.Payload), "swear"):
			return errors.New("no swearing")
		case e.Name == "broken":
			e.Payload = json.RawMessage("{")
		case e.Sender == person.User:
			e.Payload = json.RawMessage(`"checked"`)
		}
		return e.Next()
	})
	heard := listen(t, app, "rooms/notice")
	say := func(event, payload string) apptest.Answer {
		return person.Call(http.MethodPost, "/api/wx/rooms/notice/messages", map[string]any{"event": event, "payload": payload})
	}
	if got := say("x", "swear"); got.Status != http.StatusUnprocessableEntity || got.Code() != "message_refused" {
		t.Errorf("refused: got %d %s", got.Status, got.Body)
	}
	if got := say("broken", "x"); got.Code() != "payload_invalid" {
		t.Errorf("a handler that breaks the payload: got %d %s", got.Status, got.Body)
	}
	if got := say("x", "hello"); got.Status != http.StatusOK {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := receive(t, heard); !strings.Contains(got, `"payload":"checked","at"`) {
		t.Errorf("got %s, want what the handler made of it and nothing that was refused", got)
	}
	if seqs, _, _ := history(t, app, "notice", ""); len(seqs) != 1 {
		t.Errorf("kept: got %v, want one", seqs)
	}
}

// TestRoomMessagesAreCounted: REST is not a way around the limit of sockets.
func TestRoomMessagesAreCounted(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_REALTIME_EVENTS_PER_SECOND": "1"}[name] }
	})
	person := app.Login("小明")
	codes := map[string]int{}
	for range 70 {
		codes[person.Call(http.MethodPost, "/api/wx/rooms/notice/messages", map[string]any{"event": "x"}).Code()]++
	}
	if codes["rate_limit"] == 0 || codes[""] < 30 {
		t.Errorf("got %v, want the first to pass and the last refused", codes)
	}
	app.Must(http.MethodPost, "/api/wx/rooms/notice/messages", app.Superuser(), map[string]any{"event": "x"})
}

// TestRoomsThatChange: rules, names and histories take effect at once.
func TestRoomsThatChange(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	address := strings.TrimPrefix(app.URL, "http://")
	chat := makeRoom(t, app, "chat", map[string]any{"joinRule": everybody, "publishRule": everybody, "history": 100})
	for range 60 {
		if _, err := app.WX.Publish("chat", "e", 1); err != nil {
			t.Fatal(err)
		}
	}
	socket, err := dialIO(t, address, map[string]string{"room": "chat"})
	if err != nil {
		t.Fatal(err)
	}
	makeRoom(t, app, "chat", map[string]any{"publishRule": "", "history": 10})
	if _, code := socket.emit("publish", map[string]any{"room": "chat", "event": "e", "payload": 1}); code != "room_publish_forbidden" {
		t.Errorf("publish after the rule was taken away: got %q", code)
	}
	if seqs, _, _ := history(t, app, "chat", ""); len(seqs) != 10 || seqs[0] != 51 {
		t.Errorf("history lowered to 10: got %v", seqs)
	}
	makeRoom(t, app, "chat", map[string]any{"joinRule": signedIn})
	socket.closeCode()
	makeRoom(t, app, "chat", map[string]any{"joinRule": everybody})

	// a new name takes the messages along, and its numbers go on
	makeRoom(t, app, "chat", map[string]any{"name": "talk"})
	if got := app.Call(http.MethodGet, "/api/wx/rooms/chat/messages", "", nil).Code(); got != "room_unknown" {
		t.Errorf("the old name: got %q, want room_unknown", got)
	}
	said := app.Must(http.MethodPost, "/api/wx/rooms/talk/messages", app.Superuser(), map[string]any{"event": "e"})
	if n, _ := said.JSON["seq"].(float64); n <= 60 {
		t.Errorf("the new name: got number %v, want one above 60", n)
	}

	// a deleted room takes its messages with it; one that is made again under its name does not give numbers twice
	last, _ := said.JSON["seq"].(float64)
	if err := app.Delete(chat); err != nil {
		t.Fatal(err)
	}
	if n, err := app.CountRecords("room_messages", dbx.HashExp{"room": chat.Id}); err != nil || n != 0 {
		t.Errorf("messages of a deleted room: got %d, %v, want none", n, err)
	}
	makeRoom(t, app, "talk", map[string]any{"joinRule": everybody, "history": 5})
	said = app.Must(http.MethodPost, "/api/wx/rooms/talk/messages", app.Superuser(), map[string]any{"event": "e"})
	if n, _ := said.JSON["seq"].(float64); n <= last {
		t.Errorf("made again: got number %v, want one above %v", n, last)
	}
}

// TestDashboardDoesNotTurnTheNumbersBack: whoever saves a room that was loaded long ago changes no numbers.
func TestDashboardDoesNotTurnTheNumbersBack(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	stale, err := app.FindFirstRecordByData("rooms", "name", "notice")
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if _, err := app.WX.Publish("notice", "e", 1); err != nil {
			t.Fatal(err)
		}
	}
	stale.Set("presence", true)
	if err := app.Save(stale); err != nil {
		t.Fatal(err)
	}
	got := app.Must(http.MethodPost, "/api/wx/rooms/notice/messages", app.Superuser(), map[string]any{"event": "e"})
	if got.JSON["seq"] != 301.0 {
		t.Errorf("got %s, want number 301", got.Body)
	}
	if n, err := app.CountRecords("room_messages"); err != nil || n < 50 || n > 83 {
		t.Errorf("kept: got %d, %v, want 50 and a few more", n, err)
	}
}

// TestPublishInsideATransaction ends after a while instead of never.
func TestPublishInsideATransaction(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	began := time.Now()
	err := app.RunInTransaction(func(core.App) error {
		_, err := app.WX.Publish("notice", "e", 1)
		return err
	})
	if err == nil || time.Since(began) > patience {
		t.Errorf("got %v after %s, want an error in time", err, time.Since(began))
	}
	if _, err := app.WX.Publish("notice", "e", 1); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestRoomSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{"5": true, "0": false, "-1": false, "x": false} {
		c := hooks.Config{Env: func(name string) string { return map[string]string{"WXBASE_REALTIME_PER_USER": value}[name] }}
		_, err := hooks.Register(core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir()}), c)
		if (err == nil) != ok {
			t.Errorf("%s: got %v, want ok %v", value, err, ok)
		}
	}
}
