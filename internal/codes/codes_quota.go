package codes

import (
	"database/sql"
	"errors"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// What WeChat allows.
const (
	limitedCodes   = 100_000 // of the kinds code and qrcode together, in the life of a mini program
	codesPerMinute = 2_500   // of the kind unlimited: half of what WeChat allows, because a guard lets twice its number through in the worst minute
)

// CodesPerDay is the default limit of a user's new codes in a day in Beijing.
const CodesPerDay = 100

// takeCodeQuotas counts a code that is about to be made. conclude is to be called with the outcome: what was surely not made does not
// count.
func (c *Codes) takeCodeQuotas(app core.App, plan codePlan) (conclude func(error), err error) {
	var taken []books.Quota
	conclude = func(outcome error) {
		for _, q := range taken {
			if wechat.SurelyNotDone(outcome) {
				c.Books.GiveBack(app, q)
			}
		}
	}
	for _, ask := range []struct {
		quota   books.Quota
		applies bool
		problem answer.Problem
	}{
		{c.userCodes(plan.maker), plan.maker != "" && c.PerDay >= 0, answer.CodeUserQuota},
		{limitedCodesOf(plan.app.AppID), plan.kind != wechat.CodeUnlimited, answer.CodeQuota},
	} {
		if !ask.applies {
			continue
		}
		used, err := c.Books.Spend(app, ask.quota)
		if err != nil {
			conclude(books.ErrQuotaSpent)
			if errors.Is(err, books.ErrQuotaSpent) {
				return nil, answer.With(ask.problem, "most", ask.quota.Most)
			}
			return nil, answer.Fail(answer.Busy, err)
		}
		taken = append(taken, ask.quota)
		if ask.problem == answer.CodeQuota {
			warnOfQuota(app, plan.app, used)
		}
	}
	if plan.kind == wechat.CodeUnlimited && !c.codeMinute.Allow(plan.app.AppID, codesPerMinute, c.Now()) {
		conclude(books.ErrQuotaSpent)
		return nil, answer.Fail(answer.WxRate, nil)
	}
	return conclude, nil
}

func limitedCodesOf(appID string) books.Quota {
	return books.Quota{Key: "codes/limited/" + appID, Most: limitedCodes}
}

func (c *Codes) userCodes(user string) books.Quota {
	now := c.Now().In(days.Beijing())
	return books.Quota{Key: "codes/user/" + user + "/" + now.Format(time.DateOnly), Most: c.PerDay, Until: now.AddDate(0, 0, 2)}
}

// warnOfQuota tells the owner once at nine tenths, and again at every further hundredth.
func warnOfQuota(app core.App, of settings.App, used int) {
	if used >= limitedCodes*9/10 && used%(limitedCodes/100) == 0 {
		app.Logger().Warn("codes of the kinds code and qrcode run out; use the kind unlimited", "appid", of.AppID, "used", used, "most", limitedCodes)
	}
}

// ShowQuotas handles GET /api/wx/admin/quotas for superusers: `{apps: [{appid, limitedCodes: {used, most, left}}]}`.
func (c *Codes) ShowQuotas(e *core.RequestEvent) error {
	apps, err := c.Accounts.Settings.Apps()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	list := []map[string]any{}
	for _, a := range apps {
		row, err := books.Find(e.App, "wx_quotas", dbx.HashExp{"key": limitedCodesOf(a.AppID).Key})
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
