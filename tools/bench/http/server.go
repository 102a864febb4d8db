package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
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
	"time"
)

const (
	email    = "bench@example.com"
	password = "bench-on-loopback" //nolint:gosec // of a database that lives as long as this run
)

// server is the process that is measured, with the stub that it takes for WeChat.
type server struct {
	addr, dir, bin, token string

	listen bool
	bare   bool // the process is PocketBase alone
	wechat *stub
	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process has ended
	http   *http.Client
}

// start starts a server with an empty data folder, and makes it a shop.
func start(c config) (*server, error) {
	bin, err := filepath.Abs(c.bin)
	if err != nil {
		return nil, err
	}
	probe, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a port that nobody has
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	defer probe.Close()
	dir, err := os.MkdirTemp("", "wxbase-bench-")
	if err != nil {
		return nil, err
	}
	wechat, err := startStub()
	if err != nil {
		return nil, err
	}
	s := &server{addr: probe.Addr().String(), dir: dir, bin: bin, listen: c.listen, wechat: wechat}
	s.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	_ = probe.Close()
	if err := s.open(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// open makes the superuser, starts the process and switches PocketBase's limits off.
func (s *server) open() error {
	out, err := exec.Command(s.bin, "superuser", "upsert", email, password, "--new", "--dir", s.data()).CombinedOutput() //nolint:gosec,noctx // what -bin says
	if err != nil {
		return fmt.Errorf("make the superuser: %w: %s", err, out)
	}
	if err := s.writeHooks(); err != nil {
		return err
	}
	if err := s.launch(); err != nil {
		return err
	}
	var auth struct{ Token string }
	err = s.call(http.MethodPost, "/api/collections/_superusers/auth-with-password", "", map[string]any{"identity": email, "password": password}, &auth)
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	s.token = auth.Token
	return s.call(http.MethodPatch, "/api/settings", s.token, map[string]any{"rateLimits": map[string]any{"enabled": false}}, nil)
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// writeHooks makes the folder, and where somebody is to listen, hooks that do what little a hook does.
func (s *server) writeHooks() error {
	if err := os.MkdirAll(s.hooks(), 0o700); err != nil || !s.listen {
		return err
	}
	return os.WriteFile(filepath.Join(s.hooks(), "bench.pb.js"), []byte(`
onRecordAfterUpdateSuccess((e) => { e.record.getString("payState"); e.next() }, "orders")
onWxOrderPaid((e) => { e.order.getString("number"); e.next() })
`), 0o600)
}

func (s *server) hooks() string { return filepath.Join(s.dir, "pb_hooks") }

// launch starts the process and waits until it answers.
func (s *server) launch() error {
	var output bytes.Buffer
	args := []string{"serve", "--http", s.addr, "--dir", s.data()}
	if !s.bare {
		args = append(args, "--hooksDir", s.hooks())
	}
	s.cmd = exec.Command(s.bin, args...) //nolint:gosec,noctx // it lives until stop
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, &output, &output
	s.cmd.Env = append(os.Environ(),
		"WXBASE_APPID="+appID, "WXBASE_APP_SECRET="+v2Key, "WXBASE_MCH_ID="+mchID, "WXBASE_PAY_API=v2", "WXBASE_APIV2_KEY="+v2Key, "WXBASE_PAY_SIGN_TYPE=MD5",
		"WXBASE_PUBLIC_URL=https://shop.example.com", "WXBASE_SECRET_KEY=bench-bench-bench-bench-bench-bench-1", "WXBASE_ALLOW_CUSTOM_BASE=1",
		"WXBASE_API_BASE="+s.wechat.url, "WXBASE_PAY_BASE="+s.wechat.url, "WXBASE_ORDER_NOTICE=off", "WXBASE_OPEN_ORDERS=-1", "WXBASE_ORDERS_PER_DAY=-1",
		"WXBASE_CALLS_PER_MINUTE=-1", "WXBASE_PHONES_PER_DAY=-1", "WXBASE_LOGINS_PER_MINUTE=-1", "WXBASE_CODES_PER_DAY=-1")
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan<- struct{}) {
		defer close(ended)
		_ = cmd.Wait() // what it printed says more
	}(s.cmd, s.ended)
	for range 1_000 {
		if s.call(http.MethodGet, "/api/health", "", nil, nil) == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended: %s", output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("the server does not answer: %s", output.String())
}

// die kills the process where it stands.
func (s *server) die() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.ended
}

// replace goes on with PocketBase alone in the same folder.
func (s *server) replace(bin string) (err error) {
	s.end()
	if s.bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	s.bare = true
	return s.launch()
}

// end ends the process, if there is one.
func (s *server) end() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(15 * time.Second):
		s.die()
	}
}

func (s *server) stop() {
	s.end()
	_ = s.wechat.server.Close()
	_ = os.RemoveAll(s.dir)
}

// call sends a request and reads its answer into answer, unless that is nil.
func (s *server) call(method, path, token string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	status, got, err := s.send(method, path, token, "application/json", raw)
	if err != nil {
		return err
	}
	if status > 299 {
		return fmt.Errorf("%s answers %d: %s", path, status, got)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(got, answer)
}

func (s *server) send(method, path, token, kind string, body []byte) (status int, answer []byte, err error) {
	var from io.Reader
	if method != http.MethodGet {
		from = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+s.addr+path, from)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// usage is what /proc says of the process: CPU since its start, and resident bytes.
func (s *server) usage() (cpu time.Duration, rss int64, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the process's CPU: %w", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	pages, _ := strconv.ParseInt(fields[21], 10, 64)
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that matters
	return time.Duration(user+system) * tick, pages * int64(os.Getpagesize()), nil
}

// picture is what WeChat answers with for a code.
var picture = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 280, 280)), nil) // into memory
	return b.Bytes()
})
