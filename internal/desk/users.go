package desk

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// usersPage shows the users of the mini program, with their orders.
type usersPage struct {
	kit

	orders *ordersPage
}

// userView is a user in a list. The phone number is masked; amounts are in fen.
type userView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Avatar   string `json:"avatar"`
	Phone    string `json:"phone"`
	Blocked  bool   `json:"blocked"`
	Created  string `json:"created"`
	LastSeen string `json:"lastSeen"`
	Orders   int    `json:"orders"`
	Paid     int64  `json:"paid"`
}

// listUsers handles GET /api/wx/admin/users?search=&blocked=&page=: the newest first.
func (p *usersPage) listUsers(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	where, err := userFilter(e)
	if err != nil {
		return err
	}
	return AnswerPage(e, ask, "users", where, "created DESC, rowid DESC", func(rows []*core.Record) ([]userView, error) {
		return viewUsers(e.App, rows)
	})
}

// userFilter reads ?search= (a phone number, its last four digits, a name or an id) and ?blocked=.
func userFilter(e *core.RequestEvent) (dbx.Expression, error) {
	query := e.Request.URL.Query()
	var all []dbx.Expression
	switch query.Get("blocked") {
	case "":
	case "1", "true":
		all = append(all, dbx.HashExp{"blocked": true})
	case "0", "false":
		all = append(all, dbx.HashExp{"blocked": false})
	default:
		return nil, answer.Field(answer.FieldInvalid, "blocked", "true or false")
	}
	search := strings.TrimSpace(query.Get("search"))
	if search == "" {
		return both(all...), nil
	}
	if fourDigits.MatchString(search) || phoneDigits.MatchString(search) {
		ids, err := usersByPhone(e.App, search)
		if err != nil {
			return nil, answer.Fail(answer.Busy, err)
		}
		if len(ids) > 0 {
			return both(append(all, anyOf("id", ids))...), nil
		}
	}
	return both(append(all, dbx.Or(dbx.HashExp{"id": search}, dbx.Like("name", search)))...), nil
}

// userSums are what the books say of a user.
type userSums struct {
	User   string `db:"user"`
	Orders int    `db:"orders"`
	Paid   int64  `db:"paid"`
	Seen   string `db:"seen"`
}

// viewUsers shows users with their sums, which are read for all of them at once.
func viewUsers(app core.App, rows []*core.Record) ([]userView, error) {
	sums, err := sumsOf(app, rows)
	if err != nil {
		return nil, err
	}
	return each(rows, func(r *core.Record) userView { return viewUser(r, sums[r.Id]) }), nil
}

func viewUser(r *core.Record, sums userSums) userView {
	v := userView{
		ID: r.Id, Name: r.GetString("name"), Phone: maskPhone(r.GetString("phone")), Blocked: r.GetBool("blocked"), Created: moment(r.GetDateTime("created")),
		LastSeen: sums.Seen, Orders: sums.Orders, Paid: sums.Paid,
	}
	if file := r.GetString("avatar"); file != "" {
		v.Avatar = "/api/files/users/" + r.Id + "/" + file
	}
	return v
}

func sumsOf(app core.App, users []*core.Record) (map[string]userSums, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.Id
	}
	var rows []userSums
	err := userSumsQuery(app, ids).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("add up users: %w", err)
	}
	sums := make(map[string]userSums, len(rows))
	for _, r := range rows {
		if at, err := types.ParseDateTime(r.Seen); err == nil {
			r.Seen = moment(at)
		}
		sums[r.User] = r
	}
	return sums, nil
}

// userSumsQuery adds up what users have ordered, and when they were last seen.
func userSumsQuery(app core.App, ids []string) *dbx.Query {
	return app.DB().NewQuery(`SELECT u.value AS user,
		(SELECT count(*) FROM orders o WHERE o.user = u.value) AS orders,
		(SELECT coalesce(sum(o.total - o.refunded), 0) FROM orders o WHERE o.user = u.value AND o.[[payState]] IN ('PAID', 'PART_REFUNDED', 'REFUNDED')) AS paid,
		(SELECT coalesce(max(i.[[sessionAt]]), '') FROM wx_identities i WHERE i.user = u.value) AS seen
		FROM json_each({:ids}) u`).Bind(dbx.Params{"ids": jsonText(ids)})
}

func userByID(app core.App, id string) (*core.Record, error) {
	return byID(app, "users", id, answer.UserNotFound)
}

// showPhone handles POST /api/wx/admin/users/{id}/phone: the whole number, and a row in the audit about who asked.
func (p *usersPage) showPhone(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	r, err := userByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	About(e, r.Id, r.GetString("name"))
	return e.JSON(http.StatusOK, map[string]any{"phone": r.GetString("phone")})
}

// BlockUser handles POST /api/wx/admin/users/{id}/block {blocked}. Who is blocked is logged out too.
func (p *usersPage) blockUser(e *core.RequestEvent) error {
	var form struct {
		Blocked *bool `json:"blocked"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if form.Blocked == nil {
		return answer.Field(answer.FieldInvalid, "blocked", "true or false")
	}
	Note(e, "blocked", *form.Blocked)
	return p.changeUser(e, func(r *core.Record) { r.Set("blocked", *form.Blocked) })
}

// logoutUser handles POST /api/wx/admin/users/{id}/logout: every token of the user ends, on all devices.
func (p *usersPage) logoutUser(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	return p.changeUser(e, func(r *core.Record) { r.RefreshTokenKey() })
}

func (p *usersPage) changeUser(e *core.RequestEvent, change func(*core.Record)) error {
	r, err := userByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	About(e, r.Id, r.GetString("name"))
	change(r)
	if err := books.Save(e.App, r); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	views, err := viewUsers(e.App, []*core.Record{r})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, views[0])
}
