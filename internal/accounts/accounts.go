// Package accounts opens WeChat for the mini programs and merchants of the settings: it keeps one client of the server
// API per mini program, one gateway of WeChat Pay per merchant, and their access tokens and other small secrets,
// sealed, in the database.
package accounts

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/settings"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
	"wxbase/internal/wxpay/xmlflat"
)

// How a merchant is marked in the settings that runs on API v3, and one that still runs on API v2.
const (
	apiV3 = "v3"
	ApiV2 = "v2"
)

// CallTimeout bounds all calls to WeChat that one request may cause.
const CallTimeout = 20 * time.Second

// Accounts knows the mini programs and merchants of the settings. It keeps one client per mini program and one gateway per merchant, and makes a new one when its settings change.
type Accounts struct {
	Settings  *settings.Store // set when the app has booted
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

// New keeps clients that call through transport (nil: the usual one), go by now, log to log and tell observe of every finished call.
func New(transport http.RoundTripper, now func() time.Time, log func() *slog.Logger, observe func(wechat.CallInfo)) *Accounts {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 32
		transport = t
	}
	return &Accounts{transport: transport, now: now, log: log, observe: observe, wechat: map[string]wechatClient{}, gateways: map[string]payGateway{}}
}

// Open takes the settings of an app that has booted. Access tokens are kept in its database from then on.
func (c *Accounts) Open(app core.App, store *settings.Store) {
	c.Settings = store
	c.tokens = tokenStore{app: app, vault: store.Vault()}
}

// Transport is what every call to WeChat goes through.
func (c *Accounts) Transport() http.RoundTripper { return c.transport }

// Wechat gives the client that holds the access token of app.
func (c *Accounts) Wechat(app settings.App) *wechat.Client {
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

// GatewayFor gives the gateway of a merchant. No network: keys are parsed and that is all.
func (c *Accounts) GatewayFor(m settings.Merchant, appID string) (wxpay.Gateway, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := m.MchID
	if m.API == ApiV2 {
		key += "/" + appID // every call of API v2 names the mini program
	}
	if have, ok := c.gateways[key]; ok && have.of == m {
		return have.gateway, nil
	}
	gateway, err := c.NewGateway(m, appID)
	if err != nil {
		return nil, fmt.Errorf("merchant %s: %w: %w", m.MchID, settings.ErrNotConfigured, err)
	}
	c.gateways[key] = payGateway{m, gateway}
	return gateway, nil
}

// NewGateway makes the gateway of a merchant anew, whatever is kept. No network: keys are parsed and that is all.
func (c *Accounts) NewGateway(m settings.Merchant, appID string) (wxpay.Gateway, error) {
	merchant := wxpay.Merchant{
		MchID: m.MchID, CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, APIv3Key: m.APIv3Key, APIv2Key: m.APIv2Key,
		PublicKeyID: m.PublicKeyID, PublicKey: m.PublicKey, PayBase: m.PayBase, VerifyMode: m.VerifyMode,
		SignType: m.SignType, Certificate: m.Certificate,
	}
	if m.API == ApiV2 {
		return v2.New(merchant, appID, v2.WithTransport(c.transport), v2.WithNow(c.now))
	}
	return wxpay.New(merchant, wxpay.WithTransport(c.transport), wxpay.WithNow(c.now))
}

// Gateway finds the gateway of a merchant for one of its mini programs. Without an appid, as for a notification before it is read, any
// mini program of the merchant will do.
func (c *Accounts) Gateway(mchID, appID string) (wxpay.Gateway, error) {
	m, err := c.Settings.Merchant(mchID)
	if err != nil {
		return nil, err
	}
	if m.API == ApiV2 && appID == "" {
		if appID, err = c.appOfMerchant(m); err != nil {
			return nil, err
		}
	}
	return c.GatewayFor(m, appID)
}

// NotifyGateway finds the gateway that reads a notification. The body tells which API it is of, not the settings: after a merchant has
// changed from one to the other, the orders on their way are notified as they were made, as long as the keys of the old API are still
// there. What is neither JSON nor XML is left to the merchant's own gateway to refuse.
func (c *Accounts) NotifyGateway(mchID string, body []byte) (wxpay.Gateway, error) {
	m, err := c.Settings.Merchant(mchID)
	if err != nil {
		return nil, err
	}
	switch {
	case xmlflat.IsXML(body):
		m.API = ApiV2
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")):
		m.API = apiV3
	}
	appID := ""
	if m.API == ApiV2 {
		if appID, err = c.appOfMerchant(m); err != nil {
			return nil, err
		}
	}
	gateway, err := c.GatewayFor(m, appID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKeys, err)
	}
	return gateway, nil
}

// ErrNoKeys is a notification of an API whose keys the merchant does not have here.
var ErrNoKeys = errors.New("the merchant has no keys for this kind of notification")

func (c *Accounts) appOfMerchant(m settings.Merchant) (string, error) {
	apps, err := c.Settings.Apps()
	if err != nil {
		return "", err
	}
	for _, a := range apps {
		if a.MchID == m.MchID || a.MchID == "" {
			return a.AppID, nil
		}
	}
	return "", fmt.Errorf("merchant %s has no mini program: %w", m.MchID, settings.ErrNotConfigured)
}
