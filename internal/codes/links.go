package codes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/scene"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// Kinds of links.
const (
	linkScheme = "scheme" // weixin://dl/business/?t=…, from text messages and browsers
	linkURL    = "link"   // https://wxaurl.cn/…, by way of a web page
	linkShort  = "short"  // #小程序://…, in chats
)

// linkForm is the body of POST /api/wx/links.
type linkForm struct {
	Kind       string          `json:"kind"`
	AppID      string          `json:"appid"`
	Path       string          `json:"path"`
	Query      string          `json:"query"`
	Expire     json.RawMessage `json:"expire"`     // seconds from now, or a moment as 2026-01-31T10:00:00Z; 30 days when absent
	EnvVersion string          `json:"envVersion"` // not of short links
	Title      string          `json:"title"`      // of short links
	Permanent  bool            `json:"permanent"`  // of short links: does not end. NB! 100 000 in a mini program's life
}

// linkPlan is a checked request for a link.
type linkPlan struct {
	form   linkForm
	app    settings.App
	user   string // empty for a superuser's
	ends   time.Time
	expiry wechat.LinkExpiry
	key    string // the same for the same request
}

// CreateLink handles POST /api/wx/links: `{kind: "scheme"|"link"|"short", path, query?, expire?, appid?, envVersion?, title?, permanent?}` ->
// `{id, kind, url, expiresAt, reused}`, for superusers and for users whom the mini program's linkRule lets. The same request gives the
// same link again until only a tenth of its life is left; expiresAt is null for one that does not end.
func (c *Codes) CreateLink(e *core.RequestEvent) error {
	var form linkForm
	if err := answer.ReadByRank(e, &form); err != nil {
		return err
	}
	plan, err := c.planLink(e, form)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), codeTimeout)
	defer cancel()
	unlock, err := c.Locks.LockContext(ctx, "link/"+plan.key)
	if err != nil {
		return answer.Fail(answer.WxBusy, err)
	}
	defer unlock()
	r, err := c.findLink(e.App, plan.key)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if r != nil {
		return answerLink(e, r, true)
	}
	if r, err = c.makeLink(ctx, e.App, plan); err != nil {
		return answer.Or(err, answer.Busy)
	}
	return answerLink(e, r, false)
}

// planLink checks everything before WeChat is asked.
func (c *Codes) planLink(e *core.RequestEvent, form linkForm) (linkPlan, error) {
	app, err := c.appOf(e, form.AppID)
	if err != nil {
		return linkPlan{}, err
	}
	plan := linkPlan{form: form, app: app}
	if !desk.IsOperator(e) {
		plan.user = e.Auth.Id
		if !c.mayMakeLinks(e, app) {
			return plan, answer.Fail(answer.LinkDenied, nil)
		}
	}
	if plan.form.EnvVersion == "" && form.Kind != linkShort {
		plan.form.EnvVersion = app.EnvVersion
	}
	if err := plan.settleExpiry(c.Now()); err != nil {
		return plan, err
	}
	if err := plan.check(c.Now()); err != nil {
		return plan, answer.WithReason(answer.LinkArgs, err)
	}
	options, err := json.Marshal(plan.form)
	if err != nil {
		return plan, answer.Fail(answer.BadRequest, err)
	}
	plan.key = scene.Key("link", app.AppID, plan.user, string(options))
	return plan, nil
}

// mayMakeLinks asks the mini program's rule about a user; without a rule no user may.
func (c *Codes) mayMakeLinks(e *core.RequestEvent, app settings.App) bool {
	if app.LinkRule == "" {
		return false
	}
	info, err := e.RequestInfo()
	if err != nil {
		return false
	}
	ok, err := e.App.CanAccessRecord(e.Auth, info, &app.LinkRule)
	c.Books.LogError("linkRule of "+app.AppID, err)
	return ok && err == nil
}

// settleExpiry reads when the link shall end.
func (plan *linkPlan) settleExpiry(now time.Time) error {
	raw := plan.form.Expire
	if len(raw) == 0 || string(raw) == "null" {
		plan.ends = plan.expiry.EndsAt(now)
		if plan.form.Kind == linkShort && plan.form.Permanent {
			plan.ends = time.Time{}
		}
		return nil
	}
	if plan.form.Kind == linkShort {
		return answer.With(answer.LinkArgs, "reason", "expire: a short link lives 30 days or, permanent, for ever")
	}
	var seconds int64
	switch {
	case json.Unmarshal(raw, &seconds) == nil:
		if seconds < 60 || seconds > int64(wechat.LinkLife/time.Second) {
			return answer.With(answer.LinkArgs, "reason", "expire: must be 60 seconds to 30 days")
		}
		if life := time.Duration(seconds) * time.Second; life < wechat.LinkLife {
			plan.expiry.At = now.Add(life + time.Second - 1).Truncate(time.Second) // note: WeChat counts seconds, and not fewer than 60
		}
	case json.Unmarshal(raw, &plan.expiry.At) != nil:
		return answer.With(answer.LinkArgs, "reason", "expire: must be a number of seconds or a moment, such as 2026-01-31T10:00:00Z")
	}
	plan.ends = plan.expiry.EndsAt(now)
	return nil
}

