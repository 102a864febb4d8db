package hooks

// How pushes come in (消息推送). WeChat waits five seconds and sends again what was not answered, so a push is checked, kept in wx_inbox
// together with the work that it makes, answered, and worked on by the outbox's worker: a push that was answered is not lost, however the
// process ends. The same push twice is one row.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/wechat"
)

// inboxReceived is the state of a push that waits to be worked on.
const inboxReceived = "RECEIVED"

// PushEvent is a message or an event that WeChat pushed, after it was checked and kept. It is delivered at least once, and again when a
// handler returns an error. Of the fields for single kinds of events only those of this one are set.
type PushEvent struct {
	hook.Event
	App     core.App
	AppID   string
	OpenID  string       // who it is about; may be WeChat itself
	User    *core.Record // nil when nobody here has this openid
	MsgType string       // event, or text, image, miniprogrampage from a customer chat
	Name    string       // of an event, such as subscribe_msg_popup_event
	MsgID   string       // empty for most events
	At      time.Time
	Fields  map[string]any // everything, in the shape of WeChat's JSON; numbers may be text

	Answers []SubscribeAnswer // subscribe_msg_popup_event, subscribe_msg_change_event
	Reports []MessageReport   // subscribe_msg_sent_event
	Media   *MediaVerdict     // wxa_media_check
	Trade   *TradeNotice      // trade_manage_order_settlement, trade_manage_remind_shipping
}

// SubscribeAnswer is what a person said to a template of subscribe messages.
type SubscribeAnswer struct {
	Template string
	Accepted bool
}

// MessageReport is what became of a subscribe message.
type MessageReport struct {
	Template  string
	MsgID     string
	ErrorCode int // 0 for one that was delivered
	Status    string
}

// MediaVerdict is what WeChat found in an image.
type MediaVerdict struct {
	TraceID string
	Suggest string // pass, review or risky; empty with an Errcode
	Label   int
	Errcode int // why it could not be looked at
	Check   *core.Record
}

// TradeNotice is what WeChat's shipping management says about an order.
type TradeNotice struct {
	Order         *core.Record // nil when it is not one of ours
	TransactionID string
	OutTradeNo    string
	PaidAt        time.Time
	ShippedAt     time.Time
	ReceivedAt    time.Time
	SettledAt     time.Time // zero until the money is the shop's
}

// OnPush is triggered for everything that WeChat pushes, after wxbase has done its own part.
func (p *Plugin) OnPush() *hook.Hook[*PushEvent] { return p.onPush }

// pushCodec is what checks the pushes of a mini program.
func (p *Plugin) pushCodec(appID string) (*wechat.PushCodec, error) {
	app, err := p.settings.App(appID)
	if err != nil {
		return nil, err
	}
	app = p.simPush(app)
	return wechat.NewPushCodec(wechat.PushConfig{
		AppID: app.AppID, Token: app.PushToken, AESKey: app.PushAESKey, AllowPlain: app.PushMode == "plain",
	})
}

// verifyPush handles GET /api/wx/push/{appid}, with which WeChat tries the address when it is saved.
func (p *Plugin) verifyPush(e *core.RequestEvent) error {
	codec, err := p.pushCodec(e.Request.PathValue("appid"))
	if err != nil {
		return answer.Fail(answer.PushApp, err)
	}
	echo, err := codec.VerifyURL(e.Request.URL.Query(), p.now())
	if err != nil {
		return answer.Fail(problemOfPush(err), err)
	}
	return e.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(echo))
}

// receivePush handles POST /api/wx/push/{appid}, in XML and JSON, in the clear and encrypted.
func (p *Plugin) receivePush(e *core.RequestEvent) error {
	appID := e.Request.PathValue("appid")
	codec, err := p.pushCodec(appID)
	if err != nil {
		return answer.Fail(answer.PushApp, err)
	}
	body, err := io.ReadAll(io.LimitReader(e.Request.Body, wechat.PushLimit+1))
	if err != nil {
		return answer.Fail(answer.PushMalformed, err)
	}
	query := e.Request.URL.Query()
	m, err := codec.Open(query, body, p.now())
	if err != nil {
		p.keepRefusedAs(e.App, "push", appID, pushHeaders(query), body, err)
		return answer.Fail(problemOfPush(err), err)
	}
	if err := p.keepPush(e.App, m, query); err != nil {
		return answer.Fail(answer.PushFailed, err)
	}
	return e.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte("success"))
}

