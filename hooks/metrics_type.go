package hooks

import (
	"cmp"
	"strings"
	"wxbase/internal/wechat"

	"github.com/pocketbase/pocketbase/core"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
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

// refuse counts a request that was refused, or a thing that was not done, under a word of ours.
func (m *metrics) refuse(code string) { m.refused.WithLabelValues(code).Inc() }
