// Package olddata returns the data folder of an earlier version, for tests of an upgrade.
package olddata

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// SecretKey sealed the secrets in the folder; it is WXBASE_SECRET_KEY.
const SecretKey = "a-key-for-test-data-only-0123456789abcdef" //nolint:gosec // of test data

//go:embed v0.1-data.db.gz
var database []byte

// Folder makes a data folder as the first version left it; README.md beside this file says what is in it.
func Folder(tb testing.TB) string {
	tb.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(database))
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := io.ReadAll(reader)
	if err != nil {
		tb.Fatal(err)
	}
	dir := filepath.Join(tb.TempDir(), "pb_data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data.db"), raw, 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}
