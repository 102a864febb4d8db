package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/settings"
	"wxbase/internal/sim"
)

// simFolder is where the simulator keeps its keys and books, inside the data folder.
const simFolder = "sim"

// simulator is the simulated WeChat on its own listener, where WeChat's own paths begin at the root.
type simulator struct {
	wechat *sim.Sim
	server *http.Server
}

// listenSim starts a simulator that keeps its state in dir.
func listenSim(ctx context.Context, dir, addr string, open bool, now func() time.Time) (*simulator, error) {
	if err := refuseOpenSim(addr, open); err != nil {
		return nil, err
	}
	wechat, err := sim.New(sim.WithStateDir(dir), sim.WithNow(now), sim.WithOpen(open))
	if err != nil {
		return nil, fmt.Errorf("start the simulated WeChat: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		_ = wechat.Close()
		return nil, fmt.Errorf("start the simulated WeChat: %w", explainListen(err, simFlag))
	}
	wechat.SetPublicBase(originOf(listener.Addr().String()))
	wechat.Start(context.WithoutCancel(ctx))
	s := &simulator{wechat: wechat, server: &http.Server{Handler: wechat.Handler(), ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// refuseOpenSim keeps a WeChat that lets anybody pay without money on this machine, unless its owner has said otherwise.
func refuseOpenSim(addr string, open bool) error {
	if open || isLoopback(addr) {
		return nil
	}
	return fmt.Errorf("the simulated WeChat refuses to start on %s, where others could pay without money: listen on 127.0.0.1, or say --simOpen", addr)
}

// close stops the listener and then the deliveries.
func (s *simulator) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.server.Shutdown(ctx)
	return errors.Join(s.server.Close(), s.wechat.Close())
}

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
		if err := refuseOpenSim(e.Server.Addr, p.cfg.SimOpen); err != nil {
			return err
		}
	}
	if p.sim, err = listenSim(context.Background(), filepath.Join(e.App.DataDir(), simFolder), p.cfg.SimHTTP, p.cfg.SimOpen, p.cfg.Now); err != nil {
		return err
	}
	// note: who moves the simulator's clock moves ours with it, or every order would wait for the wall clock to expire
	p.cfg.Now = p.sim.wechat.Now
	apps, merchants := simSettings(p.sim.wechat.Config(), p.cfg.Env)
	p.accounts.Settings.UseSimulator(apps, merchants)
	if e.Server != nil && p.accounts.Settings.PublicURL() == "" {
		p.accounts.Settings.SetPublicURL(originOf(e.Server.Addr))
	}
	if err := p.pushToUs(); err != nil {
		return err
	}
	control := apis.WrapStdHandler(p.sim.wechat.ControlHandler())
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		e.Router.Route(method, "/_sim/{path...}", control).Unbind(apis.DefaultCorsMiddlewareId).Bind(apis.SkipSuccessActivityLog())
	}
	return p.seedDemo(e.App)
}

// pushToUs points the simulator's message push at this server, with the mode and the format that were chosen before. A mini program whose
// push goes to another backend stays as it is.
func (p *Plugin) pushToUs() error {
	origin := p.accounts.Settings.PublicURL()
	if origin == "" {
		return nil
	}
	for _, a := range p.sim.wechat.Config().Apps {
		path := "/api/wx/push/" + a.AppID
		if a.PushURL != "" && !strings.HasSuffix(a.PushURL, path) {
			continue
		}
		err := p.sim.wechat.SetPush(a.AppID, sim.Push{URL: origin + path, Mode: a.PushMode, Format: a.PushFormat, Clock: "moved"})
		if err != nil {
			return fmt.Errorf("point the simulated WeChat at this server: %w", err)
		}
	}
	return nil
}

// SimPush is the message push of a mini program as the simulator has it now: its owner may change it at any time, in the panel.
func (p *Plugin) simPush(app settings.App) settings.App {
	if p.sim == nil {
		return app
	}
	for _, a := range p.sim.wechat.Config().Apps {
		if a.AppID == app.AppID {
			app.PushToken, app.PushAESKey, app.PushMode = a.PushToken, a.PushAESKey, a.PushMode
		}
	}
	return app
}

func (p *Plugin) stopSim() {
	if p.sim != nil {
		p.books.LogError("simulated WeChat", p.sim.close())
		p.sim = nil
	}
}

// simSettings turns what the simulator's owner would copy from WeChat's consoles into settings. WXBASE_PAY_API, WXBASE_PAY_SIGN_TYPE and
// WXBASE_PAY_VERIFY choose how its merchant is spoken to, so that every way can be tried.
func simSettings(c sim.Config, env func(string) string) (apps []settings.App, merchants []settings.Merchant) {
	for _, m := range c.Merchants {
		merchants = append(merchants, settings.Merchant{
			MchID: m.MchID, API: cmp.Or(env("WXBASE_PAY_API"), "v3"), CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, APIv3Key: m.APIV3Key, APIv2Key: m.APIV2Key,
			PublicKeyID: m.PublicKeyID, PublicKey: m.PublicKey, VerifyMode: cmp.Or(env("WXBASE_PAY_VERIFY"), "publicKey"), SignType: env("WXBASE_PAY_SIGN_TYPE"),
			Certificate: m.Certificate, PayBase: c.PayBase, Source: settings.SourceSim,
		})
	}
	for _, a := range c.Apps {
		apps = append(apps, settings.App{
			AppID: a.AppID, Name: "模拟小程序", Secret: a.Secret, APIBase: c.APIBase, PushToken: a.PushToken, PushAESKey: a.PushAESKey,
			LinkRule: env("WXBASE_LINK_RULE"), EnvVersion: "release", MchID: c.Merchants[0].MchID, Source: settings.SourceSim,
		})
	}
	return apps, merchants
}

// SimURL is where the simulated WeChat listens, empty without --sim.
func (p *Plugin) SimURL() string {
	if p.sim == nil {
		return ""
	}
	return p.sim.wechat.Config().APIBase
}
