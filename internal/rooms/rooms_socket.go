package rooms

import (
	"context"
	"net/http"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/limit"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/sockets"
)

// addressKey carries a client's address, as PocketBase knows it behind a trusted proxy, to the gateway.
type addressKey struct{}

// BindSocket serves Socket.IO below /socket.io/. PocketBase's own CORS and logging are left out: the gateway knows the origins of mini
// programs, and a token may be in the query.
func (r *Rooms) BindSocket(e *core.ServeEvent) {
	options := sockets.Options(r.Env)
	options.Address, options.Logger = addressOf, Logger(r.App)
	r.sockets = gateway.New(r.Hub, roomGate{r}, options)
	serve := func(e *core.RequestEvent) error {
		ctx := context.WithValue(e.Request.Context(), addressKey{}, limit.Widen(e.RealIP()))
		r.sockets.ServeHTTP(e.Response, e.Request.WithContext(ctx))
		return nil
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} { // note: Any is at odds with the page at GET /
		e.Router.Route(method, "/socket.io/{path...}", serve).Unbind(apis.DefaultActivityLoggerMiddlewareId, apis.DefaultCorsMiddlewareId,
			apis.DefaultBodyLimitMiddlewareId, apis.DefaultLoadAuthTokenMiddlewareId)
	}
}

func addressOf(r *http.Request) string {
	address, _ := r.Context().Value(addressKey{}).(string)
	return address
}
