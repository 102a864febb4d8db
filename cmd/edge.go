package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"wxbase/internal/edge"
	"wxbase/internal/serving"

	"github.com/spf13/cobra"
)

// NewEdgeCommand makes `wxbase edge`: a process without a database that serves rooms beside a primary (`wxbase serve` with a Redis).
func NewEdgeCommand() *cobra.Command {
	o := edge.Options{Env: os.Getenv}
	command := &cobra.Command{
		Use:   "edge",
		Short: "Serves realtime rooms beside a primary, over Redis, without a database",
		Long: `Serves realtime rooms over Socket.IO beside a primary, which is wxbase serve with the same Redis.

People get a ticket from the primary (POST /api/wx/rooms/tickets) and connect here with ?ticket=. Tell the primary
the public addresses of its edges with WXBASE_EDGES. A password is better kept in WXBASE_REDIS_URL than in --redis,
which everybody on this machine can see.`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE:         func(command *cobra.Command, _ []string) error { return runEdge(command, o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.Primary, "primary", "", "where the primary is, such as https://shop.example.com (WXBASE_PRIMARY_URL)")
	flags.StringVar(&o.Redis, "redis", "", "where Redis is, such as redis://:password@10.0.0.5:6379/0 (WXBASE_REDIS_URL)")
	flags.StringVar(&o.HTTP, "http", "127.0.0.1:8092", "where the edge listens")
	flags.StringSliceVar(&o.Origins, "origins", nil, "origins of web pages that may connect, beside mini programs and the own host")
	flags.StringVar(&o.ProxyHeader, "proxyHeader", "", "header in which the proxy in front says the client's address, such as X-Forwarded-For")
	return command
}

func runEdge(command *cobra.Command, o edge.Options) error {
	o.Primary = cmp.Or(o.Primary, o.Env("WXBASE_PRIMARY_URL"))
	o.Redis = cmp.Or(o.Redis, o.Env("WXBASE_REDIS_URL"))
	if o.Primary == "" || o.Redis == "" {
		return errors.New("an edge needs --primary and --redis, or WXBASE_PRIMARY_URL and WXBASE_REDIS_URL")
	}
	o.Log = slog.New(slog.NewTextHandler(command.ErrOrStderr(), nil))
	ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	e, err := edge.Listen(ctx, o)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(command.OutOrStdout(), `
  边缘节点  Edge        %s/socket.io/
  主服务    Primary     %s

`, serving.Origin(e.Addr), strings.TrimSuffix(o.Primary, "/"))
	<-ctx.Done()
	stop() // a second signal ends it at once
	return e.Close()
}
