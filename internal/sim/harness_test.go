package sim_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/sim"
)

// keyBits makes key generation fast; the tests do not depend on the size.
const keyBits = 1024

// testClock is a base clock that only a test moves.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newTestClock() *testClock {
	return &testClock{now: time.Date(2026, 3, 1, 10, 0, 0, 0, time.FixedZone("CST", 8*3600))}
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// sharedKeys is one keys.json for the whole package, so that keys are made only once.
var sharedKeys = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sim-keys")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := sim.New(sim.WithStateDir(dir), sim.WithKeyBits(keyBits))
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "keys.json"))
})

// world is a simulator on a server, with its own client written from the fact sheets.
//
// Its three sides have the methods of a merchant's backend, a phone and a mini program's backend.
type world struct {
	merchantSide
	phoneSide
	apiSide

	t      *testing.T
	sim    *sim.Sim
	srv    *httptest.Server
	clock  *testClock // unused inside a bubble
	dir    string
	cfg    sim.Config
	app    sim.AppConfig
	mch    sim.MerchantConfig
	key    *rsa.PrivateKey
	closed bool
}

// merchantSide calls WeChat Pay and reads its notifications.
type merchantSide struct{ *world }

// phoneSide is what people do on their phones.
type phoneSide struct{ *world }

// apiSide calls the server API of a mini program and reads its pushes.
type apiSide struct{ *world }

// join links the sides to their world.
func (w *world) join() *world {
	w.merchantSide, w.phoneSide, w.apiSide = merchantSide{w}, phoneSide{w}, apiSide{w}
	return w
}

func newWorld(t *testing.T, opts ...sim.Option) *world {
	t.Helper()
	return openWorld(t, t.TempDir(), newTestClock(), opts...)
}

func openWorld(t *testing.T, dir string, clock *testClock, opts ...sim.Option) *world {
	t.Helper()
	w := openBubble(t, dir, clock, opts...)
	w.srv = httptest.NewServer(w.sim.Handler())
	w.sim.SetPublicBase(w.srv.URL)
	w.cfg = w.sim.Config()
	return w
}

