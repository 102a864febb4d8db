package hooks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/sim"
	"wxbase/internal/wxpay"
)

// inProcess is a simulator that is reached without a network; it adds up the time that is spent in it.
type inProcess struct {
	handler http.Handler
	spent   atomic.Int64
	notes   chan captured
}

func (w *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	rec := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI, in.Host = r.URL.RequestURI(), "127.0.0.1"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w.handler.ServeHTTP(rec, in)
	w.spent.Add(int64(time.Since(start)))
	return rec.Result(), nil
}

// catcher takes the notifications that the simulator sends.
type catcher chan captured

func (c catcher) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c <- captured{r.URL.Path, r.Header.Clone(), body}
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// benchShop is an app whose WeChat is in the same process.
func benchShop(b *testing.B) (*apptest.App, *inProcess, sim.Config) {
	b.Helper()
	notes := make(catcher, 10)
	wechat, err := sim.New(sim.WithTransport(notes), sim.WithPublicBase("http://127.0.0.1:1"))
	if err != nil {
		b.Fatal(err)
	}
	wechat.Start(b.Context())
	b.Cleanup(func() { _ = wechat.Close() })
	c, upstream := wechat.Config(), &inProcess{handler: wechat.Handler(), notes: notes}
	m := c.Merchants[0]
	env := map[string]string{
		"WXBASE_APPID": c.Apps[0].AppID, "WXBASE_APP_SECRET": c.Apps[0].Secret, "WXBASE_API_BASE": c.APIBase, "WXBASE_PAY_BASE": c.PayBase,
		"WXBASE_MCH_ID": m.MchID, "WXBASE_MCH_SERIAL": m.CertSerial, "WXBASE_MCH_PRIVATE_KEY": m.PrivateKey, "WXBASE_APIV3_KEY": m.APIV3Key,
		"WXBASE_PAY_PUBLIC_KEY_ID": m.PublicKeyID, "WXBASE_PAY_PUBLIC_KEY": m.PublicKey, "WXBASE_ALLOW_CUSTOM_BASE": "1", "WXBASE_PUSH_TOKEN": c.Apps[0].PushToken,
	}
	app := apptest.New(b, func(c *hooks.Config) {
		c.Sim, c.Transport, c.Out = false, upstream, io.Discard
		c.Env = func(name string) string { return env[name] }
	})
	quiet(b, app)
	return app, upstream, c
}

// buyer is somebody with a product to buy.
type benchBuyer struct {
	app      *apptest.App
	upstream *inProcess
	token    string
	product  string
	person   string // whose phone it is
}

func newBenchBuyer(b *testing.B, app *apptest.App, upstream *inProcess) benchBuyer {
	b.Helper()
	c, err := app.FindCollectionByNameOrId("products")
	if err != nil {
		b.Fatal(err)
	}
	product := core.NewRecord(c)
	product.Load(map[string]any{"name": "三鲜面", "price": 1800, "active": true})
	if err := app.Save(product); err != nil {
		b.Fatal(err)
	}
	buyer := benchBuyer{app: app, upstream: upstream, product: product.Id}
	var people []struct{ ID string }
	rec := httptest.NewRecorder()
	upstream.handler.ServeHTTP(rec, fromHere(http.MethodGet, "/_sim/people", ""))
	if err := json.Unmarshal(rec.Body.Bytes(), &people); err != nil || len(people) == 0 {
		b.Fatalf("people: got %s, %v", rec.Body, err)
	}
	buyer.person = people[0].ID
	code := buyer.phone(b, "login", `{}`)["code"].(string) //nolint:forcetypeassert // the simulator gives a code
	buyer.token, _ = field(b, post(b, app, "/api/wx/login", "", `{"code":"`+code+`"}`), "token").(string)
	return buyer
}

// fromHere is a request of this machine's: the simulator answers no other.
func fromHere(method, path, body string) *http.Request {
	req := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	req.RemoteAddr = "127.0.0.1:40000"
	req.Header.Set("Content-Type", "application/json")
	return req
}

// phone asks the simulated phone of the first person.
func (p benchBuyer) phone(b *testing.B, what, body string) map[string]any {
	b.Helper()
	req := fromHere(http.MethodPost, "/_sim/people/"+p.person+"/"+what, body)
	rec := httptest.NewRecorder()
	p.upstream.handler.ServeHTTP(rec, req)
	return object(b, rec)
}

func (p benchBuyer) order(b *testing.B) string {
	b.Helper()
	id, _ := field(b, post(b, p.app, "/api/wx/orders", p.token, `{"items":[{"product":"`+p.product+`","quantity":1}]}`), "id").(string)
	return id
}

