package complaints

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/order"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// step is one line of a complaint's history, as it is kept and shown.
type step struct {
	At       string   `json:"at"` // RFC 3339, empty where nobody said
	By       string   `json:"by"`
	What     string   `json:"what"`
	Said     string   `json:"said"`
	Pictures []string `json:"pictures"`
}

// Words of a history that bear on a deadline.
const (
	wasMade      = "USER_CREATE_COMPLAINT"
	wasContinued = "USER_CONTINUE_COMPLAINT"
	wasAnswered  = "MERCHANT_RESPONSE"
)

// mostSteps is how many lines are kept: the latest.
const mostSteps = 300

// readPay asks WeChat Pay for a complaint and writes down what it says.
func (c *Complaints) readPay(ctx context.Context, mchID, number string) (*core.Record, error) {
	desk, err := c.payDesk(mchID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx)
	defer cancel()
	said, err := desk.Complaint(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("read complaint %s: %w", number, err)
	}
	history, err := desk.ComplaintSteps(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("read history of complaint %s: %w", number, err)
	}
	return c.save(SourcePay, number, payFields(said, oldestFirst(history, func(h wxpay.ComplaintStep) time.Time { return h.At })))
}

// payFields are the columns of a complaint at WeChat Pay.
func payFields(said wxpay.Complaint, history []wxpay.ComplaintStep) map[string]any {
	fields := map[string]any{
		"merchant": said.MchID, "openid": said.OpenID, "state": knownState(said.State), "problem": books.Clip(said.Problem, 32),
		"description": books.Clip(said.Description, 500), "detail": books.Clip(said.Detail, 2_000), "applyRefund": int64(max(said.ApplyRefund, 0)),
		"fullRefunded": said.FullRefunded, "userWaits": said.UserWaits, "urgent": said.InPlatform || said.Immediate, "times": max(said.Times, 0), "at": said.At,
		"pictures": texts(said.Pictures), "steps": payHistory(history), "dueAt": payDeadline(said, history),
	}
	if len(said.Orders) > 0 {
		one := said.Orders[0]
		fields["outTradeNo"], fields["transaction"], fields["amount"] = books.Clip(one.OutTradeNo, 64), books.Clip(one.TransactionID, 64), int64(max(one.Amount, 0))
	}
	return fields
}

// knownState takes a word that nobody knows for a complaint that is open: it must not fall out of the inbox.
func knownState(state string) string {
	if slices.Contains([]string{Pending, Processed}, state) {
		return state
	}
	return Processing
}

func payHistory(history []wxpay.ComplaintStep) []step {
	steps := make([]step, 0, len(history))
	for _, h := range history {
		steps = append(steps, step{At: days.Stamp(h.At), By: books.Clip(h.By, 60), What: h.What, Said: books.Clip(h.Said, 1_000), Pictures: texts(h.Pictures)})
	}
	return steps[max(0, len(steps)-mostSteps):]
}

// oldestFirst puts a history in order. note: several steps may have one second; which of them came first, the order in which WeChat gives them
// tells, and that is with the latest first where the times say nothing else.
func oldestFirst[T any](history []T, at func(T) time.Time) []T {
	history = slices.Clone(history)
	if n := len(history); n > 0 && !at(history[0]).Before(at(history[n-1])) {
		slices.Reverse(history)
	}
	slices.SortStableFunc(history, func(a, b T) int { return at(a).Compare(at(b)) })
	return history
}

// payDeadline is when the shop has to have done what comes next, zero when nothing does; history has the oldest step first. A payer who goes on after the end begins anew.
func payDeadline(said wxpay.Complaint, history []wxpay.ComplaintStep) time.Time {
	if said.State == Processed {
		return time.Time{}
	}
	begun, answered := said.At, false
	for _, h := range history {
		switch h.What {
		case wasMade, wasContinued:
			if !h.At.IsZero() {
				begun, answered = h.At, false
			}
		case wasAnswered:
			answered = true
		}
	}
	if said.State == Pending && !answered {
		return begun.Add(firstAnswer)
	}
	return begun.Add(wholeAnswer)
}

// readPlatform asks the platform for a trade complaint and writes down what it says.
func (c *Complaints) readPlatform(ctx context.Context, appID, number string) (*core.Record, error) {
	client, err := c.platform(appID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx)
	defer cancel()
	said, err := client.TradeComplaint(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("read trade complaint %s: %w", number, err)
	}
	return c.save(SourcePlatform, number, platformFields(appID, said))
}

// platformFields are the columns of a trade complaint. note: at which numbers one is over, the documents do not say; what waits for the shop they do.
func platformFields(appID string, said wechat.TradeComplaint) map[string]any {
	state, due := Processing, said.Expires
	switch said.Status {
	case wechat.TradeToAnswer:
		state = Pending
	case wechat.TradeToProve:
	default:
		due = time.Time{}
	}
	if due.IsZero() && (said.Status == wechat.TradeToAnswer || said.Status == wechat.TradeToProve) {
		due = said.At.Add(platformStep)
	}
	steps := make([]step, 0, len(said.Steps))
	for _, s := range oldestFirst(said.Steps, func(s wechat.TradeStep) time.Time { return s.At }) {
		steps = append(steps, step{At: days.Stamp(s.At), Said: books.Clip(s.Said, 1_000), Pictures: []string{}})
	}
	return map[string]any{
		"appid": appID, "openid": said.OpenID, "state": state, "status": said.Status, "problem": fmt.Sprint(said.Type), "description": books.Clip(said.Product, 500),
		"detail": books.Clip(said.Detail, 2_000), "outTradeNo": books.Clip(said.OutTradeNo, 64), "transaction": books.Clip(said.TransactionID, 64),
		"at": said.At, "dueAt": due, "steps": steps[max(0, len(steps)-mostSteps):], "pictures": []string{}, "userWaits": !due.IsZero(),
	}
}

