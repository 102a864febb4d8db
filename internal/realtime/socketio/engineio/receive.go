package engineio

// receive handles one packet, which is not empty, and ends the session if it must. False: nothing more is to be read.
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
		// a poll that waits is sent away with a packet that says nothing
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

// malformed ends a session whose client does not speak the protocol.
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

// call runs a callback: alone in its session, and without bringing the process down.
func (x *Session) call(f func()) {
	x.in.Lock()
	defer x.in.Unlock()
	x.guard(f)
}

// guard runs f. Meanwhile nothing is read, so that no heartbeat can be heard and none is missed.
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
