package desk_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/apptest"
)

// A shop of a year.
const (
	shopUsers    = 50_000
	shopProducts = 1_000
	shopOrders   = 100_000
)

// fillShop writes the shop by SQL. Orders are spread over 60 days, which is what the longest overview reads, so that all of them count.
func fillShop(tb testing.TB, app *apptest.App) {
	tb.Helper()
	numbers := "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {:last}) "
	at := "strftime('%Y-%m-%d %H:%M:%S.000Z', {:now}, '-' || (60 * 86400 * i / {:count}) || ' seconds')"
	for _, step := range []struct {
		count int
		sql   string
	}{
		{shopProducts, "INSERT INTO products (id, name, price, active, created, updated) " + numbers +
			"SELECT printf('product%08d', i), '商品' || i, 100 + i, 1, " + at + ", " + at + " FROM n"},
		{shopUsers, "INSERT INTO users (id, name, phone, tokenKey, created, updated) " + numbers +
			"SELECT printf('user%011d', i), '用户' || i, printf('138%08d', i), printf('key%047d', i), " + at + ", " + at + " FROM n"},
		{shopUsers, "INSERT INTO wx_identities (id, user, appid, openid, sessionAt, created, updated) " + numbers +
			"SELECT printf('iden%011d', i), printf('user%011d', i), 'wx0123456789abcdef', printf('openid%022d', i), " + at + ", " + at + ", " + at + " FROM n"},
		{shopOrders, `INSERT INTO orders (id, user, number, items, total, description, payState, shipState, paidAt, created, updated) ` + numbers +
			`SELECT printf('ordr%011d', i), printf('user%011d', i % 50000), printf('N%015d', i),
			json_array(json_object('product', printf('product%08d', i % 1000), 'name', '商品' || (i % 1000), 'price', 100 + i % 1000, 'quantity', 2),
				json_object('product', printf('product%08d', i * 7 % 1000), 'name', '商品' || (i * 7 % 1000), 'price', 100, 'quantity', 1)),
			300 + 2 * (i % 1000), '商品' || (i % 1000) || ' x2', CASE WHEN i % 10 = 0 THEN 'UNPAID' WHEN i % 50 = 1 THEN 'REFUNDED' ELSE 'PAID' END,
			CASE WHEN i < 1000 THEN 'NONE' ELSE 'RECEIVED' END, CASE WHEN i % 10 = 0 THEN '' ELSE ` + at + ` END, ` + at + `, ` + at + ` FROM n`},
		{shopOrders, `INSERT INTO payments (id, "order", merchant, outTradeNo, transactionId, state, amount, created, updated) ` + numbers +
			`SELECT printf('paym%011d', i), printf('ordr%011d', i), '1900000001', printf('N%015d', i), printf('4200%024d', i), 'PAID', 300 + 2 * (i % 1000), ` + at + `, ` + at + ` FROM n`},
		{shopOrders / 50, `INSERT INTO refunds (id, "order", payment, merchant, outRefundNo, amount, state, successAt, created, updated) ` + numbers +
			`SELECT printf('refd%011d', i), printf('ordr%011d', i * 50 + 1), printf('paym%011d', i * 50 + 1), '1900000001', printf('R%015d', i), 300, 'SUCCESS', ` + at + `, ` + at + `, ` + at + ` FROM n`},
		{1, `INSERT INTO wx_order_lines ("order", product, name, quantity, amount, created, updated)
			SELECT o.id, i.value ->> '$.product', i.value ->> '$.name', i.value ->> '$.quantity', (i.value ->> '$.price') * (i.value ->> '$.quantity'), o.created, o.created
			FROM orders o, json_each(o.items) i`},
		{1, `INSERT INTO wx_sales_hours (hour, orders, paid) SELECT substr(paidAt, 1, 13), count(*), sum(total) FROM orders WHERE paidAt > '' GROUP BY 1`},
		{1, `INSERT INTO wx_sales_products (day, product, quantity, amount)
			SELECT date(o.paidAt, '+8 hours'), l.product, sum(l.quantity), sum(l.amount) FROM wx_order_lines l JOIN orders o ON o.id = l."order" WHERE o.paidAt > '' GROUP BY 1, 2`},
		{1, "ANALYZE"},
	} {
		_, err := app.NonconcurrentDB().NewQuery(step.sql).Bind(dbx.Params{
			"last": step.count - 1, "count": step.count, "now": time.Now().UTC().Format(time.DateTime),
		}).Execute()
		if err != nil {
			tb.Fatalf("fill shop: %v", err)
		}
	}
}

