package moving

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// maxText is the most characters that a moved text may have when it is changed here.
const maxText = 1_000_000

// maxJSON is the most bytes of a moved object; LeanCloud's rows have at most 128 KiB, Mongo's 16 MiB.
const maxJSON = 16 << 20

// maxMovedFile is the largest file that is fetched, in bytes.
const maxMovedFile = 256 << 20

// makeCollections creates the collections first and their fields after, because fields refer to collections. What is there already
// keeps its rules and fields.
func (m *Mover) makeCollections(app core.App) error {
	for _, c := range m.Plan.Classes {
		if _, err := app.FindCollectionByNameOrId(c.id); err == nil {
			continue
		}
		made := core.NewBaseCollection(c.Collection, c.id)
		id, _ := made.Fields.GetByName("id").(*core.TextField)
		id.Min, id.Max, id.Pattern = 1, 64, plainID.String()
		made.Fields.Add(&core.AutodateField{Name: "created", OnCreate: true}, &core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true})
		if err := app.Save(made); err != nil {
			return fmt.Errorf("create collection %s: %w", c.Collection, err)
		}
	}
	for _, c := range m.Plan.Classes {
		if err := m.addFields(app, c); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mover) addFields(app core.App, c *Class) error {
	made, err := app.FindCollectionByNameOrId(c.id)
	if err != nil {
		return fmt.Errorf("find collection %s: %w", c.Collection, err)
	}
	isNew := made.Fields.GetById(c.fieldID(" made")) == nil
	before := len(made.Fields)
	for _, f := range c.Fields {
		if made.Fields.GetById(c.fieldID(f.Key)) == nil {
			made.Fields.Add(m.fieldOf(c, f))
		}
	}
	switch {
	case c.Name == m.Source.People():
		m.openPasswords(made, c)
	case isNew:
		m.addRules(made, c)
	}
	if len(made.Fields) == before && !isNew {
		return nil
	}
	if err := app.Save(made); err != nil {
		return fmt.Errorf("add the fields of %s: %w", c.Name, err)
	}
	return nil
}

// addRules gives a new collection its ACL fields and rules, or those of files.
func (m *Mover) addRules(made *core.Collection, c *Class) {
	if c.Name == fileClass {
		made.ViewRule = types.Pointer("") // note: so that rows can be expanded; their list stays closed
		made.Fields.Add(
			&core.FileField{Name: "file", MaxSelect: 1, MaxSize: maxMovedFile},
			&core.TextField{Name: "name", Max: 1000}, &core.TextField{Name: "url", Max: 4000}, &core.TextField{Name: "mime", Max: 200},
			&core.TextField{Name: "md5", Max: 64}, &core.NumberField{Name: "size"},
		)
	}
	if users, err := m.App.FindCollectionByNameOrId("users"); err == nil && c.Access.Rows > 0 {
		made.Fields.Add(
			&core.RelationField{Name: "aclOwner", CollectionId: users.Id, MaxSelect: 1}, &core.BoolField{Name: "aclPublic"},
			&core.JSONField{Name: "acl", Hidden: true, MaxSize: maxJSON},
		)
		made.ListRule, made.ViewRule = c.Access.Read(), c.Access.Read()
		made.UpdateRule, made.DeleteRule = c.Access.Write()
		made.AddIndex("idx_"+c.id+"_owner", false, "`aclOwner`", "")
	}
	made.Fields.Add(&core.TextField{Id: c.fieldID(" made"), Name: "movedFrom", Hidden: true, Max: 100})
}

func (m *Mover) fieldOf(c *Class, f *Field) core.Field {
	id, name := c.fieldID(f.Key), f.Name
	switch f.Kind {
	case KindNumber:
		return &core.NumberField{Id: id, Name: name}
	case KindBool:
		return &core.BoolField{Id: id, Name: name}
	case KindDate:
		return &core.DateField{Id: id, Name: name}
	case KindJSON:
		return &core.JSONField{Id: id, Name: name, MaxSize: maxJSON}
	case KindGeo:
		return &core.GeoPointField{Id: id, Name: name}
	case KindFile:
		return m.relation(id, name, fileClass, 1)
	case KindPointer:
		return m.relation(id, name, f.Target, 1)
	case KindPointers:
		return m.relation(id, name, f.Target, 100_000)
	case KindText, KindBytes:
	}
	return &core.TextField{Id: id, Name: name, Max: maxText}
}

// relation is a text, or JSON, where the export has no such class: PocketBase knows no relation to nowhere.
func (m *Mover) relation(id, name, class string, most int) core.Field {
	target := m.Plan.Class(class)
	switch {
	case target != nil:
		return &core.RelationField{Id: id, Name: name, CollectionId: target.id, MaxSelect: most}
	case most == 1:
		return &core.TextField{Id: id, Name: name, Max: 100}
	}
	return &core.JSONField{Id: id, Name: name, MaxSize: maxJSON}
}

// openPasswords adds the fields by which moved users log in. They do not allow signing up: users has no create rule.
func (m *Mover) openPasswords(users *core.Collection, c *Class) {
	if users.Fields.GetByName("objectId") == nil {
		users.Fields.Add(&core.TextField{Id: c.fieldID(" objectId"), Name: "objectId", Max: 100})
		users.AddIndex("idx_users_objectId", false, "`objectId`", "`objectId` != ''")
	}
	if users.Fields.GetByName("username") == nil {
		users.Fields.Add(&core.TextField{Id: c.fieldID(" username"), Name: "username", Max: 255})
		users.AddIndex("idx_users_username", true, "`username`", "`username` != ''")
	}
	if m.Plan.Passwords == 0 {
		return
	}
	users.PasswordAuth.Enabled = true
	m.guessing = true
	for _, name := range []string{"email", "username"} {
		if !slices.Contains(users.PasswordAuth.IdentityFields, name) {
			users.PasswordAuth.IdentityFields = append(users.PasswordAuth.IdentityFields, name)
		}
	}
}

// maxExact is the largest whole number that a number of ours keeps to the last digit.
const maxExact = 1 << 53

func roughness(v any) int {
	n, ok := v.(json.Number)
	if !ok {
		return 0
	}
	whole, err := n.Int64()
	return ones(err == nil && (whole > maxExact || whole < -maxExact))
}

func isEmptyList(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0
}
