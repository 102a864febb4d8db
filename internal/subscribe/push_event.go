package subscribe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/people"
	"wxbase/internal/wechat"
)

// pushEvent makes the event of a push. A field that a known event lacks is not an error: it stays empty, and Fields has
// the rest.
func (s *Subscribe) pushEvent(m wechat.PushMessage) (*events.PushEvent, error) {
	event := &events.PushEvent{
		App: s.App, AppID: m.AppID, OpenID: m.FromUserName, MsgType: m.MsgType, Name: m.Event, MsgID: m.MsgID, At: m.CreateTime, Fields: m.Fields,
	}
	identity, err := people.FindIdentity(s.App, m.AppID, m.FromUserName)
	if err == nil {
		event.User, err = s.App.FindRecordById("users", identity.GetString("user"))
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("find user of push: %w", err)
	}
	if answers, err := m.SubscribeAnswers(); err == nil {
		for _, a := range answers {
			event.Answers = append(event.Answers, events.SubscribeAnswer{Template: a.TemplateID, Accepted: a.Accepted()})
		}
	}
	if reports, err := m.SentReports(); err == nil {
		for _, r := range reports {
			event.Reports = append(event.Reports, events.MessageReport{Template: r.TemplateID, MsgID: r.MsgID, ErrorCode: r.ErrorCode, Status: r.ErrorStatus})
		}
	}
	if media, err := m.MediaResult(); err == nil {
		event.Media = &events.MediaVerdict{
			TraceID: media.TraceID, Suggest: string(media.Suggest), Label: int(media.Label), Errcode: media.Errcode,
		}
	}
	event.Trade, err = s.tradeNotice(m)
	return event, err
}

// tradeNotice reads the events of shipping management and finds the order.
func (s *Subscribe) tradeNotice(m wechat.PushMessage) (*events.TradeNotice, error) {
	var key wechat.OrderKey
	notice := &events.TradeNotice{}
	if s, err := m.Settlement(); err == nil {
		key = s.Key
		notice.PaidAt, notice.ShippedAt, notice.ReceivedAt, notice.SettledAt = s.PaidAt, s.ShippedAt, s.ReceivedAt, s.SettledAt
	} else if r, err := m.ShippingReminder(); err == nil {
		key, notice.PaidAt = r.Key, r.PaidAt
	} else {
		return nil, nil //nolint:nilnil // another event
	}
	notice.TransactionID, notice.OutTradeNo = key.TransactionID, key.OutTradeNo
	payment, err := books.Find(s.App, "payments", dbx.HashExp{"merchant": key.MchID, "outTradeNo": key.OutTradeNo})
	if err == nil {
		notice.Order, err = s.App.FindRecordById("orders", payment.GetString("order"))
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("find order of push: %w", err)
	}
	return notice, nil
}

// applyPush does our own part. It may be done again.
func (s *Subscribe) applyPush(ctx context.Context, event *events.PushEvent, key string) error {
	switch {
	case event.Answers != nil && event.User != nil:
		return s.App.RunInTransaction(func(tx core.App) error { return s.applyAnswers(tx, event, key) })
	case event.Reports != nil:
		return s.settleReports(ctx, event)
	case event.Media != nil:
		return s.OnMedia(event.Media, event.At)
	case event.Trade != nil:
		return s.OnTrade(event, key)
	default:
		return nil
	}
}

// applyAnswers books what a person said in the dialog, or switched off later.
func (s *Subscribe) applyAnswers(tx core.App, event *events.PushEvent, key string) error {
	for i, a := range event.Answers {
		report := consentReport{Key: fmt.Sprintf("%s/%d", key, i), From: fromWeChat, Answer: answerReject, At: event.At}
		if a.Accepted {
			report.Answer = answerAccept
		}
		if _, err := s.noteConsent(tx, event.User.Id, a.Template, report); err != nil {
			return err
		}
		if event.Name == wechat.EventSubscribeChange && !a.Accepted {
			if err := clearConsent(tx, event.User.Id, a.Template); err != nil {
				return err
			}
		}
	}
	return nil
}
