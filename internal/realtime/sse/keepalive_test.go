package sse

import (
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/realtime"
)

// a client gets a ping every 25 seconds, until its connection ends
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(&Front{limits: realtime.DefaultLimits()}, "")
		stop := c.keepAlive()
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := len(c.queue); got != 2 {
			t.Errorf("pings in the first minute and none after: got %d, want 2", got)
		}
		if m := <-c.queue; m.Name != "PB_PING" {
			t.Errorf("message: got %q, want PB_PING", m.Name)
		}
	})
}
