package replica

// The files of storage/, copied to the place beside the database. PocketBase gives every file a name of its own and never writes it again, so a file that is
// there under its name and size is the same. What is deleted here stays in the place as long as a restore can go back to a moment when it was there.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	filesEvery  = 30 * time.Second
	filesAtOnce = 4
	// suspicious is how many files have to be gone at once, all of them, to be a disk that is not mounted and no wish.
	suspicious = 10
)

// mirror copies the files of a folder.
type mirror struct {
	from   string
	to     shelf
	keep   time.Duration
	wanted func() bool // false while the files lie in a bucket anyway
	now    func() time.Time

	known map[string]int64     // in the place; nil until it was listed
	gone  map[string]time.Time // deleted here, and not yet there

	mu      sync.Mutex
	whole   time.Time // when the copy was last complete
	problem error     // of the last round
	off     bool
}

// round makes the place hold what is here.
func (m *mirror) round(ctx context.Context) error {
	wanted := m.wanted()
	m.mu.Lock()
	m.off = !wanted
	m.mu.Unlock()
	if !wanted {
		return nil
	}
	began := m.now()
	err := m.copyAll(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.problem = err; err == nil {
		m.whole = began
	}
	return err
}

func (m *mirror) copyAll(ctx context.Context) error {
	if err := m.open(ctx); err != nil {
		return err
	}
	here, err := walkOwn(ctx, m.from)
	if err != nil {
		return fmt.Errorf("look into %s: %w", filepath.Base(m.from), err)
	}
	if len(here) == 0 && len(m.known)-len(m.gone) >= suspicious {
		return fmt.Errorf("%s is empty, and %d files are in the replica: is its disk there? Nothing was deleted", m.from, len(m.known)-len(m.gone))
	}
	if err := m.send(ctx, here); err != nil {
		return err
	}
	return m.bury(ctx, here)
}

// open reads what is in the place, once.
func (m *mirror) open(ctx context.Context) error {
	if m.known != nil {
		return nil
	}
	if b, ok := m.to.(bucketShelf); ok {
		if err := b.mark(ctx); err != nil {
			return fmt.Errorf("write to the replica's files: %w", err)
		}
	}
	known, err := m.to.list(ctx)
	if err != nil {
		return fmt.Errorf("list the replica's files: %w", err)
	}
	if m.gone, err = readGone(ctx, m.to); err != nil {
		return err
	}
	m.known = known
	return nil
}

func readGone(ctx context.Context, s shelf) (map[string]time.Time, error) {
	gone := map[string]time.Time{}
	text, err := s.readNote(ctx, filesNote)
	if err == nil && text != nil {
		err = json.Unmarshal(text, &gone)
	}
	if err != nil {
		return nil, fmt.Errorf("read the replica's list of deleted files: %w", err)
	}
	// NB! who writes to the place writes this list: a name that leads out of it would delete files of this machine
	maps.DeleteFunc(gone, func(name string, _ time.Time) bool { return !filepath.IsLocal(filepath.FromSlash(name)) })
	return gone, nil
}

// send copies what is new. One that vanishes meanwhile was deleted.
func (m *mirror) send(ctx context.Context, here map[string]int64) error {
	fresh := map[string]int64{}
	for name, size := range here {
		if there, ok := m.known[name]; !ok || there != size {
			fresh[name] = size
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(filesAtOnce)
	var mu sync.Mutex // of known
	for name, size := range fresh {
		group.Go(func() error {
			err := m.to.put(ctx, filepath.Join(m.from, filepath.FromSlash(name)), name)
			if errors.Is(err, os.ErrNotExist) && ctx.Err() == nil {
				if _, gone := os.Stat(filepath.Join(m.from, filepath.FromSlash(name))); gone != nil {
					return nil
				}
			}
			if err != nil {
				return fmt.Errorf("copy %s to the replica: %w", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			m.known[name] = size
			return nil
		})
	}
	return group.Wait()
}

// bury notes what was deleted here, and deletes there what was noted long ago.
func (m *mirror) bury(ctx context.Context, here map[string]int64) error {
	changed := false
	for name := range m.known {
		_, isHere := here[name]
		_, noted := m.gone[name]
		switch {
		case isHere && noted:
			delete(m.gone, name)
			changed = true
		case !isHere && !noted:
			m.gone[name] = m.now().UTC()
			changed = true
		}
	}
	for name, at := range m.gone {
		if m.now().Sub(at) <= m.keep {
			continue
		}
		if err := m.to.remove(ctx, name); err != nil {
			return fmt.Errorf("delete %s from the replica: %w", name, err)
		}
		delete(m.known, name)
		delete(m.gone, name)
		changed = true
	}
	if !changed {
		return nil
	}
	text, err := json.Marshal(m.gone)
	if err == nil {
		err = m.to.writeNote(ctx, filesNote, text)
	}
	if err != nil {
		m.known = nil // note: what is there is read again
		return fmt.Errorf("note deleted files in the replica: %w", err)
	}
	return nil
}

// keepUp goes on until the context ends. A folder with very many files is walked more rarely.
func (m *mirror) keepUp(ctx context.Context, every time.Duration, fenced func() bool, log *slog.Logger) {
	for ctx.Err() == nil && !fenced() {
		began := time.Now()
		before := m.status(0).Problem
		if err := m.round(ctx); err != nil && ctx.Err() == nil && before == "" {
			log.Warn("files are not copied to the replica", "error", err.Error())
		}
		if pause(ctx, max(every, 20*time.Since(began))) != nil {
			return
		}
	}
}

// FilesStatus is how far the copy of the files is behind.
type FilesStatus struct {
	Off     bool // the files lie in a bucket anyway
	Lag     time.Duration
	Problem string // why it does not go on, once that has lasted
}

func (m *mirror) status(quiet time.Duration) FilesStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := FilesStatus{Off: m.off}
	if m.off {
		return s
	}
	s.Lag = max(0, m.now().Sub(m.whole))
	if m.problem != nil && s.Lag > quiet {
		s.Problem = m.problem.Error()
	}
	return s
}

// RestoreFiles brings the files as they were at a moment, or as they are, into a folder. Those that are there already stay. With exact, what
// was deleted by then is deleted here too.
func (p *Place) RestoreFiles(ctx context.Context, to string, at time.Time, exact bool) (n int, err error) {
	from := p.shelf()
	there, err := from.list(ctx)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil // a place that was never written to
	}
	if err != nil {
		return 0, fmt.Errorf("list the replica's files: %w", err)
	}
	gone, err := readGone(ctx, from)
	if err != nil {
		return 0, err
	}
	here, err := walkFiles(ctx, to)
	if err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(filesAtOnce)
	for name, size := range there {
		if deleted, ok := gone[name]; ok && (at.IsZero() || deleted.Before(at)) || !filepath.IsLocal(filepath.FromSlash(name)) {
			delete(there, name)
			continue
		}
		if have, ok := here[name]; ok && have == size {
			continue
		}
		n++
		group.Go(func() error {
			if err := from.get(ctx, name, filepath.Join(to, filepath.FromSlash(name))); err != nil {
				return fmt.Errorf("fetch %s from the replica: %w", name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil || !exact || len(there) == 0 && len(here) >= suspicious {
		return n, err
	}
	for name := range here {
		if _, ok := there[name]; !ok {
			if err := removeIfThere(filepath.Join(to, filepath.FromSlash(name))); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// CountFiles counts what a mirror of a folder would hold.
func CountFiles(dir string) (int, error) {
	found, err := walkFiles(context.Background(), dir)
	return len(found), err
}
