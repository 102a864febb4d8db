// Package update replaces a shop's executable by a newer one, for `wxbase update`: it checks the new one, keeps a copy
// of the data, and returns to the old executable and data when the new one does not start.
package update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"wxbase/internal/folder"
)

// Before is the folder in the data folder where the databases lie as they were before the last update.
const Before = ".before-update"

// Service is what runs the executable.
type Service interface {
	// Stop returns when it has ended.
	Stop(ctx context.Context) error
	// Start returns when it serves, or fails with why it does not.
	Start(ctx context.Context) error
}

// Plan is an update.
type Plan struct {
	From       string // an archive of a release (.tar.gz, .zip), or an executable
	SHA256     string // of From, in hex; when empty a file SHA256SUMS beside it has to name it
	Executable string // that is replaced
	Data       string // folder
	Service    Service
	Out        io.Writer
}

// Run updates. When it fails, the old executable is in its place, on the data as they were before, and serves again; the error says so where that
// did not work either.
func (p Plan) Run(ctx context.Context) error {
	if err := checkSum(p.From, p.SHA256); err != nil {
		return err
	}
	fresh, err := unpack(p.From, filepath.Dir(p.Executable))
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(fresh) }() // note: after the swap there is nothing to remove
	version, err := versionOf(ctx, fresh)
	if err != nil {
		return fmt.Errorf("the new executable does not run here: %w", err)
	}
	if err := p.Service.Stop(ctx); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	if err := p.keep(); err != nil {
		return errors.Join(fmt.Errorf("nothing was changed: %w", err), p.Service.Start(ctx))
	}
	if err := swap(p.Executable, fresh); err != nil {
		return errors.Join(fmt.Errorf("nothing was changed: %w", err), p.Service.Start(ctx))
	}
	if err := p.Service.Start(ctx); err != nil {
		return p.goBack(ctx, version, err)
	}
	_, err = fmt.Fprintf(p.Out, "%s serves. The executable before it is %s, the databases before it are in %s.\n",
		version, old(p.Executable), filepath.Join(p.Data, Before))
	return err
}

// keep copies the databases while the server is stopped.
func (p Plan) keep() error {
	lock, err := folder.Take(p.Data)
	if err != nil {
		return err
	}
	defer lock.Release()
	kept := filepath.Join(p.Data, Before)
	if err := os.RemoveAll(kept); err != nil {
		return err
	}
	if err := os.MkdirAll(kept, 0o700); err != nil {
		return err
	}
	return errors.Join(copyDatabases(p.Data, kept), folder.GiveToOwner(p.Data))
}

// goBack puts everything where it was.
func (p Plan) goBack(ctx context.Context, version string, cause error) error {
	failed := fmt.Errorf("%s did not start: %w", version, cause)
	if err := p.Service.Stop(ctx); err != nil {
		return errors.Join(failed, fmt.Errorf("and could not be stopped: %w", err))
	}
	if err := errors.Join(os.Rename(old(p.Executable), p.Executable), p.putBack()); err != nil {
		return errors.Join(failed, fmt.Errorf("and could not be taken back: %w; the databases before it are in %s", err, filepath.Join(p.Data, Before)))
	}
	if err := p.Service.Start(ctx); err != nil {
		return errors.Join(failed, fmt.Errorf("and the old one, on the old data, does not start either: %w", err))
	}
	return fmt.Errorf("%w (the old one serves again, on the data as they were)", failed)
}

// putBack makes the databases those that were kept.
func (p Plan) putBack() error {
	lock, err := folder.Take(p.Data)
	if err != nil {
		return err
	}
	defer lock.Release()
	return errors.Join(copyDatabases(filepath.Join(p.Data, Before), p.Data), folder.GiveToOwner(p.Data))
}

// copyDatabases copies the databases of a folder, with the logs that belong to them: a log that is left beside another database destroys it.
func copyDatabases(from, to string) error {
	for _, name := range []string{"data.db", "auxiliary.db"} {
		for _, end := range []string{"", "-wal", "-shm"} {
			target := filepath.Join(to, name+end)
			err := copyFile(filepath.Join(from, name+end), target)
			if errors.Is(err, os.ErrNotExist) {
				err = os.Remove(target)
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // our own data folder
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // our own data folder
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// old is where the executable lies that was replaced.
func old(executable string) string { return executable + ".old" }

// swap replaces an executable. One that runs may be renamed on every system, and overwritten on none.
func swap(executable, fresh string) error {
	if err := os.Rename(executable, old(executable)); err != nil {
		return err
	}
	if err := os.Rename(fresh, executable); err != nil {
		return errors.Join(err, os.Rename(old(executable), executable))
	}
	return nil
}

// versionOf asks an executable who it is.
func versionOf(ctx context.Context, executable string) (string, error) {
	said, err := exec.CommandContext(ctx, executable, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(string(said)))
	}
	version := strings.TrimSpace(string(said))
	if !strings.HasPrefix(version, "wxbase ") {
		return "", fmt.Errorf("it says %q, which is not wxbase", version)
	}
	return version, nil
}
