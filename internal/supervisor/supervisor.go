// Package supervisor reports the server's state to systemd: that it listens, that it is alive, and that it ends.
// Without systemd (NOTIFY_SOCKET unset) it does nothing. The protocol is sd_notify(3).
package supervisor

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// aliveDeadline is how long one look may take.
const aliveDeadline = 5 * time.Second

// Told is a supervisor that has been told.
type Told struct {
	stop context.CancelFunc
	done sync.WaitGroup
	log  *slog.Logger
}

// Ready says that the server listens. While alive answers true, the watchdog is fed twice in each of its intervals (WatchdogSec= of the unit); when it
// does not, systemd ends the process and starts another.
func Ready(alive func(context.Context) bool, log *slog.Logger) *Told {
	ctx, stop := context.WithCancel(context.Background())
	t := &Told{stop: stop, log: log}
	t.say(daemon.SdNotifyReady)
	if every, err := daemon.SdWatchdogEnabled(false); err != nil {
		log.Warn("systemd's watchdog", "error", err)
	} else if every > 0 {
		t.done.Go(func() { t.feed(ctx, every/2, alive) })
	}
	return t
}

func (t *Told) feed(ctx context.Context, every time.Duration, alive func(context.Context) bool) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		look, cancel := context.WithTimeout(ctx, aliveDeadline)
		if alive(look) {
			t.say(daemon.SdNotifyWatchdog)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Stopping reports that the server ends, and stops feeding the watchdog. It works on a nil Told.
func (t *Told) Stopping() {
	if t == nil {
		return
	}
	t.stop()
	t.done.Wait()
	t.say(daemon.SdNotifyStopping)
}

func (t *Told) say(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		t.log.Warn("tell systemd", "state", state, "error", err)
	}
}
