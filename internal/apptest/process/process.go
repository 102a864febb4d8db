// Package process runs the built executable for tests that need one: commands with their exit codes, servers that are
// signalled or killed.
package process

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
	"sync"
	"syscall"
	"testing"
	"time"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
)

// Patience is how long a test waits for what a process does.
const Patience = 20 * time.Second

// Process is the executable at work in a folder of its own.
type Process struct {
	T    *testing.T
	Cmd  *exec.Cmd
	Dir  string        // data folder
	Out  *Output       // what it has written
	Addr string        // where it listens
	Done chan struct{} // closed when it has ended
}

// Output collects what a process writes while the test reads it.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String is all that has been written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Home is a folder with a place for data, so that nothing of the machine is taken up (pb_hooks, pb_migrations, pb_public).
func Home(t *testing.T) (dir string) {
	t.Helper()
	return filepath.Join(t.TempDir(), "pb_data")
}

// Command prepares the executable with an environment that knows nothing of this machine's settings.
func Command(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	if args[0] == "superuser" {
		args = append(args, "--new") // the first step of many a test; TestWrongFolder goes without
	}
	cmd := exec.CommandContext(t.Context(), apptest.Binary(t), append(args, "--dir", dir)...) //nolint:gosec // our own program
	cmd.Dir = filepath.Dir(dir)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}, append(UnlimitedEnv(), env...)...)
	return cmd
}

// UnlimitedEnv takes the limits per person away for a process.
func UnlimitedEnv() (env []string) {
	for name, value := range apptest.Unlimited() {
		env = append(env, name+"="+value)
	}
	return env
}

// Run lets a command end by itself and gives its exit code and what it said.
func Run(t *testing.T, dir string, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := Command(t, dir, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	watch := time.AfterFunc(Patience, func() { _ = cmd.Process.Kill() })
	defer watch.Stop()
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("run %v: %v", args, err)
	} else if ok {
		return exit.ExitCode(), out.String(), errs.String()
	}
	return 0, out.String(), errs.String()
}

// FreeAddr is an address of this machine that nobody listens at.
func FreeAddr(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Launch starts a command that stays, and waits until path answers 200.
func Launch(t *testing.T, dir, path string, args ...string) *Process {
	t.Helper()
	return LaunchWith(t, dir, nil, path, args...)
}

// LaunchWith is Launch with more in the environment.
func LaunchWith(t *testing.T, dir string, env []string, path string, args ...string) *Process {
	t.Helper()
	addr := FreeAddr(t)
	p := Begin(t, dir, addr, Command(t, dir, env, append(args, "--http", addr)...))
	p.WaitFor(path)
	return p
}

// Begin starts a command that will listen at addr, and does not wait for it. It is killed when the test ends.
func Begin(t *testing.T, dir, addr string, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{T: t, Cmd: cmd, Dir: dir, Out: &Output{}, Addr: addr, Done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.Out, p.Out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.Done); _ = cmd.Wait() }()
	t.Cleanup(func() { p.End(syscall.SIGKILL) })
	return p
}

// WaitFor polls until path answers 200.
func (p *Process) WaitFor(path string) {
	p.T.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(Patience); ; {
		select {
		case <-p.Done:
			p.T.Fatalf("ended at once: %s", p.Out)
		case <-deadline:
			p.T.Fatalf("%s does not answer: %s", path, p.Out)
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(p.T.Context(), http.MethodGet, "http://"+p.Addr+path, http.NoBody)
		if err != nil {
			p.T.Fatal(err)
		}
		if res, err := web.Client.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
}

// End signals the process and gives its exit code, -1 for one that was killed.
func (p *Process) End(how syscall.Signal) int {
	_ = p.Cmd.Process.Signal(how)
	select {
	case <-p.Done:
	case <-time.After(Patience):
		p.T.Errorf("does not end on %s: %s", how, p.Out)
		_ = p.Cmd.Process.Kill()
		<-p.Done
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Call sends body as JSON and reads the answer.
func (p *Process) Call(method, path, token string, body any) (int, map[string]any) {
	p.T.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.T.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.T.Context(), method, "http://"+p.Addr+path, bytes.NewReader(raw))
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	res, err := (&http.Client{Timeout: Patience, Transport: web.Transport}).Do(req)
	if err != nil {
		p.T.Fatalf("%s %s: %v\n%s", method, path, err, p.Out)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.T.Fatal(err)
	}
	var answer map[string]any
	_ = json.Unmarshal(text, &answer)
	return res.StatusCode, answer
}

// Must is Call for steps that have to work.
func (p *Process) Must(method, path, token string, body any) map[string]any {
	p.T.Helper()
	status, answer := p.Call(method, path, token, body)
	if status >= http.StatusBadRequest {
		p.T.Fatalf("%s %s: got %d %v", method, path, status, answer)
	}
	return answer
}

// Login gives a token of a superuser.
func (p *Process) Login(email, password string) string {
	p.T.Helper()
	token, _ := p.Must(http.MethodPost, "/api/collections/_superusers/auth-with-password", "",
		map[string]string{"identity": email, "password": password})["token"].(string)
	return token
}
