package books

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/days"
	"wxbase/internal/wechat"
)

// ErrQuotaSpent says that a quota is used up.
var ErrQuotaSpent = errors.New("quota is used up")

// Quota is a limit of uses, counted in wx_quotas.
type Quota struct {
	Key   string
	Most  int
	Until time.Time // when the count may be deleted; zero: never
}

// quotas counts uses.
type quotas struct{ *base }

// Spend counts one use and returns the number of uses. When the limit is reached it counts nothing and fails with
// ErrQuotaSpent. It is one statement, so of two concurrent calls only one gets the last use.
func (s *quotas) Spend(app core.App, q Quota) (used int, err error) { return s.spend(app, q, 1) }

// spend counts n uses at once, all or none.
func (s *quotas) spend(app core.App, q Quota, n int) (used int, err error) {
	if q.Most < n {
		return 0, ErrQuotaSpent
	}
	until := ""
	if !q.Until.IsZero() {
		until = q.Until.UTC().Format(days.Stored)
	}
	err = app.NonconcurrentDB().NewQuery(`INSERT INTO wx_quotas (id, [[key]], used, most, expiresAt, created, updated)
		VALUES ({:id}, {:key}, {:n}, {:most}, {:until}, {:now}, {:now})
		ON CONFLICT ([[key]]) DO UPDATE SET used = used + {:n}, most = excluded.most, updated = excluded.updated
			WHERE used + {:n} <= excluded.most
		RETURNING used`).Bind(dbx.Params{
		"id": core.GenerateDefaultRandomId(), "key": q.Key, "n": n, "most": q.Most, "until": until, "now": time.Now().UTC().Format(days.Stored),
	}).Row(&used)
	if errors.Is(err, sql.ErrNoRows) {
		return q.Most, ErrQuotaSpent
	}
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", q.Key, err)
	}
	return used, nil
}

// GiveBack returns a use that had no effect.
func (s *quotas) GiveBack(app core.App, q Quota) { s.giveBack(app, q, 1) }

func (s *quotas) giveBack(app core.App, q Quota, n int) {
	_, err := app.NonconcurrentDB().NewQuery("UPDATE wx_quotas SET used = used - {:n} WHERE [[key]] = {:key} AND used >= {:n}").
		Bind(dbx.Params{"key": q.Key, "n": n}).Execute()
	s.LogError("giving back of a quota", err)
}

// SweepQuotas deletes the counts of past days.
func (s *quotas) SweepQuotas() {
	_, err := s.app.NonconcurrentDB().NewQuery("DELETE FROM wx_quotas WHERE expiresAt != '' AND expiresAt < {:now}").
		Bind(dbx.Params{"now": s.now().UTC().Format(days.Stored)}).Execute()
	s.LogError("sweep of quotas", err)
}

// Daily is a user's limit for a day in Beijing.
func (s *quotas) Daily(what, user string, most int) Quota {
	now := s.now().In(days.Beijing())
	return Quota{Key: what + "/user/" + user + "/" + now.Format(time.DateOnly), Most: most, Until: now.AddDate(0, 0, 2)}
}

// SpendDaily takes n of a daily limit; a negative limit means unlimited. conclude returns them when the outcome says
// that nothing was done.
func (s *quotas) SpendDaily(app core.App, q Quota, n int, refusal answer.Problem, per string) (conclude func(error), err error) {
	if q.Most < 0 || n == 0 {
		return func(error) {}, nil
	}
	if _, err := s.spend(app, q, n); errors.Is(err, ErrQuotaSpent) {
		answer := answer.With(refusal, "most", q.Most)
		answer.Data["per"] = per
		return nil, answer
	} else if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	return func(outcome error) {
		if wechat.SurelyNotDone(outcome) {
			s.giveBack(app, q, n)
		}
	}, nil
}
