package engineio

// receive handles one packet, which is not empty, and ends the session if necessary. It returns false when reading must
// stop.
func (x *Session) receive(p []byte) bool {
	now := x.srv.now()
	x.seen.Store(now)
	x.srv.in.Add(1)
	switch {
	case p[0] == typeMessage:
		x.call(func() {
			if x.isOpen() {
				x.srv.cfg.Message(x, p[1:])
			}
		})
	case p[0] == typeClose:
		// a waiting poll gets a noop
		x.finish(ReasonTransportClose, closeFrame(1000, ""), newPacket(typeNoop, ""), false)
	case p[0] == typePing && x.protocol == 3:
		return x.Send(newPacket(typePong, string(p[1:]))) == nil
	case p[0] == typePong && x.protocol == 4:
		x.ponged(now)
	case p[0] == typeUpgrade, p[0] == typeNoop:
	default:
		x.malformed()
	}
	return x.isOpen()
}

// malformed ends a session whose client violates the protocol.
func (x *Session) malformed() {
	x.mu.Lock()
	polling := x.nc == nil
	x.mu.Unlock()
	if polling {
		x.Abort(ReasonParseError)
		return
	}
	x.Close(1002, ReasonParseError)
}

func (x *Session) ponged(now int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pinged, x.nextPing = false, now+int64(x.srv.cfg.PingInterval)
}

func (x *Session) isOpen() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state == open
}

// call runs a callback: one at a time per session, and recovers its panic.
func (x *Session) call(f func()) {
	x.in.Lock()
	defer x.in.Unlock()
	x.guard(f)
}

// guard runs f. Meanwhile nothing is read, so the heartbeat is suspended.
func (x *Session) guard(f func()) {
	x.busy.Store(true)
	defer func() {
		x.seen.Store(x.srv.now())
		x.busy.Store(false)
		if p := recover(); p != nil {
			x.srv.cfg.Logger.Error("realtime callback panicked", "panic", p)
			x.Abort(ReasonInternal)
		}
	}()
	f()
}
