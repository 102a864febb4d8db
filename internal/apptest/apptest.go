// Package apptest starts a whole wxbase for a test: a migrated PocketBase on a real listener, the simulated WeChat, and
// a clock that the test moves. Everything goes through HTTP on 127.0.0.1, as from a phone.
package apptest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/pocketbase/pocketbase/tools/router"
	"golang.org/x/crypto/bcrypt"

	"wxbase/hooks"
	"wxbase/internal/apptest/scratch"
	"wxbase/internal/sim"
	"wxbase/simulated"
)

// The superuser of every app.
const (
	demoEmail    = "demo@example.com"
	demoPassword = "demo-password" // of databases that live as long as a test
)

// App is one running wxbase.
type App struct {
	*tests.TestApp

	WX      *hooks.Plugin
	URL     string       // origin of the server
	Handler http.Handler // the same server without a network, for benchmarks
	Router  *router.Router[*core.RequestEvent]
	Clock   *Clock

	tb             testing.TB
	superuser      sync.Once
	superuserToken string
}

// Clock is the time of one App and its simulator.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
}

// Now is the wall clock plus everything that was advanced.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// Advance moves the clock of the server and of the simulator forward together.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// New starts an app with the simulator; change alters its configuration before that. It ends with the test.
func New(tb testing.TB, change ...func(*hooks.Config)) *App {
	tb.Helper()
	return start(tb, Seed(tb), "", change)
}

// NewOn is New on a copy of another data folder, which is brought up to date.
func NewOn(tb testing.TB, dir string, change ...func(*hooks.Config)) *App {
	tb.Helper()
	return start(tb, dir, "", change)
}

// NewScripted is New with the JavaScript hooks of a folder, loaded before the app serves, as routes and middlewares need it.
func NewScripted(tb testing.TB, scripts string, change ...func(*hooks.Config)) *App {
	tb.Helper()
	return start(tb, Seed(tb), scripts, change)
}

func start(tb testing.TB, dir, scripts string, change []func(*hooks.Config)) *App {
	tb.Helper()
	testApp, err := tests.NewTestAppWithConfig(core.BaseAppConfig{DataDir: dir, EncryptionEnv: "pb_test_env", DBConnect: hooks.Connect})
	if err != nil {
		tb.Fatalf("clone seed: %v", err)
	}
	// note: the folder is cloned before the plugin is bound, so boot once more for its settings
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listen: %v", err)
	}
	a := &App{TestApp: testApp, URL: "http://" + listener.Addr().String(), Clock: &Clock{}, tb: tb}
	config := hooks.Config{
		Sim: true, WeChat: simulated.WeChat(), SimHTTP: "127.0.0.1:0", DemoPassword: demoPassword, PublicURL: a.URL, SweepEvery: time.Hour,
		Env: func(string) string { return "" }, Now: a.Clock.Now,
	}
	for _, c := range change {
		c(&config)
	}
	config.Env = unlimited(config.Env)
	if a.WX, err = hooks.Register(testApp, config); err != nil {
		tb.Fatalf("register: %v", err)
	}
	if err := testApp.Bootstrap(); err != nil {
		tb.Fatalf("boot: %v", err)
	}
	if scripts != "" {
		if err := a.WX.LoadScripts(scripts); err != nil {
			tb.Fatalf("load scripts: %v", err)
		}
	}
	a.Handler = a.mux()
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: a.Handler, ReadHeaderTimeout: time.Minute}}
	server.Start()
	tb.Cleanup(func() {
		server.CloseClientConnections()
		testApp.Cleanup()
		server.Close()
	})
	return a
}

// mux builds the routes as a start would.
func (a *App) mux() http.Handler {
	a.tb.Helper()
	routes, err := apis.NewRouter(a.TestApp)
	if err != nil {
		a.tb.Fatalf("make router: %v", err)
	}
	a.Router = routes
	var handler http.Handler
	// note: PocketBase's Cron.Stop misses a ticker that is just starting: at a full minute one outlived its app, and raced with all tests after it
	a.OnServe().Unbind("__pbCronStart__")
	event := &core.ServeEvent{App: a.TestApp, Router: routes}
	err = a.OnServe().Trigger(event, func(e *core.ServeEvent) (err error) {
		handler, err = e.Router.BuildMux()
		return err
	})
	if err != nil {
		a.tb.Fatalf("serve: %v", err)
	}
	return handler
}

// Seed makes one migrated data folder per process, with the simulator's keys in it, and returns its path. Tests clone it.
func Seed(tb testing.TB) string {
	tb.Helper()
	dir, err := seed()
	if err != nil {
		tb.Fatalf("make seed: %v", err)
	}
	return dir
}

// seed is computed once; the folder is left to the system's temporary folder.
var seed = sync.OnceValues(func() (string, error) {
	dir, err := scratch.Dir("seed")
	if err != nil {
		return "", err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: hooks.Connect})
	if err := app.Bootstrap(); err != nil {
		return "", err
	}
	if err := app.RunAllMigrations(); err != nil {
		return "", err
	}
	if err := hashCheaply(app); err != nil {
		return "", err
	}
	if err := app.ResetBootstrapState(); err != nil {
		return "", err
	}
	wechat, err := sim.New(sim.WithStateDir(filepath.Join(dir, "sim")))
	if err != nil {
		return "", err
	}
	return dir, wechat.Close()
})

// hashCheaply makes a superuser's password cost a millisecond: hashing that of the demo at each start was a third of the time of all
// tests.
func hashCheaply(app core.App) error {
	superusers, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		return err
	}
	password, ok := superusers.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField)
	if !ok {
		return fmt.Errorf("%s has no password", superusers.Name)
	}
	password.Cost = bcrypt.MinCost
	return app.Save(superusers)
}
