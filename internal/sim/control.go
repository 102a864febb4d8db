package sim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// controlError is a refusal of the control API.
type controlError struct {
	status int
	text   string
}

func (p controlError) Error() string { return p.text }

// badInput, notThere and conflict are the three refusals: 400, 404 and 409.
func badInput(text string) error { return controlError{http.StatusBadRequest, text} }
func notThere(text string) error { return controlError{http.StatusNotFound, text} }
func conflict(text string) error { return controlError{http.StatusConflict, text} }

// bindControl binds the whole control API and the panel, on one screen.
func (s *Sim) bindControl(e *echo.Echo) {
	g := e.Group("/_sim", s.guard)
	g.GET("/config", func(c *echo.Context) error { return c.JSON(200, s.Config()) })

	g.POST("/platform/rotate", s.rotatePlatform)
	g.POST("/apps", s.makeApp)
	g.POST("/merchants", s.makeSeller)
	g.GET("/apps/:appid/push", s.showPush)
	g.POST("/apps/:appid/push", s.changePush)
	g.GET("/apps/:appid/templates", s.listTemplates)
	g.POST("/apps/:appid/templates", s.makeTemplate)
	g.POST("/push", s.pushByHand)
	g.GET("/quotas", func(c *echo.Context) error { return c.JSON(200, s.quotas()) })
	g.POST("/quotas", s.changeQuotas)
	g.DELETE("/quotas", s.resetQuotas)
	g.GET("/rules", s.showRules)
	g.POST("/rules", s.changeRules)
	g.DELETE("/rules", s.resetRules)
	g.GET("/security", func(c *echo.Context) error { return c.JSON(200, riskyWords()) })
	g.GET("/media", s.listMedia)
	g.GET("/open-platform", func(c *echo.Context) error { return c.JSON(200, s.openPlatform()) })
	g.POST("/open-platform", s.changeOpenPlatform)

	g.GET("/people", s.listPeople)
	g.POST("/people", s.makePerson)
	g.POST("/people/:id", s.changePerson)
	g.POST("/people/:id/login", s.deviceLogin)
	g.POST("/people/:id/userinfo", s.deviceUserInfo)
	g.POST("/people/:id/phone", s.devicePhone)
	g.POST("/people/:id/pay", s.devicePay)
	g.POST("/people/:id/virtual", s.deviceVirtualPay)
	g.POST("/people/:id/pay-url", s.devicePayURL)
	g.POST("/people/:id/scan", s.deviceScan)
	g.POST("/people/:id/subscribe", s.deviceSubscribe)
	g.POST("/people/:id/unsubscribe", s.deviceUnsubscribe)
	g.POST("/people/:id/privacy", s.devicePrivacy)
	g.POST("/people/:id/complain", s.deviceComplain)
	g.GET("/avatars/:file", s.avatar)

	g.GET("/orders", s.listOrders)
	g.POST("/orders/:out_trade_no/refund", s.refundByHand)
	g.POST("/orders/:out_trade_no/receive", s.receiveByHand)
	g.GET("/order-paths", s.listPaths)
	g.GET("/refunds", s.listRefunds)
	g.POST("/refunds/:refund_id", s.settleByHand)
	s.bindTransfers(g)
	s.bindVirtual(g)
	s.bindComplaints(g)
	s.bindChats(g)
	g.GET("/merchant", s.showMerchant)
	g.POST("/merchant", s.changeMerchant)
	g.GET("/notifications", s.listNotifications)
	g.POST("/notifications/:id/resend", s.resend)
	g.POST("/trigger", s.trigger)
	g.POST("/forge", s.forge)
	g.GET("/forgeries", func(c *echo.Context) error { return c.JSON(200, sortedKeys(s.firstSeller().forgeries())) })
	g.GET("/magic", s.listMagic)
	g.GET("/triggers", func(c *echo.Context) error { return c.JSON(200, triggers()) })
	s.bindState(g)
	g.GET("/messages", s.listMessages)
	g.POST("/messages/:id/open", s.openMessage)
	g.GET("/subscriptions", s.listCredits)
	g.GET("/calls", s.listCalls)
	g.GET("/calls/:id/request", s.showRequest)
	g.POST("/calls/:id/replay", s.replayCall)
	g.GET("/clock", func(c *echo.Context) error { return c.JSON(200, s.clockAnswer()) })
	g.POST("/clock", s.moveClock)
	g.GET("/faults", func(c *echo.Context) error { return c.JSON(200, s.faults.snapshot()) })
	g.GET("/faults/kinds", func(c *echo.Context) error { return c.JSON(200, faultKinds()) })
	g.GET("/faults/words", func(c *echo.Context) error { return c.JSON(200, faultWords()) })
	g.GET("/endpoints", listEndpoints)
	g.GET("/plays", func(c *echo.Context) error { return c.JSON(200, plays()) })
	g.POST("/plays/:name", s.play)
	g.POST("/faults", s.queueFault)
	g.DELETE("/faults", s.clearFaults)

	g.GET("", func(c *echo.Context) error { return c.Redirect(http.StatusFound, "/_sim/") })
	g.GET("/", servePanel)
	g.GET("/:file", servePanel)
}

