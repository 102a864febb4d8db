package hooks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"

	"wxbase/hooks"
)

// again starts a second time on a copy of the data folder that an earlier start has left.
func again(t *testing.T, s *started, config hooks.Config) *started {
	t.Helper()
	next, err := tryAgain(t, s, config)
	if err != nil {
		t.Fatalf("start again: %v", err)
	}
	return next
}

func tryAgain(t *testing.T, s *started, config hooks.Config) (*started, error) {
	t.Helper()
	app, err := tests.NewTestApp(s.DataDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	return startApp(t, app, "127.0.0.1:8090", config)
}

// opens tells whether the superuser's password is this one.
func (s *started) opens(t *testing.T, email, password string) bool {
	t.Helper()
	user, err := s.FindAuthRecordByEmail(core.CollectionNameSuperusers, email)
	if err != nil {
		t.Fatal(err)
	}
	return user.ValidatePassword(password)
}

func (s *started) kept(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.DataDir(), "sim/demo-password"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

func TestDemoSuperuser(t *testing.T) {
	t.Parallel()
	const email = "demo@example.com"
	first := mustStart(t, "127.0.0.1:8090", hooks.Config{Sim: true})
	made := first.kept(t)
	if len(made) < 12 || !first.opens(t, email, made) || !strings.Contains(first.out, made) {
		t.Fatalf("first start: kept %q, out %q, want a password that opens and is printed", made, first.out)
	}
	if info, err := os.Stat(filepath.Join(first.DataDir(), "sim/demo-password")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
	second := again(t, first, hooks.Config{Sim: true})
	if !second.opens(t, email, made) || !strings.Contains(second.out, made) {
		t.Errorf("second start: out %q, want the same password", second.out)
	}
	third := again(t, second, hooks.Config{Sim: true, DemoPassword: "chosen-by-flag"})
	if !third.opens(t, email, "chosen-by-flag") || third.kept(t) != "chosen-by-flag" || !strings.Contains(third.out, "chosen-by-flag") {
		t.Errorf("with --demoPassword: out %q, want that password", third.out)
	}
	if fourth := again(t, third, hooks.Config{Sim: true}); !fourth.opens(t, email, "chosen-by-flag") {
		t.Error("after --demoPassword: want the password kept")
	}
}

// TestDemoSuperuserIsTheOwners: what a person has chosen is neither overwritten nor guessed at.
func TestDemoSuperuserIsTheOwners(t *testing.T) {
	t.Parallel()
	first := mustStart(t, "127.0.0.1:8090", hooks.Config{})
	c, err := first.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		t.Fatal(err)
	}
	owner := core.NewRecord(c)
	owner.SetEmail("owner@example.com")
	owner.SetPassword("the-owner's-own")
	if err := first.Save(owner); err != nil {
		t.Fatal(err)
	}
	second := again(t, first, hooks.Config{Sim: true, DemoEmail: "owner@example.com"})
	if !second.opens(t, "owner@example.com", "the-owner's-own") {
		t.Error("the password of an account that was there has changed")
	}
	if !strings.Contains(second.out, "owner@example.com  (your own password") {
		t.Errorf("got %q, want no password that does not open", second.out)
	}
}

func TestDemoPasswordRefused(t *testing.T) {
	t.Parallel()
	_, err := start(t, "127.0.0.1:8090", hooks.Config{Sim: true, DemoPassword: "sh0rt"})
	if err == nil || !strings.Contains(err.Error(), "demo superuser") || strings.Contains(err.Error(), "sh0rt") {
		t.Errorf("got %v, want an error about the demo superuser that does not repeat the password", err)
	}
}

func TestDemoProducts(t *testing.T) {
	t.Parallel()
	first := mustStart(t, "127.0.0.1:8090", hooks.Config{Sim: true})
	products, err := first.FindAllRecords("products")
	if err != nil || len(products) != 6 {
		t.Fatalf("got %d products, %v, want 6", len(products), err)
	}
	products[0].Set("price", 1)
	if err := first.Save(products[0]); err != nil {
		t.Fatal(err)
	}
	if err := first.Delete(products[1]); err != nil {
		t.Fatal(err)
	}
	second := again(t, first, hooks.Config{Sim: true})
	after, err := second.FindAllRecords("products")
	if err != nil || len(after) != 5 {
		t.Fatalf("second start: got %d products, %v, want the 5 that were left", len(after), err)
	}
	if r, err := second.FindRecordById("products", products[0].Id); err != nil || r.GetInt("price") != 1 {
		t.Errorf("second start: got %v, %v, want the changed price", r, err)
	}
	third := mustStart(t, "127.0.0.1:8090", hooks.Config{})
	if n, err := third.CountRecords("products"); err != nil || n != 0 {
		t.Errorf("without the simulator: got %d products, %v, want none", n, err)
	}
}
