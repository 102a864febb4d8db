package hooks

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/backup"
	"wxbase/internal/books"
	"wxbase/internal/explain"
	"wxbase/internal/folder"
	"wxbase/internal/redact"
	"wxbase/internal/settings"
	"wxbase/internal/standin"
	"wxbase/internal/vitals"
)

// Subjects of alerts of the kind backup about restores.
const (
	restoreFailed = "restore"  // one from the dashboard failed; the data are as they were
	restoreDone   = "restored" // the data were restored; what came after the backup has to be looked for
)

// restores looks after the dashboard's restores, and tells what became of the others.
type restores struct {
	app   core.App
	books *books.Books
	now   func() time.Time
	out   io.Writer
}

// bind makes backups that open, and lets nothing be lost by a restore.
func (r *restores) bind(watch *vitals.Vitals) {
	backup.Bind(r.app)
	r.app.OnBackupCreate().Bind(&hook.Handler[*core.BackupEvent]{Id: "wxBackupWatch", Priority: 9998, Func: watch.WatchBackup})
	r.app.OnBackupRestore().Bind(&hook.Handler[*core.BackupEvent]{Id: "wxRestore", Func: r.run})
}

// run restores as PocketBase does, on data that were looked at first, and tells what became of it: the dashboard's request is answered by then.
//
// NB! PocketBase moves everything away that is not excluded, and deletes it at the next start; without the key file no stored secret opens again.
func (r *restores) run(e *core.BackupEvent) (err error) {
	e.Exclude = append(e.Exclude, settings.KeyFile, settings.RetiredKeyFile, standin.Folder, folder.LockFile, folder.HolderFile, backup.RestoredFile)
	defer func() {
		if err != nil {
			_ = os.Remove(filepath.Join(e.App.DataDir(), backup.RestoredFile))
			r.books.LogError("alert", r.books.Raise(e.App, books.AlertBackup, restoreFailed, map[string]any{
				"name": e.Name, "error": explain.OneLine(redact.Text(err.Error())), "now": "the data are as they were",
			}))
		}
	}()
	report, err := backup.Look(e.Context, e.App, e.Name)
	if err != nil {
		return err
	}
	note := backup.Restored{From: e.Name, At: r.now().UTC(), Until: report.Newest}
	if err := folder.WriteNote(e.App.DataDir(), backup.RestoredFile, note); err != nil {
		return err
	}
	return e.Next() // note: ends in another process when it works
}

// guard looks at a backup before PocketBase answers that it will be restored: it restores after its answer, and tells nobody of a failure.
func (r *restores) guard(e *core.RequestEvent) error {
	name, isRestore := strings.CutSuffix(strings.TrimPrefix(e.Request.URL.Path, "/api/backups/"), "/restore")
	if !isRestore || e.Request.Method != http.MethodPost || !strings.HasPrefix(e.Request.URL.Path, "/api/backups/") || !e.HasSuperuserAuth() {
		return e.Next()
	}
	elsewhere, err := backup.LiesElsewhere(filepath.Join(e.App.DataDir(), core.LocalStorageDirName))
	if err != nil {
		return err
	}
	if elsewhere || runtime.GOOS == "windows" {
		return answer.Fail(answer.RestoreByHand, errors.New("storage/ is a disk or a link"))
	}
	if _, err := backup.Look(e.Request.Context(), e.App, name); err != nil {
		return answer.With(answer.BackupDamaged, "reason", explain.OneLine(redact.Text(err.Error())))
	}
	return e.Next()
}

// tell says at the first start after a restore what was restored, on the console and as an alert that a person closes.
func (r *restores) tell(app core.App) error {
	var note backup.Restored
	found, err := folder.ReadNote(app.DataDir(), backup.RestoredFile, &note)
	if err != nil || !found {
		return err
	}
	_, _ = fmt.Fprintf(r.out, "  restored: the data are those of %s, newest change %s\n", note.From, note.Until.Local().Format(time.DateTime))
	err = r.books.Raise(app, books.AlertBackup, restoreDone, map[string]any{"from": note.From, "at": note.At, "newest": note.Until})
	if err != nil {
		return err
	}
	return os.Remove(filepath.Join(app.DataDir(), backup.RestoredFile))
}