// save writes what WeChat said, and calls a person or sends them home. The order and the user are ours. It gives nil for a complaint that nothing is
// to be done about and whose payer has been forgotten here: the sweep must not bring back what was deleted.
func (c *Complaints) save(source, number string, fields map[string]any) (*core.Record, error) {
	defer c.Locks.Lock("complaint/" + source + "/" + number)()
	var saved *core.Record
	err := c.App.RunInTransaction(func(tx core.App) error {
		row, err := find(tx, source, number)
		if err != nil {
			return err
		}
		row.Load(fields)
		row.Set("readAt", c.Now())
		if err := c.connect(tx, row); err != nil {
			return err
		}
		if row.IsNew() && row.GetDateTime("dueAt").IsZero() {
			if gone, err := isForgotten(tx, row.GetString("user")); gone || err != nil {
				return err
			}
		}
		switch {
		case row.GetString("state") != Processed:
			row.Set("closedAt", "")
		case row.GetDateTime("closedAt").IsZero():
			row.Set("closedAt", c.Now())
		}
		if err := books.Write(tx, row); err != nil {
			return err
		}
		saved = row
		return c.call(tx, row)
	})
	if err != nil {
		return nil, fmt.Errorf("save complaint %s: %w", number, err)
	}
	return saved, nil
}

// isForgotten tells whether a person has been deleted, or is just being.
func isForgotten(tx core.App, user string) (bool, error) {
	if user == "" {
		return false, nil
	}
	rows, err := books.Select(tx, "wx_erasures", "`user` = ? AND `state` IN ('RUNNING', 'DONE')", user)
	return len(rows) > 0, err
}

// find gives the row of a complaint, new where there is none.
func find(tx core.App, source, number string) (*core.Record, error) {
	row, err := books.Find(tx, table, dbx.HashExp{"source": source, "number": number})
	if !errors.Is(err, sql.ErrNoRows) {
		return row, err
	}
	collection, err := tx.FindCachedCollectionByNameOrId(table)
	if err != nil {
		return nil, err
	}
	row = core.NewRecord(collection)
	row.Load(map[string]any{"source": source, "number": number})
	return row, nil
}

// connect finds the order that a complaint is about, and its buyer.
func (c *Complaints) connect(tx core.App, row *core.Record) error {
	payment, err := books.First(tx, "payments", "`outTradeNo` = ? AND (`merchant` = ? OR ? = '') ORDER BY `created` DESC",
		row.GetString("outTradeNo"), row.GetString("merchant"), row.GetString("merchant"))
	if errors.Is(err, sql.ErrNoRows) {
		return nil // paid elsewhere, or not at all: it is a complaint all the same
	}
	if err != nil {
		return err
	}
	o, err := books.ByID(tx, "orders", payment.GetString("order"))
	if err != nil {
		return err
	}
	row.Set("order", o.Id)
	row.Set("user", o.GetString("user"))
	if row.GetString("merchant") == "" {
		row.Set("merchant", payment.GetString("merchant"))
	}
	if row.GetInt("amount") == 0 && payment.GetString("state") == string(order.PaymentPaid) {
		row.Set("amount", payment.GetInt("amount"))
	}
	if row.GetString("appid") == "" {
		row.Set("appid", o.GetString("appid"))
	}
	return nil
}

// call raises the alert of a complaint that waits for the shop, and settles it when it does not.
func (c *Complaints) call(tx core.App, row *core.Record) error {
	due := row.GetDateTime("dueAt")
	if due.IsZero() {
		return errors.Join(c.Books.Settle(tx, books.AlertComplaint, row.Id, "it was answered"), c.Books.Settle(tx, books.AlertComplaintDue, row.Id, "it was answered"))
	}
	kind := books.AlertComplaint
	if due.Time().Sub(c.Now()) < littleTime {
		kind = books.AlertComplaintDue
	}
	open, err := tx.CountRecords("wx_alerts", dbx.HashExp{"kind": string(kind), "subject": row.Id, "closedAt": ""})
	if err != nil || open > 0 {
		return err // note: what is open is not counted up by each look
	}
	return c.Books.Raise(tx, kind, row.Id, map[string]any{
		"complaint": row.Id, "source": row.GetString("source"), "number": row.GetString("number"), "due": days.Stamp(due.Time()), "concerns": row.GetString("order"),
	})
}

// texts is never nil, which JSON would tell as null.
func texts(list []string) []string { return append([]string{}, list...) }

// listOf reads a column of JSON; what is none is an empty list.
func listOf[T any](row *core.Record, field string) []T {
	list := []T{}
	if json.Unmarshal([]byte(row.GetString(field)), &list) != nil || list == nil {
		return []T{}
	}
	return list
}
