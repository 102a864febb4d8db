// Package standby is a second machine that follows a shop's replica and can be put in the place of its server within seconds. It serves nothing until
// somebody says so.
//
// The words: to *follow* is to keep a copy of the database and the files as new as the replica; to *promote* is to make the copy the shop.
package standby

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/sync/errgroup"

	"wxbase/internal/backup"
	"wxbase/internal/folder"
	"wxbase/internal/replica"
)

const (
	// Folder is where the copy of the database lies in the data folder, so that nobody takes it for the shop.
	Folder   = ".standby"
	dataFile = "data.db"

	followEvery = time.Second
	filesEvery  = 30 * time.Second
	lookEvery   = 15 * time.Second
	catchUpIn   = 2 * time.Minute
)

// Standby follows a place into a data folder.
type Standby struct {
	Place *replica.Place
	Dir   string
	Env   func(string) string
	Now   func() time.Time
	Out   io.Writer
	Ready func() // called once the copy is there; may be nil

	Every time.Duration // how often it looks for changes; a second when zero
}

// Refuse fails for a data folder in which a standby follows, and which is not promoted.
func Refuse(dir string) error {
	if !folder.Exists(filepath.Join(dir, Folder)) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, dataFile)); err == nil {
		return nil
	}
	return fmt.Errorf("in %s a standby follows another server: `wxbase standby promote` puts it in that one's place", dir)
}

func (s Standby) path() string { return filepath.Join(s.Dir, Folder, dataFile) }

func (s Standby) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Out, "  standby: "+format+"\n", args...)
}

// open makes sure that this folder may follow, and that nobody else is at work on it.
func (s Standby) open() (*folder.Lock, error) {
	if err := s.Place.CheckApart(s.Dir); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(s.Dir, dataFile)); err == nil {
		return nil, fmt.Errorf("there is a shop in %s: name a new folder by --dir, or move its data.db away", s.Dir)
	}
	lock, err := folder.Take(s.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(s.Dir, Folder), 0o700); err != nil {
		lock.Release()
		return nil, err
	}
	return lock, nil
}

// Follow goes on until the context ends. What does not answer for a while is waited for.
func (s Standby) Follow(ctx context.Context) error {
	lock, err := s.open()
	if err != nil {
		return err
	}
	defer lock.Release()
	s.say("follows %s into %s", s.Place, s.Dir)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { s.followData(ctx); return nil })
	group.Go(func() error { s.followFiles(ctx); return nil })
	group.Go(func() error { s.watch(ctx); return nil })
	return group.Wait()
}

func (s Standby) every() time.Duration {
	if s.Every > 0 {
		return s.Every
	}
	return followEvery
}

func (s Standby) followData(ctx context.Context) {
	said := ""
	for ctx.Err() == nil {
		err := s.Place.Follow(ctx, s.path(), s.every())
		if err != nil && err.Error() != said {
			said = err.Error()
			s.say("warning: %s", said)
		}
		pause(ctx, 5*s.every())
	}
}

func (s Standby) followFiles(ctx context.Context) {
	said := ""
	for ctx.Err() == nil {
		began := time.Now()
		_, err := s.Place.RestoreFiles(ctx, s.files(), time.Time{}, true)
		switch {
		case err != nil && ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			s.say("warning: %s", said)
		case err == nil && said != "":
			said = ""
			s.say("the files follow again")
		}
		pause(ctx, max(min(filesEvery, 30*s.every()), 20*time.Since(began)))
	}
}

func (s Standby) files() string { return filepath.Join(s.Dir, core.LocalStorageDirName) }

// watch says when the copy is there, when it falls behind, and when it has caught up.
func (s Standby) watch(ctx context.Context) {
	follows, late := false, 0
	for ctx.Err() == nil {
		behind, err := s.Place.Followed(ctx, s.path())
		_, missing := os.Stat(s.path())
		isThere := err == nil && missing == nil && behind <= 0
		switch {
		case isThere && !follows:
			follows, late = true, 0
			s.say("as new as the replica")
			if s.Ready != nil {
				s.Ready()
				s.Ready = nil
			}
		case isThere:
			late = 0
		default:
			if late++; late == 4 {
				follows = false
				s.say("warning: behind for a minute: %d transactions, %v", behind, err)
			}
		}
		if follows {
			pause(ctx, min(lookEvery, 15*s.every()))
		} else {
			pause(ctx, s.every())
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Promote makes the copy the shop: the next `wxbase serve` on this folder goes on where the other server has ended. That one must be silent, unless force
// says that it is to give way.
func (s Standby) Promote(ctx context.Context, force bool) (err error) {
	if _, err := os.Stat(filepath.Join(s.Dir, Folder)); err != nil {
		return fmt.Errorf("no standby follows in %s: run `wxbase standby` first, or restore", s.Dir)
	}
	lock, err := s.open()
	if err != nil {
		return fmt.Errorf("%w (a standby that runs has to be stopped first)", err)
	}
	defer lock.Release()
	if _, err := s.Place.Claim(ctx, s.Dir, s.every()*5, force); err != nil {
		if errors.Is(err, replica.ErrHeld) {
			return fmt.Errorf("the server that is to be replaced is at work: stop it first; where that cannot be done, --force lets it notice, and end: %w", err)
		}
		return err
	}
	s.say("this folder owns the replica now; the other server is refused from here on")
	late, stop := context.WithTimeout(ctx, catchUpIn)
	defer stop()
	if err := s.Place.CatchUp(late, s.path()); err != nil {
		return fmt.Errorf("catch up with the replica: %w; run the same command again", err)
	}
	if _, err := s.Place.RestoreFiles(ctx, s.files(), time.Time{}, true); err != nil {
		return fmt.Errorf("%w; run the same command again", err)
	}
	report, err := backup.Adopt(s.Dir, filepath.Join(s.Dir, Folder), "replica "+s.Place.String(), s.Now)
	if err != nil {
		return err
	}
	for _, line := range append(report.Words(), backup.KeyWords(s.Dir, s.Env, report.KeyMark)) {
		s.say("%s", line)
	}
	s.say("start the server: wxbase serve --dir %s", s.Dir)
	return os.RemoveAll(filepath.Join(s.Dir, Folder))
}
