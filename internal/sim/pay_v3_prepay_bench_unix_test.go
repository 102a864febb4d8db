//go:build unix

package sim_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxbase/internal/sim"
)

// ordersInState is the number of orders in the simulator before the benchmark.
const ordersInState = 50_000

// BenchmarkPrepay is a signed v3 prepay with 50,000 orders in state and a journal on the disk: signature of the
// request, checks, the order, its line in the journal, signature of the answer. It calls the handler directly on all
// cores; requests are signed before the timer starts. Keys have 2048 bits, as in real use.
func BenchmarkPrepay(b *testing.B) {
	s, err := sim.New(sim.WithStateDir(b.TempDir()), sim.WithPublicBase("http://127.0.0.1"), sim.WithKeep(0))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	m := newBenchMerchant(b, s)
	m.fill(ordersInState)
	requests := m.prepays(b.N)
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	started, spent := time.Now(), cpuSeconds()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, requests[next.Add(1)-1])
			if rec.Code != http.StatusOK || rec.Header().Get("Wechatpay-Signature") == "" {
				b.Errorf("got %d %s, want a signed prepay_id", rec.Code, rec.Body)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/time.Since(started).Seconds(), "prepays/s")
	b.ReportMetric((cpuSeconds()-spent)/float64(b.N)*1e6, "cpu-us/prepay") // two dedicated cores provide 2e6 of these a second
}

// cpuSeconds is the CPU time of this process so far.
func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(used.Utime) + seconds(used.Stime)
}

// benchMerchant is a backend that signs.
type benchMerchant struct {
	b      *testing.B
	sim    *sim.Sim
	config sim.Config
	openid string
}

func newBenchMerchant(b *testing.B, s *sim.Sim) *benchMerchant {
	b.Helper()
	m := &benchMerchant{b: b, sim: s, config: s.Config()}
	between := func(text, from string) string {
		_, rest, _ := strings.Cut(text, from)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	app := m.config.Apps[0]
	code := between(m.ask(http.MethodPost, "/_sim/people/p1/login", "{}"), `"code":"`)
	m.openid = between(m.ask(http.MethodGet, "/sns/jscode2session?grant_type=authorization_code&appid="+app.AppID+"&secret="+app.Secret+"&js_code="+code, ""), `"openid":"`)
	return m
}

func (m *benchMerchant) ask(method, path, body string) string {
	m.b.Helper()
	req := httptest.NewRequestWithContext(m.b.Context(), method, path, strings.NewReader(body))
	req.Host, req.RemoteAddr = "127.0.0.1", "127.0.0.1:50000"
	rec := httptest.NewRecorder()
	m.sim.Handler().ServeHTTP(rec, req)
	if rec.Code != http.StatusOK {
		m.b.Fatalf("%s: got %d %s", path, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

// fill multiplies one order by importing an exported state.
func (m *benchMerchant) fill(n int) {
	m.b.Helper()
	rec := httptest.NewRecorder()
	m.sim.Handler().ServeHTTP(rec, m.prepays(1)[0])
	if rec.Code != http.StatusOK {
		m.b.Fatalf("got %d %s", rec.Code, rec.Body)
	}
	var out bytes.Buffer
	for line := range strings.Lines(m.ask(http.MethodGet, "/_sim/state", "")) {
		if !strings.Contains(line, `"k":"order"`) {
			out.WriteString(line)
			continue
		}
		_, rest, _ := strings.Cut(line, `"prepays":[{"id":"`)
		prepay, _, _ := strings.Cut(rest, `"`)
		for i := range n {
			fresh := strings.ReplaceAll(line, "ORD-BENCH-", fmt.Sprintf("ORD-FULL-%d-", i))
			out.WriteString(strings.ReplaceAll(fresh, prepay, fmt.Sprintf("%s%08d", prepay[:len(prepay)-8], i)))
		}
	}
	m.ask(http.MethodPost, "/_sim/state", out.String())
	if got := m.ask(http.MethodGet, "/_sim/orders?limit=1&after=ORD-FULL-1-1", ""); !strings.Contains(got, "ORD-FULL-0-1") {
		m.b.Fatalf("got %s, want the orders there", got)
	}
}

// prepays signs so many requests, each for another order.
func (m *benchMerchant) prepays(n int) []*http.Request {
	m.b.Helper()
	const path, nonce = "/v3/pay/transactions/jsapi", "593BEC0C930BF1AFEB40B4A08C8FB242"
	merchant, now := m.config.Merchants[0], fmt.Sprint(time.Now().Unix())
	key, list := parseKey(m.b, merchant.PrivateKey), make([]*http.Request, n)
	var all sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := worker; i < n; i += runtime.GOMAXPROCS(0) {
				body := fmt.Sprintf(`{"appid":%q,"mchid":%q,"description":"三鲜面 2份","out_trade_no":"ORD-BENCH-%d","notify_url":"https://shop.example.com/n","amount":{"total":100,"currency":"CNY"},"payer":{"openid":%q}}`,
					m.config.Apps[0].AppID, merchant.MchID, i+1, m.openid)
				req := httptest.NewRequestWithContext(m.b.Context(), http.MethodPost, path, io.NopCloser(strings.NewReader(body)))
				req.Header = http.Header{
					"User-Agent": {"bench"}, "Accept": {"*/*"}, "Content-Type": {"application/json"}, "Wechatpay-Serial": {merchant.PublicKeyID},
					"Authorization": {fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
						merchant.MchID, nonce, sign(m.b, key, http.MethodPost, path, now, nonce, body), now, merchant.CertSerial)},
				}
				list[i] = req
			}
		})
	}
	all.Wait()
	return list
}
