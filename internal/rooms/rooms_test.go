package rooms_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/metrics"
	"wxbase/internal/realtime"
	"wxbase/internal/rooms"
	"wxbase/internal/sockets"
	"wxbase/migrations"
)

type kit struct {
	*roomtest.Kit

	rooms *rooms.Rooms
	env   map[string]string
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{Kit: roomtest.New(t), env: map[string]string{}}
	k.rooms = k.open(t)
	return k
}

// open is the room as a process opens it.
func (k *kit) open(t *testing.T) *rooms.Rooms {
	t.Helper()
	r := &rooms.Rooms{
		App: k.TestApp, Now: k.Clock.Now, Limits: limit.Usual(), Metrics: metrics.New(), Env: func(name string) string { return k.env[name] },
		Notice: rooms.NoticeOn, OnRoomMessage: &hook.Hook[*events.RoomMessageEvent]{},
	}
	if err := r.OpenRooms(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.CloseRooms)
	return r
}

// room makes a room that everybody may join and speak in; fields change that.
func (k *kit) room(name string, fields map[string]any) *core.Record {
	all := map[string]any{"name": name, "joinRule": migrations.Everybody, "publishRule": migrations.Everybody}
	maps.Copy(all, fields)
	return k.Save("rooms", all)
}

func (k *kit) say(r *rooms.Rooms, as *core.Record, room string, fields map[string]any) roomtest.Answer {
	return k.Call(r.CreateMessageInRoom, roomtest.Request{As: as, Body: fields, Path: map[string]string{"room": room}})
}

func (k *kit) read(as *core.Record, room, query string) roomtest.Answer {
	return k.Call(k.rooms.ListRoomMessages, roomtest.Request{As: as, Method: "GET", Target: "/?" + query, Path: map[string]string{"room": room}})
}

// member sits in a room.
type member struct {
	mu     sync.Mutex
	heard  []string
	closed []string
}

func (m *member) Identity() realtime.Identity { return realtime.Identity{User: "guest:m"} }

func (m *member) Deliver(f *realtime.Frame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard = append(m.heard, f.Event+" "+string(f.Payload))
}

func (m *member) Replay(_ context.Context, frames []*realtime.Frame) error {
	for _, f := range frames {
		m.Deliver(f)
	}
	return nil
}

func (m *member) Close(reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = append(m.closed, reason)
}

func (m *member) list() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string{}, m.heard...)
}

func (k *kit) sit(t *testing.T, name string) *member {
	t.Helper()
	m := &member{}
	if err := k.rooms.Hub.Join(t.Context(), realtime.Room{Name: name}, m, -1); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestWhoMayDoWhat: the two rules of a room, for a guest, two people and the owner.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna, bob, owner := k.User("Anna"), k.User("Bob"), k.Superuser()
	scenarios := []struct {
		rule string
		may  [4]bool // guest, Anna, Bob, owner
	}{
		{"", [4]bool{false, false, false, true}},
		{" ", [4]bool{false, false, false, true}},
		{migrations.Everybody, [4]bool{true, true, true, true}},
		{`@request.auth.id != ""`, [4]bool{false, true, true, true}},
		{`@request.auth.name = "Anna"`, [4]bool{false, true, false, true}},
		{`nonsense = 1`, [4]bool{false, false, false, true}},
	}
	for i, s := range scenarios {
		name := fmt.Sprint("room-", i)
		r := k.room(name, map[string]any{"joinRule": migrations.Everybody, "publishRule": migrations.Everybody})
		// note: the check of a rule when it is saved belongs to hooks; here a rule may be broken
		if _, err := k.NonconcurrentDB().Update("rooms", dbx.Params{"joinRule": s.rule, "publishRule": s.rule, "history": 5}, dbx.HashExp{"id": r.Id}).Execute(); err != nil {
			t.Fatal(err)
		}
		for at, who := range []*core.Record{nil, anna, bob, owner} {
			said, read := k.say(k.rooms, who, name, map[string]any{"event": "x"}), k.read(who, name, "")
			if (said.Status == 200) != s.may[at] || (read.Status == 200) != s.may[at] {
				t.Errorf("rule %q, person %d: got %d and %d, want it allowed: %v", s.rule, at, said.Status, read.Status, s.may[at])
			}
			if !s.may[at] && (said.Code != answer.RoomPublish.Code || read.Code != answer.RoomForbidden.Code) {
				t.Errorf("rule %q, person %d: got %q and %q", s.rule, at, said.Code, read.Code)
			}
		}
	}
	k.Want("no such room", k.say(k.rooms, owner, "none", map[string]any{"event": "x"}), answer.RoomUnknown.Status, answer.RoomUnknown.Code)
	k.Want("a name that is none", k.read(owner, "user:1", ""), answer.RoomUnknown.Status, answer.RoomUnknown.Code)
}

