package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/folder"
	"wxbase/internal/replica"
)

// FromReplica brings the database and the files of a replica into a folder that has no database: the newest there is, or that of a moment. found is false when there is none
// yet; then nothing was written.
func FromReplica(ctx context.Context, place *replica.Place, dir string, at time.Time, now func() time.Time) (report Report, found bool, err error) {
	work := filepath.Join(dir, core.LocalTempDirName)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return report, false, err
	}
	fresh, err := os.MkdirTemp(work, "replica-")
	if err != nil {
		return report, false, err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if found, err = place.Restore(ctx, filepath.Join(fresh, dataFile), at); err != nil || !found {
		return report, found, err
	}
	if report, err = look(fresh); err != nil {
		return report, true, fmt.Errorf("what the replica %s holds cannot be used: %w", place, err)
	}
	// note: before the database, so that a start that is interrupted here begins again
	if report.Files, err = place.RestoreFiles(ctx, filepath.Join(dir, core.LocalStorageDirName), at, false); err != nil {
		return report, true, err
	}
	report.hasFiles = report.Files > 0
	if err := os.RemoveAll(filepath.Join(dir, ReplicaFolder)); err != nil { // the position of a database that is gone
		return report, true, err
	}
	return report, true, report.adopt(dir, fresh, "replica "+place.String(), now)
}

// look opens a database that is to become a shop's.
func look(fresh string) (report Report, err error) {
	err = errors.Join(report.read(fresh), report.refuse())
	return report, err
}

// Adopt makes the database of the folder fresh that of a data folder that has none, and notes from where it came. The folder's position in a replica stays.
func Adopt(dir, fresh, from string, now func() time.Time) (Report, error) {
	report, err := look(fresh)
	if err != nil {
		return report, fmt.Errorf("what %s holds cannot be used: %w", from, err)
	}
	files, err := replica.CountFiles(filepath.Join(dir, core.LocalStorageDirName))
	if err != nil {
		return report, err
	}
	report.Files, report.hasFiles = files, files > 0
	return report, report.adopt(dir, fresh, from, now)
}

func (r Report) adopt(dir, fresh, from string, now func() time.Time) error {
	for _, left := range []string{dataFile + "-wal", dataFile + "-shm"} { // of a database that is gone
		if err := os.RemoveAll(filepath.Join(dir, left)); err != nil {
			return err
		}
	}
	if err := folder.WriteNote(dir, RestoredFile, Restored{From: from, At: now().UTC(), Until: r.Newest}); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(fresh, dataFile), filepath.Join(dir, dataFile)); err != nil {
		return err
	}
	return folder.GiveToOwner(dir)
}
