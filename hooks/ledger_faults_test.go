package hooks_test

import "testing"

// trouble is what goes wrong, and how often.
func (l *ledgerRun) trouble(t *testing.T) {
	t.Helper()
	for _, f := range l.troubles() {
		body := map[string]any{"on": f.on, "kind": f.kind, "times": -1, "probability": f.p}
		if f.kind == "timeout_after_accept" {
			body["delay"] = "20ms"
		}
		if answer, err := l.server.control("/_sim/faults", body); err != nil || answer["error"] != nil {
			t.Fatalf("fault %s %s: %v %v", f.on, f.kind, answer, err)
		}
	}
}

// ledgerFault is what goes wrong at one place, and how often.
type ledgerFault struct {
	on, kind string
	p        float64
}

func (l *ledgerRun) troubles() []ledgerFault {
	if l.virtual {
		return virtualTroubles()
	}
	all := []ledgerFault{
		{"notification", "lost", .12},
		{"notification", "duplicate", .08},
		{"notification", "concurrent", .06},
		{"notification", "late", .08},
		{"notification", "wrong_signature", .04},
		{"notification", "probe", .02},
		{"notification", "other_amount", .03},
		{"notification", "other_appid", .02},
		{"notification", "stale_time", .03},
		{"notification", "future_time", .03},
		{"refund_notification", "lost", .15},
		{"refund_notification", "duplicate", .08},
		{"refund_notification", "late", .08},
		{"refund_notification", "wrong_signature", .04},
		{"pay", "busy", .05},
		{"pay", "cut", .03},
		{"pay", "html", .02},
		{"pay", "empty", .02},
		{"pay", "wrong_signature", .02},
		{"pay", "timeout_after_accept", .03},
		{"pay_device", "paid_after_close", .5},
	}
	if l.mixed {
		all = append(all, virtualTroubles()...)
	}
	return append(all, payoutFaults()...)
}
