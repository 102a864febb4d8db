package simproxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Proxy leads WeChat's hosts to a handler. Everything else passes through, or is refused.
type Proxy struct {
	authority *Authority
	handler   http.Handler
	only      bool
	server    *http.Server
	inside    *queue // connections that turned out to be TLS for one of Hosts
	dialer    net.Dialer
}

// New makes a proxy in front of a simulator's handler. With only, other hosts than WeChat's are refused with 403 instead of passed through.
func New(a *Authority, handler http.Handler, only bool) *Proxy {
	p := &Proxy{authority: a, handler: handler, only: only, inside: newQueue(), dialer: net.Dialer{Timeout: 10 * time.Second}}
	p.server = &http.Server{Handler: http.HandlerFunc(p.serveHTTP), ReadHeaderTimeout: 30 * time.Second}
	return p
}

// Forward is a handler that speaks to a simulator elsewhere, with WeChat's name kept in the header Host.
func Forward(base *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = base.Scheme, base.Host, r.In.Host
		},
		Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 64},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "no simulator answers at "+base.String(), http.StatusBadGateway)
		},
	}
}

// Serve takes connections of both kinds until the listener or ctx ends: one that begins with a TLS greeting is led in by its name, anything else
// is HTTP.
func (p *Proxy) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plain := newQueue()
	defer plain.close()
	defer p.inside.close()
	secure := &http.Server{Handler: http.HandlerFunc(p.serveInside), ReadHeaderTimeout: 30 * time.Second}
	go func() { _ = p.server.Serve(plain) }()
	go func() { _ = secure.Serve(tls.NewListener(p.inside, p.config())) }()
	go func() {
		<-ctx.Done()
		_ = errors.Join(listener.Close(), p.server.Close(), secure.Close())
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go p.sort(conn, plain)
	}
}

// sort looks at the first byte of a connection.
func (p *Proxy) sort(conn net.Conn, plain *queue) {
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	begun := &begunConn{Conn: conn, reader: bufio.NewReader(conn)}
	first, err := begun.reader.Peek(1)
	_ = conn.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		_ = conn.Close()
	case first[0] == 0x16: // note: the record type of a TLS handshake; no method of HTTP begins with it
		p.inside.put(begun)
	default:
		plain.put(begun)
	}
}

// config answers TLS for WeChat's names only. It asks for a client certificate and takes any, since the simulator is who minds.
func (p *Proxy) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if !isOurs(hello.ServerName) {
				return nil, errors.New("this address speaks for WeChat's hosts only")
			}
			return p.authority.certificate(strings.ToLower(hello.ServerName))
		},
	}
}

// isOurs tells whether a name (with or without a port) leads to the simulator.
func isOurs(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains(Hosts(), strings.ToLower(host))
}

// serveInside answers what came by TLS. NB! the control API is not WeChat's: under WeChat's name it does not exist.
func (p *Proxy) serveInside(w http.ResponseWriter, r *http.Request) {
	if !isOurs(r.Host) {
		http.Error(w, "no host of WeChat's", http.StatusMisdirectedRequest)
		return
	}
	if r.URL.Path == "/_sim" || strings.HasPrefix(r.URL.Path, "/_sim/") {
		http.NotFound(w, r)
		return
	}
	p.handler.ServeHTTP(w, r)
}

// serveHTTP is the proxy of HTTPS_PROXY and HTTP_PROXY.
func (p *Proxy) serveHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect && isOurs(r.Host):
		p.leadIn(w)
	case r.Method == http.MethodConnect && !p.only:
		p.pass(w, r)
	case isOurs(r.Host): // an address in full, as some clients send even for https
		// note: a server's request has no scheme and host in its address
		r.URL.Scheme, r.URL.Host, r.RequestURI = "", "", r.URL.RequestURI()
		p.serveInside(w, r)
	case r.URL.IsAbs() && !p.only:
		p.passPlain(w, r)
	default:
		http.Error(w, "the simulator's proxy leads to WeChat's hosts only", http.StatusForbidden)
	}
}

// leadIn makes the rest of a connection TLS with the simulator.
func (p *Proxy) leadIn(w http.ResponseWriter) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot be led in", http.StatusInternalServerError)
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	p.inside.put(&begunConn{Conn: conn, reader: buffered.Reader})
}

// pass connects two sides and looks at nothing.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request) {
	there, err := p.dialer.DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, "the host cannot be reached", http.StatusBadGateway)
		return
	}
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = errors.Join(here.Close(), there.Close())
		return
	}
	done := make(chan struct{}, 2)
	send := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		done <- struct{}{}
	}
	go send(there, buffered)
	go send(here, there)
	<-done
	<-done
	_ = errors.Join(here.Close(), there.Close())
}

// passPlain passes a request of plain HTTP on.
func (p *Proxy) passPlain(w http.ResponseWriter, r *http.Request) {
	(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}, Transport: &http.Transport{Proxy: nil}}).ServeHTTP(w, r)
}

// begunConn is a connection of which something was read already.
type begunConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c *begunConn) Read(b []byte) (int, error) { return c.reader.Read(b) }

// CloseWrite ends one direction, where the connection can.
func (c *begunConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// queue is a listener of connections that are there already.
type queue struct {
	conns chan net.Conn
	ended chan struct{}
}

func newQueue() *queue { return &queue{make(chan net.Conn), make(chan struct{})} }

func (q *queue) put(conn net.Conn) {
	select {
	case q.conns <- conn:
	case <-q.ended:
		_ = conn.Close()
	}
}

func (q *queue) close() { close(q.ended) }

// Accept is of net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.ended:
		return nil, net.ErrClosed
	}
}

// Close is of net.Listener. The queue ends with its proxy.
func (q *queue) Close() error { return nil }

// Addr is of net.Listener.
func (q *queue) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
