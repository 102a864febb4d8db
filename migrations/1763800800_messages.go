package migrations

import (
	"fmt"
	"slices"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upMessages, downMessages)
}

// inboxReceived is the state of a push that is kept and has not been worked on yet.
const inboxReceived = "RECEIVED"

// upMessages makes the log of subscribe messages and the table of those that the server sends by itself, gives consents their answers,
// and the inbox a state for pushes that wait.
func upMessages(app core.App) error {
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	if err := create(app, messageSchema(users), templateSchema()); err != nil {
		return err
	}
	if err := changeFields(app, "wx_consents", func(fields *core.FieldsList) {
		fields.Add(
			&core.SelectField{Name: "answer", Values: []string{"accept", "reject", "ban", "filter"}, MaxSelect: 1},
			date("answeredAt"),
			&core.JSONField{Name: "recent", MaxSize: 16_000, Hidden: true},
		)
	}); err != nil {
		return err
	}
	return changeFields(app, "wx_inbox", func(fields *core.FieldsList) {
		state := fields.GetByName("state").(*core.SelectField)
		state.Values = append(slices.Clone(state.Values), inboxReceived)
	})
}

func downMessages(app core.App) error {
	if err := changeFields(app, "wx_inbox", func(fields *core.FieldsList) {
		state := fields.GetByName("state").(*core.SelectField)
		state.Values = slices.DeleteFunc(slices.Clone(state.Values), func(v string) bool { return v == inboxReceived })
	}); err != nil {
		return err
	}
	if err := changeFields(app, "wx_consents", func(fields *core.FieldsList) {
		for _, name := range []string{"answer", "answeredAt", "recent"} {
			fields.RemoveByName(name)
		}
	}); err != nil {
		return err
	}
	return drop(app, "wx_templates", "wx_messages")
}

// messageSchema: one row per message that WeChat has taken. What the message said is not kept: it is about people.
func messageSchema(users string) schema {
	return schema{
		name: "wx_messages",
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1, CascadeDelete: true},
			need("appid", 32), need("openid", 128), need("templateId", 128), text("page", 1_024), text("msgid", 64),
			state("state", "SENT", "DELIVERED", "FAILED"), text("error", 200),
		},
		indexes: []index{{"user", false, "`user`, `created`", ""}, {"msgid", false, "`msgid`", "`msgid` != ''"}, {"created", false, "`created`", ""}},
	}
}

// templateSchema: what the server tells buyers by itself. data maps the template's keys to text with placeholders.
func templateSchema() schema {
	return schema{
		name: "wx_templates",
		fields: []core.Field{
			state("event", "order.paid", "order.shipped", "refund.succeeded"),
			&core.TextField{Name: "appid", Max: 32, Help: "Empty: every mini program."},
			need("templateId", 128), text("page", 1_024),
			&core.JSONField{
				Name: "data", MaxSize: 4_000, Required: true,
				Help: `Such as {"character_string1": "{number}", "amount2": "{total}", "thing3": "{items}"}; also {time}, {refund}, {note}, {id}.`,
			},
			&core.SelectField{Name: "state", Values: []string{"formal", "trial", "developer"}, MaxSelect: 1},
			&core.SelectField{Name: "lang", Values: []string{"zh_CN", "zh_HK", "zh_TW", "en_US"}, MaxSelect: 1},
			flag("enabled"),
		},
		indexes: []index{{"event", true, "`event`, `appid`, `templateId`", ""}},
	}
}

// changeFields alters the fields of a collection that is there.
func changeFields(app core.App, name string, change func(*core.FieldsList)) error {
	c, err := app.FindCollectionByNameOrId(name)
	if err != nil {
		return fmt.Errorf("find collection %s: %w", name, err)
	}
	change(&c.Fields)
	if err := app.Save(c); err != nil {
		return fmt.Errorf("change collection %s: %w", name, err)
	}
	return nil
}
