package complaints

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/events"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// EffectRead asks WeChat about a complaint.
const EffectRead = "complaint.read"

// Handle registers what the outbox does for complaints.
func (c *Complaints) Handle() {
	c.Books.Handle(EffectRead, books.Effect{Do: c.read})
}

// job is what the effect is about.
type job struct {
	Source   string `json:"source"`
	Merchant string `json:"merchant"`
	AppID    string `json:"appid"`
	Number   string `json:"number"`
}

// Notified queues the question that a notification of WeChat Pay's makes us ask, in the transaction that keeps the notification. key is the same
// for the same notification.
func (c *Complaints) Notified(tx core.App, mchID string, note wxpay.ComplaintNotification, key string) error {
	return books.QueueEffect(tx, EffectRead, key, map[string]any{"source": SourcePay, "merchant": mchID, "number": note.ComplaintID})
}

// read carries a question out. A number that WeChat does not know is given up, which a person is told.
func (c *Complaints) read(ctx context.Context, row *core.Record) error {
	var j job
	if err := row.UnmarshalJSONField("payload", &j); err != nil {
		return books.Final(fmt.Errorf("read payload: %w", err))
	}
	_, err := c.ask(ctx, j)
	if isUnknown(err) {
		return books.Final(err)
	}
	return err
}

// ask asks the side on which a complaint was made.
func (c *Complaints) ask(ctx context.Context, j job) (*core.Record, error) {
	switch j.Source {
	case SourcePay:
		return c.readPay(ctx, j.Merchant, j.Number)
	case SourcePlatform:
		return c.readPlatform(ctx, j.AppID, j.Number)
	}
	return nil, books.Final(fmt.Errorf("complaint %s: nobody here asks about the source %q", j.Number, j.Source))
}

// noSuchComplaint is the platform's errcode for a number that there is not.
const noSuchComplaint = 1

// isUnknown tells whether WeChat has said that there is no such complaint.
func isUnknown(err error) bool {
	if pe, ok := errors.AsType[*wxpay.Error](err); ok {
		return pe.Kind == wxpay.KindParam || pe.Kind == wxpay.KindNotFound
	}
	we, ok := errors.AsType[*wechat.Error](err)
	return ok && we.Errcode == noSuchComplaint
}

// HearPush asks about the trade complaint that an event of the platform's is about. Nothing else of the event is believed: in plain mode its
// signature does not cover it.
func (c *Complaints) HearPush(e *events.PushEvent) error {
	if e.MsgType == "event" && strings.TrimSpace(e.Name) == wechat.EventTradeComplaint {
		m := wechat.PushMessage{AppID: e.AppID, MsgType: e.MsgType, Event: wechat.EventTradeComplaint, Fields: e.Fields}
		said, err := m.TradeComplaint()
		switch {
		case err != nil:
			c.App.Logger().Warn("trade complaint not understood", "error", err.Error())
		default:
			_, err = c.readPlatform(context.Background(), e.AppID, said.ID)
			if err != nil && !isUnknown(err) {
				return fmt.Errorf("hear of trade complaint: %w", err)
			}
		}
	}
	return e.Next()
}

// HearRefund asks again about the complaints whose order has money back: WeChat tells nobody of what the shop does itself.
func (c *Complaints) HearRefund(e *events.RefundEvent) error {
	rows, err := books.Select(c.App, table, "`order` = ? AND `source` != ?", e.Order.Id, SourceVirtual)
	if err != nil {
		return fmt.Errorf("find complaints of order: %w", err)
	}
	for _, row := range rows {
		err := books.QueueEffect(c.App, EffectRead, "refund/"+e.Refund.Id+"/"+row.Id, map[string]any{
			"source": row.GetString("source"), "merchant": row.GetString("merchant"), "appid": row.GetString("appid"), "number": row.GetString("number"),
		})
		if err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		c.Books.Wake()
	}
	return e.Next()
}

// jobOf is the question about a row.
func jobOf(row *core.Record) job {
	return job{Source: row.GetString("source"), Merchant: row.GetString("merchant"), AppID: row.GetString("appid"), Number: row.GetString("number")}
}

// sweepDays is how far back the sweep looks for complaints that no notification has brought.
const sweepDays = wxpay.MaxComplaintDays

// Schedule sweeps every hour: a complaint whose notification was lost has a day, not a day and the rest of one. What is due is looked at every ten
// minutes, which calls nobody at WeChat.
func (c *Complaints) Schedule(app core.App) {
	app.Cron().MustAdd("wxComplaints", "23 * * * *", func() { c.Books.LogError("sweep of complaints", c.Sweep(context.Background())) })
	app.Cron().MustAdd("wxComplaintsDue", "*/10 * * * *", func() { c.Books.LogError("deadlines of complaints", c.Remind()) })
}