// guard refuses other machines, web pages of other sites and rebound names.
//
// NB! GET /_sim/config returns private keys; only this machine's own pages and programs may read it.
func (s *Sim) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if !s.opts.open && !ownPeer(r) {
			return controlError{http.StatusForbidden, "the simulator answers to this machine only; --simOpen lets others in"}
		}
		if !s.ownHost(r.Host) {
			return controlError{http.StatusForbidden, "the simulator answers to localhost only"}
		}
		if !ownOrigin(r.Header.Get("Origin"), r.Host) {
			return controlError{http.StatusForbidden, "the simulator answers no page of another site"}
		}
		if r.URL.Path != "/_sim/state" { // which has its own limit
			r.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
		}
		return next(c)
	}
}

// ownHost refuses foreign names that resolve to this machine: a rebound name belongs to an attacker.
func (s *Sim) ownHost(hostport string) bool {
	host := hostOf(hostport)
	return isLoopback(host) || s.opts.open && net.ParseIP(strings.Trim(host, "[]")) != nil || host != "" && slices.ContainsFunc(s.opts.allowedHosts, func(allowed string) bool {
		return strings.EqualFold(allowed, host)
	})
}

// ownPeer tells whether a request began on this machine. The client writes headers such as Host, but not the peer
// address. A request that a proxy on this machine forwards began elsewhere.
func ownPeer(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	if err != nil || ip == nil || !ip.IsLoopback() {
		return false
	}
	return !slices.ContainsFunc([]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via", "Cf-Connecting-Ip", "True-Client-Ip"},
		func(name string) bool { return len(r.Header.Values(name)) > 0 })
}

// hostOf removes the port.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return strings.ToLower(host)
	}
	return strings.ToLower(strings.Trim(hostport, "[]"))
}

// ownOrigin accepts programs (no Origin) and pages of this machine or of this very host.
func ownOrigin(origin, host string) bool {
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return isLoopback(strings.ToLower(u.Hostname())) || strings.EqualFold(u.Host, host)
}

func isControlPath(path string) bool { return path == "/_sim" || strings.HasPrefix(path, "/_sim/") }

// controlNotFound answers unknown paths under /_sim/.
func controlNotFound(c *echo.Context) error {
	return c.JSON(http.StatusNotFound, map[string]string{"error": "no such route: " + c.Request().Method + " " + c.Request().URL.Path})
}

// answerError turns an error of the control API into {error}.
func answerError(c *echo.Context, err error) {
	if resp, _ := echo.UnwrapResponse(c.Response()); resp != nil && resp.Committed {
		return
	}
	status, text := http.StatusInternalServerError, "internal error"
	var problem controlError
	switch {
	case errors.As(err, &problem):
		status, text = problem.status, problem.text
	case echo.StatusCode(err) != 0:
		status, text = echo.StatusCode(err), http.StatusText(echo.StatusCode(err))
	}
	said := map[string]string{"error": text}
	if zh := inChinese(text); zh != "" {
		said["error_zh"] = zh
	}
	_ = c.JSON(status, said)
}

// readInput reads a JSON object into v; an empty body or null counts as {}. It ignores unknown fields.
func readInput(c *echo.Context, v any) error {
	body, err := io.ReadAll(c.Request().Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return controlError{http.StatusRequestEntityTooLarge, errTooLarge.Error()}
	} else if err != nil {
		return badInput("the body could not be read")
	}
	if string(bytes.TrimSpace(body)) == "null" {
		return nil
	}
	err = decode(body, v)
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil, errors.Is(err, errEmptyBody):
		return nil
	case errors.As(err, &wrongType):
		return badInput("wrong type at " + wrongType.Field)
	}
	return badInput(err.Error())
}

// ownAppID checks the appid of a request; the default is the first mini program. The caller holds s.mu.
func (s *Sim) ownAppID(appid string) (string, error) {
	if appid == "" {
		return s.keys.AppID, nil
	}
	if _, known := s.findApp(appid); !known {
		return "", notThere("no mini program has this appid")
	}
	return appid, nil
}

// inBook encodes a list under the lock and answers with it.
func (s *Sim) inBook(c *echo.Context, list func() any) error {
	s.mu.Lock()
	body := encode(list())
	s.mu.Unlock()
	return c.JSONBlob(http.StatusOK, body)
}

