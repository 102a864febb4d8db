package hooks

import (
	"context"
	"fmt"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// NewSimCommand makes `wxbase sim`: the simulated WeChat alone, for any other backend or SDK to develop against. dataDir is asked when the
// command runs; the state lies in its subfolder sim.
func NewSimCommand(dataDir func() string) *cobra.Command {
	var addr string
	command := &cobra.Command{
		Use:          "sim",
		Short:        "Runs the simulated WeChat alone, for any backend to develop against",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return runSim(ctx, command, filepath.Join(dataDir(), simFolder), addr)
		},
	}
	command.Flags().StringVar(&addr, "http", "127.0.0.1:8091", "where the simulator listens")
	return command
}

func runSim(ctx context.Context, command *cobra.Command, dir, addr string) error {
	open, _ := command.Flags().GetBool("simOpen") // note: a flag of the root; an embedder may have none
	s, err := listenSim(ctx, dir, addr, open, time.Now)
	if err != nil {
		return err
	}
	config := s.wechat.Config()
	_, _ = fmt.Fprintf(command.OutOrStdout(), `
  模拟微信  Simulated WeChat   %s
  面板      Panel              %s/_sim/
  配置      Credentials        %s/_sim/config   (appid %s, mchid %s)

`, config.APIBase, config.APIBase, config.APIBase, config.Apps[0].AppID, config.Merchants[0].MchID)
	<-ctx.Done()
	return s.close()
}
