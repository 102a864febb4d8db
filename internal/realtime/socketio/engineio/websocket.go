package engineio

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// maxBuffers limits one writev: the runtime keeps its table of buffers as long as the connection lives.
const maxBuffers = 128

// maxSpare is the longest queue whose memory an idle session keeps.
const maxSpare = 4

var errTooBig = errors.New("message is too big")

// socketSide is a session for the WebSocket's reader.
type socketSide struct{ *Session }

// openWebSocket starts a session that begins as a WebSocket.
func (s *Server) openWebSocket(w http.ResponseWriter, r *http.Request, x *Session) {
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.dismiss(x.address)
		return
	}
	x.nc = ws.NetConn()
	x.quick = newQuick(x.nc)
	x.in.Lock() // until Open has returned, because Close must come after it
	if !s.register(x) {
		_ = x.nc.Close()
		return
	}
	// a fresh stack: net/http's is deep, and its buffers live as long as its goroutine
	go socketSide{x}.serve(ws, r)
}

// serve is the session's owner: it reads to the end, then cleans up.
func (x socketSide) serve(ws *websocket.Conn, r *http.Request) {
	aside(func() {
		defer x.in.Unlock()
		_ = x.Send(x.openPacket(false)) // the reader notices an error
		x.guard(func() { x.srv.cfg.Open(x.Session, r) })
	})
	x.read(ws)
	x.retire()
}

// aside runs f on a separate goroutine and waits for it: its stack must not stay with a goroutine that idles for hours.
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// openPacket tells the client the session's id and the server's limits.
func (x *Session) openPacket(polling bool) Frame {
	c := x.srv.cfg
	hello := struct {
		SID          string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"`
		PingTimeout  int64    `json:"pingTimeout"`
		MaxPayload   int      `json:"maxPayload"`
	}{x.id, []string{}, c.PingInterval.Milliseconds(), c.PingTimeout.Milliseconds(), c.MaxPayload}
	if polling {
		hello.Upgrades = []string{"websocket"}
	}
	text, _ := json.Marshal(hello)
	return newPacket(typeOpen, string(text))
}

// read reads the client's frames to the end. It continues while the session closes, so that the last frames reach the
// client: closing a connection with unread bytes resets it.
func (x socketSide) read(ws *websocket.Conn) {
	ws.SetPingHandler(func(data string) error {
		_ = x.Send(pongFrame(data)) // the reader notices an error
		return nil
	})
	ws.SetCloseHandler(func(int, string) error { return nil })
	for {
		kind, data, err := x.next(ws)
		switch {
		case errors.Is(err, errTooBig):
			x.Close(websocket.CloseMessageTooBig, ReasonTooBig)
		case err != nil:
			x.lost(err)
			return
		case !x.isOpen():
		case kind == websocket.BinaryMessage:
			x.Close(websocket.CloseUnsupportedData, ReasonBinary)
		case !utf8.Valid(data):
			// NB! delivered to others, it would make their browsers drop the connection
			x.Close(websocket.CloseInvalidFramePayloadData, ReasonParseError)
		case len(data) == 0:
			x.malformed()
		case data[0] == typeMessage:
			aside(func() { x.receive(data) })
		default:
			x.receive(data)
		}
	}
}

// next reads one message into its own memory.
func (x socketSide) next(ws *websocket.Conn) (int, []byte, error) {
	kind, r, err := ws.NextReader()
	if err != nil {
		return 0, nil, err
	}
	buf, _ := x.srv.buffers.Get().(*bytes.Buffer)
	defer x.srv.buffers.Put(buf)
	buf.Reset()
	limit := int64(x.srv.cfg.MaxPayload)
	if _, err = buf.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return 0, nil, err
	}
	if int64(buf.Len()) > limit {
		return 0, nil, errTooBig
	}
	return kind, bytes.Clone(buf.Bytes()), nil
}

// lost ends the session after the last frame. It first answers a client's close frame.
func (x socketSide) lost(err error) {
	var bye *websocket.CloseError
	if !errors.As(err, &bye) || bye.Code == websocket.CloseAbnormalClosure || !x.isOpen() {
		x.Abort(ReasonTransportClose)
		return
	}
	x.finish(ReasonTransportClose, closeFrame(websocket.CloseNormalClosure, ""), nil, false)
	_, _ = io.Copy(io.Discard, x.nc) // until the writer, or the heartbeat, closes it
	x.Abort(ReasonTransportClose)
}

// flush writes the queue, and ends when it is empty. A session has one at a time.
func (x *Session) flush() {
	runtime.Gosched() // publishers run first, so that one call writes more
	if batch := x.swap(nil); batch != nil {
		x.flushRest(batch)
	}
}

// flushRest is flush with a batch already taken.
func (x *Session) flushRest(batch [][]byte) {
	for batch != nil {
		if !x.write(batch) {
			x.Abort(ReasonTransportError)
			return
		}
		batch = x.swap(batch)
	}
}

// swap takes the queue and leaves an empty one, or ends the writer.
func (x *Session) swap(written [][]byte) [][]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	if written != nil && cap(written) <= maxSpare && x.state != closed {
		clear(written)
		x.spare = written[:0]
	}
	if len(x.queue) > 0 {
		batch := x.queue
		x.queue, x.spare = x.spare, nil
		x.since = x.srv.now()
		return batch
	}
	x.writing, x.since = false, 0
	if x.state == closing {
		x.hangUp()
	}
	return nil
}

// hangUp closes our half of the connection after the close frame; the client's close frame, or the deadline, closes the
// other. The caller holds the lock.
func (x *Session) hangUp() {
	half, ok := x.nc.(interface{ CloseWrite() error })
	if x.linger && ok && half.CloseWrite() == nil {
		return
	}
	_ = x.nc.Close()
}

// write passes a batch to the kernel, in as few calls as possible. The heartbeat enforces the deadline.
func (x *Session) write(batch [][]byte) bool {
	for len(batch) > 0 {
		part := batch[:min(len(batch), maxBuffers)]
		batch = batch[len(part):]
		frames, size := len(part), 0
		for _, b := range part {
			size += len(b)
		}
		if err := writeTo(x.nc, part); err != nil {
			return false
		}
		x.mu.Lock()
		x.sent(frames, size)
		x.since = x.srv.now()
		x.mu.Unlock()
	}
	return true
}

func writeTo(nc net.Conn, part [][]byte) error {
	if len(part) == 1 {
		_, err := nc.Write(part[0])
		return err
	}
	buffers := net.Buffers(part)
	_, err := buffers.WriteTo(nc)
	return err
}
