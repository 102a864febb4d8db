package subscribe

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
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/wechat"
)

// inboxReceived is the state of a push that waits to be worked on.
const inboxReceived = "RECEIVED"

// pushCodec is what checks the pushes of a mini program.
func (s *Subscribe) pushCodec(appID string) (*wechat.PushCodec, error) {
	app, err := s.Accounts.Settings.App(appID)
	if err != nil {
		return nil, err
	}
	app = s.SimPush(app)
	return wechat.NewPushCodec(wechat.PushConfig{
		AppID: app.AppID, Token: app.PushToken, AESKey: app.PushAESKey, AllowPlain: app.PushMode == "plain",
	})
}

// VerifyPush handles GET /api/wx/push/{appid}, with which WeChat tries the address when it is saved.
func (s *Subscribe) VerifyPush(e *core.RequestEvent) error {
	codec, err := s.pushCodec(e.Request.PathValue("appid"))
	if err != nil {
		return answer.Fail(answer.PushApp, err)
	}
	echo, err := codec.VerifyURL(e.Request.URL.Query(), s.Now())
	if err != nil {
		return answer.Fail(problemOfPush(err), err)
	}
	return e.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(echo))
}

// ReceivePush handles POST /api/wx/push/{appid}, in XML and JSON, in the clear and encrypted.
func (s *Subscribe) ReceivePush(e *core.RequestEvent) error {
	appID := e.Request.PathValue("appid")
	codec, err := s.pushCodec(appID)
	if err != nil {
		return answer.Fail(answer.PushApp, err)
	}
	body, err := io.ReadAll(io.LimitReader(e.Request.Body, wechat.PushLimit+1))
	if err != nil {
		return answer.Fail(answer.PushMalformed, err)
	}
	query := e.Request.URL.Query()
	m, err := codec.Open(query, body, s.Now())
	if err != nil {
		s.Books.KeepRefused(e.App, "push", appID, pushHeaders(query), body, err)
		return answer.Fail(problemOfPush(err), err)
	}
	if inquiry, err := m.XpayInquiry(); err == nil {
		return s.answerInquiry(e, m, inquiry)
	}
	if err := s.keepPush(e.App, m, query); err != nil {
		return answer.Fail(answer.PushFailed, err)
	}
	if m.IsXpay() {
		body, contentType := m.XpayAnswer()
		return e.Blob(http.StatusOK, contentType, body)
	}
	return s.answerPush(e, codec, m)
}

// answerPush says that a push is kept, or hands it over to WeChat's own staff.
func (s *Subscribe) answerPush(e *core.RequestEvent, codec *wechat.PushCodec, m wechat.PushMessage) error {
	if s.HandOver != nil {
		if words := s.HandOver(m, s.Now().Unix()); len(words) > 0 {
			sealed, err := codec.Seal(m, words, s.Now())
			if err != nil {
				return answer.Fail(answer.PushFailed, err)
			}
			return e.Blob(http.StatusOK, "text/plain; charset=utf-8", sealed)
		}
	}
	return e.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte("success"))
}

// answerInquiry answers Apple, which waits three seconds, before anything is written; the question is kept afterwards.
func (s *Subscribe) answerInquiry(e *core.RequestEvent, m wechat.PushMessage, inquiry wechat.XpayInquiry) error {
	said, err := s.OnInquiry(m.AppID, inquiry)
	if err != nil {
		return answer.Fail(answer.PushFailed, err) // note: Apple asks again, and takes silence for "unknown"
	}
	body, err := json.Marshal(said)
	if err != nil {
		return answer.Fail(answer.PushFailed, err)
	}
	e.Response.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if err := e.Blob(http.StatusOK, "application/json; charset=utf-8", body); err != nil {
		return err
	}
	_ = http.NewResponseController(e.Response).Flush() // note: what cannot flush sends at the end
	s.Books.LogError("keep Apple's inquiry", s.keepPush(e.App, m, e.Request.URL.Query()))
	return nil
}

// keepPush keeps a push and the work that it makes in one commit. A push that is there already is only counted.
func (s *Subscribe) keepPush(app core.App, m wechat.PushMessage, query url.Values) error {
	about := m.Event
	if about == "" {
		about = m.MsgType
	}
	row := map[string]any{
		"kind": "push", "source": m.AppID, "dedupeKey": "push/" + m.DedupeKey(), "headers": pushHeaders(query), "body": string(m.KeepableRaw()),
		"verified": true, "ref": about[:min(len(about), 100)],
	}
	err := app.RunInTransaction(func(tx core.App) error {
		seen, err := books.CountInbox(tx, row, inboxReceived, "")
		if err != nil || seen > 1 {
			return err
		}
		return books.QueueEffect(tx, EffectPush, m.DedupeKey(), map[string]any{"push": row["dedupeKey"]})
	})
	if err != nil {
		return err
	}
	s.Books.Wake()
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

// EffectPush works on what WeChat has pushed.
const EffectPush = "push.handle"

// HandlePush works on a push that was kept: our own part first, then OnPush.
func (s *Subscribe) HandlePush(ctx context.Context, row *core.Record) error {
	var job struct {
		Push string `json:"push"`
	}
	if err := row.UnmarshalJSONField("payload", &job); err != nil {
		return books.Final(fmt.Errorf("read payload: %w", err))
	}
	kept, err := s.App.FindFirstRecordByData("wx_inbox", "dedupeKey", job.Push)
	if err != nil {
		return fmt.Errorf("read push: %w", err)
	}
	m, err := pushOf(kept)
	if err != nil {
		return books.Final(err)
	}
	event, err := s.pushEvent(m)
	if err != nil {
		return err
	}
	if m.IsXpay() {
		if err := s.OnXpay(ctx, m); err != nil {
			return err
		}
	}
	if err := s.applyPush(ctx, event, job.Push); err != nil {
		return err
	}
	if err := s.OnPush.Trigger(event); err != nil {
		return fmt.Errorf("tell of push: %w", err)
	}
	_, err = s.App.NonconcurrentDB().Update("wx_inbox", dbx.Params{"state": books.InboxApplied}, dbx.HashExp{"id": kept.Id}).Execute()
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
