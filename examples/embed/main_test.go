package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const owner, password = "owner@example.com", "a-long-password"

// TestMain is the program itself when a test asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("EMBED_SERVE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is the running example.
type program struct {
	t       *testing.T
	address string
	mu      sync.Mutex
	said    bytes.Buffer
}

// Write keeps what the program prints.
func (p *program) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(line)
}

// text is what the program has printed so far.
func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// freeAddress is one of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// serve starts the program on an empty folder with a superuser, and waits until it answers.
func serve(t *testing.T) *program {
	t.Helper()
	p, dir := &program{t: t, address: freeAddress(t)}, t.TempDir()
	command := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0], append(args, "--dir", dir)...)
		c.Env = append(os.Environ(), "EMBED_SERVE=1")
		if os.Getenv("WXBASE_SIM_URL") != "" { // the real WeChat notifies over https only
			c.Env = append(c.Env, "WXBASE_PUBLIC_URL=http://"+p.address)
		}
		c.Stdout, c.Stderr = p, p
		return c
	}
	if err := command("superuser", "upsert", owner, password).Run(); err != nil {
		t.Fatalf("superuser: %v\n%s", err, p.text())
	}
	server := command("serve", "--http", p.address)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	p.until("the program answers", func() bool {
		status, _, err := p.call(http.MethodGet, "http://"+p.address+"/api/wx/health", "", nil)
		return err == nil && status == http.StatusOK
	})
	return p
}

// until waits for something that the program does by itself.
func (p *program) until(what string, done func() bool) {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(end) {
			p.t.Fatalf("waited a minute until %s; the program said:\n%s", what, p.text())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// call sends JSON and reads JSON.
func (p *program) call(method, url, token string, body any) (status int, answer map[string]any, err error) {
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, url, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil && !errors.Is(err, io.EOF) {
		return res.StatusCode, nil, err
	}
	return res.StatusCode, answer, nil
}

// must is call of a step that has to work; a path without an origin is the program's.
func (p *program) must(method, url, token string, body any) map[string]any {
	p.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = "http://" + p.address + url
	}
	status, answer, err := p.call(method, url, token, body)
	if err != nil || status >= http.StatusBadRequest {
		p.t.Fatalf("%s %s: got %d %v, %v; the program said:\n%s", method, url, status, answer, err, p.text())
	}
	return answer
}

// superuser logs the owner in.
func (p *program) superuser() string {
	p.t.Helper()
	token, _ := p.must(http.MethodPost, "/api/collections/_superusers/auth-with-password", "", map[string]string{"identity": owner, "password": password})["token"].(string)
	return token
}

// TestServes: the program starts without credentials, has our routes beside its own, and asks for a superuser at its own.
func TestServes(t *testing.T) {
	p := serve(t)
	for _, path := range []string{"/shop/orders/any/sorry", "/shop/orders/any/ready", "/shop/tables/7/code", "/shop/tables/7/bill/any"} {
		status, _, err := p.call(http.MethodPost, "http://"+p.address+path, "", nil)
		if err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s without a login: got %d (%v), want 401", path, status, err)
		}
	}
}

// TestSells: beside a simulated WeChat the program makes an order, is told once it is paid, and gives the money back. The test runs itself
// inside `wxbase sim exec`, which is built for it.
func TestSells(t *testing.T) {
	wechat := os.Getenv("WXBASE_SIM_URL")
	if wechat == "" {
		besideWeChat(t)
		return
	}
	p := serve(t)
	super := p.superuser()
	person, _ := p.must(http.MethodPost, wechat+"/_sim/people", "", map[string]string{"nickname": "小明", "phone": "13800138000"})["id"].(string)
	phone := wechat + "/_sim/people/" + person
	login := p.must(http.MethodPost, "/api/wx/login", "", p.must(http.MethodPost, phone+"/login", "", map[string]string{}))
	token, _ := login["token"].(string)
	user, _ := login["record"].(map[string]any)["id"].(string)

	p.must(http.MethodPost, "/api/collections/rooms/records", super, map[string]any{"name": "kitchen", "joinRule": `@request.auth.id != ""`, "history": 10})
	order, _ := p.must(http.MethodPost, "/shop/tables/7/bill/"+user, super, nil)["id"].(string)
	cashier := p.must(http.MethodPost, "/api/wx/orders/"+order+"/pay", token, nil)
	cashier["action"] = "pay"
	if said := p.must(http.MethodPost, phone+"/pay", "", cashier)["errMsg"]; said != "requestPayment:ok" {
		t.Fatalf("cashier: got %v, want requestPayment:ok", said)
	}
	p.until("it is told of the payment", func() bool { return strings.Contains(p.text(), "paid: "+order) })
	p.until("the kitchen hears of the order", func() bool {
		heard, _ := p.must(http.MethodGet, "/api/wx/rooms/kitchen/messages", token, nil)["messages"].([]any)
		return len(heard) == 1 && strings.Contains(fmt.Sprint(heard[0]), order)
	})

	refund := p.must(http.MethodPost, "/shop/orders/"+order+"/sorry", super, nil)
	if got := refund["amount"]; got != 5800.0 {
		t.Errorf("refund: got %v, want 5800 fen", got)
	}
	p.until("the order is refunded", func() bool {
		return p.must(http.MethodGet, "/api/collections/orders/records/"+order, super, nil)["refunded"] == 5800.0
	})
}

// besideWeChat runs the test that calls it inside `wxbase sim exec`.
func besideWeChat(t *testing.T) {
	t.Helper()
	wxbase := filepath.Join(t.TempDir(), "wxbase")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-o", wxbase, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build wxbase: %v\n%s", err, out)
	}
	inside := exec.CommandContext(t.Context(), wxbase, "sim", "exec", "--", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	out, err := inside.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("beside the simulated WeChat: %v\n%s", err, out)
	}
}

// TestLinksNoSimulator: a program that does not name package simulated does not carry it, nor the libraries that only it needs.
func TestLinksNoSimulator(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{"wxbase/internal/sim\n", "wxbase/internal/simulator\n", "github.com/labstack/echo", "github.com/makiuchi-d/gozxing"} {
		if strings.Contains(string(out), unwanted) {
			t.Errorf("got %s among what is linked, want it left out", strings.TrimSpace(unwanted))
		}
	}
	if !strings.Contains(string(out), "wxbase/hooks\n") {
		t.Error("got a list without wxbase/hooks: it is no list of what is linked")
	}
}
