package replica

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

// Follow keeps a file as new as the database in the place, until the context ends. A file that it has made before goes on from where it was.
func (p *Place) Follow(ctx context.Context, to string, every time.Duration) error {
	client := p.client(filepath.Dir(to))
	if err := client.Init(ctx); err != nil {
		return err
	}
	options := litestream.NewRestoreOptions()
	options.OutputPath, options.Follow, options.FollowInterval = to, true, every
	err := litestream.NewReplicaWithClient(nil, client).Restore(ctx, options)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it was asked to end
	}
	if err != nil && strings.Contains(err.Error(), "cannot resume follow mode") {
		return errors.Join(fmt.Errorf("begin anew, because the chain has gone on without: %w", err), DropFollowed(to))
	}
	if err != nil {
		return fmt.Errorf("follow %s: %w", p, err)
	}
	return nil
}

// DropFollowed removes a file that Follow has made.
func DropFollowed(path string) error {
	return errors.Join(removeIfThere(path), removeIfThere(litestream.TXIDPath(path)), removeIfThere(path+".tmp"))
}

// Followed compares a file that Follow keeps with the place: how many transactions it is behind.
func (p *Place) Followed(ctx context.Context, path string) (behind int64, err error) {
	have, err := litestream.ReadTXIDFile(path)
	if err != nil {
		return 0, err
	}
	client := p.client(filepath.Dir(path))
	from := litestream.NewReplicaWithClient(nil, client)
	var newest ltx.TXID
	for level := 0; level <= litestream.SnapshotLevel; level++ {
		info, err := from.MaxLTXFileInfo(ctx, level)
		if err != nil {
			return 0, fmt.Errorf("look into the replica %s: %w", p, err)
		}
		newest = max(newest, info.MaxTXID)
	}
	if _, err := os.Stat(path); err != nil {
		have = 0
	}
	return int64(newest) - int64(have), nil
}

// CatchUp brings such a file up to what the place holds, where nobody writes any more.
func (p *Place) CatchUp(ctx context.Context, path string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.Follow(ctx, path, 100*time.Millisecond) }()
	for {
		behind, err := p.Followed(ctx, path)
		if err == nil && behind <= 0 {
			stop()
			return <-ended
		}
		select {
		case err := <-ended:
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
