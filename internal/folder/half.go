package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// RestoringFile lies in a data folder while a restore moves its contents. One that is left behind says that the contents are halves of two.
const RestoringFile = ".wxbase.restoring"

// RefuseHalf refuses a folder in which a restore was interrupted: without its database a server would begin a new shop.
func RefuseHalf(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, RestoringFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("a restore into %s was interrupted: run `wxbase restore` again, which first puts back what was there", dir)
}

// WriteNote writes a small note of ours into a data folder, whole or not at all.
func WriteNote(dir, name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // note: after the renaming there is nothing to remove
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}

// ReadNote reads one; ok is false when there is none.
func ReadNote(dir, name string, v any) (ok bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // our own data folder
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(text, v)
}
