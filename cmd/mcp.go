package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"wxbase/internal/answer"
	"wxbase/internal/folder"
	"wxbase/internal/serving"
	"wxbase/internal/simcmd"
)

// instructions is what an agent is told at the beginning.
const instructions = `The simulated WeChat of wxbase on this machine. Start it with "wxbase serve --sim" or "wxbase sim" if the tools say that none answers.
When a call is refused: sim_calls with verdict refused, then sim_explain_signature. When a payment does not arrive: sim_notifications.
Amounts are fen. No tool reaches the real WeChat, moves money or tells a key; server_health is all that is asked of a production server.`

// NewMCPCommand makes `wxbase mcp`: the tools of the simulator, and two that only read, for an agent over standard input and output.
func NewMCPCommand(dir func() string, version string) *cobra.Command {
	var url string
	command := &cobra.Command{
		Use: "mcp", Short: "Serves a coding agent the simulator's tools over stdio (Model Context Protocol)", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			server := mcp.NewServer(&mcp.Implementation{Name: "wxbase", Title: "wxbase", Version: version}, &mcp.ServerOptions{Instructions: instructions})
			if err := simcmd.AddTools(server, url, os.Getenv); err != nil {
				return err
			}
			addReading(server, dir)
			err := server.Run(ctx, &mcp.StdioTransport{})
			if errors.Is(err, io.EOF) || ctx.Err() != nil { // the agent has gone
				return nil
			}
			return err
		},
	}
	command.Flags().StringVar(&url, "url", "", "the running simulator, on this machine (WXBASE_SIM_URL, http://"+simcmd.DefaultAddr+")")
	return command
}

// addReading adds what is told of our own API, and whether a server can do its work: the same for a simulator's server and a real one.
func addReading(server *mcp.Server, dir func() string) {
	no := false
	reads := &mcp.ToolAnnotations{ReadOnlyHint: true, DestructiveHint: &no, OpenWorldHint: &no}
	mcp.AddTool(server, &mcp.Tool{
		Name: "explain_error", Description: "What an error of wxbase's API means and what to do about it: data.code of the answer.", Annotations: reads,
	}, explainError)
	mcp.AddTool(server, &mcp.Tool{
		Name: "server_health", Description: "Whether the server of the data folder on this machine can do its work (GET /api/wx/health, as anybody may ask).", Annotations: reads,
	}, func(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, health, error) {
		return serverHealth(ctx, dir())
	})
}

type errorCode struct {
	Code string `json:"code" jsonschema:"such as order_not_payable"`
}

// meaning is a row of docs/errors.md.
type meaning struct {
	Code   string `json:"code"`
	Status int    `json:"status" jsonschema:"of HTTP"`
	EN     string `json:"en"`
	ZH     string `json:"zh"`
	FixEN  string `json:"fix_en"`
	FixZH  string `json:"fix_zh"`
}

func explainError(_ context.Context, _ *mcp.CallToolRequest, in errorCode) (*mcp.CallToolResult, meaning, error) {
	all := answer.All()
	i := slices.IndexFunc(all, func(p answer.Problem) bool { return p.Code == in.Code })
	if i < 0 {
		return nil, meaning{}, fmt.Errorf("no error of wxbase has the code %q: docs/errors.md has them all", in.Code)
	}
	p := all[i]
	return nil, meaning{p.Code, p.Status, p.EN, p.ZH, p.FixEN, p.FixZH}, nil
}

type health struct {
	Answer string `json:"answer" jsonschema:"the body, JSON"`
}

func serverHealth(ctx context.Context, dir string) (*mcp.CallToolResult, health, error) {
	ctx, cancel := context.WithTimeout(ctx, healthDeadline)
	defer cancel()
	addr, err := folder.ServedAt(dir)
	if err != nil {
		return nil, health{}, err
	}
	said, err := askHealth(ctx, serving.Origin(addr))
	return nil, health{said}, err
}
