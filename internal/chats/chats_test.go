package chats_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/chats"
	"wxbase/internal/events"
)

// TestOneMessageIsOneRow: pushed again, in another order, and again because a handler of the shop's failed.
func TestOneMessageIsOneRow(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	now := k.Clock.Now()
	push := func(id string, at time.Time) error {
		return k.hears(id, "text", at, map[string]any{"Content": "message " + id})
	}
	k.fail = errors.New("the shop's handler fails")
	if err := push("2", now); err == nil {
		t.Error("got no error of the handler, want WeChat's message worked on again")
	}
	k.fail = nil
	for _, id := range []string{"2", "2"} {
		if err := push(id, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := push("1", now.Add(-time.Minute)); err != nil { // older, and late
		t.Fatal(err)
	}
	for range 2 {
		k.enters()
	}
	if got := k.lines(nil); len(got) != 3 {
		t.Errorf("got %d rows, want two messages and the opening", len(got))
	}
	chat := k.chat()
	if chat.GetInt("unread") != 2 || chat.GetString("last") != "message 2" || !chat.GetDateTime("askedAt").Time().Equal(now.Truncate(time.Second).UTC()) {
		t.Errorf("got %v unread, last %q at %s, want the newer one of two", chat.GetInt("unread"), chat.GetString("last"), chat.GetDateTime("askedAt"))
	}
	if len(k.heard) != 6 || k.heard[0].Text != "message 2" || k.heard[5].Kind != chats.KindEnter || k.heard[5].From != "goods-1" {
		t.Errorf("got %d events, want each told at least once", len(k.heard))
	}
	if k.openAlerts() != 1 {
		t.Errorf("got %d alerts, want one for the chat", k.openAlerts())
	}
}

// TestKindsAreKept: what people send, kinds that nobody knows yet included; other events pass.
func TestKindsAreKept(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		kind   string
		fields map[string]any
		want   map[string]string
	}{
		{"text", map[string]any{"Content": "在吗"}, map[string]string{"kind": "text", "text": "在吗"}},
		{"image", map[string]any{"MediaId": "m1", "PicUrl": "https://mmbiz.qpic.cn/x"}, map[string]string{"kind": "image", "mediaId": "m1", "pictureState": "WAITING"}},
		{"miniprogrampage", map[string]any{"Title": "三鲜面", "AppId": "wx1", "PagePath": "pages/a", "ThumbMediaId": "m2"}, map[string]string{"kind": "card", "title": "三鲜面", "page": "pages/a", "pictureState": "WAITING"}},
		{"miniprogrampage", map[string]any{"Title": "三鲜面"}, map[string]string{"kind": "card", "pictureState": ""}},
		{"voice", map[string]any{"MediaId": "v1", "Format": "amr"}, map[string]string{"kind": "other", "text": "voice", "mediaId": ""}},
		{"text", map[string]any{"Content": map[string]any{"odd": 1}}, map[string]string{"kind": "other", "text": "text"}},
	}
	for i, s := range scenarios {
		k := newKit(t)
		if err := k.hears(fmt.Sprint(i), s.kind, k.Clock.Now(), s.fields); err != nil {
			t.Fatal(err)
		}
		row := k.lines(nil)[0]
		for name, want := range s.want {
			if got := row.GetString(name); got != want {
				t.Errorf("%d %s: got %s %q, want %q", i, s.kind, name, got, want)
			}
		}
	}
	k := newKit(t)
	e := &events.PushEvent{App: k.TestApp, AppID: roomtest.AppID, OpenID: openID, MsgType: "event", Name: "wxa_media_check", Fields: map[string]any{}}
	if err := k.chats.HearPush(e); err != nil || len(k.lines(nil)) != 0 || len(k.heard) != 0 {
		t.Errorf("another event: got %v and %d rows, want it to pass", err, len(k.lines(nil)))
	}
}

// TestWindows: WeChat is called as often as it takes answers, and never again until the person does something.
func TestWindows(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name  string
		does  func(k *kit)
		wait  time.Duration
		taken int
		want  string // code of the next
	}{
		{"written", func(k *kit) { k.says("1", "在吗") }, 0, 5, answer.ChatUsedUp.Code},
		{"written twice, which is not ten", func(k *kit) { k.says("1", "在吗"); k.says("2", "?") }, 0, 5, answer.ChatUsedUp.Code},
		{"opened", func(k *kit) { k.enters() }, 0, 2, answer.ChatUsedUp.Code},
		{"opened a minute ago", func(k *kit) { k.enters() }, time.Minute, 0, answer.ChatClosed.Code},
		{"opened and written", func(k *kit) { k.enters(); k.says("1", "在吗") }, 2 * time.Minute, 5, answer.ChatUsedUp.Code},
		{"written almost 48 hours ago", func(k *kit) { k.says("1", "在吗") }, 48*time.Hour - 2*time.Second, 5, answer.ChatUsedUp.Code},
		{"written 48 hours ago", func(k *kit) { k.says("1", "在吗") }, 48 * time.Hour, 0, answer.ChatClosed.Code},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			s.does(k)
			k.Clock.Advance(s.wait)
			for range s.taken {
				if code := k.send(chats.Message{Text: "在的"}); code != "" {
					t.Fatalf("got %s, want it sent", code)
				}
			}
			if code := k.send(chats.Message{Text: "还在"}); code != s.want {
				t.Errorf("got %q, want %s", code, s.want)
			}
			if n := len(k.WeChat.Calls(sendPath)); n != s.taken {
				t.Errorf("got %d calls, want %d", n, s.taken)
			}
			if n := len(k.lines(dbx.HashExp{"fromUs": true})); n != s.taken {
				t.Errorf("got %d answers kept after the refusal, want %d", n, s.taken)
			}
			k.Clock.Advance(time.Second)
			k.says("9", "再问一下")
			if code := k.send(chats.Message{Text: "请说"}); code != "" {
				t.Errorf("after the next message: got %s, want it sent", code)
			}
		})
	}
}

