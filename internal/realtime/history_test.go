package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"wxbase/internal/realtime"
)

func TestResume(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name            string
		said, after     int
		restart         bool
		wantFrom, wantN int
	}{
		{"from the beginning", 10, 0, false, 1, 10},
		{"the last three", 10, 7, false, 8, 3},
		{"nothing missed", 10, 10, false, 11, 0},
		{"from what is in memory", 1_000, 900, false, 901, 100},
		{"from the store, into what is in memory", 1_000, 0, false, 1, 1_000},
		{"after a restart", 300, 100, true, 101, 200},
		{"after a restart, nothing missed", 300, 300, true, 301, 0},
		{"a number from another life", 10, 5_000, false, 11, 0},
		{"and after a restart", 10, 5_000, true, 11, 0},
		{"an empty room", 0, 0, false, 1, 0},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			store := newMemory()
			h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
			count(t, h, s.said)
			if s.restart {
				h = realtime.New(realtime.Config{Store: store, Rooms: rooms})
			}
			m := newMember("u1")
			join(t, h, "k", m, int64(s.after))
			m.wantSeqs(t, int64(s.wantFrom), int64(s.wantFrom+s.wantN-1))
			say(t, h, "k", "live", "live")
			got := m.got()
			if len(got) != s.wantN+2 || !slices.IsSorted(got) || slices.Compact(slices.Clone(got))[len(got)-1] != got[len(got)-1] {
				t.Errorf("with two live ones: got %s, want %d and two more", ends(got), s.wantN)
			}
		})
	}
}

// TestRestartLeavesAGap: the numbers of a crashed process are never reused.
func TestRestartLeavesAGap(t *testing.T) {
	t.Parallel()
	store := newMemory()
	count(t, realtime.New(realtime.Config{Store: store, Rooms: rooms}), 3)
	h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
	m, _, err := h.Publish(t.Context(), message("k", "x"))
	if err != nil || m.Seq != 257 {
		t.Errorf("got number %d, %v, want 257: the block of 256 is spent", m.Seq, err)
	}
	back := newMember("u1")
	join(t, h, "k", back, 3)
	if got := back.got(); !slices.Equal(got, []int64{257}) {
		t.Errorf("came back with 3: got %v, want 257 and no talk of a gap, because nothing is missing", got)
	}
}

func TestGapIsSaid(t *testing.T) {
	t.Parallel()
	store := newMemory()
	h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
	count(t, h, 600)
	if err := store.Trim(t.Context(), "k", 500); err != nil {
		t.Fatal(err)
	}
	scenarios := []struct {
		name  string
		after int64
		gap   string
	}{
		{"too old", 50, `{"after":50,"first":101}`},
		{"one too old", 99, `{"after":99,"first":101}`},
		{"just kept", 100, ""},
		{"everything there is", 0, ""},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			m := newMember("u1")
			join(t, h, "k", m, s.after)
			got, events := m.heard(), slices.Clone(m.events)
			if isGap := events[0] == realtime.GapEvent; isGap != (s.gap != "") || isGap && got[0] != s.gap {
				t.Errorf("first: got %s %s, want a gap of %q", events[0], got[0], s.gap)
			}
			if n := len(slices.DeleteFunc(events, func(e string) bool { return e == realtime.GapEvent })); n != 500 {
				t.Errorf("got %d messages, want the 500 that are kept", n)
			}
		})
	}
}

// TestJoinDuringPublishing: members join from a number, again and again, while messages are published at full speed.
// Each hears everything once and in order.
func TestJoinDuringPublishing(t *testing.T) {
	t.Parallel()
	const said = 3_000
	h := realtime.New(realtime.Config{Store: newMemory(), Rooms: rooms})
	count(t, h, 500)
	var wg sync.WaitGroup
	var members []*member
	for i := range 20 {
		m := newMember(fmt.Sprint("u", i))
		members = append(members, m)
		wg.Go(func() { join(t, h, "k", m, int64(i*20)) })
	}
	for range 10 {
		wg.Go(func() { count(t, h, said/10) })
	}
	wg.Wait()
	for i, m := range members {
		m.wantSeqs(t, int64(i*20+1), 500+said)
	}
}

