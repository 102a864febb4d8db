package hooks

import (
	"cmp"
	"fmt"
	"slices"

	"wxbase/internal/serving"

	"github.com/pocketbase/pocketbase/core"
)

// welcome prints where to go and what is still to be configured. It never prints a secret but the demo's own login.
func (p *Plugin) welcome(e *core.ServeEvent) error {
	if e.Server == nil { // a test that builds the mux only
		return nil
	}
	origin := serving.Origin(e.Server.Addr)
	out := func(format string, args ...any) { _, _ = fmt.Fprintf(p.cfg.Out, format+"\n", args...) }
	if p.cfg.Sim {
		out("")
		out("  演示小程序  Demo        %s/", origin)
		out("  管理后台    Dashboard   %s/_/    %s  %s", origin, p.cfg.DemoEmail, cmp.Or(p.cfg.DemoPassword, "(your own password; --demoPassword sets another)"))
		out("  模拟微信    Simulator   %s/_sim/", origin)
		out("")
		return nil
	}
	out("wxbase  %s   dashboard %s/_/   settings: %s", origin, origin, p.accounts.Settings.Sources())
	for _, line := range slices.Concat(p.refusals.advice(), storedAdvice(p.app)) {
		out("  to configure: %s", line)
	}
	for _, line := range demoAdvice(p.app) {
		out("  warning: %s", line)
	}
	if p.accounts.Settings.KeyFromFile() {
		out("  warning: secrets are protected by a key file in the data folder; set WXBASE_SECRET_KEY to keep the key elsewhere; the next start seals them anew with it")
	}
	return nil
}
