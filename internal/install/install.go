// Package install puts wxbase on a machine with systemd, as `wxbase install` does: executable, user, folder, settings, unit, first superuser.
// Every step looks first, so that a second run changes only what differs, and never a setting or a password that is there.
package install

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"wxbase/packaging"
)

// Where things lie, as the unit says.
const (
	Executable = "/usr/local/bin/wxbase"
	Home       = "/var/lib/wxbase"
	Data       = Home + "/pb_data"
	Settings   = "/etc/wxbase/wxbase.env"
	UnitFile   = "/etc/systemd/system/wxbase.service"
	Account    = "wxbase"
)

// Machine is what differs between a machine that runs and a tree that becomes one (an image).
type Machine interface {
	// AddUser makes the system's user and its group, unless they are there.
	AddUser(name, home string) error
	// Own gives a file or folder, and what lies in it, to a user.
	Own(path, name string) error
	// Start makes systemd read the unit, start it now and with the machine. It returns when the server says that it listens.
	Start(unit string) error
}

// Plan is what to install.
type Plan struct {
	Root    string // below which everything goes: "" is this machine
	Source  string // the executable that is copied
	Domain  string // of the shop: the server gets its own certificate and listens at 80 and 443
	HTTP    string // else where it listens, behind a proxy
	Origin  string // https origin of the shop behind a proxy (WXBASE_PUBLIC_URL); with Domain it is known
	Email   string // of the first superuser; none is made without
	Machine Machine
	Out     io.Writer
	// AddSuperuser makes the first superuser in a data folder, and tells whether there was none.
	AddSuperuser func(dir, email, password string) (isNew bool, err error)
}

// Run carries a plan out. Completed steps stay after an error, and the next run continues from there.
func (p Plan) Run() error {
	if err := p.check(); err != nil {
		return err
	}
	steps := []struct {
		name string
		do   func() (done string, err error)
	}{
		{"executable", p.copyExecutable},
		{"user", p.addUser},
		{"folder", p.makeFolder},
		{"settings", p.writeSettings},
		{"superuser", p.addSuperuser},
		{"unit", p.writeUnit},
		{"service", p.start},
	}
	for _, step := range steps {
		done, err := step.do()
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if _, err := fmt.Fprintf(p.Out, "  %-11s %s\n", step.name, done); err != nil {
			return err
		}
	}
	return p.sayWhatIsNext()
}

func (p Plan) check() error {
	if (p.Domain == "") == (p.HTTP == "") {
		return errors.New("say where the server listens: --domain shop.example.com for a certificate of its own, or --http 127.0.0.1:8090 behind a proxy")
	}
	if p.Domain != "" && (strings.ContainsAny(p.Domain, "/: \t\"'$\\") || !strings.Contains(p.Domain, ".")) {
		return fmt.Errorf("--domain is a name alone, such as shop.example.com; got %q", p.Domain)
	}
	if p.HTTP != "" {
		if _, _, err := net.SplitHostPort(p.HTTP); err != nil || strings.ContainsAny(p.HTTP, " \t\"'$\\") {
			return fmt.Errorf("--http is an address and a port, such as 127.0.0.1:8090; got %q", p.HTTP)
		}
	}
	if p.Origin != "" {
		u, err := url.Parse(p.Origin)
		if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(p.Origin, " \t\"'$\\") {
			return fmt.Errorf("--origin is https and a name, such as https://shop.example.com; got %q", p.Origin)
		}
	}
	return nil
}

func (p Plan) path(of string) string { return filepath.Join(p.Root, filepath.FromSlash(of)) }

// copyExecutable replaces the file in one step: a server that runs keeps the one that it began with.
func (p Plan) copyExecutable() (string, error) {
	fresh, err := os.ReadFile(p.Source)
	if err != nil {
		return "", err
	}
	target := p.path(Executable)
	if old, err := os.ReadFile(target); err == nil && bytes.Equal(old, fresh) { //nolint:gosec // our own path
		return Executable + " is this one", nil
	}
	return Executable, writeFile(target, fresh, 0o755)
}

