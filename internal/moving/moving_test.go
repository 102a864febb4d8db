package moving_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/moving"
	"wxbase/internal/moving/movingtest"
)

// TestLeanCloudHash is the vector of the documents.
func TestLeanCloudHash(t *testing.T) {
	t.Parallel()
	if got := moving.LeanCloudHash(movingtest.Salt, movingtest.Password); got != movingtest.Hash {
		t.Errorf("hash: got %s, want %s", got, movingtest.Hash)
	}
}

func mover(t *testing.T, app core.App, source moving.Source, appID string) *moving.Mover {
	t.Helper()
	plan, err := moving.MakePlan(app, source, appID)
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	return &moving.Mover{App: app, Source: source, Plan: plan}
}

func leanCloud(t *testing.T, dir string) moving.Source {
	t.Helper()
	folder, err := moving.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return moving.LeanCloud{Folder: folder}
}

func files(t *testing.T, all map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, m *moving.Mover) *moving.Report {
	t.Helper()
	report, err := m.Run(t.Context())
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return report
}

// dump is every row of a collection, for comparing two states.
func dump(t *testing.T, app core.App, collection string) string {
	t.Helper()
	var rows []dbx.NullStringMap
	if err := app.DB().Select("*").From(collection).OrderBy("id").All(&rows); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(rows)
}

// TestLeanCloudMoves: stopped in the middle, resumed and run again, with the same rows each time; then old accounts are met by password and
// by WeChat.
func TestLeanCloudMoves(t *testing.T) {
	t.Parallel()
	app, dir := apptest.New(t), t.TempDir()
	const rows = 5000
	if err := movingtest.Generate(dir, rows); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	first := mover(t, app, leanCloud(t, dir), app.AppID())
	first.Step = func(done, _ int) {
		if done >= rows/2 {
			stop()
		}
	}
	if _, err := first.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("a run that is stopped: got %v, want a cancelled context", err)
	}
	half := count(t, app, "Note")
	if half == 0 || half >= rows*94/100 {
		t.Fatalf("stopped in the middle: got %d notes", half)
	}
	run(t, mover(t, app, leanCloud(t, dir), app.AppID()))
	before := dump(t, app, "Note") + dump(t, app, "Goods") + dump(t, app, "users") + dump(t, app, "wx_identities")
	report := run(t, mover(t, app, leanCloud(t, dir), app.AppID()))
	if after := dump(t, app, "Note") + dump(t, app, "Goods") + dump(t, app, "users") + dump(t, app, "wx_identities"); after != before {
		t.Error("a second run changes rows")
	}
	if report.New["Note"] != 0 || report.Kept["Note"] != rows*94/100 {
		t.Errorf("second run: got %d new, %d kept notes", report.New["Note"], report.Kept["Note"])
	}
	compareNotes(t, app, rows)
	logInBoth(t, app)
}

func count(t *testing.T, app core.App, collection string) int {
	t.Helper()
	n, err := app.CountRecords(collection)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func userID(t *testing.T, app core.App, objectID string) string {
	t.Helper()
	user, err := app.FindFirstRecordByData("users", "objectId", objectID)
	if err != nil {
		t.Fatalf("user %s: %v", objectID, err)
	}
	return user.Id
}

// compareNotes compares a sample of rows field by field with what the generator wrote.
func compareNotes(t *testing.T, app core.App, rows int) {
	t.Helper()
	users, goods := rows/20, rows/100
	for n := 0; n < rows-users-goods; n += 4 {
		note, err := app.FindRecordById("Note", movingtest.ID("note", n))
		if err != nil {
			t.Fatalf("note %d: %v", n, err)
		}
		owner := userID(t, app, movingtest.ID("user", n%users))
		want := map[string]string{
			"text": fmt.Sprintf("第 %d 条 <b>&</b> 😀", n), "stars": fmt.Sprint(float64(n) / 4), "public": fmt.Sprint(n%3 == 0), "lc_created": "collides",
			"author": owner, "aclOwner": owner, "aclPublic": fmt.Sprint(n%3 == 0), "good": movingtest.ID("good", n%goods),
			"at":      movingtest.At(n).Add(time.Second).Format("2006-01-02 15:04:05.000Z"),
			"created": movingtest.At(n).Format("2006-01-02 15:04:05.000Z"), "updated": movingtest.At(n).Add(time.Hour).Format("2006-01-02 15:04:05.000Z"),
			"where": fmt.Sprintf(`{"lon":%d,"lat":%g}`, n%180, float64(n%90)+0.5), "tags": fmt.Sprintf(`["a",%d]`, n),
		}
		for field, value := range want {
			if got := note.GetString(field); got != value {
				t.Fatalf("note %d, %s: got %q, want %q", n, field, got, value)
			}
		}
	}
}

func logInBoth(t *testing.T, app *apptest.App) {
	t.Helper()
	path := "/api/collections/users/auth-with-password"
	for _, s := range []struct {
		password string
		status   int
	}{{"wrong", 400}, {movingtest.Password, 200}, {movingtest.Password, 200}, {"wrong", 400}} {
		got := app.Call(http.MethodPost, path, "", map[string]any{"identity": "user0", "password": s.password})
		if got.Status != s.status {
			t.Fatalf("login by %q: got %d %s, want %d", s.password, got.Status, got.Body, s.status)
		}
	}
	refused := 0
	for range 40 {
		if app.Call(http.MethodPost, path, "", map[string]any{"identity": "user0", "password": "wrong"}).Status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("40 wrong passwords in a row: none was refused for being too many")
	}
	user, err := app.FindFirstRecordByData("users", "username", "user0")
	if err != nil {
		t.Fatal(err)
	}
	if hash := user.GetString("password:hash"); !strings.HasPrefix(hash, "$2") {
		t.Errorf("after a login the hash is %.12s…, want one of bcrypt", hash)
	}
	for _, table := range []string{"users", "wx_identities", "Note"} {
		if strings.Contains(dump(t, app, table), "not-to-be-kept") {
			t.Errorf("%s holds a session key or token of the other service", table)
		}
	}
}
