package hooks_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

const day = 24 * time.Hour

// runJob runs a job of the night now.
func runJob(t *testing.T, app *apptest.App, id string) {
	t.Helper()
	for _, job := range app.Cron().Jobs() {
		if job.Id() == id {
			job.Run()
			return
		}
	}
	t.Fatalf("there is no job %s", id)
}

// keepRow writes a row of the books past every hook, since when ago.
func keepRow(t *testing.T, app *apptest.App, table string, ago time.Duration, fields map[string]any) string {
	t.Helper()
	at := app.Clock.Now().Add(-ago).UTC().Format(types.DefaultDateLayout)
	row := dbx.Params{"id": core.GenerateDefaultRandomId(), "created": at, "updated": at}
	maps.Copy(row, fields)
	if _, err := app.NonconcurrentDB().Insert(table, row).Execute(); err != nil {
		t.Fatal(err)
	}
	return row["id"].(string)
}

func has(t *testing.T, app *apptest.App, table, id string) bool {
	t.Helper()
	return count(t, app, table, dbx.HashExp{"id": id}) == 1
}

// TestTidyInbox: a notification is forgotten once it has been dealt with and the time is over. One that waits for a person, or for anything
// else, is kept, also in states that later versions bring.
func TestTidyInbox(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	c, err := app.FindCollectionByNameOrId("wx_inbox")
	if err != nil {
		t.Fatal(err)
	}
	states := c.Fields.GetByName("state").(*core.SelectField).Values
	ended := []string{"APPLIED", "REPEATED", "REFUSED", "CLOSED"}
	old, fresh := map[string]string{}, map[string]string{}
	for _, state := range states {
		fields := map[string]any{"kind": "pay", "state": state}
		old[state] = keepRow(t, app, "wx_inbox", 181*day, merged(fields, map[string]any{"dedupeKey": "old/" + state}))
		fresh[state] = keepRow(t, app, "wx_inbox", 179*day, merged(fields, map[string]any{"dedupeKey": "new/" + state}))
	}
	again := keepRow(t, app, "wx_inbox", 181*day, map[string]any{
		"kind": "pay", "state": "APPLIED", "dedupeKey": "again", "updated": types.NowDateTime().String(),
	})
	runJob(t, app, "wxTidy")
	for _, state := range states {
		if got, want := has(t, app, "wx_inbox", old[state]), !slices.Contains(ended, state); got != want {
			t.Errorf("%s: got kept %v, want %v", state, got, want)
		}
		if !has(t, app, "wx_inbox", fresh[state]) {
			t.Errorf("%s: a row within the time is gone", state)
		}
	}
	if !has(t, app, "wx_inbox", again) {
		t.Error("what was repeated a moment ago is gone: the next repeat would be taken for a new one")
	}
}

// TestTidyOutbox: what is done is forgotten. What is not done stays however old it is, and so does what WeChat was told of a shipment.
func TestTidyOutbox(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	at := func(ago time.Duration) string { return app.Clock.Now().Add(-ago).UTC().Format(types.DefaultDateLayout) }
	scenarios := []struct {
		name   string
		fields map[string]any
		kept   bool
	}{
		{"done long ago", map[string]any{"effect": "order.paid.hooks", "doneAt": at(91 * day)}, false},
		{"given up long ago", map[string]any{"effect": "message.send", "doneAt": at(91 * day), "error": "refused"}, false},
		{"done of late", map[string]any{"effect": "order.paid.hooks", "doneAt": at(89 * day)}, true},
		{"never done", map[string]any{"effect": "order.paid.hooks", "nextAt": at(-day), "attempts": 40}, true},
		{"a shipment", map[string]any{"effect": "shipping.upload", "doneAt": at(900 * day)}, true},
	}
	ids := map[string]string{}
	for _, s := range scenarios {
		ids[s.name] = keepRow(t, app, "wx_outbox", 1_000*day, merged(s.fields, map[string]any{"key": s.name, "payload": "{}"}))
	}
	runJob(t, app, "wxTidy")
	for _, s := range scenarios {
		if got := has(t, app, "wx_outbox", ids[s.name]); got != s.kept {
			t.Errorf("%s: got kept %v, want %v", s.name, got, s.kept)
		}
	}
}

