package hooks_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/logger"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
	"wxbase/internal/events"
	"wxbase/simulated"
)

// started is an app at the point where `serve` would begin to accept.
type started struct {
	*tests.TestApp

	server *http.Server
	mux    http.Handler
	out    string // the start lines
}

// start does what `serve` does, but for listening.
func start(t *testing.T, addr string, config hooks.Config) (*started, error) {
	t.Helper()
	app, err := tests.NewTestApp(apptest.Seed(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	return startApp(t, app, addr, config)
}

func startApp(t *testing.T, app *tests.TestApp, addr string, config hooks.Config) (*started, error) {
	t.Helper()
	var out bytes.Buffer
	config.Out, config.SimHTTP, config.SweepEvery, config.WeChat = &out, "127.0.0.1:0", time.Hour, simulated.WeChat()
	if config.Env == nil {
		config.Env = func(string) string { return "" }
	}
	if _, err := hooks.Register(app, config); err != nil {
		return nil, err
	}
	if err := app.Bootstrap(); err != nil {
		return nil, err
	}
	router, err := apis.NewRouter(app)
	if err != nil {
		return nil, err
	}
	s := &started{TestApp: app, server: &http.Server{Addr: addr, ReadHeaderTimeout: time.Minute, WriteTimeout: 5 * time.Minute}}
	app.OnServe().Unbind("__pbCronStart__") // as in apptest
	err = app.OnServe().Trigger(&core.ServeEvent{App: app, Router: router, Server: s.server}, func(e *core.ServeEvent) (err error) {
		s.mux, err = e.Router.BuildMux()
		return err
	})
	s.out = out.String()
	return s, err
}

// mustStart is start for configurations that have to work.
func mustStart(t *testing.T, addr string, config hooks.Config) *started {
	t.Helper()
	s, err := start(t, addr, config)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	return s
}

func (s *started) get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	s.mux.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return rec
}

func TestServerLimits(t *testing.T) {
	t.Parallel()
	server := mustStart(t, "127.0.0.1:8090", hooks.Config{}).server
	if got := server.ReadHeaderTimeout; got != 10*time.Second {
		t.Errorf("ReadHeaderTimeout: got %s, want 10s", got)
	}
	if got := server.IdleTimeout; got != 90*time.Second {
		t.Errorf("IdleTimeout: got %s, want 90s", got)
	}
	if got := server.MaxHeaderBytes; got != 64<<10 {
		t.Errorf("MaxHeaderBytes: got %d, want %d", got, 64<<10)
	}
	if got := server.WriteTimeout; got != 5*time.Minute {
		t.Errorf("WriteTimeout: got %s, want PocketBase's 5m, which downloads need", got)
	}
}

func TestExtensionCodeIsNotKept(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "127.0.0.1:8090", hooks.Config{})
	for path, want := range map[string]bool{"/_/extensions.js": true, "/api/health": false} {
		rec := s.get(t, path)
		if got := rec.Header().Get("Cache-Control") == "no-cache"; rec.Code != http.StatusOK || got != want {
			t.Errorf("%s: got %d, no-cache %v, want %v", path, rec.Code, got, want)
		}
	}
}

// TestLogsHoldNoSecrets asks as clients do that put secrets into the address, logs as careless code does, and reads the log.
func TestLogsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Settings().Logs.MaxDays = 7
	const needle = "n33dle"
	for n, query := range []string{
		"?token=%s", "?a=b&access_token=%s&c=d", "?ACCESS_TOKEN=%s", "?refresh_token=%s", "?secret=%s", "?appsecret=%s", "?js_code=%s",
		"?code=%s", "?session_key=%s%%2Babc", "?password=%s", "?next=https%%3A%%2F%%2Fx%%3Ftoken%%3D%s%%26a%%3Db",
	} {
		app.Call(http.MethodGet, fmt.Sprintf("/api/no-such-%d"+query, n, needle), "", nil)
	}
	log := app.Logger()
	log.Error("asked https://api.weixin.qq.com/cgi-bin/token?appid=wx1&secret="+needle, "access_token", needle)
	log.Error("url error", "error", &url.Error{Op: "Get", URL: "https://x/?access_token=" + needle, Err: errors.New("EOF")})
	log.Error("values", "list", []string{"a=1&token=" + needle + "&b=2"}, "struct", struct{ URL string }{"/x?secret=" + needle},
		"query", url.Values{"x": {"session_key=" + needle}}, "config", map[string]any{"appSecret": needle, "session_key": needle, "deep": []any{"code=" + needle}})
	log.Error("answer", "body", `{"errcode":0,"access_token":"`+needle+`","session_key": "`+needle+`"}`)
	log.Error("people", "phone", needle, "phoneNumber", needle, "purePhoneNumber", needle, "encryptedData", needle, "ticket", needle, "key", needle,
		"Authorization", needle, "apiV3Key", needle, "body", `{"phone":"`+needle+`","key":"`+needle+`","encryptedData":"`+needle+`","ticket":"`+needle+`"}`,
		"xml", "<xml><key><![CDATA["+needle+"]]></key><ticket>"+needle+"</ticket></xml>", "url", "/x?ticket="+needle+"&key="+needle+"&phone="+needle+"&encryptedData="+needle)
	log.Error("headers", "dump", "GET / HTTP/1.1\r\nAuthorization: Bearer "+needle+"\r\nCookie: "+needle, "h", http.Header{"Authorization": {needle}, "Cookie": {needle}})
	log.Error("kept too", "text", "monkey=5 turnkey: yes", "numbers", `{"phone": 13800138000, "orderKey": 1}`)
	log.Error("kept", "text", "errcode=40029 errmsg=invalid code, hints: [ req_id: abc ]", "n", 42)
	texts := logged(t, app, 11)
	all := strings.Join(texts, "\n")
	for _, text := range texts {
		if strings.Contains(text, needle) || strings.Contains(text, "2Babc") || strings.Contains(text, "13800138000") {
			t.Errorf("the log says %s", text)
		}
	}
	for _, want := range []string{"no-such-0?token=***", "c=d", "appid=wx1", "EOF", "b=2", "errcode=40029", "req_id: abc", `"n":42`, `no-such-10`, "monkey=5", "turnkey: yes"} {
		if !strings.Contains(all, want) {
			t.Errorf("the log has lost %q:\n%s", want, all)
		}
	}
}

