package engineio_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"wxbase/internal/realtime/socketio/engineio"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	poll4, _ := k.polling("4")
	poll3, _ := k.polling("3")
	upgraded := func(sid string) string { return "EIO=4&transport=polling&sid=" + sid }
	ws2 := k.dial("EIO=4&transport=websocket")
	wsID := parseHello(t, ws2.read()).SID
	scenarios := []struct {
		name, method, query string
		status              int
		body                string
	}{
		{"no transport", "GET", "EIO=4", 400, `{"code":0,"message":"Transport unknown"}`},
		{"unknown transport", "GET", "EIO=4&transport=abc", 400, `{"code":0,"message":"Transport unknown"}`},
		{"inherited name as transport", "GET", "EIO=4&transport=constructor", 400, `{"code":0,"message":"Transport unknown"}`},
		{"unknown session", "GET", "EIO=4&transport=polling&sid=abc", 400, `{"code":1,"message":"Session ID unknown"}`},
		{"unknown session, version 3", "POST", "EIO=3&transport=polling&sid=abc", 400, `{"code":1,"message":"Session ID unknown"}`},
		{"handshake by POST", "POST", "EIO=4&transport=polling", 400, `{"code":2,"message":"Bad handshake method"}`},
		{"handshake by PUT", "PUT", "EIO=4&transport=polling", 400, `{"code":2,"message":"Bad handshake method"}`},
		{"WebSocket without upgrade", "GET", "EIO=4&transport=websocket", 400, `{"code":3,"message":"Bad request"}`},
		{"no version", "GET", "transport=polling", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"unknown version", "GET", "EIO=abc&transport=polling", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"old version", "GET", "EIO=2&transport=polling", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"JSONP", "GET", "EIO=3&transport=polling&j=0", 400, `{"code":3,"message":"JSONP is not supported"}`},
		{"other method", "DELETE", poll4, 400, `{"code":3,"message":"Bad request"}`},
		{"other method, version 3", "PUT", poll3, 400, `{"code":3,"message":"Bad request"}`},
		{"poll of a WebSocket's session", "GET", upgraded(wsID), 400, `{"code":3,"message":"Bad request"}`},
		{"post to a WebSocket's session", "POST", upgraded(wsID), 400, `{"code":3,"message":"Bad request"}`},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a := k.do(s.method, s.query, "")
			if a.status != s.status || a.body != s.body {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, s.status, s.body)
			}
		})
	}
}

func TestHandshake(t *testing.T) {
	k := newKit(t, func(c *engineio.Config) { c.MaxPayload = 1000 })
	check := func(t *testing.T, packet string, upgrades int) {
		h := parseHello(t, packet)
		if len(h.SID) < 20 || len(h.Upgrades) != upgrades || h.PingInterval != 25000 || h.PingTimeout != 20000 || h.MaxPayload != 1000 {
			t.Errorf("got %+v", h)
		}
	}
	t.Run("polling 4", func(t *testing.T) {
		a := k.get("EIO=4&transport=polling&t=abc")
		check(t, a.body, 1)
		if got := a.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
			t.Errorf("got content type %q", got)
		}
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("got cache control %q, want no-store", got)
		}
	})
	t.Run("polling 3", func(t *testing.T) {
		size, packet, _ := strings.Cut(k.get("EIO=3&transport=polling").body, ":")
		check(t, packet, 1)
		if size == "" {
			t.Error("got no length")
		}
	})
	t.Run("websocket 4", func(t *testing.T) { check(t, k.dial("EIO=4&transport=websocket").read(), 0) })
	t.Run("websocket 3", func(t *testing.T) { check(t, k.dial("EIO=3&transport=websocket").read(), 0) })
}

