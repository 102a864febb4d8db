package chats

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/events"
	"wxbase/internal/wechat"
)

// clockSkew is how far ahead of ours WeChat's clock may be before its time is not believed.
const clockSkew = 5 * time.Minute

// heard is one push of a customer chat, read.
type heard struct {
	key    string         // the same for the same message
	at     time.Time      // when it was written, for the order of the talk
	second time.Time      // the same by WeChat, which tells whole seconds; windows begin here
	fields map[string]any // columns of the message
	line   string         // of the list of chats; empty for nothing said
}

// HearPush keeps what people write, and tells OnMessage of it. Other pushes pass.
func (c *Chats) HearPush(e *events.PushEvent) error {
	said, ok := c.read(e)
	if !ok {
		return e.Next()
	}
	chat, message, err := c.hear(e, said)
	if err != nil {
		return fmt.Errorf("hear customer message: %w", err)
	}
	c.Books.Wake()
	told := &events.CustomerMessageEvent{
		App: c.App, AppID: e.AppID, OpenID: e.OpenID, User: e.User, Chat: chat, Message: message, Kind: message.GetString("kind"), Text: message.GetString("text"),
		From: message.GetString("title"), At: said.at,
	}
	if told.Kind != KindEnter {
		told.From = ""
	}
	if err := c.OnMessage.Trigger(told); err != nil {
		return fmt.Errorf("tell of customer message: %w", err)
	}
	return e.Next()
}

// read takes a push for what it says; ok is false for a push that is no customer message.
func (c *Chats) read(e *events.PushEvent) (h heard, ok bool) {
	h.second = e.At
	now := c.Now()
	if h.second.IsZero() || h.second.After(now.Add(clockSkew)) {
		h.second = now
	}
	h.at = h.second
	if end := h.second.Add(time.Second - time.Millisecond); now.After(h.second) && now.Before(end) { // note: behind what was said in the same second before it came
		h.at = now
	} else if !now.Before(end) {
		h.at = end
	}
	m := wechat.PushMessage{AppID: e.AppID, FromUserName: e.OpenID, MsgType: e.MsgType, Event: e.Name, MsgID: e.MsgID, Fields: e.Fields}
	said, err := m.ChatMessage()
	switch {
	case e.OpenID == "" || e.MsgType == "event" && err != nil:
		return h, false
	case err != nil: // a kind that is new, or fields that are: it is kept all the same, since somebody wrote
		h.fields, h.line = map[string]any{"kind": KindOther, "text": books.Clip(e.MsgType, 100)}, "["+books.Clip(e.MsgType, 60)+"]"
	default:
		h.fields, h.line = columnsOf(said)
	}
	h.key = "in/" + cmp.Or(books.Clip(e.MsgID, 64), m.DedupeKey())
	if said.Kind == wechat.EventChatEntered {
		h.key = "enter/" + strconv.FormatInt(h.second.Unix(), 10)
	}
	return h, true
}

// columnsOf are the columns of a message, and the line that the list of chats shows.
func columnsOf(said wechat.ChatMessage) (fields map[string]any, line string) {
	switch said.Kind {
	case "text":
		return map[string]any{"kind": KindText, "text": books.Clip(said.Content, 4_000)}, said.Content
	case "image":
		return map[string]any{"kind": KindImage, "mediaId": books.Clip(said.MediaID, 256), "pictureState": pictureWaits}, "[image]"
	case "miniprogrampage":
		return map[string]any{
			"kind": KindCard, "title": books.Clip(said.Title, 200), "appid": books.Clip(said.AppID, 32), "page": books.Clip(said.PagePath, 1_024),
			"mediaId": books.Clip(said.ThumbMediaID, 256), "pictureState": pictureOf(said.ThumbMediaID),
		}, "[card] " + said.Title
	}
	return map[string]any{"kind": KindEnter, "title": books.Clip(said.SessionFrom, 200)}, ""
}

func pictureOf(mediaID string) string {
	if mediaID == "" {
		return ""
	}
	return pictureWaits
}

