package hooks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	kit "wxbase/internal/apptest/process"
	"wxbase/internal/apptest/web"
	"wxbase/internal/sim"
)

// TestKill kills the server with SIGKILL at ten random moments of a payment, each followed by a restart, while WeChat goes on sending.
// The order must end paid exactly once.
func TestKill(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	wechat, err := sim.New()
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(wechat.Handler())
	t.Cleanup(func() { upstream.Close(); _ = wechat.Close() })
	wechat.SetPublicBase(upstream.URL)
	wechat.Start(t.Context())
	server := newVictim(t, wechat.Config(), "wxbase")
	server.start(t)
	product := server.seedProduct(t)
	for round := range 10 {
		server.killDuringPayment(t, product, random, round)
	}
	server.stop()
	server.checkBooks(t, upstream.URL, 10)
}

// victim is a wxbase process that is killed again and again.
type victim struct {
	binary, dir, addr, origin string
	base                      string // of the simulator
	env                       []string
	process                   *exec.Cmd
}

func newVictim(t *testing.T, c sim.Config, program string, env ...string) *victim {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()
	m := c.Merchants[0]
	return &victim{
		binary: apptest.Program(t, program), dir: filepath.Join(t.TempDir(), "pb_data"), addr: addr, origin: "http://" + addr,
		base: c.APIBase,
		env: append(append(append(os.Environ(), kit.UnlimitedEnv()...), env...),
			"WXBASE_APPID="+c.Apps[0].AppID, "WXBASE_APP_SECRET="+c.Apps[0].Secret, "WXBASE_API_BASE="+c.APIBase, "WXBASE_PAY_BASE="+c.PayBase,
			"WXBASE_MCH_ID="+m.MchID, "WXBASE_MCH_SERIAL="+m.CertSerial, "WXBASE_MCH_PRIVATE_KEY="+m.PrivateKey, "WXBASE_APIV3_KEY="+m.APIV3Key, "WXBASE_APIV2_KEY="+m.APIV2Key, "WXBASE_MCH_CERTIFICATE="+m.Certificate,
			"WXBASE_PAY_PUBLIC_KEY_ID="+m.PublicKeyID, "WXBASE_PAY_PUBLIC_KEY="+m.PublicKey,
			"WXBASE_PUBLIC_URL=http://"+addr, "WXBASE_ALLOW_CUSTOM_BASE=1"),
	}
}

// start starts the process and waits until it answers.
func (v *victim) start(t *testing.T) {
	t.Helper()
	v.process = exec.CommandContext(t.Context(), v.binary, "serve", "--dir", v.dir, "--http", v.addr)
	v.process.Env = v.env
	v.process.Stdout, v.process.Stderr = io.Discard, os.Stderr
	if err := v.process.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(6 * patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) { // note: a first start takes long beside others
		if status, _, err := v.call(http.MethodGet, "/api/wx/health", "", nil); err == nil && status == http.StatusOK {
			return
		}
	}
	t.Fatal("the server did not start")
}

// stop kills the process: no clean-up, no last words.
func (v *victim) stop() {
	_ = v.process.Process.Kill()
	_ = v.process.Wait()
}

// superuser makes one and gives its token.
func (v *victim) superuser(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), v.binary, "superuser", "upsert", "a@example.com", "password-1", "--new", "--dir", v.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("superuser: %v %s", err, out)
	}
	_, login, err := v.call(http.MethodPost, "/api/collections/_superusers/auth-with-password", "", map[string]any{"identity": "a@example.com", "password": "password-1"})
	if err != nil {
		t.Fatal(err)
	}
	token, _ := login["token"].(string)
	return token
}

func (v *victim) seedProduct(t *testing.T) string {
	t.Helper()
	token := v.superuser(t)
	_, product, err := v.call(http.MethodPost, "/api/collections/products/records", token, map[string]any{"name": "三鲜面", "price": 1800, "active": true, "stock": "100"})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := product["id"].(string)
	return id
}

// killDuringPayment runs one payment as a phone does, which retries when it loses the server, and kills the server somewhere on the way.
func (v *victim) killDuringPayment(t *testing.T, product string, random *rand.Rand, round int) {
	t.Helper()
	moment := time.Duration(random.IntN(120)) * time.Millisecond
	done := make(chan error, 1)
	go func() { done <- v.phone(product, round) }()
	time.Sleep(moment) // the moment is what the test varies
	v.stop()
	v.start(t)
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("round %d, killed after %s: %v", round, moment, err)
		}
	case <-time.After(2 * patience):
		t.Fatalf("round %d, killed after %s: the phone got no further", round, moment)
	}
}