func TestRoomMessageArguments(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room("a", nil)
	anna := k.User("Anna")
	scenarios := []struct {
		name    string
		fields  map[string]any
		problem answer.Problem // zero: it is said
	}{
		{"without a payload", map[string]any{"event": "x"}, answer.Problem{}},
		{"without an event", map[string]any{"payload": 1}, answer.EventName},
		{"an event of the hub's own", map[string]any{"event": realtime.MembersEvent}, answer.EventName},
		{"64 KB", map[string]any{"event": "x", "payload": strings.Repeat("a", 64<<10-2)}, answer.Problem{}},
		{"more", map[string]any{"event": "x", "payload": strings.Repeat("a", 64<<10-1)}, answer.MessageBig},
		{"a key of 64", map[string]any{"event": "x", "key": strings.Repeat("a", 64)}, answer.Problem{}},
		{"a key of 65", map[string]any{"event": "x", "key": strings.Repeat("a", 65)}, answer.BadRequest},
	}
	for _, s := range scenarios {
		status := s.problem.Status
		if s.problem.Code == "" {
			status = 200
		}
		k.Want(s.name, k.say(k.rooms, anna, "a", s.fields), status, s.problem.Code)
	}
}

// TestHistoryIsReadInPages: after a number, ascending, 1 to 200 at a time.
func TestHistoryIsReadInPages(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room("a", map[string]any{"history": 1_000})
	for i := range 5 {
		k.Want("a message", k.say(k.rooms, nil, "a", map[string]any{"event": "x", "payload": i}), 200, "")
	}
	scenarios := []struct {
		query string
		seqs  []float64
		more  bool
	}{
		{"", []float64{1, 2, 3, 4, 5}, false},
		{"limit=2", []float64{1, 2}, true},
		{"after=2&limit=2", []float64{3, 4}, true},
		{"after=3&limit=2", []float64{4, 5}, false},
		{"after=5", []float64{}, false},
		{"after=99", []float64{}, false},
		{"limit=200", []float64{1, 2, 3, 4, 5}, false},
	}
	for _, s := range scenarios {
		a := k.read(nil, "a", s.query)
		list, _ := a.JSON["messages"].([]any)
		seqs := []float64{}
		for _, one := range list {
			m, _ := one.(map[string]any)
			seq, _ := m["seq"].(float64)
			seqs = append(seqs, seq)
		}
		if fmt.Sprint(seqs) != fmt.Sprint(s.seqs) || a.JSON["more"] != s.more || a.JSON["newest"] != 5.0 {
			t.Errorf("%q: got %v (%v), want %v and more %v", s.query, a.JSON, a.Err, s.seqs, s.more)
		}
	}
	for _, query := range []string{"after=-1", "after=x", "limit=0", "limit=201", "limit=x"} {
		if a := k.read(nil, "a", query); a.Status != 400 {
			t.Errorf("%q: got %d %v, want 400", query, a.Status, a.JSON)
		}
	}
}

// TestHistoryIsTrimmed: a busy room holds an eighth more than its setting at most; a lower setting takes effect at once.
func TestHistoryIsTrimmed(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	room := k.room("a", map[string]any{"history": 10})
	for i := range 100 {
		if _, err := k.rooms.Publish("a", "x", i); err != nil {
			t.Fatal(err)
		}
	}
	rows := func() (n int, oldest int) {
		t.Helper()
		err := k.DB().Select("COUNT(*)", "MIN(seq)").From("room_messages").Row(&n, &oldest)
		if err != nil {
			t.Fatal(err)
		}
		return n, oldest
	}
	if n, oldest := rows(); n > 10+33 || n < 10 || oldest != 101-n {
		t.Errorf("got %d messages from number %d on, want the newest 10 to 43", n, oldest)
	}
	room = k.Row("rooms", room.Id)
	room.Set("history", 3)
	if err := k.TestApp.Save(room); err != nil {
		t.Fatal(err)
	}
	if n, oldest := rows(); n != 3 || oldest != 98 {
		t.Errorf("lowered: got %d messages from number %d on, want the newest 3", n, oldest)
	}
}

