package hooks_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest/web"
	backups "wxbase/internal/backup"
)

// booksOf opens what a kill has left behind. Close it before the server starts again, and because there are many deaths in one run.
func booksOf(t *testing.T, dir string) (app core.App, done func()) {
	t.Helper()
	app = core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: hooks.Connect})
	if err := app.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	return app, func() { _ = app.ResetBootstrapState() }
}

// checkInvariants looks at the books of a dead server, which may be anywhere in the middle of anything: what must hold always, holds.
func (l *ledgerRun) checkInvariants(t *testing.T) {
	t.Helper()
	app, done := booksOf(t, l.server.dir)
	defer done()
	for _, wrong := range backups.Wrong(app.DB()) {
		t.Error(wrong)
	}
	invariants := payoutInvariants()
	maps.Copy(invariants, map[string]string{
		"a paid order without its banner":          `SELECT COUNT(*) FROM orders o WHERE payState IN ('PAID','PART_REFUNDED','REFUNDED') AND NOT EXISTS (SELECT 1 FROM wx_outbox b WHERE b.key = 'order.paid.notice/' || o.id)`,
		"a frozen order without a dispute":         `SELECT COUNT(*) FROM orders o WHERE frozenAt != '' AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.[[order]] = o.id AND p.disputedAt != '')`,
		"a dispute that does not freeze its order": `SELECT COUNT(*) FROM payments p JOIN orders o ON o.id = p.[[order]] WHERE (p.disputedAt != '' OR p.state = 'DISPUTED') AND o.frozenAt = ''`,
		"a dispute without its alert":              `SELECT COUNT(*) FROM payments p WHERE disputedAt != '' AND NOT EXISTS (SELECT 1 FROM wx_alerts a WHERE a.kind = 'disputed' AND a.subject = p.id AND a.closedAt = '')`,
	})
	for what, query := range invariants {
		var n int
		if err := app.DB().NewQuery(query).Row(&n); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if n > 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	l.checkStock(t, app)
}

// checkStock: what is gone from the shelf is what stands in orders that are not cancelled.
func (l *ledgerRun) checkStock(t *testing.T, app core.App) {
	t.Helper()
	sold := map[string]int{}
	orders, err := app.FindAllRecords("orders", dbx.Not(dbx.HashExp{"payState": "CANCELLED"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		var items []struct {
			Product  string `json:"product"`
			Variant  string `json:"variant"`
			Quantity int    `json:"quantity"`
		}
		if err := o.UnmarshalJSONField("items", &items); err != nil {
			t.Fatal(err)
		}
		for _, i := range items {
			sold[cmp.Or(i.Variant, i.Product)] += i.Quantity
		}
	}
	for _, id := range append(slices.Clone(l.goods), l.items...) {
		product, err := app.FindRecordById("products", id)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := product.GetString("stock"), strconv.Itoa(ledgerStock-sold[id]); got != want {
			t.Errorf("stock of %s: got %s, want %s", product.GetString("name"), got, want)
		}
	}
	for _, size := range l.sizes {
		variant, err := app.FindRecordById("product_variants", size.id)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := variant.GetString("stock"), strconv.Itoa(ledgerStock-sold[size.id]); got != want {
			t.Errorf("stock of %s: got %s, want %s", variant.GetString("name"), got, want)
		}
		if product, err := app.FindRecordById("products", size.product); err != nil || product.GetString("stock") != "0" {
			t.Errorf("product of %s: got %v (%v), want its own stock untouched", variant.GetString("name"), product, err)
		}
	}
}

// theirTrade and theirRefund are rows of the simulator's own books.
type theirTrade struct {
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id"`
	State         string `json:"trade_state"`
	Total         int64  `json:"total"`
	TradeType     string `json:"trade_type"`
	OpenID        string `json:"openid"`
}

type theirRefund struct {
	OutRefundNo string `json:"out_refund_no"`
	OutTradeNo  string `json:"out_trade_no"`
	Refund      int64  `json:"refund"`
	Status      string `json:"status"`
}

// check compares both books, to the fen.
func (l *ledgerRun) check(t *testing.T) {
	t.Helper()
	l.checkInvariants(t)
	app, done := booksOf(t, l.server.dir)
	defer done()
	theirs, paid, refunded := l.theirBooks(t)
	ours, err := app.FindAllRecords("payments")
	if err != nil {
		t.Fatal(err)
	}
	var ourPaid int64
	for _, p := range ours {
		their := theirs[p.GetString("outTradeNo")]
		givenBack := p.GetString("state") == "CLOSED" && p.GetString("heldTransaction") != ""
		weSayPaid := p.GetString("state") == "PAID" || p.GetString("state") == "PAID_LATE" || givenBack
		if weSayPaid != (their.TransactionID != "") {
			t.Errorf("payment %s: ours %s, theirs %+v", p.GetString("outTradeNo"), p.GetString("state"), their)
		}
		if weSayPaid && !givenBack && (their.TradeType != p.GetString("tradeType") || their.OpenID != "" && their.OpenID != p.GetString("openid")) {
			t.Errorf("payment %s: ours by %s %s, theirs %+v", p.GetString("outTradeNo"), p.GetString("tradeType"), p.GetString("openid"), their)
		}
		if weSayPaid {
			ourPaid += int64(p.GetInt("amount"))
			if their.TransactionID != p.GetString("transactionId")+p.GetString("heldTransaction") || their.Total != int64(p.GetInt("amount")) {
				t.Errorf("payment %s: ours %s %d, theirs %+v", p.GetString("outTradeNo"), p.GetString("transactionId"), p.GetInt("amount"), their)
			}
		}
		if p.GetString("state") == "PAID_LATE" || givenBack {
			checkGivenBack(t, app, p)
		}
	}
	if ourPaid != paid {
		t.Errorf("paid: ours %d fen, theirs %d fen", ourPaid, paid)
	}
	l.checkRefunds(t, app, refunded)
	l.checkPayouts(t, app)
	l.checkWays(t, app)
	l.checkComplaints(t, app)
	late, err := app.CountRecords("payments", dbx.HashExp{"state": "PAID_LATE"})
	if err != nil {
		t.Fatal(err)
	}
	disputed, err := app.CountRecords("payments", dbx.Like("dispute", `"decision"`))
	if err != nil {
		t.Fatal(err)
	}
	if len(ours) < int(l.done.Load())/2 || paid == 0 {
		t.Errorf("%d orders led to %d attempts and %d fen: equal books prove nothing when nobody pays", l.done.Load(), len(ours), paid)
	}
	l.result.Attempts, l.result.Paid, l.result.Late, l.result.Disputed, l.result.Refunds = len(ours), paid, late, disputed, len(refunded)
	t.Logf("%d orders, %d attempts, %d fen paid, %d of them late and given back, %d disputed (%d decisions), %d refunds, %d deaths of the server",
		l.done.Load(), len(ours), paid, late, disputed, l.resolved.Load(), len(refunded), l.kills)
}

func (l *ledgerRun) checkRefunds(t *testing.T, app core.App, theirs map[string]theirRefund) {
	t.Helper()
	ours, err := app.FindAllRecords("refunds", dbx.Not(dbx.HashExp{"state": "REJECTED"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(ours) != len(theirs) {
		t.Errorf("refunds: ours %d, theirs %d", len(ours), len(theirs))
	}
	for _, r := range ours {
		their := theirs[r.GetString("outRefundNo")]
		if their.Refund != int64(r.GetInt("amount")) || their.Status != r.GetString("state") {
			t.Errorf("refund %s: ours %s %d, theirs %+v", r.GetString("outRefundNo"), r.GetString("state"), r.GetInt("amount"), their)
		}
	}
}

// theirBooks reads the simulator's orders and refunds.
func (l *ledgerRun) theirBooks(t *testing.T) (trades map[string]theirTrade, paid int64, refunds map[string]theirRefund) {
	t.Helper()
	var orders []theirTrade
	var backs []theirRefund
	if l.virtual || l.mixed {
		orders, backs = l.virtualBooks(t)
	}
	if !l.virtual {
		var more []theirTrade
		var moreBacks []theirRefund
		l.read(t, "/_sim/orders?limit=1000000", &more)
		l.read(t, "/_sim/refunds?limit=1000000", &moreBacks)
		orders, backs = append(orders, more...), append(backs, moreBacks...)
	}
	trades, refunds = map[string]theirTrade{}, map[string]theirRefund{}
	for _, o := range orders {
		trades[o.OutTradeNo] = o
		if o.TransactionID != "" {
			paid += o.Total
		}
	}
	for _, r := range backs {
		refunds[r.OutRefundNo] = r
	}
	return trades, paid, refunds
}

func (l *ledgerRun) read(t *testing.T, path string, to any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.server.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := web.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	readJSON(t, res, to)
}

// checkGivenBack: all of the money that came too late has gone back. When WeChat has ended that refund beside an order that another attempt
// has paid, an alert asks a person to do it at WeChat.
func checkGivenBack(t *testing.T, app core.App, p *core.Record) {
	t.Helper()
	refunds, err := app.FindAllRecords("refunds", dbx.HashExp{"payment": p.Id})
	if err != nil {
		t.Fatal(err)
	}
	back, alerts := 0, int64(0)
	var all []string
	for _, r := range refunds {
		if r.GetString("state") == "SUCCESS" {
			back += r.GetInt("amount")
		}
		open, err := app.CountRecords("wx_alerts", dbx.HashExp{"kind": "refund", "subject": r.Id, "closedAt": ""})
		if err != nil {
			t.Fatal(err)
		}
		alerts += open
		all = append(all, fmt.Sprintf("%s %d", r.GetString("state"), r.GetInt("amount")))
	}
	o, err := app.FindRecordById("orders", p.GetString("order"))
	if err != nil {
		t.Fatal(err)
	}
	asked := o.GetString("payState") != "CANCELLED" && back == 0 && alerts > 0
	if back != p.GetInt("amount") && !asked {
		t.Errorf("late payment %s, %s of %d fen, order %s: %d fen went back by %q, %d alerts", p.GetString("outTradeNo"), p.GetString("state"), p.GetInt("amount"),
			o.GetString("payState"), back, all, alerts)
	}
}