// check holds the request against WeChat's limits.
func (plan *linkPlan) check(now time.Time) error {
	switch plan.form.Kind {
	case linkScheme:
		return wechat.ValidateScheme(plan.scheme(), now)
	case linkURL:
		return wechat.ValidateURLLink(plan.urlLink(), now)
	case linkShort:
		return wechat.ValidateShortLink(plan.shortLink())
	default:
		return &wechat.FieldError{Field: "kind", Reason: "must be scheme, link or short"}
	}
}

func (plan *linkPlan) scheme() wechat.SchemeRequest {
	return wechat.SchemeRequest{Path: plan.form.Path, Query: plan.form.Query, EnvVersion: plan.form.EnvVersion, Expiry: plan.expiry}
}

func (plan *linkPlan) urlLink() wechat.URLLinkRequest {
	return wechat.URLLinkRequest{Path: plan.form.Path, Query: plan.form.Query, EnvVersion: plan.form.EnvVersion, Expiry: plan.expiry}
}

func (plan *linkPlan) shortLink() wechat.ShortLinkRequest {
	page := plan.form.Path
	if plan.form.Query != "" {
		page += "?" + plan.form.Query
	}
	return wechat.ShortLinkRequest{PageURL: page, PageTitle: plan.form.Title, IsPermanent: plan.form.Permanent}
}

// findLink finds a link that is worth giving again; nil means that there is none.
func (c *Codes) findLink(app core.App, key string) (*core.Record, error) {
	found := []*core.Record{}
	if err := app.RecordQuery("wx_links").AndWhere(dbx.HashExp{"key": key}).All(&found); err != nil {
		return nil, fmt.Errorf("find link: %w", err)
	}
	for _, r := range found {
		ends, made := r.GetDateTime("expiresAt").Time(), r.GetDateTime("madeAt").Time()
		if ends.IsZero() || ends.Sub(c.Now()) > ends.Sub(made)/10 {
			return r, nil
		}
	}
	return nil, nil //nolint:nilnil // no link is no mistake
}

// makeLink asks WeChat and keeps the link.
func (c *Codes) makeLink(ctx context.Context, app core.App, plan linkPlan) (*core.Record, error) {
	now := c.Now().In(days.Beijing())
	ours := books.Quota{Key: "links/user/" + plan.user + "/" + now.Format(time.DateOnly), Most: c.PerDay, Until: now.AddDate(0, 0, 2)}
	counted := plan.user != "" && c.PerDay >= 0
	if counted {
		if _, err := c.Books.Spend(app, ours); errors.Is(err, books.ErrQuotaSpent) {
			return nil, answer.With(answer.LinkUserQuota, "most", ours.Most)
		} else if err != nil {
			return nil, err
		}
	}
	url, err := c.askLink(ctx, plan)
	if err != nil {
		if counted && wechat.SurelyNotDone(err) {
			c.Books.GiveBack(app, ours)
		}
		return nil, failLink(err)
	}
	fields := map[string]any{
		"user": plan.user, "appid": plan.app.AppID, "kind": plan.form.Kind, "path": plan.form.Path, "query": plan.form.Query,
		"options": plan.form, "key": plan.key, "url": url, "madeAt": c.Now(),
	}
	if !plan.ends.IsZero() {
		fields["expiresAt"] = plan.ends
	}
	return books.Insert(app, "wx_links", fields)
}

func (c *Codes) askLink(ctx context.Context, plan linkPlan) (string, error) {
	client := c.Accounts.Wechat(plan.app)
	switch plan.form.Kind {
	case linkScheme:
		return client.Scheme(ctx, plan.scheme())
	case linkURL:
		return client.URLLink(ctx, plan.urlLink())
	default:
		return client.ShortLink(ctx, plan.shortLink())
	}
}

func failLink(cause error) *router.ApiError {
	if we, ok := errors.AsType[*wechat.Error](cause); ok && we.Errcode == 85400 {
		return answer.Fail(answer.LinkQuota, cause)
	}
	return answer.FromWechat(cause)
}

func answerLink(e *core.RequestEvent, r *core.Record, reused bool) error {
	var ends any
	if at := r.GetDateTime("expiresAt"); !at.IsZero() {
		ends = at
	}
	return e.JSON(http.StatusOK, map[string]any{
		"id": r.Id, "kind": r.GetString("kind"), "url": r.GetString("url"), "expiresAt": ends, "reused": reused,
	})
}

// SweepLinks forgets links a month after they ended.
func (c *Codes) SweepLinks() {
	_, err := c.App.NonconcurrentDB().Delete("wx_links", dbx.NewExp("expiresAt != '' AND expiresAt < {:then}",
		dbx.Params{"then": c.Now().Add(-wechat.LinkLife).UTC().Format(days.Stored)})).Execute()
	c.Books.LogError("sweep of links", err)
}
