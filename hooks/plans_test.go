package hooks_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/search"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// plan is what SQLite intends to do for a query.
func plan(t *testing.T, app core.App, query *dbx.Query) string {
	t.Helper()
	var rows []struct {
		Detail string `db:"detail"`
	}
	if err := app.ConcurrentDB().NewQuery("EXPLAIN QUERY PLAN " + query.SQL()).Bind(query.Params()).All(&rows); err != nil {
		t.Fatalf("explain %s: %v", query.SQL(), err)
	}
	var lines []string
	for _, row := range rows {
		lines = append(lines, row.Detail)
	}
	return strings.Join(lines, "\n")
}

// wantSearch refuses the reading of a whole table, and sorting. A list of ours (json_each) is read whole.
func wantSearch(t *testing.T, what, got string) {
	t.Helper()
	lines := strings.Split(got, "\n")
	bad := slices.ContainsFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "VIRTUAL TABLE") || strings.Contains(line, "TEMP B-TREE")
	})
	if bad || !strings.Contains(got, "SEARCH") {
		t.Errorf("%s: got the plan\n%s\nwant SEARCH only", what, got)
	}
}

func TestOftenAskedUseIndexes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	for what, query := range hooks.OftenAsked(app) {
		wantSearch(t, what, plan(t, app, query.Build()))
	}
}

// TestPeoplesSearchesUseIndexes asks in the words of the dashboard's search box.
func TestPeoplesSearchesUseIndexes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	scenarios := []struct{ collection, filter, sort string }{
		{"payments", "transactionId = '4200000001'", ""},
		{"payments", "outTradeNo = 'N1'", ""},
		{"payments", "successAt >= '2026-01-01' && successAt < '2026-01-02'", "-successAt"},
		{"payments", "created > '2026-01-01'", "-created"},
		{"users", "phone = '13800000000'", ""},
		{"users", "created > '2026-01-01'", "-created"},
		{"orders", "created > '2026-01-01'", "-created"},
		{"orders", "paidAt > '2026-01-01'", "-paidAt"},
		{"orders", "shipState = 'NONE' && paidAt > '2026-01-01'", "paidAt"},
		{"orders", "number = 'N1'", ""},
		{"refunds", "outRefundNo = 'R1'", ""},
		{"refunds", "sentAt > '2026-01-01'", "-sentAt"},
		{"refunds", "successAt > '2026-01-01'", "-successAt"},
		{"refunds", "created > '2026-01-01'", "-created"},
		{"wx_ledger", "refund = 'r1'", ""},
		{"wx_ledger", "created > '2026-01-01'", "-created"},
	}
	for _, s := range scenarios {
		c, err := app.FindCollectionByNameOrId(s.collection)
		if err != nil {
			t.Fatal(err)
		}
		resolver := core.NewRecordFieldResolver(app, c, nil, true)
		where, err := search.FilterData(s.filter).BuildExpr(resolver)
		if err != nil {
			t.Fatalf("%s: %v", s.filter, err)
		}
		query := app.RecordQuery(c).AndWhere(where)
		if field, down := strings.CutPrefix(s.sort, "-"); field != "" {
			query.OrderBy(field + map[bool]string{true: " DESC", false: ""}[down])
		}
		wantSearch(t, s.collection+" "+s.filter, plan(t, app, query.Build()))
	}
}
