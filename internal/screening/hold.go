package screening

// The switch "check this field". A row of wx_check_fields names a field of text or images of any collection of the owner's. What people write
// there through the API goes to WeChat's content security, and the record stays out of sight of everybody but its author until it has
// passed: the collection gets a field checkState, and its list and view rules a condition on it. Text is looked at before the record is
// saved; where WeChat does not answer it is held back and the outbox asks again. Images are held until WeChat pushes what it found.
//
// Superusers and the server's own code are trusted: what they write is not checked. A superuser who sets checkState to PASS overrules.
//
// note: files of PocketBase are served to whoever knows their random name, and WeChat must be able to fetch them: it is the record, and
// with it the name, that is out of sight.

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/wechat"
)

// checkStateField is the field that a collection with checked fields gets.
const checkStateField = "checkState"

// checkHeld is the checkState of a record that did not pass. A person decides: PASS, or delete it.
const checkHeld = "HELD"

// checkedField is a row of wx_check_fields.
type checkedField struct {
	name    string
	isImage bool
	refuses bool // a risky text is not kept, a risky image is removed
	scene   wechat.CheckScene
	author  string // field that names who sees what is held back
}

// checkedFields caches wx_check_fields by the name of the collection. The zero value is ready.
type checkedFields struct {
	mu    sync.Mutex
	known map[string][]checkedField // nil: read again
	plans sync.Map                  // *core.Record to *checkPlan, between a request and the saving of its record
}

// of lists the checked fields of a collection.
func (c *checkedFields) of(app core.App, collection string) ([]checkedField, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		rows, err := app.FindAllRecords("wx_check_fields")
		if err != nil {
			return nil, fmt.Errorf("read checked fields: %w", err)
		}
		known := map[string][]checkedField{}
		for _, r := range rows {
			name := r.GetString("collection")
			target, err := app.FindCachedCollectionByNameOrId(name)
			if err != nil {
				continue // deleted meanwhile
			}
			known[target.Name] = append(known[target.Name], readCheckedField(r, target))
		}
		c.known = known
	}
	return c.known[collection], nil
}

func (c *checkedFields) forget() {
	c.mu.Lock()
	c.known = nil
	c.mu.Unlock()
}

func readCheckedField(r *core.Record, target *core.Collection) checkedField {
	_, isImage := target.Fields.GetByName(r.GetString("field")).(*core.FileField)
	scene, err := strconv.Atoi(r.GetString("scene"))
	if err != nil {
		scene = int(wechat.SceneComment)
	}
	return checkedField{
		name: r.GetString("field"), isImage: isImage, refuses: r.GetString("action") == "refuse", scene: wechat.CheckScene(scene),
		author: authorOf(r.GetString("author"), target),
	}
}

// authorOf is the field that names the author; a user is their own.
func authorOf(named string, target *core.Collection) string {
	switch {
	case named != "":
		return named
	case target.Name == "users":
		return "id"
	case target.Fields.GetByName("user") != nil:
		return "user"
	default:
		return ""
	}
}

// BindHolds puts the switch in force.
func (s *Screening) BindHolds() {
	s.App.OnRecordValidate("wx_check_fields").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxCheckField", Func: checkFieldRow})
	for _, h := range []*hook.TaggedHook[*core.RecordEvent]{
		s.App.OnRecordCreate("wx_check_fields"), s.App.OnRecordUpdate("wx_check_fields"), s.App.OnRecordDelete("wx_check_fields"),
	} {
		h.Bind(&hook.Handler[*core.RecordEvent]{Id: "wxGuardCollection", Func: s.guardAfter})
	}
	for _, h := range []*hook.TaggedHook[*core.RecordEvent]{
		s.App.OnRecordAfterCreateSuccess("wx_check_fields"), s.App.OnRecordAfterUpdateSuccess("wx_check_fields"),
		s.App.OnRecordAfterDeleteSuccess("wx_check_fields"),
	} {
		h.Bind(&hook.Handler[*core.RecordEvent]{Id: "wxCheckFields", Func: func(e *core.RecordEvent) error {
			s.checked.forget()
			return e.Next()
		}})
	}
	s.App.OnCollectionUpdate().Bind(&hook.Handler[*core.CollectionEvent]{Id: "wxKeepGuard", Func: s.keepGuard})
	s.App.OnCollectionAfterUpdateSuccess().Bind(&hook.Handler[*core.CollectionEvent]{Id: "wxCheckFields", Func: func(e *core.CollectionEvent) error {
		s.checked.forget()
		return e.Next()
	}})

	s.App.OnRecordCreateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "wxCheckRecord", Func: s.checkRequest})
	s.App.OnRecordUpdateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "wxCheckRecord", Func: s.checkRequest})
	s.App.OnRecordCreate().Bind(&hook.Handler[*core.RecordEvent]{Id: "wxHoldRecord", Func: s.keepPlan})
	s.App.OnRecordUpdate().Bind(&hook.Handler[*core.RecordEvent]{Id: "wxHoldRecord", Func: s.keepPlan})
	s.App.OnRecordAfterCreateSuccess("wx_checks").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxStartCheck", Func: func(e *core.RecordEvent) error {
		s.Books.Wake() // after the commit: the worker must find what it is woken for
		return e.Next()
	}})
	s.App.OnRecordDelete().Bind(&hook.Handler[*core.RecordEvent]{Id: "wxDropChecks", Func: s.dropChecks})
}

