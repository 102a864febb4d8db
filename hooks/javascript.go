package hooks

import (
	"context"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/events"
	"wxbase/internal/explain"
	"wxbase/internal/scripts"
	"wxbase/internal/till"
)

// scriptTypes declares onWx… and $wx for editors; it lies in the data folder beside PocketBase's own types.d.ts.
//
//go:embed javascript.d.ts
var scriptTypes []byte

// scriptApp is the app as JavaScript hooks see it. PocketBase's jsvm plugin makes a function of every method that begins with On, so that
// these are called onWxLogin, onWxOrderPaid … in *.pb.js files, and run in the plugin's own pool of runtimes.
type scriptApp struct {
	core.App
	plugin *Plugin
}

// ForJavaScript returns the app that PocketBase's jsvm plugin is to be registered with, so that *.pb.js files can bind to the events of
// wxbase.
//
//	jsvm.MustRegister(wx.ForJavaScript(), jsvm.Config{OnInit: func(vm *goja.Runtime) { vm.Set("$wx", wx.Script()) }})
func (p *Plugin) ForJavaScript() core.App { return scriptApp{p.app, p} }

// OnWxLogin is OnLogin.
func (a scriptApp) OnWxLogin() *hook.Hook[*events.LoginEvent] { return a.plugin.people.OnLogin }

// OnWxProfile is OnProfile.
func (a scriptApp) OnWxProfile() *hook.Hook[*events.ProfileEvent] { return a.plugin.people.OnProfile }

// OnWxOrderCreate is OnOrderCreate.
func (a scriptApp) OnWxOrderCreate() *hook.Hook[*events.OrderEvent] {
	return a.plugin.till.Orders.OnCreate
}

// OnWxOrderPaid is OnOrderPaid.
func (a scriptApp) OnWxOrderPaid() *hook.Hook[*events.PaidEvent] { return a.plugin.till.OnPaid }

// OnWxRefundSucceeded is OnRefundSucceeded.
func (a scriptApp) OnWxRefundSucceeded() *hook.Hook[*events.RefundEvent] {
	return a.plugin.till.OnRefunded
}

// OnWxCodeScanned is OnCodeScanned.
func (a scriptApp) OnWxCodeScanned() *hook.Hook[*events.ScanEvent] {
	return a.plugin.codes.OnCodeScanned
}

// OnWxPush is OnPush.
func (a scriptApp) OnWxPush() *hook.Hook[*events.PushEvent] { return a.plugin.subscribe.OnPush }

// OnWxUserForget is OnUserForget.
func (a scriptApp) OnWxUserForget() *hook.Hook[*events.UserForgetEvent] {
	return a.plugin.privacy.OnUserForget
}

// OnWxRoomMessage is OnRoomMessage.
func (a scriptApp) OnWxRoomMessage() *hook.Hook[*events.RoomMessageEvent] {
	return a.plugin.rooms.OnRoomMessage
}

// Script is what JavaScript hooks call $wx. Its methods are called with a small first letter there, and throw where they return an error.
// A script is the owner's own code: it may do what a superuser may.
type Script struct{ plugin *Plugin }

// Script returns the value of $wx.
func (p *Plugin) Script() *Script { return &Script{p} }

// CreateOrder makes an order as POST /api/wx/orders does for a superuser: {user, items?, total?, description?, note?, key?}.
func (s *Script) CreateOrder(form map[string]any) (*core.Record, error) {
	var f till.OrderForm
	if err := readForm(form, &f); err != nil {
		return nil, err
	}
	return s.plugin.till.Orders.Place(s.plugin.app, f)
}

// PayByCode makes a code that anybody may scan and pay the order with, as POST /api/wx/orders/{id}/native does: {codeUrl, image, expiresAt}.
func (s *Script) PayByCode(orderID string) (map[string]any, error) {
	code, err := s.plugin.till.Cashier.Code(context.Background(), orderID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"codeUrl": code.CodeURL, "image": code.Image, "expiresAt": code.ExpiresAt.Format(time.RFC3339)}, nil
}

// Publish sends an event to everybody in a room and returns to how many connections of this process.
func (s *Script) Publish(room, event string, payload any) (int, error) {
	return s.plugin.rooms.Publish(room, event, payload)
}

// readForm turns an object of a script into the body of a route.
func readForm(form map[string]any, into any) error {
	text, err := json.Marshal(form)
	if err != nil {
		return answer.Fail(answer.BadRequest, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return answer.Fail(answer.BadRequest, err)
	}
	return nil
}

// writeScriptTypes keeps the declarations up to date. An editor that lacks them is no reason not to start.
func writeScriptTypes(app core.App, log func(what string, err error)) {
	path := filepath.Join(app.DataDir(), "wxbase.d.ts")
	if have, err := os.ReadFile(path); err == nil && string(have) == string(scriptTypes) { //nolint:gosec // our own data folder
		return
	}
	log("writing of types for scripts", os.WriteFile(path, scriptTypes, 0o644)) //nolint:gosec // nothing secret, for an editor to read
}

// LoadScripts reads the *.pb.js files of a folder (pb_hooks beside the data folder when dir is empty), which need not exist, by
// PocketBase's jsvm plugin, and watches it while the app serves. It fails for a migration in JavaScript that cannot be read. A hook that
// cannot be loaded stops serve, with its file and line: a shop without its rules is not the shop. Call it instead of jsvm.Register.
func (p *Plugin) LoadScripts(dir string) error {
	p.scripts = scripts.New(scripts.Deps{
		App: p.app, Books: p.books, Out: p.cfg.Out, Every: p.cfg.HookWatch, Usual: p.cfg.HookTimeout, InTx: p.cfg.HookTxTimeout,
		Self: p.target(), Trial: p.trial,
	})
	return explain.Error(p.scripts.Load(dir), p.app.DataDir())
}

// target is this plugin to scripts.
func (p *Plugin) target() scripts.Target {
	return scripts.Target{App: p.ForJavaScript(), WX: p.Script()}
}

// trial is a plugin that is never started: it takes the handlers of scripts that are tried.
func (p *Plugin) trial() (to scripts.Target, end func(), err error) {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: p.app.DataDir()})
	trial, err := Register(app, Config{Env: func(string) string { return "" }, Now: p.cfg.Now, Out: p.cfg.Out})
	if err != nil {
		return scripts.Target{}, nil, err
	}
	return trial.target(), trial.rooms.CloseRooms, nil
}
