package vitals

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/prometheus/client_golang/prometheus"

	"wxbase/internal/days"
	"wxbase/internal/sockets"
)

// shopMetrics reads what waits, and how the server is, when it is scraped.
type shopMetrics struct{ keeper *Vitals }

// Collector gives Prometheus the numbers.
func (k *Vitals) Collector() prometheus.Collector { return shopMetrics{k} }

// Describe sends nothing: the metrics say themselves what they are.
func (shopMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything once. A table that cannot be read is left out; wxbase_ready tells.
func (m shopMetrics) Collect(out chan<- prometheus.Metric) {
	k := m.keeper
	ctx, cancel := context.WithTimeout(context.Background(), probeDeadline)
	defer cancel()
	gauge := func(name, help string, value float64, labels ...label) { out <- labelled(name, help, value, labels) }
	r := k.ready(ctx)
	gauge("wxbase_ready", "1 when the work can be done, as GET /api/wx/health says.", sockets.BoolNumber(!r.stops()))
	gauge("wxbase_disk_free_bytes", "Room on the disk of the data folder.", float64(r.Free))
	gauge("wxbase_outbox_due", "Effects that are due.", float64(r.Backlog))
	gauge("wxbase_outbox_due_oldest_seconds", "For how long the oldest of them has been.", r.Oldest.Seconds())
	for _, file := range []string{"data.db", "data.db-wal", "auxiliary.db", "auxiliary.db-wal"} {
		if info, err := os.Stat(filepath.Join(k.App.DataDir(), file)); err == nil { // note: never opened, SQLite's locks would go
			gauge("wxbase_database_bytes", "Size of a file of the database.", float64(info.Size()), label{"file", file})
		}
	}
	for _, g := range shopGroups() {
		k.collectGroup(ctx, g, out)
	}
	if at := k.newestBackup(); !at.IsZero() {
		gauge("wxbase_last_backup_timestamp_seconds", "When the newest backup was made, as seen at the last look, once an hour.", float64(at.Unix()))
	}
	if r := k.Replica(); r.On {
		gauge("wxbase_replica_lag_seconds", "How far the copy of the database elsewhere is behind.", r.Lag.Seconds())
		if !r.FilesOff {
			gauge("wxbase_replica_files_lag_seconds", "Since the copy of the files elsewhere was last complete.", r.FilesLag.Seconds())
		}
	}
	k.collectBills(ctx, out)
}

// label is the name and value of one.
type label struct{ name, value string }

func labelled(name, help string, value float64, labels []label) prometheus.Metric {
	names, values := make([]string, 0, len(labels)), make([]string, 0, len(labels))
	for _, l := range labels {
		names, values = append(names, l.name), append(values, l.value)
	}
	return prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), prometheus.GaugeValue, value, values...)
}

// shopGroup counts rows by a column, with the age of the oldest.
type shopGroup struct {
	name, help           string
	table, column, where string
	since                string // column of the age; empty for none
}

// note: a condition on the state alone reads every payment that there ever was. What is open will be asked about, or waits for a person, and
// there is an index of each.
const (
	openPayments = "[[id]] IN (SELECT [[id]] FROM {{payments}} WHERE [[nextQueryAt]] != '' UNION ALL SELECT [[id]] FROM {{payments}} WHERE [[disputedAt]] != '') " +
		"AND [[state]] IN ('NEW','PREPAYING','PREPAID','UNKNOWN','CLOSING','DISPUTED')"
	openRefunds = "[[id]] IN (SELECT [[id]] FROM {{refunds}} WHERE [[nextQueryAt]] != '' UNION ALL SELECT [[id]] FROM {{refunds}} WHERE [[state]] = 'ABNORMAL') " +
		"AND [[state]] IN ('NEW','SUBMITTED','PROCESSING','ABNORMAL')"
)

func shopGroups() []shopGroup {
	return []shopGroup{
		{"wxbase_alerts_open", "Alerts that nobody has closed.", "wx_alerts", "kind", "[[closedAt]] = ''", "since"},
		{"wxbase_outbox_waiting", "Effects that are not done.", "wx_outbox", "effect", "[[doneAt]] = ''", "created"},
		{"wxbase_outbox_failing", "Effects that have been tried and are not done.", "wx_outbox", "effect", "[[doneAt]] = '' AND [[attempts]] > 0", ""},
		{"wxbase_payments_open", "Payments that are not settled.", "payments", "state", openPayments, "created"},
		{"wxbase_refunds_open", "Refunds that have not reached the payer.", "refunds", "state", openRefunds, "created"},
		{"wxbase_payouts_open", "Payouts that have not ended.", "wx_payouts", "state", "[[state]] IN ('HELD','NEW','SUBMITTED','ACCEPTED','WAITING','TRANSFERRING','CANCELLING')", "created"},
	}
}

func (g shopGroup) query(app core.App) *dbx.Query {
	oldest := "''"
	if g.since != "" {
		oldest = "min([[" + g.since + "]])"
	}
	return app.ConcurrentDB().NewQuery("SELECT [[" + g.column + "]] AS label, count(*) AS n, " + oldest + " AS oldest FROM {{" + g.table + "}} WHERE " + g.where + " GROUP BY 1")
}

func (k *Vitals) collectGroup(ctx context.Context, g shopGroup, out chan<- prometheus.Metric) {
	var rows []struct {
		Label  string `db:"label"`
		N      int    `db:"n"`
		Oldest string `db:"oldest"`
	}
	if err := g.query(k.App).WithContext(ctx).All(&rows); err != nil {
		return
	}
	for _, row := range rows {
		by := []label{{g.column, cmp.Or(row.Label, "none")}}
		out <- labelled(g.name, g.help, float64(row.N), by)
		if at, err := time.Parse(days.Stored, row.Oldest); err == nil {
			out <- labelled(g.name+"_oldest_seconds", "And how old the oldest is.", k.Now().Sub(at).Seconds(), by)
		}
	}
}

// collectBills tells, for each merchant, the last day whose bill was compared.
func (k *Vitals) collectBills(ctx context.Context, out chan<- prometheus.Metric) {
	var rows []struct {
		Merchant string `db:"merchant"`
		Day      string `db:"day"`
	}
	err := k.App.ConcurrentDB().NewQuery("SELECT [[merchant]], max([[date]]) AS day FROM {{wx_bills}} WHERE [[state]] IN ('OK','EMPTY','DIFFERENT') GROUP BY 1").
		WithContext(ctx).All(&rows)
	if err != nil {
		return
	}
	for _, row := range rows {
		if day, err := time.ParseInLocation(time.DateOnly, row.Day, days.Beijing()); err == nil {
			out <- labelled("wxbase_last_bill_timestamp_seconds", "Begin of the last day whose bill was compared.", float64(day.Unix()), []label{{"merchant", row.Merchant}})
		}
	}
}
