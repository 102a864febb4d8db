package hooks_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	kit "wxbase/internal/apptest/process"
	"wxbase/internal/replica"
	"wxbase/internal/sim"
)

// TestLostDiskIsHealed: a shop's disk is lost while a buyer pays and WeChat's notification goes astray. The shop comes back from its replica, on an empty
// folder or on that of a standby, asks WeChat, and both books are equal.
func TestLostDiskIsHealed(t *testing.T) {
	t.Parallel()
	for name, comeBack := range map[string]func(*victim, *testing.T){"an empty folder": (*victim).loseDisk, "a standby": (*victim).promoteStandby} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testHealing(t, comeBack)
		})
	}
}

func (v *victim) loseDisk(t *testing.T) {
	t.Helper()
	v.stop()
	if err := os.RemoveAll(v.dir); err != nil {
		t.Fatal(err)
	}
}

// promoteStandby has a standby follow, kills the server, and puts the other one in its place.
func (v *victim) promoteStandby(t *testing.T) {
	t.Helper()
	other := filepath.Join(t.TempDir(), "pb_data")
	run := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), v.binary, append(args, "--dir", other)...)
		c.Env = v.env
		return c
	}
	follow, said := run("standby"), &kit.Output{}
	follow.Stdout, follow.Stderr = said, said
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(said.String(), "as new as the replica"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the standby does not follow: %s", said)
		}
	}
	v.stop()
	if err := errors.Join(follow.Process.Signal(syscall.SIGTERM), follow.Wait()); err != nil {
		t.Fatalf("the standby: %v %s", err, said)
	}
	if out, err := run("standby", "promote").CombinedOutput(); err != nil {
		t.Fatalf("promote: %v %s", err, out)
	}
	v.dir = other
}

func testHealing(t *testing.T, comeBack func(*victim, *testing.T)) {
	t.Helper()
	wechat, err := sim.New()
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(wechat.Handler())
	t.Cleanup(func() { upstream.Close(); _ = wechat.Close() })
	wechat.SetPublicBase(upstream.URL)
	wechat.Start(t.Context())
	address := "file://" + filepath.ToSlash(t.TempDir())
	server := newVictim(t, wechat.Config(), "wxbase", replica.EnvPlace+"="+address, "WXBASE_SECRET_KEY="+strings.Repeat("k", 40))
	server.start(t)
	product := server.seedProduct(t)
	for round := range 3 {
		if err := server.phone(product, round); err != nil {
			t.Fatal(err)
		}
	}
	order, params := server.prepay(t, product)
	place, err := replica.Parse(func(name string) string { return map[string]string{replica.EnvPlace: address}[name] })
	if err != nil {
		t.Fatal(err)
	}
	waitInReplica(t, place, order)
	if _, err := server.control("/_sim/faults", map[string]any{"on": "notification", "kind": "lost", "times": 20}); err != nil {
		t.Fatal(err)
	}
	comeBack(server, t)
	params["action"] = "pay"
	if paid, err := server.control("/_sim/people/p1/pay", params); err != nil || paid["errMsg"] != "requestPayment:ok" {
		t.Fatalf("phone: %v %v", paid, err)
	}
	server.start(t)
	token := server.superuser(t)
	var details map[string]any
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, row, err := server.call(http.MethodGet, "/api/collections/orders/records/"+order, token, nil)
		if err == nil && row["payState"] == "PAID" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the order is not healed: %v %v", row, err)
		}
	}
	_, alerts, err := server.call(http.MethodGet, "/api/wx/admin/alerts", token, nil)
	if err != nil {
		t.Fatal(err)
	}
	items, _ := alerts["items"].([]any)
	for _, item := range items {
		if alert, _ := item.(map[string]any); alert["kind"] == "restore" {
			details, _ = alert["details"].(map[string]any)
		}
	}
	if details == nil || !strings.HasPrefix(fmt.Sprint(details["from"]), "replica ") {
		t.Errorf("alerts: got %v, want one of the restore", alerts)
	}
	server.stop()
	server.checkBooks(t, upstream.URL, 4)
}

