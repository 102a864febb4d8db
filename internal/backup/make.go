// Package backup makes backups of a data folder, opens them to see that they can be restored, restores them, and says what it has done.
//
// A backup is a zip archive as PocketBase makes it: data.db, auxiliary.db and storage/. It holds no key: what is stored sealed opens with
// WXBASE_SECRET_KEY or wxbase.key alone, which have to be kept elsewhere.
package backup

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/archive"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/security"

	"wxbase/internal/folder"
)

// spare is what a backup leaves free on the disk of the data folder, in bytes: orders need room too.
const spare = 64 << 20

// Bind replaces PocketBase's backup, which opens and closes the live database files: on POSIX that drops the locks SQLite holds on them,
// and a second process can then lose committed rows. Ours copies each database with VACUUM INTO, which is a plain read to SQLite. The
// dashboard's buttons and the schedule go on working.
//
// note: e.Next is not called on purpose, the built-in body must not run.
func Bind(app core.App) {
	app.OnBackupCreate().Bind(&hook.Handler[*core.BackupEvent]{Id: "wxBackup", Priority: 9999, Func: makeBackup})
}

// makeBackup copies, packs, opens what it has packed, and stores it. A backup that does not open is an error, and none is stored.
func makeBackup(e *core.BackupEvent) error {
	e.Name = cmp.Or(e.Name, "wxbase_backup_"+time.Now().UTC().Format("20060102150405")+".zip")
	if err := wantRoom(e.App); err != nil {
		return err
	}
	dir := filepath.Join(WorkIn(e.App), "backup_"+security.RandomString(8))
	stage := filepath.Join(dir, "stage")
	if err := os.MkdirAll(stage, 0o700); err != nil {
		return fmt.Errorf("stage backup: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := copyDatabases(e.App, stage); err != nil {
		return err
	}
	if err := linkStorage(e.App, stage); err != nil {
		return err
	}
	zip := filepath.Join(dir, "backup.zip")
	if err := archive.Create(stage, zip); err != nil {
		return fmt.Errorf("zip backup: %w", err)
	}
	if err := os.RemoveAll(stage); err != nil { // note: before the archive is opened, which needs as much room
		return fmt.Errorf("clear stage: %w", err)
	}
	report, err := Verify(zip, dir)
	if err != nil {
		return fmt.Errorf("open the backup that was made: %w", err)
	}
	if err := upload(e, zip); err != nil {
		return err
	}
	e.App.Logger().Info("backup made and opened", "name", e.Name, "bytes", report.Bytes, "rows", report.Rows, "files", report.Files, "wrong", report.Wrong)
	return nil
}

// wantRoom refuses a backup that would fill the disk: a full disk stops payments, a missing backup does not.
func wantRoom(app core.App) error {
	var databases, files int64
	for _, name := range databaseFiles() {
		if info, err := os.Stat(filepath.Join(app.DataDir(), name)); err == nil { // note: never opened, SQLite's locks would go
			databases += info.Size()
		}
	}
	if !app.Settings().S3.Enabled {
		var err error
		if files, err = sizeOf(filepath.Join(app.DataDir(), core.LocalStorageDirName)); err != nil {
			return fmt.Errorf("measure files: %w", err)
		}
	}
	want := 2*databases + files // a copy and its archive
	if !app.Settings().Backups.S3.Enabled {
		want += databases + files // and the archive where it is kept
	}
	free, err := folder.FreeBytes(app.DataDir())
	if err != nil {
		return err
	}
	if free < uint64(want)+spare {
		return fmt.Errorf("a backup may need %d MB, and %d MB are free on the disk of the data folder: make room, keep fewer backups, or keep them in a bucket",
			want>>20, free>>20)
	}
	return nil
}

// sizeOf is how many bytes the files below a folder have.
func sizeOf(root string) (total int64, err error) {
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return 0, ignoreMissing(err)
	}
	err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return ignoreMissing(err)
	})
	return total, err
}

func copyDatabases(app core.App, stage string) error {
	for _, db := range []struct {
		builder dbx.Builder
		name    string
	}{{app.ConcurrentDB(), dataFile}, {app.AuxConcurrentDB(), logFile}} {
		_, err := db.builder.NewQuery("VACUUM INTO {:path}").Bind(dbx.Params{"path": filepath.Join(stage, db.name)}).Execute()
		if err != nil {
			return fmt.Errorf("copy %s: %w", db.name, err)
		}
	}
	return nil
}

// linkStorage stages the uploaded files by hard links, so that nothing is copied. Files in S3 are not part of a backup, and neither is
// what a restore has put aside.
func linkStorage(app core.App, stage string) error {
	if app.Settings().S3.Enabled {
		return nil
	}
	root, err := filepath.EvalSymlinks(filepath.Join(app.DataDir(), core.LocalStorageDirName)) // it may lie on another disk
	if err != nil {
		return ignoreMissing(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreMissing(err)
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), Before) {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		target := filepath.Join(stage, core.LocalStorageDirName, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return ignoreMissing(linkOrCopy(path, target))
	})
	if err != nil {
		return fmt.Errorf("stage files: %w", err)
	}
	return nil
}

// linkOrCopy copies where a hard link cannot be made: over two disks, or on a file system that has none.
func linkOrCopy(path, target string) error {
	err := os.Link(path, target)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copyFile(path, target)
}

func copyFile(path, target string) error {
	from, err := os.Open(path) //nolint:gosec // the path is our own data folder's
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // likewise
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// ignoreMissing lets files go that were deleted while the backup ran.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// upload stores the archive, and looks that all of it has arrived.
func upload(e *core.BackupEvent, zip string) error {
	target, err := e.App.NewBackupsFilesystem()
	if err != nil {
		return fmt.Errorf("open backups: %w", err)
	}
	defer func() { _ = target.Close() }()
	target.SetContext(e.Context)
	file, err := filesystem.NewFileFromPath(zip)
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	file.OriginalName, file.Name = e.Name, e.Name
	if err := target.UploadFile(file, e.Name); err != nil {
		return fmt.Errorf("store backup: %w", err)
	}
	stored, err := target.Attributes(e.Name)
	if err != nil {
		return fmt.Errorf("look at the stored backup: %w", err)
	}
	if stored.Size != file.Size {
		return fmt.Errorf("store backup: %d of %d bytes arrived", stored.Size, file.Size)
	}
	return nil
}
