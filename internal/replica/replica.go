package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

// How the copy is kept, where Options say nothing. What was written within half a second is a file of its own for five minutes, and then part of one of half
// a minute, which stays until it is older than Keep.
const (
	syncEvery     = 500 * time.Millisecond // here, and once more on the way to the place: together a second
	beatEvery     = 5 * time.Second
	snapshotEvery = 24 * time.Hour
	watchEvery    = 500 * time.Millisecond
)

// compaction is what Litestream makes of many small files.
type compaction litestream.CompactionLevels

func levels() compaction {
	return compaction{{Level: 0}, {Level: 1, Interval: 30 * time.Second}, {Level: 2, Interval: 5 * time.Minute}, {Level: 3, Interval: time.Hour}}
}

func (c compaction) numbers() (all []int) {
	for _, level := range c {
		all = append(all, level.Level)
	}
	return all
}

// Options are how to replicate. The zero value is right for a shop.
type Options struct {
	Keep   time.Duration // how far back a restore can go; 7 days when zero
	Quiet  time.Duration // a copy that does not grow for so long has stopped: the server writes a row every 15 seconds; a minute when zero
	Beat   time.Duration // of the fence of a bucket; 5 seconds when zero
	Logger *slog.Logger  // for warnings and errors
	Fenced func(error)   // another server has taken over the place: this one has to end

	Files       string        // folder whose files are copied too; none when empty
	FilesWanted func() bool   // false while they lie elsewhere anyway; always when nil
	FilesEvery  time.Duration // how often it is looked for new ones; 30 seconds when zero
}

// Replica copies a data folder's database while its server runs.
type Replica struct {
	place *Place
	quiet time.Duration
	fence *fence

	onFenced func(error)

	files *mirror // nil without
	store *litestream.Store
	db    *litestream.DB
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu     sync.Mutex
	last   ltx.TXID  // of the copy
	moved  time.Time // when that changed
	caught time.Time // when the copy was last as new as the database
	fenced error
}

// Start begins to copy. The database has to be there, and open.
//
// NB! nothing of SQLite's locks survives the end of a Replica: Stop is for the end of the process only.
func Start(ctx context.Context, dataDir string, place *Place, options Options) (*Replica, error) {
	if err := place.CheckApart(dataDir); err != nil {
		return nil, err
	}
	db := litestream.NewDB(filepath.Join(dataDir, dataFile)) // its MetaPath is where Claim and backup.ReplicaFolder look
	if err := os.MkdirAll(db.MetaPath(), 0o700); err != nil {
		return nil, err
	}
	held, err := place.fence(ctx, db.MetaPath(), cmp.Or(options.Beat, beatEvery))
	if err != nil {
		return nil, err
	}
	db.MonitorInterval, db.CheckpointInterval = syncEvery, 15*time.Second
	db.Replica = litestream.NewReplicaWithClient(db, place.client(db.MetaPath()))
	db.Replica.SyncInterval = syncEvery
	db.Replica.AutoRecoverEnabled = true // what it loses is a position here: the next thing it sends is a whole copy
	store := litestream.NewStore([]*litestream.DB{db}, litestream.CompactionLevels(levels()))
	store.SnapshotInterval, store.SnapshotRetention = snapshotEvery, cmp.Or(options.Keep, 7*24*time.Hour)
	store.SetShutdownSyncTimeout(5 * time.Second)
	store.Logger = slog.New(onlyWarnings{cmp.Or(options.Logger, slog.Default()).Handler()})
	db.SetLogger(store.Logger)
	if err := store.Open(ctx); err != nil {
		held.release()
		return nil, fmt.Errorf("open the replica %s: %w", place, err)
	}
	running, stop := context.WithCancel(context.Background())
	now := time.Now()
	r := &Replica{
		place: place, quiet: cmp.Or(options.Quiet, time.Minute), fence: held, store: store, db: db, stop: stop, moved: now, caught: now, onFenced: options.Fenced,
	}
	r.done.Go(func() { r.watch(running) })
	r.done.Go(func() { r.guard(running, cmp.Or(options.Beat, beatEvery)) })
	r.startFiles(running, options, store.SnapshotRetention, store.Logger)
	return r, nil
}

