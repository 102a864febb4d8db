package moving_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	_ "modernc.org/sqlite" // opens the data folders of the processes

	"wxbase/internal/apptest"
	"wxbase/internal/moving/movingtest"
)

const testAppID = "wx1234567890abcdef"

// TestKilledImportGoesOn kills the process itself while rows come in, and compares what a second one makes of it with an import that was
// never stopped.
func TestKilledImportGoesOn(t *testing.T) {
	t.Parallel()
	binary, export, whole, cut := apptest.Binary(t), t.TempDir(), t.TempDir(), t.TempDir()
	if err := movingtest.Generate(export, 20_000); err != nil {
		t.Fatal(err)
	}
	imported := func(dir string) *exec.Cmd {
		return exec.CommandContext(t.Context(), binary, "import", "leancloud", export, "--dir", dir, "--new", "--no-backup", "--json",
			"--wechat-app-id", testAppID)
	}
	if out, err := imported(whole).CombinedOutput(); err != nil {
		t.Fatalf("import: %v %s", err, out)
	}
	first := imported(cut)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = first.Wait(); close(ended) }()
	for n := 0; n == 0; n = notes(cut) {
		select {
		case <-ended:
			t.Fatal("the import ended before its first rows were seen")
		default:
		}
	}
	_ = first.Process.Kill()
	<-ended
	if n := notes(cut); n == 0 || n >= 18_800 {
		t.Fatalf("killed in the middle: got %d notes", n)
	}
	if out, err := imported(cut).CombinedOutput(); err != nil {
		t.Fatalf("import again: %v %s", err, out)
	}
	if a, b := sumOf(t, whole), sumOf(t, cut); a != b {
		t.Errorf("killed and resumed: got %s, want %s as without a kill", b, a)
	}
}

func open(dir string) (*dbx.DB, error) {
	return dbx.Open("sqlite", "file:"+filepath.Join(dir, "data.db")+"?mode=ro&_pragma=busy_timeout(5000)")
}

// notes counts those in a data folder; zero also when there is no such table yet.
func notes(dir string) (n int) {
	db, err := open(dir)
	if err != nil {
		return 0
	}
	defer func() { _ = db.Close() }()
	_ = db.NewQuery("SELECT count(*) FROM Note").Row(&n)
	return n
}

// sumOf is about everything that an import writes except what is drawn by lot or told by the clock.
func sumOf(t *testing.T, dir string) string {
	t.Helper()
	db, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	sum := sha256.New()
	for _, query := range []string{
		"SELECT * FROM Note ORDER BY id", "SELECT * FROM Goods ORDER BY id", "SELECT id, user, openid FROM wx_identities ORDER BY id",
		"SELECT id, username, email, password, objectId, points, created, updated FROM users ORDER BY id",
	} {
		var rows []dbx.NullStringMap
		if err := db.NewQuery(query).All(&rows); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprint(sum, len(rows), rows)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// TestCommandsOfTheDocs runs every import that the pages name, in their order, except the one that needs LeanCloud itself.
func TestCommandsOfTheDocs(t *testing.T) {
	t.Parallel()
	binary, ran := apptest.Binary(t), 0
	for _, page := range []string{"leancloud.md", "cloudbase.md", "moving.md", "zh/leancloud.md", "zh/cloudbase.md", "zh/moving.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		dir := placeOfTheDocs(t)
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) < 2 || words[0] != "wxbase" || words[1] != "import" {
				continue
			}
			command := exec.CommandContext(t.Context(), binary, append(words[1:], "--dir", filepath.Join(dir, "pb_data"))...)
			command.Dir = dir
			out, err := command.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(" -> ")) {
				t.Errorf("%s: %s: %v\n%s", page, line, err, out)
			}
			ran++
		}
	}
	if ran != 12 {
		t.Errorf("got %d commands in the pages, want 12", ran)
	}
}

// placeOfTheDocs is a folder with what the pages take as given.
func placeOfTheDocs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := movingtest.Generate(filepath.Join(dir, "leancloud-export"), 100); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cloudbase-export/notes.json": `{"_id":"n1","_openid":"oSomebody","img":"cloud://env.616/a.png"}`, "cloudbase-storage/a.png": "图",
		"shop.sql": "CREATE TABLE `users` (\n `id` bigint,\n `openid` varchar(64)\n);\nINSERT INTO `users` VALUES (1,'oSomebody');\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(otherPocketBase(t), filepath.Join(dir, "old-pb_data")); err != nil {
		t.Fatal(err)
	}
	return dir
}
