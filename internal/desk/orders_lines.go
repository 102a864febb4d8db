package desk

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// bindLines keeps the lines of orders as rows, in the transaction that writes the order: what was sold is added up from them.
func (d *Desk) bindLines() {
	d.App.OnRecordCreateExecute("orders").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOrderLines", Func: writeLines})
	d.App.OnRecordUpdateExecute("orders").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOrderLines", Func: payLines})
}

func writeLines(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	for _, line := range linesOf(e.Record) {
		now := e.Record.GetDateTime("created").String()
		_, err := e.App.NonconcurrentDB().Insert("wx_order_lines", dbx.Params{
			"order": e.Record.Id, "product": line.Product, "name": clip(line.Name, 200), "quantity": line.Quantity,
			"amount": line.Price * int64(line.Quantity), "paidAt": e.Record.GetDateTime("paidAt").String(), "created": now, "updated": now,
		}).Execute()
		if err != nil {
			return fmt.Errorf("write lines of order %s: %w", e.Record.Id, err)
		}
	}
	return nil
}

// payLines gives the lines of an order the moment of its payment.
func payLines(e *core.RecordEvent) error {
	before, now := e.Record.Original().GetDateTime("paidAt"), e.Record.GetDateTime("paidAt")
	if err := e.Next(); err != nil || before.Equal(now) {
		return err
	}
	_, err := e.App.NonconcurrentDB().Update("wx_order_lines", dbx.Params{"paidAt": now.String()}, dbx.HashExp{"order": e.Record.Id}).Execute()
	if err != nil {
		return fmt.Errorf("write payment of order %s to its lines: %w", e.Record.Id, err)
	}
	return nil
}
