package hooks

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/doctor"
	"wxbase/internal/parcels"
	"wxbase/internal/settings"
	"wxbase/internal/vitals"
	"wxbase/internal/wxpay"
)

// examiner looks at the settings and what is around them.
type examiner struct {
	app      core.App
	cfg      *Config
	accounts *accounts.Accounts
	vitals   *vitals.Vitals
	refusals *refusals
	copies   *replication
	simPush  func(settings.App) settings.App // as the simulator has it now
}

// shop is what doctor looks at, seen from the server.
func (x *examiner) shop() (doctor.Shop, error) {
	apps, err := x.accounts.Settings.Apps()
	if err != nil {
		return doctor.Shop{}, err
	}
	merchants, err := x.accounts.Settings.Merchants()
	if err != nil {
		return doctor.Shop{}, err
	}
	if x.cfg.Sim { // note: beside a WeChat where anybody can pay no real one is in force
		apps, merchants = ofSimulator(apps, merchants)
	}
	for i, a := range apps {
		apps[i] = x.simPush(a)
	}
	s := doctor.Shop{
		Apps: apps, Merchants: merchants, Unreadable: x.accounts.Settings.Problems(), PublicURL: x.accounts.Settings.PublicURL(), Simulated: x.cfg.Sim,
		Now: x.cfg.Now, Transport: x.accounts.Transport(), Disk: x.vitals.Room, Proxy: x.refusals.untrustedProxy, Built: builtModules,
		MessagePath: func(appID string) (string, bool, error) {
			pages, err := parcels.MessagePages(x.app)
			page, known := pages[appID]
			return page.Path, known, err
		},
		Gateway: func(m settings.Merchant, appID string) (wxpay.Gateway, error) { return x.accounts.NewGateway(m, appID) },
	}
	if !x.cfg.Sim {
		s.Backup = x.vitals.BackupAge
	}
	if x.copies.place != nil {
		s.Replica = x.copy
	}
	return s, nil
}

// copy looks at the replica. How far it is behind is told by the newest change that each has: the server writes one every 15 seconds.
func (x *examiner) copy(ctx context.Context) doctor.Copy {
	found := x.copies.place.Look(ctx, x.app.DataDir())
	c := doctor.Copy{
		Place: x.copies.place.String(), Unreachable: found.Unreachable, Unwritable: found.Unwritable, Empty: found.Newest.IsZero(),
		KeyIsHere: x.accounts.Settings.KeyFromFile(), Files: x.copies.status().FilesProblem,
	}
	if found.Foreign {
		c.Owner = found.Owner.Host + ", " + found.Owner.Since.Local().Format(time.DateTime)
	}
	var written string
	err := x.app.DB().NewQuery("SELECT [[updated]] FROM {{_params}} WHERE [[id]] = 'wx_probe'").Row(&written)
	if at, bad := time.Parse(days.Stored, written); err == nil && bad == nil && !c.Empty {
		c.Behind = max(0, at.Sub(found.Newest))
	}
	return c
}

func ofSimulator(apps []settings.App, merchants []settings.Merchant) (theirApps []settings.App, theirMerchants []settings.Merchant) {
	for _, a := range apps {
		if a.Source == settings.SourceSim {
			theirApps = append(theirApps, a)
		}
	}
	for _, m := range merchants {
		if m.Source == settings.SourceSim {
			theirMerchants = append(theirMerchants, m)
		}
	}
	return theirApps, theirMerchants
}

// Examine checks the settings and what is around them, as a command sees them: the server runs elsewhere, and so does its simulator. It
// is `wxbase doctor`.
func (p *Plugin) Examine(ctx context.Context, in doctor.Language) ([]doctor.Finding, error) {
	shop, err := p.examiner.shopFromOutside(ctx)
	if err != nil {
		return nil, err
	}
	return doctor.Examine(ctx, shop, in), nil
}

// shopFromOutside is the same seen from a command: the server runs elsewhere, and so does its simulator.
func (x *examiner) shopFromOutside(ctx context.Context) (doctor.Shop, error) {
	if chosen, err := desk.LoadPreferences(x.app); err == nil && x.accounts.Settings.PublicURL() == "" {
		x.accounts.Settings.SetPublicURL(chosen.PublicURL)
	}
	if x.cfg.Sim {
		apps, merchants, err := x.cfg.WeChat.Ask(ctx, x.accounts.Transport(), x.cfg.SimHTTP, x.cfg.Env)
		if err != nil {
			return doctor.Shop{}, err
		}
		x.accounts.Settings.UseSimulator(apps, merchants)
		if x.accounts.Settings.PublicURL() == "" {
			x.accounts.Settings.SetPublicURL("http://127.0.0.1:8090")
		}
	}
	s, err := x.shop()
	s.Proxy = nil
	return s, err
}

// untrustedProxy is the header that was seen of a proxy, unless it has been entered since.
func (r *refusals) untrustedProxy() string {
	header := r.header.Load()
	if header == nil || len(r.app.Settings().TrustedProxy.Headers) > 0 {
		return ""
	}
	return *header
}

// builtModules are the modules of this program. Tests and `go run` of some versions do not tell.
func builtModules() map[string]string {
	built := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return built
	}
	for _, m := range info.Deps {
		built[m.Path] = m.Version
	}
	return built
}

// setupDeps is what the dashboard's setup needs.
func (x *examiner) setupDeps() desk.SetupDeps {
	return desk.SetupDeps{
		Settings: func() *settings.Store { return x.accounts.Settings },
		Doctor: func(e *core.RequestEvent, in doctor.Language) ([]doctor.Finding, error) {
			shop, err := x.shop()
			if err != nil {
				return nil, err
			}
			return doctor.Examine(e.Request.Context(), shop, in), nil
		},
	}
}

// usePreferences puts the public address in force that the owner has entered in the dashboard.
func (x *examiner) usePreferences(app core.App) error {
	chosen, err := desk.LoadPreferences(app)
	if err == nil && chosen.PublicURL != "" && x.accounts.Settings.PublicURL() == "" {
		x.accounts.Settings.SetPublicURL(chosen.PublicURL)
	}
	return err
}
