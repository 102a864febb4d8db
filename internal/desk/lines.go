package desk

// What follows from orders and is kept beside them, in the transaction that writes the order: their lines as rows, by which the orders of a
// product are found, and what was sold in each hour and of each product, so that the figures of a month are some thousand rows however many
// orders there are.

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/books"
)

func bindLines(app core.App) {
	app.OnRecordCreateExecute("orders").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOrderLines", Func: bookNewOrder})
	app.OnRecordUpdateExecute("orders").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOrderLines", Func: bookPayment})
	books.Watch(app, "orders", watchOrder)
	app.OnRecordDeleteExecute("orders").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOrderLines", Func: unbookOrder})
}

// watchOrder is told of the orders that the engine writes.
func watchOrder(tx core.App, before, after *core.Record) error {
	if before == nil {
		return bookLines(tx, after)
	}
	return rebookSale(tx, before, after)
}

func bookNewOrder(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	return bookLines(e.App, e.Record)
}

func bookLines(tx core.App, o *core.Record) error {
	now := o.GetDateTime("created").String()
	for _, line := range linesOf(o) {
		err := books.Exec(tx, "INSERT INTO `wx_order_lines` (`id`,`order`,`product`,`name`,`quantity`,`amount`,`created`,`updated`) VALUES (?,?,?,?,?,?,?,?)",
			books.NewID(), o.Id, line.Product, clip(line.Name, 200), line.Quantity, line.Price*int64(line.Quantity), now, now)
		if err != nil {
			return fmt.Errorf("write lines of order %s: %w", o.Id, err)
		}
	}
	return bookSale(tx, o, 1)
}

// bookPayment follows an order to another moment of payment, which is none at first.
func bookPayment(e *core.RecordEvent) error {
	before := e.Record.Original()
	if err := e.Next(); err != nil {
		return err
	}
	return rebookSale(e.App, before, e.Record)
}

func rebookSale(tx core.App, before, after *core.Record) error {
	if before.GetDateTime("paidAt").Equal(after.GetDateTime("paidAt")) {
		return nil
	}
	if err := bookSale(tx, before, -1); err != nil {
		return err
	}
	return bookSale(tx, after, 1)
}

func unbookOrder(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	if _, err := e.App.NonconcurrentDB().Delete("wx_order_lines", dbx.HashExp{"order": e.Record.Id}).Execute(); err != nil {
		return fmt.Errorf("delete lines of order %s: %w", e.Record.Id, err)
	}
	return bookSale(e.App, e.Record, -1)
}

// bookSale adds an order that is paid to the sums, or takes it out again where sign is -1.
func bookSale(tx core.App, o *core.Record, sign int64) error {
	paidAt := o.GetDateTime("paidAt")
	if paidAt.IsZero() {
		return nil
	}
	at := paidAt.String()
	err := books.Exec(tx, `INSERT INTO wx_sales_hours (hour, orders, paid, created, updated) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (hour) DO UPDATE SET orders = orders + excluded.orders, paid = paid + excluded.paid`,
		at[:len("2026-01-31 09")], sign, sign*int64(o.GetInt("total")), at, at)
	if err != nil {
		return fmt.Errorf("book sale of order %s: %w", o.Id, err)
	}
	for _, line := range linesOf(o) {
		if line.Product == "" {
			continue
		}
		err := books.Exec(tx, `INSERT INTO wx_sales_products (day, product, quantity, amount, created, updated) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (day, product) DO UPDATE SET quantity = quantity + excluded.quantity, amount = amount + excluded.amount`,
			paidAt.Time().In(beijing).Format(day), line.Product, sign*int64(line.Quantity), sign*line.Price*int64(line.Quantity), at, at)
		if err != nil {
			return fmt.Errorf("book sale of order %s: %w", o.Id, err)
		}
	}
	return nil
}
