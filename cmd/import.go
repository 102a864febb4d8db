package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"wxbase/internal/folder"
	"wxbase/internal/moving"
)

// importOptions are the flags that all imports share.
type importOptions struct {
	dryRun, noBackup, skipFiles, asJSON bool
	appID, files                        string
}

// NewImportCommand makes `wxbase import`: the data of other services. The server must be stopped, a backup is made first, and a second run
// changes nothing.
func NewImportCommand(app core.App) *cobra.Command {
	var o importOptions
	command := &cobra.Command{Use: "import", Short: "Brings the data of LeanCloud, CloudBase, another PocketBase or the article's shop here"}
	flags := command.PersistentFlags()
	flags.BoolVar(&o.dryRun, "dry-run", false, "show the plan and write nothing")
	flags.BoolVar(&o.noBackup, "no-backup", false, "make no backup first")
	flags.BoolVar(&o.skipFiles, "skip-files", false, "bring rows only; a later run brings the files")
	flags.BoolVar(&o.asJSON, "json", false, "print the plan or the report as JSON")
	flags.StringVar(&o.appID, "wechat-app-id", "", "mini program that the openids belong to; not needed where there is one")
	command.AddCommand(newLeanCloudCommand(app, &o), newCloudBaseCommand(app, &o), newArticleCommand(app, &o), newPocketBaseCommand(app, &o))
	return command
}

func newLeanCloudCommand(app core.App, o *importOptions) *cobra.Command {
	var scan moving.Scan
	var keep string
	var classes []string
	command := &cobra.Command{
		Use:   "leancloud [FILE|FOLDER]",
		Short: "Imports an export of LeanCloud (JSON, JSONL, BSON), or a running app by its REST API",
		Long: `Imports an export of LeanCloud: CLASS.json, CLASS.jsonl or CLASS.bson, each perhaps with .gz.
With --app-id it reads the running app instead, into the folder --keep, and imports that.
The master key is taken from WXBASE_LEANCLOUD_MASTER_KEY, so that it is in no list of processes.`,
		Args: cobra.MaximumNArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			path := strings.Join(args, "")
			if (path == "") == (scan.AppID == "") {
				return errors.New("name the file or folder of the export, or the app by --app-id")
			}
			if scan.AppID != "" {
				if path = keep; path == "" {
					path = "leancloud-" + scan.AppID
				}
				if err := download(command, scan, path, classes); err != nil {
					return err
				}
			}
			export, err := moving.OpenFolder(path)
			if err != nil {
				return err
			}
			return runImport(command, app, moving.LeanCloud{Folder: export}, o)
		},
	}
	flags := command.Flags()
	flags.StringVar(&scan.AppID, "app-id", "", "AppID of the LeanCloud app to read")
	flags.StringVar(&scan.MasterKey, "master-key", "", "its master key (WXBASE_LEANCLOUD_MASTER_KEY is safer)")
	flags.StringVar(&scan.Base, "base-url", "", "address of its API, such as https://api.example.com")
	flags.StringVar(&keep, "keep", "", "folder for what is read (leancloud-APPID when empty)")
	flags.StringSliceVar(&classes, "classes", nil, "classes to read; all when empty")
	return command
}

func download(command *cobra.Command, scan moving.Scan, dir string, classes []string) error {
	if scan.MasterKey == "" {
		scan.MasterKey = os.Getenv("WXBASE_LEANCLOUD_MASTER_KEY")
	}
	if scan.MasterKey == "" || scan.Base == "" {
		return errors.New("--app-id needs --base-url, the address of the app's API, and the master key in WXBASE_LEANCLOUD_MASTER_KEY")
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(command.ErrOrStderr()), progressbar.OptionClearOnFinish())
	defer func() { _ = bar.Finish() }()
	return scan.Download(command.Context(), dir, classes, func(class string, rows int) {
		bar.Describe("reading " + class)
		_ = bar.Set(rows)
	})
}

func newCloudBaseCommand(app core.App, o *importOptions) *cobra.Command {
	command := &cobra.Command{
		Use: "cloudbase FILE|FOLDER", Short: "Imports collections that the console of 云开发 exported as JSON", Args: cobra.ExactArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			export, err := moving.OpenFolder(args[0])
			if err != nil {
				return err
			}
			return runImport(command, app, moving.CloudBase{Folder: export}, o)
		},
	}
	command.Flags().StringVar(&o.files, "files", "", "folder that CloudBase's storage was downloaded to")
	return command
}

func newArticleCommand(app core.App, o *importOptions) *cobra.Command {
	return &cobra.Command{
		Use: "article DUMP.sql|FOLDER", Short: "Imports the article's shop: a mysqldump, or a folder of CSV files", Args: cobra.ExactArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			tables, err := openTables(args[0])
			if err != nil {
				return err
			}
			return runImport(command, app, moving.Article{Tables: tables}, o)
		},
	}
}

func openTables(path string) (moving.Tables, error) {
	if strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".sql") {
		return moving.OpenDump(path)
	}
	return moving.OpenFolder(path)
}

func runImport(command *cobra.Command, app core.App, source moving.Source, o *importOptions) error {
	release, err := openForImport(app)
	if err != nil {
		return err
	}
	defer release()
	appID, err := moving.AppIDOf(app, o.appID)
	if err != nil {
		return err
	}
	plan, err := moving.MakePlan(app, source, appID)
	if err != nil {
		return err
	}
	if o.dryRun {
		return show(command, o, plan, func() { plan.Write(command.OutOrStdout()) })
	}
	backup, err := backupFirst(command, app, o)
	if err != nil {
		return err
	}
	step, finish := importBar(command, o)
	defer finish()
	mover := moving.Mover{App: app, Source: source, Plan: plan, Step: step, Files: moving.FileOptions{Skip: o.skipFiles, Folder: o.files}}
	report, err := mover.Run(command.Context())
	if err != nil {
		return fmt.Errorf("%w (run the same command again: it goes on where it stopped)", err)
	}
	finish()
	report.Backup = backup
	return show(command, o, report, func() { report.Write(command.OutOrStdout()) })
}

// openForImport takes the data folder, so that no server works on it meanwhile, and brings it up to date.
func openForImport(app core.App) (release func(), err error) {
	lock, err := folder.Take(app.DataDir())
	if err != nil {
		return nil, err
	}
	if err := app.RunAllMigrations(); err != nil {
		lock.Release()
		return nil, fmt.Errorf("bring the data folder up to date: %w", err)
	}
	return lock.Release, nil
}

func backupFirst(command *cobra.Command, app core.App, o *importOptions) (name string, err error) {
	if o.noBackup {
		return "", nil
	}
	name = "before_import_" + time.Now().UTC().Format("20060102150405") + ".zip"
	if err := app.CreateBackup(command.Context(), name); err != nil {
		return "", fmt.Errorf("make a backup first: %w (--no-backup goes on without)", err)
	}
	return name, nil
}

func importBar(command *cobra.Command, o *importOptions) (step func(done, all int), finish func()) {
	if o.asJSON {
		return nil, func() {}
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(command.ErrOrStderr()), progressbar.OptionSetDescription("importing"), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionClearOnFinish())
	return func(done, all int) {
		bar.ChangeMax(all)
		_ = bar.Set(done)
	}, func() { _ = bar.Finish() }
}

func show(command *cobra.Command, o *importOptions, v any, text func()) error {
	if !o.asJSON {
		text()
		return nil
	}
	encoder := json.NewEncoder(command.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