// logged reads the log once the rows of so many requests are there, which PocketBase writes behind.
func logged(t *testing.T, app *apptest.App, requests int) (texts []string) {
	t.Helper()
	handler, _ := app.Logger().Handler().(*logger.BatchHandler)
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		if err := handler.WriteAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		texts = nil
		if err := app.AuxDB().NewQuery("SELECT message || ' ' || data FROM _logs").Column(&texts); err != nil {
			t.Fatal(err)
		}
		switch n := strings.Count(strings.Join(texts, "\n"), "GET /api/no-such-"); {
		case n >= requests:
			return texts
		case time.Now().After(end):
			t.Fatalf("got %d requests in the log, want %d", n, requests)
		}
	}
}

// stream is a realtime connection; next is empty at its end.
type stream struct {
	id string
	in *bufio.Reader
}

func (s *stream) next() (event string, err error) {
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return "", err
		}
		if name, ok := strings.CutPrefix(line, "event:"); ok {
			return strings.TrimSpace(name), nil
		}
		if id, ok := strings.CutPrefix(line, "id:"); ok {
			s.id = strings.TrimSpace(id)
		}
	}
}

func openStream(t *testing.T, app *apptest.App) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, app.URL+"/api/realtime", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := web.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	s := &stream{in: bufio.NewReader(res.Body)}
	if event, err := s.next(); err != nil || event != "PB_CONNECT" {
		t.Fatalf("connect: got %q, %v", event, err)
	}
	return s
}

// TestBlockedAtOnce: a block revokes the tokens and ends the connections; PocketBase alone would look at it at the next login.
func TestBlockedAtOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, other := app.Login("小明"), app.Login("小红")
	s := openStream(t, app)
	app.Must(http.MethodPost, "/api/realtime", person.Token, map[string]any{"clientId": s.id, "subscriptions": []string{"rooms/notice", "orders/*"}})
	person.Must(http.MethodGet, "/api/collections/users/records/"+person.User, nil)
	app.Must(http.MethodPatch, "/api/collections/users/records/"+person.User, app.Superuser(), map[string]any{"blocked": true})
	if got := person.Call(http.MethodPost, "/api/wx/orders", map[string]any{}).Status; got != http.StatusUnauthorized {
		t.Errorf("a call with the old token: got %d, want 401", got)
	}
	if event, err := s.next(); !errors.Is(err, io.EOF) {
		t.Errorf("the realtime connection: got %q, %v, want it ended", event, err)
	}
	again := app.Call(http.MethodPost, "/api/wx/login", "", map[string]string{"code": person.LoginCode()})
	if again.Status != http.StatusForbidden || again.Text("token") != "" {
		t.Errorf("another login: got %d %s, want 403", again.Status, again.Body)
	}
	other.Must(http.MethodGet, "/api/collections/users/records/"+other.User, nil)
}

// TestTopicsAreGuarded: PocketBase alone lets a guest listen to any string.
func TestTopicsAreGuarded(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	s := openStream(t, app)
	a := app.Call(http.MethodPost, "/api/realtime", "", map[string]any{"clientId": s.id, "subscriptions": []string{"wx/user/1"}})
	if a.Status != http.StatusBadRequest || a.Code() != "topic_unknown" {
		t.Errorf("got %d %s, want 400 topic_unknown", a.Status, a.Body)
	}
}

// TestStopWaits: the end of the process waits for the effect at hand, whose database is still open.
func TestStopWaits(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	began, release := make(chan struct{}), make(chan struct{})
	var finished atomic.Bool
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		close(began)
		<-release
		for range 200 { // long enough for an end that does not wait
			if err := e.App.Save(e.Order); err != nil {
				t.Errorf("save at the end: %v", err)
			}
		}
		finished.Store(true)
		return e.Next()
	})
	app.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{Priority: -1, Func: func(e *core.TerminateEvent) error {
		select {
		case <-release:
		default:
			close(release)
		}
		return e.Next()
	}})
	buyer := app.Login("小明")
	payAndSync(t, buyer, buyer.Order("三鲜面", 1))
	receive(t, began)
	err := app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(*core.TerminateEvent) error {
		if !finished.Load() {
			t.Error("the app ends while an effect is at work")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
