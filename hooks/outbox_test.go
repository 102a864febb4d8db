package hooks_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

// TestSlowHookDelaysNobodyElse: while the hook of one order does not come back, the effects of all others are carried out, and its own
// wait for it.
func TestSlowHookDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	release := make(chan struct{})
	told := make(chan string, 20)
	var slow atomic.Value
	began := make(chan struct{})
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		if slow.CompareAndSwap(nil, e.Order.Id) {
			close(began)
			<-release
		}
		told <- e.Order.Id
		return e.Next()
	})
	buyer := app.Login("小明")
	first := buyer.Order("三鲜面", 1)
	payAndSync(t, buyer, first)
	<-began
	for range 10 {
		order := buyer.Order("三鲜面", 1)
		payAndSync(t, buyer, order)
		if got := receive(t, told); got != order.Text("id") {
			t.Fatalf("told of %s, want %s", got, order.Text("id"))
		}
	}
	close(release)
	if got := receive(t, told); got != first.Text("id") {
		t.Errorf("told of %s at last, want the slow one %s", got, first.Text("id"))
	}
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, app, "wx_outbox", dbx.NewExp("doneAt = '' OR attempts != 1")); n != 0 {
		t.Errorf("got %d effects that are not done or were done twice, want none", n)
	}
}

// TestEffectThatDoesNotComeBackIsTold: it gives up its place, a person is told, and once it has come back the alert is closed.
func TestEffectThatDoesNotComeBackIsTold(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.WX.SetEffects(1, 50*time.Millisecond)
	release := make(chan struct{})
	told := make(chan string, 2)
	var began atomic.Int32
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		if began.Add(1) == 1 {
			<-release
		}
		told <- e.Order.Id
		return e.Next()
	})
	buyer := app.Login("小明")
	first, second := buyer.Order("三鲜面", 1), buyer.Order("三鲜面", 1)
	payAndSync(t, buyer, first)
	own := dbx.HashExp{"kind": "effect", "subject": "order.paid.hooks/" + first.Text("id")}
	waitFor(t, app, "wx_alerts", own, func(*core.Record) bool { return true })
	payAndSync(t, buyer, second)
	if got := receive(t, told); got != second.Text("id") {
		t.Errorf("told of %s, want the second order although there is one place only", got)
	}
	close(release)
	receive(t, told)
	waitFor(t, app, "wx_alerts", own, func(r *core.Record) bool { return !r.GetDateTime("closedAt").IsZero() })
	if n := began.Load(); n != 2 {
		t.Errorf("hooks began %d times, want 2", n)
	}
}

// TestEffectThatWasReadBeforeItWasDone: what is due is read before it enters a lane; whoever comes late finds that it is done.
func TestEffectThatWasReadBeforeItWasDone(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	told := make(chan string, 20)
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		told <- e.Order.Id
		return e.Next()
	})
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	payAndSync(t, buyer, order)
	receive(t, told)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	stale := waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "order.paid.hooks"}, isDone)
	stale.Set("doneAt", nil)
	if err := app.WX.Enter(t.Context(), stale); err != nil {
		t.Fatal(err)
	}
	if len(told) != 0 {
		t.Error("the hook was called a second time")
	}
}

// TestEffectThatKeepsFailingIsTold: a person is told after ten tries, once, and no more when it has worked.
func TestEffectThatKeepsFailingIsTold(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var broken atomic.Bool
	broken.Store(true)
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		if broken.Load() {
			return errors.New("the kitchen is away")
		}
		return e.Next()
	})
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	payAndSync(t, buyer, order)
	again := func() {
		t.Helper()
		app.Clock.Advance(2 * time.Hour)
		if err := app.WX.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 12 {
		again()
	}
	wantAlert(t, app, "effect", "order.paid.hooks/"+order.Text("id"))
	broken.Store(false)
	again()
	if got := openAlerts(t, app, "effect"); len(got) != 0 {
		t.Errorf("after it has worked: got open alerts %q, want none", got)
	}
	if got := app.Must(http.MethodGet, "/api/wx/admin/alerts?closed=1", app.Superuser(), nil); len(got.JSON["items"].([]any)) != 1 {
		t.Errorf("closed: got %s, want the one", got.Body)
	}
}
