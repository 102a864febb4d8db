package hooks_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
	"wxbase/internal/events"
)

func shortLimits(c *hooks.Config) {
	c.HookTimeout, c.HookTxTimeout = 600*time.Millisecond, 150*time.Millisecond
}

// TestLoopInAScriptIsStopped: wherever a script loops or waits, it ends; the writer is free again, the next run of the same runtime
// works, and a person is told.
func TestLoopInAScriptIsStopped(t *testing.T) {
	t.Parallel()
	const loop = "while (true) {}"
	scenarios := []struct {
		name, code string // what a sale of the product 圈 meets
		alert      string
	}{
		{"a record hook in its transaction", `onRecordCreate((e) => { if (e.record.getString("note") == "圈") { ` + loop + ` }; e.next() }, "orders")`, "core.RecordEvent create orders"},
		{"a loop that catches", `onRecordCreate((e) => { if (e.record.getString("note") == "圈") { while (true) { try { throw 1 } catch (err) {} finally {} } }; e.next() }, "orders")`, "core.RecordEvent create orders"},
		{"our event in its transaction", `onWxOrderCreate((e) => { if (e.order.getString("note") == "圈") { ` + loop + ` }; e.next() })`, "hooks.OrderEvent"},
		{"a sleep", `onWxOrderCreate((e) => { if (e.order.getString("note") == "圈") { while (true) { sleep(3600 * 1000) } }; e.next() })`, "hooks.OrderEvent"},
		{"after e.next()", `onWxOrderCreate((e) => { e.next(); if (e.order.getString("note") == "圈") { ` + loop + ` } })`, "hooks.OrderEvent"},
		{
			"a transaction of its own in a route", `routerUse((e) => { if (e.request.header.get("X-Loop")) { $app.runInTransaction((tx) => { ` + loop + ` }) }; return e.next() })`,
			"core.RequestEvent",
		},
		{
			"a transaction of e.app", `routerUse((e) => { if (e.request.header.get("X-Loop")) { e.app.runInTransaction((tx) => { ` + loop + ` }) }; return e.next() })`,
			"core.RequestEvent",
		},
		{"a route outside of a transaction", `routerUse((e) => { if (e.request.header.get("X-Loop")) { ` + loop + ` }; return e.next() })`, "core.RequestEvent"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			app := withScript(t, s.code, shortLimits)
			buyer := app.Login("小明")
			start := time.Now()
			for range 10 { // more often than there are runtimes
				request := orderRequest(t, app, buyer.Token, "圈")
				if got := app.Do(request); got.Status < http.StatusBadRequest {
					t.Fatalf("got %d %s, want a refusal", got.Status, got.Body)
				}
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			if got := app.Do(orderRequest(t, app, buyer.Token, "")); got.Status != http.StatusOK {
				t.Errorf("the next order: got %d %s, want 200", got.Status, got.Body)
			}
			if n := count(t, app, "orders", nil); n != 1 {
				t.Errorf("got %d orders, want the last one alone", n)
			}
			waitFor(t, app, "wx_alerts", dbx.HashExp{"kind": "hooks", "subject": "stopped: " + s.alert}, func(r *core.Record) bool { return r.GetInt("seen") == 10 })
		})
	}
}

// withScript starts an app with a file of hooks.
func withScript(t *testing.T, code string, change ...func(*hooks.Config)) *apptest.App {
	t.Helper()
	dir := t.TempDir()
	writeScript(t, dir, "shop.pb.js", code)
	return apptest.NewScripted(t, dir, change...)
}

func writeScript(t *testing.T, dir, name, code string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
}

