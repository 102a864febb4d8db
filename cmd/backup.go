package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"wxbase/hooks"
	"wxbase/internal/backup"
)

// NewBackupCommand makes `wxbase backup`: make, list, verify and drill. All of them may run beside the server.
func NewBackupCommand(app core.App) *cobra.Command {
	command := &cobra.Command{Use: "backup", Short: "Makes, lists and opens backups, and rehearses a restore"}
	command.AddCommand(
		&cobra.Command{
			Use: "make [NAME.zip]", Short: "Makes a backup now, and opens it", Args: cobra.MaximumNArgs(1), SilenceUsage: true,
			RunE: func(command *cobra.Command, args []string) error {
				return makeBackup(command, app, strings.Join(args, ""))
			},
		},
		newBackupListCommand(app),
		&cobra.Command{
			Use: "verify [NAME|FILE]", Short: "Opens a backup as a restore would: every checksum, both databases, the books (the newest when none is named)",
			Args: cobra.MaximumNArgs(1), SilenceUsage: true,
			RunE: func(command *cobra.Command, args []string) error {
				return verifyBackup(command, app, strings.Join(args, ""))
			},
		},
		&cobra.Command{
			Use: "drill [NAME|FILE]", Short: "Rehearses a restore: into a folder that is removed again, opened and migrated as a start would",
			Args: cobra.MaximumNArgs(1), SilenceUsage: true,
			RunE: func(command *cobra.Command, args []string) error { return drill(command, app, strings.Join(args, "")) },
		},
	)
	return command
}

func makeBackup(command *cobra.Command, app core.App, name string) error {
	if name == "" {
		name = "wxbase_backup_" + time.Now().UTC().Format("20060102150405") + ".zip"
	}
	if filepath.Base(name) != name || !strings.HasSuffix(name, ".zip") {
		return fmt.Errorf("%q: a backup has a name that ends with .zip, and no folder", name)
	}
	if err := app.CreateBackup(command.Context(), name); err != nil {
		return err
	}
	return verifyBackup(command, app, name)
}

func newBackupListCommand(app core.App) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use: "list", Short: "Lists the backups, the newest first", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			list, err := backup.List(app)
			if err != nil {
				return err
			}
			out := command.OutOrStdout()
			if asJSON {
				return json.NewEncoder(out).Encode(list)
			}
			for _, b := range list {
				if _, err := fmt.Fprintf(out, "  %-60s %10s  %s\n", b.Name, sizeOf(b.Bytes), b.At.Local().Format(time.DateTime)); err != nil {
					return err
				}
			}
			if len(list) == 0 {
				_, err = fmt.Fprintln(out, "  there is none: wxbase backup make")
			}
			return err
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print them as JSON")
	return command
}

// sizeOf writes a number of bytes for people.
func sizeOf(bytes int64) string { return humanize.Bytes(uint64(max(0, bytes))) }

// fetchBackup gives a backup as a file: the named one, or the newest.
func fetchBackup(ctx context.Context, app core.App, name string) (path string, done func(), err error) {
	if name == "" {
		list, err := backup.List(app)
		if err != nil {
			return "", nil, err
		}
		if len(list) == 0 {
			return "", nil, errors.New("there is no backup: wxbase backup make")
		}
		name = list[0].Name
	}
	return backup.Fetch(ctx, app, name)
}

func verifyBackup(command *cobra.Command, app core.App, name string) error {
	path, done, err := fetchBackup(command.Context(), app, name)
	if err != nil {
		return err
	}
	defer done()
	report, err := backup.Verify(path, backup.WorkIn(app))
	if err != nil {
		return fmt.Errorf("%s cannot be restored: %w", filepath.Base(path), err)
	}
	out := command.OutOrStdout()
	_, _ = fmt.Fprintf(out, "  %s, %s\n", filepath.Base(path), sizeOf(report.Bytes))
	for _, line := range report.Words() {
		_, _ = fmt.Fprintln(out, "  "+line)
	}
	return wrongBooks(report.Wrong)
}

// wrongBooks makes a command fail on books that do not hold.
func wrongBooks(wrong []string) error {
	if len(wrong) > 0 {
		return fmt.Errorf("the books do not hold: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// drill restores into a folder of its own, and opens it as the next start of a server would. The shop's data are not touched.
func drill(command *cobra.Command, app core.App, name string) error {
	path, done, err := fetchBackup(command.Context(), app, name)
	if err != nil {
		return err
	}
	defer done()
	work := backup.WorkIn(app)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(work, "drill-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	began := time.Now()
	r := backup.Restore{Archive: path, To: filepath.Join(dir, "pb_data"), KeysIn: app.DataDir(), Env: os.Getenv, Now: time.Now, Out: io.Discard}
	report, err := r.Run()
	if err != nil {
		return err
	}
	wrong, err := openAsAStart(r.To)
	if err != nil {
		return fmt.Errorf("the restored data do not open: %w", err)
	}
	out := command.OutOrStdout()
	_, _ = fmt.Fprintf(out, "  %s was restored, opened, brought up to date and removed again in %s\n", filepath.Base(path), time.Since(began).Round(time.Millisecond))
	for _, line := range append(report.Words(), backup.KeyWords(app.DataDir(), os.Getenv, report.KeyMark)) {
		_, _ = fmt.Fprintln(out, "  "+line)
	}
	return wrongBooks(wrong)
}

// openAsAStart brings a folder up to date, and says what does not hold in its books then.
func openAsAStart(dir string) (wrong []string, err error) {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: hooks.Connect, EncryptionEnv: encryptionEnv})
	if err := app.Bootstrap(); err != nil {
		return nil, err
	}
	defer func() {
		if closing := app.ResetBootstrapState(); err == nil {
			err = closing
		}
	}()
	if err := app.RunAllMigrations(); err != nil {
		return nil, err
	}
	return backup.Wrong(app.DB()), nil
}