// TestReplayWaitsForASlowMember: what is published during a replay waits for its turn, and does not delay other
// members.
func TestReplayWaitsForASlowMember(t *testing.T) {
	t.Parallel()
	h := realtime.New(realtime.Config{Store: newMemory(), Rooms: rooms})
	count(t, h, 1_000)
	quick, slow := newMember("u1"), newMember("u2")
	slow.hold, slow.taken = make(chan struct{}), make(chan int, 100)
	join(t, h, "k", quick, -1)
	joined := make(chan error, 1)
	go func() { joined <- h.Join(context.Background(), room("k"), slow, 0) }()
	<-slow.taken
	count(t, h, 500) // more than a room remembers in memory
	quick.wantSeqs(t, 1_001, 1_500)
	if got := len(slow.got()); got != 0 {
		t.Errorf("the slow one: got %d, want nothing before its replay", got)
	}
	close(slow.hold)
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	say(t, h, "k", "live")
	slow.wantSeqs(t, 1, 1_501)
	close(slow.taken)
	for n := range slow.taken {
		if n > 200 {
			t.Errorf("a page of %d frames, want at most 200", n)
		}
	}
}

func TestMemberThatEndsDuringItsReplay(t *testing.T) {
	t.Parallel()
	h := realtime.New(realtime.Config{Store: newMemory(), Rooms: rooms})
	count(t, h, 1_000)
	m := newMember("u1")
	m.queue = 300
	if err := h.Join(t.Context(), room("k"), m, 0); err == nil {
		t.Error("got no error, want the member's")
	}
	if got := h.Members("k"); got != 0 {
		t.Errorf("members: got %d, want 0", got)
	}
	left := newMember("u2")
	left.hold, left.taken = make(chan struct{}), make(chan int, 100)
	joined := make(chan error, 1)
	go func() { joined <- h.Join(context.Background(), room("k"), left, 0) }()
	<-left.taken
	h.LeaveAll(left)
	close(left.hold)
	if err := <-joined; err == nil || h.Members("k") != 0 {
		t.Errorf("left during its replay: got %v and %d members, want an error and none", err, h.Members("k"))
	}
}

// TestGroupCommit: messages that arrive during a commit are the next commit.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		store.gate = make(chan struct{})
		h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
		m := newMember("u1")
		join(t, h, "k", m, -1)
		var wg sync.WaitGroup
		for range 400 {
			wg.Go(func() { say(t, h, "k", "x") })
			synctest.Wait()
		}
		m.wantSeqs(t, 1, 400) // all have them, nothing is committed
		resumed := newMember("u2")
		join(t, h, "k", resumed, 0)
		resumed.wantSeqs(t, 1, 400) // also those that are only in memory
		if got := h.Stats().Committing; got != 399 {
			t.Errorf("waiting for the store: got %d, want 399", got)
		}
		close(store.gate)
		wg.Wait()
		if want := []int{1, 399}; !slices.Equal(store.appends, want) {
			t.Errorf("commits: got %v messages, want %v", store.appends, want)
		}
	})
}

func TestOneBadMessageTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		store.gate = make(chan struct{})
		store.fail = func(list []realtime.Message) error {
			if slices.ContainsFunc(list, func(m realtime.Message) bool { return strings.Contains(string(m.Payload), "bad") }) {
				return errors.New("no such room")
			}
			return nil
		}
		h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i, text := range []string{"first", "good", "bad", "good"} {
			wg.Go(func() { _, _, errs[i] = h.Publish(t.Context(), message("k", text)) })
			synctest.Wait()
		}
		close(store.gate)
		wg.Wait()
		if errs[0] != nil || errs[1] != nil || errs[2] == nil || errs[3] != nil || store.count() != 3 {
			t.Errorf("got %v and %d kept, want the third alone to fail", errs, store.count())
		}
		if got := h.Stats().Unkept; got != 1 {
			t.Errorf("unkept: got %d, want 1", got)
		}
	})
}

func TestHistoryIsTrimmed(t *testing.T) {
	t.Parallel()
	store := newMemory()
	h := realtime.New(realtime.Config{Store: store, Rooms: func(context.Context, string) (realtime.Room, error) {
		return realtime.Room{Name: "k", History: 50}, nil
	}})
	count(t, h, 1_000)
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := store.count(); got < 50 || got > 50+33 {
		t.Errorf("kept: got %d, want 50 and at most 33 more", got)
	}
	if store.trims > 40 {
		t.Errorf("trimmed %d times for 1,000 messages, want now and then", store.trims)
	}
}

