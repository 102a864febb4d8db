package hooks

import (
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wxbase/internal/metrics"
)

// bindMetrics serves GET /metrics when it is asked for: WXBASE_METRICS=1 answers to this machine only, any other value is the token
// that a scraper sends as `Authorization: Bearer ...`. Without the variable there is no such route.
func bindMetrics(e *core.ServeEvent, token string, counters *metrics.Metrics, numbers prometheus.Collector) {
	if token == "" {
		return
	}
	counters.Registry.MustRegister(numbers)
	e.Router.BindFunc(counters.CountRequests)
	handler := apis.WrapStdHandler(promhttp.HandlerFor(counters.Registry, promhttp.HandlerOpts{}))
	e.Router.GET("/metrics", func(e *core.RequestEvent) error {
		if !metrics.MayScrape(e.Request, e.RemoteIP(), token) {
			return e.NotFoundError("", nil)
		}
		return handler(e)
	}).Bind(apis.SkipSuccessActivityLog())
}
