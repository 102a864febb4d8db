package hooks

import (
	"os"
	"path/filepath"
	"testing"
)

// TestVerifyDatabase: a copy with a damaged page is no backup.
func TestVerifyDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "copy.db")
	db, err := Connect(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)", "CREATE INDEX i ON t (v)",
		"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000) INSERT INTO t SELECT x, hex(randomblob(20)) FROM n",
		"PRAGMA wal_checkpoint(TRUNCATE)",
	} {
		if _, err := db.NewQuery(query).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := verifyDatabase(path); err != nil {
		t.Fatalf("a whole copy: got %v, want nil", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 8192), 40*4096); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := verifyDatabase(path); err == nil {
		t.Error("a damaged copy: got nil, want an error")
	}
	if err := verifyDatabase(path + ".none"); err == nil {
		t.Error("a missing copy: got nil, want an error")
	}
}
