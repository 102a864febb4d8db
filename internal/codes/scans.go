package codes

// How scans are counted. Opening a scene writes one row per code, day in Beijing and person (wx_scans; guests share a
// row), and the code's total, in one commit. Inviters are separate (wx_invites): a person has one permanent inviter,
// the owner of the first code they scanned as a new user. A person who scanned before having an account reports the
// scene at login.

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/scene"
)

// findScene finds the code of a scene in any of the spellings that a page may get. It fails with sql.ErrNoRows. Of several codes with one
// plain scene it is the one of this mini program and this page, then the shop's own, then the oldest.
func findScene(app core.App, spelling, appID, page string) (*core.Record, error) {
	wanted, err := scene.Normalize(spelling)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", sql.ErrNoRows, err)
	}
	r := &core.Record{}
	hints := dbx.Params{"appid": appID, "page": strings.TrimPrefix(page, "/")}
	err = app.RecordQuery("wx_codes").AndWhere(dbx.HashExp{"scene": wanted}).
		OrderBy("(appid = {:appid}) DESC", "(page = {:page}) DESC", "(maker != '')", "created", "id").AndBind(hints).Limit(1).One(r)
	return r, err
}

// scanner is the person behind a request; empty for guests and for superusers.
func scanner(e *core.RequestEvent) string {
	if e.Auth == nil || e.Auth.Collection().Name != "users" {
		return ""
	}
	return e.Auth.Id
}

// countScan counts one opening of a code, in one commit.
//
// note: plain statements, because two people may scan at once, and record hooks are not worth their cost here.
func (c *Codes) countScan(app core.App, code *core.Record, user string) error {
	now := c.Now()
	params := dbx.Params{
		"id": core.GenerateDefaultRandomId(), "code": code.Id, "user": user, "inviter": code.GetString("user"),
		"day": now.In(days.Beijing()).Format(time.DateOnly), "now": now.UTC().Format(days.Stored),
	}
	return app.RunInTransaction(func(tx core.App) error {
		for _, statement := range []string{
			`INSERT INTO wx_scans (id, code, day, [[user]], inviter, count, firstAt, lastAt, created, updated)
			VALUES ({:id}, {:code}, {:day}, {:user}, {:inviter}, 1, {:now}, {:now}, {:now}, {:now})
			ON CONFLICT (code, day, [[user]]) DO UPDATE SET count = count + 1, lastAt = excluded.lastAt, updated = excluded.updated`,
			"UPDATE wx_codes SET scans = scans + 1, lastScanAt = {:now} WHERE id = {:code}",
		} {
			if _, err := tx.NonconcurrentDB().NewQuery(statement).Bind(params).Execute(); err != nil {
				return fmt.Errorf("count scan: %w", err)
			}
		}
		return nil
	})
}

// keepInviter makes the owner of a code the inviter of a person, if that is due, and tells whether it did. A failure
// here must not refuse a scan or a login.
func (c *Codes) keepInviter(app core.App, code *core.Record, user string) (invited bool) {
	owner := code.GetString("user")
	if user == "" || owner == "" || owner == user {
		return false
	}
	if _, err := books.Find(app, "wx_invites", dbx.HashExp{"user": user}); err == nil {
		return false // most people, most of the time
	}
	err := app.RunInTransaction(func(tx core.App) (err error) {
		invited, err = c.saveInvite(tx, code, owner, user)
		return err
	})
	c.Books.LogError("keeping of an inviter", err)
	return invited && err == nil
}

// saveInvite stores an inviter for a person who has none, whose account is new, and younger than the inviter's. The
// last rule prevents circles of inviters.
func (c *Codes) saveInvite(tx core.App, code *core.Record, inviter, user string) (bool, error) {
	if _, err := books.Find(tx, "wx_invites", dbx.HashExp{"user": user}); !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	guest, err := tx.FindRecordById("users", user)
	if err != nil {
		return false, fmt.Errorf("read user: %w", err)
	}
	host, err := tx.FindRecordById("users", inviter)
	if err != nil {
		return false, fmt.Errorf("read owner of code: %w", err)
	}
	since := guest.GetDateTime("created")
	isNew := c.InviteWithin < 0 || c.Now().Sub(since.Time()) <= c.InviteWithin
	if !isNew || !host.GetDateTime("created").Before(since) {
		return false, nil
	}
	invites, err := tx.FindCachedCollectionByNameOrId("wx_invites")
	if err != nil {
		return false, err
	}
	r := core.NewRecord(invites) // note: saved with its hooks, which is where a program gives its rewards
	r.Load(map[string]any{"user": user, "inviter": inviter, "code": code.Id, "at": c.Now()})
	if err := books.Save(tx, r); err != nil {
		return false, fmt.Errorf("save invite: %w", err)
	}
	return true, nil
}

// ClaimScan is for a person who opened a scene before the login: the scan was counted for a guest then, and only the
// inviter is stored now.
func (c *Codes) ClaimScan(app core.App, spelling, user string) {
	if spelling == "" {
		return
	}
	code, err := findScene(app, spelling, "", "")
	if err != nil {
		return // a scene that leads nowhere must not refuse a login
	}
	c.keepInviter(app, code, user)
}

