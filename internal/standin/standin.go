// Package standin is a server's view of the simulated WeChat that replaces the real one: how to start it, how to query
// one in another process, and its answers. It does not link the simulator, so that a program that embeds wxbase carries
// one only if it asks for it (package wxbase/simulated).
package standin

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"wxbase/internal/serving"
	"wxbase/internal/settings"
)

// Folder is where the simulator keeps its keys and books, inside the data folder.
const Folder = "sim"

// Maker starts a simulated WeChat, or asks one that another process has started.
type Maker interface {
	// Start makes one that listens until it is closed.
	Start(context.Context, Options) (WeChat, error)
	// Ask reads the configuration of the one that listens at addr ("127.0.0.1:8091"). env is asked as in WeChat.Settings.
	Ask(ctx context.Context, through http.RoundTripper, addr string, env func(string) string) ([]settings.App, []settings.Merchant, error)
}

// Options is how a simulated WeChat is started.
type Options struct {
	Dir  string           // its keys and books
	Addr string           // where it listens: a loopback address unless Open
	Open bool             // other machines may use it, and pay without money
	Now  func() time.Time // the clock that it begins with; it can be moved in its panel
}

// WeChat is a simulated WeChat that runs.
type WeChat interface {
	// Now is its clock, which may have been moved.
	Now() time.Time
	// URL is where it listens, as an origin.
	URL() string
	// Settings is what its owner would copy from WeChat's consoles. env answers WXBASE_PAY_API, WXBASE_PAY_SIGN_TYPE and
	// WXBASE_PAY_VERIFY, which choose how its merchant is spoken to.
	Settings(env func(string) string) ([]settings.App, []settings.Merchant)
	// Push gives app the message push settings that the simulator has for it now. An app that it does not know stays as it is.
	Push(app settings.App) settings.App
	// PushTo points its message push at the server at origin. An empty origin changes nothing.
	PushTo(origin string) error
	// ControlHandler serves its panel and what drives it, below /_sim/.
	ControlHandler() http.Handler
	// Close stops the listener and then the deliveries.
	Close() error
}

// RefuseOpen keeps a WeChat that lets anyone pay without money on this machine, unless its owner has allowed more.
func RefuseOpen(addr string, open bool) error {
	if open || serving.IsLoopback(addr) {
		return nil
	}
	return fmt.Errorf("the simulated WeChat refuses to start on %s, where others could pay without money: listen on 127.0.0.1, or say --simOpen", addr)
}
