// Package migrations creates the collections of wxbase, one Go file per change, with fields built in code.
//
// Import it for its side effect; PocketBase runs the new ones at every start, all of them in one transaction. The name
// of a file is its key in the table `_migrations`, so a released file is never renamed. Field names are camelCase,
// money is an integer number of fen, times are UTC. A rule of nil means superusers only, "" means everyone.
package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// ownerRule lets the signed-in user see the rows whose `user` is them.
const ownerRule = `@request.auth.id != "" && user = @request.auth.id`

// schema is one new base collection: what it holds and who may look at it.
// Writing is never open to clients: the routes of wxbase do it.
type schema struct {
	name    string
	read    *string // list and view rule
	fields  []core.Field
	indexes []index
}

type index struct {
	name    string
	unique  bool
	columns string
	where   string
}

// create saves the collections in order, each with created and updated.
func create(app core.App, schemas ...schema) error {
	for _, s := range schemas {
		c := core.NewBaseCollection(s.name)
		c.ListRule, c.ViewRule = s.read, s.read
		c.Fields.Add(s.fields...)
		c.Fields.Add(
			&core.AutodateField{Name: "created", OnCreate: true},
			&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
		)
		for _, i := range s.indexes {
			c.AddIndex("idx_"+s.name+"_"+i.name, i.unique, i.columns, i.where)
		}
		if err := app.Save(c); err != nil {
			return fmt.Errorf("create collection %s: %w", s.name, err)
		}
	}
	return nil
}

// drop deletes the collections in the order given, so name the ones that refer to others first.
func drop(app core.App, names ...string) error {
	for _, name := range names {
		c, err := app.FindCollectionByNameOrId(name)
		if err != nil {
			return fmt.Errorf("find collection %s: %w", name, err)
		}
		if err := app.Delete(c); err != nil {
			return fmt.Errorf("drop collection %s: %w", name, err)
		}
	}
	return nil
}

// collectionID resolves a name for a relation field.
func collectionID(app core.App, name string) (string, error) {
	c, err := app.FindCollectionByNameOrId(name)
	if err != nil {
		return "", fmt.Errorf("find collection %s: %w", name, err)
	}
	return c.Id, nil
}

func rule(text string) *string { return types.Pointer(text) }

// text is a plain column of at most size characters.
func text(name string, size int) *core.TextField {
	return &core.TextField{Name: name, Max: size}
}

// need is a text column that must be filled.
func need(name string, size int) *core.TextField {
	return &core.TextField{Name: name, Max: size, Required: true}
}

// secret holds ciphertext only; internal/settings encrypts on the way in and masks on the way out.
// note: the limit is on the base64 ciphertext, which is a third longer than a key in PEM.
func secret(name string) *core.TextField {
	return &core.TextField{Name: name, Max: 16_000, Help: "Write-only: stored encrypted, shown as a mask and a fingerprint."}
}

// fen is an amount of money: an integer, never negative.
func fen(name string) *core.NumberField {
	return &core.NumberField{Name: name, OnlyInt: true, Min: types.Pointer(0.0), Help: "In fen (1/100 yuan)."}
}

// whole is a counter: an integer, never negative.
func whole(name string) *core.NumberField {
	return &core.NumberField{Name: name, OnlyInt: true, Min: types.Pointer(0.0)}
}

func date(name string) *core.DateField { return &core.DateField{Name: name} }

func flag(name string) *core.BoolField { return &core.BoolField{Name: name} }

// document is a JSON column of at most size bytes.
func document(name string, size int64) *core.JSONField {
	return &core.JSONField{Name: name, MaxSize: size}
}

// state is one word of a closed set.
func state(name string, values ...string) *core.SelectField {
	return &core.SelectField{Name: name, Values: values, MaxSelect: 1, Required: true}
}
