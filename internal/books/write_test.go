package books_test

import (
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/apptest/scratch"
	"wxbase/internal/books"
)

// shop is an app with a collection that has a field of each kind, one of them an operator's and required.
func shop(t *testing.T) core.App {
	t.Helper()
	dir, err := template()
	if err != nil {
		t.Fatal(err)
	}
	app, err := tests.NewTestAppWithConfig(core.BaseAppConfig{DataDir: dir, DBConnect: connect}) // which copies the folder
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	books.Watch(app, "", nil)
	return app
}

// template is the folder of an app that was set up once: PocketBase's own migrations take seconds.
var template = sync.OnceValues(func() (string, error) {
	empty, err := scratch.Dir("books")
	if err != nil {
		return "", err
	}
	app, err := tests.NewTestAppWithConfig(core.BaseAppConfig{DataDir: empty, DBConnect: connect})
	if err != nil {
		return "", err
	}
	if err := makeGoods(app); err != nil {
		return "", err
	}
	return app.DataDir(), app.ResetBootstrapState()
})

func makeGoods(app core.App) error {
	c := core.NewBaseCollection("goods")
	one := 1.0
	c.Fields.Add(
		&core.TextField{Name: "name"}, &core.TextField{Name: "code", AutogeneratePattern: "[a-z]{8}"}, &core.NumberField{Name: "price"},
		&core.BoolField{Name: "active"}, &core.JSONField{Name: "more"}, &core.DateField{Name: "at"}, &core.SelectField{Name: "kinds", Values: []string{"a", "b"}, MaxSelect: 2},
		&core.FileField{Name: "picture"}, &core.GeoPointField{Name: "where"}, &core.NumberField{Name: "theirs", Required: true, Min: &one},
		&core.AutodateField{Name: "created", OnCreate: true}, &core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
	)
	return app.Save(c)
}

func newGood(t *testing.T, app core.App) *core.Record {
	t.Helper()
	c, err := app.FindCollectionByNameOrId("goods")
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"name": "三鲜面", "price": 1800, "active": true, "more": map[string]any{"spice": []int{1, 2}}, "at": types.NowDateTime(),
		"kinds": []string{"b", "a"}, "where": types.GeoPoint{Lon: 121.5, Lat: 31.2},
	})
	return r
}

func mustWrite(t *testing.T, app core.App, r *core.Record) {
	t.Helper()
	if err := books.Write(app, r); err != nil {
		t.Fatal(err)
	}
}

