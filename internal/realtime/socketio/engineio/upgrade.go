package engineio

import (
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// Frames that are the same for all sessions.
var (
	pingFrame  = newPacket(typePing, "")
	noopFrame  = newPacket(typeNoop, "")
	probeFrame = newPacket(typePong, "probe")
)

// upgrade tries a WebSocket beside a polling session. An invalid one is accepted and then closed, because a browser
// does not show why a request was refused.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, x *Session) {
	side := socketSide{x}
	may := side.beginProbe()
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		if may {
			side.endProbe()
		}
		return
	}
	nc := ws.NetConn()
	_ = nc.SetDeadline(time.Now().Add(s.cfg.UpgradeTimeout)) // a dead connection fails at the next step
	if !may || !side.tryProbe(nc) {
		_, _ = nc.Write(closeFrame(websocket.CloseProtocolError, "Bad request")) // the client may be gone
		_ = nc.Close()
		return
	}
	go side.probe(ws)
}

func (x socketSide) beginProbe() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != open || x.nc != nil || x.poll.upgrading {
		return false
	}
	x.poll.upgrading = true
	return true
}

func (x socketSide) tryProbe(nc net.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != open {
		return false
	}
	x.poll.probe = nc
	return true
}

func (x socketSide) endProbe() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.poll.upgrading, x.poll.probed, x.poll.probe = false, false, nil
}

// probe goes through the steps of the upgrade. If the client omits the last step, the session keeps polling.
func (x socketSide) probe(ws *websocket.Conn) {
	nc := ws.NetConn()
	ws.SetReadLimit(int64(len(probeFrame)))
	ws.SetPingHandler(func(string) error { return nil })
	ws.SetCloseHandler(func(int, string) error { return nil })
	ok := says(ws, "2probe")
	if ok {
		_, err := nc.Write(probeFrame)
		ok = err == nil
	}
	if !ok || !x.pausePolling() || !says(ws, "5") || !x.adopt(nc) {
		_ = nc.Close()
		x.endProbe()
		return
	}
	ws.SetReadLimit(0)
	x.read(ws)
	x.retire()
}

// says reads one message and compares it.
func says(ws *websocket.Conn, want string) bool {
	kind, got, err := ws.ReadMessage()
	return err == nil && kind == websocket.TextMessage && string(got) == want
}

// pausePolling ends the waiting poll: the client takes its last step only when none is open.
func (x socketSide) pausePolling() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.poll.probed = true
	x.poll.ring()
	return x.state == open
}

// adopt makes the WebSocket the session's transport, and its reader the owner.
func (x socketSide) adopt(nc net.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != open || nc.SetDeadline(time.Time{}) != nil {
		return false
	}
	x.nc, x.poll.probe = nc, nil
	x.quick = newQuick(nc)
	x.poll.ring()
	x.srv.upgraded.Add(1)
	if len(x.queue) > 0 && !x.writing {
		x.writing = true
		x.start()
	}
	return true
}
