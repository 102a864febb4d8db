package desk

// What follows from orders and is kept beside them, in the transaction that writes the order: their lines as rows, by which the orders of a
// product are found, and what was sold in each hour and of each product, so that the figures of a month are some thousand rows however many
// orders there are.

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

func (d *Desk) bindLines() {
	d.App.OnRecordCreateExecute("orders").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOrderLines", Func: bookNewOrder})
	d.App.OnRecordUpdateExecute("orders").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOrderLines", Func: bookPayment})
	d.App.OnRecordDeleteExecute("orders").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOrderLines", Func: unbookOrder})
}

func bookNewOrder(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	now := e.Record.GetDateTime("created").String()
	for _, line := range linesOf(e.Record) {
		_, err := e.App.NonconcurrentDB().Insert("wx_order_lines", dbx.Params{
			"order": e.Record.Id, "product": line.Product, "name": clip(line.Name, 200), "quantity": line.Quantity,
			"amount": line.Price * int64(line.Quantity), "created": now, "updated": now,
		}).Execute()
		if err != nil {
			return fmt.Errorf("write lines of order %s: %w", e.Record.Id, err)
		}
	}
	return bookSale(e.App, e.Record, 1)
}

// bookPayment follows an order to another moment of payment, which is none at first.
func bookPayment(e *core.RecordEvent) error {
	before, isSame := e.Record.Original(), e.Record.Original().GetDateTime("paidAt").Equal(e.Record.GetDateTime("paidAt"))
	if err := e.Next(); err != nil || isSame {
		return err
	}
	if err := bookSale(e.App, before, -1); err != nil {
		return err
	}
	return bookSale(e.App, e.Record, 1)
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
	_, err := tx.NonconcurrentDB().NewQuery(`INSERT INTO wx_sales_hours ([[hour]], [[orders]], [[paid]], [[created]], [[updated]])
		VALUES ({:hour}, {:sign}, {:paid}, {:at}, {:at})
		ON CONFLICT ([[hour]]) DO UPDATE SET [[orders]] = [[orders]] + excluded.[[orders]], [[paid]] = [[paid]] + excluded.[[paid]]`).
		Bind(dbx.Params{"hour": at[:len("2026-01-31 09")], "sign": sign, "paid": sign * int64(o.GetInt("total")), "at": at}).Execute()
	if err != nil {
		return fmt.Errorf("book sale of order %s: %w", o.Id, err)
	}
	for _, line := range linesOf(o) {
		if line.Product == "" {
			continue
		}
		_, err := tx.NonconcurrentDB().NewQuery(`INSERT INTO wx_sales_products ([[day]], [[product]], [[quantity]], [[amount]], [[created]], [[updated]])
			VALUES ({:day}, {:product}, {:quantity}, {:amount}, {:at}, {:at})
			ON CONFLICT ([[day]], [[product]]) DO UPDATE SET [[quantity]] = [[quantity]] + excluded.[[quantity]], [[amount]] = [[amount]] + excluded.[[amount]]`).
			Bind(dbx.Params{
				"day": paidAt.Time().In(beijing).Format(day), "product": line.Product, "quantity": sign * int64(line.Quantity),
				"amount": sign * line.Price * int64(line.Quantity), "at": at,
			}).Execute()
		if err != nil {
			return fmt.Errorf("book sale of order %s: %w", o.Id, err)
		}
	}
	return nil
}
