package backup

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
	"wxbase/internal/folder"
	"wxbase/internal/settings"
)

// Names in a data folder and in a backup.
const (
	dataFile = "data.db"
	logFile  = "auxiliary.db"
)

// databaseFiles are the databases, each with the logs that belong to it: a log that is left beside another database destroys it.
func databaseFiles() []string {
	return []string{dataFile, dataFile + "-wal", dataFile + "-shm", logFile, logFile + "-wal", logFile + "-shm"}
}

// Report is what a backup holds.
type Report struct {
	Bytes    int64            `json:"bytes"`
	Rows     map[string]int64 `json:"rows"`   // of the tables that matter
	Newest   time.Time        `json:"newest"` // when the last of them was written
	Files    int              `json:"files"`  // below storage/
	Keys     []string         `json:"keys"`   // key files that are in it and should not be
	Wrong    []string         `json:"wrong"`  // what does not hold in its books
	Newer    []string         `json:"newer"`  // migrations that this program does not know: it cannot be restored here
	KeyMark  string           `json:"-"`      // tells which key its secrets were sealed with; empty when none were
	hasFiles bool             // it has a storage/
}

// tables are counted.
func tables() []string {
	return []string{"orders", "payments", "refunds", "users", "products", "_superusers"}
}

// Verify reads a backup as a restore would: every entry to its end and its checksum, and both databases by opening them, in the folder work. An error
// says that it cannot be restored.
func Verify(archive, work string) (Report, error) {
	if err := os.MkdirAll(work, 0o700); err != nil {
		return Report{}, fmt.Errorf("make a place to open it: %w", err)
	}
	dir, err := os.MkdirTemp(work, "verify-")
	if err != nil {
		return Report{}, fmt.Errorf("make a place to open it: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	report, err := unpack(archive, dir, func(name string) bool { return name == dataFile || name == logFile })
	if err != nil {
		return report, err
	}
	return report, report.read(dir)
}

// unpack reads all of an archive and keeps in dir what is wanted of it.
func unpack(archive, dir string, wanted func(name string) bool) (report Report, err error) {
	info, err := os.Stat(archive)
	if err != nil {
		return report, err
	}
	report.Bytes = info.Size()
	files, err := zip.OpenReader(archive)
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
		return report, fmt.Errorf("%s (%d bytes) is no zip archive, or was cut short: fetch or make it again", filepath.Base(archive), info.Size())
	}
	if err != nil {
		return report, err
	}
	defer func() { _ = files.Close() }()
	found := false
	for _, f := range files.File {
		if f.FileInfo().IsDir() || !f.Mode().IsRegular() {
			continue
		}
		found = found || f.Name == dataFile
		report.note(f.Name)
		if err := unpackOne(f, dir, wanted(f.Name)); err != nil {
			return report, fmt.Errorf("%s in it is damaged: %w", f.Name, err)
		}
	}
	if !found {
		return report, fmt.Errorf("there is no %s in it: it is no backup of a shop", dataFile)
	}
	return report, nil
}

// WorkIn is the folder in a data folder whose contents the next start removes.
func WorkIn(app core.App) string { return filepath.Join(app.DataDir(), core.LocalTempDirName) }

// note remembers an entry.
func (r *Report) note(name string) {
	if strings.HasPrefix(name, core.LocalStorageDirName+"/") {
		r.hasFiles = true
		if !strings.HasSuffix(name, ".attrs") {
			r.Files++
		}
	}
	if name == settings.KeyFile || name == settings.RetiredKeyFile {
		r.Keys = append(r.Keys, name)
	}
}

// unpackOne reads an entry to its end, which compares its checksum.
func unpackOne(f *zip.File, dir string, keep bool) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if !keep {
		_, err = io.Copy(io.Discard, in) //nolint:gosec // it is thrown away
		return err
	}
	if !filepath.IsLocal(f.Name) {
		return errors.New("its name leads out of the folder")
	}
	target := filepath.Join(dir, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // local, as was looked
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) //nolint:gosec // a backup is as large as it is
	return errors.Join(err, out.Sync(), out.Close())
}

// read opens the databases of a folder that nobody works on.
func (r *Report) read(dir string) error {
	for _, name := range []string{dataFile, logFile} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); name == logFile && errors.Is(err, os.ErrNotExist) {
			continue // the log can be done without
		}
		db, err := dbx.Open("sqlite", "file:"+path+"?mode=ro")
		if err != nil {
			return err
		}
		err = isWhole(db)
		if err == nil && name == dataFile {
			err = r.readRows(db)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
	}
	return nil
}

// isWhole lets SQLite look at every page and every index.
func isWhole(db dbx.Builder) error {
	var found []string
	if err := db.NewQuery("PRAGMA integrity_check(3)").Column(&found); err != nil {
		return err
	}
	if len(found) != 1 || found[0] != "ok" {
		return fmt.Errorf("it is damaged: %s", strings.Join(found, "; "))
	}
	return nil
}

func (r *Report) readRows(db dbx.Builder) error {
	var there []string
	if err := db.NewQuery("SELECT name FROM sqlite_master WHERE type = 'table'").Column(&there); err != nil {
		return err
	}
	if !slices.Contains(there, "_superusers") {
		return errors.New("it is no database of PocketBase")
	}
	r.Rows = map[string]int64{}
	for _, table := range tables() {
		if !slices.Contains(there, table) {
			continue
		}
		var row struct {
			N      int64  `db:"n"`
			Newest string `db:"newest"`
		}
		if err := db.NewQuery("SELECT count(*) AS n, coalesce(max([[updated]]), '') AS newest FROM {{" + table + "}}").One(&row); err != nil {
			return fmt.Errorf("count %s: %w", table, err)
		}
		r.Rows[table] = row.N
		if at, err := time.Parse(days.Stored, row.Newest); err == nil && at.After(r.Newest) {
			r.Newest = at
		}
	}
	var err error
	if r.Newer, err = folder.NewerThanThis(db); err != nil {
		return err
	}
	if r.KeyMark, err = settings.Mark(db); err != nil {
		return err
	}
	if slices.Contains(there, "wx_ledger") {
		r.Wrong = Wrong(db)
	}
	return nil
}

// Words are what is in it, for people.
func (r Report) Words() []string {
	counts := make([]string, 0, len(r.Rows))
	for _, table := range tables() {
		if n, ok := r.Rows[table]; ok {
			counts = append(counts, fmt.Sprintf("%d %s", n, strings.TrimPrefix(table, "_")))
		}
	}
	lines := []string{"databases whole; " + strings.Join(counts, ", ")}
	if !r.Newest.IsZero() {
		lines = append(lines, "newest change "+r.Newest.Local().Format(time.DateTime))
	}
	lines = append(lines, map[bool]string{true: fmt.Sprintf("%d files", r.Files), false: "no files: they lie elsewhere, or there were none"}[r.hasFiles])
	switch {
	case len(r.Keys) > 0:
		lines = append(lines, "NB! the key of the stored secrets is in it ("+strings.Join(r.Keys, ", ")+"): whoever has it has the merchant's keys")
	case r.KeyMark != "":
		lines = append(lines, "the key of the stored secrets is not in it, as it should be")
	}
	for _, wrong := range r.Wrong {
		lines = append(lines, "books: "+wrong)
	}
	if len(r.Wrong) == 0 {
		lines = append(lines, "the books hold")
	}
	if len(r.Newer) > 0 {
		lines = append(lines, "a newer version made it ("+strings.Join(r.Newer[:min(len(r.Newer), 3)], ", ")+"): restore it with that one")
	}
	return lines
}
