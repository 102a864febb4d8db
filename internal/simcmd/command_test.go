package simcmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wxbase/internal/apptest/web"
	"wxbase/internal/sim"
)

// run executes a command line against a simulator and gives what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := New(func() string { return t.TempDir() }, anywhere)
	command.SetOut(&out)
	command.SetErr(&out)
	command.SetArgs(args)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func startServer(t *testing.T, opts ...sim.Option) *server {
	t.Helper()
	s, err := start(t.Context(), "127.0.0.1:0", "", append(opts, sim.WithKeyBits(1024))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestEnv: each form is read back as it was.
func TestEnv(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	config := s.wechat.Config()
	asJSON, err := run(t, "env", "--url", s.url, "-o", "json")
	var object map[string]string
	if err != nil || json.Unmarshal([]byte(asJSON), &object) != nil {
		t.Fatalf("got %s, %v, want JSON", asJSON, err)
	}
	if object["WX_APPID"] != config.Apps[0].AppID || object["WXBASE_MCH_PRIVATE_KEY"] != config.Merchants[0].PrivateKey || object["WXBASE_SIM_URL"] != s.url {
		t.Error("the environment is not that of the simulator")
	}
	shell, err := run(t, "env", "--url", s.url, "-o", "shell")
	if err != nil {
		t.Fatal(err)
	}
	script := exec.Command("sh", "-c", shell+`printf %s "$WX_MCH_PRIVATE_KEY"`)
	if got, err := script.Output(); err != nil || string(got) != config.Merchants[0].PrivateKey {
		t.Errorf("got %q, %v from the shell, want the key with its lines", got, err)
	}
	dotenv, err := run(t, "env", "--url", s.url)
	if err != nil || !strings.Contains(dotenv, `WX_MCH_PRIVATE_KEY="-----BEGIN `+`PRIVATE KEY-----\n`) || strings.Count(dotenv, "\n") != len(object) {
		t.Errorf("got %v, want one line for each name", err)
	}
	if _, err := run(t, "env", "--url", s.url, "-o", "yaml"); err == nil {
		t.Error("got no error for an unknown form")
	}
}

// TestExec: the command finds the simulator, and its exit code is passed on.
func TestExec(t *testing.T) {
	t.Parallel()
	curl := `test -n "$WX_APPID" && test -n "$WX_MCH_PRIVATE_KEY" && case "$WXBASE_SIM_URL" in http://127.0.0.1:*) echo "$WX_API_BASE";; *) exit 9;; esac`
	out, err := run(t, "exec", "--", "sh", "-c", curl)
	if err != nil || !strings.HasPrefix(out, "http://127.0.0.1:") {
		t.Fatalf("got %q, %v, want the address", out, err)
	}
	if _, err := run(t, "env", "--url", strings.TrimSpace(out)); err == nil {
		t.Error("the simulator still answers after its command")
	}
	command := execCommand()
	command.SetContext(t.Context())
	var child *exec.ExitError
	if err := runBeside(command, []string{"sh", "-c", "exit 7"}, oneOfEach); !errors.As(err, &child) || child.ExitCode() != 7 {
		t.Errorf("got %v, want exit code 7", err)
	}
	if err := runBeside(command, []string{"no-such-command"}, oneOfEach); err == nil {
		t.Error("got no error for a command that is not there")
	}
}

// TestActs: trigger, logs, resend and state against one simulator.
func TestActs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	if out, err := run(t, "trigger", "--url", s.url); err != nil || !strings.Contains(out, "pay.success\n") || !strings.Contains(out, "refund.abnormal\n") {
		t.Errorf("got %q, %v, want the list", out, err)
	}
	if _, err := run(t, "trigger", "pay.success", "--url", s.url); err == nil || !strings.Contains(err.Error(), "no order") {
		t.Errorf("got %v, want it said that there is no order", err)
	}
	if _, err := run(t, "resend", "nobody", "--url", s.url); err == nil {
		t.Error("got no error for an unknown notification")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v3/certificates", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Accept": {"*/*"}, "User-Agent": {"x"}, "Authorization": {
		`WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n",signature="AA==",timestamp="1767232801000",serial_no="S"`,
	}}
	resp, err := web.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	out, err := run(t, "logs", "--url", s.url, "--refused")
	if err != nil || !strings.Contains(out, "refused 401 GET /v3/certificates  SIGN_ERROR") || !strings.Contains(out, "clock_off: ") && !strings.Contains(out, "milliseconds: ") {
		t.Errorf("got %q, %v, want the call and its mistake", out, err)
	}
	if out, err := run(t, "logs", "--url", s.url, "--path", "/nowhere"); err != nil || out != "" {
		t.Errorf("got %q, %v, want nothing of another path", out, err)
	}
	file := filepath.Join(t.TempDir(), "state.jsonl")
	for _, args := range [][]string{{"state", "export", file}, {"state", "save", "first"}, {"state", "reset"}, {"state", "import", file}, {"state", "load", "first"}} {
		if _, err := run(t, append(args, "--url", s.url)...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	if out, err := run(t, "state", "list", "--url", s.url); err != nil || out != "first\n" {
		t.Errorf("got %q, %v, want the kept state", out, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file of 0600", info, err)
	}
	if _, err := run(t, "logs", "--url", "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "wxbase sim") {
		t.Errorf("got %v, want it said how to start one", err)
	}
}

// TestLogsFollow: the twelve mistakes are told by the same list; a follower prints each as it comes, once.
func TestLogsFollow(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := printer{out: &out}
	list := []call{{ID: 4, Verdict: "refused", Status: 401, Method: "GET", Path: "/v3/x", Reason: "because"}}
	p.print(list)
	if p.seen != 4 || !strings.Contains(out.String(), "because") {
		t.Errorf("got %d and %q, want the reason told", p.seen, out.String())
	}
	raw := `{"id":5,"verdict":"refused","finding":{"mistake":"method_case","says":"in capitals","says_zh":"大写","signed":"x","diff":[{"name":"method","signed":"get","expected":"GET","at":0},{"name":"url","signed":"/","expected":"/","at":-1}]}}`
	var c call
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	p.chinese = true
	p.print([]call{c})
	if got := out.String(); !strings.Contains(got, "method_case: 大写") || !strings.Contains(got, "- method     get") || !strings.Contains(got, "+ method     GET") || strings.Contains(got, "url") {
		t.Errorf("got %q, want the line that differs and no other", got)
	}
}

// TestLogsOfTheRefused: the latest of those that are wanted, whatever was called since.
func TestLogsOfTheRefused(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := printer{out: &out, refused: true}
	p.printLast([]call{{ID: 1, Verdict: "refused", Reason: "first"}, {ID: 2, Verdict: "refused", Reason: "second"}, {ID: 3, Verdict: "ok"}}, 1)
	if got := out.String(); p.seen != 3 || !strings.Contains(got, "second") || strings.Contains(got, "first") {
		t.Errorf("got %q up to %d, want the second up to 3", got, p.seen)
	}
}

// TestCertificatesNeedTLS: a rule that could never be met is refused at the start.
func TestCertificatesNeedTLS(t *testing.T) {
	t.Parallel()
	if _, err := run(t, "--clientCertificates", "--http", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "--tls") {
		t.Errorf("got %v, want --tls asked for", err)
	}
}

// oneOfEach is a simulator on any port.
var oneOfEach = serverFlags{addr: "127.0.0.1:0", apps: 1, merchants: 1}

// anywhere lets the simulator listen at every address.
func anywhere(string, bool) error { return nil }

// TestSeveral: further mini programs and merchants are in the environment under numbered names, and given credentials are taken over.
func TestSeveral(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte("apps: [{appid: wx00000000000000aa, secret: mine}]\nmerchants: [{mchid: '1900000001'}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, "exec", "--credentials", file, "--apps", "2", "--merchants", "3", "--", "sh", "-c",
		`test "$WX_APPID" = wx00000000000000aa && test "$WX_SECRET" = mine && test "$WX_MCHID" = 1900000001 && test -n "$WX_SECRET_2" && test -n "$WX_MCH_PRIVATE_KEY_3" && echo "$WX_APPIDS $WX_MCHIDS"`)
	if err != nil || strings.Count(out, ",") != 3 || !strings.HasPrefix(out, "wx00000000000000aa,") {
		t.Fatalf("got %q, %v, want two mini programs and three merchants", out, err)
	}
	if err := os.WriteFile(file, []byte("apps: [{appId: wx, sekret: hush}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "exec", "--credentials", file, "--", "true"); err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "mine.yaml") {
		t.Errorf("got %v, want the file named and nothing of it quoted", err)
	}
	if _, err := run(t, "exec", "--merchants", "0", "--", "true"); err == nil {
		t.Error("got no error for no merchant")
	}
}
