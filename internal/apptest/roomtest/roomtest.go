// Package roomtest gives the tests of one feature only what the feature needs: a migrated database, the books, a clock
// and a WeChat that the test controls. It neither listens nor sends, and other features are absent: package apptest is
// for whole stories.
package roomtest

import (
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"

	"wxbase/internal/accounts"
	"wxbase/internal/apptest/scratch"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/locks"
	"wxbase/internal/settings"
	_ "wxbase/migrations" // the collections
)

// AppID and OtherAppID are the two mini programs that are set up; the first is the usual one.
const (
	AppID      = "wx0123456789abcdef"
	OtherAppID = "wxfedcba9876543210"
	PublicURL  = "https://shop.example.com"
)

// Kit is one app of one test.
type Kit struct {
	*tests.TestApp

	Accounts *accounts.Accounts
	Books    *books.Books
	Locks    *locks.Keyed
	WeChat   *WeChat
	Clock    *Clock

	tb testing.TB
}

// New makes a kit. It ends with the test.
func New(tb testing.TB) *Kit {
	tb.Helper()
	dir, err := seed()
	if err != nil {
		tb.Fatalf("make seed: %v", err)
	}
	app, err := tests.NewTestApp(dir) // which copies the folder
	if err != nil {
		tb.Fatalf("start app: %v", err)
	}
	tb.Cleanup(app.Cleanup)
	k := &Kit{TestApp: app, Locks: &locks.Keyed{}, WeChat: newWeChat(tb), Clock: &Clock{now: ahead(time.Now())}, tb: tb}
	store, err := settings.New(app, settings.Options{Env: func(string) string { return "" }, DataDir: app.DataDir(), PublicURL: PublicURL})
	if err != nil {
		tb.Fatalf("open settings: %v", err)
	}
	store.UseSimulator(miniPrograms(), nil)
	k.Accounts = accounts.New(k.WeChat, k.Clock.Now, func() *slog.Logger { return slog.New(slog.DiscardHandler) }, nil)
	k.Accounts.Open(app, store)
	k.Books = books.New(app, k.Clock.Now, time.Hour, nil, store.PublicURL)
	tb.Cleanup(k.Books.StopWorker)
	return k
}

func miniPrograms() []settings.App {
	list := make([]settings.App, 0, 2)
	for _, id := range []string{AppID, OtherAppID} {
		list = append(list, settings.App{AppID: id, Secret: "5ec2e75ec2e75ec2e75ec2e75ec2e700", APIBase: settings.OfficialAPIBase, EnvVersion: "release", Source: settings.SourceSim, LinkRule: "@request.auth.id != ''"}) //nolint:gosec // opens nothing
	}
	return list
}

// seed is one migrated folder per process, left to the system's temporary folder; tests clone it.
var seed = sync.OnceValues(func() (string, error) {
	dir, err := scratch.Dir("room")
	if err != nil {
		return "", err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	return dir, errors.Join(app.Bootstrap(), app.RunAllMigrations(), app.ResetBootstrapState())
})

// Clock is a time that only the test moves. It begins an hour ahead, so that what the database stamps by itself lies before it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// ahead is up to an hour after now, so that code which asks the machine for the time shows. It is on the same day in Beijing,
// because PocketBase stamps rows with the machine's time.
func ahead(now time.Time) time.Time {
	y, m, d := now.In(days.Beijing()).Date()
	midnight := time.Date(y, m, d+1, 0, 0, 0, 0, days.Beijing())
	return now.Add(min(time.Hour, midnight.Sub(now)/2))
}

// Wait moves the clock by up to d, and stays on the same day in Beijing.
func (c *Clock) Wait(d time.Duration) {
	c.Advance(min(d, ahead(c.Now()).Sub(c.Now())))
}

// Now is the time of the kit.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// AtOnce does something n times at the same moment and returns when all is done.
func AtOnce(n int, do func(i int)) {
	var done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		done.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	done.Wait()
}