// hear writes a message and what follows from it, once.
func (c *Chats) hear(e *events.PushEvent, said heard) (chat, message *core.Record, err error) {
	err = c.App.RunInTransaction(func(tx core.App) error {
		if chat, err = c.chatOf(tx, e.AppID, e.OpenID, e.User); err != nil {
			return err
		}
		message, err = books.Find(tx, messages, dbx.HashExp{"chat": chat.Id, "key": said.key})
		if !errors.Is(err, sql.ErrNoRows) {
			return err // pushed again: it is here
		}
		fields := map[string]any{"chat": chat.Id, "key": said.key, "state": Received, "at": said.at}
		maps.Copy(fields, said.fields)
		if message, err = books.Insert(tx, messages, fields); err != nil {
			return err
		}
		return c.note(tx, chat, message, said)
	})
	return chat, message, err
}

// chatOf finds the chat of a person, or begins it. Who has signed in since is known from then on.
func (c *Chats) chatOf(tx core.App, appID, openID string, user *core.Record) (*core.Record, error) {
	chat, err := books.Find(tx, table, dbx.HashExp{"appid": appID, "openid": openID})
	if errors.Is(err, sql.ErrNoRows) {
		chat, err = books.Insert(tx, table, map[string]any{"appid": appID, "openid": openID})
	}
	if err != nil {
		return nil, err
	}
	if user != nil && chat.GetString("user") != user.Id {
		chat.Set("user", user.Id)
		err = books.Write(tx, chat)
	}
	return chat, err
}

// note moves the chat on: its windows, its last line, what is unread, and who is called. A message that comes late moves nothing back.
func (c *Chats) note(tx core.App, chat, message *core.Record, said heard) error {
	since := "askedAt"
	if message.GetString("kind") == KindEnter {
		since = "enteredAt"
	}
	if chat.GetDateTime(since).Time().Before(said.second) {
		chat.Set(since, said.second)
	}
	if since == "enteredAt" {
		return books.Write(tx, chat)
	}
	if !said.at.Before(chat.GetDateTime("lastAt").Time()) {
		chat.Load(map[string]any{"last": books.Clip(said.line, 200), "lastAt": said.at, "lastFromUs": false})
	}
	if message.GetString("pictureState") == pictureWaits {
		if err := c.queuePicture(tx, chat, message); err != nil {
			return err
		}
	}
	if c.Transfer {
		return books.Write(tx, chat)
	}
	chat.Set("unread", chat.GetInt("unread")+1)
	if err := books.Write(tx, chat); err != nil {
		return err
	}
	return c.call(tx, chat)
}

// picturesADay is how many pictures of one person are fetched within a day, of up to MaxTempMedia each: nobody fills the disk of the shop.
const picturesADay = 100

func (c *Chats) queuePicture(tx core.App, chat, message *core.Record) error {
	var n int
	err := books.Row(tx, "SELECT count(*) FROM `wx_chat_messages` WHERE `chat` = ? AND `at` > ? AND `fromUs` = FALSE AND `pictureState` IN (?, ?)",
		[]any{chat.Id, days.Store(c.Now().Add(-24 * time.Hour)), pictureWaits, pictureKept}, &n)
	if err != nil {
		return err
	}
	if n > picturesADay {
		message.Load(map[string]any{"pictureState": pictureGone, "error": fmt.Sprintf("more than %d pictures within a day", picturesADay)})
		return books.Write(tx, message)
	}
	return books.QueueEffect(tx, EffectPicture, message.Id, map[string]any{"message": message.Id})
}

// call tells a person that a customer waits: once, until somebody has read or answered.
func (c *Chats) call(tx core.App, chat *core.Record) error {
	open, err := tx.CountRecords("wx_alerts", dbx.HashExp{"kind": string(books.AlertChat), "subject": chat.Id, "closedAt": ""})
	if err != nil || open > 0 {
		return err
	}
	return c.Books.Raise(tx, books.AlertChat, chat.Id, map[string]any{"chat": chat.Id, "user": chat.GetString("user"), "appid": chat.GetString("appid")})
}