func (p Plan) addUser() (string, error) { return Account, p.Machine.AddUser(Account, Home) }

func (p Plan) makeFolder() (string, error) {
	for _, folder := range []string{Home, Data} {
		if err := os.MkdirAll(p.path(folder), 0o700); err != nil {
			return "", err
		}
	}
	return Data, p.Machine.Own(p.path(Home), Account)
}

// writeSettings begins a file of settings, with a key for the stored secrets. One that is there is the owner's.
func (p Plan) writeSettings() (string, error) {
	target := p.path(Settings)
	if _, err := os.Stat(target); err == nil {
		return Settings + " is left as it is", nil
	}
	serve, origin := "--http "+p.HTTP, p.Origin
	if p.Domain != "" {
		serve, origin = p.Domain, cmp.Or(p.Origin, "https://"+p.Domain)
	}
	text := fmt.Sprintf(`# Settings of wxbase, read at its start: systemctl restart wxbase. docs/configuration.md has them all.

# where it listens: a domain (its own certificate, ports 80 and 443), or --http ADDRESS behind a proxy
WXBASE_SERVE=%s

# the https origin under which WeChat reaches it
%sWXBASE_PUBLIC_URL=%s

# the key of the stored secrets. NB! keep a copy elsewhere: a backup of the data cannot be used without it
WXBASE_SECRET_KEY=%s
`, serve, map[bool]string{true: "#"}[origin == ""], origin, rand.Text()+rand.Text())
	return Settings + " (keep a copy of its WXBASE_SECRET_KEY elsewhere)", writeFile(target, []byte(text), 0o600)
}

func (p Plan) addSuperuser() (string, error) {
	if p.Email == "" {
		return "none asked for (--email)", nil
	}
	password := strings.ToLower(rand.Text()[:16])
	isNew, err := p.AddSuperuser(p.path(Data), p.Email, password)
	switch {
	case err != nil:
		return "", err
	case !isNew:
		return "there is one already", nil
	}
	return fmt.Sprintf("%s with password %s (shown this once; change it in the dashboard)", p.Email, password), p.Machine.Own(p.path(Home), Account)
}

func (p Plan) writeUnit() (string, error) {
	target := p.path(UnitFile)
	if old, err := os.ReadFile(target); err == nil && string(old) == packaging.Unit { //nolint:gosec // our own path
		return UnitFile + " is this one", nil
	}
	return UnitFile, writeFile(target, []byte(packaging.Unit), 0o644)
}

func (p Plan) start() (string, error) {
	if p.Root != "" {
		return "not started, since --root is no machine that runs", nil
	}
	return "started, and starts with the machine", p.Machine.Start(filepath.Base(UnitFile))
}

func (p Plan) sayWhatIsNext() error {
	lines := []string{"", "Next:"}
	if p.Domain != "" {
		lines = append(lines,
			"  1. let 80 and 443 in, here (ufw allow 80,443/tcp; firewall-cmd --permanent --add-service=http --add-service=https) and in the cloud's security group",
			"  2. open https://"+p.Domain+"/shop/ and log in")
	} else {
		lines = append(lines,
			"  1. lead the proxy to http://"+p.HTTP+" (packaging/ has one for nginx and one for Caddy), and let only 443 in",
			"  2. open "+cmp.Or(p.Origin, "your https address")+"/shop/ and log in")
	}
	lines = append(lines, "  3. wxbase doctor --dir "+Data+" says what is still missing", "")
	_, err := fmt.Fprintln(p.Out, strings.Join(lines, "\n"))
	return err
}

// writeFile writes a file so that it is there whole or not at all.
func writeFile(target string, text []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // system's folders
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".wxbase-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // note: after the renaming there is nothing to remove
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}