// TestManyAtOnce: eight people answer at the same moment; five answers go out.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.says("1", "在吗")
	id := k.chat().Id
	var mu sync.Mutex
	codes := map[string]int{}
	roomtest.AtOnce(8, func(i int) {
		code := k.send(chats.Message{Chat: id, Text: fmt.Sprint("answer ", i)})
		mu.Lock()
		defer mu.Unlock()
		codes[code]++
	})
	if codes[""] != 5 || codes[answer.ChatUsedUp.Code] != 3 || len(k.WeChat.Calls(sendPath)) != 5 {
		t.Errorf("got %v and %d calls, want five sent", codes, len(k.WeChat.Calls(sendPath)))
	}
}

// TestOutcomes: what WeChat says decides whether an answer counts, and whether another may follow.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name  string
		reply any
		code  string
		state string
		left  int // afterwards
	}{
		{"sent", roomtest.Errcode(0), "", chats.Sent, 4},
		{"a busy WeChat did not take it", roomtest.Errcode(-1), "wx_busy", chats.Failed, 5},
		{"a wrong openid", roomtest.Errcode(40003), "wx_arguments", chats.Failed, 5},
		{"no permission", roomtest.Errcode(48001), "wx_config", chats.Failed, 5},
		{"WeChat has counted otherwise", roomtest.Errcode(45047), answer.ChatUsedUp.Code, chats.Failed, 0},
		{"WeChat's clock is ahead", roomtest.Errcode(45015), answer.ChatClosed.Code, chats.Failed, 0},
		{"the answer was lost", errors.New("torn"), answer.MessageUnsure.Code, chats.Unsure, 4},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.says("1", "在吗")
			k.Clock.Advance(time.Second)
			k.WeChat.Always(sendPath, s.reply)
			if code := k.send(chats.Message{Text: "在的"}); s.code != "" && !strings.HasPrefix(code, s.code) || s.code == "" && code != "" {
				t.Errorf("got %q, want %q", code, s.code)
			}
			row := k.lines(dbx.HashExp{"fromUs": true})[0]
			if row.GetString("state") != s.state {
				t.Errorf("got %s, want %s", row.GetString("state"), s.state)
			}
			k.WeChat.Always(sendPath, roomtest.Errcode(0))
			sent := 0
			for k.send(chats.Message{Text: "next"}) == "" {
				sent++
			}
			if sent != s.left {
				t.Errorf("got %d more answers, want %d", sent, s.left)
			}
			if open := k.openAlerts(); (open == 0) != (s.state != chats.Failed || s.left > 0) {
				t.Errorf("got %d open alerts after %d more answers", open, sent)
			}
		})
	}
}

