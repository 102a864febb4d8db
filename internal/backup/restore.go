package backup

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/folder"
	"wxbase/internal/settings"
)

// ReplicaFolder is where replication keeps its position in the data folder. A restored database begins anew there.
const ReplicaFolder = ".data.db-litestream"

// RestoredFile tells the next start that the data were restored, and from what.
const RestoredFile = ".wxbase.restored"

// Restored is what a restore leaves for the next start.
type Restored struct {
	From  string    `json:"from"`  // name of the backup, or the replica
	At    time.Time `json:"at"`    // of the restore
	Until time.Time `json:"until"` // newest change in it: what came later is gone

	Asked  bool     `json:"asked"`  // WeChat was asked about what was under way
	Days   []string `json:"days"`   // whose bills were compared since
	Failed []string `json:"failed"` // and those that could not be, with why
}

// Forget ends the work after a restore.
func Forget(dir string) error { return os.Remove(filepath.Join(dir, RestoredFile)) }

// Restore puts a backup into a data folder.
type Restore struct {
	Archive string // a file
	To      string // folder; a new one, or one whose contents are put aside
	KeysIn  string // folder whose key file counts; To when empty
	Env     func(string) string
	Now     func() time.Time
	Out     io.Writer
}

// Run restores and says what it has done. After an error the folder is as it was. No server may be at work on the folder.
func (r Restore) Run() (report Report, err error) {
	lock, err := folder.Take(r.To)
	if err != nil {
		return report, err
	}
	defer lock.Release()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(r.Out, "  "+format+"\n", args...) }
	if undone, err := undoHalf(r.To); err != nil {
		return report, fmt.Errorf("put back what an interrupted restore had moved: %w", err)
	} else if undone {
		say("an earlier restore was interrupted; what was there is back in place")
	}
	work := filepath.Join(r.To, core.LocalTempDirName) // note: what a kill leaves there the next start removes
	if err := os.MkdirAll(work, 0o700); err != nil {
		return report, err
	}
	fresh, err := os.MkdirTemp(work, "restore-")
	if err != nil {
		return report, err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	report, err = r.open(fresh)
	if err != nil {
		return report, fmt.Errorf("%s cannot be restored, and nothing was changed: %w", filepath.Base(r.Archive), err)
	}
	s, err := newSwap(r.To, fresh, r.Now().UTC().Format("20060102T150405Z"))
	if err != nil {
		return report, err
	}
	note := Restored{From: filepath.Base(r.Archive), At: r.Now().UTC(), Until: report.Newest}
	if err := folder.WriteNote(r.To, RestoredFile, note); err != nil {
		return report, err
	}
	if err := s.run(); err != nil {
		return report, errors.Join(err, os.Remove(filepath.Join(r.To, RestoredFile)))
	}
	if err := folder.GiveToOwner(r.To); err != nil {
		say("NB! the files are root's and the service cannot open them: %v", err)
	}
	say("restored %s into %s", filepath.Base(r.Archive), r.To)
	for _, line := range report.Words() {
		say("%s", line)
	}
	for _, p := range s.Places {
		if len(p.Had) > 0 {
			say("what was there is in %s: delete it when you miss nothing", p.Aside)
		} else {
			_ = os.Remove(p.Aside) // it is empty
		}
	}
	if !report.hasFiles && folder.Exists(filepath.Join(r.To, core.LocalStorageDirName)) {
		say("the backup has no files; those in storage/ were left as they are")
	}
	say("%s", KeyWords(cmp.Or(r.KeysIn, r.To), r.Env, report.KeyMark))
	say("start the server: it asks WeChat about what came after %s", words(report.Newest))
	return report, nil
}

// open unpacks everything, and opens it as the next start will.
func (r Restore) open(fresh string) (Report, error) {
	report, err := unpack(r.Archive, fresh, func(string) bool { return true })
	if err != nil {
		return report, err
	}
	if err := report.read(fresh); err != nil {
		return report, err
	}
	return report, report.refuse()
}

// refuse fails on what this program must not start on.
func (r Report) refuse() error {
	if len(r.Newer) > 0 {
		return fmt.Errorf("a newer version of wxbase made it (%s): restore it with that one", r.Newer[0])
	}
	return nil
}

// KeyWords says whether a key is there that opens the stored secrets.
func KeyWords(dir string, env func(string) string, mark string) string {
	if mark == "" {
		return "it does not tell which key its stored secrets need; the start says whether they open"
	}
	fits, err := settings.HasKey(dir, env, mark)
	switch {
	case err != nil:
		return "NB! the key cannot be read: " + err.Error()
	case !fits:
		return "NB! no key that is here opens its stored secrets: put the shop's " + settings.KeyFile + " into " + dir +
			", or start with its WXBASE_SECRET_KEY; without it AppSecrets and merchant keys have to be entered again"
	}
	return "the key that is here opens its stored secrets"
}

func words(at time.Time) string {
	if at.IsZero() {
		return "it was made"
	}
	return at.Local().Format(time.DateTime)
}