func (r *Replica) startFiles(ctx context.Context, options Options, keep time.Duration, log *slog.Logger) {
	if options.Files == "" {
		return
	}
	r.files = &mirror{from: options.Files, to: r.place.shelf(), keep: keep, wanted: options.FilesWanted, now: time.Now, whole: time.Now()}
	if r.files.wanted == nil {
		r.files.wanted = func() bool { return true }
	}
	r.done.Go(func() { r.files.keepUp(ctx, cmp.Or(options.FilesEvery, filesEvery), r.isFenced, log) })
}

func (r *Replica) isFenced() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fenced != nil
}

// onlyWarnings drops what Litestream says of its daily work.
type onlyWarnings struct{ slog.Handler }

// Enabled is true for warnings and errors.
func (h onlyWarnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// WithAttrs and WithGroup keep the limit.
func (h onlyWarnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return onlyWarnings{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the limit.
func (h onlyWarnings) WithGroup(name string) slog.Handler {
	return onlyWarnings{h.Handler.WithGroup(name)}
}

// watch notes how far the copy is.
func (r *Replica) watch(ctx context.Context) {
	for pause(ctx, watchEvery) == nil {
		here, err := r.db.Pos()
		there := r.db.Replica.Pos().TXID
		r.mu.Lock()
		if there > 0 && there != r.last {
			r.last, r.moved = there, time.Now()
		}
		if err == nil && there > 0 && there >= here.TXID {
			r.caught = time.Now()
		}
		r.mu.Unlock()
	}
}

// guard leaves the place to another server that has taken it over.
func (r *Replica) guard(ctx context.Context, every time.Duration) {
	for pause(ctx, every) == nil {
		if err := r.fence.check(ctx); err != nil {
			if client, ok := r.db.Replica.Client.(interface{ shut() }); ok {
				client.shut()
			}
			r.mu.Lock()
			r.fenced = err
			r.mu.Unlock()
			if r.onFenced != nil {
				r.onFenced(err)
			}
			return
		}
	}
}

// Status is how far the copy is behind.
type Status struct {
	Lag     time.Duration // what a lost disk would take with it
	Problem string        // why it does not go on, where that is known
	Files   FilesStatus
}

// Status looks at no disk and no network.
func (r *Replica) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{Lag: max(0, time.Since(r.caught)-2*watchEvery), Files: FilesStatus{Off: true}}
	if r.files != nil {
		s.Files = r.files.status(max(r.quiet, 4*filesEvery))
	}
	if still := time.Since(r.moved); still > r.quiet {
		s.Lag = max(s.Lag, still)
	}
	if r.fenced != nil {
		s.Problem = r.fenced.Error()
	} else if s.Lag > r.quiet {
		s.Problem = cmp.Or(r.db.SyncDiagnostic().Error, "the place does not take the changes")
	}
	return s
}

// Sync returns when everything that is committed by now is in the place.
func (r *Replica) Sync(ctx context.Context) error { return r.db.SyncAndWait(ctx) }

// Place is where the copy lies.
func (r *Replica) Place() *Place { return r.place }

// Stop copies the rest and ends. The database may still be open, and nobody may go on working on it: see Start.
func (r *Replica) Stop(ctx context.Context) error {
	r.stop()
	r.done.Wait()
	_ = r.db.SyncAndWait(ctx) // note: Close alone copies nothing of a server that ends in its first moment; what fails here fails there again
	err := r.store.Close(ctx)
	if r.files != nil && !r.isFenced() {
		_ = r.files.round(ctx) // likewise: what there is no time for is sent at the next start
	}
	r.fence.release()
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("copy the last changes to %s: %w", r.place, err)
	}
	return nil
}
