package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxbase/internal/realtime/socketio/engineio"
)

// maxNamespaces limits the namespaces of one connection.
const maxNamespaces = 8

// client is one connection with its sockets. Its methods run inside the session's callbacks, so never concurrently.
type client struct {
	srv     *Server
	sess    *engineio.Session
	query   string // as it came
	header  http.Header
	sockets []*Socket
	tokens  float64 // events that it may send now
	filled  time.Time
}

// open is the session's first callback.
func (s *Server) open(sess *engineio.Session, r *http.Request) {
	c := &client{
		srv: s, sess: sess, query: r.URL.RawQuery, header: r.Header,
		tokens: float64(s.cfg.EventsBurst), filled: s.cfg.Now(),
	}
	sess.SetValue(c)
	c.expectNamespace()
	if sess.Protocol() == 3 {
		// note: this protocol has no connect packet for the main namespace; a client is in it, or gets an error
		c.connect(incoming{kind: typeConnect, namespace: "/"})
	}
}

func (s *Server) message(sess *engineio.Session, data []byte) {
	if c, ok := sess.Value().(*client); ok {
		c.receive(data)
	}
}

func (s *Server) close(sess *engineio.Session, reason string) {
	c, ok := sess.Value().(*client)
	if !ok {
		return
	}
	for len(c.sockets) > 0 {
		c.remove(c.sockets[0], reason)
	}
}

// expectNamespace closes the connection if it does not ask for a namespace in time.
func (c *client) expectNamespace() {
	c.sess.CloseAt(c.srv.cfg.Now().Add(c.srv.cfg.ConnectTimeout), ReasonConnectTimeout)
}

func (c *client) receive(data []byte) {
	p, err := decode(data)
	switch {
	case errors.Is(err, errBinary):
		c.fail(1003, engineio.ReasonBinary, "binary events are not supported")
		return
	case err != nil:
		c.sess.Close(1002, engineio.ReasonParseError)
		return
	}
	s := c.socket(p.namespace)
	if p.kind == typeAck && s != nil && s.acknowledge(p) {
		return // we closed it, not the client
	}
	if !c.spend() {
		c.srv.limited.Add(1)
		c.fail(1008, ReasonRate, "too many events")
		return
	}
	c.handle(s, p)
}

// handle handles a packet. As in the reference server, one that does not fit the namespace's state ends the connection.
func (c *client) handle(s *Socket, p incoming) {
	switch {
	case p.kind == typeConnect && s == nil:
		c.connect(p)
	case s == nil || p.kind == typeConnect:
		c.sess.Close(1002, engineio.ReasonParseError)
	case p.kind == typeDisconnect:
		c.remove(s, ReasonLeft)
		if len(c.sockets) == 0 {
			c.expectNamespace()
		}
	case p.kind == typeEvent:
		c.srv.eventsIn.Add(1)
		c.srv.cfg.Event(s, p.event, p.args, s.acker(p.id))
	}
}

// spend takes a token out of the client's bucket, if there is one.
func (c *client) spend() bool {
	now, cfg := c.srv.cfg.Now(), c.srv.cfg
	c.tokens = min(float64(cfg.EventsBurst), c.tokens+now.Sub(c.filled).Seconds()*cfg.EventsPerSecond)
	c.filled = now
	if c.tokens < 1 {
		return false
	}
	c.tokens--
	return true
}

// fail tells the client's sockets the error, and closes the connection.
func (c *client) fail(status int, code, message string) {
	for _, s := range c.sockets {
		_ = s.Emit("error", map[string]string{"code": code, "message": message}) // the connection is closing
	}
	c.sess.Close(status, code)
}

func (c *client) socket(namespace string) *Socket {
	name, _, _ := strings.Cut(namespace, "?")
	for _, s := range c.sockets {
		if s.namespace == name {
			return s
		}
	}
	return nil
}

// connect asks the layer above to admit a socket to a namespace.
func (c *client) connect(p incoming) {
	h := c.handshake(p)
	if len(c.sockets) >= maxNamespaces {
		c.fail(1008, ReasonNamespaces, "too many namespaces")
		return
	}
	if !c.srv.cfg.Namespace(h.Namespace) {
		c.refuse(h.Namespace, &ConnectError{Message: "Invalid namespace"})
		return
	}
	s := newSocket(c, h.Namespace)
	ctx, cancel := context.WithTimeout(c.srv.ctx, c.srv.cfg.ConnectTimeout)
	defer cancel()
	if err := c.srv.cfg.Connect(ctx, s, h); err != nil {
		c.refuse(h.Namespace, err)
		return
	}
	c.sockets = append(c.sockets, s)
	c.srv.sockets.Add(1)
	c.sess.CloseAt(time.Time{}, "")
	if c.welcome(s) == nil {
		c.srv.cfg.Connected(s)
	}
}

// welcome tells the client that it is connected, and lets the socket send.
func (c *client) welcome(s *Socket) error {
	var data []byte
	if c.sess.Protocol() == 4 {
		data, _ = json.Marshal(map[string]string{"sid": s.id})
	}
	err := c.sess.Send(encode(typeConnect, s.namespace, "", data))
	s.connected.Store(err == nil)
	return err
}

func (c *client) handshake(p incoming) Handshake {
	name, own, _ := strings.Cut(p.namespace, "?")
	query, _ := url.ParseQuery(c.query) // unreadable pairs are left out
	more, _ := url.ParseQuery(own)
	maps.Copy(query, more)
	return Handshake{
		Namespace: strings.Clone(name), Query: query, Auth: p.auth, Header: c.header,
		Address: c.sess.Address(), Protocol: c.sess.Protocol(),
	}
}

// refuse tells the client why it is not connected. In protocol 3 it also closes a client without the main namespace,
// after the reason.
func (c *client) refuse(namespace string, err error) {
	var told *ConnectError
	if !errors.As(err, &told) {
		c.srv.cfg.Logger.Error("connect to namespace", "namespace", namespace, "error", err)
		told = &ConnectError{Message: engineio.ReasonInternal}
	}
	_ = c.sess.Send(encode(typeConnectError, namespace, "", told.encode(c.sess.Protocol()))) // the connection may be closing
	if c.sess.Protocol() == 3 && namespace == "/" {
		c.sess.Close(1008, ReasonRefused)
	}
}

func (e *ConnectError) encode(protocol int) []byte {
	var v any = struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{e.Message, e.Data}
	if protocol == 3 {
		if v = e.Data; v == nil {
			v = e.Message
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"message":"internal error"}`)
	}
	return data
}

// remove ends a socket, once.
func (c *client) remove(s *Socket, reason string) {
	c.sockets = slices.DeleteFunc(c.sockets, func(o *Socket) bool { return o == s })
	s.end()
	c.srv.sockets.Add(-1)
	c.srv.cfg.Disconnect(s, reason)
}
