package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
)

// Stored is one backup where backups are kept: the folder backups/ or a bucket.
type Stored struct {
	Name  string    `json:"name"`
	Bytes int64     `json:"bytes"`
	At    time.Time `json:"at"`
}

// List is all of them, the newest first.
func List(app core.App) ([]Stored, error) {
	files, err := app.NewBackupsFilesystem()
	if err != nil {
		return nil, fmt.Errorf("open backups: %w", err)
	}
	defer func() { _ = files.Close() }()
	found, err := files.List("")
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	list := make([]Stored, 0, len(found))
	for _, f := range found {
		if strings.HasSuffix(f.Key, ".zip") {
			list = append(list, Stored{f.Key, f.Size, f.ModTime})
		}
	}
	slices.SortFunc(list, func(a, b Stored) int { return b.At.Compare(a.At) })
	return list, nil
}

// Fetch gives a backup as a file of this machine: one at a path, one of the folder backups/, or one of the bucket. done removes what was fetched.
func Fetch(ctx context.Context, app core.App, name string) (path string, done func(), err error) {
	done = func() {}
	for _, path := range []string{name, filepath.Join(app.DataDir(), core.LocalBackupsDirName, name)} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, done, nil
		}
	}
	if filepath.Base(name) != name {
		return "", done, fmt.Errorf("there is no file %s", name)
	}
	if !app.IsBootstrapped() || !app.Settings().Backups.S3.Enabled {
		return "", done, fmt.Errorf("there is no backup %s, neither here nor in %s", name, filepath.Join(app.DataDir(), core.LocalBackupsDirName))
	}
	files, err := app.NewBackupsFilesystem()
	if err != nil {
		return "", done, fmt.Errorf("open backups: %w", err)
	}
	defer func() { _ = files.Close() }()
	files.SetContext(ctx)
	return download(app, files, name)
}

func download(app core.App, files *filesystem.System, name string) (path string, done func(), err error) {
	done = func() {}
	in, err := files.GetReader(name)
	if err != nil {
		return "", done, fmt.Errorf("fetch backup %s: %w", name, err)
	}
	defer func() { _ = in.Close() }()
	work := WorkIn(app)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return "", done, err
	}
	dir, err := os.MkdirTemp(work, "fetched-")
	if err != nil {
		return "", done, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	path = filepath.Join(dir, name)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // a name alone, in our own folder
	if err == nil {
		_, err = io.Copy(out, in)
		err = errors.Join(err, out.Close())
	}
	if err != nil {
		done()
		return "", func() {}, fmt.Errorf("fetch backup %s: %w", name, err)
	}
	return path, done, nil
}

// Look opens a backup of the shop, and fails when this program cannot restore it.
func Look(ctx context.Context, app core.App, name string) (Report, error) {
	path, done, err := Fetch(ctx, app, filepath.Base(name))
	if err != nil {
		return Report{}, err
	}
	defer done()
	report, err := Verify(path, WorkIn(app))
	if err != nil {
		return report, err
	}
	return report, report.refuse()
}
