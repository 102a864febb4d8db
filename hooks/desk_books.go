package hooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/days"
	"wxbase/internal/desk"
)

// booksDeps is what the dashboard's books need.
func (p *Plugin) booksDeps() desk.BooksDeps {
	return desk.BooksDeps{Replay: p.replay, Rerun: p.rerunBill}
}

// errNothingNew is a message about which WeChat, asked anew, has nothing to say that is not in the books.
var errNothingNew = errors.New("WeChat was asked, and says nothing that is not in the books")

// replay works on a kept message again.
//
// NB! a row proves nothing about money, whatever its verdict was: WeChat is asked about the number.
func (p *Plugin) replay(ctx context.Context, row *core.Record) (applied bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	mchID, number := row.GetString("source"), row.GetString("ref")
	switch kind := row.GetString("kind"); {
	case kind == "push":
		return p.replayPush(ctx, row)
	case number == "":
		return false, errors.New("the message names no number that WeChat could be asked about")
	case kind == "pay":
		applied, err = p.till.MendPayment(ctx, mchID, number)
	case kind == "refund":
		gateway, gatewayErr := p.accounts.Gateway(mchID, "")
		if gatewayErr != nil {
			return false, gatewayErr
		}
		applied, err = p.till.MendRefund(ctx, mchID, gateway, number)
	default:
		return false, fmt.Errorf("messages of kind %s are not worked on", kind)
	}
	if err == nil && !applied {
		err = errNothingNew
	}
	return applied, err
}

func (p *Plugin) replayPush(ctx context.Context, row *core.Record) (bool, error) {
	if !row.GetBool("verified") {
		return false, errors.New("the push did not verify, so that anybody may have sent it")
	}
	c, err := p.app.FindCachedCollectionByNameOrId("wx_outbox")
	if err != nil {
		return false, err
	}
	job := core.NewRecord(c) // note: never saved; it only carries the key
	job.Set("payload", map[string]any{"push": row.GetString("dedupeKey")})
	err = p.subscribe.HandlePush(ctx, job)
	return err == nil, err
}

// rerunBill compares a day again, for every merchant.
func (p *Plugin) rerunBill(ctx context.Context, date string) error {
	day, err := time.ParseInLocation(time.DateOnly, date, days.Beijing())
	if err != nil {
		return err
	}
	merchants, err := p.accounts.Settings.Merchants()
	if err != nil {
		return err
	}
	p.till.BillRound.Lock()
	defer p.till.BillRound.Unlock()
	for _, m := range merchants {
		if _, err := p.till.Reconcile(ctx, m.MchID, day, func(int, int) {}); err != nil {
			return err
		}
	}
	return nil
}

// countMembers counts the users in a room, on every process.
func (p *Plugin) countMembers(ctx context.Context, room string) (int, error) {
	present, err := p.rooms.Hub.Presence(ctx, room)
	return present.Count, err
}
