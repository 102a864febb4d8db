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
	"wxbase/internal/healing"
	"wxbase/internal/redact"
	"wxbase/internal/settings"
	"wxbase/internal/standin"
	"wxbase/internal/till"
	"wxbase/internal/vitals"
)

// restoreFailed is the subject of the alert about a restore from the dashboard that failed; the data are as they were.
const restoreFailed = "failed"

// restores looks after the dashboard's restores, and tells what became of the others.
type restores struct {
	app         core.App
	books       *books.Books
	till        *till.Till
	replication *replication
	now         func() time.Time
	out         io.Writer
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
	aside, err := filepath.Glob(filepath.Join(e.App.DataDir(), ".before-*")) // what an update or an earlier restore has kept
	if err != nil {
		return err
	}
	for _, kept := range aside {
		e.Exclude = append(e.Exclude, filepath.Base(kept))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(filepath.Join(e.App.DataDir(), backup.RestoredFile))
			r.books.LogError("alert", r.books.Raise(e.App, books.AlertRestore, restoreFailed, map[string]any{
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
	if elsewhere || r.replication.place != nil || runtime.GOOS == "windows" {
		return answer.Fail(answer.RestoreByHand, errors.New("storage/ lies elsewhere, or the data are replicated"))
	}
	if _, err := backup.Look(e.Request.Context(), e.App, name); err != nil {
		return answer.With(answer.BackupDamaged, "reason", explain.OneLine(redact.Text(err.Error())))
	}
	return e.Next()
}

// heal tells of a restore at the first start after it, and looks for what came after the data that were restored: WeChat is asked about every payment
// and refund that was under way, and the bills of the days since are compared anew. It ends when the bill of the restore's own day was compared.
func (r *restores) heal(e *core.ServeEvent) error {
	var note backup.Restored
	found, err := folder.ReadNote(e.App.DataDir(), backup.RestoredFile, &note)
	if err != nil || !found || e.Server == nil {
		return err
	}
	_, _ = fmt.Fprintf(r.out, "  restored: the data are those of %s, newest change %s; asking WeChat about what came later\n",
		note.From, note.Until.Local().Format(time.DateTime))
	work := &healing.Healing{App: e.App, Books: r.books, Now: r.now, Again: r.till.Bills.Again, Wake: r.books.Wake, Note: note}
	return work.Start()
}