func TestHistoryPages(t *testing.T) {
	t.Parallel()
	store := newMemory()
	h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
	count(t, h, 450)
	var got []int64
	for more, after := true, int64(0); more; after = got[len(got)-1] {
		var list []realtime.Message
		var err error
		if list, more, err = h.History(t.Context(), room("k"), after, 1_000); err != nil || len(list) == 0 || len(list) > 200 {
			t.Fatalf("got %d messages, %v, want 1 to 200", len(list), err)
		}
		for _, m := range list {
			got = append(got, m.Seq)
		}
	}
	if len(got) != 450 || !slices.IsSorted(got) {
		t.Errorf("got %s, want 1 … 450", ends(got))
	}
	big := message("kbig", strings.Repeat("x", 60<<10))
	for range 20 {
		if _, _, err := h.Publish(t.Context(), big); err != nil {
			t.Fatal(err)
		}
	}
	list, more, err := h.History(t.Context(), room("kbig"), 0, 100)
	if err != nil || !more || len(list) != 8 {
		t.Errorf("big ones: got %d, more %v, %v, want half a MiB of them", len(list), more, err)
	}
	m := newMember("u1")
	join(t, h, "kbig", m, 0)
	m.wantSeqs(t, 1, 20)
	if list, more, err := h.History(t.Context(), room("a"), 0, 10); len(list) != 0 || more || err != nil {
		t.Errorf("a room that keeps nothing: got %v, %v, %v", list, more, err)
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	store := newMemory()
	h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
	want := func(name string, want int64) {
		t.Helper()
		if got, known := h.Newest(t.Context(), room(name)); got != want || !known {
			t.Errorf("room %s: got %d, %v, want %d", name, got, known, want)
		}
	}
	want("k", 0)
	want("plain", 0)
	count(t, h, 3)
	want("k", 3)
	h = realtime.New(realtime.Config{Store: store, Rooms: rooms}) // numbers begin behind the gap
	got, known := h.Newest(t.Context(), room("k"))
	m, _, err := h.Publish(t.Context(), realtime.Message{Room: "k", Event: "e", Payload: []byte("1")})
	if err != nil || !known || m.Seq != got+1 {
		t.Errorf("after a restart: got %d, %v and then message %d (%v), want the one before", got, known, m.Seq, err)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	store := newMemory()
	h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
	count(t, h, 3)
	h.Forget("k")
	if m, _, err := h.Publish(t.Context(), message("k", "x")); err != nil || m.Seq != 257 {
		t.Errorf("got %d, %v, want a number of a new block", m.Seq, err)
	}
	h.Forget("nobody-knows")

	// a room is deleted while it has a member, and made again: messages of the old one do not appear
	stays := newMember("u1")
	join(t, h, "k", stays, -1)
	say(t, h, "k", "secret")
	h.Forget("k")
	store.rows = map[string][]realtime.Message{}
	late := newMember("u2")
	join(t, h, "k", late, 0)
	say(t, h, "k", "new")
	if got := late.heard(); !slices.Equal(got, []string{`"new"`}) {
		t.Errorf("got %v, want the new room's message alone", got)
	}
}

// TestRoomOfAMessageUnderWay: a room without members is kept while its message waits for the store, because only the
// room has that message.
func TestRoomOfAMessageUnderWay(t *testing.T) {
	t.Parallel()
	store := newMemory()
	store.gate = make(chan struct{})
	h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
	first := newMember("u1")
	join(t, h, "k", first, -1)
	hasty, cancel := context.WithCancel(t.Context())
	cancel() // the publisher does not wait for the store, which the test blocks
	if m, _, err := h.Publish(hasty, message("k", "under way")); !errors.Is(err, context.Canceled) || m.Seq != 1 {
		t.Fatalf("publish: got number %d, %v, want 1 and no commit yet", m.Seq, err)
	}
	first.wantSeqs(t, 1, 1)
	h.Leave("k", first)
	late := newMember("u2")
	join(t, h, "k", late, 0)
	late.wantSeqs(t, 1, 1)
	close(store.gate)
	say(t, h, "k", "next")
	late.wantSeqs(t, 1, 2)
}
