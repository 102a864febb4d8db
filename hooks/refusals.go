package hooks

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/metrics"
)

// refusals counts what is refused, and remembers the first sign of a proxy whose header is not trusted: all of its clients share one address
// then, and with it every limit per address.
type refusals struct {
	app      core.App
	accounts *accounts.Accounts
	metrics  *metrics.Metrics
	out      io.Writer // where the start lines go
	header   atomic.Pointer[string]
}

// bindRefusals counts what is answered with an error, and notices a proxy that is not known. It runs before PocketBase's own rate limit, so
// that it sees what that refuses.
func (r *refusals) bindRefusals() {
	codes := map[string]bool{}
	for _, problem := range answer.All() {
		codes[problem.Code] = true
	}
	r.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxRefusals", Func: func(e *core.ServeEvent) error {
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxOrigin", Priority: apis.DefaultCorsMiddlewarePriority - 10, Func: strictOrigin})
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{
			Id: "wxRefusals", Priority: apis.DefaultActivityLoggerMiddlewarePriority - 10,
			Func: func(e *core.RequestEvent) error {
				r.noticeProxy(e)
				err := e.Next()
				if answer, ok := errors.AsType[*router.ApiError](err); ok {
					r.metrics.Refused.WithLabelValues(refusalLabel(answer, codes)).Inc()
				}
				return err
			},
		})
		return e.Next()
	}})
}

// refusalLabel is a code of ours, or the status: what else an answer says is not bounded.
func refusalLabel(answer *router.ApiError, codes map[string]bool) string {
	if code, ok := answer.Data["code"].(string); ok && codes[code] {
		return code
	}
	return fmt.Sprintf("other_%d", answer.Status)
}

// forwardedHeaders are where proxies say the client's address.
func forwardedHeaders() []string {
	return []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP", "Fly-Client-IP"}
}

// noticeProxy looks at requests of this machine and of private networks, where proxies are; anybody else may send such a header.
func (r *refusals) noticeProxy(e *core.RequestEvent) {
	if r.header.Load() != nil || !isNear(e.Request.RemoteAddr) {
		return
	}
	header := untrustedHeader(e)
	if header == "" || !r.header.CompareAndSwap(nil, &header) {
		return
	}
	r.app.Logger().Warn("A proxy says the clients' addresses in a header that is not trusted, so that all of them share the limits of one.", "header", header)
	_, _ = fmt.Fprintf(r.out, "  to configure: %s\n", proxyAdvice(header))
}

// untrustedHeader is a header with a client's address that PocketBase does not read; empty where it reads one, or there is none.
func untrustedHeader(e *core.RequestEvent) string {
	for _, trusted := range e.App.Settings().TrustedProxy.Headers {
		if e.Request.Header.Get(trusted) != "" {
			return ""
		}
	}
	for _, name := range forwardedHeaders() {
		if strings.TrimSpace(e.Request.Header.Get(name)) != "" {
			return name
		}
	}
	return ""
}

func isNear(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
}

func proxyAdvice(header string) string {
	return "a proxy sends " + header + ", which is not trusted, so that all visitors share the limits of one address:" +
		" set it in the dashboard under Settings, Application, Trusted proxy, and let only the proxy reach the port"
}

// advice is everything that stands in the owner's way.
func (r *refusals) advice() []string {
	list := r.accounts.Settings.Advice()
	header := r.header.Load()
	if header == nil || len(r.app.Settings().TrustedProxy.Headers) > 0 { // note: it was set since
		return list
	}
	return append(list, proxyAdvice(*header))
}

func keepLedger(e *core.RecordEvent) error {
	return fmt.Errorf("ledger row %s: the ledger is append-only", e.Record.Id)
}
