package cmd

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"wxbase/internal/replica"
	"wxbase/internal/standby"
	"wxbase/internal/supervisor"
)

// NewStandbyCommand makes `wxbase standby` and `wxbase standby promote`.
func NewStandbyCommand(dir func() string) *cobra.Command {
	command := &cobra.Command{
		Use: "standby", Short: "Follows the replica of another server, to be put in its place", Args: cobra.NoArgs, SilenceUsage: true,
		Long: `Keeps a copy of a shop as new as its replica (` + replica.EnvPlace + `), a second or two behind, on another machine. It serves nothing.

  wxbase standby --dir /srv/shop/pb_data              follows until it is stopped
  wxbase standby promote --dir /srv/shop/pb_data      makes the copy the shop; then: wxbase serve --dir /srv/shop/pb_data

Promoting is for a person to decide: stop the old server first, or be sure that its machine is off. The replica remembers who has taken over:
the old server does not start again on its folder, and one that still runs and reaches the replica ends. One that does not reach
it cannot know.`,
		RunE: func(command *cobra.Command, _ []string) error {
			s, err := newStandby(command, dir())
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			var told *supervisor.Told
			s.Ready = func() {
				told = supervisor.Ready(func(context.Context) bool { return true }, slog.New(slog.NewTextHandler(command.ErrOrStderr(), nil)))
			}
			slog.SetDefault(slog.New(slog.DiscardHandler)) // note: Litestream's, a line for every second; what matters is said by the standby itself
			err = s.Follow(ctx)
			told.Stopping()
			return err
		},
	}
	command.AddCommand(newPromoteCommand(dir))
	return command
}

func newPromoteCommand(dir func() string) *cobra.Command {
	var force bool
	command := &cobra.Command{
		Use: "promote", Short: "Makes the copy the shop; the standby must be stopped, and the old server too", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			s, err := newStandby(command, dir())
			if err != nil {
				return err
			}
			slog.SetDefault(slog.New(slog.DiscardHandler))
			return s.Promote(command.Context(), force)
		},
	}
	command.Flags().BoolVar(&force, "force", false, "take the replica from a server that is at work: it notices within seconds, and ends")
	return command
}

func newStandby(command *cobra.Command, dir string) (standby.Standby, error) {
	place, err := replica.Parse(os.Getenv)
	if err == nil && place == nil {
		err = errors.New("a standby follows a replica: say where it is in " + replica.EnvPlace)
	}
	return standby.Standby{Place: place, Dir: dir, Env: os.Getenv, Now: time.Now, Out: command.OutOrStdout()}, err
}
