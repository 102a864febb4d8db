package desk_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/desk"
)

func plan(t *testing.T, app core.App, query *dbx.Query) []string {
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
	return lines
}

// TestPagesUseIndexes: no table is read whole, and only sums by a column are sorted. A list that is read along an index, a page of it, is
// a scan of that index.
func TestPagesUseIndexes(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for what, query := range desk.Queries(k.TestApp) {
		lines := plan(t, k.TestApp, query)
		for _, line := range lines {
			isWhole := strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "VIRTUAL TABLE") && !strings.Contains(line, "INDEX idx_") &&
				!strings.Contains(line, "CONSTANT ROW") && !strings.Contains(line, "SCAN (subquery")
			isSorted := strings.Contains(line, "TEMP B-TREE FOR ORDER BY") && what != "best products" && what != "inbox of a number" // those are few
			isWhole = isWhole && what != "tasks"                                                                                     // they are read as they lie in their table
			if isWhole || isSorted {
				t.Errorf("%s: got the plan\n%s", what, strings.Join(lines, "\n"))
				break
			}
		}
		if what == "refunded hours" && !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "COVERING INDEX") }) {
			t.Errorf("%s: got %v, want only the index read", what, lines)
		}
	}
}
