package guard

// What the code relies on stands in migrations.Schema. An operator may add collections, fields, rules and most indexes; what we read and write
// stays as the migrations made it, because a renamed column stops every payment.
//
// The guard holds from the moment that the server serves, for the dashboard, imports and scripts alike. Migrations run before that.

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/dbutils"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/migrations"
)

// freeOptions are the options of a field of ours that may be changed: how it is shown, and what files it takes.
var freeOptions = []string{"help", "presentable", "hidden", "protected", "maxSize", "mimeTypes", "thumbs"}

// ownSchema looks the collections of wxbase up.
type ownSchema struct {
	byID   map[string]migrations.Collection
	byName map[string]migrations.Collection
}

func newOwnSchema() ownSchema {
	s := ownSchema{map[string]migrations.Collection{}, map[string]migrations.Collection{}}
	for _, c := range migrations.Schema() {
		s.byID[c.ID], s.byName[c.Name] = c, c
	}
	return s
}

func (s ownSchema) has(collection string) bool {
	_, ok := s.byName[collection]
	return ok
}

// owns reports whether a field of a collection is ours, and not one that an operator has added.
func (s ownSchema) owns(collection, field string) bool {
	return slices.ContainsFunc(s.byName[collection].Fields, func(f map[string]any) bool { return f["name"] == field })
}

func (g *rowGuard) bindSchema() {
	g.app.OnCollectionUpdate().Bind(&hook.Handler[*core.CollectionEvent]{Id: "wxKeepSchema", Priority: -100, Func: g.keepSchema})
	g.app.OnCollectionDelete().Bind(&hook.Handler[*core.CollectionEvent]{Id: "wxKeepSchema", Priority: -100, Func: g.keepCollection})
	// the same before PocketBase puts an error into its own words
	g.app.OnCollectionUpdateRequest().Bind(&hook.Handler[*core.CollectionRequestEvent]{Id: "wxKeepSchema", Priority: -100, Func: g.keepSchemaOverHTTP})
	g.app.OnCollectionDeleteRequest().Bind(&hook.Handler[*core.CollectionRequestEvent]{Id: "wxKeepSchema", Priority: -100, Func: g.keepCollectionOverHTTP})
}

func (g *rowGuard) keepCollection(e *core.CollectionEvent) error {
	if reason := g.collectionLoss(e.Collection); reason != "" {
		return errors.New(reason)
	}
	return e.Next()
}

func (g *rowGuard) keepCollectionOverHTTP(e *core.CollectionRequestEvent) error {
	if reason := g.collectionLoss(e.Collection); reason != "" {
		return answer.With(answer.SchemaLocked, "reason", reason)
	}
	return e.Next()
}

func (g *rowGuard) collectionLoss(c *core.Collection) string {
	ours, ok := g.schema.byID[c.Id]
	if !ok || !g.serving.Load() {
		return ""
	}
	return "collection " + ours.Name + " belongs to wxbase and cannot be deleted"
}

func (g *rowGuard) keepSchema(e *core.CollectionEvent) error {
	if reason := g.collectionChange(e.Collection); reason != "" {
		return errors.New(reason)
	}
	return e.Next()
}

func (g *rowGuard) keepSchemaOverHTTP(e *core.CollectionRequestEvent) error {
	if reason := g.collectionChange(e.Collection); reason != "" {
		return answer.With(answer.SchemaLocked, "reason", reason)
	}
	return e.Next()
}

func (g *rowGuard) collectionChange(c *core.Collection) string {
	ours, ok := g.schema.byID[c.Id]
	if !ok || !g.serving.Load() {
		return ""
	}
	return schemaChange(ours, c)
}

// checkSchema says what of our collections is not as the code needs it, before anything is served: a script's migration or another program
// may have changed it.
func checkSchema(app core.App) error {
	for _, ours := range migrations.Schema() {
		c, err := app.FindCollectionByNameOrId(ours.ID)
		if err != nil {
			return fmt.Errorf("collection %s, which wxbase needs, is not there: %w; restore a backup, or make it again", ours.Name, err)
		}
		if reason := schemaChange(ours, c); reason != "" {
			return fmt.Errorf("the data folder does not fit wxbase: %s; change it back", reason)
		}
	}
	return nil
}

// schemaChange says what of a collection of ours is not as the code needs it, or nothing.
func schemaChange(ours migrations.Collection, c *core.Collection) string {
	if c.Name != ours.Name {
		return fmt.Sprintf("collection %s belongs to wxbase and cannot be renamed to %s", ours.Name, c.Name)
	}
	now, err := fieldOptions(c)
	if err != nil {
		return err.Error()
	}
	for _, want := range ours.Fields {
		name, _ := want["name"].(string)
		if reason := fieldChange(want, now[name]); reason != "" {
			return fmt.Sprintf("field %s of collection %s belongs to wxbase: %s", name, ours.Name, reason)
		}
	}
	return indexChange(ours, c)
}

// fieldOptions are the fields by name, as an export has them.
func fieldOptions(c *core.Collection) (map[string]map[string]any, error) {
	raw, err := json.Marshal(c.Fields)
	if err != nil {
		return nil, fmt.Errorf("read fields of %s: %w", c.Name, err)
	}
	var list []map[string]any
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("read fields of %s: %w", c.Name, err)
	}
	byName := map[string]map[string]any{}
	for _, f := range list {
		name, _ := f["name"].(string)
		byName[name] = f
	}
	return byName, nil
}

// sameOption compares two options as they are in JSON. A list without anything in it is null to PocketBase 0.39, and [] to 0.40.
func sameOption(a, b any) bool {
	if list, ok := a.([]any); ok && len(list) == 0 {
		a = nil
	}
	if list, ok := b.([]any); ok && len(list) == 0 {
		b = nil
	}
	return reflect.DeepEqual(a, b)
}

func fieldChange(want, have map[string]any) string {
	if have == nil {
		return "it cannot be removed or renamed"
	}
	for _, option := range slices.Sorted(maps.Keys(want)) {
		if !slices.Contains(freeOptions, option) && !sameOption(want[option], have[option]) {
			return fmt.Sprintf("its option %s cannot be changed from %v to %v", option, want[option], have[option])
		}
	}
	return ""
}

// indexChange looks for an index of ours that is gone, and for a unique one of an operator's that the rows we write would run into: we leave an
// operator's fields empty, and know nothing of the values of our own that should be there once only.
func indexChange(ours migrations.Collection, c *core.Collection) string {
	kept := map[string]bool{}
	for _, sql := range ours.Indexes {
		kept[dbutils.ParseIndex(sql).IndexName] = true
	}
	for _, sql := range c.Indexes {
		index := dbutils.ParseIndex(sql)
		if kept[index.IndexName] {
			delete(kept, index.IndexName)
			continue
		}
		if !index.Unique || freelyWritten(ours.Name) {
			continue
		}
		for _, column := range index.Columns {
			if slices.ContainsFunc(ours.Fields, func(f map[string]any) bool { return f["name"] == column.Name }) {
				return fmt.Sprintf("unique index %s of collection %s holds the field %s of wxbase", index.IndexName, ours.Name, column.Name)
			}
			if !strings.Contains(index.Where, column.Name) {
				return fmt.Sprintf("unique index %s of collection %s needs WHERE %s != '', since wxbase leaves the field empty", index.IndexName, ours.Name, column.Name)
			}
		}
	}
	for name := range kept {
		return fmt.Sprintf("index %s of collection %s belongs to wxbase and cannot be removed", name, ours.Name)
	}
	return ""
}