// TestRefusedBeforeAnyCall: what cannot be sent costs nothing.
func TestRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.says("1", "在吗")
	chat := k.chat().Id
	scenarios := []struct {
		name string
		m    chats.Message
		code string
	}{
		{"nothing said", chats.Message{Chat: chat}, "field_invalid"},
		{"blanks", chats.Message{Chat: chat, Text: " \n"}, "field_invalid"},
		{"two contents", chats.Message{Chat: chat, Text: "a", Link: &chats.Link{Title: "a", URL: "https://a.example"}}, "field_invalid"},
		{"too long", chats.Message{Chat: chat, Text: strings.Repeat("面", 601)}, "field_invalid"},
		{"a link to nowhere", chats.Message{Chat: chat, Link: &chats.Link{Title: "a", URL: "javascript:alert(1)"}}, "field_invalid"},
		{"no picture", chats.Message{Chat: chat, Picture: []byte("<html>")}, "field_invalid"},
		{"a picture that is cut off in its head", chats.Message{Chat: chat, Picture: png(t)[:20]}, "field_invalid"},
		{"a picture of 3 MiB", chats.Message{Chat: chat, Picture: append(png(t), make([]byte, 3<<20)...)}, "field_invalid"},
		{"a card without a picture", chats.Message{Chat: chat, Card: &chats.Card{Title: "面", Page: "pages/a"}}, "field_invalid"},
		{"a card of no product", chats.Message{Chat: chat, Card: &chats.Card{Page: "pages/a", Product: "nosuchproduct00"}}, "field_invalid"},
		{"a long key", chats.Message{Chat: chat, Text: "a", Key: strings.Repeat("k", 65)}, "field_invalid"},
		{"nobody", chats.Message{User: "nosuchuser00000", Text: "a"}, answer.ChatNotFound.Code},
	}
	for _, s := range scenarios {
		if _, err := k.chats.Send(t.Context(), s.m); roomtest.Refusal(err).Code != s.code {
			t.Errorf("%s: got %v, want %s", s.name, err, s.code)
		}
	}
	if n := len(k.lines(dbx.HashExp{"fromUs": true})); n != 0 || len(k.WeChat.Calls(uploadPath))+len(k.WeChat.Calls(sendPath)) != 0 {
		t.Errorf("got %d rows and calls after refusals, want none", n)
	}
}

// TestKey: a repeat sends nothing; other words under the same key are refused.
func TestKey(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.says("1", "在吗")
	for _, step := range []struct{ text, code string }{{"在的", ""}, {"在的", ""}, {"不在", answer.KeyReused.Code}} {
		if code := k.send(chats.Message{Text: step.text, Key: "k1"}); code != step.code {
			t.Errorf("%s: got %q, want %q", step.text, code, step.code)
		}
	}
	if n := len(k.WeChat.Calls(sendPath)); n != 1 {
		t.Errorf("got %d calls, want one", n)
	}
	for _, step := range []struct {
		reply any
		code  string
		calls int
	}{
		{roomtest.Errcode(-1), answer.WxBusy.Code, 2}, // surely not sent: the next try is one
		{errors.New("torn"), answer.MessageUnsure.Code, 3},
		{roomtest.Errcode(0), "", 3}, // it may have been sent: nothing is
	} {
		k.WeChat.Always(sendPath, step.reply)
		calls := len(k.WeChat.Calls(sendPath))
		code := k.send(chats.Message{Text: "稍等", Key: "k2"})
		if n := len(k.WeChat.Calls(sendPath)); code != step.code || step.calls == 3 && step.code == "" && n != calls {
			t.Errorf("%v: got %q after %d calls, want %q", step.reply, code, n-calls, step.code)
		}
	}
	if n := len(k.lines(dbx.HashExp{"key": "out/k2"})); n != 1 {
		t.Errorf("got %d rows of one key, want one", n)
	}
}

