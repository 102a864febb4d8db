package sim

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// The modes and formats of message push.
const (
	PushPlain      = "plain"      // 明文模式
	PushCompatible = "compatible" // 兼容模式: the message in the clear and encrypted
	PushSafe       = "safe"       // 安全模式: encrypted only

	PushJSON = "json"
	PushXML  = "xml"
)

// Push is the setting in WeChat's console that sends messages and events to a backend (消息推送). Token and key are those
// of AppConfig.
type Push struct {
	URL    string // http or https; empty turns the push off
	Mode   string // PushPlain, PushCompatible or PushSafe; safe by default
	Format string // PushJSON or PushXML; JSON by default
	Clock  string // the clock that signs: moved (WeChat's), base, or empty for the one that the merchant's backend last used
}

// WithPush sets up the message push of a mini program, the first one for an empty appid. It does not verify the
// address, because the backend usually starts listening later; see Sim.SetPush.
func WithPush(appid string, p Push) Option {
	return func(o *options) { o.pushes = append(o.pushes, appPush{appid, p}) }
}

// appPush is one WithPush.
type appPush struct {
	appid string
	push  Push
}

// SetPush sets up the message push of a mini program, the first one for an empty appid, for the process that embeds the
// simulator and knows its own address. Unlike POST /_sim/apps/{appid}/push it does not verify the address by a GET.
// Errors: an unknown appid, a bad address, mode, format or clock, a failing journal.
func (s *Sim) SetPush(appid string, p Push) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.nextPush(appid, pushRequest{PushURL: &p.URL, PushMode: &p.Mode, PushFormat: &p.Format, PushClock: &p.Clock})
	if err != nil {
		return fmt.Errorf("set up message push: %w", err)
	}
	return s.keepPush(next)
}

// pushRow is the message push of one mini program. Token and key, once changed, replace those of the app.
type pushRow struct {
	AppID      string `json:"appid"`
	PushURL    string `json:"pushUrl"`
	PushToken  string `json:"pushToken"`
	PushAESKey string `json:"pushAesKey"`
	PushMode   string `json:"pushMode"`
	PushFormat string `json:"pushFormat"`
	PushClock  string `json:"pushClock"`
}

func (p pushRow) Entity() (kind, id string) { return "push", p.AppID }

// pushTable holds each mini program's changed message push, by appid.
type pushTable struct{ pushes map[string]*pushRow }

func (t *pushTable) register(r *registry) { remember(r, "push", &t.pushes, nil) }

// pushRequest changes the given fields and keeps the rest.
type pushRequest struct {
	PushURL    *string `json:"pushUrl"`
	PushToken  *string `json:"pushToken"`
	PushAESKey *string `json:"pushAesKey"`
	PushMode   *string `json:"pushMode"`
	PushFormat *string `json:"pushFormat"`
	PushClock  *string `json:"pushClock"`
}

var (
	pushTokenShape = regexp.MustCompile(`^[0-9A-Za-z]{3,32}$`)
	pushKeyShape   = regexp.MustCompile(`^[0-9A-Za-z]{43}$`)
)

// pushOf returns a mini program's message push with token and key. The caller holds s.mu.
func (s *Sim) pushOf(app AppConfig) pushRow {
	p := pushRow{AppID: app.AppID, PushToken: app.PushToken, PushAESKey: app.PushAESKey, PushMode: PushSafe, PushFormat: PushJSON}
	if set := s.state.pushes[app.AppID]; set != nil {
		return *set
	}
	return p
}

// withPush returns an app with its push settings. The caller holds s.mu.
func (s *Sim) withPush(app AppConfig) AppConfig {
	if set := s.state.pushes[app.AppID]; set != nil {
		app.PushToken, app.PushAESKey = set.PushToken, set.PushAESKey
		app.PushURL, app.PushMode, app.PushFormat = set.PushURL, set.PushMode, set.PushFormat
	}
	return app
}

// nextPush checks a change and returns the resulting row. The caller holds s.mu.
func (s *Sim) nextPush(appid string, in pushRequest) (next pushRow, err error) {
	if appid, err = s.ownAppID(appid); err != nil {
		return next, err
	}
	app, _ := s.findApp(appid)
	next = s.pushOf(app)
	for _, field := range []struct{ into, from *string }{
		{&next.PushURL, in.PushURL},
		{&next.PushToken, in.PushToken},
		{&next.PushAESKey, in.PushAESKey},
		{&next.PushMode, in.PushMode},
		{&next.PushFormat, in.PushFormat},
		{&next.PushClock, in.PushClock},
	} {
		if field.from != nil {
			*field.into = *field.from
		}
	}
	next.PushMode, next.PushFormat = cmp.Or(next.PushMode, PushSafe), cmp.Or(next.PushFormat, PushJSON)
	return next, next.check()
}

