package hooks

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/migrations"
)

// growth is what keeps a collection from growing without end.
type growth struct {
	tidied   bool   // wxTidy deletes what is old
	setting  string // how much one person or address may add, or how long it is kept
	constant string // likewise, where it is no setting: the file that says so, and what stands there
	kept     string // why it is kept for ever, or who alone can add to it
}

// growths says it of every collection; a new one has to be added with its limit.
func growths() map[string]growth {
	withOrder := growth{setting: "WXBASE_ORDERS_PER_DAY"}
	owner := growth{kept: "people of the shop fill it in"}
	return map[string]growth{
		"orders": withOrder, "wx_order_lines": withOrder,
		"payments":           {setting: "WXBASE_CALLS_PER_MINUTE", kept: "money"},
		"refunds":            {kept: "money, and at most fifty for a payment"},
		"wx_ledger":          {kept: "money: a row for each step of what has limits of its own"},
		"wx_sales_hours":     {kept: "a row an hour"},
		"wx_sales_products":  {kept: "a row a day and product that is sold"},
		"wx_bills":           {kept: "a row a day and merchant"},
		"wx_bill_diffs":      {kept: "belongs to a day, and is replaced with it"},
		"users":              {setting: "WXBASE_LOGINS_PER_MINUTE"},
		"wx_identities":      {setting: "WXBASE_LOGINS_PER_MINUTE"},
		"wx_invites":         {kept: "one for a person"},
		"wx_consents":        {setting: "WXBASE_TEMPLATES_PER_USER"},
		"wx_codes":           {setting: "WXBASE_CODES_PER_DAY"},
		"wx_links":           {kept: "only the shop makes them, and SweepLinks deletes those that have ended"},
		"wx_scans":           {tidied: true, setting: "WXBASE_KEEP_SCANS_DAYS"},
		"wx_inbox":           {tidied: true, setting: "WXBASE_KEEP_INBOX_DAYS"},
		"wx_outbox":          {tidied: true, setting: "WXBASE_KEEP_OUTBOX_DAYS"},
		"wx_messages":        {tidied: true},
		"wx_checks":          {tidied: true, setting: "WXBASE_CHECKS_PER_DAY"},
		"wx_alerts":          {tidied: true},
		"wx_quotas":          {constant: "../internal/books/quotas.go: DELETE FROM wx_quotas"},
		"room_messages":      {constant: "../internal/rooms/rooms_store.go: DELETE FROM room_messages"},
		"room_sequences":     {kept: "one for a room"},
		"wx_staff_sessions":  {constant: "../internal/desk/sessions.go: sessionMemory"},
		"wx_audit":           {kept: "what staff did, append-only; tries to sign in are counted by own_tries.go"},
		"wx_refund_requests": {kept: "only staff make them"},
		"wx_remarks":         {kept: "only staff write them"},
		"wx_payouts":         {kept: "only staff and the shop's own code make them"},
		"wx_complaints":      {kept: "only who has paid can complain, and WeChat makes the row"},
		"wx_chats":           {setting: "WXBASE_KEEP_CHATS_DAYS"},
		"wx_chat_messages":   {setting: "WXBASE_KEEP_CHATS_DAYS"},
		"wx_erasures":        {setting: "WXBASE_LOGINS_PER_MINUTE", kept: "the proof that a person was forgotten; each wish takes a login"},
		"products":           owner, "product_variants": owner, "rooms": owner, "wx_apps": owner, "wx_merchants": owner, "wx_staff": owner,
		"wx_templates": owner, "wx_check_fields": owner, "wx_items": {kept: "one for each price of a product"},
	}
}

// TestNothingGrowsWithoutEnd fails for a collection that has neither a limit, nor an end, nor a reason to be kept; and for words here that
// the code does not keep.
func TestNothingGrowsWithoutEnd(t *testing.T) {
	t.Parallel()
	p := &tidier{KeepInbox: time.Hour, KeepOutbox: time.Hour, KeepScans: time.Hour}
	var tidied []string
	for _, rule := range p.tidyRules() {
		tidied = append(tidied, rule.table)
	}
	settings, all := docsOfSettings(t), growths()
	for _, c := range migrations.Schema() {
		g, ok := all[c.Name]
		if !ok || g == (growth{}) {
			t.Errorf("%s has neither a limit nor an end: give it one, and say so in growths", c.Name)
		}
		if delete(all, c.Name); g.tidied != slices.Contains(tidied, c.Name) {
			t.Errorf("%s: got tidied %t, want %t", c.Name, !g.tidied, g.tidied)
		}
		if g.setting != "" && !strings.Contains(settings, "`"+g.setting+"`") {
			t.Errorf("%s: %s is not in docs/configuration.md", c.Name, g.setting)
		}
		if file, text, has := strings.Cut(g.constant, ": "); has && !strings.Contains(fileText(t, file), text) {
			t.Errorf("%s: %q is not in %s", c.Name, text, file)
		}
	}
	for name := range all {
		t.Errorf("%s is no collection of ours any more", name)
	}
}

func docsOfSettings(t *testing.T) string {
	t.Helper()
	return fileText(t, "../docs/configuration.md")
}

func fileText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
