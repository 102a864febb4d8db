package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// row is one entity that the journal keeps.
type row interface {
	key() (kind, id string)
}

// change is one upsert. A line of the journal is an array of them and is applied as a whole or not at all.
type change struct {
	Kind  string          `json:"k"`
	ID    string          `json:"id"`
	Value json.RawMessage `json:"v"`
}

const journalName = "journal.jsonl"

// journal is the file of upserts, open for appending.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

// openJournal replays dir's journal into apply, rewrites it with only what live still holds and opens it for appending.
func openJournal(dir string, apply func(change) error, live func() []row) (*journal, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	path := filepath.Join(dir, journalName)
	raw, err := readIfThere(dir, path)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	if err := replay(raw, apply); err != nil {
		return nil, fmt.Errorf("replay journal: %w", err)
	}
	if err := compact(path, live()); err != nil {
		return nil, fmt.Errorf("compact journal: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600) //nolint:gosec // the folder is the owner's own choice
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &journal{file: file}, nil
}

// replay applies every whole line. A line that is whole and yet no JSON is an error: that is no crash but damage.
func replay(raw []byte, apply func(change) error) error {
	reader := bufio.NewReader(bytes.NewReader(raw))
	for n := 1; ; n++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// note: a line without its end was torn by a crash; its change never got an answer, so it never happened
			return nil
		}
		var changes []change
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
func compact(path string, rows []row) error {
	var out bytes.Buffer
	for _, r := range rows {
		line, err := journalLine(r)
		if err != nil {
			return err
		}
		out.Write(line)
	}
	return replaceFile(path, out.Bytes())
}

// replaceFile writes a new file beside path and renames it over, so that a crash leaves the old or the new, never a half.
func replaceFile(path string, data []byte) error {
	tmp := path + ".tmp"
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the folder is the owner's own choice
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

// journalLine is all rows in one line.
func journalLine(rows ...row) ([]byte, error) {
	changes := make([]change, len(rows))
	for i, r := range rows {
		value, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		kind, id := r.key()
		changes[i] = change{Kind: kind, ID: id, Value: value}
	}
	line, err := json.Marshal(changes)
	return append(line, '\n'), err
}

// append writes all rows as one line in one write.
func (j *journal) append(rows ...row) error {
	if j == nil {
		return nil
	}
	line, err := journalLine(rows...)
	if err != nil {
		return fmt.Errorf("encode journal line: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(line); err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	return nil
}

// rewrite puts these rows in the place of all that was written.
func (j *journal) rewrite(rows []row) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	path := j.file.Name()
	if err := compact(path, rows); err != nil {
		return fmt.Errorf("rewrite journal: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the folder is the owner's own choice
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	_ = j.file.Close() // note: the old file, which has no name any more
	j.file = file
	return nil
}

// close flushes to the disk. On a nil or closed journal it does nothing.
func (j *journal) close() error {
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
