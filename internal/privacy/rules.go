package privacy

import (
	"database/sql"
	"errors"
	"slices"

	"github.com/pocketbase/pocketbase/core"
)

const (
	usersTable    = "users"
	erasuresTable = "wx_erasures"
	// recordRef is the column by which PocketBase's own collections name an account.
	recordRef = "recordRef"
)

// fate is what becomes of a row when its person is forgotten.
type fate int

const (
	asRelated fate = iota // an operator's row: as its relation says
	stays                 // it is about money, or says who did what
	goes
)

// fates are those of our own collections and of PocketBase's. Any other is the operator's.
var fates = map[string]fate{
	"orders": stays, "payments": stays, "refunds": stays, "wx_ledger": stays, "wx_order_lines": stays, "wx_refund_requests": stays,
	"wx_payouts": stays,
	"wx_bills":   stays, "wx_bill_diffs": stays, "wx_sales_hours": stays, "wx_sales_products": stays, "wx_alerts": stays, "wx_audit": stays,
	erasuresTable: stays,

	"wx_identities": goes, "wx_consents": goes, "wx_messages": goes, "wx_links": goes, "wx_codes": goes, "wx_scans": goes, "wx_invites": goes,
	"wx_checks": goes, "wx_quotas": goes, "room_messages": goes, "wx_remarks": goes, "wx_inbox": goes, "wx_outbox": goes, "wx_complaints": goes,
	"wx_chats": goes, "wx_chat_messages": goes,
	"_externalAuths": goes, "_mfas": goes, "_otps": goes, "_authOrigins": goes,
}

// unsearched are collections whose texts are not searched for people: accounts of others, settings, and what contains
// no person.
var unsearched = []string{
	usersTable, "_superusers", "wx_staff", "wx_staff_sessions", "wx_apps", "wx_merchants", "wx_templates", "wx_check_fields",
	"wx_sales_hours", "wx_sales_products", "wx_bills", "products", "product_variants", "wx_items", "rooms", "room_sequences",
}

// withheld are fields that are no part of an export: keys, and what tells of other people. Passwords, and what PocketBase hides in its own
// collections, are left out by their kind.
var withheld = map[string][]string{
	usersTable:           {"tokenKey"},
	"wx_identities":      {"sessionKey", "previousSessionKey"},
	"payments":           {"params", "paramsHash"},
	"refunds":            {"requestedBy"},
	"wx_payouts":         {"userName", "packageInfo", "note", "requestedBy", "requesterId", "approvedBy", "approverId", "settleNote", "settleBy", "settleById"},
	"wx_audit":           {"actor", "actorId", "ip", "agent", "details"},
	"wx_refund_requests": {"requestedBy", "requesterId", "decidedBy"},
	"wx_remarks":         {"by"},
	"wx_chat_messages":   {"by"},
	"wx_alerts":          {"closedBy"},
	erasuresTable:        {"traces", "by", "endedBy", "error"},
}

// referred are collections of which an export names the rows and does not repeat them: they hold WeChat's messages and work of the server.
var referred = []string{"wx_inbox", "wx_outbox"}

// tie says that a column of text names rows of another collection by one of its columns.
type tie struct{ table, column, to, by string }

// ties are the columns of ours that name a row and are no relation.
var ties = []tie{
	{"wx_ledger", "order", "orders", "id"},
	{"wx_order_lines", "order", "orders", "id"},
	{"wx_refund_requests", "order", "orders", "id"},
	{"wx_remarks", "order", "orders", "id"},
	{"wx_complaints", "order", "orders", "id"},
	{"wx_bill_diffs", "outTradeNo", "payments", "outTradeNo"},
	{"wx_alerts", "subject", "payments", "id"},
	{"wx_alerts", "subject", "orders", "id"},
	{"wx_alerts", "subject", "refunds", "id"},
	{"wx_alerts", "subject", "wx_payouts", "id"},
	{"wx_audit", "subject", "wx_chats", "id"},
	{"wx_ledger", "payout", "wx_payouts", "id"},
	{"wx_audit", "subject", usersTable, "id"},
	{"wx_audit", "subject", "orders", "id"},
	{"wx_audit", "subject", "wx_payouts", "id"},
	{erasuresTable, "user", usersTable, "id"},
	{"wx_inbox", "ref", "payments", "outTradeNo"},
	{"wx_inbox", "ref", "refunds", "outRefundNo"},
	{"wx_inbox", "ref", "wx_payouts", "outBillNo"},
	{"room_messages", "sender", usersTable, "id"},
	{"_externalAuths", recordRef, usersTable, "id"},
	{"_mfas", recordRef, usersTable, "id"},
	{"_otps", recordRef, usersTable, "id"},
	{"_authOrigins", recordRef, usersTable, "id"},
}

// isWithheld tells whether a field is left out of an export.
func isWithheld(c *core.Collection, f core.Field) bool {
	_, isPassword := f.(*core.PasswordField)
	return isPassword || c.System && f.GetHidden() || slices.Contains(withheld[c.Name], f.GetName())
}

// isMissing tells whether a read found nothing.
func isMissing(err error) bool { return errors.Is(err, sql.ErrNoRows) }
