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

// KeyFile is the name of the key file in the data folder. Backups leave it out.
const KeyFile = "wxbase.key"

// OpenVault makes the vault from WXBASE_SECRET_KEY, or else from the key file in dir, which it makes (mode 0600) where there is
// none. fromFile tells which; with the file, whoever copies the whole data folder copies the key with it.
func OpenVault(dir string, env func(string) string) (v *Vault, fromFile bool, err error) {
	if key := env("WXBASE_SECRET_KEY"); key != "" {
		if len(key) < 32 {
			return nil, false, errors.New("WXBASE_SECRET_KEY must have at least 32 characters")
		}
		v, err = NewVault([]byte(key))
		return v, false, err
	}
	material, err := readKeyFile(filepath.Join(dir, KeyFile))
	if err != nil {
		return nil, true, err
	}
	v, err = NewVault(material)
	return v, true, err
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

// makeKeyFile never overwrites: of two processes that start at once, one makes the file and the other reads it.
func makeKeyFile(path string) ([]byte, error) {
	material := make([]byte, 32)
	if _, err := rand.Read(material); err != nil {
		return nil, fmt.Errorf("read random: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), KeyFile+".*")
	if err != nil {
		return nil, fmt.Errorf("make key file: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(hex.EncodeToString(material) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, fmt.Errorf("write key file: %w", err)
	}
	if err := os.Link(tmp.Name(), path); err != nil {
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
