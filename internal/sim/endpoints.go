package sim

import (
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

// endpoint is one call of WeChat's. The name is what a fault is queued for.
type endpoint struct {
	name   string
	method string
	path   string
	pay    bool // of api.mch.weixin.qq.com: authorised by a signature, answered with one
	token  bool // needs ?access_token=
	run    func(*Sim, *call) reply
}

// endpoints is every call that is simulated, on one screen.
func endpoints() []endpoint {
	const get, post = http.MethodGet, http.MethodPost
	return []endpoint{
		{name: "code2session", method: get, path: "/sns/jscode2session", run: (*Sim).code2Session},
		{name: "token", method: get, path: "/cgi-bin/token", run: (*Sim).accessToken},
		{name: "stable_token", method: post, path: "/cgi-bin/stable_token", run: (*Sim).stableToken},
		{name: "checksession", method: get, path: "/wxa/checksession", token: true, run: (*Sim).checkSession},
		{name: "resetusersessionkey", method: get, path: "/wxa/resetusersessionkey", token: true, run: (*Sim).resetSession},
		{name: "getuserphonenumber", method: post, path: "/wxa/business/getuserphonenumber", token: true, run: (*Sim).phoneNumber},
		{name: "getwxacodeunlimit", method: post, path: "/wxa/getwxacodeunlimit", token: true, run: (*Sim).unlimitedCode},
		{name: "getwxacode", method: post, path: "/wxa/getwxacode", token: true, run: (*Sim).limitedCode},
		{name: "createwxaqrcode", method: post, path: "/cgi-bin/wxaapp/createwxaqrcode", token: true, run: (*Sim).plainQRCode},

		{name: "prepay", method: post, path: "/v3/pay/transactions/jsapi", pay: true, run: (*Sim).prepay},
		{name: "query", method: get, path: "/v3/pay/transactions/out-trade-no/:out_trade_no", pay: true, run: (*Sim).queryByNumber},
		{name: "query_id", method: get, path: "/v3/pay/transactions/id/:transaction_id", pay: true, run: (*Sim).queryByID},
		{name: "close", method: post, path: "/v3/pay/transactions/out-trade-no/:out_trade_no/close", pay: true, run: (*Sim).closeOrder},
		{name: "certificates", method: get, path: "/v3/certificates", pay: true, run: (*Sim).certificates},
	}
}

// newHandler is both hosts and the control API on one router.
func (s *Sim) newHandler() http.Handler {
	e := newEcho(s.strayCall(http.StatusNotFound), s.strayCall(http.StatusMethodNotAllowed))
	for _, ep := range endpoints() {
		if ep.pay {
			e.Add(ep.method, ep.path, s.serve(ep))
			continue
		}
		e.Any(ep.path, s.serve(ep)) // note: a wrong method is an errcode at HTTP 200 here, not a 405
	}
	s.bindControl(e)
	return e
}

// newControlHandler is the control API alone.
func (s *Sim) newControlHandler() http.Handler {
	e := newEcho(controlNotFound, controlNotFound)
	s.bindControl(e)
	return e
}

// newEcho is a silent router whose errors are the control API's; WeChat's own never get that far.
func newEcho(notFound, wrongMethod echo.HandlerFunc) *echo.Echo {
	e := echo.NewWithConfig(echo.Config{
		Logger: slog.New(slog.DiscardHandler),
		Router: echo.NewRouter(echo.RouterConfig{
			UnescapePathParamValues: true,
			NotFoundHandler:         notFound,
			MethodNotAllowedHandler: wrongMethod,
		}),
		HTTPErrorHandler: answerError,
	})
	e.Use(middleware.Recover())
	return e
}

// strayCall answers a path or a method that WeChat does not have: an empty body, as the real edge does.
func (s *Sim) strayCall(status int) echo.HandlerFunc {
	return func(ec *echo.Context) error {
		if isControlPath(ec.Request().URL.Path) {
			return controlNotFound(ec)
		}
		c := &call{endpoint: endpoint{name: "unknown"}, r: ec.Request(), query: ec.Request().URL.Query(), now: s.Now()}
		r := reply{status: status, code: http.StatusText(status), reason: "no such path at WeChat"}
		if status == http.StatusMethodNotAllowed {
			r.reason = "the path exists, but not for " + c.r.Method
		}
		s.record(c, r, nil)
		return ec.NoContent(status)
	}
}

// maxBody is the most that any call of WeChat's may send, in bytes.
const maxBody = 1 << 20

// readBody reads at most maxBody bytes.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, errTooLarge
	}
	return body, err
}

var errTooLarge = errors.New("body is larger than 1 MiB")
