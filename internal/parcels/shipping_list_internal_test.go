package parcels

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"

	"wxbase/internal/books"
)

// TestShipmentsOfAPage: the latest submissions of a whole page are one query, each order has its own, and none where there is none.
func TestShipmentsOfAPage(t *testing.T) {
	t.Parallel()
	app, err := tests.NewTestApp(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Cleanup()
	collection, err := app.FindCollectionByNameOrId("orders")
	if err != nil {
		t.Fatal(err)
	}
	var orders []*core.Record
	for n := range 5 {
		o := core.NewRecord(collection)
		o.Id = fmt.Sprintf("order%010d", n)
		orders = append(orders, o)
		for number := range n { // none for the first, four for the last
			_, err := books.Insert(app, "wx_outbox", map[string]any{
				"effect": EffectUpload, "key": fmt.Sprintf("%s%d", shipmentKeys(o.Id), number+1),
				"payload": shipmentJob{Order: o.Id, Number: number + 1}, "error": fmt.Sprintf("of %s/%d", o.Id, number+1),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var queries atomic.Int32
	app.ConcurrentDB().(*dbx.DB).QueryLogFunc = func(_ context.Context, _ time.Duration, sql string, _ *sql.Rows, _ error) {
		if strings.Contains(sql, "wx_outbox") {
			queries.Add(1)
		}
	}
	got, err := lastShipments(app, orders)
	if err != nil || len(got) != 4 {
		t.Fatalf("got %d orders (%v), want the 4 that have a shipment", len(got), err)
	}
	if n := queries.Load(); n != 1 {
		t.Errorf("queries: got %d, want 1", n)
	}
	for n, o := range orders[1:] {
		if text, want := got[o.Id].row.GetString("error"), fmt.Sprintf("of %s/%d", o.Id, n+1); text != want || got[o.Id].job.Number != n+1 {
			t.Errorf("order %s: got %q, want %q", o.Id, text, want)
		}
	}
}
