// Package simulator runs the simulated WeChat beside a server, on a separate listener, and returns its settings.
package simulator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"wxbase/internal/explain"
	"wxbase/internal/serving"
	"wxbase/internal/settings"
	"wxbase/internal/sim"
	"wxbase/internal/standin"
)

// askTimeout ends the question to a simulator of another process.
const askTimeout = 5 * time.Second

// Maker is the standin.Maker of package sim.
type Maker struct{}

var _ standin.Maker = Maker{}

// simulator is the simulated WeChat on its own listener, where WeChat's own paths begin at the root.
type simulator struct {
	*sim.Sim

	server *http.Server
}

// Start implements standin.Maker.
func (Maker) Start(ctx context.Context, o standin.Options) (standin.WeChat, error) {
	if err := standin.RefuseOpen(o.Addr, o.Open); err != nil {
		return nil, err
	}
	wechat, err := sim.New(sim.WithStateDir(o.Dir), sim.WithNow(o.Now), sim.WithOpen(o.Open))
	if err != nil {
		return nil, fmt.Errorf("start the simulated WeChat: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		_ = wechat.Close()
		return nil, fmt.Errorf("start the simulated WeChat: %w", explain.Listen(err, explain.SimFlag))
	}
	wechat.SetPublicBase(serving.Origin(listener.Addr().String()))
	wechat.Start(context.WithoutCancel(ctx))
	s := &simulator{wechat, &http.Server{Handler: wechat.Handler(), ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// Ask implements standin.Maker.
func (Maker) Ask(
	ctx context.Context, through http.RoundTripper, addr string, env func(string) string,
) ([]settings.App, []settings.Merchant, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/_sim/config", nil)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the simulated WeChat: %w", err)
	}
	res, err := through.RoundTrip(req)
	if err != nil {
		return nil, nil, fmt.Errorf("no simulated WeChat answers at %s: start the server with --sim first, or leave --sim out", addr)
	}
	defer func() { _ = res.Body.Close() }()
	var config sim.Config
	if err := json.NewDecoder(res.Body).Decode(&config); err != nil || len(config.Apps) == 0 || len(config.Merchants) == 0 {
		return nil, nil, fmt.Errorf("what answers at %s is not the simulated WeChat", addr)
	}
	apps, merchants := asSettings(config, env)
	return apps, merchants, nil
}

// URL implements standin.WeChat.
func (s *simulator) URL() string { return s.Config().APIBase }

// Settings implements standin.WeChat.
func (s *simulator) Settings(env func(string) string) ([]settings.App, []settings.Merchant) {
	return asSettings(s.Config(), env)
}

// Close implements standin.WeChat.
func (s *simulator) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.server.Shutdown(ctx)
	return errors.Join(s.server.Close(), s.Sim.Close())
}

// PushTo implements standin.WeChat: mode and format stay as they were chosen, and a mini program whose push goes to another backend stays
// as it is.
func (s *simulator) PushTo(origin string) error {
	if origin == "" {
		return nil
	}
	for _, a := range s.Config().Apps {
		path := "/api/wx/push/" + a.AppID
		if a.PushURL != "" && !strings.HasSuffix(a.PushURL, path) {
			continue
		}
		err := s.SetPush(a.AppID, sim.Push{URL: origin + path, Mode: a.PushMode, Format: a.PushFormat, Clock: "moved"})
		if err != nil {
			return fmt.Errorf("point the simulated WeChat at this server: %w", err)
		}
	}
	return nil
}

// Push implements standin.WeChat.
func (s *simulator) Push(app settings.App) settings.App {
	for _, a := range s.Config().Apps {
		if a.AppID == app.AppID {
			app.PushToken, app.PushAESKey, app.PushMode = a.PushToken, a.PushAESKey, a.PushMode
		}
	}
	return app
}

// asSettings turns what the simulator's owner would copy from WeChat's consoles into settings.
func asSettings(c sim.Config, env func(string) string) (apps []settings.App, merchants []settings.Merchant) {
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
