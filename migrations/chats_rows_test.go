package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// TestChatsAndTheRowsOfBefore: users and payouts of before stay as they are on the way up and down; one person is one chat, and one number of
// WeChat's is one message; a chat takes its messages along.
func TestChatsAndTheRowsOfBefore(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1765700100")
	insert := func(app core.App, table string, row dbx.Params) error {
		_, err := app.NonconcurrentDB().Insert(table, row).Execute()
		return err
	}
	for table, row := range map[string]dbx.Params{
		"users":      {"id": "user00000000001", "tokenKey": "a-token-key", "password": "x", "name": "小明"},
		"wx_payouts": {"id": "payout000000001", "user": "user00000000001", "outBillNo": "po1", "merchant": "1900000001", "state": "WAITING", "amount": 2000},
	} {
		if err := insert(old, table, row); err != nil {
			t.Fatal(err)
		}
	}
	filled := up(old)
	scenarios := []struct {
		name, table string
		row         dbx.Params
		refused     bool
	}{
		{"a chat", "wx_chats", dbx.Params{"id": "chat00000000001", "appid": "wx1", "openid": "o1", "user": "user00000000001"}, false},
		{"the same person again", "wx_chats", dbx.Params{"id": "chat00000000002", "appid": "wx1", "openid": "o1"}, true},
		{"the same openid elsewhere", "wx_chats", dbx.Params{"id": "chat00000000003", "appid": "wx2", "openid": "o1"}, false},
		{"a message", "wx_chat_messages", dbx.Params{"id": "line00000000001", "chat": "chat00000000001", "key": "in/1", "kind": "text", "state": "RECEIVED"}, false},
		{"the same message again", "wx_chat_messages", dbx.Params{"id": "line00000000002", "chat": "chat00000000001", "key": "in/1", "kind": "text", "state": "RECEIVED"}, true},
	}
	for _, s := range scenarios {
		if err := insert(filled, s.table, s.row); (err != nil) != s.refused {
			t.Errorf("%s: got %v, want refused %t", s.name, err, s.refused)
		}
	}
	chat, err := filled.FindRecordById("wx_chats", "chat00000000001")
	if err == nil {
		err = filled.Delete(chat)
	}
	if n, countErr := filled.CountRecords("wx_chat_messages"); err != nil || countErr != nil || n != 0 {
		t.Errorf("after the chat is deleted: got %d messages, %v, %v, want none", n, err, countErr)
	}
	again := up(down(filled))
	payout, err := again.FindRecordById("wx_payouts", "payout000000001")
	if err != nil || payout.GetInt("amount") != 2000 || payout.GetString("settleAs") != "" {
		t.Errorf("payout after going down and up: got %v (%v), want it as it was", payout, err)
	}
}
