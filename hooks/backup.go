package hooks

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/archive"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/security"

	"wxbase/internal/folder"
	"wxbase/internal/settings"
	"wxbase/internal/standin"
	"wxbase/internal/vitals"
)

// bindBackup replaces PocketBase's backup, which opens and closes the live database files: on POSIX that drops the locks SQLite
// holds on them, and a second process can then lose committed rows. Ours copies each database with VACUUM INTO, which is a
// plain read to SQLite. The dashboard's buttons and the schedule go on working.
//
// note: e.Next is not called on purpose, the built-in body must not run.
func bindBackup(app core.App, watch *vitals.Vitals) {
	app.OnBackupCreate().Bind(&hook.Handler[*core.BackupEvent]{Id: "wxBackupWatch", Priority: 9998, Func: watch.WatchBackup})
	app.OnBackupCreate().Bind(&hook.Handler[*core.BackupEvent]{Id: "wxBackup", Priority: 9999, Func: createBackup})
	app.OnBackupRestore().Bind(&hook.Handler[*core.BackupEvent]{Id: "wxRestore", Func: keepKeys})
}

// keepKeys leaves in place at a restore what no backup holds.
//
// NB! PocketBase moves everything else away and deletes it at the next start; without the key file no stored secret opens again.
func keepKeys(e *core.BackupEvent) error {
	e.Exclude = append(e.Exclude, settings.KeyFile, settings.RetiredKeyFile, standin.Folder, folder.LockFile, folder.HolderFile)
	return e.Next()
}

func createBackup(e *core.BackupEvent) error {
	e.Name = cmp.Or(e.Name, "wxbase_backup_"+time.Now().UTC().Format("20060102150405")+".zip")
	dir := filepath.Join(e.App.DataDir(), core.LocalTempDirName, "backup_"+security.RandomString(8))
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
	return uploadBackup(e, zip)
}

func copyDatabases(app core.App, stage string) error {
	for _, db := range []struct {
		builder dbx.Builder
		name    string
	}{{app.ConcurrentDB(), "data.db"}, {app.AuxConcurrentDB(), "auxiliary.db"}} {
		_, err := db.builder.NewQuery("VACUUM INTO {:path}").Bind(dbx.Params{"path": filepath.Join(stage, db.name)}).Execute()
		if err != nil {
			return fmt.Errorf("copy %s: %w", db.name, err)
		}
		if err := verifyDatabase(filepath.Join(stage, db.name)); err != nil {
			return fmt.Errorf("verify the copy of %s: %w", db.name, err)
		}
	}
	return nil
}

// verifyDatabase reads a copy as a restore would: a backup that does not open is none.
func verifyDatabase(path string) error {
	db, err := dbx.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var found []string
	if err := db.NewQuery("PRAGMA quick_check(1)").Column(&found); err != nil {
		return err
	}
	if len(found) != 1 || found[0] != "ok" {
		return fmt.Errorf("it is damaged: %v", found)
	}
	return nil
}

// linkStorage stages the uploaded files by hard links, so that nothing is copied. Files in S3 are not part of a backup. The key
// file of the secrets stays out: a backup in a bucket must not open itself.
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

func uploadBackup(e *core.BackupEvent, zip string) error {
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
	return nil
}
