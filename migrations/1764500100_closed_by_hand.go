package migrations

import (
	"fmt"
	"slices"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upClosedByHand, downClosedByHand)
}

const (
	closedState     = "CLOSED"
	unmatchedIndex  = "idx_wx_inbox_unmatched"
	closedByHand    = "closedBy closedReason"
	closedWhereOpen = "`state` = 'UNMATCHED'"
)

func closedFields() []core.Field {
	return []core.Field{
		&core.TextField{Name: "closedBy", Max: 200, Help: "Who closed it, or what explained it."},
		&core.TextField{Name: "closedReason", Max: 600},
	}
}

// upClosedByHand lets a person end what nothing else ends: a message about money that is not ours, and a day whose bill WeChat has no longer.
func upClosedByHand(app core.App) error {
	err := changeEach(app, map[string]func(*core.Collection){
		"wx_inbox": func(c *core.Collection) {
			c.Fields.Add(closedFields()...)
			addClosed(c)
			c.AddIndex(unmatchedIndex, false, "`source`, `ref`", closedWhereOpen)
		},
		"wx_bills": func(c *core.Collection) {
			c.Fields.Add(closedFields()...)
			addClosed(c)
		},
	})
	if err != nil {
		return err
	}
	return lock(app, true, "wx_inbox "+closedByHand+"\nwx_bills "+closedByHand)
}

func addClosed(c *core.Collection) {
	if f, ok := c.Fields.GetByName("state").(*core.SelectField); ok {
		f.Values = append(f.Values, closedState)
	}
}

// downClosedByHand opens again what was closed.
func downClosedByHand(app core.App) error {
	err := run(app, "UPDATE wx_inbox SET state = 'UNMATCHED' WHERE state = 'CLOSED'", "UPDATE wx_bills SET state = 'LOST' WHERE state = 'CLOSED'")
	if err != nil {
		return err
	}
	if err := lock(app, false, "wx_inbox "+closedByHand+"\nwx_bills "+closedByHand); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	drop := func(c *core.Collection) {
		for _, f := range closedFields() {
			c.Fields.RemoveByName(f.GetName())
		}
		if f, ok := c.Fields.GetByName("state").(*core.SelectField); ok {
			f.Values = slices.DeleteFunc(f.Values, func(v string) bool { return v == closedState })
		}
	}
	return changeEach(app, map[string]func(*core.Collection){
		"wx_inbox": func(c *core.Collection) { c.RemoveIndex(unmatchedIndex); drop(c) },
		"wx_bills": drop,
	})
}
