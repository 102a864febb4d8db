package folder

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

// RefuseNewer fails on a data folder that a newer program has changed: this one would write rows without the fields that it does not
// know. The table of applied migrations tells; migrations in JavaScript are the owner's, who may take them away.
func RefuseNewer(app core.App) error {
	if !app.HasTable(core.DefaultMigrationsTable) {
		return nil // a new folder
	}
	var applied []string
	if err := app.DB().Select("file").From(core.DefaultMigrationsTable).OrderBy("file").Column(&applied); err != nil {
		return fmt.Errorf("read applied migrations: %w", err)
	}
	var unknown []string
	for _, file := range applied {
		if filepath.Ext(file) == ".go" && !knowsMigration(file) {
			unknown = append(unknown, file)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("the data folder %s was used by a newer version, which made changes unknown to this one (%s): "+
		"start the newer version again, or restore a backup that this version made; if the migrations were taken away on purpose, "+
		"run `migrate history-sync` first", app.DataDir(), strings.Join(unknown[:min(len(unknown), 3)], ", "))
}

func knowsMigration(file string) bool {
	return slices.ContainsFunc([]core.MigrationsList{core.SystemMigrations, core.AppMigrations}, func(list core.MigrationsList) bool {
		return slices.ContainsFunc(list.Items(), func(m *core.Migration) bool { return m.File == file })
	})
}

// Guard is what a command needs before it may touch the data folder: serve holds it alone, and only migrate opens one
// of a newer version. Help is not a command and works anywhere.
func Guard(app core.App, command string) error {
	if command == "serve" {
		l, err := Take(app.DataDir())
		if err != nil {
			return err
		}
		app.Store().Set(lockKey, l)
	}
	if command == "migrate" || command == "" {
		return nil
	}
	app.OnBootstrap().BindFunc(func(e *core.BootstrapEvent) error {
		if err := e.Next(); err != nil {
			return err
		}
		return RefuseNewer(e.App)
	})
	return nil
}
