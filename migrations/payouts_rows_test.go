package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
)

// TestPayoutsLeaveTheLedgerAlone: ledger rows of before stay as they are, on the way up and down; payouts go with their collection.
func TestPayoutsLeaveTheLedgerAlone(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1765200100")
	row := dbx.Params{"id": "ledger000000001", "from": "PREPAID", "to": "SUCCESS", "source": "query", "evidence": "{}"}
	if _, err := old.NonconcurrentDB().Insert("wx_ledger", row).Execute(); err != nil {
		t.Fatal(err)
	}
	filled := up(old)
	kept, err := filled.FindRecordById("wx_ledger", "ledger000000001")
	if err != nil || kept.GetString("to") != "SUCCESS" || kept.GetString("payout") != "" {
		t.Fatalf("ledger row: got %v (%v), want it as it was, of no payout", kept, err)
	}
	payout := dbx.Params{"id": "payout000000001", "outBillNo": "popayout000000001x1", "merchant": "1900000001", "amount": 100, "state": "SUCCESS"}
	if _, err := filled.NonconcurrentDB().Insert("wx_payouts", payout).Execute(); err != nil {
		t.Fatal(err)
	}
	again := up(down(filled))
	if kept, err = again.FindRecordById("wx_ledger", "ledger000000001"); err != nil || kept.GetString("to") != "SUCCESS" {
		t.Errorf("ledger row after going down and up: got %v (%v), want it as it was", kept, err)
	}
	if n, err := again.CountRecords("wx_payouts"); err != nil || n != 0 {
		t.Errorf("payouts: got %d, %v, want none", n, err)
	}
}
