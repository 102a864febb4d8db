package settings

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// KeyFile is the name of the key file in the data folder, RetiredKeyFile that of the keys before it, the latest first. Backups leave both
// out.
const (
	KeyFile        = "wxbase.key"
	RetiredKeyFile = "wxbase.key.old"
)

// OpenVault makes the vault from WXBASE_SECRET_KEY, or else from the key file in dir, which it makes (mode 0600) if it
// is missing. fromFile tells which; with the file, a copy of the whole data folder includes the key. Older keys open
// too: that of the key file once there is a WXBASE_SECRET_KEY, the retired ones, and WXBASE_SECRET_KEY_OLD.
func OpenVault(dir string, env func(string) string) (v *Vault, fromFile bool, err error) {
	material, fromFile, err := currentKey(dir, env)
	if err != nil {
		return nil, fromFile, err
	}
	if v, err = NewVault(material); err != nil {
		return nil, fromFile, err
	}
	older, err := olderKeys(dir, env)
	if err != nil {
		return nil, fromFile, err
	}
	return v, fromFile, v.alsoOpens(older...)
}

func currentKey(dir string, env func(string) string) (material []byte, fromFile bool, err error) {
	if key := env("WXBASE_SECRET_KEY"); key != "" {
		if len(key) < 32 {
			return nil, false, errors.New("WXBASE_SECRET_KEY must have at least 32 characters")
		}
		return []byte(key), false, nil
	}
	material, err = readKeyFile(filepath.Join(dir, KeyFile))
	return material, true, err
}

// olderKeys are all keys that may have sealed what is stored.
//
// note: a damaged key of before is passed over; what it had sealed is reported by Reseal.
func olderKeys(dir string, env func(string) string) ([][]byte, error) {
	var keys [][]byte
	for _, name := range []string{"WXBASE_SECRET_KEY", "WXBASE_SECRET_KEY_OLD"} {
		key := env(name)
		if key == "" {
			continue
		}
		if len(key) < 32 {
			return nil, fmt.Errorf("%s must have at least 32 characters", name)
		}
		keys = append(keys, []byte(key))
		// the text of a key file is another key than the file itself, but a person who moves the file may mean it
		keys = append(keys, parseKeys(key)...)
	}
	for _, name := range []string{KeyFile, RetiredKeyFile} {
		raw, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // the path is our own data folder's
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read key file: %w", err)
		}
		keys = append(keys, parseKeys(string(raw))...)
	}
	return keys, nil
}

// parseKeys reads the keys of a key file, one a line.
func parseKeys(text string) (keys [][]byte) {
	for line := range strings.FieldsSeq(text) {
		if material, err := hex.DecodeString(line); err == nil && len(material) == 32 {
			keys = append(keys, material)
		}
	}
	return keys
}

// renewKeyFile puts a new key into the key file, and the one before among the retired.
func renewKeyFile(dir string) error {
	if err := retireKey(dir); err != nil {
		return err
	}
	material, err := newKey()
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, KeyFile), hex.EncodeToString(material)+"\n")
}

// retireKeyFile moves the key in the key file among the retired ones, once another key is in force.
//
// NB! no key is ever lost: a kill in between leaves it in both files.
func retireKeyFile(dir string) error {
	if err := retireKey(dir); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, KeyFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("retire key file: %w", err)
	}
	return syncFolder(dir)
}

// retireKey writes the key in the key file as the first of the retired ones.
func retireKey(dir string) error {
	current, err := os.ReadFile(filepath.Join(dir, KeyFile)) //nolint:gosec // the path is our own data folder's
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read key file: %w", err)
	}
	retired, err := os.ReadFile(filepath.Join(dir, RetiredKeyFile)) //nolint:gosec // likewise
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read key file: %w", err)
	}
	key := strings.TrimSpace(string(current))
	if strings.Contains(string(retired), key) {
		return nil
	}
	return replaceFile(filepath.Join(dir, RetiredKeyFile), key+"\n"+string(retired))
}

// replaceFile puts text in the place of a file in one step that a power cut cannot halve.
func replaceFile(path, text string) error {
	tmp, err := writeBeside(path, text)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp) }()
	if err := errors.Join(os.Rename(tmp, path), syncFolder(filepath.Dir(path))); err != nil {
		return fmt.Errorf("place key file: %w", err)
	}
	return nil
}

// writeBeside writes text to a new file in the folder of path, for the owner alone, and gives its name.
func writeBeside(path, text string) (string, error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), KeyFile+".*")
	if err != nil {
		return "", fmt.Errorf("make key file: %w", err)
	}
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return tmp.Name(), fmt.Errorf("write key file: %w", err)
	}
	return tmp.Name(), nil
}

func readKeyFile(path string) ([]byte, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the path is our own data folder's
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	material, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(material) != 32 {
		return nil, fmt.Errorf("key file %s is damaged: want 64 hex digits", path)
	}
	return material, nil
}

func newKey() ([]byte, error) {
	material := make([]byte, 32)
	if _, err := rand.Read(material); err != nil {
		return nil, fmt.Errorf("read random: %w", err)
	}
	return material, nil
}

// makeKeyFile never overwrites: of two processes that start at once, one makes the file and the other reads it.
func makeKeyFile(path string) ([]byte, error) {
	material, err := newKey()
	if err != nil {
		return nil, err
	}
	tmp, err := writeBeside(path, hex.EncodeToString(material)+"\n")
	defer func() { _ = os.Remove(tmp) }()
	if err != nil {
		return nil, err
	}
	if err := os.Link(tmp, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return readKeyFile(path)
		}
		return nil, fmt.Errorf("place key file: %w", err)
	}
	// NB! the name must outlive a power cut: what is sealed from here on opens with no other key
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("place key file: %w", err)
	}
	return material, nil
}

// syncFolder makes new names in dir durable.
// note: Windows cannot open a folder for that, and needs it not.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir) //nolint:gosec // the path is our own data folder's
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
