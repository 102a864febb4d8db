package hooks

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/serving"
	"wxbase/internal/settings"
	"wxbase/internal/standin"
)

// serveSim starts the simulated WeChat beside the app and points a ready-made mini program and merchant at it. It refuses where
// real credentials are configured: real users must never meet a WeChat that lets anybody pay.
func (p *Plugin) serveSim(e *core.ServeEvent) error {
	if !p.cfg.Sim {
		return nil
	}
	real, err := p.accounts.Settings.HasReal()
	if err != nil {
		return err
	}
	if real {
		return errors.New("--sim refuses to start: credentials of the real WeChat are configured (" + p.accounts.Settings.Sources() + "); start without " +
			"--sim, or on a folder of its own with --dir and without WXBASE_APPID and WXBASE_MCH_ID, or disable those rows first")
	}
	if e.Server != nil {
		if err := standin.RefuseOpen(e.Server.Addr, p.cfg.SimOpen); err != nil {
			return err
		}
	}
	p.sim, err = p.cfg.WeChat.Start(context.Background(), standin.Options{
		Dir: filepath.Join(e.App.DataDir(), standin.Folder), Addr: p.cfg.SimHTTP, Open: p.cfg.SimOpen, Now: p.cfg.Now,
	})
	if err != nil {
		return err
	}
	// note: who moves the simulator's clock moves ours with it, or every order would wait for the wall clock to expire
	p.cfg.Now = p.sim.Now
	p.accounts.Settings.UseSimulator(p.sim.Settings(p.cfg.Env))
	if e.Server != nil && p.accounts.Settings.PublicURL() == "" {
		p.accounts.Settings.SetPublicURL(serving.Origin(e.Server.Addr))
	}
	if err := p.sim.PushTo(p.accounts.Settings.PublicURL()); err != nil {
		return err
	}
	control := apis.WrapStdHandler(p.sim.ControlHandler())
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		e.Router.Route(method, "/_sim/{path...}", control).Unbind(apis.DefaultCorsMiddlewareId).Bind(apis.SkipSuccessActivityLog())
	}
	return p.cfg.seedDemo(e.App)
}

func (p *Plugin) stopSim() {
	if p.sim != nil {
		p.books.LogError("simulated WeChat", p.sim.Close())
		p.sim = nil
	}
}

// simPush gives an app the message push that the simulator has for it now: its owner may change it at any time, in the panel. Without a
// simulator it is what the settings say.
func simPush(wechat *standin.WeChat) func(settings.App) settings.App {
	return func(app settings.App) settings.App {
		if *wechat == nil {
			return app
		}
		return (*wechat).Push(app)
	}
}

// SimURL is where the simulated WeChat listens, empty without --sim.
func (p *Plugin) SimURL() string {
	if p.sim == nil {
		return ""
	}
	return p.sim.URL()
}
