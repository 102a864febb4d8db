package subscribe

// Messages that the server sends by itself: a row of wx_templates says what to tell a buyer when an order is paid or shipped, or when a
// refund has come back. The message is queued in the transaction of the transition, once for each, and sent by the worker.
//
// It goes out at most once. What WeChat could not take is tried again for a day; what it refuses for good, first of all for want of the
// buyer's yes, is done, with its error in wx_outbox. Where the answer was lost nothing is sent again: a buyer is not told twice.

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/order"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// Events of wx_templates.
const (
	toldPaid     = "order.paid"
	toldShipped  = "order.shipped"
	toldRefunded = "refund.succeeded"
)

// messageLife is how long it makes sense to tell a buyer of something.
const messageLife = 24 * time.Hour

// messageJob is the payload of a row of effectMessage.
type messageJob struct {
	Order    string    `json:"order"`
	Refund   string    `json:"refund,omitempty"`
	Template string    `json:"template"` // row of wx_templates
	At       time.Time `json:"at"`
	Sent     bool      `json:"sent"` // a call is out, or its answer was lost
}

// BindTemplates watches orders and refunds.
func (s *Subscribe) BindTemplates() {
	// note: one handler for each, because a hook with tags changes the handler that it is given
	s.App.OnRecordUpdate("orders", "refunds").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxTellBuyer", Func: s.watchForMessages})
	s.App.OnRecordCreate("refunds").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxTellBuyer", Func: s.watchForMessages})
	for _, collection := range []string{"orders", "refunds"} {
		books.Watch(s.App, collection, s.watchEngine)
	}
	s.App.OnRecordValidate("wx_templates").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxTemplate", Func: checkTemplateRow})
}

// watchForMessages queues what a saved row gives occasion to. It runs inside the transaction of the one who saves.
func (s *Subscribe) watchForMessages(e *core.RecordEvent) error {
	events := eventsOf(e.Record.Original(), e.Record)
	if err := e.Next(); err != nil {
		return err
	}
	return s.queueEvents(e.App, events, e.Record)
}

// watchEngine is watchForMessages for rows that the engine writes. A new order is not an event.
func (s *Subscribe) watchEngine(tx core.App, before, after *core.Record) error {
	isRefund := after.Collection().Name == "refunds"
	if before == nil && isRefund {
		before = core.NewRecord(after.Collection()) // one that was made by hand may be over already
	}
	if before == nil {
		return nil
	}
	return s.queueEvents(tx, eventsOf(before, after), after)
}

func (s *Subscribe) queueEvents(tx core.App, events []string, r *core.Record) error {
	for _, event := range events {
		if err := s.queueMessages(tx, event, r); err != nil {
			return fmt.Errorf("queue message: %w", err)
		}
	}
	return nil
}

// eventsOf tells what a row goes through.
func eventsOf(before, r *core.Record) (events []string) {
	turns := func(field, to string) bool { return r.GetString(field) == to && before.GetString(field) != to }
	if r.Collection().Name == "refunds" {
		if turns("state", string(order.RefundSuccess)) {
			events = append(events, toldRefunded)
		}
		return events
	}
	if turns("payState", string(order.PayPaid)) && before.GetString("payState") == string(order.PayUnpaid) {
		events = append(events, toldPaid)
	}
	if turns("shipState", order.ShipShipped) {
		events = append(events, toldShipped)
	}
	return events
}

