package vitals

import (
	"errors"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/prometheus/client_golang/prometheus"

	"wxbase/internal/books"
	_ "wxbase/migrations" // wx_alerts
)

// TestReplicaAlert: a copy that does not follow is an alert, of the database and of the files each, until it follows again; and the metrics tell it.
func TestReplicaAlert(t *testing.T) {
	t.Parallel()
	app, err := tests.NewTestAppWithConfig(core.BaseAppConfig{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	var now Replica
	k := New(Deps{
		App: app, Now: time.Now, Books: books.New(app, time.Now, time.Second, nil, func() string { return "" }),
		ProbeFresh: time.Hour, Replica: func() Replica { return now },
	})
	k.last.At = time.Now() // note: looking needs the settings of a whole server
	open := func() map[string]int {
		rows, err := app.FindAllRecords("wx_alerts", dbx.HashExp{"kind": "replica", "closedAt": ""})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for _, row := range rows {
			found[row.GetString("subject")]++
		}
		return found
	}
	for _, s := range []struct {
		name      string
		now       Replica
		lag, file bool
		metrics   map[string]float64
	}{
		{name: "no replica", metrics: map[string]float64{}},
		{
			name: "it follows", now: Replica{On: true, Lag: time.Second, FilesLag: 20 * time.Second},
			metrics: map[string]float64{"wxbase_replica_lag_seconds": 1, "wxbase_replica_files_lag_seconds": 20},
		},
		{
			name: "the place is away", now: Replica{On: true, Lag: 90 * time.Second, Problem: "no such host", FilesOff: true}, lag: true,
			metrics: map[string]float64{"wxbase_replica_lag_seconds": 90},
		},
		{
			name: "the files do not fit", now: Replica{On: true, FilesLag: time.Hour, FilesProblem: "no room"}, file: true,
			metrics: map[string]float64{"wxbase_replica_lag_seconds": 0, "wxbase_replica_files_lag_seconds": 3600},
		},
		{name: "it follows again", now: Replica{On: true}, metrics: map[string]float64{"wxbase_replica_lag_seconds": 0, "wxbase_replica_files_lag_seconds": 0}},
	} {
		now = s.now
		k.tellReplica()
		if got := open(); (got["lag"] == 1) != s.lag || (got["files"] == 1) != s.file || len(got) > 1 {
			t.Errorf("%s: got alerts %v", s.name, got)
		}
		if got := replicaMetrics(t, k); len(got) != len(s.metrics) || got["wxbase_replica_lag_seconds"] != s.metrics["wxbase_replica_lag_seconds"] ||
			got["wxbase_replica_files_lag_seconds"] != s.metrics["wxbase_replica_files_lag_seconds"] {
			t.Errorf("%s: got metrics %v, want %v", s.name, got, s.metrics)
		}
	}
}

// TestAlive: an fsync that failed and that this process cannot mend is a reason for another process.
func TestAlive(t *testing.T) {
	t.Parallel()
	app, err := tests.NewTestAppWithConfig(core.BaseAppConfig{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	var failed error
	k := New(Deps{
		App: app, Now: time.Now, Books: books.New(app, time.Now, time.Second, nil, func() string { return "" }), Unsynced: func() error { return failed },
	})
	k.Books.StartWorker()
	t.Cleanup(k.Books.StopWorker)
	if !k.Alive(t.Context()) {
		t.Error("all is well: got no")
	}
	if failed = errors.New("input/output error"); k.Alive(t.Context()) {
		t.Error("after a failed fsync: got yes, want another process")
	}
}

func replicaMetrics(t *testing.T, k *Vitals) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(k.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		if name := f.GetName(); len(name) > 14 && name[:14] == "wxbase_replica" {
			found[name] = f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return found
}
