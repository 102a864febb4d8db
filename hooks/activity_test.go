package hooks_test

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

type logRow struct {
	Level   int    `db:"level"`
	Message string `db:"message"`
	Data    string `db:"data"`
}

// waitLogs reads the rows of requests once there are so many of them.
func waitLogs(t *testing.T, app *apptest.App, want int) (rows []logRow) {
	t.Helper()
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		rows = nil
		if err := app.AuxDB().NewQuery("SELECT level, message, data FROM _logs WHERE json_extract(data, '$.type') = 'request' ORDER BY rowid").All(&rows); err != nil {
			t.Fatal(err)
		}
		if len(rows) >= want || time.Now().After(end) {
			return rows
		}
	}
}

// TestActivityLog: the rows are those that the dashboard knows, small, and only where they are wanted.
func TestActivityLog(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Settings().Logs.MaxDays = 7
	app.Settings().Logs.LogIP = true
	app.Call(http.MethodGet, "/api/wx/health", "", nil) // it asks for no row of a success
	app.Call(http.MethodGet, "/api/health?long="+strings.Repeat("长", 2_000), "", nil)
	app.Call(http.MethodGet, "/api/collections/wx_ledger/records", app.Superuser(), nil)
	app.Call(http.MethodPost, "/api/wx/login", "", map[string]string{"code": ""})
	rows := waitLogs(t, app, 4)
	var texts []string
	for _, row := range rows {
		texts = append(texts, row.Message[:min(len(row.Message), 60)])
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{"GET /api/health?long=", "GET /api/collections/wx_ledger/records", "POST /api/wx/login"} {
		if strings.Count(all, want) != 1 {
			t.Errorf("rows of %q: got\n%s\nwant one", want, all)
		}
	}
	if strings.Contains(all, "/api/wx/health") {
		t.Error("a success that asks for no row has one")
	}
	for _, row := range rows {
		checkLogRow(t, row)
	}
}

func checkLogRow(t *testing.T, row logRow) {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal([]byte(row.Data), &data); err != nil {
		t.Fatalf("row %s: %v", row.Data, err)
	}
	if len(row.Message)+len(row.Data) > 8_000 {
		t.Errorf("row %.60s: got %d bytes", row.Message, len(row.Message)+len(row.Data))
	}
	for _, key := range []string{"type", "execTime", "url", "method", "status", "referer", "userAgent", "auth", "userIP", "remoteIP"} {
		if _, ok := data[key]; !ok {
			t.Errorf("row %.60s has no %s", row.Message, key)
		}
	}
	switch status, failed := data["status"], strings.HasPrefix(row.Message, "POST /api/wx/login"); {
	case failed && (status != 400.0 || row.Level != 8 || data["error"] == nil):
		t.Errorf("the refusal: got level %d, %s", row.Level, row.Data)
	case !failed && (status != 200.0 || row.Level != 0 || data["error"] != nil):
		t.Errorf("a success: got level %d, %s", row.Level, row.Data)
	}
}

// TestActivitySettings: no days, or a higher level, are no rows.
func TestActivitySettings(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_LOG_SAMPLE": "0"}[name] }
	})
	logs := &app.Settings().Logs
	logs.MaxDays = 0
	app.Call(http.MethodGet, "/api/no-days", "", nil)
	logs.MaxDays, logs.MinLevel = 7, 9
	app.Call(http.MethodGet, "/api/no-level", "", nil)
	logs.MinLevel = 0
	app.Call(http.MethodGet, "/api/health?sampled", "", nil)
	app.Call(http.MethodGet, "/api/wanted", "", nil)
	if rows := waitLogs(t, app, 1); len(rows) != 1 || rows[0].Message != "GET /api/wanted" {
		t.Errorf("got %v, want the one of /api/wanted", rows)
	}
}

// TestLogRowsOfCodeAreCapped: what a hook logs has a bound too.
func TestLogRowsOfCodeAreCapped(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	err := app.AuxSave(&core.Log{Message: strings.Repeat("m", 1<<20), Data: map[string]any{"big": strings.Repeat("d", 1<<20), "token": "n33dle"}})
	if err != nil {
		t.Fatal(err)
	}
	var size int
	if err := app.AuxDB().NewQuery("SELECT max(length(message) + length(data)) FROM _logs").Row(&size); err != nil || size > 40_000 {
		t.Errorf("got %d bytes (%v), want at most 40000", size, err)
	}
}
