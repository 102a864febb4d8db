package hooks

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// shareToken handles GET /api/wx/admin/token/{appid}: the access token of a mini program, for the owner's other programs, which must
// not fetch their own. Superusers only, and only with WXBASE_TOKEN_BROKER=1.
//
// NB! this is the one answer of wxbase that carries a secret of WeChat.
func (p *Plugin) shareToken(e *core.RequestEvent) error {
	if p.cfg.Env("WXBASE_TOKEN_BROKER") != "1" {
		return e.NotFoundError("", nil)
	}
	app, err := p.accounts.Settings.App(e.Request.PathValue("appid"))
	if err != nil {
		return answer.FromWechat(err)
	}
	token, err := p.accounts.Wechat(app).AccessToken(e.Request.Context())
	if err != nil {
		return answer.FromWechat(err)
	}
	e.Response.Header().Set("Cache-Control", "no-store")
	return e.JSON(http.StatusOK, map[string]any{
		"access_token": token.Value, "expires_in": int(token.ExpiresAt.Sub(p.Now()).Seconds()),
	})
}
