package hooks_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	kit "wxbase/internal/apptest/process"
	"wxbase/internal/apptest/web"
)

// process is the executable at work in a folder of its own.
type process struct {
	*kit.Process

	t    *testing.T
	cmd  *exec.Cmd
	dir  string // data folder
	out  *kit.Output
	addr string
	done chan struct{} // closed when it has ended
}

func home(t *testing.T) (dir string) {
	t.Helper()
	return kit.Home(t)
}

func command(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	return kit.Command(t, dir, env, args...)
}

func run(t *testing.T, dir string, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return kit.Run(t, dir, env, args...)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	return kit.FreeAddr(t)
}

func launch(t *testing.T, dir, path string, args ...string) *process {
	t.Helper()
	return launchWith(t, dir, nil, path, args...)
}

func launchWith(t *testing.T, dir string, env []string, path string, args ...string) *process {
	t.Helper()
	return wrap(kit.LaunchWith(t, dir, env, path, args...))
}

// begin starts a command that will listen at addr, and does not wait for it.
func begin(t *testing.T, dir, addr string, cmd *exec.Cmd) *process {
	t.Helper()
	return wrap(kit.Begin(t, dir, addr, cmd))
}

func wrap(p *kit.Process) *process {
	return &process{Process: p, t: p.T, cmd: p.Cmd, dir: p.Dir, out: p.Out, addr: p.Addr, done: p.Done}
}

func (p *process) end(how syscall.Signal) int { return p.End(how) }

func (p *process) call(method, path, token string, body any) (int, map[string]any) {
	p.t.Helper()
	return p.Call(method, path, token, body)
}

func (p *process) must(method, path, token string, body any) map[string]any {
	p.t.Helper()
	return p.Must(method, path, token, body)
}

func (p *process) login(email, password string) string {
	p.t.Helper()
	return p.Login(email, password)
}

func (p *process) products() (n int) {
	p.t.Helper()
	total, _ := p.must(http.MethodGet, "/api/collections/products/records?perPage=1", "", nil)["totalItems"].(float64)
	return int(total)
}

// sell adds products that are on sale.
func (p *process) sell(token string, n int) {
	p.t.Helper()
	for range n {
		p.must(http.MethodPost, "/api/collections/products/records", token, map[string]any{"name": "面", "price": 1, "active": true})
	}
}

