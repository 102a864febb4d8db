package privacy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/list"
)

// closeness is how a row belongs to a person. The smaller wins.
type closeness int

const (
	own       closeness = iota // it names the person by its own relation, or depends on a row that does
	shared                     // it names others beside them
	mentioned                  // a text in it names them
)

// holdings are the rows about a person, by collection.
type holdings map[string]map[string]closeness

func (h holdings) add(table, id string, how closeness) {
	rows := h[table]
	if rows == nil {
		rows = map[string]closeness{}
		h[table] = rows
	}
	if before, known := rows[id]; !known || how < before {
		rows[id] = how
	}
}

// ids lists the rows of a collection that are at least as close, in order.
func (h holdings) ids(table string, most closeness) []string {
	found := make([]string, 0, len(h[table]))
	for id, how := range h[table] {
		if how <= most {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return found
}

func (h holdings) tables() []string { return slices.Sorted(maps.Keys(h)) }

// gatherer walks the schema for one person.
type gatherer struct {
	app   core.App
	who   traces
	all   []*core.Collection
	users *core.Collection
	found holdings
}

// gather finds every row about a person: those whose relations lead to them, those that hang on these, and those whose texts name them.
func gather(app core.App, who traces) (*gatherer, error) {
	all, err := app.FindAllCollections(core.CollectionTypeBase, core.CollectionTypeAuth)
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	users, err := app.FindCachedCollectionByNameOrId(usersTable)
	if err != nil {
		return nil, fmt.Errorf("find users: %w", err)
	}
	g := &gatherer{app: app, who: who, all: all, users: users, found: holdings{}}
	g.found.add(usersTable, who.User, own)
	for _, step := range []func() error{g.relate, g.recognize, g.descend, g.tie, g.search} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("gather: %w", err)
		}
	}
	return g, nil
}

// relate finds the rows that have a relation to the person.
func (g *gatherer) relate() error {
	return g.eachRelation(g.users.Id, func(c *core.Collection, f *core.RelationField) error {
		if c.Name == usersTable {
			return nil // note: another account that names this one is not theirs
		}
		how := own
		if f.IsMultiple() || c.Name == "wx_codes" && f.Name == "maker" {
			how = shared
		}
		return g.take(c, refers(f, []string{g.who.User}), how)
	})
}

// recognize finds the chats that the person began before they signed in: only the openid says whose they are.
func (g *gatherer) recognize() error {
	c, err := g.app.FindCachedCollectionByNameOrId("wx_chats")
	if err != nil {
		return err
	}
	return g.take(c, dbx.In("openid", list.ToInterfaceSlice(g.who.OpenIDs)...), own)
}

