// Package folder protects the data folder: one server holds it, only its owner can read it, and an older program does
// not open the data of a newer one.
package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/pocketbase/pocketbase/core"
)

// Files of the lock. The lock itself is the system's, so that it ends with its process; a second file names its holder,
// because a locked file cannot be read on Windows.
const (
	LockFile   = ".wxbase.lock"
	HolderFile = ".wxbase.holder"
	lockKey    = "wxFolderLock" // in app.Store()
)

// wait is how long a start waits for a predecessor that is just ending.
const wait = 2 * time.Second

// holder says who serves a data folder.
type holder struct {
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Address string    `json:"address"` // where it listens; empty while it starts
}

// String is the holder in words.
func (h holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	text := fmt.Sprintf("process %d, since %s", h.PID, h.Since.Local().Format(time.DateTime))
	if h.Address != "" {
		text += ", at " + h.Address
	}
	return text
}

// Lock keeps a data folder to one serving process: two of them would each carry out the outbox and each think to be the only one
// that holds an order. Other commands (superuser, bill, migrate) do not take it.
type Lock struct {
	dir    string
	file   *flock.Flock
	holder holder
}

// Take takes the lock, or fails with the one who holds it.
func Take(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	l := &Lock{
		dir: dir, file: flock.New(filepath.Join(dir, LockFile), flock.SetPermissions(0o600)),
		holder: holder{PID: os.Getpid(), Since: time.Now().UTC()},
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	_, err := l.file.TryLockContext(ctx, 50*time.Millisecond)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("the data folder %s is in use by %s: stop that one first, or name another folder by --dir", dir, readHolder(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w (it must lie on a disk that knows locks)", dir, err)
	}
	return l, errors.Join(l.tell(""), GiveToOwner(dir))
}

// tell writes who holds the folder, for the one who finds it locked.
func (l *Lock) tell(address string) error {
	l.holder.Address = address
	text, err := json.Marshal(l.holder)
	if err != nil {
		return fmt.Errorf("note holder of data folder: %w", err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, HolderFile), text, 0o600); err != nil {
		return fmt.Errorf("note holder of data folder: %w", err)
	}
	return nil
}

// Release gives the folder free.
func (l *Lock) Release() { _ = l.file.Unlock() }

// readHolder is as much as is known.
func readHolder(dir string) (h holder) {
	if text, err := os.ReadFile(filepath.Join(dir, HolderFile)); err == nil { //nolint:gosec // our own data folder
		_ = json.Unmarshal(text, &h)
	}
	return h
}

// Hold makes sure that this process holds its data folder, and notes where it listens. Execute has locked it before the first
// migration; a program that starts the app by itself gets the lock here.
func Hold(app core.App, e *core.ServeEvent) error {
	if e.Server == nil { // a test that builds the mux only
		return nil
	}
	l, ok := app.Store().Get(lockKey).(*Lock)
	if !ok {
		var err error
		if l, err = Take(app.DataDir()); err != nil {
			return err
		}
		app.Store().Set(lockKey, l)
	}
	return l.tell(e.Server.Addr)
}

// ServedAt is where the server that holds a data folder listens. It fails without such a server.
func ServedAt(dir string) (string, error) {
	file := filepath.Join(dir, LockFile)
	if _, err := os.Stat(file); err != nil { // note: to try the lock makes the file
		return "", fmt.Errorf("no server holds the data folder %s: %w", dir, err)
	}
	lock := flock.New(file)
	free, err := lock.TryRLock()
	if free {
		_ = lock.Unlock()
	}
	if at := readHolder(dir).Address; !free && err == nil && at != "" {
		return at, nil
	}
	return "", errors.Join(fmt.Errorf("no server holds the data folder %s", dir), err)
}
