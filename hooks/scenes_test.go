package hooks_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/pocketbase/pocketbase/apis"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
)

func TestSceneSpellings(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	const own = "a/b+c?d=1&e#f"
	packed := person.Must(http.MethodPost, "/api/wx/codes", map[string]any{"page": "pages/a/a", "payload": map[string]any{"id": 7, "from": "ad"}}).Text("scene")
	person.Must(http.MethodPost, "/api/wx/codes", map[string]any{"page": "pages/b/b", "scene": own})
	once, twice := url.QueryEscape(packed), url.QueryEscape(url.QueryEscape(packed))
	scenarios := []struct {
		name, path string
		status     int
		page       string
	}{
		{"as it is", packed, 200, "pages/a/a"},
		{"as the page gets it", once, 200, "pages/a/a"},
		{"encoded twice", twice, 200, "pages/a/a"},
		{"encoded three times", url.QueryEscape(twice), 200, "pages/a/a"}, // one of them is the path's own
		{"encoded four times", url.QueryEscape(url.QueryEscape(twice)), 404, ""},
		{"slash, plus, question mark and hash", url.PathEscape(own), 200, "pages/b/b"},
		{"and these encoded twice", url.PathEscape(url.PathEscape(own)), 200, "pages/b/b"},
		{"unknown", "nosuchscene", 404, ""},
		{"packed, but made by nobody here", "~id:8", 404, ""},
		{"a token that nobody was given", "t" + strings.Repeat("0", 22), 404, ""},
		{"a character that no scene has", "%E9%9D%A2", 404, ""},
		{"broken encoding", "a%25zz", 404, ""},
		{"very long", strings.Repeat("a", 5000), 404, ""},
		{"SQL", url.PathEscape("' OR 1=1 --"), 404, ""},
		{"a pattern of LIKE", "~from=ad&id:_", 404, ""},
		{"other capitals", strings.ToUpper(packed), 404, ""},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := app.Call(http.MethodGet, "/api/wx/scenes/"+s.path, "", nil)
			code := ""
			if s.status == 404 {
				code = "scene_not_found"
			}
			wantAnswer(t, got, s.status, code)
			if got.Text("page") != s.page && s.status == 200 {
				t.Errorf("got %s, want page %s", got.Body, s.page)
			}
		})
	}
}

func TestSceneCountsScans(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	code := person.Must(http.MethodPost, "/api/wx/codes", map[string]any{"payload": map[string]any{"id": 7}})
	scans := func() int {
		t.Helper()
		r, err := app.FindRecordById("wx_codes", code.Text("id"))
		if err != nil {
			t.Fatal(err)
		}
		return r.GetInt("scans")
	}
	if n := scans(); n != 0 {
		t.Errorf("before: got %d scans, want none", n)
	}
	roomtest.AtOnce(50, func(int) {
		if got := app.Call(http.MethodGet, "/api/wx/scenes/"+code.Text("scene"), "", nil); got.Status != 200 {
			t.Errorf("got %d %s, want 200", got.Status, got.Body)
		}
	})
	if n := scans(); n != 50 {
		t.Errorf("after 50 at once: got %d scans, want 50", n)
	}
	app.Call(http.MethodGet, "/api/wx/scenes/nosuchscene", "", nil)
	if n := scans(); n != 50 {
		t.Errorf("after another scene: got %d scans, want 50", n)
	}
}

func TestOnCodeScanned(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	code := person.Must(http.MethodPost, "/api/wx/codes", map[string]any{"payload": map[string]any{"id": 7}})
	var mu sync.Mutex
	var users []string
	refuse := false
	app.WX.OnCodeScanned().BindFunc(func(e *events.ScanEvent) error {
		mu.Lock()
		defer mu.Unlock()
		user := "guest"
		if e.User != nil {
			user = e.User.Id
		}
		users = append(users, e.Code.Id+" "+user)
		if refuse {
			return apis.NewApiError(http.StatusGone, "over", nil)
		}
		return e.Next()
	})
	path := "/api/wx/scenes/" + code.Text("scene")
	app.Must(http.MethodGet, path, "", nil)
	person.Must(http.MethodGet, path, nil)
	app.Call(http.MethodGet, "/api/wx/scenes/nosuchscene", "", nil)
	refuse = true
	if got := app.Call(http.MethodGet, path, "", nil); got.Status != http.StatusGone {
		t.Errorf("refused by the hook: got %d %s, want 410", got.Status, got.Body)
	}
	want := []string{code.Text("id") + " guest", code.Text("id") + " " + person.User, code.Text("id") + " guest"}
	if strings.Join(users, ",") != strings.Join(want, ",") {
		t.Errorf("got events %v, want %v", users, want)
	}
}
