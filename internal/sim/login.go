package sim

import (
	"maps"
	"time"
)

// The lifetimes and limits of the codes that a phone issues.
const (
	grantLife      = 5 * time.Minute
	loginsPerMin   = 100
	grantLogin     = "login"
	grantPhone     = "phone"
	authorizedCode = "authorization_code"
)

// grant is a code that the phone gave to a mini program: from wx.login or from the phone number button. The two kinds
// are separate namespaces. It is valid for five minutes and one use.
type grant struct {
	Code   string    `json:"code"`
	Kind   string    `json:"kind"`
	AppID  string    `json:"appid"`
	Person string    `json:"person"`
	MadeAt time.Time `json:"madeAt"`
	UsedAt time.Time `json:"usedAt"`
}

func (g grant) Entity() (kind, id string) { return "grant", g.Code }

// grantTable holds the codes that phones issued.
type grantTable struct{ grants map[string]*grant }

func (t *grantTable) register(r *registry) { remember(r, "grant", &t.grants, (*grant).worthKeeping) }

// expired is true from the fifth minute.
func (g *grant) expired(now time.Time) bool { return now.Sub(g.MadeAt) >= grantLife }

// newGrant makes a code for person. The caller holds s.mu.
func (s *Sim) newGrant(kind, code, appid, person string, now time.Time) (*grant, error) {
	g := &grant{Code: code, Kind: kind, AppID: appid, Person: person, MadeAt: now}
	s.state.grants[code] = g
	s.state.forgetGrants(now)
	return g, s.save(g)
}

// forgetGrants bounds the map's size.
func (t *grantTable) forgetGrants(now time.Time) {
	if len(t.grants)%10_000 != 0 {
		return
	}
	maps.DeleteFunc(t.grants, func(_ string, g *grant) bool { return now.Sub(g.MadeAt) > time.Hour })
}

// code2Session is GET /sns/jscode2session: it exchanges a code of wx.login for openid and session_key, once.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session.html (小程序登录)
func (s *Sim) code2Session(c *call) reply {
	if code, reason := s.checkSecret(c.query.Get("appid"), c.query.Get("secret")); code != 0 {
		return c.refuse(code, reason)
	}
	if c.query.Get("js_code") == "" {
		return c.refuse(41008, "js_code is missing")
	}
	if c.query.Get("grant_type") != authorizedCode {
		return c.refuse(40002, "grant_type must be authorization_code")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.state.grants[c.query.Get("js_code")]
	if code, reason := s.checkLogin(c, g); code != 0 {
		return c.refuse(code, reason)
	}
	id, err := s.identify(g.AppID, g.Person)
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	// note: the live key, not the one at the time of wx.login; a later login has rotated it for all codes
	live := s.state.sessions[id.session()]
	if live == nil {
		return c.refuse(40029, "the person has no session; this cannot follow a wx.login")
	}
	g.UsedAt = c.now
	if err := s.save(g); err != nil {
		return c.refuse(-1, err.Error())
	}
	unionID, err := s.unionID(g.Person)
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(struct {
		SessionKey string `json:"session_key"`
		OpenID     string `json:"openid"`
		UnionID    string `json:"unionid,omitempty"`
	}{live.Key, id.OpenID, unionID})
}

// checkLogin returns the errcode for a bad login code, 0 for a good one. A refused code stays unused. The caller holds
// s.mu.
func (s *Sim) checkLogin(c *call, g *grant) (errcode int, reason string) {
	switch {
	case c.query.Get("js_code") == guestCode:
		return 40029, "this is the guest code of DevTools: the project is open with the guest appid (touristappid); set the mini program's own appid in project.config.json"
	case g == nil || g.Kind != grantLogin:
		return 40029, "no wx.login gave this code"
	case g.AppID != c.query.Get("appid"):
		return 40029, "the code belongs to another mini program"
	case !s.limits.Allow("login/"+g.Person, loginsPerMin, time.Minute, c.now):
		return 45011, "more than 100 logins of one person in a minute"
	case !g.UsedAt.IsZero(): // note: checked before the age, because the real service answers "code been used" for an old one too
		return 40163, "the code was redeemed before; a code works once"
	case g.expired(c.now):
		return 40029, "the code is older than 5 minutes"
	case s.state.people[g.Person].magicLogin() != 0:
		return s.state.people[g.Person].magicLogin(), "the person's phone number is this errcode"
	case s.state.people[g.Person].Risky:
		return 40226, "the person is marked risky"
	}
	return 0, ""
}
