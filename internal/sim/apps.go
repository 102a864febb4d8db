package sim

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// appRow is a mini program added after the first.
type appRow struct {
	AppConfig
	Number int `json:"number"` // place in the list of all; the first added is 2
}

func (a appRow) Entity() (kind, id string) { return "app", a.AppID }

// findApp finds a mini program by its appid. The caller holds s.mu.
func (s *Sim) findApp(appid string) (AppConfig, bool) {
	if first := s.firstApp(); appid == first.AppID {
		return s.withPush(first), true
	}
	if added := s.state.apps[appid]; added != nil {
		return s.withPush(added.AppConfig), true
	}
	return AppConfig{}, false
}

// firstApp is the mini program of keys.json.
func (s *Sim) firstApp() AppConfig {
	k := s.keys
	return AppConfig{AppID: k.AppID, Secret: k.Secret, PushToken: k.PushToken, PushAESKey: k.PushAESKey}
}

// apps lists all mini programs, the oldest first.
func (s *Sim) apps() []AppConfig {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := append(make([]AppConfig, 0, 1+len(s.state.apps)), s.withPush(s.firstApp()))
	for _, a := range slices.SortedFunc(maps.Values(s.state.apps), func(a, b *appRow) int { return a.Number - b.Number }) {
		list = append(list, s.withPush(a.AppConfig))
	}
	return list
}

// makeApp is POST /_sim/apps: it adds a mini program, and invents what the body leaves out of an AppConfig.
func (s *Sim) makeApp(c *echo.Context) error {
	var in AppConfig
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.addApp(in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, a.withXpay())
}

// addApp adds a mini program. The caller holds s.mu, or is the only user of s.
func (s *Sim) addApp(in AppConfig) (*appRow, error) {
	config, err := newApp().with(in)
	if err != nil {
		return nil, err
	}
	if _, known := s.findApp(config.AppID); known {
		return nil, conflict("another mini program has this appid")
	}
	a := &appRow{AppConfig: config, Number: len(s.state.apps) + 2}
	if err := s.save(a); err != nil {
		return nil, err
	}
	s.state.apps[a.AppID] = a
	return a, nil
}

// newApp invents a mini program.
func newApp() AppConfig {
	return AppConfig{AppID: wire.NewAppID(), Secret: wire.HexID(16), PushToken: wire.Pick(wire.Alnum, 32), PushAESKey: wire.Pick(wire.Alnum, 42) + "A"}
}

// openPlatformRow tells whether the mini programs are bound to one account of the open platform.
type openPlatformRow struct {
	Bound bool `json:"bound"`
}

func (openPlatformRow) Entity() (kind, id string) { return "open_platform", "open_platform" }

// appTable holds the mini programs after the first, which is in keys.json, and their common account.
type appTable struct {
	platform openPlatformRow
	apps     map[string]*appRow
}

func (t *appTable) register(r *registry) {
	rememberOne(r, &t.platform)
	remember(r, "app", &t.apps, nil)
}

func (s *Sim) openPlatform() openPlatformRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.platform
}

// changeOpenPlatform takes {bound}: whether logins return a unionid from now on.
func (s *Sim) changeOpenPlatform(c *echo.Context) error {
	var in struct {
		Bound *bool `json:"bound"`
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	if in.Bound == nil {
		return badInput("bound must be true or false")
	}
	next := openPlatformRow{Bound: *in.Bound}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.save(next); err != nil {
		return err
	}
	s.state.platform = next
	return c.JSON(http.StatusOK, next)
}

// unionID is a person's common id in all mini programs, empty while these are not bound. The caller holds s.mu.
func (s *Sim) unionID(person string) (string, error) {
	p := s.state.people[person]
	if !s.state.platform.Bound || p == nil {
		return "", nil
	}
	if p.UnionID != "" {
		return p.UnionID, nil
	}
	named := *p
	named.UnionID = wire.NewOpenID() // note: both have the same shape
	if err := s.save(named); err != nil {
		return "", err
	}
	*p = named
	return p.UnionID, nil
}

// unionAfterPay is how long after a payment its payer's unionid may be asked for.
const unionAfterPay = 5 * time.Minute

// paidUnionID is GET /wxa/getpaidunionid: the payer's unionid, without a login, soon after a payment.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/user-info/basic-info/api_getpaidunionid.html (支付后获取 UnionID)
func (s *Sim) paidUnionID(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.whoIs(c.appid, c.query.Get("openid"))
	if id == nil {
		return c.refuse(40003, "no openid of this mini program")
	}
	if !s.state.platform.Bound {
		return c.refuse(89002, "the mini program is not bound to the open platform")
	}
	o := s.state.byTransaction[c.query.Get("transaction_id")]
	if c.query.Get("transaction_id") == "" {
		o = s.state.orders[c.query.Get("mch_id")+"/"+c.query.Get("out_trade_no")]
	}
	if o == nil || !o.paid() || o.OpenID != id.OpenID || c.now.Sub(*o.PaidAt) > unionAfterPay {
		return c.refuse(89300, "no order that this person paid within the last five minutes")
	}
	unionID, err := s.unionID(id.Person)
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(struct {
		UnionID string `json:"unionid"`
		plainOK
	}{unionID, plainOK{ErrMsg: "ok"}})
}