// TestTidySettings: each table has its own time, and 0 is for ever.
func TestTidySettings(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, value string
		table       string
		ages        [2]int // in days: of a row that stays and of one that goes; 0: none goes
	}{
		{"WXBASE_KEEP_INBOX_DAYS", "7", "wx_inbox", [2]int{6, 8}},
		{"WXBASE_KEEP_INBOX_DAYS", "0", "wx_inbox", [2]int{9_000, 0}},
		{"WXBASE_KEEP_OUTBOX_DAYS", "30", "wx_outbox", [2]int{29, 31}},
		{"WXBASE_KEEP_OUTBOX_DAYS", "0", "wx_outbox", [2]int{9_000, 0}},
		{"WXBASE_KEEP_SCANS_DAYS", "10", "wx_scans", [2]int{9, 12}},
		{"WXBASE_KEEP_SCANS_DAYS", "", "wx_scans", [2]int{399, 402}},
		{"WXBASE_KEEP_SCANS_DAYS", "0", "wx_scans", [2]int{9_000, 0}},
	}
	for _, s := range scenarios {
		t.Run(s.name+"="+s.value, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t, withEnv(s.name, s.value))
			row := func(days int) string {
				then := app.Clock.Now().Add(-time.Duration(days) * day)
				fields := map[string]map[string]any{
					"wx_inbox":  {"kind": "pay", "state": "APPLIED", "dedupeKey": fmt.Sprint(days)},
					"wx_outbox": {"effect": "x", "key": fmt.Sprint(days), "doneAt": then.UTC().Format(types.DefaultDateLayout)},
					"wx_scans":  {"code": "c", "day": then.Format(time.DateOnly), "count": 1},
				}
				return keepRow(t, app, s.table, time.Duration(days)*day, fields[s.table])
			}
			stays, goes := row(s.ages[0]), ""
			if s.ages[1] != 0 {
				goes = row(s.ages[1])
			}
			runJob(t, app, "wxTidy")
			if !has(t, app, s.table, stays) {
				t.Errorf("a row of %d days is gone", s.ages[0])
			}
			if goes != "" && has(t, app, s.table, goes) {
				t.Errorf("a row of %d days is still there", s.ages[1])
			}
		})
	}
}