// checkFieldRow refuses a switch that could not work.
func checkFieldRow(e *core.RecordEvent) error {
	wrong := func(field, text string) error {
		return validation.Errors{field: validation.NewError("check_field_invalid", text)}
	}
	target, err := e.App.FindCollectionByNameOrId(e.Record.GetString("collection"))
	if err != nil || target.System || target.IsView() || strings.HasPrefix(target.Name, "wx_") {
		return wrong("collection", "must be a collection of your own, or users")
	}
	e.Record.Set("collection", target.Name)
	switch f := target.Fields.GetByName(e.Record.GetString("field")).(type) {
	case *core.TextField, *core.EditorField:
	case *core.FileField:
		if f.Protected {
			return wrong("field", "is protected, so that WeChat could not fetch its files")
		}
	default:
		return wrong("field", "must be a field of text, an editor or files")
	}
	if author := e.Record.GetString("author"); author != "" {
		if _, ok := target.Fields.GetByName(author).(*core.RelationField); !ok {
			return wrong("author", "must be a relation to users")
		}
	}
	return e.Next()
}

// guardAfter sets the rules of a collection in the transaction that changes its switches.
func (s *Screening) guardAfter(e *core.RecordEvent) error {
	app := e.App
	return app.RunInTransaction(func(tx core.App) error {
		e.App = tx
		defer func() { e.App = app }()
		if err := e.Next(); err != nil {
			return err
		}
		names := []string{e.Record.GetString("collection"), e.Record.Original().GetString("collection")}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if name == "" {
				continue
			}
			c, err := tx.FindCollectionByNameOrId(name)
			if err != nil {
				continue // deleted meanwhile
			}
			if err := tx.Save(c); err != nil { // keepGuard does the rest
				return fmt.Errorf("guard collection %s: %w", name, err)
			}
		}
		return nil
	})
}

// keepGuard makes the rules of a collection fit its switches whenever it is saved, so that an edit in the dashboard cannot lose them.
func (s *Screening) keepGuard(e *core.CollectionEvent) error {
	c := e.Collection
	if _, err := e.App.FindCollectionByNameOrId("wx_check_fields"); err != nil {
		return e.Next() // the migration that makes it has not run
	}
	was := c.Name
	if old, err := e.App.FindCollectionByNameOrId(c.Id); err == nil {
		was = old.Name
	}
	rows, err := e.App.FindAllRecords("wx_check_fields", dbx.HashExp{"collection": was})
	if err != nil {
		return fmt.Errorf("read checked fields: %w", err)
	}
	author := ""
	for _, r := range rows {
		if c.Fields.GetByName(r.GetString("field")) == nil {
			return validation.Errors{"fields": validation.NewError("field_checked", r.GetString("field")+" is in wx_check_fields; take it out there first")}
		}
		author = readCheckedField(r, c).author
	}
	setGuard(c, len(rows) > 0, author)
	if err := e.Next(); err != nil || was == c.Name || len(rows) == 0 {
		return err
	}
	_, err = e.App.NonconcurrentDB().Update("wx_check_fields", dbx.Params{"collection": c.Name}, dbx.HashExp{"collection": was}).Execute()
	return err
}

// guardPattern finds what setGuard has put at the end of a rule.
var guardPattern = regexp.MustCompile(
	`(?s)^(?:\((.*)\) && )?\(checkState != "PENDING" && checkState != "HELD"(?: \|\| \w+ = @request\.auth\.id)?\)$`)

// setGuard adds the condition to the rules of a collection, or takes it away.
func setGuard(c *core.Collection, guarded bool, author string) {
	if guarded && c.Fields.GetByName(checkStateField) == nil {
		c.Fields.Add(&core.SelectField{
			Name: checkStateField, Values: []string{checkPass, checkPending, checkHeld}, MaxSelect: 1,
			Help: "Set by the server. PENDING and HELD are out of sight; a superuser may set PASS.",
		})
	}
	guard := `checkState != "PENDING" && checkState != "HELD"`
	if author != "" {
		guard += " || " + author + " = @request.auth.id"
	}
	for _, rule := range []**string{&c.ListRule, &c.ViewRule} {
		if *rule == nil {
			continue // superusers only
		}
		bare := **rule
		if found := guardPattern.FindStringSubmatch(bare); found != nil {
			bare = found[1]
		}
		switch {
		case !guarded:
		case bare == "":
			bare = "(" + guard + ")"
		default:
			bare = "(" + bare + ") && (" + guard + ")"
		}
		*rule = types.Pointer(bare)
	}
}