func TestOrigins(t *testing.T) {
	k := newKit(t, func(c *engineio.Config) {
		c.CheckOrigin = func(r *http.Request) bool { return r.Header.Get("Origin") != "https://evil.example" }
	})
	t.Run("allowed, and told so", func(t *testing.T) {
		a := k.do("GET", "EIO=4&transport=polling", "", "Origin", "https://shop.example")
		if a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "https://shop.example" || a.header.Get("Vary") != "Origin" {
			t.Errorf("got %d %v", a.status, a.header)
		}
	})
	t.Run("preflight", func(t *testing.T) {
		a := k.do("OPTIONS", "EIO=4&transport=polling&sid=x", "", "Origin", "https://shop.example",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
		if a.status != 204 || a.header.Get("Access-Control-Allow-Headers") != "authorization,content-type" ||
			!strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "POST") {
			t.Errorf("got %d %v", a.status, a.header)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for _, method := range []string{"GET", "OPTIONS"} {
			a := k.do(method, "EIO=4&transport=polling", "", "Origin", "https://evil.example")
			if a.status != 403 || a.body != `{"code":4,"message":"Forbidden"}` || a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: got %d %s", method, a.status, a.body)
			}
		}
	})
	t.Run("refused WebSocket", func(t *testing.T) {
		_, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(k.url, "http")+"?EIO=4&transport=websocket",
			http.Header{"Origin": {"https://evil.example"}})
		if res != nil {
			res.Body.Close()
		}
		if err == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("got %v, %v, want 403", res, err)
		}
	})
}

func TestSameHostByDefault(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(c *engineio.Config) { c.CheckOrigin = nil })
	host := strings.TrimPrefix(k.serve.URL, "http://")
	scenarios := []struct {
		origin string
		status int
	}{{"", 200}, {"http://" + host, 200}, {"https://" + host, 200}, {"https://other.example", 403}, {"null", 403}, {"%zz", 403}}
	for _, s := range scenarios {
		header := []string{}
		if s.origin != "" {
			header = []string{"Origin", s.origin}
		}
		if got := k.do("GET", "EIO=4&transport=polling", "", header...).status; got != s.status {
			t.Errorf("origin %q: got %d, want %d", s.origin, got, s.status)
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	t.Run("of an address", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(c *engineio.Config) {
			c.MaxPerAddress = 2
			c.Address = func(r *http.Request) string { return r.Header.Get("X-Address") }
		})
		open := func(address string) answer { return k.do("GET", "EIO=4&transport=polling", "", "X-Address", address) }
		first := open("a")
		open("a")
		if a := open("a"); a.status != 429 || !strings.Contains(a.body, "connection_limit") {
			t.Errorf("got %d %s, want 429", a.status, a.body)
		}
		if a := open("b"); a.status != 200 {
			t.Errorf("other address: got %d, want 200", a.status)
		}
		k.do("POST", "EIO=4&transport=polling&sid="+parseHello(t, first.body).SID, "1", "X-Address", "a")
		k.do("GET", "EIO=4&transport=polling&sid="+parseHello(t, first.body).SID, "", "X-Address", "a")
		eventually(t, "a place is free again", func() bool { return open("a").status == 200 })
		if st := k.Stats(); st.Refused < 1 {
			t.Errorf("got %d refused, want some", st.Refused)
		}
	})
	t.Run("in all", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(c *engineio.Config) { c.MaxTotal = 1 })
		ws, _ := k.websocket("4")
		if a := k.get("EIO=4&transport=polling"); a.status != 503 {
			t.Errorf("got %d, want 503", a.status)
		}
		ws.Close()
		eventually(t, "a place is free again", func() bool { return k.get("EIO=4&transport=polling").status == 200 })
	})
	t.Run("a handshake that fails gives its place back", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(c *engineio.Config) { c.MaxTotal = 1 })
		a := k.do("GET", "EIO=4&transport=websocket", "", "Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "7")
		if a.status != 400 || a.body != `{"code":3,"message":"Bad request"}` {
			t.Errorf("got %d %s, want 400", a.status, a.body)
		}
		if a := k.get("EIO=4&transport=polling"); a.status != 200 {
			t.Errorf("got %d, want 200", a.status)
		}
	})
}