// TestExitCodes: whatever fails exits 1 and says why in one line; systemd and CI see nothing else.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	addr := busy.Addr().String()
	real := []string{"WXBASE_APPID=wx0123456789abcdef", "WXBASE_APP_SECRET=" + strings.Repeat("5e", 16)}
	scenarios := []struct {
		name string
		args []string
		env  []string
		code int
		want string
	}{
		{"busy port", []string{"serve", "--http", addr}, nil, 1, "address already in use; another program is there: stop it, or choose another address by --http"},
		{"busy port of the simulator", []string{"serve", "--sim", "--http", "127.0.0.1:0", "--simHttp", addr}, nil, 1, "address already in use; another program is there: stop it, or choose another address by --simHttp"},
		{"busy port of the simulator alone", []string{"sim", "--http", addr}, nil, 1, "address already in use; another program is there"},
		{"busy port of an edge", []string{"edge", "--http", addr, "--primary", "http://" + addr, "--redis", "redis://" + addr}, nil, 1, "address already in use; another program is there"},
		{"no address of this machine", []string{"serve", "--http", "192.0.2.1:8090"}, nil, 1, "this machine has no such address: choose one by --http"},
		{"no port", []string{"serve", "--http", "127.0.0.1"}, nil, 1, "--http wants an address and a port, such as 127.0.0.1:8090"},
		{"a port that is none", []string{"serve", "--http", "127.0.0.1:99999"}, nil, 1, "--http wants an address and a port, such as 127.0.0.1:8090"},
		{"a folder of hooks that is not there", []string{"serve", "--http", "127.0.0.1:0", "--hooksDir", "nowhere"}, nil, 1, "--hooksDir names nowhere, which is no folder"},
		{"a folder of pages that is not there", []string{"serve", "--http", "127.0.0.1:0", "--publicDir", "nowhere"}, nil, 1, "--publicDir names nowhere, which is no folder"},
		{"a simulator for everybody", []string{"serve", "--sim", "--http", "0.0.0.0:0", "--simHttp", "127.0.0.1:0"}, nil, 1, "listen on 127.0.0.1, or say --simOpen"},
		{"a simulator for everybody on its own port", []string{"serve", "--sim", "--http", "127.0.0.1:0", "--simHttp", ":0"}, nil, 1, "listen on 127.0.0.1, or say --simOpen"},
		{"a simulator alone for everybody", []string{"sim", "--http", "[::]:0"}, nil, 1, "listen on 127.0.0.1, or say --simOpen"},
		{"a public address that WeChat does not call", []string{"serve", "--http", "127.0.0.1:0"}, []string{"WXBASE_PUBLIC_URL=http://shop.example.com"}, 1, "WXBASE_PUBLIC_URL must begin with https://"},
		{"a rule that cannot be evaluated", []string{"serve", "--http", "127.0.0.1:0"}, append([]string{"WXBASE_LINK_RULE=nosuchfield = 1"}, real...), 1, "WXBASE_LINK_RULE cannot be evaluated"},
		{"an appid that is none", []string{"serve", "--http", "127.0.0.1:0"}, []string{"WXBASE_APPID=1900000001"}, 1, "WXBASE_APPID must be wx and 16"},
		{"unknown command", []string{"bogus"}, nil, 1, `unknown command "bogus" for "wxbase"; see wxbase --help`},
		{"unknown command of a group", []string{"superuser", "craete"}, nil, 1, `unknown command "craete"`},
		{"unknown flag", []string{"serve", "--htpp", "127.0.0.1:0"}, nil, 1, "unknown flag: --htpp; see wxbase serve --help"},
		{"bad value of a flag", []string{"serve", "--sim=perhaps"}, nil, 1, "invalid argument"},
		{"too many arguments", []string{"sim", "now"}, nil, 1, `unknown command "now"`},
		{"too few arguments of a command with data", []string{"import", "article", "--new"}, nil, 1, "accepts 1 arg(s), received 0"},
		{"too many arguments of a command with data", []string{"import", "cloudbase", "a", "b", "--new"}, nil, 1, "accepts 1 arg(s), received 2"},
		{"too few arguments", []string{"superuser", "upsert"}, nil, 1, "missing email and password"},
		{"a secret key that is too short", []string{"serve", "--http", "127.0.0.1:0"}, []string{"WXBASE_SECRET_KEY=short-and-bad"}, 1, "WXBASE_SECRET_KEY must have"},
		{"a key that is no key", []string{"serve", "--http", "127.0.0.1:0"}, []string{"WXBASE_MCH_ID=1900000001", "WXBASE_MCH_PRIVATE_KEY=short-and-bad"}, 1, "WXBASE_MCH_PRIVATE_KEY is neither"},
		{"the simulator beside real credentials", []string{"serve", "--sim", "--http", "127.0.0.1:0", "--simHttp", "127.0.0.1:0"}, real, 1, "--sim refuses to start"},
		{"help", []string{"--help"}, nil, 0, ""},
		{"help of a command", []string{"serve", "--help"}, nil, 0, ""},
		{"a group alone", []string{"superuser"}, nil, 0, ""},
		{"version", []string{"--version"}, nil, 0, ""},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, home(t), s.env, s.args...)
			if code != s.code || !strings.Contains(stderr, s.want) {
				t.Errorf("got exit %d, %q, want %d with %q", code, stderr, s.code, s.want)
			}
			if lines := strings.Count(stderr, "\n"); lines != s.code {
				t.Errorf("got %d lines on standard error, want %d:\n%s", lines, s.code, stderr)
			}
			for _, secret := range []string{"short-and-bad", strings.Repeat("5e", 16)} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("says %q", secret)
				}
			}
		})
	}
}

