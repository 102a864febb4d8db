package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Close makes the data folder, or one that is there already, its owner's alone: it holds a key, session keys and phone numbers.
func Close(dir string, out io.Writer) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at data folder: %w", err)
	}
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x
		_, _ = fmt.Fprintf(out, "  warning: others can read the data folder %s, and it cannot be closed (%v): chmod 700 it\n", dir, err)
		return nil
	}
	_, _ = fmt.Fprintf(out, "  note: others could read the data folder %s; it is its owner's alone now (mode 0700)\n", dir)
	return nil
}

// RefuseMissing refuses commands about existing data: in a wrong folder they would make a new database and succeed. The
// first superuser may be made before the first start, in an existing empty folder: a mistyped name does not exist.
func RefuseMissing(dir, command string, make bool) error {
	if make || !slices.Contains([]string{"superuser", "bill", "secrets", "import"}, command) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "data.db")); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if within, err := os.ReadDir(dir); command == "superuser" && err == nil && len(within) == 0 {
		return nil
	}
	if full, err := filepath.Abs(dir); err == nil {
		dir = full
	}
	return fmt.Errorf("there is no data in %s: name the server's data folder by --dir, or start the server there once, or say --new to make one", dir)
}

// Exists tells whether there is a folder of that name.
func Exists(path string) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
