package vitals

import (
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/folder"
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
func (k *Vitals) tellBackup() {
	most := time.Duration(k.BackupHours) * time.Hour
	if k.Simulated || most <= 0 {
		return
	}
	newest, err := lastBackup(k.App)
	if err != nil {
		k.inform(books.AlertBackup, "age", err.Error(), map[string]any{"error": err.Error()})
		return
	}
	k.noteBackup(newest)
	since := newest
	if since.IsZero() {
		since = k.firstUse()
	}
	old := ""
	if k.Now().Sub(since) > most {
		old = "since " + since.UTC().Format(time.RFC3339) // another one that grows old is told anew
	}
	k.inform(books.AlertBackup, "age", old, map[string]any{"last": newest, "wantedEveryHours": k.BackupHours})
}

// firstUse is when the data folder was made.
func (k *Vitals) firstUse() time.Time {
	users, err := k.App.FindCachedCollectionByNameOrId("users")
	if err != nil {
		return k.Now()
	}
	return users.Created.Time()
}

// WatchBackup notes how a backup went; it runs around createBackup.
func (k *Vitals) WatchBackup(e *core.BackupEvent) error {
	if err := e.Next(); err != nil {
		k.Books.LogError("alert", k.Books.Raise(k.App, books.AlertBackup, "failed", map[string]any{"error": err.Error(), "name": e.Name}))
		return err
	}
	k.noteBackup(time.Now())
	k.Books.LogError("alert", k.Books.Settle(k.App, books.AlertBackup, "failed", "a backup that worked"))
	k.Books.LogError("alert", k.Books.Settle(k.App, books.AlertBackup, "age", "a backup that worked"))
	return nil
}

func (k *Vitals) noteBackup(at time.Time) {
	k.backupMu.Lock()
	defer k.backupMu.Unlock()
	k.backupAt = at
}

func (k *Vitals) newestBackup() time.Time {
	k.backupMu.Lock()
	defer k.backupMu.Unlock()
	return k.backupAt
}

// Room is how many bytes are free, and below how many a person is told.
func (k *Vitals) Room() (free, least uint64, err error) {
	free, err = folder.FreeBytes(k.App.DataDir())
	return free, k.leastFree(), err
}

// BackupAge is when the newest backup was made, and how old it may be. A shop that began today has time.
func (k *Vitals) BackupAge() (newest time.Time, most time.Duration, err error) {
	newest, err = lastBackup(k.App)
	if newest.IsZero() && err == nil && k.Now().Sub(k.firstUse()) < 24*time.Hour {
		newest = k.firstUse() // a shop that began today has time
	}
	return newest, time.Duration(k.BackupHours) * time.Hour, err
}
