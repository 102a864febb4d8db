package replica

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/benbjohnson/litestream"
)

// Look is what somebody finds who looks at a place from outside.
type Look struct {
	Unreachable error
	Unwritable  error
	Newest      time.Time // change in the copy; zero for an empty place
	Owner       Owner     // the zero value as long as nobody has
	Foreign     bool      // the owner is another data folder, and this one was it before
}

// Look reads the place, and writes a note that it removes again. It does not disturb who is at work.
func (p *Place) Look(ctx context.Context, dataDir string) (l Look) {
	var err error
	if l.Owner, _, err = p.Owner(ctx); err != nil {
		l.Unreachable = err
		return l
	}
	l.Foreign = errors.Is(p.refuseReplaced(ctx, filepath.Join(dataDir, "."+dataFile+"-litestream")), ErrReplaced)
	client := p.client(dataDir)
	if _, l.Newest, err = litestream.NewReplicaWithClient(nil, client).TimeBounds(ctx); err != nil {
		l.Unreachable = err
		return l
	}
	const probe = "wxbase-doctor.json"
	l.Unwritable = errors.Join(p.shelf().writeNote(ctx, probe, []byte("{}\n")), p.shelf().dropNote(ctx, probe))
	return l
}