// TestNumbersAreGivenOnce: many at once, and after a restart; a crash leaves gaps and repeats nothing.
func TestNumbersAreGivenOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room("a", map[string]any{"history": 1_000})
	var mu sync.Mutex
	seen := map[float64]int{}
	say := func(r *rooms.Rooms) {
		a := k.say(r, nil, "a", map[string]any{"event": "x"})
		mu.Lock()
		defer mu.Unlock()
		seq, _ := a.JSON["seq"].(float64)
		seen[seq]++
	}
	roomtest.AtOnce(40, func(int) { say(k.rooms) })
	k.rooms.CloseRooms()
	next := k.open(t)
	roomtest.AtOnce(40, func(int) { say(next) })
	if len(seen) != 80 || seen[0] != 0 {
		t.Errorf("got %d numbers, want 80 different ones", len(seen))
	}
}

// TestSaidOnce: the same key of the same sender is one message, however often and at whatever time it is sent.
func TestSaidOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room("kept", map[string]any{"history": 100})
	k.room("plain", nil)
	anna, bob := k.User("Anna"), k.User("Bob")
	for _, room := range []string{"kept", "plain"} {
		m := k.sit(t, room)
		seqs := make([]any, 6)
		roomtest.AtOnce(len(seqs), func(i int) {
			seqs[i] = k.say(k.rooms, anna, room, map[string]any{"event": "x", "payload": 1, "key": "k"}).JSON["seq"]
		})
		for _, seq := range seqs {
			if seq != seqs[0] || seq == nil {
				t.Errorf("%s: got numbers %v, want one", room, seqs)
				break
			}
		}
		k.say(k.rooms, bob, room, map[string]any{"event": "x", "payload": 2, "key": "k"})
		k.say(k.rooms, anna, room, map[string]any{"event": "x", "payload": 3, "key": "other"})
		if got := m.list(); fmt.Sprint(got) != "[x 1 x 2 x 3]" {
			t.Errorf("%s: got %v, want each of them once", room, got)
		}
	}
	next := k.open(t)
	again := k.say(next, anna, "kept", map[string]any{"event": "x", "payload": 1, "key": "k"})
	if n := k.Count("room_messages"); n != 3 || again.JSON["seq"] != 1.0 {
		t.Errorf("after a restart: got %d messages and %v, want the first one's number", n, again.JSON)
	}
}

// TestTooManyMessages: so many a minute from one sender; the owner as many as they like.
func TestTooManyMessages(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.env["WXBASE_REALTIME_EVENTS_PER_SECOND"] = "1"
	r := k.open(t)
	k.room("a", nil)
	anna, owner := k.User("Anna"), k.Superuser()
	refused := 0
	for range 61 {
		if a := k.say(r, anna, "a", map[string]any{"event": "x"}); a.Code == answer.Rate.Code {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("got %d refused of 61 in a minute, want 1", refused)
	}
	for range 61 {
		if a := k.say(r, owner, "a", map[string]any{"event": "x"}); a.Status != 200 {
			t.Fatalf("the owner: got %d %q, want as many as they like", a.Status, a.Code)
		}
	}
	for _, bad := range []string{"0", "-1", "x"} {
		if _, err := sockets.Limits(func(name string) string { return map[string]string{"WXBASE_REALTIME_ROOMS": bad}[name] }); err == nil {
			t.Errorf("WXBASE_REALTIME_ROOMS=%s: got no error", bad)
		}
	}
}

// TestChangedRooms: whoever sits in a room whose rule has changed, or that was renamed or deleted, has to come in again.
func TestChangedRooms(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		change func(k *kit, r *core.Record) error
		out    bool
	}{
		{"another join rule", func(k *kit, r *core.Record) error { r.Set("joinRule", ""); return k.TestApp.Save(r) }, true},
		{"another publish rule", func(k *kit, r *core.Record) error { r.Set("publishRule", ""); return k.TestApp.Save(r) }, false},
		{"another name", func(k *kit, r *core.Record) error { r.Set("name", "b"); return k.TestApp.Save(r) }, true},
		{"gone", func(k *kit, r *core.Record) error { return k.Delete(r) }, true},
	}
	for _, s := range scenarios {
		k := newKit(t)
		room := k.room("a", map[string]any{"history": 10})
		if _, err := k.rooms.Publish("a", "x", 1); err != nil {
			t.Fatal(err)
		}
		m := k.sit(t, "a")
		if err := s.change(k, k.Row("rooms", room.Id)); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if got := len(m.closed) > 0; got != s.out {
			t.Errorf("%s: got closed %v, want it closed: %v", s.name, m.closed, s.out)
		}
		if _, err := k.rooms.Publish("a", "x", 2); s.out && s.name != "another join rule" && !errors.Is(err, realtime.ErrRoomUnknown) {
			t.Errorf("%s: got %v, want no such room", s.name, err)
		}
	}
}

