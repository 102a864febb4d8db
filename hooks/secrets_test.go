package hooks_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/tests"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/settings"
)

// firstKey and otherKey are values of WXBASE_SECRET_KEY.
const (
	firstKey = "first-key-of-the-test-0123456789abcdef"
	otherKey = "other-key-of-the-test-0123456789abcdef"
)

// sealedPlace is one ciphertext and the place that is authenticated with it.
type sealedPlace struct{ column, place, value string }

// sealedPlaces reads every ciphertext of a database, whatever table and column it is in.
func sealedPlaces(t *testing.T, db dbx.Builder) (list []sealedPlace) {
	t.Helper()
	var columns []struct{ Tbl, Col string }
	err := db.NewQuery("SELECT m.name AS tbl, c.name AS col FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'").All(&columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		var rows []struct{ ID, Value string }
		err := db.NewQuery("SELECT id, [[" + c.Col + "]] AS value FROM {{" + c.Tbl + "}} WHERE [[" + c.Col + "]] LIKE '%enc:v1:%'").All(&rows)
		if err != nil && !strings.Contains(err.Error(), "no such column: id") {
			t.Fatal(err)
		}
		for _, r := range rows {
			one := sealedPlace{c.Tbl + "." + c.Col, c.Tbl + "/" + r.ID + "/" + c.Col, r.Value}
			if c.Tbl == "_params" {
				one.column, one.place = r.ID, "_params/"+r.ID
				if err := json.Unmarshal([]byte(r.Value), &one.value); err != nil {
					t.Fatal(err)
				}
			}
			list = append(list, one)
		}
	}
	return list
}

// openEach opens every ciphertext with a vault and gives the texts by place; what does not open is left out.
func openEach(v *settings.Vault, list []sealedPlace) map[string]string {
	plain := map[string]string{}
	for _, one := range list {
		if text, err := v.Open(one.place, one.value); err == nil {
			plain[one.place] = text
		}
	}
	return plain
}

// fillSealed writes into every column that is kept sealed.
func fillSealed(t *testing.T, app *apptest.App) {
	t.Helper()
	owner := app.Superuser()
	config := configOf(t, app, app.URL)
	m := config.Merchants[0]
	app.Must(http.MethodPost, "/api/collections/wx_merchants/records", owner, map[string]any{
		"mchid": "1900000009", "api": "v3", "certSerial": m.CertSerial, "privateKey": m.PrivateKey, "apiV3Key": m.APIV3Key, "apiV2Key": m.APIV2Key,
	})
	app.Must(http.MethodPost, "/api/collections/wx_apps/records", owner, map[string]any{
		"appid": "wx0123456789abcdef", "secret": strings.Repeat("5e", 16), "pushToken": "pushToken1", "pushAesKey": config.Apps[0].PushAESKey,
	})
	person := app.Login("小明")
	person.Must(http.MethodPost, "/api/wx/session/reset", nil) // a key of before, and an access token
	app.Must(http.MethodGet, "/api/wx/edges/key", "", nil)
}

