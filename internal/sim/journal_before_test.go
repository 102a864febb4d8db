package sim_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The journal of 2026-11-28 in testdata holds at least one row of each kind; these names replace the appid and the
// mchid in it.
const (
	beforeAppID = "wxBEFOREAPPID"
	beforeMchID = "BEFOREMCHID"
)

// readBefore reads a file of testdata with the credentials of w.
func (w *world) readBefore(name string) []byte {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		w.t.Fatal(err)
	}
	raw = bytes.ReplaceAll(raw, []byte(beforeAppID), []byte(w.app.AppID))
	return bytes.ReplaceAll(raw, []byte(beforeMchID), []byte(w.mch.MchID))
}

// TestJournalOfTheVersionBefore: the journal of an earlier version is complete after a restart, and after a second one.
func TestJournalOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.close()
	if err := os.WriteFile(filepath.Join(w.dir, "journal.jsonl"), w.readBefore("journal_before.jsonl"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(w.readBefore("state_before.jsonl")), "\n")
	for round := range 2 {
		w = openWorld(t, w.dir, w.clock)
		got := strings.Split(string(w.call(http.MethodGet, "/_sim/state", "").body), "\n")
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("start %d: got %d lines and line %d %q, want %d lines and %q", round+1, len(got), i+1, at(got, i), len(want), at(want, i))
			}
		}
		if q := w.query("ORD-BEFORE-2"); q.text("trade_state") != "NOTPAY" {
			t.Errorf("start %d: got %s, want the open order still payable", round+1, q.body)
		}
		if a := w.ship("get_order_detail_path", "{}"); a.text("path") != "pages/order/order?id=${商品订单号}" {
			t.Errorf("start %d: got %s, want the page of an order that was set", round+1, a.body)
		}
		w.close()
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "no line"
}
