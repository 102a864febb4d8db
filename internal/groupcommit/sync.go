package groupcommit

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// syncer waits for the disk on behalf of everybody who has committed.
type syncer struct {
	path     string               // of the log
	datasync func(*os.File) error // fdatasync where there is one
	repair   func() error         // makes durable what datasync could not

	mu      sync.Mutex
	running bool
	waiting []chan error
	broken  error // the last fsync failed, and so did the repair: nothing more is written until one of them works

	file *os.File // of the goroutine that runs, or of close, which runs when nobody waits
	info os.FileInfo
}

// wait returns when everything that was committed before the call is on the disk.
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

// run works as long as somebody waits: those who come during an fsync share the next one.
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
// NB! After a failed fsync the system may take the lost pages for written, and a second fsync would succeed over a hole in the log. So
// the only way on is a checkpoint, which writes the pages again, elsewhere.
func (s *syncer) sync() error {
	err := s.syncLog()
	if s.health() == nil && err == nil {
		return nil
	}
	if repaired := s.repair(); repaired != nil {
		err = fmt.Errorf("groupcommit: not on the disk: %w", errors.Join(err, repaired))
		s.setHealth(err)
		return err
	}
	s.setHealth(nil)
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

// open holds the log open by a descriptor of our own. SQLite makes the file anew when the last connection was closed in between.
// note: to close a descriptor drops the process' POSIX locks on its file, and SQLite locks the database and the -shm file, never the log.
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
