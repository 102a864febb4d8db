package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"slices"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/filesystem/blob"
	"github.com/superfly/ltx"
	"golang.org/x/sync/errgroup"
)

// bucket is a replica in a bucket, over the S3 client that PocketBase has already: that of AWS, which Litestream brings, would add nine megabytes. The
// names are Litestream's own, so that its command can read the copy too.
type bucket struct {
	place  *Place
	root   string
	work   string // folder for what is on its way
	fenced atomic.Bool
}

var _ litestream.ReplicaClient = (*bucket)(nil)

// headersAtOnce is how many files are asked for their time at once.
const headersAtOnce = 16

func join(parts ...string) string { return path.Join(parts...) }

func (b *bucket) shut() { b.fenced.Store(true) }

// Type names the client in Litestream's log.
func (b *bucket) Type() string { return "s3" }

// Init has nothing to open: each call opens the bucket with its own context.
func (b *bucket) Init(context.Context) error { return nil }

// SetLogger is of no use: what fails is returned.
func (b *bucket) SetLogger(*slog.Logger) {}

// do runs some calls of the bucket.
func (b *bucket) do(ctx context.Context, calls func(*filesystem.System) error) error {
	files, err := b.place.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(calls(files), files.Close())
}

func (b *bucket) name(level int, minTXID, maxTXID ltx.TXID) string {
	return litestream.LTXFilePath(b.root, level, minTXID, maxTXID)
}

// endMark is an object that stands last in the list of a level, and says that all of it has come.
//
// NB! PocketBase takes a connection that ends within a list for the end of the list. Without the mark a bucket that is away would look like an empty one,
// and a new shop would begin in the stead of the old.
const endMark = "~"

// markEnds makes every level that is written to tell its end.
func (p *Place) markEnds(ctx context.Context) error {
	files, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }()
	for _, level := range append(levels().numbers(), litestream.SnapshotLevel) {
		mark := join(litestream.LTXLevelDir(join(p.prefix, dataFile), level), endMark)
		_, err := files.Attributes(mark)
		if errors.Is(err, filesystem.ErrNotFound) {
			err = files.Upload([]byte("the end of a level of Litestream's files; wxbase looks for it\n"), mark)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list is all of a level, or an error.
func (b *bucket) list(files *filesystem.System, level int) (names []*blob.ListObject, err error) {
	dir := litestream.LTXLevelDir(b.root, level)
	found, err := files.List(dir + "/")
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(found, func(o *blob.ListObject) bool { return path.Base(o.Key) == endMark }) {
		return found, nil
	}
	_, err = files.Attributes(join(dir, endMark))
	if errors.Is(err, filesystem.ErrNotFound) && len(found) == 0 {
		return nil, nil // nobody has written to it yet
	}
	return nil, errors.Join(errCut, err)
}

// LTXFiles lists a level from a transaction on. For a restore to a moment each file is asked for its own time: a bucket knows only when it was uploaded.
func (b *bucket) LTXFiles(ctx context.Context, level int, seek ltx.TXID, exactTime bool) (ltx.FileIterator, error) {
	var infos []*ltx.FileInfo
	err := b.do(ctx, func(files *filesystem.System) error {
		found, err := b.list(files, level)
		if err != nil {
			return err
		}
		for _, f := range found {
			minTXID, maxTXID, err := ltx.ParseFilename(path.Base(f.Key))
			if err == nil && minTXID >= seek {
				infos = append(infos, &ltx.FileInfo{Level: level, MinTXID: minTXID, MaxTXID: maxTXID, Size: f.Size, CreatedAt: f.ModTime.UTC()})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list level %d: %w", level, err)
	}
	if exactTime {
		if err := b.readTimes(ctx, infos); err != nil {
			return nil, err
		}
	}
	return ltx.NewFileInfoSliceIterator(infos), nil
}

func (b *bucket) readTimes(ctx context.Context, infos []*ltx.FileInfo) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(headersAtOnce)
	for _, info := range infos {
		group.Go(func() error {
			header, err := litestream.FetchLTXHeader(ctx, b, info)
			if err == nil {
				info.CreatedAt = time.UnixMilli(header.Timestamp).UTC()
			}
			return err
		})
	}
	return group.Wait()
}

// part is some of a file in the bucket, closed with it.
type part struct {
	io.Reader
	close func() error
}

// Close ends the call.
func (p part) Close() error { return p.close() }

// OpenLTXFile reads a file from an offset on, all of it when size is 0.
func (b *bucket) OpenLTXFile(ctx context.Context, level int, minTXID, maxTXID ltx.TXID, offset, size int64) (io.ReadCloser, error) {
	files, err := b.place.open(ctx)
	if err != nil {
		return nil, err
	}
	name := b.name(level, minTXID, maxTXID)
	in, err := files.GetReader(name)
	if errors.Is(err, filesystem.ErrNotFound) {
		err = os.ErrNotExist
	}
	if err != nil {
		return nil, errors.Join(litestream.NewLTXError("open", name, level, uint64(minTXID), uint64(maxTXID), err), files.Close())
	}
	out := part{in, func() error { return errors.Join(in.Close(), files.Close()) }}
	if offset > 0 {
		if _, err := in.Seek(offset, io.SeekStart); err != nil {
			return nil, errors.Join(err, out.Close())
		}
	}
	if size > 0 {
		out.Reader = io.LimitReader(in, size)
	}
	return out, nil
}

// WriteLTXFile uploads a file. It waits on the disk first: its length is not known, and a reader that fails half way must leave nothing in the bucket.
func (b *bucket) WriteLTXFile(ctx context.Context, level int, minTXID, maxTXID ltx.TXID, r io.Reader) (info *ltx.FileInfo, err error) {
	if b.fenced.Load() {
		return nil, ErrHeld
	}
	header, r, err := ltx.PeekHeader(r)
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	spool, err := os.CreateTemp(b.work, "upload-*.tmp")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(spool.Name())) }()
	size, err := io.Copy(spool, r)
	if err := errors.Join(err, spool.Close()); err != nil {
		return nil, err
	}
	content, err := filesystem.NewFileFromPath(spool.Name())
	if err != nil {
		return nil, err
	}
	name := b.name(level, minTXID, maxTXID)
	if err := b.do(ctx, func(files *filesystem.System) error { return files.UploadFile(content, name) }); err != nil {
		return nil, fmt.Errorf("upload %s: %w", path.Base(name), err)
	}
	return &ltx.FileInfo{Level: level, MinTXID: minTXID, MaxTXID: maxTXID, Size: size, CreatedAt: time.UnixMilli(header.Timestamp).UTC()}, nil
}

// DeleteLTXFiles deletes what is there of them.
func (b *bucket) DeleteLTXFiles(ctx context.Context, infos []*ltx.FileInfo) error {
	if b.fenced.Load() {
		return ErrHeld
	}
	return b.do(ctx, func(files *filesystem.System) error {
		for _, info := range infos {
			err := files.Delete(b.name(info.Level, info.MinTXID, info.MaxTXID))
			if err != nil && !errors.Is(err, filesystem.ErrNotFound) {
				return err
			}
		}
		return nil
	})
}

// DeleteAll empties the place.
func (b *bucket) DeleteAll(ctx context.Context) error {
	if b.fenced.Load() {
		return ErrHeld
	}
	return b.do(ctx, func(files *filesystem.System) error { return errors.Join(files.DeletePrefix(b.root + "/")...) })
}
