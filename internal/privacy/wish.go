package privacy

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
)

// States of wx_erasures. Only one row of a user waits or runs.
const (
	waiting   = "WAITING"
	running   = "RUNNING"
	done      = "DONE"
	withdrawn = "WITHDRAWN"
)

// Who wishes, if it is not a person of the shop.
const (
	byUser   = "user"
	byWeChat = "wechat"
)

// wish is a person's wish.
type wish struct {
	user   string
	by     string
	reason string
	grace  time.Duration
}

// view is a wish as it is answered.
type view struct {
	State     string         `json:"state"` // WAITING, RUNNING, DONE, WITHDRAWN
	By        string         `json:"by"`    // user, wechat, or the address of an operator
	Reason    string         `json:"reason"`
	DueAt     types.DateTime `json:"dueAt"`
	DoneAt    types.DateTime `json:"doneAt"`
	Kept      any            `json:"kept"`      // rows that stayed, by collection, once it is done
	UnderWay  []string       `json:"underWay"`  // numbers of orders that it waits for
	Requested types.DateTime `json:"requested"` // when the wish was made
	Error     string         `json:"error"`     // why the last attempt failed, for operators
}

// openWish reads the row of a user that waits or runs; sql.ErrNoRows where there is none.
func openWish(app core.App, user string) (*core.Record, error) {
	return books.First(app, erasuresTable, "`user` = ? AND `doneAt` = ''", user)
}

// keep writes a wish, or brings the one that waits forward to an earlier day. The sessions of the person end with it, everywhere.
func (p *Privacy) keep(w wish) (row *core.Record, err error) {
	due := p.Now().Add(w.grace)
	err = p.App.RunInTransaction(func(tx core.App) error {
		row, err = openWish(tx, w.user)
		switch {
		case isMissing(err):
			row, err = books.Insert(tx, erasuresTable, map[string]any{
				"user": w.user, "state": waiting, "by": w.by, "reason": w.reason, "dueAt": due, "nextAt": due,
			})
		case err == nil && row.GetString("state") == waiting && due.Before(row.GetDateTime("dueAt").Time()):
			row.Set("dueAt", due)
			row.Set("nextAt", due)
			err = books.Write(tx, row)
		}
		if err != nil {
			return fmt.Errorf("keep wish: %w", err)
		}
		return endSessions(tx, w.user)
	})
	return row, err
}

// endSessions makes every token of a user worth nothing.
func endSessions(tx core.App, id string) error {
	user, err := books.ByID(tx, usersTable, id)
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	user.RefreshTokenKey()
	return books.Save(tx, user)
}

// TakeBack ends the wish of a user that still waits, and tells whether there was one. It is called at every login, and says that the person is
// back.
func (p *Privacy) TakeBack(app core.App, user, by string) (bool, error) {
	var id string
	err := books.Row(app, "SELECT `id` FROM `wx_erasures` WHERE `user` = ? AND `doneAt` = '' AND `state` = 'WAITING'", []any{user}, &id)
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a wish: %w", err)
	}
	now := p.Now().UTC().Format(days.Stored)
	result, err := app.NonconcurrentDB().Update(erasuresTable, dbx.Params{"state": withdrawn, "doneAt": now, "endedBy": by, "updated": now},
		dbx.HashExp{"id": id, "state": waiting}).Execute()
	if err != nil {
		return false, fmt.Errorf("take a wish back: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// refuseForMoney answers which orders are in the way.
func (p *Privacy) refuseForMoney(app core.App, user string) error {
	open, err := p.moneyUnderWay(app, user)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if len(open) > 0 {
		return answer.With(answer.ForgetMoney, "orders", open)
	}
	return nil
}

func (p *Privacy) show(app core.App, row *core.Record) (view, error) {
	v := view{
		State: row.GetString("state"), By: row.GetString("by"), Reason: row.GetString("reason"), DueAt: row.GetDateTime("dueAt"),
		DoneAt: row.GetDateTime("doneAt"), Kept: row.Get("kept"), Requested: row.GetDateTime("created"), Error: row.GetString("error"), UnderWay: []string{},
	}
	if v.State != waiting {
		return v, nil
	}
	open, err := p.moneyUnderWay(app, row.GetString("user"))
	v.UnderWay = append(v.UnderWay, open...)
	return v, err
}
