// Package metrics counts what wxbase does, for Prometheus.
package metrics

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"wxbase/internal/wechat"
)

// Metrics counts what wxbase does, for Prometheus. No label carries anything that belongs to a user.
type Metrics struct {
	Registry *prometheus.Registry
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	Refused  *prometheus.CounterVec

	notifications  *prometheus.CounterVec
	Requests       *prometheus.CounterVec
	RequestSeconds *prometheus.HistogramVec
}

// New makes counters in a separate registry.
func New() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxbase_wechat_calls_total", Help: "Finished calls of the WeChat server API by outcome; kind ok is success.",
		}, []string{"op", "kind"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wxbase_wechat_call_seconds", Help: "How long calls of the WeChat server API took, waits and repeats included.",
			Buckets: []float64{.01, .03, .1, .3, 1, 3, 10},
		}, []string{"op"}),
		Refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxbase_refused_requests_total", Help: "Requests that were answered with an error, by code; other_429 is a rate limit of the dashboard.",
		}, []string{"code"}),
	}
	m.notifications = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wxbase_notifications_total", Help: "Notifications of WeChat Pay by what became of them: a state of wx_inbox, or the code of a refusal.",
	}, []string{"kind", "verdict"})
	m.Requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wxbase_http_requests_total", Help: "Answered requests by route and class of status.",
	}, []string{"route", "status"})
	m.RequestSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "wxbase_http_request_seconds", Help: "How long answers took.", Buckets: []float64{.003, .01, .03, .1, .3, 1, 3, 10},
	}, []string{"route"})
	m.Registry.MustRegister(m.calls, m.seconds, m.Refused, m.notifications, m.Requests, m.RequestSeconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts a finished call.
func (m *Metrics) Observe(c wechat.CallInfo) {
	m.calls.WithLabelValues(c.Op, cmp.Or(string(c.Kind), "ok")).Inc()
	m.seconds.WithLabelValues(c.Op).Observe(c.Duration.Seconds())
}

// Notified counts a notification of WeChat Pay.
func (m *Metrics) Notified(e *core.RequestEvent, verdict string) {
	kind := "pay"
	if strings.Contains(e.Request.URL.Path, "/notify/refund/") {
		kind = "refund"
	}
	m.notifications.WithLabelValues(kind, verdict).Inc()
}

// Refuse counts a request that was refused, or a thing that was not done, under a word of ours.
func (m *Metrics) Refuse(code string) { m.Refused.WithLabelValues(code).Inc() }

// CountRequests counts requests by the pattern of their route, which no visitor chooses.
func (m *Metrics) CountRequests(e *core.RequestEvent) error {
	began := time.Now()
	err := e.Next()
	status := e.Status()
	if err != nil && !e.Written() {
		status = router.ToApiError(err).Status
	}
	route := cmp.Or(e.Request.Pattern, "none")
	m.Requests.WithLabelValues(route, strconv.Itoa(cmp.Or(status, 200)/100)+"xx").Inc()
	m.RequestSeconds.WithLabelValues(route).Observe(time.Since(began).Seconds())
	return err
}