// bigShop is a kit with the shop of a year, without what would be measured besides.
func bigShop(tb testing.TB) kit {
	tb.Helper()
	k := newKit(tb)
	settings := k.Settings()
	settings.RateLimits.Enabled = false
	settings.Logs.MaxDays = 0
	if err := k.Save(settings); err != nil {
		tb.Fatal(err)
	}
	fillShop(tb, k.App)
	return k
}

// get serves a request without a network.
func (k kit) get(path, token string) *httptest.ResponseRecorder {
	k.t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	k.Handler.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		k.t.Fatalf("%s: got %d %s", path, w.Code, w.Body)
	}
	return w
}

// pages are the routes behind the pages, with the plain list of PocketBase as the measure.
var pages = []struct{ name, path string }{
	{"PocketBaseOrders", "/api/collections/orders/records?sort=-created&perPage=20"},
	{"PocketBaseOrdersFiltered", "/api/collections/orders/records?sort=-created&perPage=20&filter=payState%3D%22PAID%22"},
	{"Overview1", "/api/wx/admin/overview?days=1"},
	{"Overview7", "/api/wx/admin/overview?days=7"},
	{"Overview30", "/api/wx/admin/overview?days=30"},
	{"Attention", "/api/wx/admin/attention"},
	{"Orders", "/api/wx/admin/orders"},
	{"OrdersDeep", "/api/wx/admin/orders?page=2000"},
	{"OrdersPaid", "/api/wx/admin/orders?state=PAID"},
	{"OrdersUnpaid", "/api/wx/admin/orders?state=UNPAID"},
	{"OrdersToShip", "/api/wx/admin/orders?ship=NONE"},
	{"OrdersDisputed", "/api/wx/admin/orders?state=disputed"},
	{"OrdersByNumber", "/api/wx/admin/orders?search=N000000000050001"},
	{"OrdersByPhone", "/api/wx/admin/orders?search=13800012345"},
	{"OrdersByFourDigits", "/api/wx/admin/orders?search=2345"},
	{"OrdersByProductName", "/api/wx/admin/orders?search=%E5%95%86%E5%93%8177"},
	{"OrdersByEveryProduct", "/api/wx/admin/orders?search=%E5%95%86%E5%93%81"},
	{"OrdersOfProduct", "/api/wx/admin/orders?product=product00000077"},
	{"OrdersOfAMonth", "/api/wx/admin/orders?state=PAID&from=2026-01-01"},
	{"Order", "/api/wx/admin/orders/ordr00000000501"},
	{"Users", "/api/wx/admin/users"},
	{"UsersByName", "/api/wx/admin/users?search=%E7%94%A8%E6%88%B7123"},
	{"UsersByPhone", "/api/wx/admin/users?search=2345"},
	{"User", "/api/wx/admin/users/user00000000501"},
	{"Products", "/api/wx/admin/products"},
	{"Audit", "/api/wx/admin/audit"},
	{"Staff", "/api/wx/admin/staff"},
}

// BenchmarkPages: the goal is 200 ms for each, with 100,000 orders, 50,000 users and 1,000 products.
func BenchmarkPages(b *testing.B) {
	k := bigShop(b)
	token := k.Superuser()
	for _, p := range pages {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				k.get(p.path, token)
			}
		})
	}
}

// discard takes an answer and forgets it, as a network does.
type discard struct {
	head  http.Header
	bytes int64
	most  uint64 // of the heap, looked at once in a MB
}

func (d *discard) Header() http.Header { return d.head }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(b []byte) (int, error) {
	before := d.bytes >> 20
	if d.bytes += int64(len(b)); d.bytes>>20 != before {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		d.most = max(d.most, m.HeapAlloc)
	}
	return len(b), nil
}

// BenchmarkExport: the goal is 10 s for 100,000 orders, in memory that does not grow with them.
func BenchmarkExport(b *testing.B) {
	k := bigShop(b)
	token := k.Superuser()
	for b.Loop() {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		req := httptest.NewRequest(http.MethodGet, "/api/wx/admin/orders.csv", nil)
		req.Header.Set("Authorization", token)
		d := &discard{head: http.Header{}}
		k.Handler.ServeHTTP(d, req)
		b.ReportMetric(float64(d.bytes)/1e6, "MB")
		b.ReportMetric(float64(d.most-min(d.most, m.HeapAlloc))/1e6, "heapMB")
	}
}
