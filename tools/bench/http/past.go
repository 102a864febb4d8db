package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // registers the driver
)

// pastOrders is the past of a shop by SQL: paid and received orders of the known people, each with its line, its payment and three rows of the ledger,
// over two years. Ids begin so that they sort before those of today, as those of the past do.
var pastOrders = []string{
	`INSERT INTO orders (id, user, appid, number, items, total, description, payState, shipState, paidAt, created, updated) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :last)
		SELECT printf('a%014d', i), (SELECT id FROM bench_people WHERE rowid = 1 + i % :people), :appid, printf('2024%016d', i),
		json_array(json_object('product', :product, 'name', 'bench', 'price', 100, 'quantity', 1)), 100, 'bench', 'PAID', 'RECEIVED', :at, :at, :at FROM n`,
	`INSERT INTO wx_order_lines (id, "order", product, name, quantity, amount, created, updated) SELECT 'b' || substr(id, 2), id, :product, 'bench', 1, 100, created, created FROM orders WHERE id LIKE 'a%'`,
	`INSERT INTO payments (id, "order", merchant, appid, api, outTradeNo, transactionId, state, amount, successAt, created, updated)
		SELECT 'c' || substr(id, 2), id, :mchid, :appid, 'v2', 'c' || substr(id, 2) || '01', '4200' || substr(id, 2), 'PAID', 100, created, created, created FROM orders WHERE id LIKE 'a%'`,
	`INSERT INTO wx_ledger (id, "order", payment, "from", "to", source, created, updated) SELECT 'd' || column1 || substr(o.id, 3), o.id, 'c' || substr(o.id, 2), column2, column3, column4, o.created, o.created
		FROM orders o, (VALUES ('1', 'NEW', 'PREPAYING', 'pay'), ('2', 'PREPAYING', 'PREPAID', 'pay'), ('3', 'PREPAID', 'PAID', 'notify')) WHERE o.id LIKE 'a%'`,
}

// fillPast gives a shop its past while the server is down, and tells how long the next start takes and what an idle server costs.
func (p *shop) fillPast(orders int) error {
	if err := p.open(); err != nil {
		return err
	}
	p.s.end()
	began := time.Now()
	if err := p.writePast(orders); err != nil {
		return fmt.Errorf("fill the past: %w", err)
	}
	fmt.Printf("filled %d orders in %s\n", orders, time.Since(began).Round(time.Second))
	began = time.Now()
	if err := p.s.launch(); err != nil {
		return err
	}
	fmt.Printf("start: %d ms\n", time.Since(began).Milliseconds())
	time.Sleep(5 * time.Second)
	const idle = 20 * time.Second
	before, _, err := p.s.usage()
	if err != nil {
		return err
	}
	time.Sleep(idle)
	after, rss, err := p.s.usage()
	if err != nil {
		return err
	}
	fmt.Printf("idle: %.2f %% of a core, %d MB\n", 100*(after-before).Seconds()/idle.Seconds(), rss>>20)
	return nil
}

func (p *shop) writePast(orders int) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.s.data(), "data.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=cache_size(-200000)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx := context.Background()
	if _, err := db.ExecContext(ctx, "CREATE TEMP TABLE bench_people AS SELECT id FROM users"); err != nil {
		return err
	}
	at := "strftime('%Y-%m-%d %H:%M:%S.000Z', 'now', '-' || (63072000 - 63072000 * i / " + strconv.Itoa(orders) + ") || ' seconds')"
	for _, step := range pastOrders {
		_, err := db.ExecContext(ctx, strings.ReplaceAll(step, ":at", at), sql.Named("last", orders-1), sql.Named("people", people),
			sql.Named("appid", appID), sql.Named("mchid", mchID), sql.Named("product", p.product))
		if err != nil {
			return err
		}
	}
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}