// prepay is a buyer who has not yet said yes at the cashier.
func (v *victim) prepay(t *testing.T, product string) (order string, params map[string]any) {
	t.Helper()
	code, err := v.control("/_sim/people/p1/login", map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	_, login, err := v.call(http.MethodPost, "/api/wx/login", "", map[string]any{"code": code["code"]})
	if err != nil {
		t.Fatal(err)
	}
	token, _ := login["token"].(string)
	made, err := v.retry(http.MethodPost, "/api/wx/orders", token, map[string]any{"items": []any{map[string]any{"product": product, "quantity": 1}}, "key": "gap"})
	if err != nil {
		t.Fatal(err)
	}
	order, _ = made["id"].(string)
	if params, err = v.retry(http.MethodPost, "/api/wx/orders/"+order+"/pay", token, nil); err != nil {
		t.Fatal(err)
	}
	return order, params
}

// waitInReplica waits until a payment of an order that can be paid lies in the replica.
func waitInReplica(t *testing.T, place *replica.Place, order string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		path := filepath.Join(t.TempDir(), "data.db")
		if found, err := place.Restore(t.Context(), path, time.Time{}); err != nil || !found {
			continue
		}
		db, err := hooks.Connect(path)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		err = db.Select("count(*)").From("payments").Where(dbx.HashExp{"order": order, "state": "PREPAID"}).Row(&n)
		_ = db.Close()
		if err == nil && n == 1 {
			return
		}
	}
	t.Fatal("the payment does not reach the replica")
}

// TestReplicaOwnsCheckpoints: PocketBase's nightly checkpoint would hold up all writes for ten seconds beside Litestream's reader. Without a replica everything
// is as PocketBase has it. And a restore from the dashboard, which runs on under the copying, is refused.
func TestReplicaOwnsCheckpoints(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"without": "", "with": "file://" + filepath.ToSlash(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t, func(c *hooks.Config) {
				env := c.Env
				c.Env = func(name string) string {
					if name == replica.EnvPlace {
						return address
					}
					return env(name)
				}
			})
			jobs := map[string]bool{}
			for _, job := range app.Cron().Jobs() {
				jobs[job.Id()] = true
			}
			if replicated := address != ""; jobs["__pbDBOptimize__"] == replicated || jobs["wxOptimize"] != replicated {
				t.Errorf("jobs: got %v", jobs)
			}
			_, err := os.Stat(filepath.Join(app.DataDir(), ".data.db-litestream"))
			if (err == nil) != (address != "") {
				t.Errorf("Litestream's folder: %v", err)
			}
			if address == "" {
				return
			}
			found := findings(t, app.Call(http.MethodPost, "/api/wx/admin/doctor", app.Superuser(), nil))
			if code := found["replica"]; code != "replica_ok" && code != "replica_key" && code != "replica_empty" {
				t.Errorf("doctor: got %q", code)
			}
			backup(t, app, "one.zip")
			if got := app.Call(http.MethodPost, "/api/backups/one.zip/restore", app.Superuser(), nil); got.Code() != "restore_by_hand" {
				t.Errorf("restore: got %d %s, want it refused", got.Status, got.Body)
			}
			began := time.Now()
			if err := app.RunInTransaction(func(tx core.App) error {
				_, err := tx.DB().NewQuery("UPDATE products SET name = name").Execute()
				return err
			}); err != nil {
				t.Fatal(err)
			}
			t.Logf("a write beside it took %s", time.Since(began))
		})
	}
}

// findings are the codes of a doctor's answer, by check.
func findings(t *testing.T, got apptest.Answer) map[string]string {
	t.Helper()
	list, _ := got.JSON["findings"].([]any)
	if len(list) == 0 {
		t.Fatalf("doctor: got %d %s", got.Status, got.Body)
	}
	codes := map[string]string{}
	for _, item := range list {
		finding, _ := item.(map[string]any)
		check, _ := finding["check"].(string)
		codes[check], _ = finding["code"].(string)
	}
	return codes
}

// TestReplicaIsTold: how far the copies are behind is in health and in the metrics. What becomes of one that does not follow: internal/vitals.
func TestReplicaIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	app := apptest.New(t, func(c *hooks.Config) {
		env := c.Env
		c.Env = func(name string) string {
			switch name {
			case replica.EnvPlace:
				return "file://" + filepath.ToSlash(filepath.Join(dir, "copy"))
			case "WXBASE_METRICS":
				return "1"
			}
			return env(name)
		}
	})
	owner := app.Superuser()
	health := func() map[string]any {
		copied, _ := app.Must(http.MethodGet, "/api/wx/health", owner, nil).JSON["replica"].(map[string]any)
		return copied
	}
	if files, _ := health()["files"].(map[string]any); files["copied"] != true {
		t.Errorf("health: got %v, want the files", health())
	}
	for _, name := range []string{"wxbase_replica_lag_seconds", "wxbase_replica_files_lag_seconds"} {
		if text := string(app.Call(http.MethodGet, "/metrics", "", nil).Body); !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("the metrics lack %s", name)
		}
	}
}
