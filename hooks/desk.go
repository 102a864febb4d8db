package hooks

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/desk"
	"wxbase/internal/settings"
)

// newDesk gives the dashboard what it needs of the rest.
func (p *Plugin) newDesk() *desk.Desk {
	return desk.New(desk.Deps{
		App: p.app, Now: p.now, Simulated: p.cfg.Sim,
		Vault:      func() *settings.Vault { return p.settings.Vault() },
		ReadStrict: answer.ReadStrict,
		Online:     func() int { return p.hub.Stats().Members },
	})
}

// bindDeskGuard makes a token of PocketBase's for wx_staff nobody's, wherever it comes from: an impersonation makes one.
func bindDeskGuard(e *core.ServeEvent) {
	e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxNoStaffToken", Func: func(e *core.RequestEvent) error {
		if e.Auth != nil && e.Auth.Collection().Name == "wx_staff" {
			e.Auth = nil
		}
		return e.Next()
	}})
}

// isOperator tells whether a request is the shop's own: a superuser's, or one of staff whose role allows it.
func isOperator(e *core.RequestEvent) bool { return desk.IsOperator(e) }
