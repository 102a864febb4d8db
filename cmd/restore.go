package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"wxbase/hooks"
	"wxbase/internal/backup"
	"wxbase/internal/folder"
	"wxbase/internal/replica"
)

// encryptionEnv names the variable with the key of PocketBase's own settings, as main.go does.
const encryptionEnv = "PB_ENCRYPTION_KEY"

// NewRestoreCommand makes `wxbase restore`. dir is the data folder when --to does not say so.
func NewRestoreCommand(dir func() string) *cobra.Command {
	var to, at string
	command := &cobra.Command{
		Use: "restore FILE|NAME", Short: "Puts a backup, or the shop as it was at a moment, into a data folder; its server must be stopped",
		Long: `Puts a backup into the data folder, or into a new one, and says what it has done. The server must be stopped.

FILE is a backup on this machine, NAME one of those that wxbase backup list shows. It is opened first: one that is damaged, cut short or
of a newer version changes nothing. What was there is put aside on the same disk (` + backup.Before + `…), not deleted. storage/ may be
a disk of its own or a link. The keys in the folder stay.

  wxbase restore wxbase_backup_20261128190000.zip
  wxbase restore /mnt/backups/monday.zip --to /srv/looked-at

With --at the database and the files come from the replica (` + replica.EnvPlace + `) as they were at that moment of this machine's
time, into a new folder.

  wxbase restore --at "2026-11-28 10:00" --to /srv/saturday
  wxbase restore --at newest --to /srv/now`,
		Args: cobra.MaximumNArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			if at != "" {
				return restoreMoment(command, at, to, len(args) > 0)
			}
			if len(args) == 0 {
				return errors.New("name the backup: a file, or one that `wxbase backup list` shows")
			}
			path, done, err := findBackup(command, dir(), args[0])
			if err != nil {
				return err
			}
			defer done()
			target := dir()
			if to != "" {
				target = to
			}
			_, err = backup.Restore{Archive: path, To: target, Env: os.Getenv, Now: time.Now, Out: command.OutOrStdout()}.Run()
			return err
		},
	}
	command.Flags().StringVar(&at, "at", "", `the moment, such as "2026-11-28 10:00", or newest: from the replica, into the new folder --to`)
	command.Flags().StringVar(&to, "to", "", "folder to restore into; made when it is not there (the data folder when empty)")
	return command
}

// findBackup finds a backup beside a data folder that may be damaged: only for one in a bucket its settings have to be read.
func findBackup(command *cobra.Command, dir, name string) (path string, done func(), err error) {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: hooks.Connect, EncryptionEnv: encryptionEnv})
	path, done, err = backup.Fetch(command.Context(), app, name)
	if err == nil {
		return path, done, nil
	}
	if _, missing := os.Stat(filepath.Join(dir, "data.db")); missing != nil {
		return "", nil, err
	}
	if broken := app.Bootstrap(); broken != nil {
		return "", nil, fmt.Errorf("%w; and the settings of a bucket cannot be read: %w", err, broken)
	}
	defer func() { _ = app.ResetBootstrapState() }()
	return backup.Fetch(command.Context(), app, name)
}

// restoreMoment brings the database of the replica as it was at a moment into a new folder.
func restoreMoment(command *cobra.Command, at, to string, named bool) error {
	place, err := replica.Parse(os.Getenv)
	if err != nil {
		return err
	}
	switch {
	case named:
		return errors.New("--at restores from the replica: name no backup beside it")
	case place == nil:
		return errors.New("--at restores from the replica: say where it is in " + replica.EnvPlace)
	case to == "":
		return errors.New("--at restores into a new folder: name it by --to")
	}
	if _, err := os.Stat(filepath.Join(to, "data.db")); err == nil {
		return fmt.Errorf("there is a shop in %s: name a new folder", to)
	}
	moment, err := readMoment(at)
	if err != nil {
		return err
	}
	lock, err := folder.Take(to)
	if err != nil {
		return err
	}
	defer lock.Release()
	report, found, err := backup.FromReplica(command.Context(), place, to, moment, time.Now)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("the replica %s is empty", place)
	}
	out := command.OutOrStdout()
	_, _ = fmt.Fprintf(out, "  restored from %s into %s\n", place, to)
	for _, line := range append(report.Words(), backup.KeyWords(to, os.Getenv, report.KeyMark)) {
		_, _ = fmt.Fprintln(out, "  "+line)
	}
	_, err = fmt.Fprintln(out, "  NB! a server on this folder with the same "+replica.EnvPlace+" goes on from there, and replaces what came later")
	return err
}

// readMoment reads a moment as people write it, in this machine's time zone.
func readMoment(text string) (time.Time, error) {
	if text == "newest" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no moment: want 2026-11-28 10:00, or newest", text)
}
