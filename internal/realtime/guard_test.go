package realtime_test

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
		{"a topic of nobody", "", []string{"anything"}, 400, "topic_unknown"},
		{"a topic in an unknown collection", "", []string{"wx/user/1"}, 400, "topic_unknown"},
		{"a collection and nothing else", "", []string{"orders"}, 400, "topic_unknown"},
		{"a collection and a slash", "", []string{"orders/"}, 400, "topic_unknown"},
		{"the empty topic", "", []string{""}, 400, "topic_unknown"},
		{"one bad topic among good ones", "", []string{"rooms/notice", "anything"}, 400, "topic_unknown"},
		{"unknown room", "", []string{"rooms/nowhere"}, 404, "room_unknown"},
		{"all rooms by a guest", "", []string{"rooms/*"}, 400, "room_unknown"},
		{"all rooms by a user", user, []string{"rooms/*"}, 400, "room_unknown"},
		{"a room with a slash", "", []string{"rooms/notice/x"}, 400, "room_unknown"},
		{"no room", "", []string{"rooms/"}, 400, "room_unknown"},
		{"guest in a members' room", "", []string{"rooms/members"}, 403, "room_forbidden"},
		{"user in a members' room", user, []string{"rooms/members"}, 204, ""},
		{"user in a room without a rule", user, []string{"rooms/closed"}, 403, "room_forbidden"},
		{"a rule that is broken lets nobody in", user, []string{"rooms/broken"}, 403, "room_forbidden"},
		{"superuser in every room", super, []string{"rooms/closed", "rooms/members", "rooms/*"}, 204, ""},
		{"100 topics", "", many(100), 204, ""},
		{"101 topics", "", many(101), 400, "topic_limit"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := k.connect(t)
			status, code := k.subscribe(t, c.id, s.token, s.topics...)
			if status != s.status || code != s.code {
				t.Errorf("got %d %q, want %d %q", status, code, s.status, s.code)
			}
			client, err := k.SubscriptionsBroker().ClientById(c.id)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(client.Subscriptions()); s.status != http.StatusNoContent && got != 0 {
				t.Errorf("refused, but listens to %d topics", got)
			}
		})
	}
}