// phone logs in, orders with a key, pays and comes back. Every step is tried until it works.
func (v *victim) phone(product string, round int) error {
	person := fmt.Sprintf("p%d", round%3+1)
	var token string
	step := func(method, path string, body map[string]any) (map[string]any, error) {
		return v.retry(method, path, token, body)
	}
	for token == "" {
		code, err := v.control("/_sim/people/"+person+"/login", map[string]any{})
		if err != nil {
			return err
		}
		// a code works once: a login that was lost needs a new one
		if _, login, err := v.call(http.MethodPost, "/api/wx/login", "", map[string]any{"code": code["code"]}); err == nil {
			token, _ = login["token"].(string)
		} else {
			time.Sleep(5 * time.Millisecond)
		}
	}
	order, err := step(http.MethodPost, "/api/wx/orders", map[string]any{
		"items": []any{map[string]any{"product": product, "quantity": 1}}, "key": fmt.Sprintf("round-%d", round),
	})
	if err != nil {
		return err
	}
	path := "/api/wx/orders/" + order["id"].(string) //nolint:forcetypeassert // an order has an id
	params, err := step(http.MethodPost, path+"/pay", nil)
	if err != nil {
		return err
	}
	params["action"] = "pay"
	paid, err := v.control("/_sim/people/"+person+"/pay", params)
	if err != nil || paid["errMsg"] != "requestPayment:ok" {
		return fmt.Errorf("phone: %v %w", paid, err)
	}
	if round%2 == 0 {
		after, err := step(http.MethodPost, path+"/sync", nil)
		if err == nil && after["payState"] != "PAID" {
			err = fmt.Errorf("after sync: %v", after["payState"])
		}
		return err
	}
	return v.waitForNotification(order["id"].(string), token) //nolint:forcetypeassert // likewise
}

// waitForNotification is the phone that never comes back from the cashier: only what WeChat sends, and sends again, can pay the
// order. The simulator's clock is moved over one step of its schedule at a time.
func (v *victim) waitForNotification(orderID, token string) error {
	for range 20 {
		for range 20 {
			_, order, err := v.call(http.MethodGet, "/api/collections/orders/records/"+orderID, token, nil)
			if err == nil && order["payState"] == "PAID" {
				return nil
			}
			time.Sleep(20 * time.Millisecond)
		}
		if _, err := v.control("/_sim/clock", map[string]any{"advance": "16s"}); err != nil {
			return err
		}
	}
	return errors.New("no notification paid the order")
}

// retry calls until the server is there and not busy. A paid order cannot be paid again: the phone would learn that from a sync.
func (v *victim) retry(method, path, token string, body map[string]any) (map[string]any, error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		status, answer, err := v.call(method, path, token, body)
		if err != nil || status == http.StatusServiceUnavailable {
			continue
		}
		if status >= http.StatusBadRequest {
			return nil, fmt.Errorf("%s: %d %v", path, status, answer)
		}
		return answer, nil
	}
	return nil, errors.New(path + ": the server does not come back")
}

func (v *victim) call(method, path, token string, body map[string]any) (int, map[string]any, error) {
	return callJSON(method, v.origin+path, token, body, "X-Forwarded-For: 203.0.113.7") // of a phone somewhere, where the server trusts it
}

// control speaks to the simulator, which is never killed.
func (v *victim) control(path string, body map[string]any) (map[string]any, error) {
	_, answer, err := callJSON(http.MethodPost, v.base+path, "", body)
	return answer, err
}

// callJSON sends no body where there is none: null would be one.
func callJSON(method, address, token string, body map[string]any, headers ...string) (int, map[string]any, error) {
	if body == nil {
		body = map[string]any{}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequest(method, address, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := (&http.Client{Timeout: patience, Transport: web.Transport}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	var answer map[string]any
	err = json.NewDecoder(res.Body).Decode(&answer)
	return res.StatusCode, answer, err
}

// checkBooks opens what the last kill left behind and compares it with the simulator's books.
func (v *victim) checkBooks(t *testing.T, upstream string, rounds int) {
	t.Helper()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: v.dir, DBConnect: hooks.Connect})
	if err := app.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = app.ResetBootstrapState() }()
	orders, err := app.FindAllRecords("orders")
	if err != nil || len(orders) != rounds {
		t.Fatalf("orders: got %d (%v), want %d", len(orders), err, rounds)
	}
	for _, o := range orders {
		if got := o.GetString("payState"); got != "PAID" {
			t.Errorf("order %s: got %s, want PAID", o.Id, got)
		}
		n, err := app.CountRecords("wx_ledger", dbx.HashExp{"order": o.Id, "to": "PAID"})
		if err != nil || n != 1 {
			t.Errorf("order %s: got %d ledger rows to PAID (%v), want 1", o.Id, n, err)
		}
		n, err = app.CountRecords("wx_outbox", dbx.HashExp{"key": "order.paid.notice/" + o.Id})
		if err != nil || n != 1 {
			t.Errorf("order %s: got %d banners (%v), want 1", o.Id, n, err)
		}
	}
	stock, err := app.FindFirstRecordByData("products", "name", "三鲜面")
	if err != nil || stock.GetString("stock") != fmt.Sprint(100-rounds) {
		t.Errorf("stock: got %v (%v), want %d", stock.GetString("stock"), err, 100-rounds)
	}
	if got := paidAtWeChat(t, upstream); got != rounds {
		t.Errorf("paid at WeChat: got %d, want %d", got, rounds)
	}
}

func paidAtWeChat(t *testing.T, upstream string) int {
	t.Helper()
	address, err := url.JoinPath(upstream, "/_sim/orders")
	if err != nil {
		t.Fatal(err)
	}
	res, err := web.Client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var orders []map[string]any
	if err := json.NewDecoder(res.Body).Decode(&orders); err != nil {
		t.Fatal(err)
	}
	paid := 0
	for _, o := range orders {
		if o["transaction_id"] != nil && o["transaction_id"] != "" {
			paid++
		}
	}
	return paid
}
