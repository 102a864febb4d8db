package hooks

import (
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
)

// backupRounds is how many looks pass between two at the backups: they may lie in a bucket, where looking costs.
const backupRounds = 240

// lastBackup is when the newest backup was made; zero when there is none.
func lastBackup(app core.App) (time.Time, error) {
	files, err := app.NewBackupsFilesystem()
	if err != nil {
		return time.Time{}, fmt.Errorf("open backups: %w", err)
	}
	defer func() { _ = files.Close() }()
	list, err := files.List("")
	if err != nil {
		return time.Time{}, fmt.Errorf("list backups: %w", err)
	}
	var newest time.Time
	for _, file := range list {
		if file.ModTime.After(newest) {
			newest = file.ModTime
		}
	}
	return newest, nil
}

// tellBackup raises the alert of a shop that has no backup, or none of late. With the simulator there is nothing to lose, and a shop
// that began today has time.
func (p *Plugin) tellBackup() {
	most := time.Duration(p.cfg.BackupHours) * time.Hour
	if p.cfg.Sim || most <= 0 {
		return
	}
	newest, err := lastBackup(p.app)
	if err != nil {
		p.inform(books.AlertBackup, "age", err.Error(), map[string]any{"error": err.Error()})
		return
	}
	p.keeper.noteBackup(newest)
	since := newest
	if since.IsZero() {
		since = p.firstUse()
	}
	old := ""
	if p.now().Sub(since) > most {
		old = "since " + since.UTC().Format(time.RFC3339) // another one that grows old is told anew
	}
	p.inform(books.AlertBackup, "age", old, map[string]any{"last": newest, "wantedEveryHours": p.cfg.BackupHours})
}

// firstUse is when the data folder was made.
func (p *Plugin) firstUse() time.Time {
	users, err := p.app.FindCachedCollectionByNameOrId("users")
	if err != nil {
		return p.now()
	}
	return users.Created.Time()
}

// watchBackup notes how a backup went; it runs around createBackup.
func (p *Plugin) watchBackup(e *core.BackupEvent) error {
	if err := e.Next(); err != nil {
		p.books.LogError("alert", p.books.Raise(p.app, books.AlertBackup, "failed", map[string]any{"error": err.Error(), "name": e.Name}))
		return err
	}
	p.keeper.noteBackup(time.Now())
	p.books.LogError("alert", p.books.Settle(p.app, books.AlertBackup, "failed", "a backup that worked"))
	p.books.LogError("alert", p.books.Settle(p.app, books.AlertBackup, "age", "a backup that worked"))
	return nil
}

func (k *keeper) noteBackup(at time.Time) {
	k.backupMu.Lock()
	defer k.backupMu.Unlock()
	k.backupAt = at
}

func (k *keeper) newestBackup() time.Time {
	k.backupMu.Lock()
	defer k.backupMu.Unlock()
	return k.backupAt
}
