package hooks

import (
	"database/sql"
	"errors"
	"fmt"
	"time"
	"wxbase/internal/answer"
	"wxbase/internal/days"
	"wxbase/internal/wechat"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// errQuotaSpent says that a quota is used up.
var errQuotaSpent = errors.New("quota is used up")

// quota is an allowance that is counted in wx_quotas.
type quota struct {
	key   string
	most  int
	until time.Time // when the count is of no use any more; zero: never
}

// spend counts one use and returns how many there are now. It fails with errQuotaSpent, and counts nothing, when there were as many as
// are allowed. It is one statement, so that of two at once only one gets the last.
func (b *books) spend(app core.App, q quota) (used int, err error) { return b.spendSome(app, q, 1) }

// spendSome counts n uses at once, all or none.
func (b *books) spendSome(app core.App, q quota, n int) (used int, err error) {
	if q.most < n {
		return 0, errQuotaSpent
	}
	until := ""
	if !q.until.IsZero() {
		until = q.until.UTC().Format(days.Stored)
	}
	err = app.NonconcurrentDB().NewQuery(`INSERT INTO wx_quotas (id, [[key]], used, most, expiresAt, created, updated)
		VALUES ({:id}, {:key}, {:n}, {:most}, {:until}, {:now}, {:now})
		ON CONFLICT ([[key]]) DO UPDATE SET used = used + {:n}, most = excluded.most, updated = excluded.updated
			WHERE used + {:n} <= excluded.most
		RETURNING used`).Bind(dbx.Params{
		"id": core.GenerateDefaultRandomId(), "key": q.key, "n": n, "most": q.most, "until": until, "now": time.Now().UTC().Format(days.Stored),
	}).Row(&used)
	if errors.Is(err, sql.ErrNoRows) {
		return q.most, errQuotaSpent
	}
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", q.key, err)
	}
	return used, nil
}

// giveBack takes a use back that came to nothing.
func (b *books) giveBack(app core.App, q quota) { b.giveSomeBack(app, q, 1) }

func (b *books) giveSomeBack(app core.App, q quota, n int) {
	_, err := app.NonconcurrentDB().NewQuery("UPDATE wx_quotas SET used = used - {:n} WHERE [[key]] = {:key} AND used >= {:n}").
		Bind(dbx.Params{"key": q.key, "n": n}).Execute()
	b.logErr("giving back of a quota", err)
}

// sweepQuotas forgets the counts of days that are over.
func (b *books) sweepQuotas() {
	_, err := b.app.NonconcurrentDB().NewQuery("DELETE FROM wx_quotas WHERE expiresAt != '' AND expiresAt < {:now}").
		Bind(dbx.Params{"now": b.now().UTC().Format(days.Stored)}).Execute()
	b.logErr("sweep of quotas", err)
}

// daily is what a user may do in a day in Beijing.
func (b *books) daily(what, user string, most int) quota {
	now := b.now().In(days.Beijing())
	return quota{key: what + "/user/" + user + "/" + now.Format(time.DateOnly), most: most, until: now.AddDate(0, 0, 2)}
}

// spendDaily takes n of a daily limit; below 0 there is none. conclude gives them back when the outcome says that nothing was done.
func (b *books) spendDaily(app core.App, q quota, n int, refusal answer.Problem, per string) (conclude func(error), err error) {
	if q.most < 0 || n == 0 {
		return func(error) {}, nil
	}
	if _, err := b.spendSome(app, q, n); errors.Is(err, errQuotaSpent) {
		answer := answer.With(refusal, "most", q.most)
		answer.Data["per"] = per
		return nil, answer
	} else if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	return func(outcome error) {
		if wechat.SurelyNotDone(outcome) {
			b.giveSomeBack(app, q, n)
		}
	}, nil
}
