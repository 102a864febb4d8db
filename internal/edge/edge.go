// Package edge is a process without a database that serves rooms for a *primary*, over Redis. It knows people only by
// the primary's *tickets*, and does not use PocketBase.
package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wxbase/internal/explain"
	"wxbase/internal/limit"
	"wxbase/internal/metrics"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/realtime/ticket"
	"wxbase/internal/serving"
	"wxbase/internal/sockets"
)

// Bounds of an edge. Together those of its end stay under five seconds, after which a supervisor loses patience.
const (
	keysTimeout    = 5 * time.Second
	socketsTimeout = 2500 * time.Millisecond // until all sockets have been told to go elsewhere
	serverTimeout  = 500 * time.Millisecond
	maxKeys        = 64 << 10 // bytes of the primary's answer
)

// Options are the flags of `wxbase edge`.
type Options struct {
	Primary, Redis, HTTP string
	Origins              []string // of web pages, beside those that gateway.Options lets in
	ProxyHeader          string   // where a proxy in front says the client's address; empty: there is none
	Env                  func(string) string
	Log                  *slog.Logger
}

// Edge serves rooms over Socket.IO without a database: people are admitted by tickets of the primary, messages come over the bus.
type Edge struct {
	bus     *redisbus.Bus
	hub     *realtime.Hub
	gateway *gateway.Gateway
	keys    *ticket.Keyring
	server  *http.Server
	Addr    string // where it listens
	log     *slog.Logger
	stop    context.CancelFunc
}

// Listen starts an edge. Neither the primary nor Redis need be there yet.
func Listen(ctx context.Context, o Options) (*Edge, error) {
	fetch, err := fetchKeys(o.Primary)
	if err != nil {
		return nil, err
	}
	limits, err := sockets.Limits(o.Env)
	if err != nil {
		return nil, fmt.Errorf("start the edge: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.HTTP)
	if err != nil {
		return nil, fmt.Errorf("start the edge: %w", explain.Listen(err, explain.ServeFlag))
	}
	bus, err := redisbus.New(ctx, redisbus.Options{URL: o.Redis, Prefix: o.Env("WXBASE_REDIS_PREFIX"), Node: "edge", Logger: o.Log})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the edge: %w", err), listener.Close())
	}
	e := &Edge{bus: bus, keys: ticket.NewKeyring(fetch, time.Now), Addr: listener.Addr().String(), log: o.Log}
	gate := newGate(e.keys, time.Now)
	e.hub = realtime.New(realtime.Config{Bus: bus, Rooms: gate.room, Limits: limits, Logger: o.Log})
	e.hub.OnKick(gate.kick)
	options := sockets.Options(o.Env)
	options.Origins, options.Address, options.Logger = append(options.Origins, o.Origins...), addressBehind(o.ProxyHeader), o.Log
	e.gateway = gateway.New(e.hub, gate, options)
	e.server = &http.Server{Handler: serving.DrainBody(e.routes(o.Env)), ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)} //nolint:gosec // hardenServer sets the time-outs
	serving.Harden(e.server)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	e.firstKeys(background)
	go func() { _ = e.server.Serve(listener) }()
	return e, nil
}

// firstKeys fetches the primary's keys, and retries while it is away: without keys the edge reports that it is not
// ready, gets no clients, and so no ticket that would make it ask again.
func (e *Edge) firstKeys(ctx context.Context) {
	if err := e.keys.Refresh(ctx); err == nil {
		return
	} else {
		e.log.Warn("the keys of the primary cannot be fetched yet; nobody is admitted before", "error", err)
	}
	go func() {
		tick := time.NewTicker(time.Second) // note: the keyring itself asks every ten seconds at most
		defer tick.Stop()
		for !e.keys.Ready() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = e.keys.Refresh(ctx)
			}
		}
	}()
}

// routes are all that an edge serves.
func (e *Edge) routes(env func(string) string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", e.gateway) // note: tickets come in query strings here; nothing logs them
	mux.HandleFunc("GET /api/wx/health", e.health)
	if token := env("WXBASE_METRICS"); token != "" {
		mux.Handle("GET /metrics", e.metrics(token))
	}
	return mux
}

// health is 200 once people can be admitted. It stays 200 when the bus is down: local rooms continue, and other edges
// are no better.
func (e *Edge) health(w http.ResponseWriter, _ *http.Request) {
	status, text := http.StatusOK, "ok"
	if !e.keys.Ready() {
		status, text = http.StatusServiceUnavailable, "no keys of the primary yet"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"status":%q,"edge":true,"bus":%t}`+"\n", text, e.bus.Up())
}

func (e *Edge) metrics(token string) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		metrics.Bus{Stats: e.bus.Stats}, sockets.Metrics{Hub: e.hub, Sockets: func() *gateway.Gateway { return e.gateway }})
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		if !metrics.MayScrape(r, host, token) {
			http.NotFound(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// Close tells every socket to come back elsewhere, and leaves the bus.
func (e *Edge) Close() error {
	e.stop()
	ctx, cancel := context.WithTimeout(context.Background(), socketsTimeout)
	defer cancel()
	err := e.gateway.Shutdown(ctx)
	ctx, cancel = context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	_ = e.server.Shutdown(ctx)
	return errors.Join(err, e.server.Close(), e.hub.Close(ctx), e.bus.Close())
}

// fetchKeys makes the call for the primary's public keys. NB! an attacker who can change this answer can admit anyone:
// over a network that is not your own, the primary must use https.
func fetchKeys(primary string) (func(context.Context) ([]byte, error), error) {
	u, err := url.Parse(strings.TrimSuffix(primary, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("the primary must be an address such as https://shop.example.com")
	}
	address := u.JoinPath("/api/wx/edges/key").String()
	client := &http.Client{Timeout: keysTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, fmt.Errorf("ask the primary: %w", err)
		}
		res, err := client.Do(req)
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		if err != nil {
			return nil, fmt.Errorf("ask the primary: %w", err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("ask the primary: got %s", res.Status)
		}
		return io.ReadAll(io.LimitReader(res.Body, maxKeys))
	}, nil
}

// addressBehind finds a client's address: the last entry in the nearest proxy's header, or the peer's address without a
// proxy.
func addressBehind(header string) func(*http.Request) string {
	return func(r *http.Request) string {
		if header != "" {
			parts := strings.Split(strings.Join(r.Header.Values(header), ","), ",")
			if ip, err := netip.ParseAddr(strings.TrimSpace(parts[len(parts)-1])); err == nil {
				return limit.Widen(ip.String())
			}
		}
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			return r.RemoteAddr
		}
		return limit.Widen(host)
	}
}
