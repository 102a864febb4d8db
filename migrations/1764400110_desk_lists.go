package migrations

import (
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upDeskLists, downDeskLists)
}

// upDeskLists makes what the dashboard's pages need to be quick in a shop with many orders: the lines of orders as rows of their own, what was
// sold by hour and by product, and indexes that hold what is added up. It makes the shop's own notes about orders too.
//
// note: a note of the shop is no field of orders, which their buyers may read.
func upDeskLists(app core.App) error {
	if err := create(app, append(salesSchemas(), orderLineSchema(), remarkSchema())...); err != nil {
		return err
	}
	if err := lock(app, true, deskListFields); err != nil {
		return err
	}
	if err := changeEach(app, deskIndexes(true)); err != nil {
		return err
	}
	const lines = "FROM orders o, json_each(CASE WHEN json_valid(o.items) AND json_type(o.items) = 'array' THEN o.items ELSE '[]' END) i"
	const amount = "coalesce((i.value ->> '$.price') * (i.value ->> '$.quantity'), 0)"
	return run(app,
		`INSERT INTO wx_order_lines ([[order]], [[product]], [[name]], [[quantity]], [[amount]], [[created]], [[updated]])
			SELECT o.id, coalesce(i.value ->> '$.product', ''), coalesce(i.value ->> '$.name', ''), coalesce(i.value ->> '$.quantity', 0), `+amount+`,
				o.created, o.created `+lines,
		`INSERT INTO wx_sales_hours ([[hour]], [[orders]], [[paid]], [[created]], [[updated]])
			SELECT substr(o.[[paidAt]], 1, 13), count(*), sum(o.total), max(o.[[paidAt]]), max(o.[[paidAt]]) FROM orders o WHERE o.[[paidAt]] > '' GROUP BY 1`,
		`INSERT INTO wx_sales_products ([[day]], [[product]], [[quantity]], [[amount]], [[created]], [[updated]])
			SELECT date(o.[[paidAt]], '+8 hours'), i.value ->> '$.product', sum(i.value ->> '$.quantity'), sum(`+amount+`), max(o.[[paidAt]]), max(o.[[paidAt]]) `+
			lines+` WHERE o.[[paidAt]] > '' AND i.value ->> '$.product' > '' GROUP BY 1, 2`,
	)
}

func downDeskLists(app core.App) error {
	if err := changeEach(app, deskIndexes(false)); err != nil {
		return err
	}
	return drop(app, "wx_remarks", "wx_order_lines", "wx_sales_products", "wx_sales_hours")
}

// orderLineSchema names orders and products by plain text: a product may go, and what was sold of it stays.
func orderLineSchema() schema {
	return schema{
		name:   "wx_order_lines",
		fields: []core.Field{need("order", 15), text("product", 15), text("name", 200), whole("quantity"), fen("amount")},
		indexes: []index{
			{"order", false, "`order`", ""},
			{"product", false, "`product`, `order`", ""},
		},
	}
}

// salesSchemas: what was paid in each hour, in UTC as the books have it, and for each product on each day in Beijing. The rows are written in
// the transaction that writes the payment to the order.
func salesSchemas() []schema {
	return []schema{
		{
			name: "wx_sales_hours",
			fields: []core.Field{
				&core.TextField{Name: "hour", Required: true, Pattern: `^\d{4}-\d{2}-\d{2} \d{2}$`, Help: "In UTC."}, whole("orders"), fen("paid"),
			},
			indexes: []index{{"hour", true, "`hour`", ""}},
		},
		{
			name: "wx_sales_products",
			fields: []core.Field{
				&core.TextField{Name: "day", Required: true, Pattern: `^\d{4}-\d{2}-\d{2}$`, Help: "In Beijing."}, need("product", 15), whole("quantity"), fen("amount"),
			},
			indexes: []index{{"day", true, "`day`, `product`", ""}, {"product", false, "`product`, `quantity`", ""}},
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
			// note: one that begins with payState would be taken for the sweep's question, which has an index of its own
			set(c, "created", "`created`", "`created`, `payState`, `shipState`", "")
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
	putIndex(c, name, false, columns, where)
}

// putIndex is replaceIndex of an index that may be unique.
func putIndex(c *core.Collection, name string, unique bool, columns, where string) {
	at := slices.IndexFunc(c.Indexes, func(sql string) bool { return strings.Contains(sql, "`"+name+"`") })
	c.RemoveIndex(name)
	if columns == "" {
		return
	}
	c.AddIndex(name, unique, columns, where)
	if at >= 0 {
		last := len(c.Indexes) - 1
		c.Indexes = slices.Insert(c.Indexes[:last], at, c.Indexes[last])
	}
}

const deskListFields = `
wx_order_lines order product name quantity amount created updated
wx_sales_hours hour orders paid created updated
wx_sales_products day product quantity amount created updated
wx_remarks order remark by created updated
`