// reread is the row as PocketBase reads it.
func reread(t *testing.T, app core.App, id string) *core.Record {
	t.Helper()
	r, err := app.FindRecordById("goods", id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWriteIsWhatPocketBaseReads: every kind of field, both ways; an operator's required field does not stop the write.
func TestWriteIsWhatPocketBaseReads(t *testing.T) {
	t.Parallel()
	app := shop(t)
	r := newGood(t, app)
	mustWrite(t, app, r)
	theirs := reread(t, app, r.Id)
	ours, err := books.ByID(app, "goods", r.Id)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range theirs.Collection().Fields {
		name := field.GetName()
		if got, want := ours.GetRaw(name), theirs.GetRaw(name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, want %#v", name, got, want)
		}
		if got, want := ours.Original().GetRaw(name), theirs.GetRaw(name); !reflect.DeepEqual(got, want) {
			t.Errorf("original %s: got %#v, want %#v", name, got, want)
		}
	}
	if ours.IsNew() || theirs.GetInt("price") != 1800 || len(theirs.GetString("code")) != 8 || theirs.GetDateTime("created").IsZero() {
		t.Errorf("got %v, want what was written, a code and the times", theirs.PublicExport())
	}
}

// TestWriteTouchesWhatChanged: a concurrent change of another column survives.
func TestWriteTouchesWhatChanged(t *testing.T) {
	t.Parallel()
	app := shop(t)
	r := newGood(t, app)
	mustWrite(t, app, r)
	mine, before := reread(t, app, r.Id), reread(t, app, r.Id).GetDateTime("updated")
	if _, err := app.NonconcurrentDB().NewQuery("UPDATE goods SET price = 5, updated = '2020-01-01 00:00:00.000Z'").Execute(); err != nil {
		t.Fatal(err)
	}
	mine.Set("name", "牛肉面")
	mustWrite(t, app, mine)
	got := reread(t, app, r.Id)
	if got.GetString("name") != "牛肉面" || got.GetInt("price") != 5 || got.GetDateTime("updated").Time().Before(before.Time()) {
		t.Errorf("got %v, want the new name, the other's price and a new time", got.PublicExport())
	}
}

// TestWriteTwiceInOneTransaction: returning to the value first read is a change too, and a watcher sees each step once.
func TestWriteTwiceInOneTransaction(t *testing.T) {
	t.Parallel()
	app := shop(t)
	r := newGood(t, app)
	mustWrite(t, app, r)
	var seen []string
	books.Watch(app, "goods", func(_ core.App, before, after *core.Record) error {
		seen = append(seen, before.GetString("name")+">"+after.GetString("name"))
		return nil
	})
	mine := reread(t, app, r.Id)
	err := app.RunInTransaction(func(tx core.App) error {
		for _, name := range []string{"a", "三鲜面", "三鲜面"} {
			mine.Set("name", name)
			if err := books.Write(tx, mine); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := reread(t, app, r.Id).GetString("name"); got != "三鲜面" {
		t.Errorf("got %s, want 三鲜面", got)
	}
	if got, want := strings.Join(seen, " "), "三鲜面>a a>三鲜面 三鲜面>三鲜面"; got != want {
		t.Errorf("watched: got %s, want %s", got, want)
	}
}

// TestHooksOfAWrite: hooks before a save do not run; hooks after it run once, after the commit, or after the failure of
// the transaction.
func TestHooksOfAWrite(t *testing.T) {
	t.Parallel()
	app := shop(t)
	var told []string
	tell := func(what string) func(e *core.RecordEvent) error {
		return func(e *core.RecordEvent) error {
			told = append(told, what+" "+e.Record.Original().GetString("name")+">"+e.Record.GetString("name"))
			if e.App.IsTransactional() {
				told = append(told, "in a transaction")
			}
			return e.Next()
		}
	}
	never := func(*core.RecordEvent) error { return errors.New("I do not want it") }
	app.OnRecordUpdate("goods").BindFunc(never)
	app.OnRecordValidate("goods").BindFunc(never)
	app.OnRecordUpdateExecute("goods").BindFunc(never)
	app.OnRecordCreateExecute("goods").BindFunc(never)
	app.OnRecordAfterCreateSuccess("goods").BindFunc(tell("created"))
	app.OnRecordAfterUpdateSuccess("goods").BindFunc(tell("updated"))
	app.OnRecordAfterUpdateError("goods").BindFunc(func(e *core.RecordErrorEvent) error {
		told = append(told, "failed: "+e.Error.Error())
		return e.Next()
	})
	r := newGood(t, app)
	mustWrite(t, app, r)
	again := reread(t, app, r.Id)
	again.Set("name", "b")
	mustWrite(t, app, again)
	lost := reread(t, app, r.Id)
	lost.Set("name", "c")
	_ = app.RunInTransaction(func(tx core.App) error {
		if err := books.Write(tx, lost); err != nil {
			return err
		}
		told = append(told, "before the end")
		return errors.New("no")
	})
	if got, want := strings.Join(told, ", "), "created >三鲜面, updated 三鲜面>b, before the end, failed: no"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	mustWrite(t, app, lost) // the lost change is written again
	if got := reread(t, app, r.Id).GetString("name"); got != "c" {
		t.Errorf("got %s, want c", got)
	}
}

// TestWriteInOneTransactionAndTheNext: a later write of the same record is compared with what was written, not with
// what was read.
func TestWriteInOneTransactionAndTheNext(t *testing.T) {
	t.Parallel()
	app := shop(t)
	mine := newGood(t, app)
	for _, name := range []string{"a", "b", "a"} {
		mine.Set("name", name)
		mustWrite(t, app, mine)
		if got := reread(t, app, mine.Id).GetString("name"); got != name {
			t.Errorf("got %s, want %s", got, name)
		}
	}
	again := reread(t, app, mine.Id)
	for _, name := range []string{"c", "a"} { // the second equals what was read at first
		again.Set("name", name)
		mustWrite(t, app, again)
		if got := reread(t, app, mine.Id).GetString("name"); got != name {
			t.Errorf("of a row that was read: got %s, want %s", got, name)
		}
	}
	fail := func(name string) {
		_ = app.RunInTransaction(func(tx core.App) error {
			again.Set("name", name)
			return errors.Join(books.Write(tx, again), errors.New("no"))
		})
	}
	fail("d")
	again.Set("name", "a")
	mustWrite(t, app, again)
	fail("e")
	mustWrite(t, app, again)
	if got := reread(t, app, mine.Id).GetString("name"); got != "e" {
		t.Errorf("after transactions that failed: got %s, want e", got)
	}
	if data := again.CustomData(); len(data) > 0 {
		t.Errorf("custom data: got %v, want none", data)
	}
}

// TestCreateAsks: a new row may be vetoed and filled in.
func TestCreateAsks(t *testing.T) {
	t.Parallel()
	app := shop(t)
	app.OnRecordCreate("goods").BindFunc(func(e *core.RecordEvent) error {
		if e.Record.GetString("name") == "坏" {
			return errors.New("not in this shop")
		}
		e.Record.Set("price", 7)
		return e.Next()
	})
	good, bad := newGood(t, app), newGood(t, app)
	if err := books.Create(app, good); err != nil || reread(t, app, good.Id).GetInt("price") != 7 {
		t.Errorf("got %v, want the row with the hook's price", err)
	}
	bad.Set("name", "坏")
	if err := books.Create(app, bad); err == nil || !bad.IsNew() {
		t.Errorf("got %v, want the hook's refusal", err)
	}
}

// TestInsertOnce: the second row of a key is refused, and the first stays unchanged.
func TestInsertOnce(t *testing.T) {
	t.Parallel()
	app := shop(t)
	c, err := app.FindCollectionByNameOrId("goods")
	if err != nil {
		t.Fatal(err)
	}
	c.AddIndex("idx_goods_name", true, "name", "")
	if err := app.Save(c); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		isNew, err := books.InsertOnce(app, "goods", map[string]any{"name": "one", "price": i + 1}, "name")
		if err != nil || isNew != want {
			t.Errorf("%d: got %v, %v, want %v", i, isNew, err, want)
		}
	}
	got, err := books.Find(app, "goods", dbx.HashExp{"name": "one"})
	if err != nil || got.GetInt("price") != 1 {
		t.Errorf("got %v, %v, want the first", got, err)
	}
	if _, err := books.Find(app, "goods", dbx.HashExp{"name": "two"}); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v, want no row", err)
	}
}

// TestReadAfterAColumnCame: a kept statement sees added and removed columns.
func TestReadAfterAColumnCame(t *testing.T) {
	t.Parallel()
	app := shop(t)
	r := newGood(t, app)
	mustWrite(t, app, r)
	if _, err := books.ByID(app, "goods", r.Id); err != nil {
		t.Fatal(err)
	}
	c, err := app.FindCollectionByNameOrId("goods")
	if err != nil {
		t.Fatal(err)
	}
	c.Fields.RemoveByName("at")
	c.Fields.AddAt(1, &core.TextField{Name: "fresh"})
	if err := app.Save(c); err != nil {
		t.Fatal(err)
	}
	got, err := books.ByID(app, "goods", r.Id)
	if err != nil || got.GetString("name") != "三鲜面" || got.GetInt("price") != 1800 {
		t.Fatalf("got %v, %v, want the row", got, err)
	}
	got.Set("fresh", "x")
	mustWrite(t, app, got)
	if got := reread(t, app, r.Id); got.GetString("fresh") != "x" || got.GetDateTime("created").Time().Before(time.Now().Add(-time.Hour)) {
		t.Errorf("got %v, want the new column", got.PublicExport())
	}
}
