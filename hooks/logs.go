package hooks

import (
	"io"
	"log/slog"
	"sync/atomic"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/logger"

	"wxbase/internal/logs"
	"wxbase/internal/redact"
)

// console writes the log to standard output too while a server runs. Commands print what they are asked for, and nothing else.
type console struct {
	app core.App
	log *logs.Log   // nil: off
	on  atomic.Bool // once the server begins
}

// openLogs reads how the log is written besides its table.
func (p *Plugin) openLogs() error {
	written, err := logs.New(p.cfg.Env, p.cfg.Out)
	if err != nil {
		return err
	}
	p.console = &console{app: p.app, log: written}
	p.activity = newActivityLog(p.cfg.LogSample, p.metrics.Registry)
	p.activity.console = p.console
	p.cfg.Out = startLines{p.console, p.cfg.Out}
	return nil
}

// startLines are printed as they are until the server begins, and are lines of the log from then on.
type startLines struct {
	console *console
	plain   io.Writer
}

// Write takes whole lines.
func (s startLines) Write(text []byte) (int, error) {
	if !s.console.on.Load() {
		return s.plain.Write(text)
	}
	return s.console.log.Lines(s.plain).Write(text)
}

// bindLogs scrubs every log row before it is written: PocketBase logs whole URLs, and a file's URL carries a token.
func (c *console) bindLogs() {
	c.app.OnModelCreate("_logs").Bind(&hook.Handler[*core.ModelEvent]{Id: "wxLogScrub", Func: func(e *core.ModelEvent) error {
		row, ok := e.Model.(*core.Log)
		if !ok {
			return e.Next()
		}
		row.Message = cutLog(redact.Text(row.Message), maxLogURL)
		row.Data = capLog(redact.Map(row.Data))
		if !c.on.Load() {
			return e.Next()
		}
		c.log.Add(row.Created.Time(), slog.Level(row.Level), row.Message, row.Data)
		if row.Level < e.App.Settings().Logs.MinLevel { // note: it came here for standard output only
			return nil
		}
		return e.Next()
	}})
}

// serve begins to write, and names the requests.
func (c *console) serve(e *core.ServeEvent) {
	if c.log == nil {
		return
	}
	c.on.Store(true)
	c.lower(e.App)
	e.App.OnSettingsReload().Bind(&hook.Handler[*core.SettingsReloadEvent]{Id: "wxLogLevel", Priority: -1000, Func: func(e *core.SettingsReloadEvent) error {
		err := e.Next()
		c.lower(e.App)
		return err
	}})
	e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxRequestID", Priority: apis.DefaultActivityLoggerMiddlewarePriority - 1, Func: nameRequest})
}

// wants tells whether a request has a line: it has the levels of its class.
func (c *console) wants(e *core.RequestEvent, err error) bool {
	if c == nil || !c.on.Load() {
		return false
	}
	if err != nil {
		return true // note: its class is known once it is a row
	}
	return c.log.Wants(slog.LevelInfo) && e.Get(skipSuccessKey) == nil
}

// add writes the line of a request.
func (c *console) add(row *activityRow) {
	if c == nil || !c.on.Load() {
		return
	}
	level := [logClasses]slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo}[classOf(row)]
	c.log.Add(row.at, level, redact.Text(row.message()), row.data())
}

// lower lets PocketBase's logger pass on what standard output wants and the table does not.
func (c *console) lower(app core.App) {
	if batch, ok := app.Logger().Handler().(*logger.BatchHandler); ok {
		batch.SetLevel(min(c.log.Level(), slog.Level(app.Settings().Logs.MinLevel)))
	}
}

// nameRequest gives a request an id, and tells it in the answer. One that a proxy has given is kept where proxies are trusted, and where they are: on this
// machine and in private networks.
func nameRequest(e *core.RequestEvent) error {
	id, trace := "", ""
	if len(e.App.Settings().TrustedProxy.Headers) > 0 && isNear(e.Request.RemoteAddr) {
		id, trace = e.Request.Header.Get(logs.RequestHeader), e.Request.Header.Get("Traceparent")
	}
	named := logs.NewRequest(id, trace)
	e.Request = e.Request.WithContext(logs.With(e.Request.Context(), named))
	e.Response.Header().Set(logs.RequestHeader, named.ID)
	return e.Next()
}

// logger is the app's; its lines name their request where requests have names.
func (c *console) logger() *slog.Logger {
	if c.log == nil {
		return c.app.Logger()
	}
	return logs.Named(c.app.Logger())
}