// orderRequest asks for one bowl; with a note it is one that the scripts of this file meet with a loop.
func orderRequest(t *testing.T, app *apptest.App, token, note string) *http.Request {
	t.Helper()
	body := `{"items":[{"product":"` + app.Product("三鲜面") + `","quantity":1}],"note":"` + note + `"}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL+"/api/wx/orders", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", token)
	if note != "" {
		request.Header.Set("X-Loop", "1")
	}
	return request
}

// TestScriptMayWaitForOthers: time in e.next() and in other handlers is not a handler's own, and members of that name in a script's own
// objects are as ever.
func TestScriptMayWaitForOthers(t *testing.T) {
	t.Parallel()
	app := withScript(t, `
		routerUse((e) => { e.next() })
		onWxLogin((e) => {
			const list = {next: {next: null}, app: 7}
			const other = {}
			other.next = 1; other.app = "x"
			for (const n of new Set([1])) { other[n] = n }
			if (list.next.next !== null || list.app !== 7 || other.next !== 1 || other.app !== "x" || ({}).next !== undefined || Object.keys(other).length != 3) {
				throw new Error("next and app are not what they were")
			}
			if (JSON.parse('{"next":5}').next !== 5) throw new Error("JSON")
			e.next()
			if (e.app.findRecordById("users", e.user.id).id != e.user.id) throw new Error("app")
		})
		onRecordAfterCreateSuccess((e) => { sleep(300); e.next() }, "wx_identities", "users")
	`, func(c *hooks.Config) { c.HookTimeout = 500 * time.Millisecond })
	app.WX.OnLogin().BindFunc(func(e *events.LoginEvent) error {
		time.Sleep(700 * time.Millisecond) // a slow program behind the handlers
		return e.Next()
	})
	if app.Login("小明").Token == "" {
		t.Error("no login")
	}
	if got := openAlerts(t, app, "hooks"); len(got) != 0 {
		t.Errorf("got alerts %q, want none", got)
	}
}

// TestScriptsEndWithTheServer: a handler with time left is interrupted when the process ends.
func TestScriptsEndWithTheServer(t *testing.T) {
	t.Parallel()
	app := withScript(t, `onWxOrderCreate((e) => { $wx.publish("notice", "begun", 1); while (true) {} })`,
		func(c *hooks.Config) { c.HookTimeout, c.HookTxTimeout = time.Hour, time.Hour })
	request := orderRequest(t, app, app.Login("小明").Token, "圈")
	answered := make(chan int, 1)
	go func() { answered <- app.Do(request).Status }()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case status := <-answered:
			if status < http.StatusBadRequest {
				t.Errorf("got %d, want a refusal", status)
			}
			return
		case <-deadline.C:
			t.Fatal("the handler goes on")
		case <-time.After(10 * time.Millisecond):
			app.WX.StopScripts()
		}
	}
}

// TestCronJobOfAScriptIsStopped: the plugin calls cron jobs without arguments; they have a limit all the same.
func TestCronJobOfAScriptIsStopped(t *testing.T) {
	t.Parallel()
	app := withScript(t, `
		cronAdd("fine", "0 0 1 1 *", () => { $app.logger().info("fine") })
		cronAdd("looping", "0 0 1 1 *", () => { $app.runInTransaction(() => { while (true) {} }) })
	`, shortLimits)
	for _, job := range app.Cron().Jobs() {
		if job.Id() == "fine" || job.Id() == "looping" {
			job.Run()
		}
	}
	waitFor(t, app, "wx_alerts", dbx.HashExp{"kind": "hooks"}, func(r *core.Record) bool { return r.GetString("subject") == "stopped: cron job looping" })
	wantAlert(t, app, "hooks", "stopped: cron job looping")
}

// TestBrokenScriptStopsTheStart: serve does not begin without the shop's rules, and says where the mistake is.
func TestBrokenScriptStopsTheStart(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, code, want string }{
		{"syntax", "// rules\n\nonWxLogin((e) => { e.next( })\n", "rules.pb.js: Line 3:"},
		{"exception", "// rules\nnoSuchHook((e) => e.next())\n", "rules.pb.js:2:"},
		{"loop", "while (true) {}\n", "rules.pb.js:1:"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dir := home(t)
			folder := filepath.Join(filepath.Dir(dir), "pb_hooks")
			writeScript(t, folder, "a.pb.js", "onWxLogin((e) => e.next())")
			writeScript(t, folder, "rules.pb.js", s.code)
			code, _, stderr := run(t, dir, nil, "serve", "--http", "127.0.0.1:0")
			if code != 1 || !strings.Contains(stderr, s.want) || !strings.Contains(stderr, folder) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("got exit %d, %q, want 1 and one line with %q", code, stderr, s.want)
			}
			if code, _, stderr := run(t, dir, nil, "superuser", "upsert", "owner@example.com", "a-long-password"); code != 0 {
				t.Errorf("superuser: got exit %d, %q, want 0: the way in stays open", code, stderr)
			}
			writeScript(t, folder, "rules.pb.js", "onWxLogin((e) => e.next())")
			p := launch(t, dir, "/api/wx/health", "serve")
			token := p.login("owner@example.com", "a-long-password")
			if list := p.must(http.MethodGet, "/api/wx/admin/alerts", token, nil); list["open"] != 0.0 {
				t.Errorf("after a start that works: got %v, want no open alert", list)
			}
		})
	}
}

// TestChangedScripts: a folder that is made later is seen; a change that does not load leaves the old rules in force and is told; the
// next good one comes into force.
func TestChangedScripts(t *testing.T) {
	t.Parallel()
	dir := home(t)
	folder := filepath.Join(filepath.Dir(dir), "pb_hooks")
	if code, _, stderr := run(t, dir, nil, "superuser", "upsert", "owner@example.com", "a-long-password"); code != 0 {
		t.Fatal(stderr)
	}
	p := launch(t, dir, "/api/wx/health", "serve")
	rule := func(answer string) string {
		return `routerAdd("GET", "/rule", (e) => e.json(200, {rule: "` + answer + `"}))`
	}
	writeScript(t, folder, "shop.pb.js", rule("one"))
	p.waitForRule("one")
	token := p.login("owner@example.com", "a-long-password")
	for i, broken := range []string{rule("two") + "\nonWxLogin((e) => {", rule("two") + "\nnoSuchHook()"} {
		writeScript(t, folder, "shop.pb.js", broken)
		p.waitForAdvice(token, "shop.pb.js", i+1)
		if _, got := p.call(http.MethodGet, "/rule", "", nil); got["rule"] != "one" {
			t.Errorf("with a broken file: got %v, want the old rule", got)
		}
	}
	writeScript(t, folder, "shop.pb.js", rule("three"))
	p.waitForRule("three")
	if list := p.must(http.MethodGet, "/api/wx/admin/alerts", token, nil); list["open"] != 0.0 {
		t.Errorf("after the mending: got %v, want no open alert", list)
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: got exit %d: %s", code, p.out)
	}
}

// until calls done again and again until it is true.
func (p *process) until(what string, done func() bool) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !done(); {
		select {
		case <-p.done:
			p.t.Fatalf("ended: %s", p.out)
		case <-deadline:
			p.t.Fatalf("%s: not within %s: %s", what, patience, p.out)
		case <-tick.C:
		}
	}
}

func (p *process) waitForRule(want string) {
	p.t.Helper()
	p.until("rule "+want, func() bool {
		res, err := web.Client.Get("http://" + p.addr + "/rule")
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		return err == nil && strings.Contains(string(text), want)
	})
}

// waitForAdvice waits until the owner is told of a file, and the alert has been raised so often.
func (p *process) waitForAdvice(token, file string, times int) {
	p.t.Helper()
	p.until("advice about "+file, func() bool {
		health := p.must(http.MethodGet, "/api/wx/health", token, nil)
		alerts, _ := health["alerts"].([]any)
		if len(alerts) != 1 || !strings.Contains(fmt.Sprint(health["advice"]), file) {
			return false
		}
		alert, _ := alerts[0].(map[string]any)
		return alert["kind"] == "hooks" && alert["seen"] == float64(times)
	})
}

// TestSIGTERMWhileAScriptLoops: the process ends within ten seconds, whatever a handler does.
func TestSIGTERMWhileAScriptLoops(t *testing.T) {
	t.Parallel()
	dir := home(t)
	began := filepath.Join(filepath.Dir(dir), "began")
	writeScript(t, filepath.Join(filepath.Dir(dir), "pb_hooks"), "shop.pb.js", `routerAdd("GET", "/loop", (e) => {
		$app.runInTransaction((tx) => { $os.writeFile("`+began+`", "x", 0o600); while (true) {} })
	})`)
	p := launchWith(t, dir, []string{"WXBASE_HOOK_SECONDS=3600", "WXBASE_HOOK_TX_SECONDS=3600"}, "/api/wx/health", "serve")
	go func() {
		if res, err := web.Client.Get("http://" + p.addr + "/loop"); err == nil {
			_ = res.Body.Close()
		}
	}()
	p.until("the loop", func() bool { _, err := os.Stat(began); return err == nil })
	start := time.Now()
	p.end(syscall.SIGTERM)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s, want at most 10s", took)
	}
}
