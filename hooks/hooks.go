// Package hooks makes a PocketBase app the backend of WeChat mini programs: login, phone number, payment, mini-program
// codes and realtime rooms under /api/wx, on the collections of package migrations, which it imports.
//
//	app := pocketbase.NewWithConfig(pocketbase.Config{DBConnect: hooks.Connect})
//	wx := hooks.MustRegister(app, hooks.Config{})
//	wx.OnOrderPaid().BindFunc(func(e *hooks.PaidEvent) error {
//		// e.Order is paid and committed
//		return e.Next()
//	})
//	app.Start()
//
// A *Plugin* is the connection of one app with all features. bindRoutes lists the whole API; features.go connects the
// packages that do the work.
package hooks

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/chats"
	"wxbase/internal/codes"
	"wxbase/internal/complaints"
	"wxbase/internal/desk"
	"wxbase/internal/environment"
	"wxbase/internal/events"
	"wxbase/internal/folder"
	"wxbase/internal/guard"
	"wxbase/internal/limit"
	"wxbase/internal/locks"
	"wxbase/internal/metrics"
	"wxbase/internal/moving"
	"wxbase/internal/parcels"
	"wxbase/internal/people"
	"wxbase/internal/primary"
	"wxbase/internal/privacy"
	"wxbase/internal/replica"
	"wxbase/internal/rooms"
	"wxbase/internal/screening"
	"wxbase/internal/scripts"
	"wxbase/internal/serving"
	"wxbase/internal/settings"
	"wxbase/internal/standin"
	"wxbase/internal/subscribe"
	"wxbase/internal/supervisor"
	"wxbase/internal/till"
	"wxbase/internal/tokens"
	"wxbase/internal/vitals"
	_ "wxbase/migrations" // the collections
)

// Config configures Register. The zero value is right for production.
type Config struct {
	Sim          bool          // start the simulated WeChat too, and use it
	WeChat       standin.Maker // the simulated WeChat that Sim starts: simulated.WeChat() of wxbase/simulated, which a program links only if it names it
	SimHTTP      string        // where the simulator listens; 127.0.0.1:8091 when empty
	SimOpen      bool          // let Sim listen where other machines reach it, and let them use it
	DemoEmail    string        // superuser made with Sim; demo@example.com when empty
	DemoPassword string        // and the password; made up when empty
	Demo         fs.FS         // the demo page, served at / with Sim
	SDK          fs.FS         // the client SDK that the demo page loads, served at /sdk/ with Sim
	PublicDir    string        // folder served at / without Sim; may be missing

	RedisURL   string        // joins this process to its edges and sisters; empty: there are none; WXBASE_REDIS_URL wins over it
	PublicURL  string        // origin where WeChat reaches this server; WXBASE_PUBLIC_URL wins over it
	OrderLife  time.Duration // how long an order can be paid; 30 minutes when zero
	SweepEvery time.Duration // how often unsettled payments are looked for; 2 seconds when zero

	HookTimeout   time.Duration // how long a JavaScript handler may run; 30 seconds when zero; WXBASE_HOOK_SECONDS wins over it
	HookTxTimeout time.Duration // and inside a transaction, where it stops all writes; 5 seconds when zero; WXBASE_HOOK_TX_SECONDS wins over it
	HookWatch     time.Duration // how often the folder of JavaScript hooks is looked at; a second when zero

	ProbeEvery   time.Duration // how often the server looks at its disk, database and worker; 15 seconds when zero
	ProbeFresh   time.Duration // for how long GET /api/wx/health gives the answer of the last look; 5 seconds when zero
	DiskFreeMB   int           // room below which a person is told; 256 when zero; WXBASE_DISK_FREE_MB wins over it
	BackupHours  int           // age of the newest backup above which a person is told; 48 when zero, never below; WXBASE_BACKUP_HOURS wins over it
	CodesPerDay  int           // new codes that a user may have made in a day; 100 when zero, any number below; WXBASE_CODES_PER_DAY wins over it
	InviteWithin time.Duration // how old an account may be to count as invited by a scan; 24 hours when zero, any age below

	OrderNotice     string // "on" (when empty): the room notice hears of paid orders; "total": and for how much; "off"; WXBASE_ORDER_NOTICE wins over it
	CustomerService string // who answers customer messages: "here" (when empty) or "wechat", its own tools; WXBASE_CUSTOMER_SERVICE wins over it
	PayWays         string // other ways to pay than the phone's: "native", "h5", "native,h5" (when empty, with Sim), "none" (when empty, without); WXBASE_PAY_WAYS wins over it
	PlainScenes     string // whose plain scenes new codes are made for: "everybody" (when empty) or "superusers"; WXBASE_PLAIN_SCENES wins over it

	KeepInbox  time.Duration // of wx_inbox: 180 days when zero, for ever below zero; WXBASE_KEEP_INBOX_DAYS wins over it
	KeepOutbox time.Duration // of wx_outbox: 90 days when zero, for ever below zero; WXBASE_KEEP_OUTBOX_DAYS wins over it
	KeepChats  time.Duration // of customer messages: 180 days when zero, for ever below zero; WXBASE_KEEP_CHATS_DAYS wins over it
	KeepScans  time.Duration // of wx_scans: 400 days when zero, for ever below zero; WXBASE_KEEP_SCANS_DAYS wins over it
	ForgetDays int           // between the wish to be forgotten and the deed: 7 when zero, at once below zero; WXBASE_FORGET_DAYS wins over it
	LogSample  int           // one in so many successful requests has a row in the log; all when zero, none below; WXBASE_LOG_SAMPLE wins over it

	Env       func(string) string // os.Getenv when nil
	Out       io.Writer           // where the start lines go; os.Stdout when nil
	Transport http.RoundTripper   // for calls to WeChat; nil for the usual one
	Now       func() time.Time    // time.Now when nil

	ways till.Ways // what PayWays says
}

