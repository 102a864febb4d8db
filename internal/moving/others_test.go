package moving_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"wxbase/internal/apptest"
	"wxbase/internal/moving"
)

// TestCloudBaseMoves: the maker of a row becomes its owner, and meets it at the first wx.login.
func TestCloudBaseMoves(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, openID := stranger(t, app, "云用户")
	dir := files(t, map[string]string{
		"notes.json": `{"_id":"n1","_openid":"` + openID + `","at":{"$date":"2024-03-01T04:00:00.000Z"},"n":{"$numberLong":"7"},"img":"cloud://env.616/a/b.png"}` + "\n" +
			`{"_id":"n2","_openid":"oSomebodyElse","where":{"type":"Point","coordinates":[113.3,23.1]}}`,
	})
	storage := files(t, nil)
	if err := os.MkdirAll(filepath.Join(storage, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(storage, "a", "b.png"), []byte("图"), 0o600); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		folder, err := moving.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		m := mover(t, app, moving.CloudBase{Folder: folder}, app.AppID())
		m.Files.Folder = storage
		if report := run(t, m); report.Files != 1-round || report.People != 2-2*round {
			t.Errorf("run %d: got %d files and %d people", round+1, report.Files, report.People)
		}
	}
	login := app.LoginWith(map[string]any{"code": person.LoginCode()})
	list := app.Call(http.MethodGet, "/api/collections/notes/records", login.Text("token"), nil)
	items, _ := list.JSON["items"].([]any)
	if len(items) != 1 || count(t, app, "users") != 2 {
		t.Fatalf("notes of the person: got %d of %s, users %d", len(items), list.Body, count(t, app, "users"))
	}
	note, _ := items[0].(map[string]any)
	if note["id"] != "n1" || note["at"] != "2024-03-01 04:00:00.000Z" || note["n"] != float64(7) {
		t.Errorf("note: got %v", note)
	}
}

// TestArticleMoves: orders become history and none of ours, money becomes fen, and the session key is left behind.
func TestArticleMoves(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, openID := stranger(t, app, "面馆客人")
	dump := filepath.Join(files(t, map[string]string{
		"shop.sql": "-- it's a dump; made by hand\n/*!40101 SET NAMES utf8mb4 */;\n" +
			"CREATE TABLE `users` (\n  `id` bigint NOT NULL,\n  `openid` varchar(64),\n  `session_key` varchar(64),\n  `nickname` varchar(64),\n  `phone` varchar(20),\n" +
			"  `created_at` datetime,\n  `updated_at` datetime,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n" +
			"INSERT INTO `users` VALUES (1,'" + openID + "','not-to-be-kept','O\\'Neil; \"x\"','','2024-03-01 12:00:00','2024-03-01 12:00:00');\n" +
			"CREATE TABLE `orders` (\n  `id` bigint,\n  `order_sn` varchar(32),\n  `user_id` bigint,\n  `actual_price` decimal(10,2),\n  `pay_status` tinyint,\n  `paid_at` datetime\n);\n" +
			"INSERT INTO `orders` (`id`,`order_sn`,`user_id`,`actual_price`,`pay_status`,`paid_at`) VALUES (7,'SN7',1,12.34,1,NULL),(8,'SN8',1,0.10,0,NULL);\n",
	}), "shop.sql")
	tables, err := moving.OpenDump(dump)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		run(t, mover(t, app, moving.Article{Tables: tables}, app.AppID()))
	}
	if count(t, app, "orders") != 0 || count(t, app, "payments") != 0 || count(t, app, "old_orders") != 2 {
		t.Fatalf("got %d orders of ours and %d old ones", count(t, app, "orders"), count(t, app, "old_orders"))
	}
	login := app.LoginWith(map[string]any{"code": person.LoginCode()})
	order := app.Call(http.MethodGet, "/api/collections/old_orders/records/7", login.Text("token"), nil)
	if order.JSON["actual_price"] != float64(1234) || order.Text("order_sn") != "SN7" || order.Text("user") != userID(t, app, "1") {
		t.Errorf("old order: got %s", order.Body)
	}
	changed := app.Call(http.MethodPatch, "/api/collections/old_orders/records/7", login.Text("token"), map[string]any{"pay_status": 1})
	if changed.Status < 400 {
		t.Errorf("a person changes an old order: got %d", changed.Status)
	}
	user, err := app.FindRecordById("users", userID(t, app, "1"))
	if err != nil || user.GetString("name") != `O'Neil; "x"` {
		t.Errorf("user: got %v %v", user, err)
	}
}
