package desk

import (
	"fmt"
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// userStory is one user with what belongs to them.
type userStory struct {
	userView

	Identities []identityView `json:"identities"`
	Recent     []orderRow     `json:"recent"`
	InvitedBy  *inviteView    `json:"invitedBy"`
	Invited    []inviteView   `json:"invited"`
	Consents   []consentView  `json:"consents"`
}

type identityView struct {
	AppID     string `json:"appid"`
	OpenID    string `json:"openid"`
	UnionID   string `json:"unionid"`
	SessionAt string `json:"sessionAt"`
}

type inviteView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	At   string `json:"at"`
}

type consentView struct {
	TemplateID string `json:"templateId"`
	Remaining  int    `json:"remaining"`
	Answer     string `json:"answer"`
}

// mostOfUser is how much of each kind one page shows.
const mostOfUser = 20

// showUser handles GET /api/wx/admin/users/{id}.
func (p *usersPage) showUser(e *core.RequestEvent) error {
	r, err := userByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	story, err := p.storyOfUser(e.App, r)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, story)
}

func (p *usersPage) storyOfUser(app core.App, r *core.Record) (s userStory, err error) {
	views, err := viewUsers(app, []*core.Record{r})
	if err != nil {
		return s, err
	}
	read := func(collection, column, sort string) (rows []*core.Record) {
		if err == nil {
			err = app.RecordQuery(collection).AndWhere(dbx.HashExp{column: r.Id}).OrderBy(sort).Limit(mostOfUser).All(&rows)
		}
		return rows
	}
	identities, orders := read("wx_identities", "user", "created"), read("orders", "user", "created DESC")
	by, invited := read("wx_invites", "user", "at"), read("wx_invites", "inviter", "at DESC")
	consents := read("wx_consents", "user", "templateId")
	if err != nil {
		return s, fmt.Errorf("read what belongs to %s: %w", r.Id, err)
	}
	people, err := recordsOf(app, "users", append(fieldOf(by, "inviter"), fieldOf(invited, "user")...))
	if err != nil {
		return s, err
	}
	s = userStory{userView: views[0], Identities: each(identities, viewIdentity), Consents: each(consents, viewConsent)}
	for _, i := range by {
		v := viewInvite(people, i.GetString("inviter"), i)
		s.InvitedBy = &v
	}
	s.Invited = each(invited, func(i *core.Record) inviteView { return viewInvite(people, i.GetString("user"), i) })
	s.Recent, err = p.orders.viewOrders(app, orders)
	return s, err
}

func viewIdentity(r *core.Record) identityView {
	return identityView{
		AppID: r.GetString("appid"), OpenID: r.GetString("openid"), UnionID: r.GetString("unionid"), SessionAt: moment(r.GetDateTime("sessionAt")),
	}
}

func viewConsent(r *core.Record) consentView {
	return consentView{TemplateID: r.GetString("templateId"), Remaining: r.GetInt("remaining"), Answer: r.GetString("answer")}
}

func viewInvite(people map[string]*core.Record, id string, invite *core.Record) inviteView {
	v := inviteView{ID: id, At: moment(invite.GetDateTime("at"))}
	if p := people[id]; p != nil {
		v.Name = p.GetString("name")
	}
	return v
}
