package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/people"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// errcodeNotSubscribed is WeChat's for a user who has not agreed, or whose yes is spent.
const errcodeNotSubscribed = 43101

// Message is a subscribe message (订阅消息) to one person.
type Message struct {
	User   string // record id in users; or OpenID
	OpenID string
	AppID  string // empty: where the user was last, or the only mini program

	Template string            // WeChat's priTmplId
	Page     string            // opens when the card is tapped; may have a query; empty: it cannot be tapped
	Data     map[string]string // text by the template's keys, such as thing1
	State    string            // formal, trial or developer; empty: as the mini program is set up here
	Lang     string            // zh_CN when empty
	Trim     bool              // shorten what may be shortened, rather than refuse it
}

// SendMessage sends a subscribe message and returns WeChat's id of it, which may be empty. One person gets one after the other. The error
// is the one that the route would answer, with a code of docs/errors.md: message_not_subscribed is the one to expect.
//
// NB! after message_uncertain the message may be on its way: do not send it again by itself.
func (s *Subscribe) SendMessage(ctx context.Context, m Message) (msgID string, err error) {
	msgID, err = s.sendMessage(ctx, m)
	if err != nil {
		return "", failMessage(err)
	}
	return msgID, nil
}

// CreateMessage handles POST /api/wx/messages for superusers: `{user|openid, appid?, template, page?, data, state?, lang?, trim?}` ->
// `{ok, msgid}`. data is `{"thing1": "text"}` or as WeChat writes it, `{"thing1": {"value": "text"}}`.
func (s *Subscribe) CreateMessage(e *core.RequestEvent) error {
	var form MessageForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	msgID, err := s.SendMessage(ctx, form.Message())
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, map[string]any{"ok": true, "msgid": msgID})
}

// MessageForm is the body of POST /api/wx/messages.
type MessageForm struct {
	User     string                 `json:"user"`
	OpenID   string                 `json:"openid"`
	AppID    string                 `json:"appid"`
	Template string                 `json:"template"`
	Page     string                 `json:"page"`
	Data     map[string]messageText `json:"data"`
	State    string                 `json:"state"`
	Lang     string                 `json:"lang"`
	Trim     bool                   `json:"trim"`
}

// Message is the body of the route as the Go API takes it.
func (f MessageForm) Message() Message {
	m := Message{
		User: f.User, OpenID: f.OpenID, AppID: f.AppID, Template: f.Template, Page: f.Page, State: f.State, Lang: f.Lang, Trim: f.Trim,
		Data: map[string]string{},
	}
	for key, text := range f.Data {
		m.Data[key] = string(text)
	}
	return m
}

// messageText is a value of a message: text, a number as it is written, or an object with a value as WeChat writes it.
type messageText string

