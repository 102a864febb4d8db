package install_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxbase/internal/install"
	"wxbase/packaging"
)

// machine notes what it is asked for.
type machine struct {
	asked []string
	fails string // the call that fails
}

func (m *machine) do(what string) error {
	m.asked = append(m.asked, what)
	if m.fails == what {
		return errors.New("no")
	}
	return nil
}

func (m *machine) AddUser(name, _ string) error { return m.do("user " + name) }
func (m *machine) Own(path, name string) error {
	return m.do("own " + filepath.Base(path) + " " + name)
}
func (m *machine) Start(unit string) error { return m.do("start " + unit) }

// kit is a tree, and a plan for it.
type kit struct {
	*testing.T
	plan     install.Plan
	machine  *machine
	said     *bytes.Buffer
	password string   // of the superuser that was made
	backups  []string // folders that one was asked for
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{T: t, machine: &machine{}, said: &bytes.Buffer{}}
	k.plan = install.Plan{
		Root: t.TempDir(), Source: filepath.Join(t.TempDir(), "wxbase"), HTTP: "127.0.0.1:8090", Origin: "https://shop.example.com", Email: "boss@example.com",
		Machine: k.machine, Out: k.said,
		AddSuperuser: func(_, _, password string) (bool, error) {
			isNew := k.password == ""
			if isNew {
				k.password = password
			}
			return isNew, nil
		},
		Backup: func(_ context.Context, dir string) (string, error) {
			k.backups = append(k.backups, dir)
			return "first.zip", nil
		},
	}
	if err := os.WriteFile(k.plan.Source, []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kit) run() {
	k.Helper()
	if err := k.plan.Run(); err != nil {
		k.Fatal(err)
	}
}

func (k *kit) read(path string) string {
	k.Helper()
	text, err := os.ReadFile(filepath.Join(k.plan.Root, path))
	if err != nil {
		k.Fatal(err)
	}
	return string(text)
}

func (k *kit) wantMode(path string, want fs.FileMode) {
	k.Helper()
	info, err := os.Stat(filepath.Join(k.plan.Root, path))
	if err != nil {
		k.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		k.Errorf("%s: got mode %v, want %v", path, got, want)
	}
}

func TestInstall(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.run()
	if got := k.read(install.Executable); got != "program" {
		t.Errorf("executable: got %q", got)
	}
	if got := k.read(install.UnitFile); got != packaging.Unit {
		t.Errorf("unit: got %q", got)
	}
	settings := k.read(install.Settings)
	for _, want := range []string{"\nWXBASE_SERVE=--http 127.0.0.1:8090\n", "\nWXBASE_PUBLIC_URL=https://shop.example.com\n", "\nWXBASE_SECRET_KEY="} {
		if !strings.Contains(settings, want) {
			t.Errorf("settings lack %q:\n%s", want, settings)
		}
	}
	k.wantMode(install.Executable, 0o755)
	k.wantMode(install.Settings, 0o600)
	k.wantMode(install.Data, 0o700)
	if want := []string{"user wxbase", "own wxbase wxbase", "own wxbase wxbase", "own wxbase wxbase"}; !slices.Equal(k.machine.asked, want) {
		t.Errorf("asked for %v, want %v", k.machine.asked, want)
	}
	_, key, _ := strings.Cut(settings, "WXBASE_SECRET_KEY=")
	if key = strings.TrimSpace(key); len(key) < 32 || strings.Contains(k.said.String(), key) {
		t.Errorf("a key of %d letters, which must not be printed", len(key))
	}
	if want := []string{filepath.Join(k.plan.Root, install.Data)}; !slices.Equal(k.backups, want) || !strings.Contains(k.said.String(), "first.zip") {
		t.Errorf("backups of %v, want %v and the name told", k.backups, want)
	}
	if len(k.password) < 12 || !strings.Contains(k.said.String(), k.password) {
		t.Error("the password is not told")
	}
}

func TestInstallAgainKeepsWhatIsTheOwners(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.run()
	settings, password := k.read(install.Settings), k.password
	if err := os.WriteFile(k.plan.Source, []byte("newer"), 0o700); err != nil {
		t.Fatal(err)
	}
	k.said.Reset()
	k.plan.HTTP, k.plan.Domain = "", "other.example.com"
	k.run()
	if got := k.read(install.Settings); got != settings {
		t.Errorf("settings were changed to %s", got)
	}
	if k.password != password || strings.Contains(k.said.String(), "password") {
		t.Errorf("told of a password again: %s", k.said)
	}
	if got := k.read(install.Executable); got != "newer" {
		t.Errorf("executable: got %q, want the newer one", got)
	}
}

func TestInstallWithADomain(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.plan.HTTP, k.plan.Origin, k.plan.Domain = "", "", "shop.example.com"
	k.run()
	settings := k.read(install.Settings)
	if !strings.Contains(settings, "\nWXBASE_SERVE=shop.example.com\n") || !strings.Contains(settings, "\nWXBASE_PUBLIC_URL=https://shop.example.com\n") {
		t.Errorf("got %s", settings)
	}
}

func TestInstallRefuses(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name                 string
		domain, http, origin string
		want                 string
	}{
		{"no address", "", "", "", "--domain"},
		{"two addresses", "shop.example.com", "127.0.0.1:8090", "", "--domain"},
		{"a URL as domain", "https://shop.example.com", "", "", "a name alone"},
		{"a domain with a second word", "shop.example.com --dev", "", "", "a name alone"},
		{"no domain", "shop", "", "", "a name alone"},
		{"no port", "", "127.0.0.1", "", "an address and a port"},
		{"a second flag", "", "127.0.0.1:80 --dev", "", "an address and a port"},
		{"an origin without TLS", "", "127.0.0.1:8090", "http://shop.example.com", "https and a name"},
		{"an origin with a path", "", "127.0.0.1:8090", "https://shop.example.com/a", "https and a name"},
		{"an origin of two lines", "", "127.0.0.1:8090", "https://shop.example.com\nX=1", "https and a name"},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.plan.Domain, k.plan.HTTP, k.plan.Origin = sc.domain, sc.http, sc.origin
			if err := k.plan.Run(); err == nil || !strings.Contains(err.Error(), sc.want) {
				t.Errorf("got %v, want %q", err, sc.want)
			}
			if left, err := os.ReadDir(k.plan.Root); err != nil || len(left) > 0 {
				t.Errorf("made %v %v, want nothing", left, err)
			}
		})
	}
}

// a step that fails is named, and the next run goes on there
func TestInstallGoesOn(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.machine.fails = "user wxbase"
	if err := k.plan.Run(); err == nil || !strings.Contains(err.Error(), "user: no") {
		t.Fatalf("got %v", err)
	}
	k.machine.fails = ""
	k.run()
	if !strings.Contains(k.said.String(), install.Executable+" is this one") {
		t.Errorf("got %s", k.said)
	}
}