// TestSignedOut: a token that ended closes the connections, once it is committed.
func TestSignedOut(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	var kicked []string
	k.rooms.Hub.OnKick(func(user, _ string) { kicked = append(kicked, user) })
	anna, bob, carl := k.User("Anna"), k.User("Bob"), k.User("Carl")
	signOut := func(app core.App, id string) error {
		u, err := app.FindRecordById("users", id)
		if err != nil {
			return err
		}
		u.RefreshTokenKey()
		return app.Save(u)
	}
	if err := signOut(k.TestApp, anna.Id); err != nil {
		t.Fatal(err)
	}
	undone := errors.New("undone")
	if err := k.RunInTransaction(func(tx core.App) error { return errors.Join(signOut(tx, bob.Id), undone) }); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if err := k.Delete(k.Row("users", carl.Id)); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(kicked) != fmt.Sprint([]string{anna.Id, carl.Id}) {
		t.Errorf("got %v kicked, want %s, who signed out, and %s, who is gone", kicked, anna.Id, carl.Id)
	}
}

// TestProgramsHaveTheirSay: a handler may change a message or refuse it with a code of its own.
func TestProgramsHaveTheirSay(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room("a", nil)
	k.rooms.OnRoomMessage.BindFunc(func(e *events.RoomMessageEvent) error {
		switch e.Name {
		case "loud":
			e.Payload = json.RawMessage(`"quiet"`)
		case "broken":
			e.Payload = json.RawMessage(`{`)
		case "refused":
			return answer.Fail(answer.ContentRefused, nil)
		}
		return e.Next()
	})
	m := k.sit(t, "a")
	k.Want("changed", k.say(k.rooms, nil, "a", map[string]any{"event": "loud", "payload": "LOUD"}), 200, "")
	k.Want("made nonsense", k.say(k.rooms, nil, "a", map[string]any{"event": "broken"}), answer.Payload.Status, answer.Payload.Code)
	if a := k.say(k.rooms, nil, "a", map[string]any{"event": "refused"}); a.Status < 400 {
		t.Errorf("refused: got %d, want a refusal", a.Status)
	}
	if got := m.list(); fmt.Sprint(got) != `[loud "quiet"]` {
		t.Errorf("got %v, want the changed one alone", got)
	}
}

// TestWhoIsThere: only where the room says so, and always for the shop's own people.
func TestWhoIsThere(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room("shy", nil)
	k.room("open", map[string]any{"presence": true})
	k.sit(t, "shy")
	k.sit(t, "open")
	ask := func(handler func(*core.RequestEvent) error, as *core.Record, room string) roomtest.Answer {
		return k.Call(handler, roomtest.Request{As: as, Method: "GET", Path: map[string]string{"room": room}})
	}
	k.Want("a guest, a room that does not say", ask(k.rooms.ListRoomMembers, nil, "shy"), answer.Presence.Status, answer.Presence.Code)
	for name, a := range map[string]roomtest.Answer{
		"a guest": ask(k.rooms.ListRoomMembers, nil, "open"), "the owner": ask(k.rooms.ListRoomMembers, k.Superuser(), "shy"), "the desk": ask(k.rooms.DeskMembers, nil, "shy"),
	} {
		if a.JSON["count"] != 1.0 {
			t.Errorf("%s: got %v (%v), want one member", name, a.JSON, a.Err)
		}
	}
}

// TestPublishOfWhatCannotBeSaid: a payload that does not encode, and a room that is not there.
func TestPublishOfWhatCannotBeSaid(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room("a", nil)
	if _, err := k.rooms.Publish("a", "x", func() {}); err == nil {
		t.Error("got no error, want one")
	}
	if _, err := k.rooms.Publish("none", "x", time.Second); !errors.Is(err, realtime.ErrRoomUnknown) {
		t.Errorf("got %v, want no such room", err)
	}
}
