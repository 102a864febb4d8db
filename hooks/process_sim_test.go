package hooks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wxbase/internal/sim"
)

// TestSimAlone: the simulator without the rest, for any backend to develop against.
func TestSimAlone(t *testing.T) {
	t.Parallel()
	p := launch(t, home(t), "/_sim/config", "sim")
	var c sim.Config
	raw, _ := json.Marshal(p.must(http.MethodGet, "/_sim/config", "", nil))
	if err := json.Unmarshal(raw, &c); err != nil || c.APIBase != "http://"+p.addr {
		t.Fatalf("config: got apiBase %q, %v, want http://%s", c.APIBase, err, p.addr)
	}
	person, _ := p.must(http.MethodPost, "/_sim/people", "", map[string]string{"nickname": "小明"})["id"].(string)
	code, _ := p.must(http.MethodPost, "/_sim/people/"+person+"/login", "", map[string]string{})["code"].(string)
	session := p.must(http.MethodGet, "/sns/jscode2session?grant_type=authorization_code&appid="+c.Apps[0].AppID+
		"&secret="+c.Apps[0].Secret+"&js_code="+code, "", nil)
	if openid, _ := session["openid"].(string); openid == "" || session["session_key"] == nil {
		t.Errorf("jscode2session: got %v, want an openid and a session_key", session)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "data.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("data.db: got %v, want no database", err)
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: got exit %d, want 0: %s", code, p.out)
	}
	out := p.out.String()
	for _, want := range []string{"http://" + p.addr + "/_sim/", c.Apps[0].AppID, c.Merchants[0].MchID} {
		if !strings.Contains(out, want) {
			t.Errorf("got %q, want it to say %q", out, want)
		}
	}
	if strings.Contains(out, c.Apps[0].Secret) || strings.Contains(out, c.Merchants[0].APIV3Key) {
		t.Errorf("got %q, want no secret", out)
	}
}

// TestServeSimTwice: the second start keeps the keys, the superuser's password and the products.
func TestServeSimTwice(t *testing.T) {
	t.Parallel()
	dir := home(t)
	first := serveSim(t, dir)
	out := first.out.String()
	password := demoPassword(t, out)
	for _, want := range []string{"http://" + first.addr + "/\n", "http://" + first.addr + "/_/ ", "http://" + first.addr + "/_sim/\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("start lines: got %q, want %q in them", out, want)
		}
	}
	token := first.login("demo@example.com", password)
	first.sell(token, 1)
	before := first.must(http.MethodGet, "/_sim/config", "", nil)
	if code := first.end(syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: got exit %d, want 0: %s", code, first.out)
	}
	second := serveSim(t, dir)
	if got := demoPassword(t, second.out.String()); got != password {
		t.Errorf("second start: got password %q, want %q", got, password)
	}
	second.login("demo@example.com", password)
	if n := second.products(); n != 7 {
		t.Errorf("second start: got %d products, want the 6 of the demo and mine", n)
	}
	after := second.must(http.MethodGet, "/_sim/config", "", nil)
	for _, list := range []string{"apps", "merchants"} {
		was, _ := json.Marshal(before[list])
		is, _ := json.Marshal(after[list])
		is = bytes.ReplaceAll(is, []byte(second.addr), []byte(first.addr)) // pushes go to where the server is now
		if !bytes.Equal(was, is) {
			t.Errorf("%s of the simulator have changed", list)
		}
	}
}

func serveSim(t *testing.T, dir string) *process {
	t.Helper()
	return launch(t, dir, "/api/wx/health", "serve", "--sim", "--simHttp", "127.0.0.1:0")
}

// demoPassword reads the line of the dashboard as a person does.
func demoPassword(t *testing.T, out string) string {
	t.Helper()
	_, rest, ok := strings.Cut(out, "demo@example.com")
	words := strings.Fields(rest)
	if !ok || len(words) == 0 {
		t.Fatalf("no login in %q", out)
	}
	return words[0]
}

// TestServeSimRefusesStored: real credentials in the database stop --sim too.
func TestServeSimRefusesStored(t *testing.T) {
	t.Parallel()
	dir := home(t)
	if code, _, stderr := run(t, dir, nil, "superuser", "create", "owner@example.com", "a-long-password"); code != 0 {
		t.Fatalf("superuser: %s", stderr)
	}
	p := launch(t, dir, "/api/wx/health", "serve")
	token := p.login("owner@example.com", "a-long-password")
	p.must(http.MethodPost, "/api/collections/wx_apps/records", token, map[string]any{
		"appid": "wx0123456789abcdef", "secret": strings.Repeat("5e", 16), "enabled": true,
	})
	if status, _ := p.call(http.MethodGet, "/_sim/config", "", nil); status != http.StatusNotFound {
		t.Errorf("/_sim/config without --sim: got %d, want 404", status)
	}
	p.end(syscall.SIGTERM)
	code, stdout, stderr := run(t, dir, nil, "serve", "--sim", "--http", "127.0.0.1:0", "--simHttp", "127.0.0.1:0")
	if code != 1 || !strings.Contains(stderr, "--sim refuses to start") || strings.Contains(stdout+stderr, strings.Repeat("5e", 16)) {
		t.Errorf("got exit %d, %q, want 1 and a refusal", code, stderr)
	}
}
