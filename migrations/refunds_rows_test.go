package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
)

// TestRefundsAndBillsKeepTheirRows: the keys of refunds and the rounds of bills come to rows that are there, and leave them behind.
func TestRefundsAndBillsKeepTheirRows(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1764300100")
	sent := "2026-01-02 03:04:05.000Z"
	for table, row := range map[string]dbx.Params{
		"refunds":      {"id": "refund000000001", "order": "order0000000001", "payment": "payment00000001", "outRefundNo": "r-1", "state": "SUCCESS", "amount": 5, "sentAt": sent},
		"wx_bills":     {"id": "bill00000000001", "date": "2026-01-02", "merchant": "1900000001", "state": "OK"},
		"wx_merchants": {"id": "merchant0000001", "mchid": "1900000001", "api": "v3"},
	} {
		if _, err := old.NonconcurrentDB().Insert(table, row).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	filled := up(old)
	refund, err := filled.FindRecordById("refunds", "refund000000001")
	if err != nil || refund.GetString("calledAt") != sent || refund.GetString("key") != "" || refund.GetBool("all") {
		t.Errorf("refund: got %v (%v), want it called when it was sent", refund, err)
	}
	bill, err := filled.FindRecordById("wx_bills", "bill00000000001")
	if err != nil || !bill.GetDateTime("nextAt").IsZero() || bill.GetString("state") != "OK" {
		t.Errorf("bill: got %v (%v), want a finished day", bill, err)
	}
	again := down(filled)
	for table, id := range map[string]string{"refunds": "refund000000001", "wx_bills": "bill00000000001", "wx_merchants": "merchant0000001"} {
		if _, err := again.FindRecordById(table, id); err != nil {
			t.Errorf("%s after going down: %v", table, err)
		}
	}
}
