package hooks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/settings"
	"wxbase/internal/subscribe"
)

// bindConfigChecks refuses, when they are saved, rows that could never work. Mini programs and merchants are the settings' own.
//
// note: only what a save changes is looked at, so that a row of before goes on being sold from and can be mended field by field.
func bindConfigChecks(app core.App) {
	app.OnRecordValidate("products", "product_variants").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxProduct", Func: checkProductRow})
	app.OnRecordValidate("rooms").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxRoomRules", Func: checkRoomRow})
}

// changed tells whether a save changes a field.
func changed(r *core.Record, field string) bool {
	return r.IsNew() || r.GetString(field) != r.Original().GetString(field)
}

// checkProductRow wants a price before a product is on sale: WeChat takes no order of 0 fen.
func checkProductRow(e *core.RecordEvent) error {
	if (changed(e.Record, "price") || changed(e.Record, "active")) && e.Record.GetBool("active") && e.Record.GetInt("price") < 1 {
		return validation.Errors{"price": validation.NewError("price_missing", "a product on sale needs a price of at least 1 fen")}
	}
	return e.Next()
}

// checkRoomRow evaluates the rules of a room once: a broken one lets nobody in, which looks like a rule that is strict.
func checkRoomRow(e *core.RecordEvent) error {
	for _, field := range []string{"joinRule", "publishRule"} {
		if !changed(e.Record, field) {
			continue
		}
		if err := settings.CheckRule(e.App, "rooms", e.Record.GetString(field)); err != nil {
			return validation.Errors{field: validation.NewError("rule_invalid", "cannot be evaluated: "+err.Error())}
		}
	}
	return e.Next()
}

// storedAdvice lists rows of before that could never work, in words for the owner.
func storedAdvice(app core.App) (advice []string) {
	unpriced, err := app.CountRecords("products", dbx.HashExp{"active": true}, dbx.NewExp("price < 1"))
	if err == nil && unpriced > 0 {
		advice = append(advice, fmt.Sprintf("%d products are on sale without a price, so that nobody can buy them: set a price, or active to false", unpriced))
	}
	for _, collection := range []string{"rooms", "wx_templates"} {
		rows, err := app.FindAllRecords(collection)
		if err != nil {
			continue
		}
		for _, r := range rows {
			if problem := rowProblem(app, r); problem != "" {
				advice = append(advice, fmt.Sprintf("%s %s cannot work: %s", collection, r.Id, problem))
			}
		}
	}
	return advice[:min(len(advice), maxStoredAdvice)]
}

// maxStoredAdvice bounds the start lines.
const maxStoredAdvice = 20

// rowProblem is what the dashboard would say of a row today.
func rowProblem(app core.App, r *core.Record) string {
	if r.Collection().Name == "rooms" {
		for _, field := range []string{"joinRule", "publishRule"} {
			if err := settings.CheckRule(app, "rooms", r.GetString(field)); err != nil {
				return field + ": " + err.Error()
			}
		}
		return ""
	}
	data, err := subscribe.TemplateData(r)
	if err != nil {
		return err.Error()
	}
	if err := subscribe.CheckTemplateKeys(data); err != nil {
		return err.Error()
	}
	return ""
}

// demoAdvice announces superusers of the demo that live on in a real start: their password was printed, and may be in a log.
func demoAdvice(app core.App) []string {
	password := keptDemoPassword(app.DataDir())
	if password == "" {
		return nil
	}
	users, err := app.FindAllRecords(core.CollectionNameSuperusers)
	if err != nil {
		return nil
	}
	var names []string
	for _, user := range users[:min(len(users), maxStoredAdvice)] { // note: each costs a bcrypt
		if user.ValidatePassword(password) {
			names = append(names, user.Email())
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []string{"the superuser of the demo lives on (" + strings.Join(names, ", ") + "), with the password that was printed: change it, or delete the account"}
}