// TestPicturesBothWays: a customer's is fetched and stored, also when WeChat fails at first; one that is gone is gone; ours is uploaded and kept.
func TestPicturesBothWays(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	image := func(id string) {
		if err := k.hears(id, "image", k.Clock.Now(), map[string]any{"MediaId": "m" + id}); err != nil {
			t.Fatal(err)
		}
	}
	replies := map[string]any{"m1": png(t), "m2": roomtest.Errcode(40007), "m3": []byte("RIFF....WAVE, which is no picture"), "m4": roomtest.Errcode(-1)}
	k.WeChat.On(mediaPath, func(c roomtest.Call) any { return replies[c.Query.Get("media_id")] })
	for _, id := range []string{"1", "2", "3", "4"} {
		image(id)
	}
	k.WorkOutbox()
	state := func(id string) string { return k.lines(dbx.HashExp{"key": "in/" + id})[0].GetString("pictureState") }
	if state("1") != "KEPT" || state("2") != "GONE" || state("3") != "GONE" || state("4") != "WAITING" {
		t.Errorf("got %s, %s, %s, %s", state("1"), state("2"), state("3"), state("4"))
	}
	replies["m4"] = png(t)
	k.Clock.Advance(time.Hour)
	k.WorkOutbox()
	if state("4") != "KEPT" {
		t.Errorf("got %s after WeChat is well again, want it kept", state("4"))
	}
	kept := k.lines(dbx.HashExp{"key": "in/1"})[0]
	if _, err := os.Stat(k.DataDir() + "/storage/" + kept.BaseFilesPath() + "/" + kept.GetString("picture")); err != nil {
		t.Errorf("picture of the customer: %v", err)
	}
	if code := k.send(chats.Message{Picture: png(t)}); code != "" {
		t.Fatalf("send a picture: got %s", code)
	}
	sent := k.WeChat.Calls(sendPath)[0]
	if object, _ := sent.Field("image").(map[string]any); sent.Field("msgtype") != "image" || object["media_id"] != "uploaded-1" {
		t.Errorf("got %s, want the uploaded picture", sent.Body)
	}
	k.WeChat.Always(uploadPath, roomtest.Errcode(40009))
	if code := k.send(chats.Message{Picture: png(t)}); code == "" || len(k.WeChat.Calls(sendPath)) != 1 {
		t.Errorf("a refused upload: got %q and %d calls, want nothing sent", code, len(k.WeChat.Calls(sendPath)))
	}
}

