package hooks

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"golang.org/x/time/rate"

	"wxbase/internal/answer"
)

const (
	guardKeys = 50_000          // users or addresses that a guard remembers
	guardLife = 2 * time.Minute // a bucket is full again after one, so that a quiet key is forgotten without a loss
)

// minuteGuard bounds what a key may do in a minute, in memory, by a bucket that holds as many as a minute gives. The zero value is ready.
type minuteGuard struct {
	mu      sync.Mutex
	buckets *expirable.LRU[string, *rate.Limiter]
}

// allow takes one of most a minute, and tells whether it was there. Below 0 most is no limit. What is refused is not counted.
func (g *minuteGuard) allow(key string, most int, at time.Time) bool {
	if most < 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.buckets == nil {
		g.buckets = expirable.NewLRU[string, *rate.Limiter](guardKeys, nil, guardLife)
	}
	bucket, ok := g.buckets.Get(key)
	if !ok || bucket.Burst() != most {
		bucket = rate.NewLimiter(rate.Limit(float64(most)/60), most)
	}
	g.buckets.Add(key, bucket) // note: this is what keeps it from being forgotten
	return bucket.AllowN(at, 1)
}

// guards are the limits per minute.
type guards struct {
	calls, uploads, scans, logins, mails, passwords minuteGuard
}

// widen is what an address counts as: itself, and of IPv6 the whole /64, which is what one subscriber gets.
func widen(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

// senderOf is whom a request counts for.
func senderOf(e *core.RequestEvent) string {
	if e.Auth != nil {
		return e.Auth.Id
	}
	return widen(e.RealIP())
}

// perMinute is a middleware that refuses what is more than a number a minute and sender. The shop itself is free.
func (p *Plugin) perMinute(g *minuteGuard, most int, refusal answer.Problem) *hook.Handler[*core.RequestEvent] {
	return &hook.Handler[*core.RequestEvent]{Func: func(e *core.RequestEvent) error {
		if !isOperator(e) && !g.allow(senderOf(e), most, p.now()) {
			return answer.With(refusal, "most", most)
		}
		return e.Next()
	}}
}

// bindGuards bounds what PocketBase's own routes let people do.
func (p *Plugin) bindGuards() {
	p.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxGuards", Func: func(e *core.ServeEvent) error {
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxUploads", Func: p.guardUploads})
		return e.Next()
	}})
	p.app.OnRecordAuthWithPasswordRequest().Bind(&hook.Handler[*core.RecordAuthWithPasswordRequestEvent]{Id: "wxPasswords", Func: p.guardPasswords})
	p.bindMails()
}

// guardUploads counts forms with files, into whatever collection: nothing else brings files.
func (p *Plugin) guardUploads(e *core.RequestEvent) error {
	isForm := strings.HasPrefix(strings.ToLower(strings.TrimSpace(e.Request.Header.Get("Content-Type"))), "multipart/form-data")
	if !isForm || e.Request.Method == http.MethodGet || e.HasSuperuserAuth() {
		return e.Next()
	}
	if !p.guards.uploads.allow(senderOf(e), p.limits.UploadsPerMinute, p.now()) {
		return answer.With(answer.UploadLimit, "most", p.limits.UploadsPerMinute)
	}
	return e.Next()
}

// passwordsPerMinute is how many guesses a subscriber of IPv6 has.
const passwordsPerMinute = 10

// guardPasswords is for IPv6, where PocketBase's own limit counts single addresses and a guesser has 2^64 of them.
func (p *Plugin) guardPasswords(e *core.RecordAuthWithPasswordRequestEvent) error {
	address := widen(e.RealIP())
	if strings.Contains(address, "/") && !p.guards.passwords.allow(address, passwordsPerMinute, p.now()) {
		return answer.With(answer.LoginLimit, "most", passwordsPerMinute)
	}
	return e.Next()
}

// bindMails closes the routes of `users` that send the shop's mail to an address that somebody types in, and bounds those of other
// collections with passwords.
func (p *Plugin) bindMails() {
	const id = "wxMails"
	p.app.OnRecordRequestEmailChangeRequest().Bind(&hook.Handler[*core.RecordRequestEmailChangeRequestEvent]{
		Id: id, Func: func(e *core.RecordRequestEmailChangeRequestEvent) error {
			if err := p.mayMail(e.RequestEvent, e.Collection); err != nil {
				return err
			}
			return e.Next()
		},
	})
	p.app.OnRecordRequestVerificationRequest().Bind(&hook.Handler[*core.RecordRequestVerificationRequestEvent]{
		Id: id, Func: func(e *core.RecordRequestVerificationRequestEvent) error {
			if err := p.mayMail(e.RequestEvent, e.Collection); err != nil {
				return err
			}
			return e.Next()
		},
	})
	p.app.OnRecordRequestPasswordResetRequest().Bind(&hook.Handler[*core.RecordRequestPasswordResetRequestEvent]{
		Id: id, Func: func(e *core.RecordRequestPasswordResetRequestEvent) error {
			if err := p.mayMail(e.RequestEvent, e.Collection); err != nil {
				return err
			}
			return e.Next()
		},
	})
	p.app.OnRecordRequestOTPRequest().Bind(&hook.Handler[*core.RecordCreateOTPRequestEvent]{
		Id: id, Func: func(e *core.RecordCreateOTPRequestEvent) error {
			if err := p.mayMail(e.RequestEvent, e.Collection); err != nil {
				return err
			}
			return e.Next()
		},
	})
}

func (p *Plugin) mayMail(e *core.RequestEvent, c *core.Collection) error {
	if c.Name == "users" {
		return answer.Fail(answer.MailClosed, nil)
	}
	if !e.HasSuperuserAuth() && !p.guards.mails.allow(widen(e.RealIP()), p.limits.MailsPerMinute, p.now()) {
		return answer.With(answer.CallLimit, "most", p.limits.MailsPerMinute)
	}
	return nil
}

// uploadSlots bounds how many images are taken in at a time: so many together, and one of a user.
type uploadSlots struct {
	mu    sync.Mutex
	users map[string]bool
}

func (s *uploadSlots) take(user string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[user] || len(s.users) >= most {
		return false
	}
	if s.users == nil {
		s.users = map[string]bool{}
	}
	s.users[user] = true
	return true
}

func (s *uploadSlots) giveBack(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, user)
}

// oneImage is a middleware that takes a slot before the body is read.
func (p *Plugin) oneImage(e *core.RequestEvent) error {
	if !p.slots.take(e.Auth.Id, p.limits.ImagesAtOnce) {
		return answer.With(answer.CheckLimit, "per", "moment")
	}
	defer p.slots.giveBack(e.Auth.Id)
	return e.Next()
}

// daily is what a user may do in a day in Beijing.
func (p *Plugin) daily(what, user string, most int) quota {
	now := p.now().In(beijing())
	return quota{key: what + "/user/" + user + "/" + now.Format(time.DateOnly), most: most, until: now.AddDate(0, 0, 2)}
}

// spendDaily takes n of a daily limit; below 0 there is none. conclude gives them back when the outcome says that nothing was done.
func (p *Plugin) spendDaily(app core.App, q quota, n int, refusal answer.Problem, per string) (conclude func(error), err error) {
	if q.most < 0 || n == 0 {
		return func(error) {}, nil
	}
	if _, err := p.spendSome(app, q, n); errors.Is(err, errQuotaSpent) {
		answer := answer.With(refusal, "most", q.most)
		answer.Data["per"] = per
		return nil, answer
	} else if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	return func(outcome error) {
		if surelyNotDone(outcome) {
			p.giveSomeBack(app, q, n)
		}
	}, nil
}
