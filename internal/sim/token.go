package sim

import (
	"crypto/subtle"
	"regexp"
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// Lifetimes are WeChat's time; forcePerDay counts by its calendar day in UTC.
const (
	tokenLife    = 7200 * time.Second
	tokenOverlap = 5 * time.Minute
	forceSpacing = 30 * time.Second
	forcePerDay  = 20
)

// token is one access_token. Stable tells the separate namespaces of the two endpoints apart.
type token struct {
	Value     string    `json:"value"`
	AppID     string    `json:"appid"`
	Stable    bool      `json:"stable"`
	Latest    bool      `json:"latest"`
	Forced    bool      `json:"forced"`
	IssuedAt  time.Time `json:"issuedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	DeadAt    time.Time `json:"deadAt"` // when a newer one finally replaced it; zero while it is the latest
}

func (t token) Entity() (kind, id string) { return "token", t.Value }

// tokenTable holds the access_tokens.
type tokenTable struct{ tokens map[string]*token }

func (t *tokenTable) register(r *registry) {
	remember(r, "token", &t.tokens, (*token).worthKeeping)
	r.indexes = append(r.indexes, func(at restart) {
		for _, one := range t.tokens {
			one.AppID = or(one.AppID, at.firstApp) // note: journals from the time of one mini program lack it
		}
	})
}

// tokenShape tells a token that could have been issued from other text (40014).
var tokenShape = regexp.MustCompile(`^[0-9]+_[0-9A-Za-z_-]{100,500}$`)

// checkToken returns the mini program of an access token, or the errcode for a bad one.
func (s *Sim) checkToken(value string, now time.Time) (appid string, errcode int, reason string) {
	if value == "" {
		return "", 41001, "no access_token in the query"
	}
	if !tokenShape.MatchString(value) {
		return "", 40014, "this does not even look like an access_token"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.state.tokens[value]
	switch {
	case t == nil:
		return "", 40001, "nobody issued this access_token"
	case t.DeadAt.Before(t.ExpiresAt) && !t.DeadAt.IsZero() && !now.Before(t.DeadAt):
		return "", 40001, "a newer access_token took the place of this one"
	case !now.Before(t.ExpiresAt):
		return "", 42001, "the access_token is older than its expires_in"
	}
	return t.AppID, 0, ""
}

// tokenAnswer is a success of both calls; they omit errcode.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// answer returns the token and the rest of its life at now.
func (t *token) answer(now time.Time) tokenAnswer {
	return tokenAnswer{AccessToken: t.Value, ExpiresIn: int64(t.ExpiresAt.Sub(now) / time.Second)}
}

// checkSecret is the common start of both token calls and of the login.
func (s *Sim) checkSecret(appid, secret string) (errcode int, reason string) {
	s.mu.Lock()
	app, known := s.findApp(appid)
	s.mu.Unlock()
	switch {
	case appid == "":
		return 41002, "appid is missing"
	case secret == "":
		return 41004, "secret is missing"
	case !known:
		return 40013, "no mini program has this appid"
	case subtle.ConstantTimeCompare([]byte(secret), []byte(app.Secret)) != 1:
		return 40125, "the secret is not that of the mini program"
	}
	return 0, ""
}

// accessToken is GET /cgi-bin/token: every call issues a new token; the previous one lasts five minutes longer.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-access-token/api_getaccesstoken.html (获取接口调用凭据)
func (s *Sim) accessToken(c *call) reply {
	if c.query.Get("grant_type") != "client_credential" {
		return c.refuse(40002, "grant_type must be client_credential")
	}
	if code, reason := s.checkSecret(c.query.Get("appid"), c.query.Get("secret")); code != 0 {
		return c.refuse(code, reason)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh, err := s.issue(c.query.Get("appid"), false, false, c.now)
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(fresh.answer(c.now))
}

// issue makes a token and ends the earlier ones of its namespace. The caller holds s.mu.
func (s *Sim) issue(appid string, stable, forced bool, now time.Time) (*token, error) {
	fresh := &token{
		Value: wire.NewToken(), AppID: appid, Stable: stable, Latest: true, Forced: forced, IssuedAt: now, ExpiresAt: now.Add(tokenLife),
	}
	rows := []book.Row{fresh}
	for _, old := range s.state.tokens {
		if old.AppID == appid && old.Stable == stable && s.retire(old, forced, now) {
			rows = append(rows, old)
		}
	}
	s.state.tokens[fresh.Value] = fresh
	return fresh, s.save(rows...)
}

// retire ends a replaced token and tells whether that changed it.
func (s *Sim) retire(old *token, atOnce bool, now time.Time) bool {
	end := now
	switch {
	case atOnce:
	case old.Latest && old.Stable:
		end = old.ExpiresAt // note: a stable token that is renewed early stays valid until its own end
	case old.Latest:
		end = now.Add(tokenOverlap)
	}
	if !old.Latest && old.Stable && !atOnce || !old.DeadAt.IsZero() && !end.Before(old.DeadAt) {
		return false
	}
	old.Latest, old.DeadAt = false, end
	return true
}

// stableTokenRequest is the body of stable_token.
type stableTokenRequest struct {
	GrantType    string `json:"grant_type"`
	AppID        string `json:"appid"`
	Secret       string `json:"secret"`
	ForceRefresh bool   `json:"force_refresh"`
}

// stableToken is POST /cgi-bin/stable_token: the same token for all callers, renewed in its last five minutes.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-access-token/api_getstableaccesstoken.html (获取稳定版接口调用凭据)
func (s *Sim) stableToken(c *call) reply {
	var in stableTokenRequest
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	if in.GrantType != "client_credential" {
		return c.refuse(40002, "grant_type must be client_credential")
	}
	if code, reason := s.checkSecret(in.AppID, in.Secret); code != 0 {
		return c.refuse(code, reason)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.limits.Allow("stable/minute/"+in.AppID, 10_000, time.Minute, c.now) {
		return c.refuse(45011, "more than 10000 calls of stable_token in a minute")
	}
	if !s.limits.Allow("stable/day/"+in.AppID, 500_000, 24*time.Hour, c.now) {
		return c.refuse(45009, "more than 500000 calls of stable_token in a day")
	}
	current := s.currentStable(in.AppID)
	if in.ForceRefresh {
		return s.forceStable(c, in.AppID, current)
	}
	if current != nil && current.ExpiresAt.Sub(c.now) > tokenOverlap {
		return c.ok(current.answer(c.now))
	}
	return s.answerFresh(c, in.AppID, false)
}

// forceStable is the force mode: at least 30 s apart (earlier calls get the same token), at most 20 a day.
func (s *Sim) forceStable(c *call, appid string, current *token) reply {
	if current != nil && current.Forced && c.now.Sub(current.IssuedAt) < forceSpacing {
		return c.ok(current.answer(c.now))
	}
	if !s.limits.Allow("stable/force/"+appid, forcePerDay, 24*time.Hour, c.now) {
		return c.refuse(45009, "more than 20 forced refreshes in a day")
	}
	return s.answerFresh(c, appid, true)
}

// answerFresh issues a stable token and answers with it. The caller holds s.mu.
func (s *Sim) answerFresh(c *call, appid string, forced bool) reply {
	fresh, err := s.issue(appid, true, forced, c.now)
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(fresh.answer(c.now))
}

// currentStable is the present stable token, nil before the first. The caller holds s.mu.
func (s *Sim) currentStable(appid string) *token {
	for _, t := range s.state.tokens {
		if t.AppID == appid && t.Stable && t.Latest {
			return t
		}
	}
	return nil
}
