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
)

// encryptionEnv names the variable with the key of PocketBase's own settings, as main.go does.
const encryptionEnv = "PB_ENCRYPTION_KEY"

// NewRestoreCommand makes `wxbase restore`. dir is the data folder when --to does not say so.
func NewRestoreCommand(dir func() string) *cobra.Command {
	var to string
	command := &cobra.Command{
		Use: "restore FILE|NAME", Short: "Puts a backup into the data folder, or into a new one; the server must be stopped",
		Long: `Puts a backup into the data folder, or into a new one, and says what it has done. The server must be stopped.

FILE is a backup on this machine, NAME one of those that wxbase backup list shows. It is opened first: one that is damaged, cut short or
of a newer version changes nothing. What was there is put aside on the same disk (` + backup.Before + `…), not deleted. storage/ may be
a disk of its own or a link. The keys in the folder stay.

  wxbase restore wxbase_backup_20261128190000.zip
  wxbase restore /mnt/backups/monday.zip --to /srv/looked-at`,
		Args: cobra.MaximumNArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
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
