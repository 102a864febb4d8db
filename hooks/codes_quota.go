package hooks

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// What WeChat allows.
const (
	limitedCodes   = 100_000 // of the kinds code and qrcode together, in the life of a mini program
	codesPerMinute = 2_500   // of the kind unlimited: half of what WeChat allows, because a guard lets twice its number through in the worst minute
)

// codesPerDay is how many new codes a user may have made in a day in Beijing when nobody said otherwise.
const codesPerDay = 100

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
func (p *Plugin) spend(app core.App, q quota) (used int, err error) { return p.spendSome(app, q, 1) }

// spendSome counts n uses at once, all or none.
func (p *Plugin) spendSome(app core.App, q quota, n int) (used int, err error) {
	if q.most < n {
		return 0, errQuotaSpent
	}
	until := ""
	if !q.until.IsZero() {
		until = q.until.UTC().Format(dbTime)
	}
	err = app.NonconcurrentDB().NewQuery(`INSERT INTO wx_quotas (id, [[key]], used, most, expiresAt, created, updated)
		VALUES ({:id}, {:key}, {:n}, {:most}, {:until}, {:now}, {:now})
		ON CONFLICT ([[key]]) DO UPDATE SET used = used + {:n}, most = excluded.most, updated = excluded.updated
			WHERE used + {:n} <= excluded.most
		RETURNING used`).Bind(dbx.Params{
		"id": core.GenerateDefaultRandomId(), "key": q.key, "n": n, "most": q.most, "until": until, "now": time.Now().UTC().Format(dbTime),
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
func (p *Plugin) giveBack(app core.App, q quota) { p.giveSomeBack(app, q, 1) }

func (p *Plugin) giveSomeBack(app core.App, q quota, n int) {
	_, err := app.NonconcurrentDB().NewQuery("UPDATE wx_quotas SET used = used - {:n} WHERE [[key]] = {:key} AND used >= {:n}").
		Bind(dbx.Params{"key": q.key, "n": n}).Execute()
	p.logErr("giving back of a quota", err)
}

// takeCodeQuotas counts a code that is about to be made. conclude is to be called with the outcome: what was surely not made does not
// count.
func (p *Plugin) takeCodeQuotas(app core.App, plan codePlan) (conclude func(error), err error) {
	var taken []quota
	conclude = func(outcome error) {
		for _, q := range taken {
			if surelyNotDone(outcome) {
				p.giveBack(app, q)
			}
		}
	}
	for _, ask := range []struct {
		quota   quota
		applies bool
		problem answer.Problem
	}{
		{p.userCodes(plan.maker), plan.maker != "" && p.cfg.CodesPerDay >= 0, answer.CodeUserQuota},
		{limitedCodesOf(plan.app.AppID), plan.kind != wechat.CodeUnlimited, answer.CodeQuota},
	} {
		if !ask.applies {
			continue
		}
		used, err := p.spend(app, ask.quota)
		if err != nil {
			conclude(errQuotaSpent)
			if errors.Is(err, errQuotaSpent) {
				return nil, answer.With(ask.problem, "most", ask.quota.most)
			}
			return nil, answer.Fail(answer.Busy, err)
		}
		taken = append(taken, ask.quota)
		if ask.problem == answer.CodeQuota {
			warnOfQuota(app, plan.app, used)
		}
	}
	if plan.kind == wechat.CodeUnlimited && !p.codeMinute.allow(plan.app.AppID, codesPerMinute, p.now()) {
		conclude(errQuotaSpent)
		return nil, answer.Fail(answer.WxRate, nil)
	}
	return conclude, nil
}

// surelyNotDone tells whether WeChat cannot have made, and counted, what was asked for.
func surelyNotDone(outcome error) bool {
	if outcome == nil {
		return false
	}
	we, ok := errors.AsType[*wechat.Error](outcome)
	return !ok || !we.MaybeDone
}

func limitedCodesOf(appID string) quota {
	return quota{key: "codes/limited/" + appID, most: limitedCodes}
}

func (p *Plugin) userCodes(user string) quota {
	now := p.now().In(beijing())
	return quota{key: "codes/user/" + user + "/" + now.Format(time.DateOnly), most: p.cfg.CodesPerDay, until: now.AddDate(0, 0, 2)}
}

// warnOfQuota tells the owner once at nine tenths, and again at every further hundredth.
func warnOfQuota(app core.App, of settings.App, used int) {
	if used >= limitedCodes*9/10 && used%(limitedCodes/100) == 0 {
		app.Logger().Warn("codes of the kinds code and qrcode run out; use the kind unlimited", "appid", of.AppID, "used", used, "most", limitedCodes)
	}
}

// sweepQuotas forgets the counts of days that are over.
func (p *Plugin) sweepQuotas() {
	_, err := p.app.NonconcurrentDB().NewQuery("DELETE FROM wx_quotas WHERE expiresAt != '' AND expiresAt < {:now}").
		Bind(dbx.Params{"now": p.now().UTC().Format(dbTime)}).Execute()
	p.logErr("sweep of quotas", err)
}

// showQuotas handles GET /api/wx/admin/quotas for superusers: `{apps: [{appid, limitedCodes: {used, most, left}}]}`.
func (p *Plugin) showQuotas(e *core.RequestEvent) error {
	apps, err := p.settings.Apps()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	list := []map[string]any{}
	for _, a := range apps {
		row, err := findRow(e.App, "wx_quotas", dbx.HashExp{"key": limitedCodesOf(a.AppID).key})
		used := 0
		switch {
		case err == nil:
			used = row.GetInt("used")
		case !errors.Is(err, sql.ErrNoRows):
			return answer.Fail(answer.Busy, err)
		}
		list = append(list, map[string]any{
			"appid": a.AppID, "limitedCodes": map[string]int{"used": used, "most": limitedCodes, "left": max(0, limitedCodes-used)},
		})
	}
	return e.JSON(http.StatusOK, map[string]any{"apps": list})
}

// numberFrom reads a whole number from the environment.
func numberFrom(env func(string) string, name string, otherwise int) (int, error) {
	text := env(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s must be a whole number", name)
	}
	return n, nil
}
