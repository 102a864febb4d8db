package engineio

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// refusal is the protocol's answer to a refused request.
type refusal struct {
	status  int
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// The codes are the reference server's; the texts of the first five too.
var (
	unknownTransport = refusal{http.StatusBadRequest, 0, "Transport unknown"}
	unknownSession   = refusal{http.StatusBadRequest, 1, "Session ID unknown"}
	badMethod        = refusal{http.StatusBadRequest, 2, "Bad handshake method"}
	badRequest       = refusal{http.StatusBadRequest, 3, "Bad request"}
	badProtocol      = refusal{http.StatusBadRequest, 5, "Unsupported protocol version"}
	noJSONP          = refusal{http.StatusBadRequest, 3, "JSONP is not supported"}
	noBinary         = refusal{http.StatusBadRequest, 3, "Binary is not supported"}
	tooBig           = refusal{http.StatusRequestEntityTooLarge, 3, "message_too_big"}
	forbiddenOrigin  = refusal{http.StatusForbidden, 4, "Forbidden"}
	tooMany          = refusal{http.StatusTooManyRequests, 4, "connection_limit"}
	full             = refusal{http.StatusServiceUnavailable, 4, "server_full"}
	goingAway        = refusal{http.StatusServiceUnavailable, 4, "shutting down"}
)

func (f refusal) write(w http.ResponseWriter) {
	body, _ := json.Marshal(f)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	_, _ = w.Write(body)
}

// refuseUpgrade answers an invalid WebSocket handshake. The library has set its headers.
func refuseUpgrade(w http.ResponseWriter, _ *http.Request, status int, _ error) {
	f := badRequest
	f.status = status
	f.write(w)
}

// ServeHTTP answers every request of the protocol, at any path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.admitOrigin(w, r) {
		s.refused.Add(1)
		forbiddenOrigin.write(w)
		return
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	q := r.URL.Query()
	protocol, transport, problem := s.verify(r, q)
	switch {
	case problem != nil:
		problem.write(w)
	case q.Get("sid") == "":
		s.handshake(w, r, protocol, transport)
	default:
		s.resume(w, r, q.Get("sid"), transport)
	}
}

// verify checks the request itself, before its session is looked up.
func (s *Server) verify(r *http.Request, q url.Values) (protocol int, transport string, problem *refusal) {
	transport = q.Get("transport")
	websocket := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	switch q.Get("EIO") {
	case "4":
		protocol = 4
	case "3":
		protocol = 3
	}
	switch {
	case transport != "websocket" && transport != "polling":
		problem = &unknownTransport
	case protocol == 0:
		problem = &badProtocol
	case q.Has("j"):
		problem = &noJSONP
	case websocket != (transport == "websocket"):
		problem = &badRequest
	}
	return protocol, transport, problem
}

// handshake opens a session.
func (s *Server) handshake(w http.ResponseWriter, r *http.Request, protocol int, transport string) {
	if r.Method != http.MethodGet {
		badMethod.write(w)
		return
	}
	address := s.cfg.Address(r)
	if problem := s.admit(address); problem != nil {
		s.refused.Add(1)
		problem.write(w)
		return
	}
	x := s.newSession(protocol, address)
	if transport == "websocket" {
		s.openWebSocket(w, r, x)
		return
	}
	s.openPolling(w, r, x)
}

// resume serves a later request of a session: a poll, a post or the upgrade.
func (s *Server) resume(w http.ResponseWriter, r *http.Request, id, transport string) {
	x := s.session(id)
	switch {
	case x == nil || !x.mayUse(r) || x.overdue():
		unknownSession.write(w)
	case transport == "websocket":
		s.upgrade(w, r, x)
	case r.Method == http.MethodGet:
		pollSide{x}.servePoll(w, r)
	case r.Method == http.MethodPost:
		pollSide{x}.servePost(w, r)
	default:
		badRequest.write(w)
	}
}

// admit takes a place for a new session of an address, which forget returns.
func (s *Server) admit(address string) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return &goingAway
	case s.cfg.MaxTotal > 0 && s.admitted >= s.cfg.MaxTotal:
		return &full
	case s.cfg.MaxPerAddress > 0 && s.addresses[address] >= s.cfg.MaxPerAddress:
		return &tooMany
	}
	s.admitted++
	s.addresses[address]++
	return nil
}

// dismiss returns the place that admit took.
func (s *Server) dismiss(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vacate(address)
}

func (s *Server) vacate(address string) {
	s.admitted--
	if s.addresses[address]--; s.addresses[address] <= 0 {
		delete(s.addresses, address)
	}
}

// register adds a session to the map; false if the server is shutting down.
func (s *Server) register(x *Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		s.vacate(x.address)
		return false
	}
	s.live.Add(1)
	s.sessions[x.id] = x
	s.opened.Add(1)
	return true
}

// forget is the last step of a session.
func (s *Server) forget(x *Session) {
	s.mu.Lock()
	delete(s.sessions, x.id)
	s.vacate(x.address)
	s.mu.Unlock()
	s.live.Done()
}

func (s *Server) session(id string) *Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sessions[id]
}

// admitOrigin sets the headers that let another origin's page read the answers, or returns false. note: this only
// protects browsers; cookies are not read here, so credentials may be allowed.
func (s *Server) admitOrigin(w http.ResponseWriter, r *http.Request) bool {
	if !s.cfg.CheckOrigin(r) {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Add("Vary", "Origin")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		h.Set("Access-Control-Max-Age", "600")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
		}
	}
	return true
}

// sameHost allows requests without an Origin, and those of this host's own pages.
func sameHost(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
