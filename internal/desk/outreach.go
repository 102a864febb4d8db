package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// OutreachDeps is what the pages about codes, messages and rooms need.
type OutreachDeps struct {
	// RoomMembers counts who is in a room now.
	RoomMembers func(ctx context.Context, room string) (int, error)
}

// outreachPage shows codes, links, messages and rooms.
type outreachPage struct {
	kit
	OutreachDeps
}

// codeView is one mini-program code.
type codeView struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind"`
	AppID      string          `json:"appid"`
	Page       string          `json:"page"`
	Scene      string          `json:"scene"`
	Payload    json.RawMessage `json:"payload"`
	Image      string          `json:"image"`
	Scans      int             `json:"scans"`
	LastScanAt string          `json:"lastScanAt"`
	Created    string          `json:"created"`
	Maker      string          `json:"maker"` // user that had it made; empty for the shop
}

func viewCode(r *core.Record) codeView {
	return codeView{
		ID: r.Id, Kind: r.GetString("kind"), AppID: r.GetString("appid"), Page: r.GetString("page"), Scene: r.GetString("scene"), Payload: rawOf(r, "payload"),
		Image: fileOf(r, "image"), Scans: r.GetInt("scans"), LastScanAt: moment(r.GetDateTime("lastScanAt")), Created: moment(r.GetDateTime("created")),
		Maker: r.GetString("maker"),
	}
}

// listCodes handles GET /api/wx/admin/codes?search=, the newest first.
func (p *outreachPage) listCodes(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	var where dbx.Expression = dbx.HashExp{}
	if search := strings.TrimSpace(e.Request.URL.Query().Get("search")); search != "" {
		where = dbx.Or(dbx.HashExp{"id": search}, dbx.HashExp{"scene": search}, dbx.Like("page", search), dbx.Like("payload", search))
	}
	return AnswerPage(e, ask, "wx_codes", always(where), newest, func(rows []*core.Record) ([]codeView, error) {
		return each(rows, viewCode), nil
	})
}

// codeStory is a code with what came of it.
type codeStory struct {
	codeView
	Days    []scanDayView `json:"days"` // of the last 90 days, in Beijing, those with scans
	Invites []codeInvite  `json:"invites"`
}

type scanDayView struct {
	Day    string `json:"day" db:"day"`
	Scans  int    `json:"scans" db:"scans"`
	Users  int    `json:"users" db:"users"`
	Guests int    `json:"guests" db:"guests"`
}

type codeInvite struct {
	User        string `json:"user" db:"user"`
	Name        string `json:"name" db:"name"`
	Inviter     string `json:"inviter" db:"inviter"`
	InviterName string `json:"inviterName" db:"inviterName"`
	At          string `json:"at" db:"at"`
}

// Limits of one code's story.
const (
	storyDays   = 90
	mostInvites = 200
)

// showCode handles GET /api/wx/admin/codes/{id}.
func (p *outreachPage) showCode(e *core.RequestEvent) error {
	r, err := rowOf(e, "wx_codes")
	if err != nil {
		return err
	}
	story := codeStory{codeView: viewCode(r), Days: []scanDayView{}, Invites: []codeInvite{}}
	since := p.Now().In(beijing).AddDate(0, 0, 1-storyDays).Format(day)
	err = e.App.DB().Select("day", "SUM(count) AS scans", "COUNT(DISTINCT NULLIF([[user]], '')) AS users",
		"SUM(CASE WHEN [[user]] = '' THEN count ELSE 0 END) AS guests").From("wx_scans").
		Where(dbx.And(dbx.HashExp{"code": r.Id}, dbx.NewExp("day >= {:since}", dbx.Params{"since": since}))).GroupBy("day").OrderBy("day").All(&story.Days)
	if err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("read scans: %w", err))
	}
	err = e.App.DB().Select("i.user", "i.inviter", "i.at", "coalesce(u.name, '') AS name", "coalesce(v.name, '') AS inviterName").From("wx_invites i").
		LeftJoin("users u", dbx.NewExp("u.id = i.[[user]]")).LeftJoin("users v", dbx.NewExp("v.id = i.[[inviter]]")).
		Where(dbx.HashExp{"i.code": r.Id}).OrderBy("i.at DESC").Limit(mostInvites).All(&story.Invites)
	if err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("read invites: %w", err))
	}
	for i, invite := range story.Invites {
		story.Invites[i].At = strings.Replace(invite.At, " ", "T", 1)
	}
	return e.JSON(http.StatusOK, story)
}

// linkView is one link into the mini program.
type linkView struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Path      string `json:"path"`
	Query     string `json:"query"`
	URL       string `json:"url"`
	Created   string `json:"created"`
	ExpiresAt string `json:"expiresAt"`
}

// listLinks handles GET /api/wx/admin/links, the newest first.
func (p *outreachPage) listLinks(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	return AnswerPage(e, ask, "wx_links", always(dbx.HashExp{}), newest, func(rows []*core.Record) ([]linkView, error) {
		return each(rows, func(r *core.Record) linkView {
			return linkView{
				ID: r.Id, Kind: r.GetString("kind"), Path: r.GetString("path"), Query: r.GetString("query"), URL: r.GetString("url"),
				Created: moment(r.GetDateTime("created")), ExpiresAt: moment(r.GetDateTime("expiresAt")),
			}
		}), nil
	})
}

// roomView is one room of the realtime part.
type roomView struct {
	Name     string `json:"name"`
	History  int    `json:"history"` // messages that it keeps
	Presence bool   `json:"presence"`
	Members  int    `json:"members"`
	LastAt   string `json:"lastAt"`
}

// listRooms handles GET /api/wx/admin/rooms.
func (p *outreachPage) listRooms(e *core.RequestEvent) error {
	rows, err := e.App.FindAllRecords("rooms")
	if err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("read rooms: %w", err))
	}
	views := make([]roomView, 0, len(rows))
	for _, r := range rows {
		v := roomView{Name: r.GetString("name"), History: r.GetInt("history"), Presence: r.GetBool("presence")}
		if v.Members, err = p.RoomMembers(e.Request.Context(), v.Name); err != nil {
			return answer.Fail(answer.Busy, fmt.Errorf("count members of a room: %w", err))
		}
		var last []*core.Record
		if err := e.App.RecordQuery("room_messages").AndWhere(dbx.HashExp{"room": r.Id}).OrderBy("seq DESC").Limit(1).All(&last); err != nil {
			return answer.Fail(answer.Busy, fmt.Errorf("read messages of a room: %w", err))
		}
		if len(last) > 0 {
			v.LastAt = moment(last[0].GetDateTime("created"))
		}
		views = append(views, v)
	}
	return answerItems(e, views)
}
