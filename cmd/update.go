package cmd

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"wxbase/internal/install"
	"wxbase/internal/update"
)

// NewUpdateCommand makes `wxbase update`. dir is where the data lie when no flag and no installation says so.
func NewUpdateCommand(dir func() string) *cobra.Command {
	var plan update.Plan
	var unit string
	var wait time.Duration
	command := &cobra.Command{
		Use: "update", Short: "Puts a newer executable in the place of the one that serves, and goes back when it does not start",
		Long: `Puts a newer executable in the place of the one that serves, and goes back when it does not start.

The archive is checked by the release's SHA256SUMS beside it, or by --sha256. The server is stopped, its databases are copied
(pb_data/` + update.Before + `), the executable is replaced, and the server started. When it does not serve, the old executable and
the old databases are put back and started.

On a machine where wxbase install was run, systemd stops and starts. Elsewhere stop the server first; the new one is tried on a
free port and stopped again, and you start it as you do: with the same settings in the environment.`,
		Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			if plan.From == "" {
				return errors.New("--from FILE says what to update to")
			}
			if plan.Executable == "" {
				if plan.Executable, err = os.Executable(); err != nil {
					return err
				}
			}
			if plan.Executable, err = filepath.EvalSymlinks(plan.Executable); err != nil {
				return err
			}
			plan.Data, plan.Out = dir(), command.OutOrStdout()
			if unit == "" && isInstalled(plan.Executable) {
				unit = filepath.Base(install.UnitFile)
			}
			if unit != "" {
				plan.Service = update.Unit(unit)
				if flag := command.Flags().Lookup("dir"); flag == nil || !flag.Changed {
					plan.Data = install.Data
				}
			} else {
				plan.Service = update.Trial{Executable: plan.Executable, Data: plan.Data, Wait: wait}
			}
			signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM) // note: an update that has begun ends by itself, forwards or back
			return plan.Run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&plan.From, "from", "", "archive of a release, or an executable")
	flags.StringVar(&plan.SHA256, "sha256", "", "its SHA-256 in hex (that of SHA256SUMS beside it when empty)")
	flags.StringVar(&plan.Executable, "executable", "", "the one to replace (this one when empty)")
	flags.StringVar(&unit, "unit", "", "unit of systemd that runs it (wxbase.service where wxbase install was run)")
	flags.DurationVar(&wait, "wait", 10*time.Minute, "how long the new one may take to serve, without systemd")
	return command
}

// isInstalled tells whether this is the executable of an installation on a machine that runs systemd.
func isInstalled(executable string) bool {
	_, running := os.Stat("/run/systemd/system")
	_, unit := os.Stat(install.UnitFile)
	return executable == install.Executable && running == nil && unit == nil
}
