package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"wxbase/hooks"
	"wxbase/internal/backup"
	"wxbase/internal/install"
)

// NewInstallCommand makes `wxbase install`.
func NewInstallCommand() *cobra.Command {
	plan := install.Plan{AddSuperuser: addFirstSuperuser, Backup: firstBackup}
	command := &cobra.Command{
		Use: "install", Short: "Installs this executable as a service of systemd: user, folder, settings, unit, first superuser (Linux, root)",
		Long: `Installs this executable as a service of systemd.

It copies itself to ` + install.Executable + `, makes the user ` + install.Account + `, the folder ` + install.Data + `, the settings
` + install.Settings + ` with a key for the stored secrets, the first superuser, a first backup, and the unit ` + install.UnitFile + `, and
starts it. A second run changes what differs, and no setting and no password that is there.

  wxbase install --domain shop.example.com --email me@example.com      a certificate of its own, ports 80 and 443
  wxbase install --http 127.0.0.1:8090 --origin https://shop.example.com --email me@example.com      behind a proxy`,
		Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			plan.Out, plan.Machine = command.OutOrStdout(), install.Machine(install.Tree{})
			if plan.Root == "" {
				if plan.Machine, err = install.NewHost(); err != nil {
					return err
				}
			}
			if plan.Source, err = os.Executable(); err != nil {
				return err
			}
			return plan.Run()
		},
	}
	flags := command.Flags()
	flags.StringVar(&plan.Domain, "domain", "", "of the shop; the server gets its own certificate")
	flags.StringVar(&plan.HTTP, "http", "", "or where it listens behind a proxy, such as 127.0.0.1:8090")
	flags.StringVar(&plan.Origin, "origin", "", "https address of the shop, behind a proxy")
	flags.StringVar(&plan.Email, "email", "", "of the first superuser, whose password is printed")
	flags.StringVar(&plan.Root, "root", "", "install below this folder, for an image: no user is made and nothing is started")
	return command
}

// addFirstSuperuser makes a superuser in a folder that has none, and the folder's database where there is none.
func addFirstSuperuser(dir, email, password string) (isNew bool, err error) {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: hooks.Connect})
	if err := app.Bootstrap(); err != nil {
		return false, err
	}
	defer func() {
		if closing := app.ResetBootstrapState(); err == nil {
			err = closing
		}
	}()
	if err := app.RunAllMigrations(); err != nil {
		return false, err
	}
	there, err := app.CountRecords(core.CollectionNameSuperusers, dbx.Not(dbx.HashExp{"email": core.DefaultInstallerEmail}))
	if err != nil || there > 0 {
		return false, err
	}
	c, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		return false, err
	}
	boss := core.NewRecord(c)
	boss.SetEmail(email)
	boss.SetPassword(password)
	if err := app.Save(boss); err != nil {
		return false, fmt.Errorf("make superuser %s: %w", email, err)
	}
	return true, nil
}

// firstBackup makes a backup of a folder that has none, and opens it. It may run beside a server.
func firstBackup(ctx context.Context, dir string) (name string, err error) {
	if _, err := os.Stat(filepath.Join(dir, "data.db")); err != nil {
		return "", nil // there is nothing to back up yet
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: hooks.Connect, EncryptionEnv: encryptionEnv})
	backup.Bind(app)
	if err := app.Bootstrap(); err != nil {
		return "", err
	}
	defer func() {
		if closing := app.ResetBootstrapState(); err == nil {
			err = closing
		}
	}()
	there, err := backup.List(app)
	if err != nil {
		return "", err
	}
	if len(there) > 0 {
		return there[0].Name, nil
	}
	name = "first.zip"
	return name, app.CreateBackup(ctx, name)
}
