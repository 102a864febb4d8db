package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
)

// Tree is a machine that does not run: an image, or a test's folder. It adds no user and starts nothing.
type Tree struct{}

// AddUser does nothing: the builder of the image adds the user (useradd --system).
func (Tree) AddUser(string, string) error { return nil }

// Own does nothing.
func (Tree) Own(string, string) error { return nil }

// Start does nothing.
func (Tree) Start(string) error { return nil }

// Host is this machine. It wants root.
type Host struct{}

// NewHost makes sure that this machine can be installed on.
func NewHost() (Host, error) {
	if os.Geteuid() != 0 {
		return Host{}, errors.New("root is needed: sudo wxbase install …")
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return Host{}, errors.New("systemd does not run here: use the Dockerfile of packaging/, or --root for an image")
	}
	return Host{}, nil
}

// AddUser makes a user without a login.
func (Host) AddUser(name, home string) error {
	if _, err := user.Lookup(name); err == nil {
		return nil
	}
	return run("useradd", "--system", "--user-group", "--home-dir", home, "--no-create-home", "--shell", "/usr/sbin/nologin", name)
}

// Own changes the owner of a tree. Links are changed, not followed.
func (Host) Own(path, name string) error {
	owner, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(owner.Gid)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(path) // note: the folder's owner can put a link there while we look
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(at, uid, gid)
	})
}

// Start starts the unit, anew if it runs.
func (Host) Start(unit string) error {
	for _, args := range [][]string{{"daemon-reload"}, {"enable", unit}, {"restart", unit}} {
		if err := run("systemctl", args...); err != nil {
			return fmt.Errorf("%w (journalctl -u %s says more)", err, unit)
		}
	}
	return nil
}

func run(name string, args ...string) error {
	said, err := exec.Command(name, args...).CombinedOutput() //nolint:gosec,noctx // the system's own programs, with our words
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(said)))
	}
	return nil
}
