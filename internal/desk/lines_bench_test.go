package desk_test

import (
	"fmt"
	"testing"

	"github.com/pocketbase/pocketbase/core"
)

// BenchmarkOrderWrites is what the lines and the sums cost an order of two lines that is made and paid: "Plain" has none.
func BenchmarkOrderWrites(b *testing.B) {
	for _, name := range []string{"Plain", "WithSums"} {
		b.Run(name, func(b *testing.B) {
			k := newKit(b)
			if name == "Plain" {
				k.OnRecordCreateExecute("orders").Unbind("wxOrderLines")
				k.OnRecordUpdateExecute("orders").Unbind("wxOrderLines")
			}
			c, err := k.FindCollectionByNameOrId("orders")
			if err != nil {
				b.Fatal(err)
			}
			user, n := k.Login("小明").User, 0
			for b.Loop() {
				n++
				o := core.NewRecord(c)
				o.Load(map[string]any{
					"user": user, "number": fmt.Sprintf("N%d", n), "total": 300, "payState": "UNPAID", "shipState": "NONE",
					"items": `[{"product":"a","name":"a","price":100,"quantity":2},{"product":"b","name":"b","price":100,"quantity":1}]`,
				})
				err := k.RunInTransaction(func(tx core.App) error { return tx.Save(o) })
				if err != nil {
					b.Fatal(err)
				}
				o.Set("payState", "PAID")
				o.Set("paidAt", k.Clock.Now())
				if err := k.RunInTransaction(func(tx core.App) error { return tx.Save(o) }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
