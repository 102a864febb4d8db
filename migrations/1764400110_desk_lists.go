package migrations

import (
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upDeskLists, downDeskLists)
}

// upDeskLists makes what the dashboard's pages need to be quick in a shop with many orders: the lines of orders as rows of their own, with
// the moment of payment, and indexes that hold what is added up. It makes the shop's own notes about orders too.
//
// note: a note of the shop is no field of orders, which their buyers may read.
func upDeskLists(app core.App) error {
	if err := create(app, orderLineSchema(), remarkSchema()); err != nil {
		return err
	}
	if err := lock(app, true, deskListFields); err != nil {
		return err
	}
	if err := changeEach(app, deskIndexes(true)); err != nil {
		return err
	}
	return run(app, `INSERT INTO wx_order_lines ([[order]], [[product]], [[name]], [[quantity]], [[amount]], [[paidAt]], [[created]], [[updated]])
		SELECT o.id, coalesce(i.value ->> '$.product', ''), coalesce(i.value ->> '$.name', ''), coalesce(i.value ->> '$.quantity', 0),
			coalesce((i.value ->> '$.price') * (i.value ->> '$.quantity'), 0), o.[[paidAt]], o.created, o.created
		FROM orders o, json_each(CASE WHEN json_valid(o.items) AND json_type(o.items) = 'array' THEN o.items ELSE '[]' END) i`)
}

func downDeskLists(app core.App) error {
	if err := changeEach(app, deskIndexes(false)); err != nil {
		return err
	}
	return drop(app, "wx_remarks", "wx_order_lines")
}

// orderLineSchema names orders and products by plain text: a product may go, and what was sold of it stays.
func orderLineSchema() schema {
	return schema{
		name:   "wx_order_lines",
		fields: []core.Field{need("order", 15), text("product", 15), text("name", 200), whole("quantity"), fen("amount"), date("paidAt")},
		indexes: []index{
			{"order", false, "`order`", ""},
			{"product", false, "`product`, `order`", ""},
			{"paid_at", false, "`paidAt`, `product`, `quantity`, `amount`", ""},
		},
	}
}

func remarkSchema() schema {
	return schema{
		name:    "wx_remarks",
		fields:  []core.Field{need("order", 15), text("remark", 2_000), text("by", 200)},
		indexes: []index{{"order", true, "`order`", ""}},
	}
}

// deskIndexes changes the indexes that sums and lists are read from; wide says whether they hold what is added up.
func deskIndexes(wide bool) map[string]func(*core.Collection) {
	set := func(c *core.Collection, name, narrow, broad, where string) {
		replaceIndex(c, "idx_"+c.Name+"_"+name, map[bool]string{true: broad, false: narrow}[wide], where)
	}
	return map[string]func(*core.Collection){
		"orders": func(c *core.Collection) {
			set(c, "paid_at", "`paidAt`", "`paidAt`, `total`", "")
			set(c, "state", "", "`payState`, `created`, `shipState`", "")
			set(c, "frozen", "", "`frozenAt`", "`frozenAt` != ''")
		},
		"refunds":       func(c *core.Collection) { set(c, "success_at", "`successAt`", "`successAt`, `amount`", "") },
		"wx_scans":      func(c *core.Collection) { set(c, "day", "`day`", "`day`, `count`", "") },
		"wx_checks":     func(c *core.Collection) { set(c, "state", "", "`state`, `created`", "") },
		"wx_bill_diffs": func(c *core.Collection) { set(c, "resolved", "", "`resolved`, `created`", "") },
		"wx_inbox":      func(c *core.Collection) { set(c, "ref", "", "`ref`", "") },
	}
}

// replaceIndex changes the columns of an index, which stays where it is in the list; without columns it is removed.
func replaceIndex(c *core.Collection, name, columns, where string) {
	at := slices.IndexFunc(c.Indexes, func(sql string) bool { return strings.Contains(sql, "`"+name+"`") })
	c.RemoveIndex(name)
	if columns == "" {
		return
	}
	c.AddIndex(name, false, columns, where)
	if at >= 0 {
		last := len(c.Indexes) - 1
		c.Indexes = slices.Insert(c.Indexes[:last], at, c.Indexes[last])
	}
}

const deskListFields = `
wx_order_lines order product name quantity amount paidAt created updated
wx_remarks order remark by created updated
`
