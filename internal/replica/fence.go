package replica

// Who may write to a place. Two servers that write one chain destroy it. In a folder the system's lock keeps the second one out. In a bucket the writer
// leaves its name and a number that it counts up every few seconds: whoever finds another name watches the number, and waits until it stands still.

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/pocketbase/pocketbase/tools/filesystem"
)

// lockName is the lock of a folder, and the beat of a bucket.
const lockName = "wxbase-writer.json"

// beat says who writes to a bucket.
type beat struct {
	ID   string `json:"id"` // of a data folder
	Host string `json:"host"`
	PID  int    `json:"pid"`
	N    int64  `json:"n"`
}

// fence keeps a second writer out.
type fence struct {
	release func()
	check   func(context.Context) error // ErrHeld when another one has taken over; run it every beatEvery
}

// ErrHeld is a place that another server writes to.
var ErrHeld = errors.New("another server writes to this replica")

func errHeld(by string) error {
	return fmt.Errorf("%s: %w%s: stop it first, or give this shop a place of its own", EnvPlace, ErrHeld, by)
}

func (p *Place) fence(ctx context.Context, work string, every time.Duration) (*fence, error) {
	if err := p.refuseReplaced(ctx, work); err != nil { // note: before it disturbs the one that is at work
		return nil, err
	}
	f, err := p.fenceOff(ctx, work, every)
	if err != nil {
		return nil, err
	}
	mine, err := p.claim(ctx, work)
	if err != nil {
		f.release()
		return nil, err
	}
	still := f.check
	f.check = func(ctx context.Context) error {
		if err := p.checkOwner(ctx, mine); err != nil {
			return err
		}
		return still(ctx)
	}
	return f, nil
}

func (p *Place) fenceOff(ctx context.Context, work string, every time.Duration) (*fence, error) {
	if p.folder == "" {
		return p.fenceBucket(ctx, work, every)
	}
	lock, err := p.lockFolder()
	if err != nil {
		return nil, err
	}
	return &fence{release: func() { _ = lock.Unlock() }, check: func(context.Context) error { return nil }}, nil
}

func (p *Place) lockFolder() (*flock.Flock, error) {
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the replica's folder: %w", err)
	}
	lock := flock.New(filepath.Join(p.folder, lockName), flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the replica %s: %w", p, err)
	}
	if !free {
		return nil, errHeld("")
	}
	return lock, nil
}

func (p *Place) fenceBucket(ctx context.Context, work string, every time.Duration) (*fence, error) {
	id, err := ownID(work)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	mine := beat{ID: id, Host: host, PID: os.Getpid()}
	if err := p.waitForSilence(ctx, id, every); err != nil {
		return nil, err
	}
	if err := errors.Join(p.writeBeat(ctx, mine), p.markEnds(ctx)); err != nil {
		return nil, fmt.Errorf("write to the replica %s: %w", p, err)
	}
	check := func(ctx context.Context) error {
		theirs, found, err := p.readBeat(ctx)
		if err != nil {
			return nil //nolint:nilerr // a bucket that does not answer is told by the lag
		}
		if found && (theirs.ID != id || theirs.Host != host || theirs.PID != mine.PID) { // note: a machine that was cloned has the name too
			return ErrHeld
		}
		mine.N++
		_ = p.writeBeat(ctx, mine) // likewise
		return nil
	}
	if err := pause(ctx, every/5); err != nil { // of two that begin in one moment, the one whose name is left goes on
		return nil, err
	}
	if err := check(ctx); err != nil {
		return nil, errHeld("")
	}
	return &fence{check: check, release: func() {
		ctx, cancel := context.WithTimeout(context.Background(), every)
		defer cancel()
		_ = p.dropBeat(ctx)
	}}, nil
}

// waitForSilence returns when nobody else counts.
func (p *Place) waitForSilence(ctx context.Context, id string, every time.Duration) error {
	first, found, err := p.readBeat(ctx)
	if err != nil {
		return fmt.Errorf("read the replica %s: %w", p, err)
	}
	if !found || first.ID == id {
		return nil
	}
	for range 3 {
		if err := pause(ctx, every); err != nil {
			return err
		}
		now, found, err := p.readBeat(ctx)
		if err != nil {
			return fmt.Errorf("read the replica %s: %w", p, err)
		}
		if found && now != first {
			return errHeld(fmt.Sprintf(" (%s, process %d)", now.Host, now.PID))
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (p *Place) beatName() string { return join(p.prefix, lockName) }

func (p *Place) readBeat(ctx context.Context) (b beat, found bool, err error) {
	files, err := p.open(ctx)
	if err != nil {
		return b, false, err
	}
	defer func() { _ = files.Close() }()
	in, err := files.GetReader(p.beatName())
	if errors.Is(err, filesystem.ErrNotFound) {
		return b, false, nil
	}
	if err != nil {
		return b, false, err
	}
	defer func() { _ = in.Close() }()
	text, err := io.ReadAll(io.LimitReader(in, 4096))
	if err != nil {
		return b, false, err
	}
	return b, true, json.Unmarshal(text, &b)
}

func (p *Place) writeBeat(ctx context.Context, b beat) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	files, err := p.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(files.Upload(text, p.beatName()), files.Close())
}

func (p *Place) dropBeat(ctx context.Context) error {
	files, err := p.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(files.Delete(p.beatName()), files.Close())
}

// ownID names a data folder, so that its server is let in again at once after a crash. A copy of the folder has the text and not the file, and is
// another one: the server of the first may be at work.
func ownID(work string) (string, error) {
	path := filepath.Join(work, "writer")
	text, err := os.ReadFile(path) //nolint:gosec // our own data folder
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	id, file, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if id != "" && file != "" && file == fileID(path) {
		return id, nil
	}
	if id == "" || file != "" {
		id = rand.Text()
	}
	if err := os.WriteFile(path, []byte(id), 0o600); err != nil { //nolint:gosec // likewise
		return "", err
	}
	return id, os.WriteFile(path, []byte(strings.TrimSpace(id+" "+fileID(path))), 0o600) //nolint:gosec // likewise
}
