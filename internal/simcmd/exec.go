package simcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// execCommand runs a command with its own simulator, which starts before it and ends after it.
func execCommand() *cobra.Command {
	var f serverFlags
	command := &cobra.Command{
		Use: "exec [flags] -- COMMAND [ARGUMENTS]", Short: "Runs a command with a simulator of its own and its credentials in the environment",
		Example: "  wxbase sim exec -- npm test", Args: cobra.MinimumNArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			err := runBeside(command, args, f)
			var child *exec.ExitError
			if errors.As(err, &child) && child.ExitCode() > 0 {
				os.Exit(child.ExitCode()) // note: the command has said itself what is wrong
			}
			return err
		},
	}
	f.bind(command)
	if err := command.Flags().Set("http", "127.0.0.1:0"); err == nil { // any free port, so that runs do not meet
		command.Flags().Lookup("http").DefValue = "127.0.0.1:0"
	}
	return command
}

// runBeside gives the command's own exit code, in an *exec.ExitError.
func runBeside(command *cobra.Command, args []string, f serverFlags) (err error) {
	ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	opts, err := f.options()
	if err != nil {
		return err
	}
	s, err := start(ctx, f.addr, f.tlsAddr, opts...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	given := variables(s.wechat.Config())
	if f.proxyAddr != "" {
		more, done, err := f.proxyBeside(ctx, s)
		if err != nil {
			return err
		}
		defer done()
		given = append(given, more...)
	}
	child := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // what the user asks for
	child.Stdin, child.Stdout, child.Stderr = command.InOrStdin(), command.OutOrStdout(), command.ErrOrStderr()
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = 10 * time.Second
	child.Env = os.Environ()
	for _, v := range given {
		child.Env = append(child.Env, v.name+"="+v.value)
	}
	if err := child.Run(); err != nil {
		return fmt.Errorf("run %s: %w", args[0], err)
	}
	return nil
}

// proxyBeside starts the proxy for as long as the command runs, with an authority that is gone after it.
func (f serverFlags) proxyBeside(ctx context.Context, s *server) (list []variable, done func(), err error) {
	dir, err := os.MkdirTemp("", "wxbase-proxy-")
	if err != nil {
		return nil, nil, fmt.Errorf("make folder for the proxy: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	done = func() {
		stop()
		_ = os.RemoveAll(dir)
	}
	p, err := listenProxy(ctx, f.proxyAddr, dir, s.wechat.Handler(), false)
	if err != nil {
		done()
		return nil, nil, err
	}
	return p.variables(), done, nil
}
