package simcmd

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// triggerCommand lets something happen.
func triggerCommand(to func() client) *cobra.Command {
	in := struct {
		Event      string          `json:"event"`
		Person     string          `json:"person,omitempty"`
		OutTradeNo string          `json:"out_trade_no,omitempty"`
		AppID      string          `json:"appid,omitempty"`
		Fields     json.RawMessage `json:"fields,omitempty"`
	}{}
	var fields string
	command := &cobra.Command{
		Use: "trigger [EVENT]", Short: "Lets a payment, a refund or a message happen; without EVENT lists them",
		Example: "  wxbase sim trigger pay.success\n  wxbase sim trigger refund.abnormal\n  wxbase sim trigger push.user_enter_tempsession",
		Args:    cobra.MaximumNArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 {
				var list []string
				if err := to().do(http.MethodGet, "/triggers", nil, &list); err != nil {
					return err
				}
				_, err := fmt.Fprintln(command.OutOrStdout(), strings.Join(list, "\n"))
				return err
			}
			in.Event, in.Fields = args[0], json.RawMessage(fields)
			var answer []byte
			if err := to().do(http.MethodPost, "/trigger", in, &answer); err != nil {
				return err
			}
			_, err := fmt.Fprintf(command.OutOrStdout(), "%s\n", answer)
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&in.Person, "person", "", "whose newest order, or who writes (p1)")
	flags.StringVar(&in.OutTradeNo, "order", "", "out_trade_no; the newest that fits unless told")
	flags.StringVar(&in.AppID, "appid", "", "of a push")
	flags.StringVar(&fields, "fields", "", "of a push, as JSON")
	return command
}

// resendCommand delivers a notification once more.
func resendCommand(to func() client) *cobra.Command {
	var kind string
	command := &cobra.Command{
		Use: "resend ID", Short: "Delivers a notification once more (ID as logs and the panel tell it)", Args: cobra.ExactArgs(1), SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			var answer struct {
				Status int    `json:"status"`
				Error  string `json:"error"`
				Answer string `json:"answer"`
			}
			if err := to().do(http.MethodPost, "/notifications/"+url.PathEscape(args[0])+"/resend", map[string]string{"kind": kind}, &answer); err != nil {
				return err
			}
			_, err := fmt.Fprintf(command.OutOrStdout(), "%d %s%s\n", answer.Status, answer.Answer, answer.Error)
			return err
		},
	}
	command.Flags().StringVar(&kind, "kind", "", "a fault to change it by, such as wrong_signature or other_amount")
	return command
}

// stateCommand exports, imports, resets and names states.
func stateCommand(to func() client) *cobra.Command {
	command := &cobra.Command{Use: "state", Short: "Exports, imports, resets, saves and loads what the simulator remembers", SilenceUsage: true}
	add := func(use, short string, args cobra.PositionalArgs, run func(*cobra.Command, []string) error) {
		command.AddCommand(&cobra.Command{Use: use, Short: short, Args: args, SilenceUsage: true, RunE: run})
	}
	add("export [FILE]", "Writes the state, to standard output unless told; it holds no keys", cobra.MaximumNArgs(1), func(command *cobra.Command, args []string) error {
		var raw []byte
		if err := to().do(http.MethodGet, "/state", nil, &raw); err != nil {
			return err
		}
		if len(args) == 1 && args[0] != "-" {
			return os.WriteFile(args[0], raw, 0o600)
		}
		_, err := command.OutOrStdout().Write(raw)
		return err
	})
	add("import FILE", "Takes an exported state over (- is standard input)", cobra.ExactArgs(1), func(command *cobra.Command, args []string) error {
		raw, err := readFileOr(command.InOrStdin(), args[0])
		if err != nil {
			return err
		}
		return to().do(http.MethodPost, "/state", raw, nil)
	})
	add("reset", "Begins anew: no orders, three people; credentials stay", cobra.NoArgs, func(*cobra.Command, []string) error {
		return to().do(http.MethodDelete, "/state", nil, nil)
	})
	add("save NAME", "Keeps the state under a name", cobra.ExactArgs(1), func(_ *cobra.Command, args []string) error {
		return to().do(http.MethodPost, "/state/"+url.PathEscape(args[0]), nil, nil)
	})
	add("load NAME", "Takes a kept state over", cobra.ExactArgs(1), func(_ *cobra.Command, args []string) error {
		return to().do(http.MethodPost, "/state/"+url.PathEscape(args[0])+"/load", nil, nil)
	})
	add("list", "Lists the kept states", cobra.NoArgs, func(command *cobra.Command, _ []string) error {
		var names []string
		if err := to().do(http.MethodGet, "/state/names", nil, &names); err != nil {
			return err
		}
		for _, name := range names {
			_, _ = fmt.Fprintln(command.OutOrStdout(), name)
		}
		return nil
	})
	return command
}

func readFileOr(stdin io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name) //nolint:gosec // what the user asks for
}
