package order_test

import (
	"testing"
	"time"

	"wxbase/internal/order"
)

// TestShipDeadline: 48 hours, or what was promised; past 15 days it is WeChat's to know.
func TestShipDeadline(t *testing.T) {
	t.Parallel()
	paid := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for name, s := range map[string]struct {
		promised time.Time
		after    time.Duration
		rule     order.ShipRule
	}{
		"no promise":        {time.Time{}, 48 * time.Hour, order.RuleUsual},
		"three days":        {paid.Add(3 * day), 3 * day, order.RuleAnnounced},
		"15 days":           {paid.Add(15 * day), 15 * day, order.RuleAnnounced},
		"a second past 15":  {paid.Add(15*day + time.Second), 15*day + time.Second, order.RulePreSale},
		"as late as can be": {paid.Add(330 * day), 330 * day, order.RulePreSale},
	} {
		if at, rule := order.ShipDeadline(paid, s.promised); !at.Equal(paid.Add(s.after)) || rule != s.rule {
			t.Errorf("%s: got %s %s, want %s %s", name, at, rule, paid.Add(s.after), s.rule)
		}
	}
}