// MergeScans makes room, before a user becomes another one, where the unique indexes would refuse a moved row: scans are added up, and of
// two inviters the kept user's stays. An inviter who is not older than the kept user is none.
func MergeScans(tx core.App, keep, lose string) error {
	for _, statement := range []string{
		`UPDATE wx_scans SET count = count + (SELECT l.count FROM wx_scans l WHERE l.user = {:lose} AND l.code = wx_scans.code AND l.day = wx_scans.day)
			WHERE user = {:keep} AND EXISTS (SELECT 1 FROM wx_scans l WHERE l.user = {:lose} AND l.code = wx_scans.code AND l.day = wx_scans.day)`,
		`DELETE FROM wx_scans WHERE user = {:lose}
			AND EXISTS (SELECT 1 FROM wx_scans k WHERE k.user = {:keep} AND k.code = wx_scans.code AND k.day = wx_scans.day)`,
		`DELETE FROM wx_invites WHERE user = {:lose} AND (EXISTS (SELECT 1 FROM wx_invites k WHERE k.user = {:keep})
			OR (SELECT created FROM users WHERE id = wx_invites.inviter) >= (SELECT created FROM users WHERE id = {:keep}))`,
		`DELETE FROM wx_invites WHERE user IN ({:keep}, {:lose}) AND inviter IN ({:keep}, {:lose})`,
	} {
		if _, err := tx.NonconcurrentDB().NewQuery(statement).Bind(dbx.Params{"keep": keep, "lose": lose}).Execute(); err != nil {
			return fmt.Errorf("merge scans: %w", err)
		}
	}
	return nil
}

// scanDay is a day of GET /api/wx/admin/scans.
type scanDay struct {
	Day    string `db:"day" json:"day"`
	Scans  int    `db:"scans" json:"scans"`
	Users  int    `db:"users" json:"users"`   // people who were logged in
	Guests int    `db:"guests" json:"guests"` // scans by others
}

// ListScans handles GET /api/wx/admin/scans?code=&from=&to=&inviter= for superusers: `{scans, users, guests, invites, days: [{day, scans,
// users, guests}]}`. Days are Beijing's, both ends count; without them the last 30. All of them together are of all codes.
func (c *Codes) ListScans(e *core.RequestEvent) error {
	query := e.Request.URL.Query()
	today := c.Now().In(days.Beijing())
	from, err := dayOf(query.Get("from"), today.AddDate(0, 0, -29))
	if err != nil {
		return answer.With(answer.BadRequest, "reason", "from is no day, such as 2026-01-31")
	}
	to, err := dayOf(query.Get("to"), today)
	if err != nil {
		return answer.With(answer.BadRequest, "reason", "to is no day, such as 2026-01-31")
	}
	where := dbx.And(dbx.Between("day", from, to), equals("code", query.Get("code")), equals("inviter", query.Get("inviter")))
	days := []scanDay{}
	err = e.App.DB().Select("day", "SUM(count) AS scans", "COUNT(DISTINCT NULLIF([[user]], '')) AS users",
		"SUM(CASE WHEN [[user]] = '' THEN count ELSE 0 END) AS guests").From("wx_scans").Where(where).GroupBy("day").OrderBy("day").All(&days)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	var sum scanDay
	err = e.App.DB().Select("COALESCE(SUM(count), 0) AS scans", "COUNT(DISTINCT NULLIF([[user]], '')) AS users",
		"COALESCE(SUM(CASE WHEN [[user]] = '' THEN count ELSE 0 END), 0) AS guests").From("wx_scans").Where(where).One(&sum)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	invites, err := countInvites(e.App, from, to, query.Get("code"), query.Get("inviter"))
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]any{
		"from": from, "to": to, "scans": sum.Scans, "users": sum.Users, "guests": sum.Guests, "invites": invites, "days": days,
	})
}

// countInvites counts who came through a code, or a person, in some days in Beijing.
func countInvites(app core.App, from, to, code, inviter string) (n int64, err error) {
	start, err := time.ParseInLocation(time.DateOnly, from, days.Beijing())
	if err != nil {
		return 0, err
	}
	end, err := time.ParseInLocation(time.DateOnly, to, days.Beijing())
	if err != nil {
		return 0, err
	}
	span := dbx.And(
		dbx.NewExp("[[at]] >= {:start}", dbx.Params{"start": start.UTC().Format(days.Stored)}),
		dbx.NewExp("[[at]] < {:end}", dbx.Params{"end": end.AddDate(0, 0, 1).UTC().Format(days.Stored)}),
	)
	return app.CountRecords("wx_invites", span, equals("code", code), equals("inviter", inviter))
}

// equals is a condition on a column, and none for an empty value.
func equals(column, value string) dbx.Expression {
	if value == "" {
		return dbx.NewExp("TRUE")
	}
	return dbx.HashExp{column: value}
}

// dayOf reads a day; an empty text is the one given.
func dayOf(text string, otherwise time.Time) (string, error) {
	if text == "" {
		return otherwise.Format(time.DateOnly), nil
	}
	day, err := time.Parse(time.DateOnly, text)
	return day.Format(time.DateOnly), err
}