// check enforces the console's limits.
func (p pushRow) check() error {
	u, err := url.Parse(p.PushURL)
	switch {
	case p.PushURL == "":
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https":
		return badInput("pushUrl must be an address of http or https, or empty")
	case !isLoopback(u.Hostname()) && u.Port() != "" && u.Port() != map[string]string{"http": "80", "https": "443"}[u.Scheme]:
		return badInput("pushUrl must be on port 80 or 443 (any port on this machine)")
	}
	switch {
	case !pushTokenShape.MatchString(p.PushToken):
		return badInput("pushToken must be 3 to 32 letters and digits")
	case !pushKeyShape.MatchString(p.PushAESKey):
		return badInput("pushAesKey must be 43 letters and digits")
	case !slices.Contains([]string{PushPlain, PushCompatible, PushSafe}, p.PushMode):
		return badInput("pushMode must be plain, compatible or safe")
	case p.PushFormat != PushJSON && p.PushFormat != PushXML:
		return badInput("pushFormat must be json or xml")
	case !slices.Contains([]string{"", "moved", "base"}, p.PushClock):
		return badInput("pushClock must be moved, base or empty")
	}
	return nil
}

// keepPush stores a setting. The caller holds s.mu.
func (s *Sim) keepPush(next pushRow) error {
	if old := s.state.pushes[next.AppID]; old != nil && *old == next {
		return nil
	}
	if err := s.save(next); err != nil {
		return err
	}
	s.state.pushes[next.AppID] = &next
	return nil
}

// showPush is GET /_sim/apps/{appid}/push.
func (s *Sim) showPush(c *echo.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	app, known := s.findApp(c.Param("appid"))
	if !known {
		return notThere("no mini program has this appid")
	}
	return c.JSON(http.StatusOK, s.pushOf(app))
}

// changePush is POST /_sim/apps/{appid}/push, the console's form: omitted fields stay. As at WeChat, nothing is saved
// unless the address passes the check.
func (s *Sim) changePush(c *echo.Context) error {
	var in pushRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	next, err := s.nextPush(c.Param("appid"), in)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if next.PushURL != "" {
		if err := s.verifyPush(c.Request().Context(), next); err != nil {
			s.note("push", "the check of pushUrl failed: "+err.Error())
			return conflict("pushUrl did not pass the check: " + err.Error())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.keepPush(next); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, next)
}

// verifyPush sends the console's GET: the receiver must return exactly echostr.
func (s *Sim) verifyPush(ctx context.Context, p pushRow) error {
	timestamp, nonce, echostr := strconv.FormatInt(s.pushTime(p).Unix(), 10), wire.Pick(wire.Digits, 10), wire.Pick(wire.Digits, 19)
	query := url.Values{
		"signature": {wire.SignPush(p.PushToken, timestamp, nonce)}, "timestamp": {timestamp}, "nonce": {nonce}, "echostr": {echostr},
	}
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, withQuery(p.PushURL, query), nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "Mozilla/4.0")
	resp, err := s.client.Do(req)
	if problem := (*url.Error)(nil); errors.As(err, &problem) {
		return problem.Err // note: the whole error shows the address with its query
	} else if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, keptAnswer))
	if resp.StatusCode != http.StatusOK || string(body) != echostr {
		return fmt.Errorf("want 200 and echostr as it is, got %d %q", resp.StatusCode, clip(string(body), 200))
	}
	return nil
}

// pushTime is the time that signs a push.
func (s *Sim) pushTime(p pushRow) time.Time {
	switch p.PushClock {
	case "moved":
		return s.clock.now()
	case "base":
		return s.opts.now()
	}
	return s.wireTime()
}

// withQuery adds to the query of an address.
func withQuery(address string, query url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += query.Encode()
	return u.String()
}

// originalID is a mini program's name in its messages: gh_ and 12 hex digits, derived from the appid.
func originalID(appid string) string {
	sum := sha256.Sum256([]byte("gh/" + appid))
	return "gh_" + hex.EncodeToString(sum[:6])
}
