package hooks

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"
)

// health handles GET /api/wx/health: 200 when requests can be served, 503 when the database does not answer. `configured` tells
// whether a mini program is set up; what exactly is missing is told to superusers and in the log, not to strangers.
func (p *Plugin) health(e *core.RequestEvent) error {
	var one int
	if err := e.App.DB().NewQuery("SELECT 1").Row(&one); err != nil {
		return fail(errNotReady, err)
	}
	apps, err := p.settings.Apps()
	if err != nil {
		return fail(errNotReady, err)
	}
	answer := map[string]any{"status": "ok", "configured": len(apps) > 0, "simulated": p.cfg.Sim}
	if e.HasSuperuserAuth() {
		answer["advice"] = p.advice()
	}
	return e.JSON(http.StatusOK, answer)
}
