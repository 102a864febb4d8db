package vitals_test

import (
	"strings"
	"testing"

	"wxbase/internal/apptest"
	"wxbase/internal/vitals"
)

// TestMetricsReadNoWholeTable: Prometheus asks every quarter of a minute, and most payments have been settled for years.
func TestMetricsReadNoWholeTable(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	for name, query := range vitals.GroupQueries(app) {
		var plan []struct{ Detail string }
		if err := app.DB().NewQuery("EXPLAIN QUERY PLAN " + query.SQL()).All(&plan); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step.Detail, "SCAN") && !strings.Contains(step.Detail, " INDEX idx_") {
				t.Errorf("%s: got the plan %v", name, plan)
			}
		}
	}
}
