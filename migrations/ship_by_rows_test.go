package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
)

// TestShipByKeepsOrders: paid orders of before have no promise after the upgrade, and all but the promise after going back.
func TestShipByKeepsOrders(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1765500100")
	row := dbx.Params{
		"id": "order0000000001", "user": "user00000000001", "appid": "wx1", "number": "N1", "items": "[]", "total": 100, "payState": "PAID", "shipState": "NONE",
		"paidAt": "2026-11-01 08:00:00.000Z",
	}
	if _, err := old.NonconcurrentDB().Insert("orders", row).Execute(); err != nil {
		t.Fatal(err)
	}
	filled := up(old)
	promised := "2026-12-24 08:00:00.000Z"
	o, err := filled.FindRecordById("orders", "order0000000001")
	if err != nil || !o.GetDateTime("shipBy").IsZero() || o.GetDateTime("paidAt").String() != row["paidAt"] {
		t.Fatalf("upgraded: got %v (%v), want it as it was, without a promise", o, err)
	}
	if _, err := filled.NonconcurrentDB().Update("orders", dbx.Params{"shipBy": promised}, nil).Execute(); err != nil {
		t.Fatal(err)
	}
	again := up(down(filled))
	o, err = again.FindRecordById("orders", "order0000000001")
	if err != nil || !o.GetDateTime("shipBy").IsZero() || o.GetString("number") != "N1" || o.GetInt("total") != 100 {
		t.Errorf("after going down and up: got %v (%v), want the order without its promise", o, err)
	}
}
