package moving

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// moveJoins fills the relations whose members an export lists apart. The list there replaces the one here only where that is empty.
func (m *Mover) moveJoins(ctx context.Context) error {
	for _, j := range m.Plan.joins {
		if err := m.moveJoin(ctx, j); err != nil {
			return fmt.Errorf("import %s: %w", j.file, err)
		}
	}
	return nil
}

func (m *Mover) moveJoin(ctx context.Context, j join) error {
	class := m.Plan.Class(j.class)
	if class == nil || class.byKey[j.key] == nil || class.byKey[j.key].Kind != KindPointers {
		m.report.Lost["relation "+j.class+"."+j.key+" of a class or key that is not in the export"]++
		return nil
	}
	f := class.byKey[j.key]
	members := map[string][]string{}
	err := m.Source.Rows(j.file, func(row Row) error {
		owner, related := textOf(row.Fields["owningId"]), textOf(row.Fields["relatedId"])
		if owner == "" || related == "" {
			m.report.Lost["rows of relations without owningId or relatedId"]++
			return nil
		}
		id := m.idOf(j.class, owner)
		members[id] = append(members[id], m.idOf(f.Target, related))
		return nil
	})
	if err != nil {
		return err
	}
	for owners := range slices.Chunk(slices.Sorted(keysOf(members)), batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.App.RunInTransaction(func(tx core.App) error { return fill(tx, class, f, owners, members) }); err != nil {
			return err
		}
	}
	return nil
}

func keysOf(all map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for id := range all {
			if !yield(id) {
				return
			}
		}
	}
}

func fill(tx core.App, class *Class, f *Field, owners []string, members map[string][]string) error {
	empty := dbx.NewExp("([[" + f.Name + "]] IS NULL OR [[" + f.Name + "]] IN ('', '[]'))")
	for _, id := range owners {
		slices.Sort(members[id])
		list, err := jsonText(slices.Compact(members[id]))
		if err != nil {
			return err
		}
		_, err = tx.DB().Update(class.Collection, dbx.Params{f.Name: list}, dbx.And(dbx.HashExp{"id": id}, empty)).Execute()
		if err != nil {
			return err
		}
	}
	return nil
}

// countDangling counts the relations whose row is nowhere: what was deleted there and still pointed to.
func (m *Mover) countDangling() error {
	for _, c := range m.Plan.Classes {
		for _, f := range c.Fields {
			target := m.Plan.Class(cmp.Or(f.Target, fileClass))
			if target == nil || f.Kind != KindPointer && f.Kind != KindFile {
				continue
			}
			var n int
			err := m.App.DB().Select("count(*)").From(c.Collection).Where(dbx.NewExp("[[" + f.Name + "]] != '' AND [[" + f.Name + "]] NOT IN (SELECT [[id]] FROM {{" +
				target.Collection + "}})")).Row(&n)
			if err != nil {
				return fmt.Errorf("look for what %s.%s points to: %w", c.Name, f.Key, err)
			}
			if n > 0 {
				m.report.Lost[fmt.Sprintf("%s.%s that points to nothing", c.Name, f.Key)] = n
			}
		}
	}
	return nil
}
