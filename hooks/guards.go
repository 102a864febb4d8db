package hooks

import (
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/limit"
)

// guards are the limits per minute.
type guards struct {
	calls, uploads, logins, mails, passwords limit.Minute
}

// perMinute is a middleware that refuses what is more than a number a minute and sender. The shop itself is free.
func (p *Plugin) perMinute(g *limit.Minute, most int, refusal answer.Problem) *hook.Handler[*core.RequestEvent] {
	return &hook.Handler[*core.RequestEvent]{Func: func(e *core.RequestEvent) error {
		if !isOperator(e) && !g.Allow(limit.Sender(e), most, p.now()) {
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
	if !p.guards.uploads.Allow(limit.Sender(e), p.limits.UploadsPerMinute, p.now()) {
		return answer.With(answer.UploadLimit, "most", p.limits.UploadsPerMinute)
	}
	return e.Next()
}

// passwordsPerMinute is how many guesses a subscriber of IPv6 has.
const passwordsPerMinute = 10

// guardPasswords is for IPv6, where PocketBase's own limit counts single addresses and a guesser has 2^64 of them.
func (p *Plugin) guardPasswords(e *core.RecordAuthWithPasswordRequestEvent) error {
	address := limit.Widen(e.RealIP())
	if strings.Contains(address, "/") && !p.guards.passwords.Allow(address, passwordsPerMinute, p.now()) {
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
	if !e.HasSuperuserAuth() && !p.guards.mails.Allow(limit.Widen(e.RealIP()), p.limits.MailsPerMinute, p.now()) {
		return answer.With(answer.CallLimit, "most", p.limits.MailsPerMinute)
	}
	return nil
}
