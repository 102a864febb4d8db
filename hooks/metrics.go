package hooks

import (
	"cmp"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wxbase/internal/wechat"
)

// metrics counts what wxbase does, for Prometheus. No label carries anything that belongs to a user.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refused  *prometheus.CounterVec

	notifications  *prometheus.CounterVec
	requests       *prometheus.CounterVec
	requestSeconds *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxbase_wechat_calls_total", Help: "Finished calls of the WeChat server API by outcome; kind ok is success.",
		}, []string{"op", "kind"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wxbase_wechat_call_seconds", Help: "How long calls of the WeChat server API took, waits and repeats included.",
			Buckets: []float64{.01, .03, .1, .3, 1, 3, 10},
		}, []string{"op"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxbase_refused_requests_total", Help: "Requests that were answered with an error, by code; other_429 is a rate limit of the dashboard.",
		}, []string{"code"}),
	}
	m.notifications = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wxbase_notifications_total", Help: "Notifications of WeChat Pay by what became of them: a state of wx_inbox, or the code of a refusal.",
	}, []string{"kind", "verdict"})
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wxbase_http_requests_total", Help: "Answered requests by route and class of status.",
	}, []string{"route", "status"})
	m.requestSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "wxbase_http_request_seconds", Help: "How long answers took.", Buckets: []float64{.003, .01, .03, .1, .3, 1, 3, 10},
	}, []string{"route"})
	m.registry.MustRegister(m.calls, m.seconds, m.refused, m.notifications, m.requests, m.requestSeconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe is told of every finished call.
func (m *metrics) observe(c wechat.CallInfo) {
	m.calls.WithLabelValues(c.Op, cmp.Or(string(c.Kind), "ok")).Inc()
	m.seconds.WithLabelValues(c.Op).Observe(c.Duration.Seconds())
}

// notified counts a notification of WeChat Pay.
func (m *metrics) notified(e *core.RequestEvent, verdict string) {
	kind := "pay"
	if strings.Contains(e.Request.URL.Path, "/notify/refund/") {
		kind = "refund"
	}
	m.notifications.WithLabelValues(kind, verdict).Inc()
}

// bindMetrics serves GET /metrics when it is asked for: WXBASE_METRICS=1 answers to this machine only, any other value is the token
// that a scraper sends as `Authorization: Bearer ...`. Without the variable there is no such route.
func (p *Plugin) bindMetrics(e *core.ServeEvent) {
	token := p.cfg.Env("WXBASE_METRICS")
	if token == "" {
		return
	}
	p.metrics.registry.MustRegister(shopMetrics{p})
	e.Router.BindFunc(p.metrics.countRequests)
	handler := apis.WrapStdHandler(promhttp.HandlerFor(p.metrics.registry, promhttp.HandlerOpts{}))
	e.Router.GET("/metrics", func(e *core.RequestEvent) error {
		if !mayScrape(e.Request, e.RemoteIP(), token) {
			return e.NotFoundError("", nil)
		}
		return handler(e)
	}).Bind(apis.SkipSuccessActivityLog())
}

func mayScrape(r *http.Request, remoteIP, token string) bool {
	if token == "1" {
		ip := net.ParseIP(remoteIP)
		return ip != nil && ip.IsLoopback() && r.Header.Get("X-Forwarded-For") == ""
	}
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	return subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}
