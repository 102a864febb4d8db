package hooks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// closeFolder makes the data folder, or one that is there already, its owner's alone: it holds a key, session keys and phone numbers.
func (p *Plugin) closeFolder(dir string) error {
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
		_, _ = fmt.Fprintf(p.cfg.Out, "  warning: others can read the data folder %s, and it cannot be closed (%v): chmod 700 it\n", dir, err)
		return nil
	}
	_, _ = fmt.Fprintf(p.cfg.Out, "  note: others could read the data folder %s; it is its owner's alone now (mode 0700)\n", dir)
	return nil
}

// guardMissing refuses commands that are about data that is there already: in a wrong folder they would make a new database and succeed.
func guardMissing(dir, command string, make bool) error {
	if make || !slices.Contains([]string{"superuser", "bill", "secrets"}, command) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "data.db")); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if full, err := filepath.Abs(dir); err == nil {
		dir = full
	}
	return fmt.Errorf("there is no data in %s: name the server's data folder by --dir, or start the server there once, or say --new to make one", dir)
}
