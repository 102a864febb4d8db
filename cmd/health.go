package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"wxbase/internal/folder"
	"wxbase/internal/serving"
)

// healthDeadline is how long the server may take to answer.
const healthDeadline = 8 * time.Second

// NewHealthCommand makes `wxbase health`: whether the server of a data folder can do its work. A container without a shell asks in this way.
func NewHealthCommand(dir func() string) *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Asks the server of the data folder whether it can do its work; exits 1 when it cannot", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(command.Context(), healthDeadline)
			defer cancel()
			addr, err := folder.ServedAt(dir())
			if err != nil {
				return err
			}
			said, err := askHealth(ctx, serving.Origin(addr))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), said)
			return err
		},
	}
}

// askHealth returns the body of an answer that says yes.
func askHealth(ctx context.Context, origin string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/api/wx/health", nil)
	if err != nil {
		return "", err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(reply.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if reply.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the server at %s cannot do its work: %d %s", origin, reply.StatusCode, body)
	}
	return string(body), nil
}
