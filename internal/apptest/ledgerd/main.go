// Command ledgerd is wxbase with a clock that a test moves: the ledger test kills and restarts it while days pass. It
// is not shipped.
//
// LEDGER_CLOCK names a file with the offset from the machine's clock in nanoseconds.
package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase"
	pbcmd "github.com/pocketbase/pocketbase/cmd"

	"wxbase/cmd"
	"wxbase/hooks"
)

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{DBConnect: hooks.Connect, HideStartBanner: true})
	hooks.MustRegister(app, hooks.Config{Now: movedClock(os.Getenv("LEDGER_CLOCK")), SweepEvery: 100 * time.Millisecond})
	app.RootCmd.AddCommand(pbcmd.NewSuperuserCommand(app), pbcmd.NewServeCommand(app, false))
	if err := cmd.Execute(app); err != nil {
		_, _ = os.Stderr.WriteString("ledgerd: " + err.Error() + "\n")
		os.Exit(1)
	}
}

// movedClock reads the file again every ten milliseconds; an unreadable one leaves the clock where it was.
func movedClock(path string) func() time.Time {
	var offset atomic.Int64
	read := func() {
		raw, err := os.ReadFile(path) //nolint:gosec // the test names the file
		if err != nil {
			return
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil {
			offset.Store(n)
		}
	}
	read()
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			read()
		}
	}()
	return func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
}
