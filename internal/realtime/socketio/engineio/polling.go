package engineio

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// noopDelay is how long a poll waits that arrives during an upgrade: usually the client's next step makes it
// unnecessary.
const noopDelay = 50 * time.Millisecond

// poll is the state that a session has only while it polls. The session's lock guards it, except for the channel.
type poll struct {
	wake      chan struct{} // has room for one signal
	waiting   bool          // a GET is being answered
	posting   bool          // a POST is being read
	upgrading bool
	probed    bool     // the client has found that the WebSocket works, and stops polling
	probe     net.Conn // the WebSocket under test
	last      int64    // time of the last GET
}

// pollSide is a session for the requests that poll and post.
type pollSide struct{ *Session }

// ring wakes the waiting GET, or the next one.
func (p *poll) ring() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// takeProbe returns and removes the WebSocket under test, if any. The receiver may be nil.
func (p *poll) takeProbe() net.Conn {
	if p == nil {
		return nil
	}
	nc := p.probe
	p.probe = nil
	return nc
}

// openPolling starts a polling session, and answers its first request.
func (s *Server) openPolling(w http.ResponseWriter, r *http.Request, x *Session) {
	x.poll = &poll{wake: make(chan struct{}, 1), last: x.seen.Load()}
	x.in.Lock() // until Open has returned, because Close must come after it
	if !s.register(x) {
		goingAway.write(w)
		return
	}
	_ = x.Send(x.openPacket(true)) // a session that has ended is refused below
	func() {
		defer x.in.Unlock()
		x.guard(func() { s.cfg.Open(x, r) })
	}()
	pollSide{x}.servePoll(w, r)
}

// servePoll answers a GET as soon as there is something to send.
func (x pollSide) servePoll(w http.ResponseWriter, r *http.Request) {
	late, problem := x.beginPoll()
	if problem != nil {
		problem.write(w)
		return
	}
	packets, last, problem := x.await(r.Context(), late)
	switch {
	case problem != nil:
		problem.write(w)
	case packets != nil:
		x.answer(w, packets, last)
	}
}

// beginPoll admits one GET at a time. late: it came during an upgrade.
func (x pollSide) beginPoll() (late bool, problem *refusal) {
	x.mu.Lock()
	p := x.poll
	switch {
	case x.state == closed:
		problem = &unknownSession
	case x.nc != nil:
		problem = &badRequest
	case p.waiting:
		x.mu.Unlock()
		x.Close(websocket.CloseProtocolError, ReasonOverlap)
		return false, &badRequest
	default:
		p.waiting, late, p.last = true, p.probed, x.srv.now()
	}
	x.mu.Unlock()
	return late, problem
}

// await waits for packets. last: they end the session. Neither packets nor a problem: the client is gone.
func (x pollSide) await(ctx context.Context, late bool) (packets [][]byte, last bool, problem *refusal) {
	var patience <-chan time.Time
	if late {
		t := time.NewTimer(noopDelay)
		defer t.Stop()
		patience = t.C
	}
	for {
		if packets, last, problem = x.collect(late); packets != nil || problem != nil {
			return packets, last, problem
		}
		select {
		case <-x.poll.wake:
		case <-patience:
			late, patience = false, nil
		case <-ctx.Done():
			x.Abort(ReasonTransportClose)
			return nil, false, nil
		}
	}
}

// collect takes the queue. A poll that waits during an upgrade gets a noop.
func (x pollSide) collect(late bool) (packets [][]byte, last bool, problem *refusal) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.state == closed:
		problem = &unknownSession
	case x.nc != nil:
		problem = &badRequest
	case len(x.queue) > 0:
		packets, last = x.queue, x.state == closing
		x.queue = nil
	case x.poll.probed && !late:
		packets = [][]byte{noopFrame}
		x.queued++ // answer subtracts it again
		x.bytes += len(noopFrame)
	default:
		return nil, false, nil
	}
	// before the answer is sent, because the client's next poll may arrive first
	x.poll.waiting = false
	return packets, last, problem
}

// answer writes packets to the client within a write's timeout.
func (x pollSide) answer(w http.ResponseWriter, frames [][]byte, last bool) {
	size, texts := 0, make([][]byte, len(frames))
	for i, f := range frames {
		size += len(f)
		texts[i] = Frame(f).text()
	}
	if err := x.respond(w, "text/plain; charset=UTF-8", encodePayload(x.protocol, texts)); err != nil {
		x.Abort(ReasonTransportError)
		return
	}
	x.mu.Lock()
	x.sent(len(frames), size)
	x.mu.Unlock()
	if last {
		x.Abort(ReasonTransportClose)
	}
}

// respond writes a whole answer, within a write's timeout.
func (x pollSide) respond(w http.ResponseWriter, kind string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(x.srv.cfg.WriteTimeout)) // ignored: a server may not support deadlines
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_ = rc.SetWriteDeadline(time.Time{}) // as above
	return nil
}

// servePost takes the packets of a POST.
func (x pollSide) servePost(w http.ResponseWriter, r *http.Request) {
	if problem := x.beginPost(); problem != nil {
		problem.write(w)
		return
	}
	problem := x.post(w, r)
	x.mu.Lock()
	x.poll.posting = false
	x.mu.Unlock()
	if problem != nil {
		problem.write(w)
		return
	}
	_ = x.respond(w, "text/html", []byte("ok")) // the packets are taken; the next request shows an error
}

// beginPost admits one POST at a time, because the order of packets matters.
func (x pollSide) beginPost() *refusal {
	x.mu.Lock()
	switch {
	case x.state != open:
		x.mu.Unlock()
		return &unknownSession
	case x.nc != nil:
		x.mu.Unlock()
		return &badRequest
	case x.poll.posting:
		x.mu.Unlock()
		x.Close(websocket.CloseProtocolError, ReasonOverlap)
		return &badRequest
	}
	x.poll.posting = true
	x.mu.Unlock()
	return nil
}

func (x pollSide) post(w http.ResponseWriter, r *http.Request) *refusal {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/octet-stream") {
		x.Close(websocket.CloseUnsupportedData, ReasonBinary)
		return &noBinary
	}
	body, err := x.body(w, r)
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		x.Close(websocket.CloseMessageTooBig, ReasonTooBig)
		return &tooBig
	case err != nil:
		x.Abort(ReasonTransportError)
		return &badRequest
	}
	packets, err := decodePayload(x.protocol, body)
	switch {
	case errors.Is(err, errBinary):
		x.takeAll(packets) // the layer above may send an error for what follows
		x.Close(websocket.CloseUnsupportedData, ReasonBinary)
		return &noBinary
	case err != nil:
		x.Abort(ReasonParseError)
		return &badRequest
	}
	return x.takeAll(packets)
}

func (x pollSide) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(x.srv.cfg.WriteTimeout)) // ignored: a server may not support deadlines
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(x.srv.cfg.MaxPayload)))
	_ = rc.SetReadDeadline(time.Time{}) // as above
	return body, err
}

// takeAll receives packets up to one that ends the session. Only a malformed one makes the answer an error.
func (x pollSide) takeAll(packets [][]byte) *refusal {
	for _, p := range packets {
		if x.receive(p) {
			continue
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.reason == ReasonParseError {
			return &badRequest
		}
		break
	}
	return nil
}
