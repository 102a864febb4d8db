package hooks

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"wxbase/internal/settings"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// clients keeps one client per mini program and one gateway per merchant, and makes a new one when its settings change.
type clients struct {
	transport http.RoundTripper
	now       func() time.Time
	tokens    wechat.TokenStore // set when the app has booted
	log       func() *slog.Logger
	observe   func(wechat.CallInfo)

	mu       sync.Mutex
	wechat   map[string]wechatClient
	gateways map[string]payGateway
}

type wechatClient struct {
	of     settings.App
	client *wechat.Client
}

type payGateway struct {
	of      settings.Merchant
	gateway wxpay.Gateway
}

func newClients(transport http.RoundTripper, now func() time.Time, log func() *slog.Logger, observe func(wechat.CallInfo)) *clients {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 32
		transport = t
	}
	return &clients{transport: transport, now: now, log: log, observe: observe, wechat: map[string]wechatClient{}, gateways: map[string]payGateway{}}
}

// wechatFor gives the client that holds the access token of app.
func (c *clients) wechatFor(app settings.App) *wechat.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have, ok := c.wechat[app.AppID]; ok && have.of == app {
		return have.client
	}
	client := wechat.New(
		wechat.App{AppID: app.AppID, Secret: app.Secret, APIBase: app.APIBase},
		wechat.WithHTTPClient(&http.Client{Transport: c.transport, Timeout: 15 * time.Second}),
		wechat.WithNow(c.now), wechat.WithTokenStore(c.tokens), wechat.WithLogger(c.log()), wechat.WithObserver(c.observe),
	)
	c.wechat[app.AppID] = wechatClient{app, client}
	return client
}

// gatewayFor gives the gateway of a merchant. No network: keys are parsed and that is all.
func (c *clients) gatewayFor(m settings.Merchant) (wxpay.Gateway, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have, ok := c.gateways[m.MchID]; ok && have.of == m {
		return have.gateway, nil
	}
	if m.API != "v3" {
		return nil, fmt.Errorf("merchant %s speaks %q, which this version does not: %w", m.MchID, m.API, settings.ErrNotConfigured)
	}
	gateway, err := wxpay.New(wxpay.Merchant{
		MchID: m.MchID, CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, APIv3Key: m.APIv3Key,
		PublicKeyID: m.PublicKeyID, PublicKey: m.PublicKey, PayBase: m.PayBase, VerifyMode: m.VerifyMode,
	}, wxpay.WithTransport(c.transport), wxpay.WithNow(c.now))
	if err != nil {
		return nil, fmt.Errorf("merchant %s: %w: %w", m.MchID, settings.ErrNotConfigured, err)
	}
	c.gateways[m.MchID] = payGateway{m, gateway}
	return gateway, nil
}

// gateway finds the gateway of a merchant by its number.
func (p *Plugin) gateway(mchID string) (wxpay.Gateway, error) {
	m, err := p.settings.Merchant(mchID)
	if err != nil {
		return nil, err
	}
	return p.clients.gatewayFor(m)
}
