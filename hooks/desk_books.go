package hooks

import (
	"context"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
)

// booksDeps is what the dashboard's books need.
func (o *office) booksDeps() desk.BooksDeps {
	return desk.BooksDeps{
		Replay: o.replay, Rerun: o.rerunBill, CloseInbox: o.books.CloseInbox, CloseUnmatched: o.books.CloseUnmatched,
		CloseAlert: func(tx core.App, kind, subject, by string) error {
			return o.books.Settle(tx, books.AlertKind(kind), subject, by)
		},
	}
}

// errNothingNew is a message about which WeChat, asked anew, has nothing to say that is not in the books.
var errNothingNew = &desk.UnworkedError{Code: "nothing_new", Reason: "WeChat was asked, and says nothing that is not in the books"}

// replay works on a kept message again.
//
// NB! a row proves nothing about money, whatever its verdict was: WeChat is asked about the number.
func (o *office) replay(ctx context.Context, row *core.Record) (applied bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	mchID, number := row.GetString("source"), row.GetString("ref")
	switch kind := row.GetString("kind"); {
	case kind == "push":
		return o.replayPush(ctx, row)
	case number == "":
		return false, &desk.UnworkedError{Code: "no_number", Reason: "the message names no number that WeChat could be asked about"}
	case kind == "pay":
		applied, err = o.till.Payments.Mend(ctx, mchID, number)
	case kind == "refund":
		gateway, gatewayErr := o.accounts.Gateway(mchID, "")
		if gatewayErr != nil {
			return false, gatewayErr
		}
		applied, err = o.till.Refunds.Mend(ctx, mchID, gateway, number)
	default:
		return false, &desk.UnworkedError{Code: "unknown_kind", Reason: "messages of kind " + kind + " are not worked on"}
	}
	if err == nil && !applied {
		err = errNothingNew
	}
	return applied, err
}

func (o *office) replayPush(ctx context.Context, row *core.Record) (bool, error) {
	if !row.GetBool("verified") {
		return false, &desk.UnworkedError{Code: "not_verified", Reason: "the push did not verify, so that anybody may have sent it"}
	}
	c, err := o.app.FindCachedCollectionByNameOrId("wx_outbox")
	if err != nil {
		return false, err
	}
	job := core.NewRecord(c) // note: never saved; it only carries the key
	job.Set("payload", map[string]any{"push": row.GetString("dedupeKey")})
	err = o.subscribe.HandlePush(ctx, job)
	return err == nil, err
}

// rerunBill compares a day again, for every merchant.
func (o *office) rerunBill(ctx context.Context, date string) error {
	day, err := time.ParseInLocation(time.DateOnly, date, days.Beijing())
	if err != nil {
		return err
	}
	return o.till.Bills.Again(ctx, day)
}

// countMembers counts the users in a room, on every process.
func (o *office) countMembers(ctx context.Context, room string) (int, error) {
	present, err := o.rooms.Hub.Presence(ctx, room)
	return present.Count, err
}
