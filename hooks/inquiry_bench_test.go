package hooks_test

import (
	"crypto/sha1" // WeChat's choice
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
)

// stopwatch notes when the first byte of an answer was written: what a handler does afterwards, nobody waits for.
type stopwatch struct {
	*httptest.ResponseRecorder

	since time.Time
	took  time.Duration
}

func (w *stopwatch) Write(b []byte) (int, error) {
	if w.took == 0 {
		w.took = time.Since(w.since)
	}
	return w.ResponseRecorder.Write(b)
}

// inquiryRequest is Apple's question about an order, as WeChat pushes it in the clear.
func inquiryRequest(token, appID, number string, n int) *http.Request {
	stamp, nonce := fmt.Sprint(time.Now().Unix()), fmt.Sprint(n)
	parts := []string{token, stamp, nonce}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	body := fmt.Sprintf(`{"refund_time":"2026-11-01 10:00:00","order_time":"2026-10-31 10:00:00","channel_bill":"7%014d","bundleid":"com.tencent.xin","product_id":"p",`+
		`"p_count":"1","refund_request_reason":"UNINTENDED_PURCHASE","provide_status":"1","consumption_status":"0","service_type":"1","pay_order_id":%q}`, n, number)
	path := "/api/wx/push/" + appID + "?timestamp=" + stamp + "&nonce=" + nonce + "&signature=" + hex.EncodeToString(sum[:])
	return httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
}

// BenchmarkInquiryUnderLoad measures how long Apple waits for its answer while sixteen buyers order as fast as they can. WeChat gives up after three
// seconds; slowest-ms is the slowest of all, and wait-ms the mean. ns/op has what is written after the answer too.
func BenchmarkInquiryUnderLoad(b *testing.B) {
	app, upstream, c := benchShop(b)
	buyer := newBenchBuyer(b, app, upstream)
	const number = "BENCHINQUIRY0001"
	order := buyer.order(b)
	_, err := app.NonconcurrentDB().Insert("payments", dbx.Params{
		"id": "benchinquiry001", "order": order, "merchant": "xpay", "appid": c.Apps[0].AppID, "api": "xpay", "outTradeNo": number, "state": "PAID", "amount": 100,
		"openid": "o", "paramsHash": "h", "successAt": "2026-10-31 10:00:00.000Z",
	}).Execute()
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	var crowd sync.WaitGroup
	defer func() {
		close(done)
		crowd.Wait()
	}()
	for range 16 {
		crowd.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					buyer.orders()
				}
			}
		})
	}
	var slowest, all time.Duration
	asked := 0
	for b.Loop() {
		asked++
		req := inquiryRequest(c.Apps[0].PushToken, c.Apps[0].AppID, number, asked)
		w := &stopwatch{ResponseRecorder: httptest.NewRecorder(), since: time.Now()}
		app.Handler.ServeHTTP(w, req)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "result_code") {
			b.Fatalf("got %d %s, want an answer", w.Code, w.Body)
		}
		slowest, all = max(slowest, w.took), all+w.took
	}
	b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
	b.ReportMetric(float64(all.Microseconds())/1000/float64(asked), "wait-ms")
}

// orders is one order, whatever becomes of it.
func (p benchBuyer) orders() {
	req := httptest.NewRequest(http.MethodPost, "/api/wx/orders", strings.NewReader(`{"items":[{"product":"`+p.product+`","quantity":1}]}`))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", p.token)
	p.app.Handler.ServeHTTP(httptest.NewRecorder(), req)
}
