package book

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Row is one entity that the journal keeps.
type Row interface {
	// Entity returns its kind and id.
	Entity() (kind, id string)
}

// Change is one upsert. A line of the journal is an array of them and is applied as a whole or not at all.
type Change struct {
	Kind  string          `json:"k"`
	ID    string          `json:"id"`
	Value json.RawMessage `json:"v"`
}

const journalName = "journal.jsonl"

// journalSlack is how many bytes the journal may grow, besides doubling, before it is rewritten.
const journalSlack = 16 << 20

// Journal is the file of upserts, open for appending.
type Journal struct {
	mu         sync.Mutex
	file       *os.File
	size, base int64 // bytes now, and after the last rewriting
}

// OpenJournal replays dir's journal into apply, rewrites it with the rows of live and opens it for appending.
func OpenJournal(dir string, apply func(Change) error, live func() []Row) (*Journal, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	path := filepath.Join(dir, journalName)
	raw, err := ReadIfThere(dir, path)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	if err := Replay(raw, apply); err != nil {
		return nil, fmt.Errorf("replay journal: %w", err)
	}
	if err := compact(path, live()); err != nil {
		return nil, fmt.Errorf("compact journal: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600) //nolint:gosec // the owner chooses the folder
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{file: file}
	return j, j.weigh()
}

// weigh notes the file's size after a rewrite.
func (j *Journal) weigh() error {
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("weigh journal: %w", err)
	}
	j.size, j.base = info.Size(), info.Size()
	return nil
}

// Grown tells whether the file holds more than twice its size after a rewrite.
func (j *Journal) Grown() bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size > 2*j.base+journalSlack
}

// Replay applies every complete line. A complete line that is not JSON is an error: the file is damaged.
func Replay(raw []byte, apply func(Change) error) error {
	reader := bufio.NewReader(bytes.NewReader(raw))
	for n := 1; ; n++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// note: a crash cut this line; its change was never answered, so it did not happen
			return nil
		}
		var changes []Change
		if err := json.Unmarshal(line, &changes); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		for _, c := range changes {
			if err := apply(c); err != nil {
				return fmt.Errorf("line %d: %s %s: %w", n, c.Kind, c.ID, err)
			}
		}
	}
}

// compact writes the live rows as a new journal.
func compact(path string, rows []Row) error {
	var out bytes.Buffer
	for _, r := range rows {
		line, err := Line(r)
		if err != nil {
			return err
		}
		out.Write(line)
	}
	return ReplaceFile(path, out.Bytes())
}

// ReplaceFile writes a new file beside path and renames it, so that a crash leaves the old file or the new one.
func ReplaceFile(path string, data []byte) error {
	tmp := path + ".tmp"
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the owner chooses the folder
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// Line encodes all rows in one line.
func Line(rows ...Row) ([]byte, error) {
	changes := make([]Change, len(rows))
	for i, r := range rows {
		value, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		kind, id := r.Entity()
		changes[i] = Change{Kind: kind, ID: id, Value: value}
	}
	line, err := json.Marshal(changes)
	return append(line, '\n'), err
}

// Append writes all rows as one line in one write.
func (j *Journal) Append(rows ...Row) error {
	if j == nil {
		return nil
	}
	line, err := Line(rows...)
	if err != nil {
		return fmt.Errorf("encode journal line: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(line); err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	j.size += int64(len(line))
	return nil
}

// Rewrite replaces the journal by these rows.
func (j *Journal) Rewrite(rows []Row) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	path := j.file.Name()
	if err := compact(path, rows); err != nil {
		return fmt.Errorf("rewrite journal: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the owner chooses the folder
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	_ = j.file.Close() // note: the old file, whose name is gone
	j.file = file
	return j.weigh()
}

// Close flushes to the disk. On a nil or closed journal it does nothing.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := errors.Join(j.file.Sync(), j.file.Close()); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}

// ReadIfThere returns nil for a missing file, or without a folder.
func ReadIfThere(dir, path string) ([]byte, error) {
	if dir == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the owner chooses the folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}
