package sim_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

// chatWorld is a world whose mini program is pushed to, though nobody listens.
func chatWorld(t *testing.T) (w *world, openid string) {
	t.Helper()
	w = newWorld(t)
	if err := w.sim.SetPush(w.app.AppID, sim.Push{URL: "http://127.0.0.1:1/"}); err != nil {
		t.Fatal(err)
	}
	openid, _ = w.login("p1")
	return w, openid
}

// says is the owner of the phone in the chat.
func (w *world) says(in map[string]any) {
	w.t.Helper()
	w.device(http.MethodPost, "/people/p1/chat", in)
}

// custom calls one of the calls of customer messages; TO stands for the person.
func (w *world) custom(name, openid, body string) answer {
	return w.api(http.MethodPost, "/cgi-bin/message/custom/"+name, strings.ReplaceAll(body, "TO", openid))
}

const chatHello = `{"touser":"TO","msgtype":"text","text":{"content":"在的"}}`

// TestChatWindows: five answers for 48 hours after a message, two for a minute after the chat was opened; they do not add up.
func TestChatWindows(t *testing.T) {
	t.Parallel()
	enter, hello := map[string]any{"enter": "goods-1"}, map[string]any{"text": "在吗"}
	scenarios := []struct {
		name    string
		does    []map[string]any // what the person does, a second apart
		wait    time.Duration
		answers int // that are taken
		want    int // errcode of the next
	}{
		{"nobody has opened or written", nil, 0, 0, 45015},
		{"opened", []map[string]any{enter}, 0, 2, 45047},
		{"opened a minute ago", []map[string]any{enter}, time.Minute, 0, 45015},
		{"written", []map[string]any{hello}, 0, 5, 45047},
		{"written twice, which is not ten", []map[string]any{hello, hello}, 0, 5, 45047},
		{"opened and written, which is not seven", []map[string]any{enter, hello}, 0, 5, 45047},
		{"written and opened, which takes nothing away", []map[string]any{hello, enter}, 2 * time.Minute, 5, 45047},
		{"written almost 48 hours ago", []map[string]any{hello}, 48*time.Hour - time.Second, 5, 45047},
		{"written 48 hours ago", []map[string]any{hello}, 48 * time.Hour, 0, 45015},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w, openid := chatWorld(t)
			for i, one := range s.does {
				if i > 0 {
					w.clock.Add(time.Second)
				}
				w.says(one)
			}
			w.clock.Add(s.wait)
			for range s.answers {
				wantErrcode(t, w.custom("send", openid, chatHello), 0)
			}
			wantErrcode(t, w.custom("send", openid, chatHello), s.want)
		})
	}
}

// TestChatPictures: what a person sends can be fetched for three days, and what the mini program uploads can be sent for three days.
func TestChatPictures(t *testing.T) {
	t.Parallel()
	w, openid := chatWorld(t)
	w.says(map[string]any{"picture": tinyPNG})
	lines, _ := w.device(http.MethodGet, "/people/p1/chat", nil).json["lines"].([]any)
	content, _ := lines[0].(map[string]any)["content"].(map[string]any)
	media, _ := content["MediaId"].(string)
	get := func(id string) answer {
		return w.call(http.MethodGet, "/cgi-bin/media/get?media_id="+id+"&access_token="+w.token(), "")
	}
	png, _ := base64.StdEncoding.DecodeString(tinyPNG)
	if a := get(media); a.status != 200 || !bytes.Equal(a.body, png) || a.header.Get("Content-Type") != "image/png" {
		t.Errorf("got %d %q, want the picture", a.status, a.body)
	}
	wantErrcode(t, get("nothing"), 40007)
	image := `{"touser":"TO","msgtype":"image","image":{"media_id":"` + media + `"}}`
	wantErrcode(t, w.custom("send", openid, image), 0)
	wantErrcode(t, w.custom("send", openid, strings.ReplaceAll(image, media, "nothing")), 40007)
	card := `{"touser":"TO","msgtype":"miniprogrampage","miniprogrampage":{"title":"面","pagepath":"pages/home/home","thumb_media_id":"` + media + `"}}`
	wantErrcode(t, w.custom("send", openid, card), 0)
	wantErrcode(t, w.custom("send", openid, strings.ReplaceAll(card, media, "")), 40007)
	wantErrcode(t, w.custom("send", openid, `{"touser":"TO","msgtype":"text","text":{"content":"`+strings.Repeat("x", 2049)+`"}}`), 45002)
	w.clock.Add(3 * 24 * time.Hour)
	wantErrcode(t, get(media), 40007)
	w.says(map[string]any{"text": "还在吗"})
	wantErrcode(t, w.custom("send", openid, image), 40007)
}

// TestTyping: it is shown for 15 seconds or until the next message, and only while the talk is fresh.
func TestTyping(t *testing.T) {
	t.Parallel()
	w, openid := chatWorld(t)
	const typing = `{"touser":"TO","command":"Typing"}`
	wantErrcode(t, w.custom("typing", openid, typing), 45015)
	w.says(map[string]any{"text": "在吗"})
	shown := func() any { return w.device(http.MethodGet, "/people/p1/chat", nil).json["typing"] }
	for _, step := range []struct {
		body string
		wait time.Duration
		want int
		seen bool
	}{
		{`{"touser":"TO","command":"Type"}`, 0, 45072, false},
		{`{"touser":"nobody","command":"Typing"}`, 0, 40003, false},
		{typing, 0, 0, true},
		{typing, 14 * time.Second, 45081, true},
		{typing, time.Second, 0, true},
		{`{"touser":"TO","command":"CancelTyping"}`, 0, 0, false},
		{typing, 0, 0, true},
		{typing, 15 * time.Second, 45080, false},
	} {
		w.clock.Add(step.wait)
		wantErrcode(t, w.custom("typing", openid, step.body), step.want)
		if got := shown(); got != step.seen {
			t.Errorf("%s after %s: got shown %v, want %v", step.body, step.wait, got, step.seen)
		}
	}
	w.says(map[string]any{"text": "?"})
	wantErrcode(t, w.custom("typing", openid, typing), 0)
	wantErrcode(t, w.custom("send", openid, chatHello), 0)
	if shown() != false {
		t.Error("typing is shown after the message, want it gone")
	}
}

// TestChatRefusesNonsense: what is no message, or several, is not pushed.
func TestChatRefusesNonsense(t *testing.T) {
	t.Parallel()
	w, _ := chatWorld(t)
	for _, in := range []string{`{}`, `{"text":"a","enter":""}`, `{"picture":"AAAA"}`, `{"text":"a","appid":"wx0000000000000000"}`} {
		if a := w.call(http.MethodPost, "/_sim/people/p1/chat", in); a.status/100 != 4 {
			t.Errorf("%s: got %d %s, want a refusal", in, a.status, a.body)
		}
	}
	if got := w.list("/chats"); len(got) != 0 {
		t.Errorf("got %v after refusals, want nothing said", got)
	}
}
