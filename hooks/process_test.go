package hooks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxbase/internal/apptest"
)

// process is the executable at work in a folder of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string // data folder
	out  *output
	addr string
	done chan struct{} // closed when it has ended
}

// output collects what a process writes while the test reads it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// home is a folder with a place for data, so that nothing of the machine is taken up (pb_hooks, pb_migrations, pb_public).
func home(t *testing.T) (dir string) {
	t.Helper()
	return filepath.Join(t.TempDir(), "pb_data")
}

// command prepares the executable with an environment that knows nothing of this machine's settings.
func command(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	if args[0] == "superuser" {
		args = append(args, "--new") // the first step of many a test; TestWrongFolder goes without
	}
	cmd := exec.CommandContext(t.Context(), apptest.Binary(t), append(args, "--dir", dir)...)
	cmd.Dir = filepath.Dir(dir)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}, append(unlimitedEnv(), env...)...)
	return cmd
}

// unlimitedEnv takes the limits per person away for a process.
func unlimitedEnv() (env []string) {
	for name, value := range apptest.Unlimited() {
		env = append(env, name+"="+value)
	}
	return env
}

// run lets a command end by itself and gives its exit code and what it said.
func run(t *testing.T, dir string, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := command(t, dir, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	watch := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer watch.Stop()
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("run %v: %v", args, err)
	} else if ok {
		return exit.ExitCode(), out.String(), errs.String()
	}
	return 0, out.String(), errs.String()
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// launch starts a command that stays, and waits until path answers 200.
func launch(t *testing.T, dir, path string, args ...string) *process {
	t.Helper()
	return launchWith(t, dir, nil, path, args...)
}

// launchWith is launch with more in the environment.
func launchWith(t *testing.T, dir string, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, out: &output{}, addr: freeAddr(t), done: make(chan struct{})}
	p.cmd = command(t, dir, env, append(args, "--http", p.addr)...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.done); _ = p.cmd.Wait() }()
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	p.waitFor(path)
	return p
}

func (p *process) waitFor(path string) {
	p.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		select {
		case <-p.done:
			p.t.Fatalf("ended at once: %s", p.out)
		case <-deadline:
			p.t.Fatalf("%s does not answer: %s", path, p.out)
		case <-tick.C:
		}
		if res, err := http.Get("http://" + p.addr + path); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
}

// end signals the process and gives its exit code, -1 for one that was killed.
func (p *process) end(how syscall.Signal) int {
	_ = p.cmd.Process.Signal(how)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Errorf("does not end on %s: %s", how, p.out)
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) call(method, path, token string, body any) (int, map[string]any) {
	p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.addr+path, bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	res, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", method, path, err, p.out)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var answer map[string]any
	_ = json.Unmarshal(text, &answer)
	return res.StatusCode, answer
}

func (p *process) must(method, path, token string, body any) map[string]any {
	p.t.Helper()
	status, answer := p.call(method, path, token, body)
	if status >= http.StatusBadRequest {
		p.t.Fatalf("%s %s: got %d %v", method, path, status, answer)
	}
	return answer
}

func (p *process) login(email, password string) string {
	p.t.Helper()
	token, _ := p.must(http.MethodPost, "/api/collections/_superusers/auth-with-password", "",
		map[string]string{"identity": email, "password": password})["token"].(string)
	return token
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
	if n := next.products(); n != 15 {
		t.Errorf("after the crash: got %d products, want the 5 of the demo and all 10 that were answered with 200", n)
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
	for deadline := time.After(patience); ; {
		select {
		case <-p.done:
			p.t.Fatalf("ended: %s", p.out)
		case <-deadline:
			p.t.Fatalf("not %d products within %s: %s", n, patience, p.out)
		case <-tick.C:
		}
		res, err := http.Get("http://" + p.addr + "/api/collections/products/records?perPage=1")
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
