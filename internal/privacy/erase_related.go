package privacy

import (
	"fmt"
	"slices"

	"github.com/pocketbase/pocketbase/core"
)

// followRelations does with an operator's rows what the deletion of the user would have done: a relation that cascades takes its row along, any
// other is emptied. A required one cannot be, and keeps naming the account, which has no name any more.
func (g *gatherer) followRelations(c *core.Collection) error {
	for _, field := range c.Fields {
		f, ok := field.(*core.RelationField)
		if !ok || f.CollectionId != g.users.Id {
			continue
		}
		for ids := range slices.Chunk(g.found.ids(c.Name, shared), chunk) {
			rows, err := g.app.FindRecordsByIds(c.Name, ids)
			if err != nil {
				return err
			}
			for _, r := range rows {
				if err := g.follow(c, f, r); err != nil {
					return fmt.Errorf("row %s: %w", r.Id, err)
				}
			}
		}
	}
	return nil
}

func (g *gatherer) follow(c *core.Collection, f *core.RelationField, r *core.Record) error {
	names := r.GetStringSlice(f.Name)
	if !slices.Contains(names, g.who.User) {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(names), func(id string) bool { return id == g.who.User })
	switch {
	case len(others) == 0 && f.CascadeDelete:
		return removeAll(g.app, c, []string{r.Id})
	case len(others) == 0 && f.Required:
		return nil
	default:
		r.Set(f.Name, others)
		return g.app.SaveNoValidate(r)
	}
}