// TestTidyManyRows: more than one statement's worth goes in one night.
func TestTidyManyRows(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	_, err := app.NonconcurrentDB().NewQuery(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1300)
		INSERT INTO wx_scans (id, code, day, [[user]], count) SELECT 'scan' || i, 'c' || i, '2020-01-01', '', 1 FROM n`).Execute()
	if err != nil {
		t.Fatal(err)
	}
	kept := keepRow(t, app, "wx_scans", 0, map[string]any{"code": "c", "day": app.Clock.Now().Format(time.DateOnly), "count": 1})
	runJob(t, app, "wxTidy")
	if n := rows(t, app, "wx_scans"); n != 1 || !has(t, app, "wx_scans", kept) {
		t.Errorf("got %d rows, want the one of today", n)
	}
}

// TestTidyTouchesNothingElse: a shop that has sold, paid, refunded and shipped loses nothing but old notices of these three tables, in ten
// years, whatever collections there are.
func TestTidyTouchesNothingElse(t *testing.T) {
	t.Parallel()
	app, buyer, order := paidOrder(t)
	super := app.Superuser()
	app.Must(http.MethodPost, refundPath(order), super, map[string]any{"amount": 1000})
	settle(t, app)
	buyer.Order("三鲜面", 1) // stays unpaid
	code := codeOf(t, buyer, map[string]any{"id": 7})
	app.Login("小红").Must(http.MethodGet, "/api/wx/scenes/"+code.Text("scene"), nil)
	keepRow(t, app, "wx_inbox", 0, map[string]any{"kind": "pay", "state": "UNMATCHED", "dedupeKey": "money"})
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	forgotten := []string{"wx_inbox", "wx_outbox", "wx_scans", "wx_quotas"} // note: the last are counts of days, which end by themselves
	before := census(t, app)
	app.Clock.Advance(3_650 * day)
	runJob(t, app, "wxTidy")
	after := census(t, app)
	for table, n := range before {
		if after[table] != n && !slices.Contains(forgotten, table) {
			t.Errorf("%s: got %d rows, want %d", table, after[table], n)
		}
	}
	for _, table := range []string{"wx_inbox", "wx_outbox", "wx_scans"} {
		if before[table] == after[table] {
			t.Errorf("%s: got nothing deleted of %d rows; the test proves nothing", table, before[table])
		}
	}
	for _, table := range []string{"orders", "payments", "refunds", "wx_ledger", "wx_identities", "wx_invites", "wx_codes", "users"} {
		if after[table] == 0 {
			t.Errorf("%s: got no rows, want the shop's", table)
		}
	}
	if n := count(t, app, "wx_inbox", dbx.HashExp{"state": "UNMATCHED"}); n != 1 {
		t.Errorf("got %d unmatched notifications, want the one that a person must see", n)
	}
}

// census counts the rows of every table.
func census(t *testing.T, app *apptest.App) map[string]int {
	t.Helper()
	all, err := app.FindAllCollections(core.CollectionTypeBase, core.CollectionTypeAuth)
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, c := range all {
		n[c.Name] = rows(t, app, c.Name)
	}
	return n
}

// TestSettingsOfWords: what is mistyped is refused at start, with the name of the setting.
func TestSettingsOfWords(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, value string
		fine        bool
	}{
		{"WXBASE_KEEP_INBOX_DAYS", "", true},
		{"WXBASE_KEEP_INBOX_DAYS", "7", true},
		{"WXBASE_KEEP_INBOX_DAYS", "6", false}, // WeChat may still repeat what would be forgotten
		{"WXBASE_KEEP_INBOX_DAYS", "-1", false},
		{"WXBASE_KEEP_OUTBOX_DAYS", "a month", false},
		{"WXBASE_KEEP_SCANS_DAYS", "99999999999", false},
		{"WXBASE_ORDER_NOTICE", "of", false},
		{"WXBASE_ORDER_NOTICE", " Off ", true},
		{"WXBASE_PAY_WAYS", "native, h5", true},
		{"WXBASE_PAY_WAYS", "H5", true},
		{"WXBASE_PAY_WAYS", "none", true},
		{"WXBASE_PAY_WAYS", "jsapi", false},
		{"WXBASE_PAY_WAYS", "native;h5", false},
		{"WXBASE_PLAIN_SCENES", "superuser", false},
		{"WXBASE_PLAIN_SCENES", "Superusers", true},
	}
	for _, s := range scenarios {
		step(t, s.name+"="+s.value, func(t *testing.T) {
			c := hooks.Config{}
			withEnv(s.name, s.value)(&c)
			_, err := hooks.Register(core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir()}), c)
			if (err == nil) != s.fine || err != nil && !strings.Contains(err.Error(), s.name) {
				t.Errorf("got %v, want it to be fine: %v", err, s.fine)
			}
		})
	}
	_, err := hooks.Register(core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir()}), hooks.Config{KeepInbox: time.Hour})
	if err == nil {
		t.Error("an hour, from a program: got no error")
	}
}

// TestLogsEndByThemselves: after the days that the dashboard says.
func TestLogsEndByThemselves(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Settings().Logs.MaxDays = 3
	for name, ago := range map[string]time.Duration{"old": 4 * day, "fresh": 2 * day} {
		_, err := app.AuxNonconcurrentDB().Insert("_logs", dbx.Params{
			"id": name, "message": name, "data": "{}", "level": 0, "created": time.Now().Add(-ago).UTC().Format(types.DefaultDateLayout),
		}).Execute()
		if err != nil {
			t.Fatal(err)
		}
	}
	runJob(t, app, "__pbLogsCleanup__")
	var left []string
	if err := app.AuxDB().Select("id").From("_logs").Where(dbx.In("id", "old", "fresh")).Column(&left); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(left) != "[fresh]" {
		t.Errorf("got %v, want the fresh one", left)
	}
}
