package hooks_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/tests"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// TestRowsThatCannotWork: the dashboard refuses them by the field, and what is left of before is told at the start.
func TestRowsThatCannotWork(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	owner := app.Superuser()
	template := func(data any) map[string]any {
		return map[string]any{"event": "order.paid", "templateId": "T1", "data": data, "enabled": true}
	}
	scenarios := []struct {
		name, collection, field string
		body                    map[string]any
		want                    int
	}{
		{"a product without a price", "products", "price", map[string]any{"name": "面", "active": true}, 400},
		{"a product for nothing", "products", "price", map[string]any{"name": "面", "active": true, "price": 0}, 400},
		{"the cheapest product", "products", "", map[string]any{"name": "面", "active": true, "price": 1}, 200},
		{"a draft of a product", "products", "", map[string]any{"name": "面"}, 200},
		{"a join rule over a field that is not there", "rooms", "joinRule", map[string]any{"name": "r1", "joinRule": "nosuch = 1"}, 400},
		{"half a publish rule", "rooms", "publishRule", map[string]any{"name": "r2", "publishRule": "name ="}, 400},
		{"rules that work", "rooms", "", map[string]any{"name": "r3", "joinRule": `@request.auth.id != ""`, "publishRule": `@request.auth.name = name`}, 200},
		{"a key that no template has", "wx_templates", "data", template(map[string]string{"the thing": "{items}"}), 400},
		{"a key without a number", "wx_templates", "data", template(map[string]string{"thing": "{items}"}), 400},
		{"keys of a template", "wx_templates", "", template(map[string]string{"thing1": "{items}", "character_string12": "{number}"}), 200},
	}
	for _, s := range scenarios {
		got := app.Call(http.MethodPost, "/api/collections/"+s.collection+"/records", owner, s.body)
		data, _ := got.JSON["data"].(map[string]any)
		if got.Status != s.want || s.want == 400 && data[s.field] == nil {
			t.Errorf("%s: got %d %s, want %d with %q", s.name, got.Status, got.Body, s.want, s.field)
		}
	}
}

// TestRowOfBeforeCanBeMended: a product that was saved before prices were asked for can be changed field by field, and is sold from.
func TestRowOfBeforeCanBeMended(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	owner, product := app.Superuser(), app.Product("三鲜面")
	if _, err := app.DB().Update("products", dbx.Params{"price": 0}, dbx.HashExp{"id": product}).Execute(); err != nil {
		t.Fatal(err)
	}
	one := "/api/collections/products/records/" + product
	app.Must(http.MethodPatch, one, owner, map[string]any{"name": "阳春面"})
	app.Must(http.MethodPatch, one, owner, map[string]any{"active": false})
	if got := app.Call(http.MethodPatch, one, owner, map[string]any{"active": true}); got.Status != http.StatusBadRequest {
		t.Errorf("on sale again without a price: got %d, want 400", got.Status)
	}
	app.Must(http.MethodPatch, one, owner, map[string]any{"active": true, "price": 1200})
}