// keepPush keeps a push and the work that it makes in one commit. A push that is there already is only counted.
func (p *Plugin) keepPush(app core.App, m wechat.PushMessage, query url.Values) error {
	about := m.Event
	if about == "" {
		about = m.MsgType
	}
	row := map[string]any{
		"kind": "push", "source": m.AppID, "dedupeKey": "push/" + m.DedupeKey(), "headers": pushHeaders(query), "body": string(m.Raw),
		"verified": true, "ref": about[:min(len(about), 100)],
	}
	err := app.RunInTransaction(func(tx core.App) error {
		seen, err := countInbox(tx, row, inboxReceived, "")
		if err != nil || seen > 1 {
			return err
		}
		return queueEffect(tx, effectPush, m.DedupeKey(), map[string]any{"push": row["dedupeKey"]})
	})
	if err != nil {
		return err
	}
	p.outbox.wake()
	return nil
}

// pushHeaders are the parameters that the signature rests on; nothing else of the request is kept.
func pushHeaders(query url.Values) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{"signature", "msg_signature", "timestamp", "nonce", "encrypt_type", "openid"} {
		if value := query.Get(name); value != "" {
			kept[name] = value[:min(len(value), 200)]
		}
	}
	return kept
}

func problemOfPush(err error) answer.Problem {
	switch {
	case errors.Is(err, wechat.ErrPushStale):
		return answer.PushStale
	case errors.Is(err, wechat.ErrPushSignature):
		return answer.PushSignature
	case errors.Is(err, wechat.ErrPushTooLarge):
		return answer.PushTooLarge
	case errors.Is(err, wechat.ErrPushAppID):
		return answer.PushApp
	case errors.Is(err, wechat.ErrPushNoKey), errors.Is(err, wechat.ErrPushPlain), errors.Is(err, wechat.ErrPushDecrypt):
		return answer.PushConfig
	default:
		return answer.PushMalformed
	}
}

// handlePush works on a push that was kept: our own part first, then OnPush.
func (p *Plugin) handlePush(ctx context.Context, row *core.Record) error {
	var job struct {
		Push string `json:"push"`
	}
	if err := row.UnmarshalJSONField("payload", &job); err != nil {
		return finalError{fmt.Errorf("read payload: %w", err)}
	}
	kept, err := p.app.FindFirstRecordByData("wx_inbox", "dedupeKey", job.Push)
	if err != nil {
		return fmt.Errorf("read push: %w", err)
	}
	m, err := pushOf(kept)
	if err != nil {
		return finalError{err}
	}
	event, err := p.pushEvent(m)
	if err != nil {
		return err
	}
	if err := p.applyPush(ctx, event, job.Push); err != nil {
		return err
	}
	if err := p.onPush.Trigger(event); err != nil {
		return fmt.Errorf("tell of push: %w", err)
	}
	_, err = p.app.NonconcurrentDB().Update("wx_inbox", dbx.Params{"state": inboxApplied}, dbx.HashExp{"id": kept.Id}).Execute()
	if err != nil {
		return fmt.Errorf("save inbox: %w", err)
	}
	return nil
}

// pushOf reads a push back from the inbox.
func pushOf(kept *core.Record) (wechat.PushMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(kept.GetString("body"))))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return wechat.PushMessage{}, fmt.Errorf("read push: %w", err)
	}
	if one, ok := fields["List"].(map[string]any); ok {
		fields["List"] = []any{one}
	}
	word := func(name string) string {
		if fields[name] == nil {
			return ""
		}
		return fmt.Sprint(fields[name])
	}
	m := wechat.PushMessage{
		AppID: kept.GetString("source"), ToUserName: word("ToUserName"), FromUserName: word("FromUserName"), MsgType: word("MsgType"),
		Event: word("Event"), MsgID: word("MsgId"), Fields: fields,
	}
	if seconds, err := json.Number(word("CreateTime")).Int64(); err == nil {
		m.CreateTime = time.Unix(seconds, 0)
	}
	return m, nil
}
