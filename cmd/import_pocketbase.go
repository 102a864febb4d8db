package cmd

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"wxbase/internal/moving"
)

func newPocketBaseCommand(app core.App, o *importOptions) *cobra.Command {
	return &cobra.Command{
		Use: "pocketbase FOLDER", Short: "Imports the data folder of a PocketBase that is stopped", Args: cobra.ExactArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			release, err := openForImport(app)
			if err != nil {
				return err
			}
			defer release()
			other, err := moving.OpenPocketBase(args[0])
			if err != nil {
				return err
			}
			defer other.Close()
			plan, err := other.Plan(app)
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
			report, err := other.Move(command.Context(), app, plan, o.skipFiles)
			if err != nil {
				return err
			}
			report.Backup = backup
			return show(command, o, report, func() { report.Write(command.OutOrStdout()) })
		},
	}
}