// TestExitCodeOfMigration: a migration that fails stops the start.
func TestExitCodeOfMigration(t *testing.T) {
	t.Parallel()
	dir := home(t)
	scripts := filepath.Join(filepath.Dir(dir), "pb_migrations")
	if err := os.MkdirAll(scripts, 0o700); err != nil {
		t.Fatal(err)
	}
	script := `migrate((app) => { throw new Error("this one does not work") }, (app) => {})`
	if err := os.WriteFile(filepath.Join(scripts, "1999999999_bad.js"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := run(t, dir, nil, "serve", "--http", "127.0.0.1:0")
	if code != 1 || !strings.Contains(stderr, "this one does not work") {
		t.Errorf("got exit %d, %q, want 1 and the reason", code, stderr)
	}
}

// TestBackupThenCLIThenCrash: the way PocketBase's own backup loses rows. It drops the locks on the live files; a second process that
// opens and closes the database then deletes the write-ahead log under the server, which goes on committing into nothing.
func TestBackupThenCLIThenCrash(t *testing.T) {
	t.Parallel()
	dir := home(t)
	p := serveSim(t, dir)
	token := p.login("demo@example.com", demoPassword(t, p.out.String()))
	p.must(http.MethodPost, "/api/backups", token, map[string]string{"name": "one.zip"})
	p.sell(token, 5)
	if code, _, stderr := run(t, dir, nil, "superuser", "upsert", "second@example.com", "a-long-password"); code != 0 {
		t.Fatalf("superuser beside the server: %s", stderr)
	}
	p.sell(token, 5)
	p.wantNoDeleted()
	p.end(syscall.SIGKILL)
	next := serveSim(t, dir)
	if n := next.products(); n != 16 {
		t.Errorf("after the crash: got %d products, want the 6 of the demo and all 10 that were answered with 200", n)
	}
	next.login("second@example.com", "a-long-password")
}

// wantNoDeleted looks at the files of the process for a database that has lost its name.
func (p *process) wantNoDeleted() {
	p.t.Helper()
	folder := "/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/fd"
	open, err := os.ReadDir(folder)
	if err != nil {
		p.t.Logf("no %s on this system", folder)
		return
	}
	for _, f := range open {
		if target, err := os.Readlink(filepath.Join(folder, f.Name())); err == nil && strings.Contains(target, ".db") && strings.Contains(target, "(deleted)") {
			p.t.Errorf("the server writes into %s", target)
		}
	}
}

// TestRestore: a restore brings the rows and the files back, and keeps the key, without which no stored secret would open again.
func TestRestore(t *testing.T) {
	t.Parallel()
	dir := home(t)
	if code, _, stderr := run(t, dir, nil, "superuser", "create", "owner@example.com", "a-long-password"); code != 0 {
		t.Fatalf("superuser: %s", stderr)
	}
	p := launch(t, dir, "/api/wx/health", "serve")
	token := p.login("owner@example.com", "a-long-password")
	made := p.must(http.MethodPost, "/api/collections/wx_apps/records", token, map[string]any{
		"appid": "wx0123456789abcdef", "secret": strings.Repeat("5e", 16), "enabled": true,
	})
	p.must(http.MethodPost, "/api/backups", token, map[string]string{"name": "one.zip"})
	p.sell(token, 1)
	key, err := os.ReadFile(filepath.Join(dir, "wxbase.key"))
	if err != nil {
		t.Fatal(err)
	}
	p.must(http.MethodPost, "/api/backups/one.zip/restore", token, nil)
	p.waitForProducts(0) // the process replaces itself
	after, err := os.ReadFile(filepath.Join(dir, "wxbase.key"))
	if err != nil || !bytes.Equal(after, key) {
		t.Fatalf("the key file is another one than before the restore: %v", err)
	}
	id, _ := made["id"].(string)
	if status, row := p.call(http.MethodGet, "/api/collections/wx_apps/records/"+id, token, nil); status != http.StatusOK || row["secret"] != made["secret"] {
		t.Errorf("the stored secret: got %d %v, want it to open as before (%v)", status, row["secret"], made["secret"])
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM after a restore: got exit %d, want 0: %s", code, p.out)
	}
}

// waitForProducts waits until a restarted server answers with n products.
func (p *process) waitForProducts(n int) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(3 * patience); ; { // it looks at the backup, restores it, and starts anew
		select {
		case <-p.done:
			p.t.Fatalf("ended: %s", p.out)
		case <-deadline:
			p.t.Fatalf("not %d products within %s: %s", n, patience, p.out)
		case <-tick.C:
		}
		res, err := web.Client.Get("http://" + p.addr + "/api/collections/products/records?perPage=1")
		if err != nil {
			continue
		}
		var list struct{ TotalItems int }
		err = json.NewDecoder(res.Body).Decode(&list)
		_ = res.Body.Close()
		if err == nil && res.StatusCode == http.StatusOK && list.TotalItems == n {
			return
		}
	}
}
