package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
)

// TestComplaintsAndTheRowsOfBefore: users and orders of before stay as they are on the way up and down, and one number is one complaint.
func TestComplaintsAndTheRowsOfBefore(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1765300100")
	user := dbx.Params{"id": "user00000000001", "tokenKey": "a-token-key", "password": "x", "name": "小明"}
	if _, err := old.NonconcurrentDB().Insert("users", user).Execute(); err != nil {
		t.Fatal(err)
	}
	filled := up(old)
	row := dbx.Params{"id": "complaint000001", "source": "wechatpay", "number": "200201", "state": "PENDING", "user": "user00000000001", "dueAt": "2026-11-30 10:00:00.000Z"}
	if _, err := filled.NonconcurrentDB().Insert("wx_complaints", row).Execute(); err != nil {
		t.Fatal(err)
	}
	row["id"] = "complaint000002"
	if _, err := filled.NonconcurrentDB().Insert("wx_complaints", row).Execute(); err == nil {
		t.Error("got one number twice")
	}
	row["source"] = "xpay"
	if _, err := filled.NonconcurrentDB().Insert("wx_complaints", row).Execute(); err != nil {
		t.Errorf("the same number from elsewhere: got %v", err)
	}
	again := up(down(filled))
	if u, err := again.FindRecordById("users", "user00000000001"); err != nil || u.GetString("name") != "小明" {
		t.Errorf("user after going down and up: got %v (%v), want it as it was", u, err)
	}
	if n, err := again.CountRecords("wx_complaints"); err != nil || n != 0 {
		t.Errorf("complaints: got %d, %v, want none", n, err)
	}
}
