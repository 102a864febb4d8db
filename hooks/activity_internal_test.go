package hooks

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/tests"
	"github.com/prometheus/client_golang/prometheus"

	"wxbase/internal/redact"
)

func activityApp(t *testing.T) *tests.TestApp {
	t.Helper()
	app, err := tests.NewTestApp(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	if _, err := app.AuxNonconcurrentDB().Delete("_logs", nil).Execute(); err != nil {
		t.Fatal(err)
	}
	return app
}

func logsWhere(t *testing.T, app *tests.TestApp, where string) (n int) {
	t.Helper()
	if err := app.AuxDB().NewQuery("SELECT count(*) FROM _logs WHERE " + where).Row(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func answered(status int, uri string) *activityRow {
	return &activityRow{failed: status >= 400, status: status, method: "GET", uri: uri, err: "why"}
}

// counted reads a counter as a scraper would.
func counted(t *testing.T, registry *prometheus.Registry, class, outcome string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		if labels := m.GetLabel(); labels[0].GetValue() == class && labels[1].GetValue() == outcome {
			return m.GetCounter().GetValue()
		}
	}
	return 0
}

// TestFloodKeepsFailures: neither successes nor refusals push out what the server did wrong, whichever came first; what is dropped is counted.
func TestFloodKeepsFailures(t *testing.T) {
	t.Parallel()
	app, registry := activityApp(t), prometheus.NewRegistry()
	l := newActivityLog(1, registry)
	const flood, failures = 3 * logQueueSize, 100
	for n := range flood {
		l.add(answered(200, "/good"))
		l.add(answered(429, "/refused"))
		if n < failures/2 || n >= flood-failures/2 {
			l.add(answered(503, fmt.Sprintf("/failed-%d", n)))
		}
	}
	if err := l.write(app, logQueueSize); err != nil {
		t.Fatal(err)
	}
	scenarios := map[string]int{
		"message LIKE 'GET /failed-%' AND level = 8": failures, "message = 'GET /refused'": logQueueSize, "message = 'GET /good' AND level = 0": logQueueSize,
		fmt.Sprintf("level = 4 AND json_extract(data, '$.success') = %d AND json_extract(data, '$.failed') = 0", flood-logQueueSize): 1,
	}
	for where, want := range scenarios {
		if got := logsWhere(t, app, where); got != want {
			t.Errorf("rows with %s: got %d, want %d", where, got, want)
		}
	}
	if got := counted(t, registry, "success", "dropped"); got != flood-logQueueSize {
		t.Errorf("the metric of dropped successes: got %v, want %d", got, flood-logQueueSize)
	}
	if got := counted(t, registry, "failed", "written"); got != failures {
		t.Errorf("the metric of written failures: got %v, want %d", got, failures)
	}
	if err := l.write(app, logQueueSize); err != nil || logsWhere(t, app, "level = 4") != 1 {
		t.Errorf("nothing dropped since: got %d rows that tell of it (%v), want 1", logsWhere(t, app, "level = 4"), err)
	}
}

// TestFloodCostsNoMemory: 200,000 requests with long addresses wait in less than 100 MB, and start nothing.
func TestFloodCostsNoMemory(t *testing.T) {
	l := newActivityLog(1, prometheus.NewRegistry())
	before := runtime.NumGoroutine()
	long := strings.Repeat("x", 60_000)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	start := heap()
	for n := range 200_000 {
		status := []int{200, 404, 500}[n%3]
		l.add(&activityRow{
			failed: status >= 400, status: status, uri: cutLog(long, maxLogURL), referer: cutLog(long, maxLogHeader), agent: cutLog(long, maxLogHeader),
			err: cutLog(long, maxLogError), details: logJSON(long),
		})
	}
	if got := (heap() - start) >> 20; got >= 100 {
		t.Errorf("the flood holds %d MB, want less than 100", got)
	}
	if got := runtime.NumGoroutine(); got > before {
		t.Errorf("goroutines: got %d, want %d", got, before)
	}
	runtime.KeepAlive(l)
}

func TestLogSample(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ sample, want int }{{1, 1000}, {10, 100}, {0, 0}, {-1, 0}}
	for _, s := range scenarios {
		l := newActivityLog(s.sample, prometheus.NewRegistry())
		for range 1000 {
			l.add(answered(200, "/"))
			l.add(answered(400, "/"))
		}
		if got := len(l.queues[logSuccess]); got != s.want {
			t.Errorf("sample %d: got %d successes of 1000, want %d", s.sample, got, s.want)
		}
		if got := len(l.queues[logRefused]); got != 1000 {
			t.Errorf("sample %d: got %d refusals, want all 1000", s.sample, got)
		}
	}
}

// TestTrimLogs: the table keeps the newest rows of each class, and a flood of one class costs the others nothing.
func TestTrimLogs(t *testing.T) {
	t.Parallel()
	app := activityApp(t)
	for n := range 60 {
		status := []int{200, 200, 404, 200, 404, 500}[n%6]
		if _, err := app.AuxNonconcurrentDB().Insert("_logs", answered(status, fmt.Sprintf("/%d/%d", status, n)).export()).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	plain := logRow(levelError, "no request", map[string]any{}, answered(1, "").at)
	if _, err := app.AuxNonconcurrentDB().Insert("_logs", plain).Execute(); err != nil {
		t.Fatal(err)
	}
	if err := trimLogs(app, 11); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]int{
		"message LIKE 'GET /200/%'": 11, "message LIKE 'GET /404/%'": 11, "message LIKE 'GET /500/%'": 10, "message = 'no request'": 1,
		"message = 'GET /200/57'": 1, "message = 'GET /200/0'": 0,
	} {
		if got := logsWhere(t, app, where); got != want {
			t.Errorf("rows with %s: got %d, want %d", where, got, want)
		}
	}
}

func BenchmarkScrub(b *testing.B) {
	for _, text := range []string{"/api/collections/orders/records/abcdefghijklmno", "/api/files/x?token=abc&thumb=100x100"} {
		b.Run(text[:10], func(b *testing.B) {
			for b.Loop() {
				redact.Text(text)
			}
		})
	}
}
