package guard

import (
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/limit"
)

// minuteGuard bounds what a sender may do in a minute.
type minuteGuard struct {
	app        core.App
	now        func() time.Time
	limits     limit.Limits
	isOperator func(*core.RequestEvent) bool

	uploads, mails, passwords limit.Minute
}

// PerMinute makes a middleware that refuses what is more than a number a minute and sender, counted over all routes that it is bound to. The
// shop itself is free.
func (g *Guard) PerMinute(most int, refusal answer.Problem) *hook.Handler[*core.RequestEvent] {
	var minute limit.Minute
	m := g.minutes
	return &hook.Handler[*core.RequestEvent]{Func: func(e *core.RequestEvent) error {
		if !m.isOperator(e) && !minute.Allow(limit.Sender(e), most, m.now()) {
			return answer.With(refusal, "most", most)
		}
		return e.Next()
	}}
}

// bind bounds what PocketBase's own routes let people do.
func (g *minuteGuard) bind() {
	g.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxGuards", Func: func(e *core.ServeEvent) error {
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxUploads", Func: g.guardUploads})
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxToken", Func: guardToken})
		return e.Next()
	}})
	g.app.OnRecordAuthWithPasswordRequest().Bind(&hook.Handler[*core.RecordAuthWithPasswordRequestEvent]{Id: "wxPasswords", Func: g.guardPasswords})
	g.bindMails()
}

// guardUploads counts forms with files, into whatever collection: nothing else brings files.
func (g *minuteGuard) guardUploads(e *core.RequestEvent) error {
	isForm := strings.HasPrefix(strings.ToLower(strings.TrimSpace(e.Request.Header.Get("Content-Type"))), "multipart/form-data")
	if !isForm || e.Request.Method == http.MethodGet || e.HasSuperuserAuth() {
		return e.Next()
	}
	if !g.uploads.Allow(limit.Sender(e), g.limits.UploadsPerMinute, g.now()) {
		return answer.With(answer.UploadLimit, "most", g.limits.UploadsPerMinute)
	}
	return e.Next()
}

// passwordsPerMinute is how many guesses a subscriber of IPv6 has.
const passwordsPerMinute = 10

// guardPasswords is for IPv6, where PocketBase's own limit counts single addresses and a guesser has 2^64 of them.
func (g *minuteGuard) guardPasswords(e *core.RecordAuthWithPasswordRequestEvent) error {
	address := limit.Widen(e.RealIP())
	if strings.Contains(address, "/") && !g.passwords.Allow(address, passwordsPerMinute, g.now()) {
		return answer.With(answer.LoginLimit, "most", passwordsPerMinute)
	}
	return e.Next()
}

// bindMails closes the routes of `users` that send the shop's mail to any typed address, and limits those of other
// collections with passwords.
func (g *minuteGuard) bindMails() {
	const id = "wxMails"
	g.app.OnRecordRequestEmailChangeRequest().Bind(&hook.Handler[*core.RecordRequestEmailChangeRequestEvent]{
		Id: id, Func: func(e *core.RecordRequestEmailChangeRequestEvent) error {
			if err := g.mayMail(e.RequestEvent, e.Collection); err != nil {
				return err
			}
			return e.Next()
		},
	})
	g.app.OnRecordRequestVerificationRequest().Bind(&hook.Handler[*core.RecordRequestVerificationRequestEvent]{
		Id: id, Func: func(e *core.RecordRequestVerificationRequestEvent) error {
			if err := g.mayMail(e.RequestEvent, e.Collection); err != nil {
				return err
			}
			return e.Next()
		},
	})
	g.app.OnRecordRequestPasswordResetRequest().Bind(&hook.Handler[*core.RecordRequestPasswordResetRequestEvent]{
		Id: id, Func: func(e *core.RecordRequestPasswordResetRequestEvent) error {
			if err := g.mayMail(e.RequestEvent, e.Collection); err != nil {
				return err
			}
			return e.Next()
		},
	})
	g.app.OnRecordRequestOTPRequest().Bind(&hook.Handler[*core.RecordCreateOTPRequestEvent]{
		Id: id, Func: func(e *core.RecordCreateOTPRequestEvent) error {
			if err := g.mayMail(e.RequestEvent, e.Collection); err != nil {
				return err
			}
			return e.Next()
		},
	})
}

func (g *minuteGuard) mayMail(e *core.RequestEvent, c *core.Collection) error {
	if c.Name == "users" {
		return answer.Fail(answer.MailClosed, nil)
	}
	if !e.HasSuperuserAuth() && !g.mails.Allow(limit.Widen(e.RealIP()), g.limits.MailsPerMinute, g.now()) {
		return answer.With(answer.CallLimit, "most", g.limits.MailsPerMinute)
	}
	return nil
}
