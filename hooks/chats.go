package hooks

import (
	"context"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/accounts"
	"wxbase/internal/chats"
	"wxbase/internal/desk"
	"wxbase/internal/events"
	"wxbase/internal/wechat"
)

// What Config.CustomerService may say.
const (
	serviceHere     = "here"
	serviceTransfer = "wechat"
)

// newChats makes the room of customer messages and connects it to the pushes.
func newChats(p *Plugin) *chats.Chats {
	room := &chats.Chats{
		App: p.app, Now: p.Now, Accounts: p.accounts, Books: p.books, Locks: p.locks, Keep: p.cfg.KeepChats, Transfer: p.cfg.CustomerService == serviceTransfer,
		OnMessage: &hook.Hook[*events.CustomerMessageEvent]{},
	}
	p.subscribe.OnPush.Bind(&hook.Handler[*events.PushEvent]{Id: "wxChats", Priority: -1000, Func: room.HearPush})
	if room.Transfer {
		p.subscribe.HandOver = handOver
	}
	return room
}

// handOver answers what people write, and only that, with the word that gives it to WeChat's own customer service tools.
func handOver(m wechat.PushMessage, seconds int64) []byte {
	if m.MsgType == "event" || m.FromUserName == "" {
		return nil
	}
	return m.TransferAnswer(seconds)
}

// bindChats binds the page of customer messages, for those who may.
func bindChats(wx *router.RouterGroup[*core.RequestEvent], may func(desk.Permission, string) *hook.Handler[*core.RequestEvent], c *chats.Chats) {
	wx.GET("/admin/chats", c.List).Bind(may(desk.View, ""))
	wx.GET("/admin/chats/{id}", c.Show).Bind(may(desk.View, ""))
	wx.POST("/admin/chats/{id}/read", c.Read).Bind(may(desk.Orders, "chat.read"))
	wx.POST("/admin/chats/{id}/reply", c.Reply).Bind(may(desk.Orders, "chat.reply"))
	wx.POST("/admin/chats/{id}/typing", c.Typing).Bind(may(desk.Orders, ""))
	wx.POST("/admin/chats/{id}/pictures", c.ReplyPicture).Bind(may(desk.Orders, "chat.picture"), apis.BodyLimit(chats.MaxUpload))
	wx.GET("/admin/chats/{id}/pictures/{picture}", c.Picture).Bind(may(desk.View, ""))
}

// OnCustomerMessage is triggered for everything that people write to the mini program, and when they open its customer chat.
func (p *Plugin) OnCustomerMessage() *hook.Hook[*events.CustomerMessageEvent] {
	return p.chats.OnMessage
}

// OnWxCustomerMessage is OnCustomerMessage.
func (a scriptApp) OnWxCustomerMessage() *hook.Hook[*events.CustomerMessageEvent] {
	return a.plugin.chats.OnMessage
}

type (
	// CustomerMessageEvent is what a person wrote in the customer chat; see package events.
	CustomerMessageEvent = events.CustomerMessageEvent
	// CustomerMessage is an answer to a customer; see package chats.
	CustomerMessage = chats.Message
	// CustomerLink is a web page in a customer chat.
	CustomerLink = chats.Link
	// CustomerCard is a page of the mini program in a customer chat.
	CustomerCard = chats.Card
)

// SendCustomerMessage answers a customer and returns the row of wx_chat_messages. WeChat takes five answers within 48 hours of a person's message;
// the error is the one that the route would answer, with a code of docs/errors.md: chat_closed and chat_used_up are the ones to expect.
//
// NB! after message_uncertain the answer may have been sent: do not send it again by itself.
func (p *Plugin) SendCustomerMessage(ctx context.Context, m CustomerMessage) (*core.Record, error) {
	return p.chats.Send(ctx, m)
}

// SendCustomerMessage answers a customer: {chat|user|openid, appid?, text|link|card, key?}, and returns the row.
func (s *Script) SendCustomerMessage(form map[string]any) (*core.Record, error) {
	var f struct {
		Chat   string      `json:"chat"`
		User   string      `json:"user"`
		OpenID string      `json:"openid"`
		AppID  string      `json:"appid"`
		Text   string      `json:"text"`
		Link   *chats.Link `json:"link"`
		Card   *chats.Card `json:"card"`
		Key    string      `json:"key"`
	}
	if err := readForm(form, &f); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), accounts.CallTimeout)
	defer cancel()
	return s.plugin.chats.Send(ctx, chats.Message{
		Chat: f.Chat, User: f.User, OpenID: f.OpenID, AppID: f.AppID, Text: f.Text, Link: f.Link, Card: f.Card, Key: f.Key, By: "script",
	})
}