// Work sweeps once soon after the start, as soon as the shop has sold something: before that nobody can complain.
func (c *Complaints) Work(ctx context.Context) {
	tick := time.NewTicker(c.Soon)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		sold, err := books.Select(c.App, "wx_sales_hours", "1 = 1 LIMIT 1")
		c.Books.LogError("look for sales", err)
		if len(sold) > 0 {
			c.Books.LogError("sweep of complaints", c.Sweep(ctx))
			return
		}
	}
}

// Sweep asks for all complaints of the last 30 days, for those that are open longer, and for those at the platform that wait for the shop, which has
// no list. It sees to the address of the notifications too.
func (c *Complaints) Sweep(ctx context.Context) error {
	merchants, err := c.Accounts.Settings.Merchants()
	if err != nil {
		return fmt.Errorf("list merchants: %w", err)
	}
	var failed []error
	for _, m := range merchants {
		desk, err := c.payDesk(m.MchID)
		if err != nil {
			continue // a merchant without keys of v3 has no such calls
		}
		failed = append(failed, c.sweepMerchant(ctx, m.MchID, desk), c.seeToAddress(ctx, m.MchID, desk))
	}
	return errors.Join(append(failed, c.sweepOpen(ctx))...)
}

// sweepMerchant walks through the list. A complaint that is here and has not changed in what the list tells is not asked for again.
func (c *Complaints) sweepMerchant(ctx context.Context, mchID string, desk wxpay.ComplaintDesk) error {
	for offset, total := 0, 1; offset < total; {
		page, all, err := c.page(ctx, desk, offset)
		if err != nil {
			return fmt.Errorf("list complaints of merchant %s: %w", mchID, err)
		}
		for _, said := range page {
			same, err := c.isKnown(said)
			if err == nil && !same {
				_, err = c.readPay(ctx, mchID, said.ID)
			}
			if err != nil {
				return err
			}
		}
		if len(page) == 0 {
			return nil
		}
		offset, total = offset+len(page), all
	}
	return nil
}

func (c *Complaints) page(ctx context.Context, desk wxpay.ComplaintDesk, offset int) ([]wxpay.Complaint, int, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	now := c.Now()
	return desk.Complaints(ctx, now.Add(-sweepDays*24*time.Hour), now, offset)
}

func (c *Complaints) isKnown(said wxpay.Complaint) (bool, error) {
	n, err := books.Select(c.App, table, "`source` = ? AND `number` = ? AND `state` = ? AND `userWaits` = ? AND `times` = ? AND `fullRefunded` = ?",
		SourcePay, said.ID, knownState(said.State), said.UserWaits, said.Times, said.FullRefunded)
	return len(n) > 0, err
}

// openAtOnce is how many complaints that are open a sweep asks for one by one.
const openAtOnce = 200

// sweepOpen asks for what no list tells.
func (c *Complaints) sweepOpen(ctx context.Context) error {
	rows, err := books.Select(c.App, table, "`state` != ? AND (`source` = ? AND `at` < ? OR `source` = ?) ORDER BY `readAt` LIMIT ?",
		Processed, SourcePay, days.Store(c.Now().Add(-(sweepDays-1)*24*time.Hour)), SourcePlatform, openAtOnce)
	if err != nil {
		return fmt.Errorf("find open complaints: %w", err)
	}
	var failed []error
	for _, row := range rows {
		if _, err := c.ask(ctx, jobOf(row)); err != nil && !isUnknown(err) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// Remind calls a person about what is due soon or overdue.
func (c *Complaints) Remind() error {
	rows, err := books.Select(c.App, table, "`dueAt` != '' AND `dueAt` < ? ORDER BY `dueAt` LIMIT ?", days.Store(c.Now().Add(littleTime)), openAtOnce)
	if err != nil {
		return fmt.Errorf("find complaints that are due: %w", err)
	}
	var failed []error
	for _, row := range rows {
		failed = append(failed, c.App.RunInTransaction(func(tx core.App) error { return c.call(tx, row) }))
	}
	return errors.Join(failed...)
}

// NotifyPath is where WeChat Pay posts about complaints of a merchant, below the public address.
func NotifyPath(mchID string) string { return "/api/wx/notify/complaint/" + mchID }

// seeToAddress tells WeChat Pay where this server is, unless it knows of another: a merchant has one address, and another program may live on it.
func (c *Complaints) seeToAddress(ctx context.Context, mchID string, desk wxpay.ComplaintDesk) error {
	origin := c.Accounts.Settings.PublicURL()
	if origin == "" {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	have, err := desk.ComplaintAddress(ctx)
	if err == nil && have == "" {
		err = desk.SetComplaintAddress(ctx, origin+NotifyPath(mchID))
	}
	if err != nil {
		return fmt.Errorf("see to the complaint address of merchant %s: %w", mchID, err)
	}
	return nil
}