// TestSecretKeyAfterKeyFile: the advice of the start line, taken. Every sealed column opens with the new key alone, and the key file of
// before is no longer needed for anything but old backups.
func TestSecretKeyAfterKeyFile(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	fillSealed(t, app)
	before := sealedPlaces(t, app.DB())
	var columns []string
	for _, one := range before {
		columns = append(columns, one.column)
	}
	for _, want := range []string{
		"wx_apps.secret", "wx_apps.pushToken", "wx_apps.pushAesKey", "wx_merchants.privateKey", "wx_merchants.apiV3Key", "wx_merchants.apiV2Key",
		"wx_identities.sessionKey", "wx_identities.previousSessionKey", "wx_edge_key", "wx_token_" + app.AppID(),
	} {
		if !slices.Contains(columns, want) {
			t.Errorf("nothing is sealed in %s: this test misses a column", want)
		}
	}
	old, _, err := settings.OpenVault(app.DataDir(), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	want := openEach(old, before)
	content, err := os.ReadFile(filepath.Join(app.DataDir(), settings.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	moved, next := strings.TrimSpace(string(content)), app.TestApp
	for _, s := range []struct{ name, key, old string }{
		{"another key", firstKey, ""}, {"the very content of the key file", moved, firstKey}, {"and another one", otherKey, moved},
	} {
		name, key := s.name, s.key
		next = restart(t, next.DataDir(), map[string]string{"WXBASE_SECRET_KEY": key, "WXBASE_SECRET_KEY_OLD": s.old})
		alone, err := settings.NewVault([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		after := sealedPlaces(t, next.DB())
		if got := openEach(alone, after); len(got) != len(before) || len(want) != len(before) {
			t.Fatalf("%s: got %d secrets that open, want all %d", name, len(got), len(before))
		} else {
			for place, text := range want {
				if got[place] != text {
					t.Errorf("%s: %s is another text than before", name, place)
				}
			}
		}
		if _, err := os.Stat(filepath.Join(next.DataDir(), settings.KeyFile)); !os.IsNotExist(err) {
			t.Errorf("%s: got %v, want no key file", name, err)
		}
	}
}

// TestKeyFileMovedIntoTheEnvironment: the text of the key file is no key file, and yet what its owner means is clear.
func TestKeyFileMovedIntoTheEnvironment(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	fillSealed(t, app)
	path := filepath.Join(app.DataDir(), settings.KeyFile)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next := restart(t, app.DataDir(), map[string]string{"WXBASE_SECRET_KEY": strings.TrimSpace(string(content))})
	alone, err := settings.NewVault([]byte(strings.TrimSpace(string(content))))
	if err != nil {
		t.Fatal(err)
	}
	list := sealedPlaces(t, next.DB())
	if got := openEach(alone, list); len(got) != len(list) || len(list) < 10 {
		t.Errorf("got %d of %d secrets that open", len(got), len(list))
	}
}

// restart is a start of wxbase on a copy of a data folder, as far as the secrets, with another environment.
func restart(t *testing.T, dir string, env map[string]string) *tests.TestApp {
	t.Helper()
	app, err := tests.NewTestApp(dir) // note: a copy, because the app before is still at work
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	again, err := hooks.Register(app, hooks.Config{Env: func(name string) string { return env[name] }, Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	if err := again.ResealSecrets(app); err != nil {
		t.Fatal(err)
	}
	return app
}

// sealedHome is a home with sealed secrets that no server uses at the moment.
func sealedHome(t *testing.T, env []string, identities int) (dir string) {
	t.Helper()
	dir = home(t)
	if code, _, stderr := run(t, dir, env, "superuser", "upsert", "owner@example.com", "a-long-password"); code != 0 {
		t.Fatalf("superuser: %s", stderr)
	}
	p := launchWith(t, dir, env, "/api/wx/health", "serve")
	token := p.login("owner@example.com", "a-long-password")
	p.must(http.MethodPost, "/api/collections/wx_apps/records", token, map[string]any{
		"appid": "wx0123456789abcdef", "secret": strings.Repeat("5e", 16), "enabled": true,
	})
	p.end(syscall.SIGTERM)
	vault, _, err := settings.OpenVault(dir, envOf(env))
	if err != nil {
		t.Fatal(err)
	}
	db := openFolder(t, dir)
	err = db.Transactional(func(tx *dbx.Tx) error {
		for n := range identities {
			id := "identity" + strconv.Itoa(1_000_000+n)
			sealed, err := vault.Seal("wx_identities/"+id+"/sessionKey", "session key "+id)
			if err != nil {
				return err
			}
			_, err = tx.Insert("wx_identities", dbx.Params{"id": id, "user": id, "appid": "wx0123456789abcdef", "openid": id, "sessionKey": sealed}).Execute()
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func openFolder(t *testing.T, dir string) *dbx.DB {
	t.Helper()
	db, err := hooks.Connect(filepath.Join(dir, "data.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// envOf reads NAME=value lines.
func envOf(lines []string) func(string) string {
	return func(name string) string {
		for _, line := range lines {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// TestRotateSurvivesKill kills the rotation at eight moments. Whatever the moment, everything opens, and it is all old or all new: the
// next start can tell what it has to do.
func TestRotateSurvivesKill(t *testing.T) {
	t.Parallel()
	const identities = 6_000
	keys := []string{firstKey, otherKey}
	dir := sealedHome(t, []string{"WXBASE_SECRET_KEY=" + firstKey}, identities)
	db := openFolder(t, dir)
	var whole time.Duration
	for moment := range 9 {
		env := []string{"WXBASE_SECRET_KEY=" + keys[(moment+1)%2], "WXBASE_SECRET_KEY_OLD=" + keys[moment%2]}
		began := time.Now()
		cmd := command(t, dir, env, "secrets", "rotate")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if moment == 0 { // the first one runs to its end and tells how long that takes
			if err := cmd.Wait(); err != nil {
				t.Fatalf("rotate: %v", err)
			}
			whole = time.Since(began)
		} else {
			killAfter(t, cmd, whole*time.Duration(moment)/9)
		}
		list := sealedPlaces(t, db)
		counts := [2]int{}
		for i, key := range keys {
			vault, err := settings.NewVault([]byte(key))
			if err != nil {
				t.Fatal(err)
			}
			counts[i] = len(openEach(vault, list))
		}
		if len(list) < identities || counts[0]+counts[1] != len(list) || counts[0] != 0 && counts[1] != 0 {
			t.Fatalf("moment %d: %d secrets open with the first key, %d with the other, want all %d with one of them", moment, counts[0], counts[1], len(list))
		}
		if moment == 0 && counts[1] == 0 {
			t.Fatal("the rotation that was not killed changed nothing")
		}
		finish(t, dir, env)
	}
}

func killAfter(t *testing.T, cmd *exec.Cmd, d time.Duration) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(d):
		_ = cmd.Process.Kill()
		<-done
	}
}

// finish lets a rotation that was killed run again, and wants nothing left to do after it.
func finish(t *testing.T, dir string, env []string) {
	t.Helper()
	for range 2 {
		if code, _, stderr := run(t, dir, env, "secrets", "rotate"); code != 0 {
			t.Fatalf("rotate again: got exit %d, %s", code, stderr)
		}
	}
}

// TestRotate: a new key file, a key that moves into the environment and back, and one that is lost.
func TestRotate(t *testing.T) {
	t.Parallel()
	dir := sealedHome(t, nil, 3)
	keyFile := func() string {
		raw, _ := os.ReadFile(filepath.Join(dir, settings.KeyFile))
		return string(raw)
	}
	before := keyFile()
	code, stdout, stderr := run(t, dir, nil, "secrets", "rotate")
	if code != 0 || !strings.Contains(stdout, "4 stored secrets sealed anew") || !strings.Contains(stdout, settings.RetiredKeyFile) {
		t.Fatalf("key file: got exit %d, %q, %q", code, stdout, stderr)
	}
	if after := keyFile(); after == before || len(after) != len(before) || strings.Contains(stdout+stderr, strings.TrimSpace(after)) {
		t.Errorf("key file: got the old one, or one that was printed")
	}
	p := launchWith(t, dir, []string{"WXBASE_SECRET_KEY=" + firstKey}, "/api/wx/health", "serve")
	if out := p.out.String(); !strings.Contains(out, "4 stored secrets sealed anew") || !strings.Contains(out, "wx0123456789abcdef (stored)") {
		t.Errorf("start with a key in the environment: got %q", out)
	}
	code, _, stderr = run(t, dir, []string{"WXBASE_SECRET_KEY=" + otherKey, "WXBASE_SECRET_KEY_OLD=" + firstKey}, "secrets", "rotate")
	if code != 1 || !strings.Contains(stderr, "is in use by") {
		t.Errorf("beside the server: got exit %d, %q, want 1 and who holds the folder", code, stderr)
	}
	p.end(syscall.SIGTERM)
	code, _, stderr = run(t, dir, []string{"WXBASE_SECRET_KEY=" + otherKey}, "secrets", "rotate")
	if code != 1 || !strings.Contains(stderr, "1 in wx_apps.secret") || !strings.Contains(stderr, "WXBASE_SECRET_KEY_OLD") || strings.Contains(stderr, otherKey) {
		t.Errorf("the key before is not named: got exit %d, %q, want 1 and what is lost", code, stderr)
	}
	if code, stdout, stderr := run(t, dir, []string{"WXBASE_SECRET_KEY_OLD=" + firstKey}, "secrets", "rotate"); code != 0 {
		t.Errorf("back to a key file: got exit %d, %q, %q", code, stdout, stderr)
	}
	if got := openEach(vaultOf(t, dir), sealedPlaces(t, openFolder(t, dir))); len(got) != 4 {
		t.Errorf("at the end: %d secrets open with the key file, want 4", len(got))
	}
}

func vaultOf(t *testing.T, dir string) *settings.Vault {
	t.Helper()
	v, _, err := settings.OpenVault(dir, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestLostKeyIsAnAlert: a start with a key that opens nothing goes on, says so, and keeps saying so until the secrets open again.
func TestLostKeyIsAnAlert(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	fillSealed(t, app)
	kept, err := os.ReadFile(filepath.Join(app.DataDir(), settings.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(app.DataDir(), settings.KeyFile)); err != nil {
		t.Fatal(err)
	}
	next := app.TestApp
	for _, want := range []int64{1, 1, 0} { // the key is back for the last start
		if want == 0 {
			if err := os.WriteFile(filepath.Join(next.DataDir(), settings.KeyFile), kept, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		next = restart(t, next.DataDir(), map[string]string{"WXBASE_SECRET_KEY": firstKey})
		open, err := next.CountRecords("wx_alerts", dbx.HashExp{"kind": "secret", "subject": "stored secrets", "closedAt": ""})
		if err != nil || open != want {
			t.Fatalf("got %d open alerts, %v, want %d", open, err, want)
		}
	}
}