// queueMessages queues one effect for each template of an event.
func (s *Subscribe) queueMessages(tx core.App, event string, r *core.Record) error {
	templates, err := books.IDs(tx, "SELECT `id` FROM `wx_templates` WHERE `event` = ? AND `enabled`", event)
	if err != nil {
		return err
	}
	for _, template := range templates {
		job := messageJob{Order: r.Id, Template: template, At: s.Now()}
		if event == toldRefunded {
			job.Order, job.Refund = r.GetString("order"), r.Id
		}
		err := books.QueueEffect(tx, effectMessage, event+"/"+r.Id+"/"+template, map[string]any{
			"order": job.Order, "refund": job.Refund, "template": job.Template, "at": job.At,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// effectMessage tells a buyer of an event.
const effectMessage = "message.send"

// HandleMessages registers the effect. A final failure to send raises no alert.
func (s *Subscribe) HandleMessages() {
	s.Books.Handle(effectMessage, books.Effect{Do: s.tellBuyer, Alert: func(row *core.Record, outcome error) error {
		if books.IsFinal(outcome) {
			return nil
		}
		return s.Books.AlertForEffect(row, outcome)
	}})
}

// tellBuyer makes one try of a row of effectMessage.
func (s *Subscribe) tellBuyer(ctx context.Context, row *core.Record) error {
	var job messageJob
	if err := row.UnmarshalJSONField("payload", &job); err != nil {
		return books.Final(fmt.Errorf("read payload: %w", err))
	}
	switch {
	case job.Sent:
		return books.Final(errors.New("an earlier try may have sent it"))
	case s.Now().Sub(job.At) > messageLife:
		return books.Final(errors.New("too late to tell"))
	}
	m, err := s.messageOf(job)
	if err != nil || m.Template == "" {
		return err
	}
	// NB! kept before the call, so that a process that dies here does not tell the buyer twice
	job.Sent = true
	row.Set("payload", job)
	if err := books.Write(s.App, row); err != nil {
		return fmt.Errorf("save outbox: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	_, err = s.sendMessage(ctx, m)
	job.Sent = !wechat.SurelyNotDone(err)
	row.Set("payload", job)
	if err != nil && isForGood(err) {
		return books.Final(err)
	}
	return err
}

// isForGood tells whether sending again is wrong or of no use.
func isForGood(err error) bool {
	if !wechat.SurelyNotDone(err) {
		return true
	}
	if reply, ok := errors.AsType[*router.ApiError](err); ok {
		return reply.Data["code"] != answer.WxBusy.Code
	}
	we, ok := errors.AsType[*wechat.Error](err)
	if !ok {
		return false
	}
	switch we.Kind {
	case wechat.KindArgs, wechat.KindState, wechat.KindRisk, wechat.KindUnsupported, wechat.KindUnknown, wechat.KindBadAnswer:
		return true
	default:
		return false
	}
}

// messageOf fills a template in. A template that is gone, switched off, or of another mini program gives no message.
func (s *Subscribe) messageOf(job messageJob) (Message, error) {
	t, err := s.App.FindRecordById("wx_templates", job.Template)
	if errors.Is(err, sql.ErrNoRows) {
		return Message{}, nil
	}
	if err != nil {
		return Message{}, fmt.Errorf("read template: %w", err)
	}
	o, err := s.App.FindRecordById("orders", job.Order)
	if err != nil {
		return Message{}, fmt.Errorf("read order: %w", err)
	}
	if appID := t.GetString("appid"); !t.GetBool("enabled") || appID != "" && appID != o.GetString("appid") {
		return Message{}, nil
	}
	words, err := s.wordsOf(o, job)
	if err != nil {
		return Message{}, err
	}
	data, err := TemplateData(t)
	if err != nil {
		return Message{}, books.Final(err)
	}
	for key, text := range data {
		data[key] = words.Replace(text)
	}
	return Message{
		User: o.GetString("user"), AppID: o.GetString("appid"), Template: t.GetString("templateId"), Page: words.Replace(t.GetString("page")),
		Data: data, State: t.GetString("state"), Lang: t.GetString("lang"), Trim: true,
	}, nil
}

// wordsOf are the values of the placeholders.
func (s *Subscribe) wordsOf(o *core.Record, job messageJob) (*strings.Replacer, error) {
	items, err := order.ParseItems(o.GetString("items"))
	if err != nil {
		return nil, err
	}
	refunded := ""
	if job.Refund != "" {
		refund, err := s.App.FindRecordById("refunds", job.Refund)
		if err != nil {
			return nil, fmt.Errorf("read refund: %w", err)
		}
		refunded = wxpay.Fen(refund.GetInt("amount")).String()
	}
	what := o.GetString("description")
	if len(items) > 0 {
		what = order.Description(items)
	}
	return strings.NewReplacer(
		"{id}", o.Id, "{number}", o.GetString("number"), "{total}", wxpay.Fen(o.GetInt("total")).String(), "{items}", what,
		"{time}", job.At.In(days.Beijing()).Format("2006-01-02 15:04"), "{refund}", refunded, "{note}", cmp.Or(o.GetString("note"), "无"),
	), nil
}

// placeholder is anything that looks like one.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// TemplateData reads the mapping of a template.
func TemplateData(t *core.Record) (map[string]string, error) {
	var data map[string]string
	if err := t.UnmarshalJSONField("data", &data); err != nil || len(data) == 0 {
		return nil, errors.New(`data must map keys of the template to text, such as {"thing1": "{items}"}`)
	}
	return data, nil
}

// checkTemplateRow refuses, when it is saved, a mapping that could never be sent.
func checkTemplateRow(e *core.RecordEvent) error {
	data, err := TemplateData(e.Record)
	if err != nil {
		return validation.Errors{"data": validation.NewError("data_invalid", err.Error())}
	}
	if err := CheckTemplateKeys(data); err != nil {
		return err
	}
	known := []string{"{id}", "{number}", "{total}", "{items}", "{time}", "{note}"}
	if e.Record.GetString("event") == toldRefunded {
		known = append(known, "{refund}")
	}
	data["page"] = e.Record.GetString("page")
	for _, text := range data {
		for _, word := range placeholder.FindAllString(text, -1) {
			if !slices.Contains(known, word) {
				return validation.Errors{"data": validation.NewError("data_invalid", "placeholders are "+strings.Join(known, ", "))}
			}
		}
	}
	return e.Next()
}
