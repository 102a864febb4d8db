package groupcommit

import (
	"context"
	"fmt"
	"testing"
)

// TestSameTextTwice: while the rows of a text are read, the same text can be run again on the same connection.
func TestSameTextTwice(t *testing.T) {
	t.Parallel()
	db := open(t)
	must(t, db, "INSERT INTO rows (id) VALUES ('a'), ('b'), ('c')")
	tx := begin(t, db)
	defer func() { _ = tx.Rollback() }()
	const query = "SELECT id FROM rows WHERE id > ? ORDER BY id"
	outer, err := tx.QueryContext(t.Context(), query, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = outer.Close() }()
	got := ""
	for outer.Next() {
		var id, next string
		if err := outer.Scan(&id); err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRowContext(t.Context(), query, id).Scan(&next); err != nil {
			next = "-"
		}
		got += id + next + " "
	}
	if err := outer.Err(); err != nil || got != "ab bc c- " {
		t.Errorf("got %q, %v, want each with its next", got, err)
	}
}

// TestManyTexts: more texts than are kept, one of them busy all the time.
func TestManyTexts(t *testing.T) {
	t.Parallel()
	db := open(t)
	must(t, db, "INSERT INTO rows (id) VALUES ('a'), ('b')")
	tx := begin(t, db)
	defer func() { _ = tx.Rollback() }()
	outer, err := tx.QueryContext(t.Context(), "SELECT id FROM rows ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = outer.Close() }()
	for n := 0; outer.Next(); n++ {
		for i := range 2 * keptStatements {
			var got int
			if err := tx.QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d", i)).Scan(&got); err != nil || got != i {
				t.Fatalf("got %d, %v, want %d", got, err, i)
			}
		}
	}
	if err := outer.Err(); err != nil {
		t.Error(err)
	}
}

// TestSchemaUnderKeptStatements: a kept statement sees each change of the schema, by the same connection or another,
// and commands that SQLite runs only without open statements work.
func TestSchemaUnderKeptStatements(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/data.db"
	db, other := openAt(t, path, ""), openAt(t, path, "")
	columns := func() int {
		t.Helper()
		found, err := db.QueryContext(context.Background(), "SELECT * FROM rows")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = found.Close() }()
		names, err := found.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for found.Next() { // to the end
			continue
		}
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	must(t, db, "INSERT INTO rows (id) VALUES ('a')")
	first := columns()
	must(t, db, "ALTER TABLE rows ADD COLUMN fresh TEXT")
	if got := columns(); got != first+1 {
		t.Errorf("after ADD: got %d columns, want %d", got, first+1)
	}
	must(t, db, "ALTER TABLE rows RENAME COLUMN fresh TO older")
	must(t, other, "ALTER TABLE rows ADD COLUMN another TEXT")
	if got := columns(); got != first+2 {
		t.Errorf("after another's ADD: got %d columns, want %d", got, first+2)
	}
	must(t, db, "UPDATE rows SET older = 'x' WHERE id = 'a'")
	must(t, db, "VACUUM")
	must(t, db, "DROP TABLE rows")
	must(t, db, "CREATE TABLE rows (id TEXT PRIMARY KEY)")
	if got := columns(); got != 1 {
		t.Errorf("after a new table: got %d columns, want 1", got)
	}
}
