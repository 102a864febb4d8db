package chats

import (
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/rows"
)

// view is a chat in the list.
type view struct {
	ID         string   `json:"id"`
	AppID      string   `json:"appid"`
	User       string   `json:"user"`
	Name       string   `json:"name"`
	Last       string   `json:"last"`
	LastAt     string   `json:"lastAt"`
	LastFromUs bool     `json:"lastFromUs"`
	Unread     int      `json:"unread"`
	Left       int      `json:"left"`      // answers that WeChat still takes
	Until      string   `json:"until"`     // empty when it takes none
	HoursLeft  *float64 `json:"hoursLeft"` // null when it takes none
	Open       bool     `json:"open"`      // a window is open, even if nothing is left in it
}

// line is a message of a chat.
type line struct {
	ID      string `json:"id"`
	FromUs  bool   `json:"fromUs"`
	Kind    string `json:"kind"`
	Text    string `json:"text"`
	Title   string `json:"title"`
	Page    string `json:"page"`
	URL     string `json:"url"`
	Picture string `json:"picture"` // KEPT, WAITING, GONE, or empty without one
	State   string `json:"state"`
	Error   string `json:"error"`
	By      string `json:"by"`
	At      string `json:"at"`
}

// detail is a chat with what was said, and the person's orders beside it.
type detail struct {
	view

	Messages []line      `json:"messages"` // the oldest first
	More     bool        `json:"more"`     // there are older ones: ask with before
	Orders   []orderView `json:"orders"`   // the newest first
	Transfer bool        `json:"transfer"` // WeChat's own tools answer
}

// orderView is an order of the person's. Amounts are fen.
type orderView struct {
	ID          string `json:"id"`
	Number      string `json:"number"`
	Description string `json:"description"`
	PayState    string `json:"payState"`
	ShipState   string `json:"shipState"`
	Total       int64  `json:"total"`
	Created     string `json:"created"`
}

// How many rows a page has.
const (
	linesAtOnce  = 60
	ordersBeside = 10
)

// List handles GET /api/wx/admin/chats?state=&search=&page=&perPage=. state is all (the default), unread, or open: WeChat still takes answers. What
// is unread comes first, then the newest.
func (c *Chats) List(e *core.RequestEvent) error {
	query := e.Request.URL.Query()
	parts := []dbx.Expression{dbx.NewExp("[[lastAt]] != ''")}
	switch query.Get("state") {
	case "", "all":
	case "unread":
		parts = append(parts, dbx.NewExp("[[unread]] > 0"))
	case "open":
		parts = append(parts, dbx.NewExp("[[askedAt]] > {:since}", dbx.Params{"since": days.Store(c.Now().Add(-windows[0].life))}))
	default:
		return answer.Field(answer.FieldInvalid, "state", "all, unread or open")
	}
	if word := strings.TrimSpace(query.Get("search")); word != "" {
		parts = append(parts, dbx.Or(dbx.Like("last", word), dbx.NewExp("[[user]] IN (SELECT [[id]] FROM {{users}} WHERE instr([[name]], {:name}) > 0)", dbx.Params{"name": word})))
	}
	ask, err := desk.PageOf(e)
	if err != nil {
		return err
	}
	return desk.AnswerPage(e, ask, table, dbx.And(parts...), "[[unread]] = 0, lastAt DESC, rowid DESC", func(found []*core.Record) ([]view, error) {
		items := make([]view, 0, len(found))
		for _, row := range found {
			v, err := c.viewOf(e.App, row)
			if err != nil {
				return nil, err
			}
			items = append(items, v)
		}
		return items, nil
	})
}

func (c *Chats) viewOf(app core.App, row *core.Record) (v view, err error) {
	v = view{
		ID: row.Id, AppID: row.GetString("appid"), User: row.GetString("user"), Last: row.GetString("last"), LastAt: days.Stamp(row.GetDateTime("lastAt").Time()),
		LastFromUs: row.GetBool("lastFromUs"), Unread: row.GetInt("unread"),
	}
	a, err := c.allowanceOf(app, row)
	if err != nil {
		return v, err
	}
	v.Left, v.Until, v.Open = a.Left, days.Stamp(a.Until), a.Open
	if !a.Until.IsZero() {
		hours := float64(int(a.Until.Sub(c.Now()).Hours()*10)) / 10
		v.HoursLeft = &hours
	}
	if v.User == "" {
		return v, nil
	}
	user, err := books.ByID(app, "users", v.User)
	if errors.Is(err, sql.ErrNoRows) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.Name = user.GetString("name")
	return v, nil
}

// Show handles GET /api/wx/admin/chats/{id}?before=, where before is the id of a message: the ones before it.
func (c *Chats) Show(e *core.RequestEvent) error {
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	return c.show(e, row)
}

func (c *Chats) show(e *core.RequestEvent, row *core.Record) error {
	v, err := c.viewOf(e.App, row)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	d := detail{view: v, Transfer: c.Transfer}
	if d.Messages, d.More, err = linesOf(e.App, row.Id, e.Request.URL.Query().Get("before")); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if d.Orders, err = ordersOf(e.App, row.GetString("user")); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, d)
}

// linesOf are the last messages, or those before one.
func linesOf(app core.App, chat, before string) (list []line, more bool, err error) {
	where, values := "`chat` = ?", []any{chat}
	if before != "" {
		edge, err := books.First(app, messages, "`id` = ? AND `chat` = ?", before, chat)
		if errors.Is(err, sql.ErrNoRows) {
			return []line{}, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		at := days.Store(edge.GetDateTime("at").Time())
		where, values = "`chat` = ? AND (`at` < ? OR `at` = ? AND rowid < (SELECT rowid FROM `wx_chat_messages` WHERE `id` = ?))", []any{chat, at, at, before}
	}
	found, err := books.Select(app, messages, where+" ORDER BY `at` DESC, rowid DESC LIMIT ?", append(values, linesAtOnce+1)...)
	if err != nil {
		return nil, false, err
	}
	if more = len(found) > linesAtOnce; more {
		found = found[:linesAtOnce]
	}
	slices.Reverse(found)
	list = make([]line, 0, len(found))
	for _, r := range found {
		list = append(list, line{
			ID: r.Id, FromUs: r.GetBool("fromUs"), Kind: r.GetString("kind"), Text: r.GetString("text"), Title: r.GetString("title"), Page: r.GetString("page"),
			URL: r.GetString("url"), Picture: r.GetString("pictureState"), State: r.GetString("state"), Error: r.GetString("error"), By: r.GetString("by"),
			At: days.Stamp(r.GetDateTime("at").Time()),
		})
	}
	return list, more, nil
}

// ordersOf are the newest orders of a person.
func ordersOf(app core.App, user string) ([]orderView, error) {
	list := []orderView{}
	if user == "" {
		return list, nil
	}
	found, err := books.Select(app, "orders", "`user` = ? ORDER BY `created` DESC LIMIT ?", user, ordersBeside)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		o := rows.OrderOf(r)
		list = append(list, orderView{
			ID: o.Id, Number: o.Number(), Description: o.Description(), PayState: string(o.PayState()), ShipState: o.ShipState(), Total: o.Total(),
			Created: days.Stamp(o.GetDateTime("created").Time()),
		})
	}
	return list, nil
}
