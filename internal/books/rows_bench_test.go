package books_test

import (
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/books"
	"wxbase/internal/groupcommit"
)

// connect opens a database as the server does.
func connect(path string) (*dbx.DB, error) {
	db, err := groupcommit.Open(path + "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, err
	}
	return dbx.NewFromDB(db, "sqlite"), nil
}

// BenchmarkRead compares our reading of one row with PocketBase's.
func BenchmarkRead(b *testing.B) {
	app, err := tests.NewTestAppWithConfig(core.BaseAppConfig{DataDir: b.TempDir(), DBConnect: connect})
	if err != nil {
		b.Fatal(err)
	}
	defer app.Cleanup()
	c := core.NewBaseCollection("things")
	for _, n := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		c.Fields.Add(&core.TextField{Name: n})
	}
	c.Fields.Add(&core.NumberField{Name: "n1"}, &core.NumberField{Name: "n2"}, &core.JSONField{Name: "j"}, &core.DateField{Name: "d1"}, &core.DateField{Name: "d2"},
		&core.AutodateField{Name: "created", OnCreate: true}, &core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true})
	if err := app.Save(c); err != nil {
		b.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Set("a", "hello")
	r.Set("j", map[string]any{"a": 1})
	r.Set("d1", types.NowDateTime())
	if err := app.Save(r); err != nil {
		b.Fatal(err)
	}
	b.Run("FindRecordById", func(b *testing.B) {
		for b.Loop() {
			if _, err := app.FindRecordById("things", r.Id); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Find", func(b *testing.B) {
		for b.Loop() {
			if _, err := books.Find(app, "things", dbx.HashExp{"id": r.Id}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
