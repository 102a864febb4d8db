package desk_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"wxbase/internal/apptest"
)

// words reads a dictionary of the pages: group, key, text.
func words(t *testing.T, name string) (texts map[string]map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "ui", "src", "i18n", name+".json"))
	if err == nil {
		err = json.Unmarshal(raw, &texts)
	}
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestActionsHaveWords: what the audit notes is a sentence on the page, in both languages.
func TestActionsHaveWords(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "zh-CN"} {
		texts := words(t, "audit."+language)["auditAction"]
		for route, needs := range shopRoutes {
			if key := strings.ReplaceAll(needs.action, ".", "_"); key != "" && texts[key] == "" {
				t.Errorf("%s: %s (%s) has no word in audit.%s.json", route, needs.action, key, language)
			}
		}
	}
}

// TestAlertsHaveWords: each kind of alert is shown by a word, in both languages, with a page that mends it.
func TestAlertsHaveWords(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join("..", "books", "alerts.go"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`AlertKind = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 10 {
		t.Fatalf("got %d kinds of alerts, want those of books", len(kinds))
	}
	app := apptest.New(t)
	for _, kind := range kinds {
		row := dbx.Params{"id": "alert" + strings.Repeat("0", 10-min(len(kind[1]), 10)) + kind[1][:min(len(kind[1]), 10)], "kind": kind[1], "subject": "x", "since": "2026-01-01 00:00:00.000Z", "details": "{}"}
		if _, err := app.NonconcurrentDB().Insert("wx_alerts", row).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	shown := app.Must("GET", "/api/wx/admin/attention", app.Superuser(), nil)
	items, _ := shown.JSON["items"].([]any)
	for _, language := range []string{"en", "zh-CN"} {
		texts := words(t, language)["attention"]
		for _, item := range items {
			if kind, _ := item.(map[string]any)["kind"].(string); texts[kind] == "" {
				t.Errorf("%s: %s has no word", language, kind)
			}
		}
	}
	if len(items) < len(kinds) {
		t.Errorf("got %d items for %d kinds", len(items), len(kinds))
	}
}
