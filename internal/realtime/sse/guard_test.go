package sse_test

import (
	"net/http"
	"strconv"
	"testing"
)

func TestTopics(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room(t, "members", `@request.auth.id != ""`)
	k.room(t, "closed", "")
	k.room(t, "broken", "no such field = 1")
	_, user := k.account(t, "users", "user@example.com")
	_, super := k.account(t, "_superusers", "owner@example.com")
	many := func(n int) (topics []string) {
		for i := range n {
			topics = append(topics, "products/"+strconv.Itoa(i))
		}
		return topics
	}
	scenarios := []struct {
		name   string
		token  string
		topics []string
		status int
		code   string
	}{
		{"guest joins notice", "", []string{"rooms/notice"}, 204, ""},
		{"guest joins notice with options", "", []string{`rooms/notice?options={"query":{"a":"b"}}`}, 204, ""},
		{"guest listens to a collection, whose rules decide", "", []string{"products/*", "orders/abc"}, 204, ""},
		{"a topic of nobody", "", []string{"anything"}, 403, "topic_unknown"},
		{"a topic in an unknown collection", "", []string{"wx/user/1"}, 403, "topic_unknown"},
		{"a collection and nothing else", "", []string{"orders"}, 403, "topic_unknown"},
		{"a collection and a slash", "", []string{"orders/"}, 403, "topic_unknown"},
		{"the empty topic", "", []string{""}, 403, "topic_unknown"},
		{"one bad topic among good ones", "", []string{"rooms/notice", "anything"}, 403, "topic_unknown"},
		{"unknown room", "", []string{"rooms/nowhere"}, 403, "room_unknown"},
		{"all rooms by a guest", "", []string{"rooms/*"}, 403, "room_unknown"},
		{"all rooms by a user", user, []string{"rooms/*"}, 403, "room_unknown"},
		{"a room with a slash", "", []string{"rooms/notice/x"}, 403, "room_unknown"},
		{"no room", "", []string{"rooms/"}, 403, "room_unknown"},
		{"guest in a members' room", "", []string{"rooms/members"}, 403, "room_forbidden"},
		{"user in a members' room", user, []string{"rooms/members"}, 204, ""},
		{"user in a room without a rule", user, []string{"rooms/closed"}, 403, "room_forbidden"},
		{"a rule that is broken lets nobody in", user, []string{"rooms/broken"}, 403, "room_forbidden"},
		{"superuser in every room", super, []string{"rooms/closed", "rooms/members", "rooms/*"}, 204, ""},
		{"100 topics", "", many(100), 204, ""},
		{"101 topics", "", many(101), 403, "topic_limit"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := k.connect(t)
			status, code := k.subscribe(t, c.id, s.token, s.topics...)
			if status != s.status || code != s.code {
				t.Errorf("got %d %q, want %d %q", status, code, s.status, s.code)
			}
			if s.status == http.StatusNoContent {
				return
			}
			if status, code := k.subscribe(t, c.id, s.token); status != http.StatusNoContent {
				t.Errorf("the connection after a refusal: got %d %q, want it usable", status, code)
			}
		})
	}
}
