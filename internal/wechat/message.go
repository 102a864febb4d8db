package wechat

import (
	"context"
	"net/http"
)

const (
	opSendMessage = "sendMessage"
	opTemplates   = "getMessageTemplateList"
)

// SubscribeMessage is one message to one user who agreed to it.
type SubscribeMessage struct {
	// ToUser is an openid of this app.
	ToUser string
	// TemplateID is the app's own, priTmplId; see [Client.Templates].
	TemplateID string
	// Page opens on a tap on the card; it may have a query. Without a page the card cannot be tapped.
	Page string
	// Data maps keys, such as thing1, to texts. The letters of a key are its type, which limits the text: see
	// [CheckMessage].
	Data map[string]string
	// MiniProgramState is the version that the card opens: developer, trial or formal. Empty is formal.
	MiniProgramState string
	// Lang is zh_CN, en_US, zh_HK or zh_TW. Empty is zh_CN.
	Lang string
}

type messageWire struct {
	ToUser     string               `json:"touser"`
	TemplateID string               `json:"template_id"`
	Page       string               `json:"page,omitempty"`
	Data       map[string]valueWire `json:"data"`
	State      string               `json:"miniprogram_state"`
	Lang       string               `json:"lang"`
}

type valueWire struct {
	Value string `json:"value"`
}

// SendMessage sends a subscribe message: POST /cgi-bin/message/subscribe/send
// (server/API/mp-message-management/subscribe-message/api_sendmessage.html, 发送订阅消息). It returns WeChat's message id,
// which the subscribe_msg_sent_event repeats, or empty when WeChat omits it.
//
// A user's consent is good for one message. A lost answer is not repeated, because the user would get the message
// twice. Two concurrent messages to one user fail (43108, tried three times), so send them in sequence.
//
// Errors: KindArgs before any call (see [CheckMessage]) or by WeChat: 40003 (openid), 40037 (template), 41030 (page),
// 47003 (data; [Error.Argument] names the key). KindState for 43101, a user who has not agreed or whose consent is
// used; KindUnsupported for 43107, KindRisk for 45168.
func (c *Client) SendMessage(ctx context.Context, m SubscribeMessage) (msgID string, err error) {
	if err := CheckMessage(m); err != nil {
		return "", err
	}
	_, err = c.do(ctx, call{
		op: opSendMessage, method: http.MethodPost, path: "/cgi-bin/message/subscribe/send", body: m.wire(), needsToken: true,
		read: func(body []byte) error {
			var wire struct {
				MsgID word `json:"msgid"`
			}
			// note: an unreadable id is not a failure, because the message is sent.
			_ = decode(body, &wire)
			msgID = string(wire.MsgID)
			return nil
		},
	})
	return msgID, err
}

// wire sets the defaults, because the document's table calls both fields required.
func (m SubscribeMessage) wire() messageWire {
	w := messageWire{
		ToUser: m.ToUser, TemplateID: m.TemplateID, Page: m.Page, State: m.MiniProgramState, Lang: m.Lang,
		Data: make(map[string]valueWire, len(m.Data)),
	}
	if w.State == "" {
		w.State = "formal"
	}
	if w.Lang == "" {
		w.Lang = "zh_CN"
	}
	for key, value := range m.Data {
		w.Data[key] = valueWire{value}
	}
	return w
}
