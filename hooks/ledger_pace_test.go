package hooks_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ledgerResult is what a run counted. A long run prints it as JSON after the word "result", and tools/ledger adds up many.
type ledgerResult struct {
	Mode     string `json:"mode"`
	Seed     uint64 `json:"seed"`
	Orders   int64  `json:"orders"`
	Attempts int    `json:"attempts"`
	Paid     int64  `json:"paid"` // fen
	Late     int64  `json:"late"`
	Disputed int64  `json:"disputed"`
	Refunds  int    `json:"refunds"`
	Payouts  int64  `json:"payouts"`
	Deaths   int    `json:"deaths"`
	Seconds  int    `json:"seconds"` // with the settling

	// of the four quarters of the orders
	PerSecond [4]float64 `json:"perSecond"`
	MemoryMB  [4]float64 `json:"memoryMB"` // the largest resident memory of the server before a death; Linux
}

// longLedger is from how many orders a run tells how it went over time.
const longLedger = 1_000

// paceLook is one look at a server that is about to die.
type paceLook struct {
	orders   int64
	after    time.Duration
	memoryMB float64
}

// look notes the pace. It is called by the goroutine that kills.
func (l *ledgerRun) look() {
	l.looks = append(l.looks, paceLook{l.done.Load(), time.Since(l.began) - l.checking, residentMB(l.server.process.Process.Pid)})
}

// residentMB is a process's resident memory; 0 where the system does not say.
func residentMB(pid int) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// tell prints the result of a long run.
func (l *ledgerRun) tell(t *testing.T, mode string) {
	t.Helper()
	r := &l.result
	r.Mode, r.Seed, r.Orders, r.Payouts, r.Deaths, r.Seconds = mode, l.seed, l.done.Load(), l.paidOut.Load(), l.kills, int(time.Since(l.began).Seconds())
	if r.Orders < longLedger {
		return
	}
	var orders [4]int64
	var spent [4]time.Duration
	var before paceLook
	for _, now := range l.looks {
		quarter := min(3, int(4*before.orders/r.Orders))
		orders[quarter] += now.orders - before.orders
		spent[quarter] += now.after - before.after
		r.MemoryMB[quarter] = max(r.MemoryMB[quarter], now.memoryMB)
		before = now
	}
	for i := range orders {
		if spent[i] > 0 {
			r.PerSecond[i] = float64(orders[i]) / spent[i].Seconds()
		}
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("result %s", line)
}
