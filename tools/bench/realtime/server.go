package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	room     = "bench"
	email    = "bench@example.com"
	password = "bench-on-loopback" //nolint:gosec // of a database that lives as long as this run
	padding  = 200                 // bytes
	large    = 2_000               // bytes, where buffers of the kernel are to be filled
)

// server is a process that is measured.
type server struct {
	name, addr, dir string
	token           string
	env             []string
	cmd             *exec.Cmd
	http            *http.Client
}

// startNode starts Node's socket.io.
func startNode(c config) (*server, error) {
	s, err := newServer("Node's socket.io")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(s.addr)
	return s, s.start(c.e2e, "node", "realtime/reference.js", port)
}

// startWxbase starts wxbase on an empty data folder and makes the room.
func startWxbase(c config) (*server, error) {
	s, err := newServer("wxbase")
	if err != nil {
		return nil, err
	}
	s.env = c.env
	bin, err := filepath.Abs(c.bin)
	if err != nil {
		return nil, fmt.Errorf("find wxbase: %w", err)
	}
	data := filepath.Join(s.dir, "data")
	if out, err := exec.Command(bin, "superuser", "upsert", email, password, "--new", "--dir", data).CombinedOutput(); err != nil { //nolint:gosec,noctx // what -bin says
		return nil, fmt.Errorf("make the superuser: %w: %s", err, out)
	}
	if err := s.start(s.dir, bin, "serve", "--http", s.addr, "--dir", data); err != nil {
		return nil, err
	}
	if err := s.makeRoom(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func newServer(name string) (*server, error) {
	probe, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a port that nobody has
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	defer probe.Close()
	dir, err := os.MkdirTemp("", "wxbase-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	return &server{
		name: name, addr: probe.Addr().String(), dir: dir,
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}, nil
}

// start runs the server on core 0 and waits until it is healthy.
func (s *server) start(dir string, argv ...string) error {
	if taskset, err := exec.LookPath("taskset"); err == nil {
		argv = append([]string{taskset, "-c", "0"}, argv...)
	}
	var output bytes.Buffer
	s.cmd = exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // it lives until stop
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, &output, &output
	s.cmd.Env = append(append(os.Environ(), "WXBASE_METRICS=1"), s.env...)
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	for range 300 {
		if s.call(http.MethodGet, "/api/wx/health", nil, nil) == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	return fmt.Errorf("%s is not healthy after 30 s: %s", s.name, output.String())
}

func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
		done := make(chan error, 1)
		go func() { done <- s.cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = s.cmd.Process.Kill()
			<-done
		}
	}
	s.http.CloseIdleConnections()
	_ = os.RemoveAll(s.dir)
}

func (s *server) makeRoom() error {
	var auth struct{ Token string }
	path := "/api/collections/_superusers/auth-with-password"
	if err := s.call(http.MethodPost, path, map[string]any{"identity": email, "password": password}, &auth); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	s.token = auth.Token
	everybody := `id != ""`
	err := s.call(http.MethodPost, "/api/collections/rooms/records", map[string]any{
		"name": room, "joinRule": everybody, "publishRule": everybody, "history": 0, "presence": true,
	}, nil)
	if err != nil {
		return fmt.Errorf("make the room: %w", err)
	}
	return nil
}

// publish posts message number n, stamped with the time.
func (s *server) publish(n int64) error { return s.publishSized(n, padding) }

func (s *server) publishSized(n int64, size int) error {
	text := strconv.FormatInt(time.Now().UnixNano(), 10) + "|" + strconv.FormatInt(n, 10) + "|" + strings.Repeat("x", size)
	return s.call(http.MethodPost, "/api/wx/rooms/"+room+"/messages", map[string]any{"event": "bench", "payload": text}, nil)
}

func (s *server) call(method, path string, body, answer any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+s.addr+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", s.token)
	res, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("call %s: %w", path, errors.Unwrap(err))
	}
	defer res.Body.Close()
	b, err = io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if res.StatusCode > 299 {
		return fmt.Errorf("%s answers %d: %s", path, res.StatusCode, b)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(b, answer)
}

// usage is what /proc says of the process: CPU since its start, resident bytes, open files.
type usage struct {
	user, system time.Duration
	rss          int64
	files        int
}

func (u usage) cpu() time.Duration { return u.user + u.system }

func (s *server) usage() (usage, error) {
	proc := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	stat, err := os.ReadFile(proc + "stat")
	if err != nil {
		return usage{}, fmt.Errorf("read the process's CPU: %w", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	pages, _ := strconv.ParseInt(fields[21], 10, 64)
	files, err := os.ReadDir(proc + "fd")
	if err != nil {
		return usage{}, fmt.Errorf("count the process's files: %w", err)
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that matters
	return usage{time.Duration(user) * tick, time.Duration(system) * tick, pages * int64(os.Getpagesize()), len(files)}, nil
}

// gauge reads one number of /metrics; -1 where there is none.
func (s *server) gauge(name string) float64 {
	res, err := s.http.Get("http://" + s.addr + "/metrics") //nolint:noctx // the client has a deadline
	if err != nil {
		return -1
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	total, found := 0.0, false
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == ' ' || rest[0] == '{') {
			value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(strings.TrimSpace(line), ' '):]), 64)
			if err == nil {
				total, found = total+value, true
			}
		}
	}
	if !found {
		return -1
	}
	return total
}

// present counts the members of the room, as REST gives them.
func (s *server) present() (int, error) {
	var answer struct{ Count int }
	err := s.call(http.MethodGet, "/api/wx/rooms/"+room+"/members", nil, &answer)
	return answer.Count, err
}
