package moving_test

import (
	"net/http"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"wxbase/internal/apptest"
	"wxbase/internal/moving"
)

// otherPocketBase is a stopped PocketBase with a user, and a collection that has the name of one of ours.
func otherPocketBase(t *testing.T) string {
	t.Helper()
	other := core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir()})
	if err := other.Bootstrap(); err != nil { // note: with PocketBase's own migrations, not those of ours
		t.Fatal(err)
	}
	users, err := other.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	user := core.NewRecord(users)
	user.SetEmail("a@example.com")
	user.SetPassword("a good password")
	orders := core.NewBaseCollection("orders")
	empty := ""
	orders.ViewRule = &empty
	orders.Fields.Add(&core.TextField{Name: "title"}, &core.RelationField{Name: "by", CollectionId: users.Id, MaxSelect: 1}, &core.FileField{Name: "doc", MaxSelect: 1})
	orders.AddIndex("idx_title", true, "`title`", "")
	for _, save := range []core.Model{user, orders} {
		if err := other.Save(save); err != nil {
			t.Fatal(err)
		}
	}
	row := core.NewRecord(orders)
	doc, err := filesystem.NewFileFromBytes([]byte("合同"), "doc.txt")
	if err != nil {
		t.Fatal(err)
	}
	row.Id = "order0000000001"
	row.Set("title", "一")
	row.Set("by", user.Id)
	row.Set("doc", doc)
	if err := other.Save(row); err != nil {
		t.Fatal(err)
	}
	if err := other.ResetBootstrapState(); err != nil {
		t.Fatal(err)
	}
	return other.DataDir()
}

// TestPocketBaseMoves: collections, users with their passwords, and files; twice.
func TestPocketBaseMoves(t *testing.T) {
	t.Parallel()
	app, dir := apptest.New(t), otherPocketBase(t)
	for range 2 {
		movePocketBase(t, app, dir)
	}
	if count(t, app, "orders") != 0 || count(t, app, "pb_orders") != 1 || count(t, app, "users") != 1 {
		t.Fatalf("got %d orders of ours, %d moved, %d users", count(t, app, "orders"), count(t, app, "pb_orders"), count(t, app, "users"))
	}
	login := app.Call(http.MethodPost, "/api/collections/users/auth-with-password", "", map[string]any{"identity": "a@example.com", "password": "a good password"})
	user, _ := login.JSON["record"].(map[string]any)
	row := app.Call(http.MethodGet, "/api/collections/pb_orders/records/order0000000001", "", nil)
	if login.Status != http.StatusOK || row.Text("by") != user["id"] || row.Text("title") != "一" {
		t.Errorf("login %d %s, row %s", login.Status, login.Body, row.Body)
	}
	file := app.Call(http.MethodGet, "/api/files/pb_orders/order0000000001/"+row.Text("doc"), "", nil)
	if string(file.Body) != "合同" {
		t.Errorf("file: got %d %q", file.Status, file.Body)
	}
	if _, err := moving.OpenPocketBase(app.DataDir()); err == nil {
		t.Error("a folder of wxbase: got no error, want a refusal")
	}
}

func movePocketBase(t *testing.T, app *apptest.App, dir string) {
	t.Helper()
	other, err := moving.OpenPocketBase(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	plan, err := other.Plan(app)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Move(t.Context(), app, plan, false); err != nil {
		t.Fatal(err)
	}
}
