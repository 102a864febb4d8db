package desk

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// ruleView is what the server tells a buyer by itself, and when.
type ruleView struct {
	ID         string            `json:"id"` // empty for an event that sends nothing yet
	Event      string            `json:"event"`
	AppID      string            `json:"appid"`
	TemplateID string            `json:"templateId"`
	Page       string            `json:"page"`
	Data       map[string]string `json:"data"`
	State      string            `json:"state"`
	Lang       string            `json:"lang"`
	Enabled    bool              `json:"enabled"`
}

// ruleForm is the body of PUT: the whole rule, but for state and lang, which stay.
type ruleForm struct {
	AppID      string            `json:"appid"` // empty: every mini program
	TemplateID string            `json:"templateId"`
	Page       string            `json:"page"`
	Data       map[string]string `json:"data"`
	State      *string           `json:"state"`
	Lang       *string           `json:"lang"`
	Enabled    bool              `json:"enabled"`
}

func viewRule(r *core.Record) ruleView {
	v := ruleView{
		ID: r.Id, Event: r.GetString("event"), AppID: r.GetString("appid"), TemplateID: r.GetString("templateId"), Page: r.GetString("page"),
		State: r.GetString("state"), Lang: r.GetString("lang"), Enabled: r.GetBool("enabled"), Data: map[string]string{},
	}
	_ = r.UnmarshalJSONField("data", &v.Data) // data of before that is no texts is shown as none
	return v
}

// ruleEvents are the events that the collection knows.
func ruleEvents(app core.App) ([]string, error) {
	c, err := app.FindCachedCollectionByNameOrId("wx_templates")
	if err != nil {
		return nil, fmt.Errorf("find wx_templates: %w", err)
	}
	f, ok := c.Fields.GetByName("event").(*core.SelectField)
	if !ok {
		return nil, fmt.Errorf("find wx_templates.event: it is no choice")
	}
	return f.Values, nil
}

// listMessageRules handles GET /api/wx/admin/message-rules: every event, also those that send nothing yet.
func (p *outreachPage) listMessageRules(e *core.RequestEvent) error {
	events, err := ruleEvents(e.App)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	var views []ruleView
	for _, event := range events {
		var rows []*core.Record
		if err := e.App.RecordQuery("wx_templates").AndWhere(dbx.HashExp{"event": event}).OrderBy("created").All(&rows); err != nil {
			return answer.Fail(answer.Busy, fmt.Errorf("read message rules: %w", err))
		}
		views = append(views, each(rows, viewRule)...)
		if len(rows) == 0 {
			views = append(views, ruleView{Event: event, Data: map[string]string{}})
		}
	}
	return answerItems(e, views)
}

// setMessageRule handles PUT /api/wx/admin/message-rules/{event}: the rule of this event for this mini program.
func (p *outreachPage) setMessageRule(e *core.RequestEvent) error {
	event := e.Request.PathValue("event")
	events, err := ruleEvents(e.App)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if !slices.Contains(events, event) {
		return answer.Fail(answer.DeskRowNotFound, nil)
	}
	var form ruleForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	r, err := ruleOf(e.App, event, form.AppID)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	r.Load(map[string]any{"event": event, "appid": form.AppID, "templateId": form.TemplateID, "page": form.Page, "data": form.Data, "enabled": form.Enabled})
	set(r, "state", form.State)
	set(r, "lang", form.Lang)
	About(e, r.Id, event)
	Note(e, "templateId", form.TemplateID)
	Note(e, "enabled", form.Enabled)
	if err := e.App.Save(r); err != nil {
		return asAnswer(refusal(err, ""))
	}
	return e.JSON(http.StatusOK, viewRule(r))
}

// ruleOf finds the rule of an event for a mini program, or begins one.
func ruleOf(app core.App, event, appID string) (*core.Record, error) {
	var rows []*core.Record
	if err := app.RecordQuery("wx_templates").AndWhere(dbx.HashExp{"event": event, "appid": appID}).OrderBy("created").Limit(1).All(&rows); err != nil {
		return nil, fmt.Errorf("read message rules: %w", err)
	}
	if len(rows) > 0 {
		return rows[0], nil
	}
	c, err := app.FindCachedCollectionByNameOrId("wx_templates")
	if err != nil {
		return nil, fmt.Errorf("find wx_templates: %w", err)
	}
	return core.NewRecord(c), nil
}

// messageView is one message that was sent, or was not.
type messageView struct {
	ID         string `json:"id"`
	User       string `json:"user"`
	Name       string `json:"name"`
	TemplateID string `json:"templateId"`
	State      string `json:"state"`
	Error      string `json:"error"`
	Created    string `json:"created"`
	MsgID      string `json:"msgid"`
}

// listMessages handles GET /api/wx/admin/messages?state=, the newest first.
func (p *outreachPage) listMessages(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	where := dbx.HashExp{}
	if state := e.Request.URL.Query().Get("state"); state != "" {
		where["state"] = state
	}
	return AnswerPage(e, ask, "wx_messages", always(where), newest, func(rows []*core.Record) ([]messageView, error) {
		names, err := namesOf(e.App, rows, "user")
		return each(rows, func(r *core.Record) messageView {
			return messageView{
				ID: r.Id, User: r.GetString("user"), Name: names[r.GetString("user")], TemplateID: r.GetString("templateId"), State: r.GetString("state"),
				Error: r.GetString("error"), Created: moment(r.GetDateTime("created")), MsgID: r.GetString("msgid"),
			}
		}), err
	})
}

// namesOf reads the names of the users that rows are about, in one query.
func namesOf(app core.App, rows []*core.Record, field string) (map[string]string, error) {
	ids := make([]any, 0, len(rows))
	for _, r := range rows {
		ids = append(ids, r.GetString(field))
	}
	var users []struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	if err := app.DB().Select("id", "name").From("users").Where(dbx.In("id", ids...)).All(&users); err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID] = u.Name
	}
	return names, nil
}

// consentSum is how many people may be sent how many messages of a template.
type consentSum struct {
	TemplateID string `json:"templateId" db:"templateId"`
	People     int    `json:"people" db:"people"`
	Remaining  int    `json:"remaining" db:"remaining"`
}

// listConsents handles GET /api/wx/admin/consents.
func (p *outreachPage) listConsents(e *core.RequestEvent) error {
	var views []consentSum
	err := e.App.DB().Select("templateId", "SUM(CASE WHEN remaining > 0 THEN 1 ELSE 0 END) AS people", "SUM(remaining) AS remaining").
		From("wx_consents").GroupBy("templateId").OrderBy("templateId").All(&views)
	if err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("add up consents: %w", err))
	}
	return answerItems(e, views)
}