// UnmarshalJSON reads all three.
func (t *messageText) UnmarshalJSON(raw []byte) error {
	var wrapped struct {
		Value json.RawMessage `json:"value"`
	}
	if json.Unmarshal(raw, &wrapped) == nil && wrapped.Value != nil {
		raw = wrapped.Value
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*t = messageText(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(raw, &number); err != nil {
		return errors.New("read value of a message: want text")
	}
	*t = messageText(number)
	return nil
}

// sendMessage checks and sends, and books what became of it.
func (s *Subscribe) sendMessage(ctx context.Context, m Message) (msgID string, err error) {
	app, identity, err := s.addressee(m)
	if err != nil {
		return "", err
	}
	m.AppID, m.User, m.OpenID = app.AppID, identity.GetString("user"), identity.GetString("openid")
	wire, err := s.checkMessage(app, m)
	if err != nil {
		return "", err
	}
	// note: WeChat refuses two messages to one person at the same moment (43108)
	unlock, err := s.Locks.LockContext(ctx, messageLock(m.AppID, m.OpenID))
	if err != nil {
		return "", answer.Fail(answer.WxBusy, err)
	}
	defer unlock()
	msgID, err = s.Accounts.Wechat(app).SendMessage(ctx, wire)
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Errcode == errcodeNotSubscribed {
		s.Books.LogError("booking of a refused message", clearConsent(s.App, m.User, m.Template))
	}
	if err != nil {
		return "", err
	}
	s.Books.LogError("booking of a message", s.bookMessage(m, msgID)) // it is out; what fails here must not have it sent again
	return msgID, nil
}

// addressee finds who is meant, in which mini program.
func (s *Subscribe) addressee(m Message) (settings.App, *core.Record, error) {
	var identity *core.Record
	var err error
	switch {
	case (m.User == "") == (m.OpenID == ""):
		return settings.App{}, nil, answer.With(answer.MessageArgs, "reason", "exactly one of user and openid is needed")
	case m.User != "":
		identity, err = people.IdentityOf(s.App, m.User, m.AppID)
	case m.AppID != "":
		identity, err = people.FindIdentity(s.App, m.AppID, m.OpenID)
	default:
		identity, err = books.Find(s.App, "wx_identities", dbx.HashExp{"openid": m.OpenID})
	}
	if err != nil {
		return settings.App{}, nil, answer.Fail(answer.IdentityMissing, err)
	}
	app, err := s.Accounts.Settings.App(identity.GetString("appid"))
	return app, identity, err
}

// checkMessage makes what WeChat gets, within its limits.
func (s *Subscribe) checkMessage(app settings.App, m Message) (wechat.SubscribeMessage, error) {
	wire := wechat.SubscribeMessage{
		ToUser: m.OpenID, TemplateID: m.Template, Page: m.Page, Data: m.Data, MiniProgramState: m.State, Lang: m.Lang,
	}
	if wire.MiniProgramState == "" {
		wire.MiniProgramState = map[string]string{"trial": "trial", "develop": "developer"}[app.EnvVersion]
	}
	if m.Trim {
		var err error
		if wire, err = wechat.TrimMessage(wire); err != nil {
			return wire, err
		}
	}
	if err := wechat.CheckMessage(wire); err != nil {
		return wire, err
	}
	// note: the template is checked only if it is known already; a message must not cause a request for the list
	if template, ok := s.templates.find(app.AppID, m.Template, s.Now()); ok {
		return wire, template.Check(wire.Data)
	}
	return wire, nil
}

// bookMessage keeps that a message is out, and takes the yes off that it has used.
func (s *Subscribe) bookMessage(m Message, msgID string) error {
	_, err := books.Insert(s.App, "wx_messages", map[string]any{
		"user": m.User, "appid": m.AppID, "openid": m.OpenID, "templateId": m.Template, "page": m.Page, "msgid": msgID, "state": "SENT",
	})
	if t, ok := s.templates.find(m.AppID, m.Template, s.Now()); ok && t.Type == wechat.LongTerm {
		return err // a yes to it is not used up
	}
	return errors.Join(err, spendConsent(s.App, m.User, m.Template))
}

// failMessage turns an error of sending into an answer.
func failMessage(cause error) *router.ApiError {
	if answer, ok := errors.AsType[*router.ApiError](cause); ok {
		return answer
	}
	we, ok := errors.AsType[*wechat.Error](cause)
	if !ok {
		return answer.FromWechat(cause)
	}
	switch {
	case we.Errcode == errcodeNotSubscribed:
		return answer.Fail(answer.NotSubscribed, cause)
	case we.MaybeDone:
		return answer.Fail(answer.MessageUnsure, cause)
	case we.Kind == wechat.KindArgs && we.Errcode == 0:
		return answer.WithReason(answer.MessageArgs, cause)
	case we.Argument != "":
		refusal := answer.Fail(answer.MessageArgs, cause)
		refusal.Data["reason"] = we.Argument + ": WeChat refuses it"
		return refusal
	default:
		return answer.FromWechat(cause)
	}
}

// settleReports stores the results in WeChat's pushes about sent messages. A report may come before the message is
// booked, so it takes the lock of the sending.
func (s *Subscribe) settleReports(ctx context.Context, event *events.PushEvent) error {
	unlock, err := s.Locks.LockContext(ctx, messageLock(event.AppID, event.OpenID))
	if err != nil {
		return err
	}
	defer unlock()
	for _, report := range event.Reports {
		r, err := books.Find(s.App, "wx_messages", dbx.HashExp{"msgid": report.MsgID})
		if err != nil || report.MsgID == "" {
			continue // sent by another program
		}
		if r.Set("state", "DELIVERED"); report.ErrorCode != 0 {
			r.Set("state", "FAILED")
			r.Set("error", fmt.Sprintf("%d %s", report.ErrorCode, report.Status[:min(len(report.Status), 150)]))
		}
		if err := books.Save(s.App, r); err != nil {
			return fmt.Errorf("save message: %w", err)
		}
	}
	return nil
}

// messageLock is held while a message to a person is sent and booked.
func messageLock(appID, openID string) string { return "message/" + appID + "/" + openID }