// openBubble makes a world without a server: calls go directly to its handler.
func openBubble(t *testing.T, dir string, clock *testClock, opts ...sim.Option) *world {
	t.Helper()
	keys, err := sharedKeys()
	if err != nil {
		t.Fatalf("make keys: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "keys.json")); err != nil {
		if err := os.WriteFile(filepath.Join(dir, "keys.json"), keys, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := sim.New(append([]sim.Option{sim.WithStateDir(dir), sim.WithNow(clock.Now), sim.WithKeyBits(keyBits)}, opts...)...)
	if err != nil {
		t.Fatalf("make simulator: %v", err)
	}
	s.SetPublicBase("http://127.0.0.1")
	w := (&world{t: t, sim: s, clock: clock, dir: dir, cfg: s.Config()}).join()
	w.app, w.mch = w.cfg.Apps[0], w.cfg.Merchants[0]
	w.key = parseKey(t, w.mch.PrivateKey)
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	if w.closed {
		return
	}
	w.closed = true
	if w.srv != nil {
		w.srv.Close()
	}
	if err := w.sim.Close(); err != nil {
		w.t.Errorf("close simulator: %v", err)
	}
}

func parseKey(tb testing.TB, text string) *rsa.PrivateKey {
	tb.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		tb.Fatal("private key is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

// answer is the answer to a call.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

func (a answer) text(name string) string { v, _ := a.json[name].(string); return v }
func (a answer) number(name string) int {
	v, ok := a.json[name].(float64)
	if !ok {
		return 0
	}
	return int(v)
}

func (w *world) do(req *http.Request) answer {
	w.t.Helper()
	if w.srv == nil { // inside a synctest bubble, without a network
		rec := httptest.NewRecorder()
		w.sim.Handler().ServeHTTP(rec, req)
		a := answer{status: rec.Code, header: rec.Result().Header, body: rec.Body.Bytes()}
		_ = json.Unmarshal(a.body, &a.json)
		return a
	}
	a, err := send(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	return a
}

// client has connections of its own: each Close of an httptest.Server closes those of the standard library's client too, at times in the middle of
// another test's request.
var client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()} //nolint:forcetypeassert // the standard library's

func send(req *http.Request) (answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: body}
	_ = json.Unmarshal(body, &a.json)
	return a, nil
}

func (w *world) request(method, path, body string) *http.Request {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.cfg.APIBase+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.RemoteAddr = "127.0.0.1:50000" // for a handler that is called without a server
	return req
}

func (w *world) call(method, path, body string) answer {
	w.t.Helper()
	return w.do(w.request(method, path, body))
}

// device calls the control API and expects 200.
func (w *world) device(method, path string, in any) answer {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	a := w.call(method, "/_sim"+path, string(body))
	if a.status != http.StatusOK {
		w.t.Fatalf("%s %s: got %d %s, want 200", method, path, a.status, a.body)
	}
	return a
}

// list reads a list of the control API.
func (w *world) list(path string) []map[string]any {
	w.t.Helper()
	a := w.call(http.MethodGet, "/_sim"+path, "")
	var rows []map[string]any
	if err := json.Unmarshal(a.body, &rows); err != nil {
		w.t.Fatalf("list %s: %v in %s", path, err, a.body)
	}
	return rows
}

func (w *world) fault(in map[string]any) {
	w.t.Helper()
	w.device(http.MethodPost, "/faults", in)
}

func (w *phoneSide) code(person string) string {
	w.t.Helper()
	return w.device(http.MethodPost, "/people/"+person+"/login", map[string]any{}).text("code")
}

func (w *phoneSide) exchange(code string) answer {
	w.t.Helper()
	return w.call(http.MethodGet, "/sns/jscode2session?appid="+w.app.AppID+"&secret="+w.app.Secret+
		"&grant_type=authorization_code&js_code="+code, "")
}

// login returns openid and session_key of a person.
func (w *phoneSide) login(person string) (openid, sessionKey string) {
	w.t.Helper()
	a := w.exchange(w.code(person))
	if a.text("openid") == "" {
		w.t.Fatalf("login: got %s, want an openid", a.body)
	}
	return a.text("openid"), a.text("session_key")
}

func (w *apiSide) token() string {
	w.t.Helper()
	a := w.call(http.MethodPost, "/cgi-bin/stable_token",
		fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, w.app.AppID, w.app.Secret))
	if a.text("access_token") == "" {
		w.t.Fatalf("token: got %s, want an access_token", a.body)
	}
	return a.text("access_token")
}

// wantErrcode expects an errcode at HTTP 200 with a rid.
func wantErrcode(t *testing.T, a answer, want int) {
	t.Helper()
	if a.status != http.StatusOK || a.number("errcode") != want {
		t.Fatalf("got %d %s, want 200 and errcode %d", a.status, a.body, want)
	}
	if want != 0 && !strings.Contains(a.text("errmsg"), "rid: ") {
		t.Fatalf("got errmsg %q, want a rid in it", a.text("errmsg"))
	}
}

// sign is SHA256withRSA of the lines, each with a newline at its end, in base64.
func sign(tb testing.TB, key *rsa.PrivateKey, lines ...string) string {
	tb.Helper()
	return signText(tb, key, strings.Join(lines, "\n")+"\n")
}

// signText is SHA256withRSA of a text.
func signText(tb testing.TB, key *rsa.PrivateKey, text string) string {
	tb.Helper()
	sum := sha256.Sum256([]byte(text))
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// signed makes a v3 request as a merchant's backend does.
func (w *merchantSide) signed(method, path, body string, at time.Time) *http.Request {
	w.t.Helper()
	return w.signedAs(method, path, body, strconv.FormatInt(at.Unix(), 10))
}

// signedAs is signed with the given text as time stamp.
func (w *merchantSide) signedAs(method, path, body, timestamp string) *http.Request {
	w.t.Helper()
	req := w.request(method, path, body)
	const nonce = "593BEC0C930BF1AFEB40B4A08C8FB242"
	req.Header.Set("Authorization", fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		w.mch.MchID, nonce, sign(w.t, w.key, method, path, timestamp, nonce, body), timestamp, w.mch.CertSerial))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "test/1")
	req.Header.Set("Wechatpay-Serial", w.mch.PublicKeyID)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// readAll reads the body of an unsent request.
func readAll(t *testing.T, req *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (w *merchantSide) pay(method, path, body string) answer {
	w.t.Helper()
	return w.do(w.signed(method, path, body, w.clock.Now()))
}

const notifyURL = "https://shop.example.com/pay/notify"

func (w *merchantSide) orderBody(number, openid string) map[string]any {
	return map[string]any{
		"appid": w.app.AppID, "mchid": w.mch.MchID, "description": "三鲜面 & <b>2</b> 份", "out_trade_no": number, "attach": "o=17",
		"notify_url": notifyURL, "amount": map[string]any{"total": 100, "currency": "CNY"}, "payer": map[string]any{"openid": openid},
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (w *merchantSide) prepay(body map[string]any) answer {
	w.t.Helper()
	return w.pay(http.MethodPost, "/v3/pay/transactions/jsapi", jsonText(w.t, body))
}

// prepaid makes an order and returns its prepay_id.
func (w *merchantSide) prepaid(number, openid string) string {
	w.t.Helper()
	a := w.prepay(w.orderBody(number, openid))
	if a.text("prepay_id") == "" {
		w.t.Fatalf("prepay: got %d %s, want a prepay_id", a.status, a.body)
	}
	return a.text("prepay_id")
}

func (w *merchantSide) query(number string) answer {
	w.t.Helper()
	return w.pay(http.MethodGet, "/v3/pay/transactions/out-trade-no/"+number+"?mchid="+w.mch.MchID, "")
}

// payment is the object of wx.requestPayment for a prepay_id.
func (w *phoneSide) payment(prepayID string) map[string]any {
	w.t.Helper()
	timestamp, nonce, pack := strconv.FormatInt(w.clock.Now().Unix(), 10), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", "prepay_id="+prepayID
	return map[string]any{
		"timeStamp": timestamp, "nonceStr": nonce, "package": pack, "signType": "RSA",
		"paySign": sign(w.t, w.key, w.app.AppID, timestamp, nonce, pack),
	}
}

func (w *phoneSide) payAs(person string, in map[string]any) string {
	w.t.Helper()
	return w.device(http.MethodPost, "/people/"+person+"/pay", in).text("errMsg")
}
