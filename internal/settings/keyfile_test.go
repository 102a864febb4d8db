package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"wxbase/internal/settings"
)

// TestKeyFileIsMadeOnce lets 20 processes start at once, in several folders, so that the unlucky order comes up.
func TestKeyFileIsMadeOnce(t *testing.T) {
	t.Parallel()
	for range 10 {
		dir := t.TempDir()
		vaults := openAtOnce(t, dir, 20)
		for i, v := range vaults {
			if v == nil || v.Mask("x") != vaults[0].Mask("x") {
				t.Fatalf("vault %d has another key than vault 0", i)
			}
		}
		checkKeyFile(t, dir)
	}
}

func openAtOnce(t *testing.T, dir string, n int) []*settings.Vault {
	t.Helper()
	vaults := make([]*settings.Vault, n)
	start, wg := make(chan struct{}), sync.WaitGroup{}
	for i := range vaults {
		wg.Go(func() {
			<-start
			v, fromFile, err := settings.OpenVault(dir, environ(nil))
			if err != nil || !fromFile {
				t.Errorf("open: got file=%v, %v", fromFile, err)
				return
			}
			vaults[i] = v
		})
	}
	close(start)
	wg.Wait()
	return vaults
}

// checkKeyFile wants the key file alone in dir, readable by its owner only.
func checkKeyFile(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != settings.KeyFile {
		t.Fatalf("folder: got %v, %v, want %s alone", files, err, settings.KeyFile)
	}
	info, err := files[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
}

func TestKeyFileDamaged(t *testing.T) {
	t.Parallel()
	scenarios := map[string]string{
		"empty": "", "not hex": strings.Repeat("z", 64), "too short": strings.Repeat("ab", 16), "too long": strings.Repeat("ab", 33),
	}
	for name, content := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, settings.KeyFile)
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := settings.OpenVault(dir, environ(nil))
			if err == nil {
				t.Fatal("got no error")
			}
			if content != "" && strings.Contains(err.Error(), content) {
				t.Errorf("error %q shows the key", err)
			}
			if after, _ := os.ReadFile(path); string(after) != content {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func TestSecretKeyFromEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	short := strings.Repeat("k", 31)
	_, _, err := settings.OpenVault(dir, environ(map[string]string{"WXBASE_SECRET_KEY": short}))
	if err == nil || strings.Contains(err.Error(), short) {
		t.Errorf("31 characters: got %v, want an error without the key", err)
	}
	v, fromFile, err := settings.OpenVault(dir, environ(map[string]string{"WXBASE_SECRET_KEY": short + "k"}))
	if err != nil || fromFile || v == nil {
		t.Errorf("32 characters: got file=%v, %v", fromFile, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("got %v in the folder, want no key file when the environment has the key", files)
	}
}
