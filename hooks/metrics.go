package hooks

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// bindMetrics serves GET /metrics when it is asked for: WXBASE_METRICS=1 answers to this machine only, any other value is the token
// that a scraper sends as `Authorization: Bearer ...`. Without the variable there is no such route.
func (p *Plugin) bindMetrics(e *core.ServeEvent) {
	token := p.cfg.Env("WXBASE_METRICS")
	if token == "" {
		return
	}
	p.metrics.Registry.MustRegister(shopMetrics{p})
	e.Router.BindFunc(p.metrics.CountRequests)
	handler := apis.WrapStdHandler(promhttp.HandlerFor(p.metrics.Registry, promhttp.HandlerOpts{}))
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