// readPage checks limit and after; prefix belongs to an id in the books and not on the wire.
func readPage(query url.Values, prefix string) (book.PageAfter, error) {
	p := book.PageAfter{After: query.Get("after")}
	if p.After != "" {
		p.After = prefix + p.After
	}
	limit := query.Get("limit")
	if limit == "" {
		return p, nil
	}
	n, err := strconv.Atoi(limit)
	if err != nil || n < 1 {
		return p, badInput("limit must be a number from 1")
	}
	p.Limit = n
	return p, nil
}

// answerPage answers with one page of a shelf; fresh updates each row to the present first.
func answerPage[T any](s *Sim, c *echo.Context, from func(*state) *book.Shelf[T], prefix string, fresh func(*T) error) error {
	p, err := readPage(c.QueryParams(), prefix)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := from(s.state).Page(p)
	if err != nil {
		return badInput(err.Error())
	}
	for _, v := range list {
		if err := fresh(v); err != nil {
			s.note("list", err.Error())
		}
	}
	return c.JSONBlob(http.StatusOK, encode(list))
}

// listOrders lists the orders in their present state, the latest first; ?limit= and ?after={out_trade_no} page through
// them.
func (s *Sim) listOrders(c *echo.Context) error {
	now := s.Now()
	return answerPage(s, c, func(st *state) *book.Shelf[order] { return &st.orderShelf }, or(c.QueryParam("mchid"), s.keys.MchID)+"/", func(o *order) error {
		_, err := s.ripened(o, now)
		return err
	})
}

// listNotifications lists the messages with their attempts, the latest first; ?limit= and ?after={id} page through
// them.
func (s *Sim) listNotifications(c *echo.Context) error {
	return answerPage(s, c, func(st *state) *book.Shelf[notification] { return &st.noteShelf }, "", func(*notification) error { return nil })
}

// listCalls lists the remembered calls, the latest first; ?limit= and ?after={id} page through them, and path, verdict,
// endpoint, appid and mchid filter. With ?since={id} it lists the calls after that one, the oldest first.
func (s *Sim) listCalls(c *echo.Context) error {
	p, err := readPage(c.QueryParams(), "")
	if err != nil {
		return err
	}
	list := s.calls.list()
	text := c.QueryParam("since")
	if text != "" {
		id, err := strconv.Atoi(text)
		if err != nil {
			return badInput("since must be the id of a call")
		}
		list = since(list, id) // note: before the filter, which may remove the newest call
	}
	if list, err = filterCalls(list, c.QueryParams()); err != nil {
		return err
	}
	if text != "" {
		return c.JSON(http.StatusOK, list)
	}
	if p.After != "" {
		i := slices.IndexFunc(list, func(rec callRecord) bool { return strconv.Itoa(rec.ID) == p.After })
		if i < 0 {
			return badInput("after must be an id of this list")
		}
		list = list[i+1:]
	}
	if p.Limit > 0 {
		list = list[:min(p.Limit, len(list))]
	}
	return c.JSON(http.StatusOK, list)
}

// clockState is the answer of both routes of the clock.
type clockState struct {
	Now    time.Time `json:"now"`
	Offset string    `json:"offset"` // how far Advance has moved it
}

func (s *Sim) clockAnswer() clockState {
	now := s.Now()
	return clockState{Now: now, Offset: now.Sub(s.opts.now()).Round(time.Second).String()}
}

// moveClock takes {advance: "2h30m"} or {now: RFC 3339}. It only moves forward.
func (s *Sim) moveClock(c *echo.Context) error {
	var in struct {
		Advance string     `json:"advance"`
		Now     *time.Time `json:"now"`
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	by, err := time.ParseDuration(cmp.Or(in.Advance, "0s"))
	switch {
	case in.Advance == "" && in.Now == nil:
		return badInput("give advance (such as 2h30m) or now (RFC 3339)")
	case err != nil:
		return badInput("advance must be a duration such as 2h30m")
	case in.Now != nil:
		by = in.Now.Sub(s.Now())
	}
	if by < 0 || by > 10*365*24*time.Hour {
		return badInput("the clock only moves forward, at most ten years at once")
	}
	s.Advance(by)
	return c.JSON(http.StatusOK, s.clockAnswer())
}

// queueFault appends a fault to the queue.
func (s *Sim) queueFault(c *echo.Context) error {
	var in faultRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	return s.answerFault(c, in)
}

// answerFault queues a fault and answers with it.
func (s *Sim) answerFault(c *echo.Context, in faultRequest) error {
	f, err := in.parse()
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.faults.add(f))
}

// clearFaults ends all faults, including permanent ones.
func (s *Sim) clearFaults(c *echo.Context) error {
	s.faults.clear()
	return c.JSON(http.StatusOK, []fault{})
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