// TestManyPictures: nobody fills the disk with pictures; the words of the same person are kept all the same, and tomorrow their pictures are again.
func TestManyPictures(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	image := func(id string) {
		if err := k.hears(id, "image", k.Clock.Now(), map[string]any{"MediaId": "m" + id}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 102 {
		image(strconv.Itoa(n))
	}
	k.says("words", "在吗")
	queued, err := k.CountRecords("wx_outbox", dbx.HashExp{"effect": chats.EffectPicture})
	gone := k.lines(dbx.HashExp{"pictureState": "GONE"})
	if err != nil || queued != 100 || len(gone) != 2 || gone[0].GetString("error") == "" || len(k.lines(dbx.HashExp{"kind": "text"})) != 1 {
		t.Errorf("got %d queued, %d gone, %v, want 100 and 2, and the words", queued, len(gone), err)
	}
	k.Clock.Advance(25 * time.Hour)
	image("tomorrow")
	if got := k.lines(dbx.HashExp{"key": "in/tomorrow"})[0].GetString("pictureState"); got != "WAITING" {
		t.Errorf("the next day: got %s, want it fetched", got)
	}
}

// TestWrittenWhileWeAnswer: what a person writes while our answer is on its way has been read by nobody, and still calls one.
func TestWrittenWhileWeAnswer(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.says("1", "在吗")
	k.WeChat.On(sendPath, func(roomtest.Call) any {
		k.Clock.Advance(time.Second)
		k.says("2", "我要退货")
		return roomtest.Errcode(0)
	})
	if code := k.send(chats.Message{Text: "在的"}); code != "" {
		t.Fatalf("got %s", code)
	}
	if chat := k.chat(); chat.GetInt("unread") != 1 || chat.GetString("last") != "我要退货" || chat.GetBool("lastFromUs") || k.openAlerts() != 1 {
		t.Errorf("got %d unread, %q, %d alerts, want what came meanwhile unread", chat.GetInt("unread"), chat.GetString("last"), k.openAlerts())
	}
	k.WeChat.Always(sendPath, roomtest.Errcode(0))
	if code := k.send(chats.Message{Text: "好的"}); code != "" || k.chat().GetInt("unread") != 0 || k.openAlerts() != 0 {
		t.Errorf("got %q, %d unread, %d alerts, want nobody waiting", code, k.chat().GetInt("unread"), k.openAlerts())
	}
}

// TestGreetingReadsNothing: a program greets who opens the chat; what they wrote before has been read by nobody. Its answer to what they write then is one.
func TestGreetingReadsNothing(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.says("1", "我要退货")
	k.Clock.Advance(time.Minute)
	k.enters()
	if code := k.send(chats.Message{Text: "您好"}); code != "" || k.chat().GetInt("unread") != 1 || k.openAlerts() != 1 {
		t.Errorf("a greeting: got %q, %d unread, %d alerts, want the message to wait", code, k.chat().GetInt("unread"), k.openAlerts())
	}
	if code := k.send(chats.Message{Text: "好的", By: "alice@example.com"}); code != "" || k.chat().GetInt("unread") != 0 || k.openAlerts() != 0 {
		t.Errorf("a person: got %q, %d unread, %d alerts, want nobody waiting", code, k.chat().GetInt("unread"), k.openAlerts())
	}
	k.Clock.Advance(time.Minute)
	k.says("2", "几点关门？")
	if code := k.send(chats.Message{Text: "九点"}); code != "" || k.chat().GetInt("unread") != 0 || k.openAlerts() != 0 {
		t.Errorf("a program's answer: got %q, %d unread, %d alerts, want nobody waiting", code, k.chat().GetInt("unread"), k.openAlerts())
	}
}

// TestKeyOfAPicture: another picture under the same key is not taken for a repeat.
func TestKeyOfAPicture(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.says("1", "在吗")
	other := append(png(t), 0)
	for _, step := range []struct {
		picture []byte
		code    string
	}{{png(t), ""}, {png(t), ""}, {other, answer.KeyReused.Code}} {
		if code := k.send(chats.Message{Picture: step.picture, Key: "k1"}); code != step.code {
			t.Errorf("got %q, want %q", code, step.code)
		}
	}
	if n := len(k.WeChat.Calls(sendPath)); n != 1 {
		t.Errorf("got %d calls, want one", n)
	}
}

// TestTidyDeletesPictures: what is old goes with its file, and a chat in which nothing is left.
func TestTidyDeletesPictures(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.WeChat.Always(mediaPath, png(t))
	if err := k.hears("1", "image", k.Clock.Now(), map[string]any{"MediaId": "m1"}); err != nil {
		t.Fatal(err)
	}
	k.WorkOutbox()
	folder := k.DataDir() + "/storage/" + k.lines(nil)[0].BaseFilesPath()
	k.Clock.Advance(179 * 24 * time.Hour)
	k.says("2", "还记得我吗")
	k.Clock.Advance(2 * 24 * time.Hour)
	if err := k.chats.Tidy(); err != nil {
		t.Fatal(err)
	}
	if left := k.lines(nil); len(left) != 1 || left[0].GetString("text") != "还记得我吗" {
		t.Errorf("got %d messages, want the young one", len(left))
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("got %v for the picture's folder, want it gone", err)
	}
	k.Clock.Advance(180 * 24 * time.Hour)
	if err := k.chats.Tidy(); err != nil {
		t.Fatal(err)
	}
	if n, err := k.CountRecords("wx_chats"); err != nil || n != 0 {
		t.Errorf("got %d chats, %v, want none", n, err)
	}
}

// TestTypingCallsLittle: once in 15 seconds, and never when nothing may be said.
func TestTypingCallsLittle(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.says("1", "在吗")
	k.WeChat.Always(typingPath, roomtest.Errcode(0))
	types := func() roomtest.Answer {
		return k.Call(k.chats.Typing, roomtest.Request{Body: map[string]any{}, Path: map[string]string{"id": k.chat().Id}})
	}
	for _, step := range []struct {
		wait  time.Duration
		shown bool
		calls int
	}{{0, true, 1}, {14 * time.Second, true, 1}, {time.Second, true, 2}, {48 * time.Hour, false, 2}} {
		k.Clock.Advance(step.wait)
		if a := types(); a.Status != http.StatusOK || a.JSON["shown"] != step.shown || len(k.WeChat.Calls(typingPath)) != step.calls {
			t.Errorf("after %s: got %v and %d calls, want shown %v and %d", step.wait, a.JSON, len(k.WeChat.Calls(typingPath)), step.shown, step.calls)
		}
	}
	k.Clock.Advance(time.Second)
	k.says("2", "?")
	k.WeChat.Always(typingPath, roomtest.Errcode(45080))
	if a := types(); a.Status != http.StatusOK || a.JSON["shown"] != false {
		t.Errorf("45080: got %v, want it not shown and no error", a.JSON)
	}
}

// TestTransferCallsNobody: where WeChat's own tools answer, messages are kept, and nobody is called here.
func TestTransferCallsNobody(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.chats.Transfer = true
	k.says("1", "在吗")
	if chat := k.chat(); chat.GetInt("unread") != 0 || chat.GetString("last") != "在吗" || k.openAlerts() != 0 || len(k.heard) != 1 {
		t.Errorf("got %d unread and %d alerts, want it kept quietly", chat.GetInt("unread"), k.openAlerts())
	}
}
