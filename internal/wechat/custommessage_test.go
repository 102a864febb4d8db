package wechat_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

// TestSendCustomBodies: the documents' bodies, one for each kind of message.
func TestSendCustomBodies(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]wechat.CustomMessage{
		`{"msgtype":"text","text":{"content":"Hello <World>"},"touser":"OPENID"}`: {Text: "Hello <World>"},
		`{"image":{"media_id":"MEDIA_ID"},"msgtype":"image","touser":"OPENID"}`:   {MediaID: "MEDIA_ID"},
		`{"link":{"title":"Happy Day","description":"Is Really A Happy Day","url":"https://a.example/","thumb_url":"https://a.example/t.png"},"msgtype":"link","touser":"OPENID"}`: {
			Link: &wechat.ChatLink{Title: "Happy Day", Description: "Is Really A Happy Day", URL: "https://a.example/", ThumbURL: "https://a.example/t.png"},
		},
		`{"miniprogrampage":{"title":"title","pagepath":"pagepath","thumb_media_id":"thumb_media_id"},"msgtype":"miniprogrampage","touser":"OPENID"}`: {
			Card: &wechat.ChatCard{Title: "title", PagePath: "pagepath", ThumbMediaID: "thumb_media_id"},
		},
	} {
		_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.Method != http.MethodPost || r.URL.Path != "/cgi-bin/message/custom/send" || string(body) != want {
				t.Errorf("got %s %s %s, want %s", r.Method, r.URL.Path, body, want)
			}
			answer(`{"errcode":0,"errmsg":"ok"}`)(w, r)
		})
		m.ToUser = "OPENID"
		if err := c.SendCustom(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
}

// TestSendCustomErrors: each errcode has its kind, and a lost answer may have been sent.
func TestSendCustomErrors(t *testing.T) {
	t.Parallel()
	hello := wechat.CustomMessage{ToUser: "OPENID", Text: "hello"}
	for code, kind := range map[string]wechat.Kind{
		"40003": wechat.KindArgs, "40007": wechat.KindArgs, "45002": wechat.KindArgs, "45015": wechat.KindState, "45047": wechat.KindQuota, "48001": wechat.KindUnsupported,
	} {
		calls, c := serve(t, answer(`{"errcode":`+code+`,"errmsg":"no hint: [x] rid: 1"}`))
		we, ok := errors.AsType[*wechat.Error](c.SendCustom(t.Context(), hello))
		if !ok || we.Kind != kind || we.MaybeDone || calls.calls.Load() != 1 {
			t.Errorf("%s: got %+v after %d calls, want %s, once", code, we, calls.calls.Load(), kind)
		}
	}
	calls, c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	if we, ok := errors.AsType[*wechat.Error](c.SendCustom(t.Context(), hello)); !ok || !we.MaybeDone || calls.calls.Load() != 1 {
		t.Errorf("got %+v after %d calls, want it maybe sent, and not repeated", we, calls.calls.Load())
	}
	none, c := serve(t, answer(`{"errcode":0}`))
	for name, m := range map[string]wechat.CustomMessage{
		"nobody": {Text: "a"}, "nothing": {ToUser: "o"}, "two": {ToUser: "o", Text: "a", MediaID: "b"}, "long": {ToUser: "o", Text: strings.Repeat("面", 601)},
		"script": {ToUser: "o", Link: &wechat.ChatLink{Title: "a", URL: "javascript:1"}}, "slash": {ToUser: "o", Card: &wechat.ChatCard{Title: "a", PagePath: "/a", ThumbMediaID: "b"}},
	} {
		if err := c.SendCustom(t.Context(), m); wechat.KindOf(err) != wechat.KindArgs {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
	if n := none.calls.Load(); n != 0 {
		t.Errorf("got %d calls of what is wrong, want none", n)
	}
}

// TestTempMedia: bytes are a picture, and an error comes with 200 as JSON.
func TestTempMedia(t *testing.T) {
	t.Parallel()
	cut := "\xff\xd8\xff\xe0" + strings.Repeat("\x00", 100)
	jpeg := cut + "\xff\xd9" + "what phones write behind the end"
	for body, want := range map[string]error{jpeg: nil, cut: wechat.ErrImageTruncated, `{"video_url":"https://a.example"}`: wechat.ErrImageJSON, "<html></html>": wechat.ErrImageHTML, "words": wechat.ErrImageFormat, "": wechat.ErrEmpty} {
		_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Path != "/cgi-bin/media/get" || r.URL.Query().Get("media_id") != "MEDIA_ID" {
				t.Errorf("got %s %s", r.Method, r.URL)
			}
			answer(body)(w, r)
		})
		got, err := c.TempMedia(t.Context(), "MEDIA_ID")
		if want == nil && (err != nil || string(got) != jpeg) || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: got %d bytes, %v, want %v", body, len(got), err, want)
		}
	}
	_, c := serve(t, answer(`{"errcode":40007,"errmsg":"invalid media_id"}`))
	if _, err := c.TempMedia(t.Context(), "MEDIA_ID"); wechat.KindOf(err) != wechat.KindArgs {
		t.Errorf("40007: got %v", err)
	}
}

// TestSetTyping sends the documents' commands.
func TestSetTyping(t *testing.T) {
	t.Parallel()
	for typing, want := range map[bool]string{true: `{"command":"Typing","touser":"OPENID"}`, false: `{"command":"CancelTyping","touser":"OPENID"}`} {
		_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); r.URL.Path != "/cgi-bin/message/custom/typing" || string(body) != want {
				t.Errorf("got %s %s, want %s", r.URL.Path, body, want)
			}
			answer(`{"errcode":0,"errmsg":"ok"}`)(w, r)
		})
		if err := c.SetTyping(t.Context(), "OPENID", typing); err != nil {
			t.Error(err)
		}
	}
}

// TestTransferAnswer: in the format of the push, to the sender.
func TestTransferAnswer(t *testing.T) {
	t.Parallel()
	m := opened(t, textXML)
	const want = "<xml><ToUserName><![CDATA[OPENID]]></ToUserName><FromUserName><![CDATA[gh]]></FromUserName><CreateTime>1399197672</CreateTime><MsgType><![CDATA[transfer_customer_service]]></MsgType></xml>"
	m.FromUserName, m.ToUserName = "OPENID", "gh"
	if got := string(m.TransferAnswer(1399197672)); got != want {
		t.Errorf("got %s, want the document's sample", got)
	}
	if m.FromUserName = "a]]>b"; !strings.Contains(string(m.TransferAnswer(1)), "a]]]]><![CDATA[>b") {
		t.Error("got a CDATA that ends early")
	}
	m.Format = wechat.PushJSON
	var words map[string]any
	if err := json.Unmarshal(m.TransferAnswer(1399197672), &words); err != nil || words["MsgType"] != "transfer_customer_service" || words["CreateTime"] != 1399197672.0 || words["FromUserName"] != "gh" {
		t.Errorf("got %v, %v", words, err)
	}
}