// Plugin is wxbase inside a PocketBase app.
type Plugin struct {
	Payouts *Payouts // sends money to people, and tells how that ended

	app      core.App
	cfg      Config
	accounts *accounts.Accounts
	books    *books.Books

	till       *till.Till
	parcels    *parcels.Parcels
	people     *people.People
	codes      *codes.Codes
	subscribe  *subscribe.Subscribe
	screening  *screening.Screening
	rooms      *rooms.Rooms
	privacy    *privacy.Privacy
	complaints *complaints.Complaints
	chats      *chats.Chats

	vitals   *vitals.Vitals
	metrics  *metrics.Metrics
	activity *activityLog
	console  *console
	limits   limit.Limits
	locks    *locks.Keyed
	guard    *guard.Guard
	refusals *refusals
	office   *office
	examiner *examiner
	tidier   *tidier
	restores *restores

	replication *replication
	primary     *primary.Primary

	supervisor *supervisor.Told // nil until the server listens

	desk    *desk.Desk
	scripts *scripts.Scripts // nil until LoadScripts

	sim standin.WeChat // nil without Config.Sim
}

// MustRegister is Register for a main function: it panics on an error.
func MustRegister(app core.App, config Config) *Plugin {
	p, err := Register(app, config)
	if err != nil {
		panic(err)
	}
	return p
}

// Register binds wxbase to an app that has not been started. Settings are read when the app boots; an error then stops the start.
func Register(app core.App, config Config) (*Plugin, error) {
	config = config.withDefaults()
	if err := config.readChoices(); err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	if config.Sim && config.WeChat == nil {
		return nil, errors.New("register wxbase: Sim needs a simulated WeChat: set WeChat to simulated.WeChat(), of package wxbase/simulated")
	}
	if config.OrderLife < time.Minute {
		return nil, fmt.Errorf("register wxbase: OrderLife is %s, want at least a minute", config.OrderLife)
	}
	var err error
	if err = config.readHookLimits(); err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	if config.DiskFreeMB, err = environment.Number(config.Env, "WXBASE_DISK_FREE_MB", config.DiskFreeMB); err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	if config.BackupHours, err = environment.Number(config.Env, "WXBASE_BACKUP_HOURS", config.BackupHours); err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	place, err := replica.Parse(config.Env)
	if err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	told, err := books.NewWebhook(config.Env("WXBASE_ALERT_WEBHOOK"), config.Env("WXBASE_ALERT_WEBHOOK_FORMAT"))
	if err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	if config.CodesPerDay, err = environment.Number(config.Env, "WXBASE_CODES_PER_DAY", config.CodesPerDay); err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	if config.LogSample, err = environment.Number(config.Env, "WXBASE_LOG_SAMPLE", config.LogSample); err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	bounds, err := limit.From(config.Env)
	if err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	counters := metrics.New()
	p := &Plugin{app: app, cfg: config, metrics: counters, limits: bounds, locks: &locks.Keyed{}}
	if err := p.openLogs(); err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	if p.guard, err = guard.New(guard.Deps{App: app, Now: p.Now, Limits: bounds, Env: config.Env, IsOperator: desk.IsOperator}); err != nil {
		return nil, fmt.Errorf("register wxbase: %w", err)
	}
	p.replication = &replication{app: app, place: place, now: p.Now, out: p.cfg.Out, end: make(chan struct{})}
	p.accounts = accounts.New(config.Transport, p.Now, p.console.logger, counters.Observe)
	books.OwnHooks(app, func() {
		p.openFeatures(told)
		p.openOffices()
		p.primary = primary.New(primary.Deps{
			App: app, Now: p.Now, Accounts: p.accounts, Rooms: p.rooms, Metrics: counters, Env: config.Env, RedisURL: config.RedisURL, Out: p.cfg.Out,
		})
		p.desk = p.newDesk()
		p.bindApp()
	})
	if err := p.rooms.OpenRooms(); err != nil {
		return nil, err
	}
	return p, nil
}

