package sim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

// Only the latest 500 notifications keep bodies; the others keep their results.
func TestBodiesOfOldNotificationsGo(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(204)}
	inBubble(t, s, func(w *world) {
		for i := range 510 {
			w.buy(fmt.Sprintf("ORD-MANY-%d", i))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		check := func(w *world) {
			w.t.Helper()
			for i, n := range w.list("/notifications") {
				try := n["attempts"].([]any)[0].(map[string]any)
				if kept := try["body"] != nil && try["headers"] != nil; kept != (i < 500) || n["state"] != "DELIVERED" || try["status"] != 204.0 {
					w.t.Fatalf("notification %d: got %v, want its body kept %v", i, n, i < 500)
				}
			}
		}
		check(w)
		w.close()
		check(newBubble(w.t, w.dir, s))
	})
}

// quietTransport accepts every notification at once.
type quietTransport struct{ n atomic.Int64 }

func (q *quietTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	q.n.Add(1)
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
}

// BenchmarkPaidOrder is one order from prepay to its delivered notification, in memory, calling the handler directly.
// Run it with -benchtime=20000x to check that the last order costs as much as the first. Keys have 2048 bits, as in
// real use.
func BenchmarkPaidOrder(b *testing.B) {
	quiet := &quietTransport{}
	s, err := sim.New(sim.WithTransport(quiet), sim.WithPublicBase("http://127.0.0.1"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	s.Start(b.Context())
	cfg := s.Config()
	merchant, app := cfg.Merchants[0], cfg.Apps[0]
	key := parseKey(b, merchant.PrivateKey)
	serve := func(req *http.Request) string {
		req.Host, req.RemoteAddr = "127.0.0.1", "127.0.0.1:50000"
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, req)
		return rec.Body.String()
	}
	post := func(path, body string) string {
		return serve(httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(body)))
	}
	between := func(text, from string) string {
		_, rest, _ := strings.Cut(text, from)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	code := between(post("/_sim/people/p1/login", "{}"), `"code":"`)
	session := serve(httptest.NewRequestWithContext(b.Context(), http.MethodGet,
		"/sns/jscode2session?grant_type=authorization_code&appid="+app.AppID+"&secret="+app.Secret+"&js_code="+code, nil))
	openid := between(session, `"openid":"`)
	b.ReportAllocs()
	i, start := 0, time.Now()
	for b.Loop() {
		i++
		now := fmt.Sprint(time.Now().Unix())
		body := fmt.Sprintf(`{"appid":%q,"mchid":%q,"description":"x","out_trade_no":"ORD-BENCH-%d","notify_url":"https://shop.example.com/n","amount":{"total":100,"currency":"CNY"},"payer":{"openid":%q}}`,
			app.AppID, merchant.MchID, i, openid)
		const path, nonce = "/v3/pay/transactions/jsapi", "593BEC0C930BF1AFEB40B4A08C8FB242"
		req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(body))
		req.Header.Set("Authorization", fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
			merchant.MchID, nonce, sign(b, key, http.MethodPost, path, now, nonce, body), now, merchant.CertSerial))
		req.Header.Set("User-Agent", "bench")
		req.Header.Set("Accept", "*/*")
		req.Header.Set("Content-Type", "application/json")
		pack := "prepay_id=" + between(serve(req), `"prepay_id":"`)
		paid := post("/_sim/people/p1/pay", fmt.Sprintf(`{"timeStamp":%q,"nonceStr":"n","package":%q,"signType":"RSA","paySign":%q}`,
			now, pack, sign(b, key, app.AppID, now, "n", pack)))
		if !strings.Contains(paid, "requestPayment:ok") {
			b.Fatalf("got %s, want requestPayment:ok", paid)
		}
	}
	for quiet.n.Load() < int64(i) { // the deliveries count too
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(i)/time.Since(start).Seconds(), "orders/s")
}
