package groupcommit

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// syncer waits for the disk on behalf of all jobs that have committed.
type syncer struct {
	path     string               // of the log
	datasync func(*os.File) error // fdatasync where there is one
	repair   func() error         // makes durable what datasync could not

	mu      sync.Mutex
	running bool
	waiting []chan error
	broken  error // the last fsync and its repair failed: writes fail until one of them works

	file *os.File // used by run, and by close, which runs when no job waits
	info os.FileInfo
}

// wait returns when everything committed before the call is on the disk.
func (s *syncer) wait() error {
	done := make(chan error, 1)
	s.mu.Lock()
	s.waiting = append(s.waiting, done)
	if !s.running {
		s.running = true
		go s.run()
	}
	s.mu.Unlock()
	return <-done
}

// run works as long as a job waits: jobs that arrive during an fsync share the next one.
func (s *syncer) run() {
	for {
		s.mu.Lock()
		batch := s.waiting
		s.waiting = nil
		if len(batch) == 0 {
			s.running = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		err := s.sync()
		for _, done := range batch {
			done <- err
		}
	}
}

// sync makes the log durable.
//
// NB! After a failed fsync the system may mark the lost pages as written, and a second fsync would succeed over a hole
// in the log. Only a checkpoint is safe: it writes the pages again, elsewhere. Until one has ended a file says so, for the
// next process: what it appended behind the hole would be lost with the power.
func (s *syncer) sync() error {
	err := s.syncLog()
	if s.health() == nil && err == nil {
		return nil
	}
	err = errors.Join(err, os.WriteFile(s.hole(), nil, 0o600))
	if repaired := s.repair(); repaired != nil {
		err = fmt.Errorf("groupcommit: not on the disk: %w", errors.Join(err, repaired))
		s.setHealth(err)
		return err
	}
	s.setHealth(nil)
	return s.fill()
}

// hole is the file that says that the log may have one. It need not be on the disk: without the system's memory there is no hole left.
func (s *syncer) hole() string { return strings.TrimSuffix(s.path, "-wal") + "-unsynced" }

// fill notes that the log has no hole any more.
func (s *syncer) fill() error {
	if err := os.Remove(s.hole()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (s *syncer) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func (s *syncer) setHealth(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

func (s *syncer) syncLog() error {
	if err := s.open(); err != nil {
		return err
	}
	return s.datasync(s.file)
}

// open opens the log with our own descriptor. SQLite makes a new file after the last connection was closed. note:
// closing a descriptor drops the process's POSIX locks on its file; SQLite locks the database and the -shm file, never
// the log.
func (s *syncer) open() error {
	now, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if s.file != nil && os.SameFile(now, s.info) {
		return nil
	}
	if err := s.close(); err != nil {
		return err
	}
	file, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	s.file = file
	s.info, err = file.Stat()
	return err
}

func (s *syncer) close() error {
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file, s.info = nil, nil
	return file.Close()
}