// BenchmarkPrepay measures POST /orders/{id}/pay on a prebuilt mux. upstream-% is the simulator's own share (it verifies and signs with RSA,
// as WeChat does); the rest is ours: two commits with synchronous FULL, and RSA for the request, the answer and paySign.
func BenchmarkPrepay(b *testing.B) {
	app, upstream, _ := benchShop(b)
	buyer := newBenchBuyer(b, app, upstream)
	upstream.spent.Store(0)
	for b.Loop() {
		b.StopTimer()
		id := buyer.order(b)
		b.StartTimer()
		post(b, app, "/api/wx/orders/"+id+"/pay", buyer.token, "")
	}
	b.ReportMetric(100*float64(upstream.spent.Load())/float64(b.Elapsed()), "upstream-%")
}

// BenchmarkNotify measures a payment notification: verify, decrypt, apply, commit with synchronous FULL. parse-% is the RSA and AES, commit-%
// the COMMIT of as many rows, other-% everything else: PocketBase's router, two saves with validation and hooks, the reads.
func BenchmarkNotify(b *testing.B) {
	app, upstream, c := benchShop(b)
	buyer := newBenchBuyer(b, app, upstream)
	gateway := benchGateway(b, c)
	var parse, commit time.Duration
	for b.Loop() {
		b.StopTimer()
		note := buyer.paid(b)
		parse += timed(b, func() error { _, err := gateway.ParsePayNotification(note.header, note.body); return err })
		commit += sameCommit(b, app, note.body)
		b.StartTimer()
		deliver(b, app, note)
	}
	all := float64(b.Elapsed())
	b.ReportMetric(100*float64(parse)/all, "parse-%")
	b.ReportMetric(100*float64(commit)/all, "commit-%")
	b.ReportMetric(100-100*float64(parse+commit)/all, "other-%")
}

// BenchmarkNotifyRepeat is the same notification again: no write.
func BenchmarkNotifyRepeat(b *testing.B) {
	app, upstream, _ := benchShop(b)
	note := newBenchBuyer(b, app, upstream).paid(b)
	deliver(b, app, note)
	for b.Loop() {
		deliver(b, app, note)
	}
}

func benchGateway(b *testing.B, c sim.Config) wxpay.Gateway {
	b.Helper()
	m := c.Merchants[0]
	gateway, err := wxpay.New(wxpay.Merchant{
		MchID: m.MchID, CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, APIv3Key: m.APIV3Key, PublicKeyID: m.PublicKeyID,
		PublicKey: m.PublicKey, PayBase: c.PayBase,
	})
	if err != nil {
		b.Fatal(err)
	}
	return gateway
}

// paid orders, pays at the phone and catches the notification.
func (p benchBuyer) paid(b *testing.B) captured {
	b.Helper()
	params := post(b, p.app, "/api/wx/orders/"+p.order(b)+"/pay", p.token, "").Body.String()
	if got := p.phone(b, "pay", params)["errMsg"]; got != "requestPayment:ok" {
		b.Fatalf("phone: got %v, want requestPayment:ok", got)
	}
	return receive(b, p.upstream.notes)
}

func deliver(b *testing.B, app *apptest.App, note captured) {
	b.Helper()
	req := httptest.NewRequest(http.MethodPost, note.path, bytes.NewReader(note.body))
	req.Header = note.header.Clone()
	rec := httptest.NewRecorder()
	app.Handler.ServeHTTP(rec, req)
	if rec.Code != http.StatusNoContent {
		b.Fatalf("notification: got %d %s, want 204", rec.Code, rec.Body)
	}
}

func timed(b *testing.B, do func() error) time.Duration {
	b.Helper()
	start := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// sameCommit takes the time of a COMMIT alone, of as many rows in the same tables as a notification changes.
func sameCommit(b *testing.B, app *apptest.App, body []byte) time.Duration {
	b.Helper()
	var written time.Time
	err := app.RunInTransaction(func(tx core.App) error {
		for _, statement := range []string{
			"UPDATE payments SET updated = {:now} WHERE rowid = (SELECT max(rowid) FROM payments)",
			"UPDATE orders SET updated = {:now} WHERE rowid = (SELECT max(rowid) FROM orders)",
			"INSERT INTO wx_inbox (id, dedupeKey, body) VALUES ({:id}, {:id}, {:body})",
			"INSERT INTO wx_ledger (id, evidence) VALUES ({:id}, {:body})",
			"INSERT INTO wx_outbox (id, [[key]], doneAt) VALUES ({:id}, {:id}, {:now})",
			"INSERT INTO wx_outbox (id, [[key]], doneAt) VALUES ({:id}, {:id}, {:now})",
		} {
			row := dbx.Params{"id": core.GenerateDefaultRandomId(), "now": types.NowDateTime().String(), "body": string(body)}
			if _, err := tx.NonconcurrentDB().NewQuery(statement).Bind(row).Execute(); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		written = time.Now()
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(written)
}
