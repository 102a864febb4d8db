package migrations_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// alwaysSaid are indexes of some rows whose queries say which, literally: SQLite uses them for nothing else.
var alwaysSaid = []string{
	// what is due: the sweeps ask for nextAt != '' too
	"idx_payments_due", "idx_refunds_due", "idx_wx_payouts_due", "idx_wx_items_due", "idx_wx_outbox_due", "idx_wx_complaints_due",
	"idx_wx_links_expires", "idx_wx_quotas_expires", "idx_orders_ship_by", "idx_orders_open", "idx_wx_erasures_due",
	// few rows among many, read as a list
	"idx_orders_frozen", "idx_payments_disputed", "idx_wx_outbox_failed", "idx_wx_outbox_done",
	"idx_wx_alerts_open",
	// asked with the condition (till.payoutOfKey, desk.payoutEvents)
	"idx_wx_payouts_key", "idx_wx_ledger_payout",
	// PocketBase's own, of the few who work in a shop
	"idx_email_pbc_1606985359",
}

// TestIndexesServeEquality: who asks for the columns of an index by equality is served by an index. SQLite does not use one of the rows whose x is not empty
// for x = ?, and reads the whole table without a word.
func TestIndexesServeEquality(t *testing.T) {
	t.Parallel()
	app := migrate(t, boot(t, t.TempDir()), func(r *core.MigrationsRunner) ([]string, error) { return r.Up() }, len(core.AppMigrations.Items()))
	var indexes []struct{ Name, Table string }
	err := app.DB().NewQuery("SELECT name, tbl_name AS [[table]] FROM sqlite_master WHERE type = 'index' AND name LIKE 'idx\\_%' ESCAPE '\\' AND tbl_name NOT LIKE '\\_%' ESCAPE '\\'").All(&indexes)
	if err != nil || len(indexes) < 100 {
		t.Fatalf("got %d indexes (%v)", len(indexes), err)
	}
	for _, index := range indexes {
		var columns []string
		if err := app.DB().NewQuery("SELECT name FROM pragma_index_info('" + index.Name + "') ORDER BY seqno").Column(&columns); err != nil {
			t.Fatal(err)
		}
		var plan []struct{ Detail string }
		where := strings.Join(columns, "]] = {:v} AND [[")
		err := app.DB().NewQuery("EXPLAIN QUERY PLAN SELECT * FROM {{" + index.Table + "}} WHERE [[" + where + "]] = {:v}").Bind(dbx.Params{"v": "v"}).All(&plan)
		if err != nil {
			t.Fatal(err)
		}
		// unique columns of some rows may be found along another index of the first of them: an order's refunds are few
		served := slices.ContainsFunc(plan, func(p struct{ Detail string }) bool { return strings.HasPrefix(p.Detail, "SEARCH") })
		exempt := slices.Contains(alwaysSaid, index.Name)
		switch {
		case served && exempt:
			t.Errorf("%s is served: it need not be listed", index.Name)
		case !served && !exempt:
			t.Errorf("%s: %s by %v: got the plan %v, want a SEARCH", index.Name, index.Table, columns, plan)
		}
	}
	for _, name := range alwaysSaid {
		if !slices.ContainsFunc(indexes, func(i struct{ Name, Table string }) bool { return i.Name == name }) {
			t.Errorf("%s is listed, but is no index", name)
		}
	}
}

// TestLookupIndexesKeepRows: rows of before are there after the upgrade and after going back, and what was unique stays so.
func TestLookupIndexesKeepRows(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1765800100")
	insert := func(app core.App, table string, row dbx.Params) error {
		_, err := app.NonconcurrentDB().Insert(table, row).Execute()
		return err
	}
	for i := range 3 {
		for table, row := range map[string]dbx.Params{
			"wx_identities": {"appid": "wx1", "openid": fmt.Sprint("o", i), "user": fmt.Sprint("user0000000000", i)},
			"wx_chats":      {"appid": "wx1", "openid": fmt.Sprint("o", i)},
			"wx_messages":   {"appid": "wx1"},
			"wx_checks":     {"collection": "comments", "record": fmt.Sprint("r", i)},
			"wx_scans":      {"code": "c", "day": "2026-11-01", "user": fmt.Sprint("u", i)},
			"wx_invites":    {"user": fmt.Sprint("u", i)},
			"payments":      {"merchant": "m", "outTradeNo": fmt.Sprint("N", i), "disputedAt": "2026-11-01 00:00:00.000Z"},
			"refunds":       {"merchant": "m", "outRefundNo": fmt.Sprint("R", i), "state": "ABNORMAL"},
		} {
			row["id"] = fmt.Sprint("row00000000000", i)
			if err := insert(old, table, row); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
	}
	new := up(old)
	for _, app := range []core.App{new, down(new)} {
		for table := range map[string]bool{"wx_identities": true, "wx_chats": true, "wx_messages": true, "wx_checks": true, "wx_scans": true, "wx_invites": true, "payments": true, "refunds": true} {
			if n, err := app.CountRecords(table); err != nil || n != 3 {
				t.Errorf("%s: got %d rows (%v), want 3", table, n, err)
			}
		}
		for _, table := range []string{"wx_identities", "wx_chats"} {
			if insert(app, table, dbx.Params{"id": "another00000000", "appid": "wx1", "openid": "o1"}) == nil {
				t.Errorf("%s: one person of one mini program is there twice", table)
			}
		}
	}
}
