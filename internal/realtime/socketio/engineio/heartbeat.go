package engineio

import (
	"time"

	"github.com/gorilla/websocket"
)

// beats is the goroutine that checks all deadlines.
func (s *Server) beats() {
	defer close(s.beat)
	t := time.NewTicker(s.period())
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.pulse()
		}
	}
}

// period is short enough for the shortest deadline, and at most a second.
func (s *Server) period() time.Duration {
	shortest := min(s.cfg.PingInterval, s.cfg.PingTimeout, s.cfg.WriteTimeout)
	return max(10*time.Millisecond, min(time.Second, shortest/8))
}

func (s *Server) pulse() {
	now := s.now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, x := range s.sessions {
		x.pulse(now)
	}
}

// pulse sends a due ping, or ends a session that missed a deadline.
func (x *Session) pulse(now int64) {
	x.mu.Lock()
	cut, reason, ping := x.due(now)
	start := false
	if ping {
		x.pinged = true
		start = x.push(pingFrame)
	}
	x.mu.Unlock()
	switch {
	case start:
		x.start()
	case cut:
		x.srv.countCut(reason)
		x.Abort(reason)
	case reason != "":
		x.Close(websocket.ClosePolicyViolation, reason)
	}
}

// due says what to do: cut off with a reason, close with a reason, or ping. The caller holds the lock.
func (x *Session) due(now int64) (cut bool, reason string, ping bool) {
	switch {
	case x.state == closing && now >= x.closeBy:
		return true, x.reason, false
	case x.state != open:
		return false, "", false
	case x.silent(now):
		return true, ReasonPingTimeout, false
	case x.stuck(now):
		return true, ReasonStuck, false
	case x.deadline != 0 && now >= x.deadline:
		return false, x.why, false
	}
	return false, "", x.protocol == 4 && !x.pinged && now >= x.nextPing
}

// silent says whether a heartbeat is missing. While a callback runs, none can be read and none is missing.
func (x *Session) silent(now int64) bool {
	return !x.busy.Load() && now-x.seen.Load() >= int64(x.srv.cfg.PingInterval+x.srv.cfg.PingTimeout)
}

// stuck says whether the client does not read, although it may send: a write stalls, or the queue waits for a poll.
func (x *Session) stuck(now int64) bool {
	if x.nc != nil {
		return x.since != 0 && now-x.since >= int64(x.srv.cfg.WriteTimeout)
	}
	return x.queued > 0 && !x.poll.waiting && now-x.poll.last >= int64(x.srv.cfg.PingInterval+x.srv.cfg.PingTimeout)
}

func (s *Server) countCut(reason string) {
	switch reason {
	case ReasonStuck:
		s.slow.Add(1)
	case ReasonPingTimeout:
		s.timedOut.Add(1)
	}
}

// overdue ends a session that the heartbeat has not checked yet.
func (x *Session) overdue() bool {
	x.mu.Lock()
	late := x.state == open && x.silent(x.srv.now())
	x.mu.Unlock()
	if late {
		x.srv.countCut(ReasonPingTimeout)
		x.Abort(ReasonPingTimeout)
	}
	return late
}
