package doctor

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// checkSettings: can everything that is stored be used.
func checkSettings(_ context.Context, v *visit, _ subject) outcome {
	if len(v.Unreadable) > 0 {
		return result("settings_unreadable", "rows", strings.Join(v.Unreadable, "; "))
	}
	return result("settings_ok")
}

// checkApp: is there a mini program.
func checkApp(_ context.Context, v *visit, _ subject) outcome {
	if len(v.Apps) == 0 {
		return result("app_missing")
	}
	return result("app_ok", "count", strconv.Itoa(len(v.Apps)))
}

// hosts lists the origins at WeChat that this shop talks to.
func (v *visit) hosts() (origins []string) {
	add := func(origin string) {
		if !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	for _, a := range v.Apps {
		add(a.APIBase)
	}
	for _, m := range v.Merchants {
		add(m.PayBase)
	}
	if len(origins) == 0 {
		origins = []string{settings.OfficialAPIBase, settings.OfficialPayBase}
	}
	return origins
}

// checkNames: does DNS know WeChat's hosts.
func checkNames(ctx context.Context, v *visit, _ subject) outcome {
	for _, origin := range v.hosts() {
		u, err := url.Parse(origin)
		if err != nil {
			return result("dns_failed", "host", origin)
		}
		if found, err := v.Resolve(ctx, u.Hostname()); err != nil || len(found) == 0 {
			return result("dns_failed", "host", u.Hostname())
		}
	}
	return result("dns_ok")
}

// checkHosts: do WeChat's hosts answer, with a certificate that this machine trusts.
func checkHosts(ctx context.Context, v *visit, _ subject) outcome {
	for _, origin := range v.hosts() {
		if _, err := v.visitHost(ctx, origin+"/"); err != nil {
			return result(whyNot("tls", err), "host", hostOf(origin))
		}
	}
	return result("tls_ok")
}

// Clocks that differ by less than drift are good enough; past skew WeChat Pay refuses every call.
const (
	drift = time.Minute
	skew  = 5 * time.Minute
)

// checkClock: is our clock WeChat's. The Date header is not signed, and good enough to be told about.
func checkClock(ctx context.Context, v *visit, _ subject) outcome {
	res, err := v.visitHost(ctx, v.hosts()[0]+"/")
	if err != nil {
		return result("clock_unknown")
	}
	theirs, err := http.ParseTime(res.header.Get("Date"))
	if err != nil {
		return result("clock_unknown")
	}
	off := v.Now().Sub(theirs).Round(time.Second)
	switch {
	case off.Abs() >= skew:
		return result("clock_off", "off", off.String())
	case off.Abs() >= drift:
		return result("clock_drifts", "off", off.String())
	}
	return result("clock_ok", "off", off.String())
}

// tokenAnswer is what WeChat said when it was asked for an access token.
type tokenAnswer struct {
	client *wechat.Client
	err    error
}

// token asks once per mini program, with a separate client: one that has a token already would learn nothing.
func (v *visit) token(ctx context.Context, a settings.App) tokenAnswer {
	if have, ok := v.tokens[a.AppID]; ok {
		return have
	}
	client := wechat.New(wechat.App{AppID: a.AppID, Secret: a.Secret, APIBase: a.APIBase},
		wechat.WithHTTPClient(&http.Client{Transport: v.Transport}), wechat.WithNow(v.Now))
	_, err := client.AccessToken(ctx)
	v.tokens[a.AppID] = tokenAnswer{client, err}
	return v.tokens[a.AppID]
}

// errcodeOf is WeChat's errcode, 0 when it did not get to say one.
func errcodeOf(err error) int {
	if we, ok := errors.AsType[*wechat.Error](err); ok {
		return we.Errcode
	}
	return 0
}

// checkCredentials: are AppID and AppSecret a pair.
func checkCredentials(ctx context.Context, v *visit, s subject) outcome {
	if s.app.Secret == "" {
		return result("secret_missing")
	}
	switch err := v.token(ctx, s.app).err; errcodeOf(err) {
	case 40013:
		return result("appid_unknown")
	case 40125, 40001:
		return result("secret_wrong")
	case 40243:
		return result("secret_frozen")
	case 50002, 50004, 50007:
		return result("account_limited", "errcode", strconv.Itoa(errcodeOf(err)))
	case 40164, 61004, 89503, 89506, 89507:
		return result("credentials_unknown")
	case 0:
		if err != nil {
			return result("credentials_unknown")
		}
	}
	return result("credentials_ok")
}

// checkWhitelist: does WeChat take calls from our address.
func checkWhitelist(ctx context.Context, v *visit, s subject) outcome {
	err := v.token(ctx, s.app).err
	switch code := errcodeOf(err); code {
	case 40164, 61004, 89503, 89506, 89507:
		address := ""
		if we, ok := errors.AsType[*wechat.Error](err); ok {
			address = we.IP
		}
		if address == "" {
			return result("whitelist_refused", "errcode", strconv.Itoa(code))
		}
		return result("whitelist_missing", "ip", address)
	case 0:
		if err != nil {
			return result("whitelist_unknown")
		}
	}
	return result("whitelist_ok")
}

// checkToken: do we get an access token, and does WeChat take it.
func checkToken(ctx context.Context, v *visit, s subject) outcome {
	have := v.token(ctx, s.app)
	if have.err != nil {
		return tokenOutcome(have.err)
	}
	if _, err := have.client.TradeManaged(ctx); errcodeOf(err) == 40001 || errcodeOf(err) == 40014 || errcodeOf(err) == 42001 {
		return result("token_replaced")
	}
	return result("token_ok")
}

func tokenOutcome(err error) outcome {
	switch code := errcodeOf(err); code {
	case 0:
		return result("token_silent")
	case 45009, 45011:
		return result("token_quota", "errcode", strconv.Itoa(code))
	case -1:
		return result("token_busy")
	default:
		return result("token_refused", "errcode", strconv.Itoa(code))
	}
}

// checkOrderPath: does the order centre (订单中心) lead buyers to an order's page.
func checkOrderPath(ctx context.Context, v *visit, s subject) outcome {
	path, err := v.token(ctx, s.app).client.OrderPath(ctx)
	switch {
	case err != nil:
		return result("order_path_unknown", "errcode", strconv.Itoa(errcodeOf(err)))
	case path == "":
		return result("order_path_missing", "mark", wechat.OrderPathMark)
	case !strings.Contains(path, wechat.OrderPathMark):
		return result("order_path_wrong", "path", path, "mark", wechat.OrderPathMark)
	}
	return result("order_path_ok", "path", path)
}

// checkMessagePath: do the messages about shipping and receipt lead to a page. WeChat does not tell what was set elsewhere.
func checkMessagePath(_ context.Context, v *visit, s subject) outcome {
	if v.MessagePath == nil {
		return result("message_path_unknown")
	}
	path, known, err := v.MessagePath(s.app.AppID)
	switch {
	case err != nil || !known:
		return result("message_path_unknown")
	case path == "":
		return result("message_path_default")
	}
	return result("message_path_ok", "path", path)
}

// fewPhones is how many phone numbers left are too few.
const fewPhones = 100

// checkPhoneQuota: is the package of the phone number button used up.
func checkPhoneQuota(ctx context.Context, v *visit, s subject) outcome {
	p, err := v.token(ctx, s.app).client.PhonePackage(ctx)
	left := strconv.FormatInt(p.Left(), 10)
	switch {
	case err != nil:
		return result("phone_quota_unknown", "errcode", strconv.Itoa(errcodeOf(err)))
	case p.All == 0:
		return result("phone_quota_none")
	case p.Left() == 0:
		return result("phone_quota_empty")
	case p.Left() < fewPhones:
		return result("phone_quota_low", "left", left)
	}
	return result("phone_quota_ok", "left", left)
}
