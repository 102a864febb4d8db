package chats_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/books"
	"wxbase/internal/chats"
	"wxbase/internal/events"
)

const (
	sendPath   = "/cgi-bin/message/custom/send"
	typingPath = "/cgi-bin/message/custom/typing"
	mediaPath  = "/cgi-bin/media/get"
	uploadPath = "/cgi-bin/media/upload"
	openID     = "oCustomer00000000000000000001"
	tinyPNG    = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

type kit struct {
	*roomtest.Kit

	t     *testing.T
	chats *chats.Chats
	heard []events.CustomerMessageEvent
	fail  error // what a handler of the shop's says
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{Kit: roomtest.New(t), t: t}
	k.chats = &chats.Chats{
		App: k.TestApp, Now: k.Clock.Now, Accounts: k.Accounts, Books: k.Books, Locks: k.Locks, Keep: 180 * 24 * time.Hour,
		OnMessage: &hook.Hook[*events.CustomerMessageEvent]{},
	}
	k.chats.OnMessage.BindFunc(func(e *events.CustomerMessageEvent) error {
		k.heard = append(k.heard, *e)
		if k.fail != nil {
			return k.fail
		}
		return e.Next()
	})
	k.chats.Handle()
	k.WeChat.Always(sendPath, roomtest.Errcode(0))
	k.WeChat.Always(uploadPath, map[string]any{"type": "image", "media_id": "uploaded-1", "created_at": 1})
	return k
}

// hears is a push of WeChat's, which passes to whoever listens behind.
func (k *kit) hears(id, kind string, at time.Time, fields map[string]any) error {
	k.t.Helper()
	e := &events.PushEvent{App: k.TestApp, AppID: roomtest.AppID, OpenID: openID, MsgType: kind, MsgID: id, At: at.Truncate(time.Second), Fields: fields}
	if kind == "user_enter_tempsession" {
		e.MsgType, e.Name = "event", kind
		fields["Event"] = kind
	}
	fields["MsgType"] = e.MsgType
	return k.chats.HearPush(e)
}

func (k *kit) says(id, text string) {
	k.t.Helper()
	if err := k.hears(id, "text", k.Clock.Now(), map[string]any{"Content": text}); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) enters() {
	k.t.Helper()
	if err := k.hears("", "user_enter_tempsession", k.Clock.Now(), map[string]any{"SessionFrom": "goods-1"}); err != nil {
		k.t.Fatal(err)
	}
}

// chat is the only one.
func (k *kit) chat() *core.Record {
	k.t.Helper()
	rows, err := k.FindAllRecords("wx_chats")
	if err != nil || len(rows) != 1 {
		k.t.Fatalf("got %d chats, %v, want one", len(rows), err)
	}
	return rows[0]
}

func (k *kit) lines(where dbx.Expression) []*core.Record {
	k.t.Helper()
	rows, err := k.FindAllRecords("wx_chat_messages", where)
	if err != nil {
		k.t.Fatal(err)
	}
	return rows
}

// send answers, and gives the code of the refusal.
func (k *kit) send(m chats.Message) string {
	k.t.Helper()
	if m.Chat == "" {
		m.Chat = k.chat().Id
	}
	_, err := k.chats.Send(k.t.Context(), m)
	if err == nil {
		return ""
	}
	return roomtest.Refusal(err).Code
}

func (k *kit) openAlerts() int64 {
	k.t.Helper()
	n, err := k.CountRecords("wx_alerts", dbx.HashExp{"kind": string(books.AlertChat), "closedAt": ""})
	if err != nil {
		k.t.Fatal(err)
	}
	return n
}

func png(t *testing.T) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(tinyPNG)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
