// Package settings holds the mini programs and the merchants, and protects their secrets.
//
// There are three sources, the strongest first: the simulator (only with --sim), the environment (WXBASE_*), and the
// collections wx_apps and wx_merchants. Secrets are encrypted at rest with AES-256-GCM and write-only for everyone (a
// set secret is shown as a mask and a fingerprint). A change applies to the next request, without a restart.
package settings

import (
	"errors"
	"fmt"
	"log/slog"
)

// ErrNotConfigured means that no mini program or no merchant is set up, or not the one that was asked for.
var ErrNotConfigured = errors.New("not configured")

// Source says where a setting comes from.
type Source string

// The sources, strongest first.
const (
	SourceSim         Source = "simulator"
	SourceEnvironment Source = "environment"
	SourceStored      Source = "stored"
)

// App is one mini program. Its secrets are in the clear here: never log one, although String, LogValue and JSON leave them out.
type App struct {
	AppID      string
	Name       string
	Secret     string `json:"-"`
	APIBase    string // origin of the WeChat server API, without a trailing slash
	PushToken  string `json:"-"`
	PushAESKey string `json:"-"`
	PushMode   string // plain, compatible or safe, as at WeChat; with a key and empty it is one of the latter two
	LinkRule   string // filter text over a user: who may make links; empty: superusers only
	EnvVersion string // release, trial or develop
	MchID      string // merchant that takes its payments; empty: the only one there is
	Source     Source
}

// String names the app and its source, nothing else.
func (a App) String() string { return fmt.Sprintf("mini program %s (%s)", a.AppID, a.Source) }

// GoString redacts like String, so that %#v gives nothing away.
func (a App) GoString() string { return a.String() }

// LogValue redacts like String, for handlers that write values as JSON.
func (a App) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Merchant is one WeChat Pay merchant. Its secrets are in the clear here: never log one, although String, LogValue and JSON leave
// them out.
type Merchant struct {
	MchID       string
	API         string // v3 or v2
	CertSerial  string
	PrivateKey  string `json:"-"` // PEM
	APIv3Key    string `json:"-"`
	APIv2Key    string `json:"-"`
	PublicKeyID string
	PublicKey   string // PEM
	VerifyMode  string // publicKey, certificate or both
	SignType    string // API v2: HMAC-SHA256 or MD5; empty is HMAC-SHA256
	Certificate string // API v2: apiclient_cert.pem, which opens the refund call
	PayBase     string // origin of the payment API, without a trailing slash
	Source      Source
}

// String names the merchant and its source, nothing else.
func (m Merchant) String() string { return fmt.Sprintf("merchant %s (%s)", m.MchID, m.Source) }

// GoString redacts like String, so that %#v gives nothing away.
func (m Merchant) GoString() string { return m.String() }

// LogValue redacts like String, for handlers that write values as JSON.
func (m Merchant) LogValue() slog.Value { return slog.StringValue(m.String()) }
