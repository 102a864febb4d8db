package replica

// Whose the chain is. The place names the data folder that owns it, with a generation that grows whenever it changes hands, and the folder notes the
// generation in which it owned it. A server that finds a higher one has been replaced: it does not start, and one that runs ends.
//
// note: this is a fence and no vote. A server that cannot reach the place does not learn that it was replaced, and goes on selling until somebody stops it.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ownerName is the note, in the place and in the data folder.
const ownerName = "wxbase-owner.json"

// ErrReplaced is a place that has gone over to another server for good.
var ErrReplaced = errors.New("another server has taken over this shop")

// Owner is the data folder that writes to a place.
type Owner struct {
	Generation int64     `json:"generation"`
	ID         string    `json:"id"` // of the data folder
	Host       string    `json:"host"`
	Since      time.Time `json:"since"`
	Place      string    `json:"place,omitempty"` // in the folder's own note
}

func (o Owner) replaced() error {
	return fmt.Errorf("%s: %w (%s, since %s): this folder is not to be served any more; start a standby on another folder, or restore into one",
		EnvPlace, ErrReplaced, o.Host, o.Since.Local().Format(time.DateTime))
}

// Owner is who owns the place. found is false as long as nobody has.
func (p *Place) Owner(ctx context.Context) (o Owner, found bool, err error) {
	text, err := p.shelf().readNote(ctx, ownerName)
	if err != nil || text == nil {
		return o, false, err
	}
	return o, true, json.Unmarshal(text, &o)
}

// claim makes a data folder the owner, unless it was replaced since it was.
func (p *Place) claim(ctx context.Context, work string) (mine Owner, err error) {
	id, err := ownID(work)
	if err != nil {
		return mine, err
	}
	if err := p.refuseReplaced(ctx, work); err != nil {
		return mine, err
	}
	there, found, err := p.Owner(ctx)
	if err != nil {
		return mine, fmt.Errorf("read the owner of the replica %s: %w", p, err)
	}
	if found && there.ID == id {
		return there, p.noteOwned(work, there)
	}
	mine = p.owned(work)
	host, _ := os.Hostname()
	mine = Owner{Generation: max(there.Generation, mine.Generation) + 1, ID: id, Host: host, Since: time.Now().UTC()}
	text, err := json.Marshal(mine)
	if err != nil {
		return mine, err
	}
	if err := p.shelf().writeNote(ctx, ownerName, text); err != nil {
		return mine, fmt.Errorf("take over the replica %s: %w", p, err)
	}
	return mine, p.noteOwned(work, mine)
}

// owned is what a folder has noted; the zero value when it never owned this place.
func (p *Place) owned(work string) (mine Owner) {
	if text, err := os.ReadFile(filepath.Join(work, ownerName)); err == nil { //nolint:gosec // our own data folder
		_ = json.Unmarshal(text, &mine) // note: one that is damaged counts as none
	}
	if mine.Place != p.String() {
		return Owner{}
	}
	return mine
}

// refuseReplaced fails for a folder that owned the place and was replaced.
func (p *Place) refuseReplaced(ctx context.Context, work string) error {
	there, found, err := p.Owner(ctx)
	if err != nil {
		return fmt.Errorf("read the owner of the replica %s: %w", p, err)
	}
	mine := p.owned(work)
	if found && mine.ID != "" && there.ID != mine.ID && there.Generation > mine.Generation {
		return there.replaced()
	}
	return nil
}

func (p *Place) noteOwned(work string, o Owner) error {
	o.Place = p.String()
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(work, ownerName), text, 0o600)
}

// checkOwner tells whether another one has become the owner. A place that does not answer says nothing; the lag tells of that.
func (p *Place) checkOwner(ctx context.Context, mine Owner) error {
	there, found, err := p.Owner(ctx)
	if err != nil || !found {
		return nil //nolint:nilerr // see above
	}
	if there.ID != mine.ID && there.Generation >= mine.Generation {
		return there.replaced()
	}
	return nil
}

// Claim gives the place to the server of a data folder that is to take over, and drops the beat of the one before. With force it does not wait for
// that one to be silent first, but afterwards: a server that runs and reaches the place notices within seconds, and ends.
func (p *Place) Claim(ctx context.Context, dataDir string, every time.Duration, force bool) (Owner, error) {
	if every == 0 {
		every = beatEvery
	}
	work := filepath.Join(dataDir, "."+dataFile+"-litestream")
	if err := os.MkdirAll(work, 0o700); err != nil {
		return Owner{}, err
	}
	if force {
		mine, err := p.claim(ctx, work)
		if err != nil {
			return mine, err
		}
		return mine, errors.Join(p.waitForEnd(ctx, work, every), p.forgetBeat(ctx))
	}
	if err := p.silent(ctx, work, every); err != nil {
		return Owner{}, err
	}
	mine, err := p.claim(ctx, work)
	if err != nil {
		return mine, err
	}
	return mine, p.forgetBeat(ctx)
}

// forgetBeat removes what a server has left that ended without a word, so that the next one need not watch it.
func (p *Place) forgetBeat(ctx context.Context) error {
	if p.folder != "" {
		return nil
	}
	return p.dropBeat(ctx)
}

// waitForEnd gives a server that is replaced the time to notice.
func (p *Place) waitForEnd(ctx context.Context, work string, every time.Duration) (err error) {
	for range 6 {
		if err = p.silent(ctx, work, every); !errors.Is(err, ErrHeld) {
			return err
		}
		if late := pause(ctx, every); late != nil {
			return late
		}
	}
	return err
}

// silent fails while another server writes to the place.
func (p *Place) silent(ctx context.Context, work string, every time.Duration) error {
	if p.folder == "" {
		id, err := ownID(work)
		if err != nil {
			return err
		}
		return p.waitForSilence(ctx, id, every)
	}
	held, err := p.lockFolder()
	if err == nil {
		_ = held.Unlock()
	}
	return err
}