// descend finds what hangs on the person's rows, and on that again.
func (g *gatherer) descend() error {
	for due := slices.DeleteFunc(g.found.tables(), func(name string) bool { return name == usersTable }); len(due) > 0; due = due[1:] {
		parent, err := g.app.FindCachedCollectionByNameOrId(due[0])
		if err != nil {
			return err
		}
		err = g.eachRelation(parent.Id, func(c *core.Collection, f *core.RelationField) error {
			if c.Name == usersTable {
				return nil
			}
			before := len(g.found.ids(c.Name, own))
			for ids := range slices.Chunk(g.found.ids(parent.Name, own), chunk) {
				if err := g.take(c, dbx.And(refers(f, ids), g.notOfOthers(c)), own); err != nil {
					return err
				}
			}
			if len(g.found.ids(c.Name, own)) > before {
				due = append(due, c.Name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// chunk is how many ids a statement names.
const chunk = 200

// notOfOthers leaves out what another person has hung on a row of this one, such as a comment: that is theirs. Our own collections keep what
// they say about a row beside who did it.
func (g *gatherer) notOfOthers(c *core.Collection) dbx.Expression {
	var parts []dbx.Expression
	if _, ours := fates[c.Name]; !ours {
		for _, field := range c.Fields {
			if f, ok := field.(*core.RelationField); ok && f.CollectionId == g.users.Id && !f.IsMultiple() {
				parts = append(parts, dbx.In(f.Name, "", g.who.User))
			}
		}
	}
	return dbx.And(append(parts, dbx.NewExp("1 = 1"))...)
}

// tie follows the columns of ours that name a row and are no relation.
func (g *gatherer) tie() error {
	for _, t := range ties {
		c, err := g.app.FindCachedCollectionByNameOrId(t.table)
		if err != nil {
			return fmt.Errorf("find %s: %w", t.table, err)
		}
		for ids := range slices.Chunk(g.found.ids(t.to, own), chunk) {
			where := dbx.In(t.column, list.ToInterfaceSlice(ids)...)
			if t.by != "id" {
				names := make([]string, 0, len(ids))
				if err := g.app.ConcurrentDB().Select(t.by).From(t.to).Where(dbx.In("id", list.ToInterfaceSlice(ids)...)).Column(&names); err != nil {
					return fmt.Errorf("read %s of %s: %w", t.by, t.to, err)
				}
				where = dbx.And(dbx.In(t.column, list.ToInterfaceSlice(names)...), dbx.Not(dbx.HashExp{t.column: ""}))
			}
			if t.column == recordRef {
				where = dbx.And(where, dbx.HashExp{"collectionRef": g.users.Id})
			}
			if err := g.take(c, where, own); err != nil {
				return err
			}
		}
	}
	return nil
}

// search finds rows whose texts name the person.
func (g *gatherer) search() error {
	for _, c := range g.all {
		if slices.Contains(unsearched, c.Name) {
			continue
		}
		for _, field := range c.Fields {
			if !holdsText(field) {
				continue
			}
			for id, exact := range g.needles() {
				where := dbx.NewExp("instr([["+field.GetName()+"]], {:word}) > 0", dbx.Params{"word": id})
				if exact {
					where = dbx.HashExp{field.GetName(): id}
				}
				if err := g.take(c, where, mentioned); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// needles are the words that are looked for, and whether each must be all that a column holds.
func (g *gatherer) needles() map[string]bool {
	words := map[string]bool{}
	for _, word := range g.who.words() {
		words[word] = true
	}
	for _, id := range g.who.ids() {
		words[id] = false
	}
	return words
}

func holdsText(f core.Field) bool {
	if f.GetName() == core.FieldNameId || f.GetName() == core.FieldNameTokenKey {
		return false
	}
	switch f.(type) {
	case *core.TextField, *core.EmailField, *core.URLField, *core.EditorField, *core.JSONField:
		return true
	}
	return false
}

// take adds the rows that match.
func (g *gatherer) take(c *core.Collection, where dbx.Expression, how closeness) error {
	var ids []string
	if err := g.app.ConcurrentDB().Select("id").From(c.Name).Where(where).Column(&ids); err != nil {
		return fmt.Errorf("read %s: %w", c.Name, err)
	}
	for _, id := range ids {
		g.found.add(c.Name, id, how)
	}
	return nil
}

// eachRelation calls do for every relation field to a collection, in order.
func (g *gatherer) eachRelation(to string, do func(*core.Collection, *core.RelationField) error) error {
	for _, c := range g.all {
		for _, field := range c.Fields {
			if f, ok := field.(*core.RelationField); ok && f.CollectionId == to {
				if err := do(c, f); err != nil {
					return fmt.Errorf("%s.%s: %w", c.Name, f.Name, err)
				}
			}
		}
	}
	return nil
}

// refers is true of rows whose relation names one of these ids.
func refers(f *core.RelationField, ids []string) dbx.Expression {
	if !f.IsMultiple() {
		return dbx.In(f.Name, list.ToInterfaceSlice(ids)...)
	}
	parts := make([]dbx.Expression, 0, len(ids))
	for _, id := range ids {
		parts = append(parts, dbx.Like(f.Name, `"`+strings.ReplaceAll(id, `"`, "")+`"`))
	}
	return dbx.Or(parts...)
}
