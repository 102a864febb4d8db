package hooks

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

// Files of the lock. The lock itself is the system's, so that it ends with its process; who holds it is told by a second file, because a
// locked file cannot be read on Windows.
const (
	folderLockFile   = ".wxbase.lock"
	folderHolderFile = ".wxbase.holder"
	folderLockKey    = "wxFolderLock" // in app.Store()
)

// folderWait is how long a start waits for a predecessor that is just ending.
const folderWait = 2 * time.Second

// folderHolder says who serves a data folder.
type folderHolder struct {
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Address string    `json:"address"` // where it listens; empty while it starts
}

// String is the holder in words.
func (h folderHolder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	text := fmt.Sprintf("process %d, since %s", h.PID, h.Since.Local().Format(time.DateTime))
	if h.Address != "" {
		text += ", at " + h.Address
	}
	return text
}

// folderLock keeps a data folder to one serving process: two of them would each carry out the outbox and each think to be the only one
// that holds an order. Other commands (superuser, bill, migrate) do not take it.
type folderLock struct {
	dir    string
	lock   *flock.Flock
	holder folderHolder
}

// lockFolder takes the lock, or fails with the one who holds it.
func lockFolder(dir string) (*folderLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	l := &folderLock{
		dir: dir, lock: flock.New(filepath.Join(dir, folderLockFile), flock.SetPermissions(0o600)),
		holder: folderHolder{PID: os.Getpid(), Since: time.Now().UTC()},
	}
	ctx, cancel := context.WithTimeout(context.Background(), folderWait)
	defer cancel()
	_, err := l.lock.TryLockContext(ctx, 50*time.Millisecond)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("the data folder %s is in use by %s: stop that one first, or name another folder by --dir", dir, readHolder(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w (it must lie on a disk that knows locks)", dir, err)
	}
	return l, l.tell("")
}

// tell writes who holds the folder, for the one who finds it locked.
func (l *folderLock) tell(address string) error {
	l.holder.Address = address
	text, err := json.Marshal(l.holder)
	if err != nil {
		return fmt.Errorf("note holder of data folder: %w", err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, folderHolderFile), text, 0o600); err != nil {
		return fmt.Errorf("note holder of data folder: %w", err)
	}
	return nil
}

// readHolder is as much as is known.
func readHolder(dir string) (h folderHolder) {
	if text, err := os.ReadFile(filepath.Join(dir, folderHolderFile)); err == nil { //nolint:gosec // our own data folder
		_ = json.Unmarshal(text, &h)
	}
	return h
}

// holdFolder makes sure that this process holds its data folder, and notes where it listens. Execute has locked it before the first
// migration; a program that starts the app by itself gets the lock here.
func (p *Plugin) holdFolder(e *core.ServeEvent) error {
	if e.Server == nil { // a test that builds the mux only
		return nil
	}
	l, ok := p.app.Store().Get(folderLockKey).(*folderLock)
	if !ok {
		var err error
		if l, err = lockFolder(p.app.DataDir()); err != nil {
			return err
		}
		p.app.Store().Set(folderLockKey, l)
	}
	return l.tell(e.Server.Addr)
}
