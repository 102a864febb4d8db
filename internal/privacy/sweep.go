package privacy

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/days"
)

const (
	waitForMoney = time.Hour        // before a wish is looked at again that waits for an order to end
	waitForError = 10 * time.Minute // or that has failed
	perSweep     = 50               // people a sweep forgets; the rest come with the next
)

// Schedule carries out what is due, every minute, and what the last process did not finish.
func (p *Privacy) Schedule(app core.App) { app.Cron().MustAdd("wxForget", "* * * * *", p.Sweep) }

// Sweep carries out the wishes that are due.
func (p *Privacy) Sweep() {
	var ids []string
	err := p.App.ConcurrentDB().Select("id").From(erasuresTable).
		Where(dbx.And(dbx.HashExp{"doneAt": ""}, dbx.NewExp("[[nextAt]] <= {:now}", dbx.Params{"now": p.Now().UTC().Format(days.Stored)}))).
		OrderBy("nextAt").Limit(perSweep).Column(&ids)
	p.Books.LogError("look for people to forget", err)
	for _, id := range ids {
		p.carryOut(id)
	}
}

// carryOut does what a wish asks for. What fails is kept with the row, and tried again.
func (p *Privacy) carryOut(id string) {
	p.working.Lock()
	defer p.working.Unlock()
	row, err := books.ByID(p.App, erasuresTable, id)
	if err == nil {
		err = p.step(row)
	}
	if err == nil {
		return
	}
	p.Books.LogError("forgetting of a person", err)
	p.Books.LogError("noting of a failed step", p.postpone(id, waitForError, err.Error()))
}

// step takes a wish as far as it goes.
func (p *Privacy) step(row *core.Record) error {
	switch row.GetString("state") {
	case waiting:
		if row.GetDateTime("dueAt").Time().After(p.Now()) {
			return nil // brought back by a later wish
		}
		begun, err := p.begin(row)
		if err != nil || !begun {
			return err
		}
	case running:
	default:
		return nil
	}
	row, err := books.ByID(p.App, erasuresTable, row.Id)
	if err != nil {
		return err
	}
	return p.erase(row)
}

func (p *Privacy) postpone(id string, by time.Duration, reason string) error {
	_, err := p.App.NonconcurrentDB().Update(erasuresTable, dbx.Params{
		"nextAt": p.Now().Add(by).UTC().Format(days.Stored), "error": books.Clip(reason, 500),
	}, dbx.HashExp{"id": id}).Execute()
	if err != nil {
		return fmt.Errorf("put off: %w", err)
	}
	return nil
}

// begin is the point of no return, in one transaction: the identities go, so that the next login makes a new user, and the account is closed. By
// what the rest is found is kept until it is done. Nothing begins while money is under way, looked at here so that no order can be made in between;
// nor when a login was faster, which has withdrawn the wish.
func (p *Privacy) begin(row *core.Record) (begun bool, err error) {
	err = p.App.RunInTransaction(func(tx core.App) error {
		fresh, err := books.ByID(tx, erasuresTable, row.Id)
		if err != nil || fresh.GetString("state") != waiting {
			return err
		}
		user, err := books.ByID(tx, usersTable, row.GetString("user"))
		if isMissing(err) { // merged into another account, whose person is here, or deleted by hand
			fresh.Set("state", withdrawn)
			fresh.Set("doneAt", p.Now())
			return books.Write(tx, fresh)
		}
		if err != nil {
			return err
		}
		open, err := p.moneyUnderWay(tx, user.Id)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			fresh.Set("nextAt", p.Now().Add(waitForMoney))
			return books.Write(tx, fresh)
		}
		who, err := tracesOf(tx, user)
		if err != nil {
			return err
		}
		fresh.Set("state", running)
		fresh.Set("startedAt", p.Now())
		fresh.Set("traces", who)
		if err := books.Write(tx, fresh); err != nil {
			return err
		}
		if err := books.Exec(tx, "DELETE FROM `wx_identities` WHERE `user` = ?", user.Id); err != nil {
			return err
		}
		begun = true
		user.RefreshTokenKey()
		user.Set("blocked", true)
		return books.Save(tx, user)
	})
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	return begun, nil
}