// TestStoredAdvice: rows of before that cannot work are told at the start, and the demo's superuser too.
func TestStoredAdvice(t *testing.T) {
	t.Parallel()
	first := mustStart(t, "127.0.0.1:8090", hooks.Config{Sim: true, DemoEmail: "me@example.com"})
	for _, sql := range []string{
		"UPDATE products SET price = 0 WHERE name = '三鲜面'",
		"UPDATE rooms SET publishRule = 'nosuch = 1' WHERE name = 'notice'",
	} {
		if _, err := first.DB().NewQuery(sql).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	second := startAgain(t, first)
	for _, want := range []string{"1 products are on sale without a price", "publishRule: ", "superuser of the demo lives on (me@example.com)"} {
		if !strings.Contains(second.out, want) {
			t.Errorf("got %q, want it to say %q", second.out, want)
		}
	}
	kept, err := os.ReadFile(filepath.Join(first.DataDir(), "sim/demo-password"))
	if err != nil || strings.Contains(second.out, strings.TrimSpace(string(kept))) {
		t.Errorf("the start lines say the demo's password (%v)", err)
	}
	user, err := first.FindAuthRecordByEmail("_superusers", "me@example.com")
	if err != nil {
		t.Fatal(err)
	}
	user.SetPassword("chosen-by-the-owner")
	if err := first.Save(user); err != nil {
		t.Fatal(err)
	}
	if third := startAgain(t, first); strings.Contains(third.out, "lives on") {
		t.Errorf("with a password of the owner's: got %q, want no warning", third.out)
	}
}

// startAgain is a real start on a copy of a data folder.
func startAgain(t *testing.T, from *started) *started {
	t.Helper()
	app, err := tests.NewTestApp(from.DataDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	s, err := startApp(t, app, "127.0.0.1:8090", hooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFolderIsClosed: a new data folder and one that was open are their owner's alone.
func TestFolderIsClosed(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]bool{"new": false, "open before": true} {
		dir := home(t)
		if open {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		p := launch(t, dir, "/api/wx/health", "serve")
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: got %v, %v, want 0700", name, info.Mode(), err)
		}
		if said := strings.Contains(p.out.String(), "is its owner's alone now"); said != open {
			t.Errorf("%s: told %v, want %v", name, said, open)
		}
		p.end(syscall.SIGKILL)
	}
}

// TestWrongFolder: a superuser for a folder without data is a mistake, and leaves nothing behind that looks like data.
func TestWrongFolder(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"superuser", "upsert", "owner@example.com", "a-long-password"}, {"bill"}, {"secrets", "rotate"}} {
		dir := home(t)
		cmd := command(t, dir, nil, "--new=false")
		cmd.Args = append(append([]string{cmd.Args[0]}, args...), "--dir", dir)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "there is no data in "+dir) || !strings.Contains(string(out), "--dir") {
			t.Errorf("%v: got %v, %q, want a refusal and what to do", args, err, out)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%v: got %v, want no folder", args, err)
		}
	}
}

// TestSuperuserInAnEmptyFolder: an install script makes the folder, then the superuser, then starts the server. A folder with other things in it is
// the wrong one.
func TestSuperuserInAnEmptyFolder(t *testing.T) {
	t.Parallel()
	for _, other := range []bool{false, true} {
		dir := t.TempDir()
		if other {
			if err := os.WriteFile(filepath.Join(dir, "letter.txt"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := command(t, dir, nil, "--new=false")
		cmd.Args = append(append([]string{cmd.Args[0]}, "superuser", "upsert", "owner@example.com", "a-long-password"), "--dir", dir)
		out, err := cmd.CombinedOutput()
		if (err != nil) != other {
			t.Errorf("other files %v: got %v, %q, want a refusal %v", other, err, out, other)
		}
		if _, err := os.Stat(filepath.Join(dir, "data.db")); os.IsNotExist(err) != other {
			t.Errorf("other files %v: got %v, want a database %v", other, err, !other)
		}
	}
}

// TestDamagedDatabase: the message names the folder and the way out, and nothing is written into what may still be saved.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	dir := home(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path, damaged := filepath.Join(dir, "data.db"), strings.Repeat("this was a database once. ", 1_000)
	if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := run(t, dir, nil, "serve", "--http", "127.0.0.1:0")
	if code != 1 || !strings.Contains(stderr, "the database in "+dir+" is damaged") || !strings.Contains(stderr, "restore a backup") {
		t.Errorf("got exit %d, %q, want 1 and what to do", code, stderr)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != damaged {
		t.Errorf("the damaged file was changed (%v)", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, dir, nil, "serve")
	cmd.Args = []string{cmd.Args[0], "serve", "--http", "127.0.0.1:0", "--dir", filepath.Join(file, "pb_data")}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "name another folder by --dir") {
		t.Errorf("a file in place of a folder: got %v, %q, want a refusal and what to do", err, out)
	}
}