func (c Config) withDefaults() Config {
	c.SimHTTP = cmp.Or(c.SimHTTP, "127.0.0.1:8091")
	c.DemoEmail = cmp.Or(c.DemoEmail, "demo@example.com")
	c.OrderLife = cmp.Or(c.OrderLife, 30*time.Minute)
	c.SweepEvery = cmp.Or(c.SweepEvery, 2*time.Second)
	c.ProbeEvery = cmp.Or(c.ProbeEvery, vitals.ProbeEvery)
	c.ProbeFresh = cmp.Or(c.ProbeFresh, vitals.ProbeFresh)
	c.DiskFreeMB = cmp.Or(c.DiskFreeMB, 256)
	c.BackupHours = cmp.Or(c.BackupHours, 48)
	c.HookTimeout = cmp.Or(c.HookTimeout, 30*time.Second)
	c.HookTxTimeout = cmp.Or(c.HookTxTimeout, 5*time.Second)
	c.HookWatch = cmp.Or(c.HookWatch, time.Second)
	c.CodesPerDay = cmp.Or(c.CodesPerDay, codes.CodesPerDay)
	c.InviteWithin = cmp.Or(c.InviteWithin, 24*time.Hour)
	c.KeepInbox = cmp.Or(c.KeepInbox, keepInbox)
	c.KeepOutbox = cmp.Or(c.KeepOutbox, keepOutbox)
	c.KeepScans = cmp.Or(c.KeepScans, keepScans)
	c.KeepChats = cmp.Or(c.KeepChats, keepChats)
	c.ForgetDays = cmp.Or(c.ForgetDays, forgetDays)
	c.LogSample = cmp.Or(c.LogSample, 1)
	if c.Env == nil {
		c.Env = os.Getenv
	}
	if c.Out == nil {
		c.Out = os.Stdout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// readHookLimits takes the limits of JavaScript from the environment.
func (c *Config) readHookLimits() error {
	for name, limit := range map[string]*time.Duration{"WXBASE_HOOK_SECONDS": &c.HookTimeout, "WXBASE_HOOK_TX_SECONDS": &c.HookTxTimeout} {
		seconds, err := environment.Number(c.Env, name, 0)
		if err != nil {
			return err
		}
		if seconds < 0 || seconds > 3600 {
			return fmt.Errorf("%s must be between 1 and 3600", name)
		}
		if seconds > 0 {
			*limit = time.Duration(seconds) * time.Second
		}
	}
	return nil
}

// Now is the time that wxbase goes by: that of Config, or with Sim the simulator's, which people move.
func (p *Plugin) Now() time.Time { return p.cfg.Now() }

// bindApp lists what wxbase does to the app besides its routes.
func (p *Plugin) bindApp() {
	p.restores.bind(p.vitals)
	p.replication.bind()
	p.console.bindLogs()
	p.guard.BindCosts()
	p.refusals.bindRefusals()
	p.app.OnBootstrap().Bind(&hook.Handler[*core.BootstrapEvent]{Id: "wxSettings", Func: p.openSettings})
	p.app.OnBootstrap().Bind(&hook.Handler[*core.BootstrapEvent]{Id: "wxGroupCommit", Func: p.cfg.groupWrites})
	p.app.OnRecordCreateExecute("users").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxSaveUserQuickly", Func: people.SaveUserQuickly})
	p.app.OnRecordUpdate("users").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxBlockUser", Func: people.BlockUser})
	p.app.OnRecordAuthWithPasswordRequest("users").Bind(&hook.Handler[*core.RecordAuthWithPasswordRequestEvent]{Id: "wxOldPassword", Func: moving.AcceptOldPassword})
	p.app.OnRecordUpdate("wx_ledger").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxLedgerIsAppendOnly", Func: keepLedger})
	p.app.OnRecordDelete("wx_ledger").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxLedgerIsAppendOnly", Func: keepLedger})
	p.app.OnRecordValidate("wx_merchants").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxForeign", Func: till.CheckForeign})
	p.subscribe.BindTemplates()
	bindConfigChecks(p.app)
	p.screening.BindHolds()
	p.people.OnProfile.Bind(&hook.Handler[*events.ProfileEvent]{Id: "wxCheckRecord", Func: p.screening.CheckProfile, Priority: 99})
	p.guard.BindRows()
	p.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxServe", Func: p.serve})
	p.app.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{Id: "wxStop", Func: p.terminate})
}

// openSettings needs the data folder, which exists once PocketBase has booted.
func (p *Plugin) openSettings(e *core.BootstrapEvent) error {
	if err := folder.Close(e.App.DataDir(), p.cfg.Out); err != nil { // note: before the first secret is in it
		return err
	}
	if err := e.Next(); err != nil {
		return err
	}
	if p.accounts.Settings != nil { // a restore boots a second time
		return nil
	}
	var store *settings.Store
	var err error
	books.OwnHooks(p.app, func() {
		store, err = settings.New(p.app, settings.Options{Env: p.cfg.Env, DataDir: p.app.DataDir(), PublicURL: p.cfg.PublicURL, Simulated: p.cfg.Sim})
	})
	if err != nil {
		return fmt.Errorf("open settings: %w", err)
	}
	p.accounts.Open(p.app, store)
	writeScriptTypes(p.app, p.books.LogError)
	return nil
}

// serve is the table of contents of a start.
func (p *Plugin) serve(e *core.ServeEvent) error {
	if err := folder.Hold(p.app, e); err != nil {
		return err
	}
	if err := folder.RefuseNewer(e.App); err != nil {
		return err
	}
	if err := p.scripts.Serve(); err != nil {
		return err
	}
	if err := p.guard.Lock(e.App); err != nil {
		return err
	}
	serving.Harden(e.Server)
	if err := p.resealSecrets(e); err != nil { // note: before anything reads or writes a secret
		return err
	}
	if err := p.accounts.Settings.CheckRules(); err != nil {
		return err
	}
	if err := p.examiner.usePreferences(e.App); err != nil {
		return err
	}
	p.console.serve(e)
	p.activity.bindActivity(e)
	p.cfg.installer(e)
	e.Router.Bind(tokens.New(p.app).Handler())
	e.Router.BindFunc(dashboardHeaders, answer.Translate(), p.restores.guard)
	p.guard.BindRoutes(e)
	bindDeskGuard(e)
	p.bindRoutes(e)
	p.desk.Serve(e)
	bindMetrics(e, p.cfg.Env("WXBASE_METRICS"), p.metrics, p.vitals.Collector())
	if err := p.primary.Join(e.App); err != nil { // note: before the first member of a room
		return err
	}
	p.rooms.BindSocket(e)
	if err := p.serveSim(e); err != nil {
		return err
	}
	serveShop(e)
	if err := p.cfg.servePublic(e); err != nil {
		return err
	}
	if err := p.replication.start(e); err != nil {
		return err
	}
	p.books.StartWorker(p.till.Work, p.complaints.Work)
	p.vitals.Start()
	p.till.Bills.Schedule(e.App)
	p.tidier.scheduleTidying(e.App)
	p.privacy.Schedule(e.App)
	p.complaints.Schedule(e.App)
	p.chats.Schedule(e.App)
	if err := e.Next(); err != nil {
		return err
	}
	if e.Server != nil { // not a test that builds the mux only
		e.Server.Handler = serving.DrainBody(patchByHeader(e.Server.Handler))
	}
	if err := p.welcome(e); err != nil {
		return err
	}
	if err := p.restores.heal(e); err != nil {
		return err
	}
	if e.Server != nil {
		p.supervisor = supervisor.Ready(p.vitals.Alive, e.App.Logger())
	}
	return nil
}

func (p *Plugin) terminate(e *core.TerminateEvent) error {
	p.supervisor.Stopping()
	p.scripts.Close()
	var ends sync.WaitGroup // side by side: the whole end has ten seconds
	ends.Go(p.vitals.Close)
	ends.Go(p.books.StopWorker)
	ends.Wait()
	defer p.primary.Leave()
	p.rooms.CloseRooms() // before PocketBase stops the listener, so that clients are told to come back
	p.stopSim()
	p.desk.SaveCounts()
	p.activity.close()
	p.replication.stop() // note: last of ours, and before PocketBase closes the databases
	return e.Next()
}

// bindRoutes is the whole API, but for the routes of the shop's pages: desk.Routes, bindPayouts, bindComplaints, bindChats.
func (p *Plugin) bindRoutes(e *core.ServeEvent) {
	const small = 64 << 10
	wx := e.Router.Group("/api/wx").Bind(apis.BodyLimit(small))
	user := apis.RequireAuth("users")
	buyer := apis.RequireAuth("users", core.CollectionNameSuperusers)
	may, buyerOr := p.desk.Allow, p.desk.AllowOrUser                      // note: before calls, which counts for whom it lets pass
	calls := p.guard.PerMinute(p.limits.CallsPerMinute, answer.CallLimit) // routes that make us call WeChat
	logins := p.guard.PerMinute(p.limits.LoginsPerMinute, answer.LoginLimit)

	wx.GET("/health", p.vitals.Health).Bind(apis.SkipSuccessActivityLog())
	wx.POST("/login", p.people.Login).Bind(logins)
	wx.POST("/logout", p.people.LogoutEverywhere).Bind(user)
	wx.GET("/session", p.people.CheckSession).Bind(user, calls)
	wx.POST("/session/reset", p.people.ResetSession).Bind(user, calls)
	wx.POST("/decrypt", p.people.DecryptData).Bind(user)
	wx.POST("/phone", p.people.Phone).Bind(user, calls)
	wx.POST("/profile", p.people.Profile).Bind(user, calls, apis.BodyLimit(3<<20))
	wx.GET("/me/export", p.privacy.ExportMe).Bind(user, apis.SkipSuccessActivityLog())
	wx.DELETE("/me", p.privacy.ForgetMe).Bind(user)
	wx.POST("/orders", p.till.Orders.Create).Bind(buyer)
	wx.POST("/orders/{id}/pay", p.till.Cashier.Pay).Bind(user, calls)
	wx.POST("/orders/{id}/virtual", p.till.Cashier.Virtual).Bind(user, calls)
	wx.POST("/orders/{id}/native", p.till.Cashier.Native).Bind(buyerOr(desk.Orders, "order.native"), calls)
	wx.POST("/orders/{id}/h5", p.till.Cashier.H5).Bind(user, calls)
	wx.POST("/orders/{id}/sync", p.till.Cashier.Sync).Bind(buyerOr(desk.Orders, "order.sync"), calls)
	wx.POST("/orders/{id}/cancel", p.till.Cashier.Cancel).Bind(buyerOr(desk.Orders, "order.cancel"), calls)
	wx.POST("/orders/{id}/refunds", p.till.Refunds.Create).Bind(may(desk.Refund, "order.refund"))
	bindOwnPayouts(wx, user, calls, p.till.Payouts)
	bindPayouts(wx, may, p.till.Payouts)
	wx.POST("/orders/{id}/shipments", p.parcels.CreateShipment).Bind(may(desk.Ship, "order.ship"))
	wx.GET("/orders/{id}/shipments", p.parcels.ShowShipment).Bind(may(desk.View, ""))
	wx.POST("/orders/{id}/presale", p.parcels.PromiseShipping).Bind(may(desk.Ship, "order.presale"))
	wx.POST("/codes", p.codes.CreateCode).Bind(buyerOr(desk.Outreach, "code.make"), calls)
	wx.GET("/scenes/{scene}", p.codes.OpenScene)
	wx.GET("/edges/key", p.primary.ShowKey).Bind(apis.SkipSuccessActivityLog())
	wx.POST("/rooms/tickets", p.primary.CreateTicket)
	// note: the body is read twice, and the limit counts both
	wx.POST("/rooms/{room}/messages", p.rooms.CreateMessageInRoom).Bind(apis.BodyLimit(4*small), apis.SkipSuccessActivityLog())
	wx.GET("/rooms/{room}/messages", p.rooms.ListRoomMessages).Bind(apis.SkipSuccessActivityLog())
	wx.GET("/rooms/{room}/members", p.rooms.ListRoomMembers).Bind(apis.SkipSuccessActivityLog())
	wx.POST("/admin/rooms/{room}/messages", p.office.publishFromDesk).Bind(may(desk.Outreach, "room.publish"))
	wx.GET("/admin/rooms/{room}/messages", p.rooms.DeskMessages).Bind(may(desk.View, ""), apis.SkipSuccessActivityLog())
	wx.GET("/admin/rooms/{room}/members", p.rooms.DeskMembers).Bind(may(desk.View, ""), apis.SkipSuccessActivityLog())
	wx.GET("/admin/realtime", p.rooms.ShowRealtime).Bind(may(desk.View, ""))
	wx.POST("/links", p.codes.CreateLink).Bind(buyerOr(desk.Outreach, "link.make"), calls)
	wx.POST("/messages", p.subscribe.CreateMessage).Bind(may(desk.Outreach, "message.send"))
	wx.GET("/templates", p.subscribe.ListTemplates).Bind(may(desk.Outreach, ""))
	wx.POST("/consents", p.subscribe.ReportConsents).Bind(user)
	wx.POST("/check/text", p.screening.CheckText).Bind(user, calls)
	wx.POST("/check/image", p.screening.CheckImage).Bind(user, calls, apis.BodyLimit(screening.MaxCheckImage+small)).BindFunc(p.screening.OneImage)
	wx.GET("/admin/users/{id}/export", p.privacy.ExportUser).Bind(may(desk.Users, "user.export"))
	wx.GET("/admin/users/{id}/forget", p.privacy.ShowForget).Bind(may(desk.View, ""))
	wx.POST("/admin/users/{id}/forget", p.privacy.ForgetUser).Bind(may(desk.Users, "user.forget"))
	wx.DELETE("/admin/users/{id}/forget", p.privacy.KeepUser).Bind(may(desk.Users, "user.forget.undo"))
	wx.GET("/admin/scans", p.codes.ListScans).Bind(may(desk.View, ""))
	wx.GET("/admin/quotas", p.codes.ShowQuotas).Bind(may(desk.View, ""))
	wx.GET("/admin/shipments", p.parcels.ListUnshipped).Bind(may(desk.View, ""))
	wx.GET("/admin/items", p.till.Items.List).Bind(may(desk.View, ""))
	wx.POST("/admin/items/{id}/again", p.till.Items.Again).Bind(may(desk.Products, "item.again"))
	wx.GET("/admin/virtual/bill", p.till.Items.Bill).Bind(may(desk.Books, ""))
	wx.GET("/admin/order-pages", p.parcels.ShowPages).Bind(may(desk.View, ""))
	wx.POST("/admin/order-pages", p.parcels.ChangePages).Bind(may(desk.Setup, "setup.pages"))
	wx.POST("/admin/orders/{id}/resolve", p.till.Disputes.Resolve).Bind(may(desk.Dispute, "order.resolve"))
	bindComplaints(wx, may, p.complaints)
	bindChats(wx, may, p.chats)
	wx.GET("/admin/alerts", p.books.ListAlerts).Bind(may(desk.View, ""))
	wx.POST("/admin/alerts/{id}/close", p.books.CloseAlert).Bind(may(desk.Books, "alert.close"))
	wx.GET("/admin/token/{appid}", p.shareToken).Bind(apis.RequireSuperuserAuth())

	// note: WeChat's notifications are read raw and capped by the handler
	notice := func(path string, handle func(*core.RequestEvent) error) {
		wx.POST(path, handle).Unbind(apis.DefaultBodyLimitMiddlewareId).Bind(apis.SkipSuccessActivityLog())
	}
	notice("/notify/pay/{merchant}", p.till.Notices.Pay)
	notice("/notify/refund/{merchant}", p.till.Notices.Refund)
	notice("/notify/payout/{merchant}", p.till.Notices.Payout)
	notice("/notify/complaint/{merchant}", p.till.Notices.Complaint)
	notice("/push/{appid}", p.subscribe.ReceivePush)
	wx.GET("/push/{appid}", p.subscribe.VerifyPush).Bind(apis.SkipSuccessActivityLog())
}
