// Package chats is the shop's desk for customer messages (客服消息): what people write to the mini program, and what the shop answers.
//
// A chat is one person in one mini program, a row of wx_chats; what both sides say are rows of wx_chat_messages. WeChat pushes what people write,
// at least once and in any order; its number of a message makes it one row. A picture is fetched soon afterwards, because WeChat forgets it after
// three days, and stored with its message.
//
// WeChat takes five answers within 48 hours of a person's message, and two within a minute of their opening the chat. These windows are counted here
// from the rows themselves, and nothing is called when they are over or used up. An answer is a row before WeChat is called; one whose fate is
// unknown counts as sent.
package chats

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/events"
	"wxbase/internal/locks"
)

const (
	table    = "wx_chats"
	messages = "wx_chat_messages"
)

// What a message is.
const (
	KindText  = "text"
	KindImage = "image"
	KindCard  = "card" // a page of a mini program
	KindLink  = "link"
	KindEnter = "enter" // the person opened the chat and said nothing yet
	KindOther = "other" // a kind that WeChat may add; text has its name
)

// What became of a message.
const (
	Received = "RECEIVED"
	Sending  = "SENDING"
	Sent     = "SENT"
	Failed   = "FAILED" // surely not sent
	Unsure   = "UNSURE" // it may have been sent
)

// What became of a picture that a person sent.
const (
	pictureWaits = "WAITING"
	pictureKept  = "KEPT"
	pictureGone  = "GONE"
)

// window is how many answers WeChat takes after something that a person did.
type window struct {
	since   string // the column that says when
	answers int
	life    time.Duration
}

// windows do not add up: the more generous one counts.
// https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/send.html (发送客服消息)
var windows = [...]window{
	{"askedAt", 5, 48 * time.Hour},
	{"enteredAt", 2, time.Minute},
}

// Chats hears and answers customer messages. Its fields are set before the app serves.
type Chats struct {
	App      core.App
	Now      func() time.Time
	Accounts *accounts.Accounts
	Books    *books.Books
	Locks    *locks.Keyed

	Transfer bool          // WeChat's own customer service tools answer: messages are handed over to them, and nobody is called here
	Keep     time.Duration // of messages; for ever below zero

	OnMessage *hook.Hook[*events.CustomerMessageEvent]
}

// allowance is what the shop may still say in a chat.
type allowance struct {
	Left  int       // answers
	Until time.Time // zero when no window is open
	Open  bool      // a window is open, even if nothing is left in it
}

// allowanceOf counts what is left.
func (c *Chats) allowanceOf(app core.App, chat *core.Record) (a allowance, err error) {
	now, refused := c.Now(), chat.GetDateTime("refusedAt").Time()
	for _, w := range windows {
		since := chat.GetDateTime(w.since).Time()
		if since.IsZero() || !now.Before(since.Add(w.life)) {
			continue
		}
		a.Open = true
		used, err := answersSince(app, chat.Id, since)
		if err != nil {
			return a, err
		}
		left := w.answers - used
		if left <= 0 || !refused.Before(since) {
			continue
		}
		if end := since.Add(w.life); end.After(a.Until) {
			a.Until = end
		}
		a.Left = max(a.Left, left)
	}
	return a, nil
}

// answersSince counts what was sent, or may have been. note: WeChat's times are whole seconds; an answer in the second of a message counts.
func answersSince(app core.App, chat string, since time.Time) (n int, err error) {
	err = books.Row(app, "SELECT count(*) FROM `wx_chat_messages` WHERE `chat` = ? AND `at` >= ? AND `fromUs` = TRUE AND `state` != ?",
		[]any{chat, days.Store(since), Failed}, &n)
	return n, err
}
