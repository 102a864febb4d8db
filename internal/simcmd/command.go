// Package simcmd is `wxbase sim` and its subcommands: the simulated WeChat as a separate server, and commands for a
// running one. The subcommands use only the control API under /_sim/, so they also work with `wxbase serve --sim`.
package simcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"wxbase/internal/sim"
)

// DefaultAddr is where the simulator listens unless told.
const DefaultAddr = "127.0.0.1:8091"

// serverFlags is how strict and where.
type serverFlags struct {
	addr, tlsAddr, proxyAddr   string
	closeMinAge                time.Duration
	pages                      []string
	clientCerts, publicKeyOnly bool
	billsAnyTime, mixedSerials bool
	open                       bool
	credentials                string
	apps, merchants, keep      int
}

// New makes the command. stateDir is asked when the server starts, and mayListen whether it may at an address; open is the flag --simOpen of
// the root, which an embedder may not have.
func New(stateDir func() string, mayListen func(addr string, open bool) error) *cobra.Command {
	var f serverFlags
	command := &cobra.Command{
		Use:          "sim",
		Short:        "Runs the simulated WeChat alone, for any backend to develop against",
		Long:         "Runs the simulated WeChat alone. The subcommands speak to one that runs (--url), but exec, which starts its own.",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			f.open, _ = command.Flags().GetBool("simOpen")
			for _, addr := range []string{f.addr, f.tlsAddr, f.proxyAddr} {
				if err := mayListen(addr, f.open || addr == ""); err != nil {
					return err
				}
			}
			return serve(ctx, command, stateDir(), f)
		},
	}
	f.bind(command)
	url := command.PersistentFlags().String("url", "", "the running simulator (WXBASE_SIM_URL, http://"+DefaultAddr+")")
	to := func() client { return newClient(*url, os.Getenv) }
	command.AddCommand(execCommand(), envCommand(to), triggerCommand(to), resendCommand(to), logsCommand(to), stateCommand(to), runCommand(to), proxyCommand(to, stateDir, mayListen))
	return command
}

func (f *serverFlags) bind(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.addr, "http", DefaultAddr, "where the simulator listens")
	flags.StringVar(&f.tlsAddr, "tls", "", "a second address that speaks TLS, for /secapi with client certificates (its certificate is made up)")
	flags.StringVar(&f.proxyAddr, "proxy", "", "a further address that leads WeChat's hosts here, for SDKs whose hosts are constants; see wxbase sim proxy")
	flags.DurationVar(&f.closeMinAge, "closeMinAge", 0, "refuse to close orders younger than this (v2's pages say 5m)")
	flags.StringSliceVar(&f.pages, "pages", nil, "pages of the published version; others are refused with 41030 and 40165")
	flags.BoolVar(&f.clientCerts, "clientCertificates", false, "/secapi wants the merchant's certificate (needs --tls)")
	flags.BoolVar(&f.publicKeyOnly, "publicKeyOnly", false, "the merchant has no platform certificates, as new ones do not")
	flags.StringVar(&f.credentials, "credentials", "", "JSON or YAML file in the form of /_sim/config with the credentials that the backend has; the rest is made up")
	flags.IntVar(&f.apps, "apps", 1, "how many mini programs there are at least")
	flags.IntVar(&f.merchants, "merchants", 1, "how many merchants there are at least")
	flags.IntVar(&f.keep, "keep", 100_000, "how many orders are remembered, with their refunds and messages; 0 is all")
	flags.BoolVar(&f.billsAnyTime, "billsAnyTime", false, "bills of today too")
	flags.BoolVar(&f.mixedSerials, "mixedSerials", false, "notifications signed at random with certificate or public key")
}

// options are the flags as the simulator takes them.
func (f serverFlags) options() ([]sim.Option, error) {
	given, err := f.given()
	if err != nil {
		return nil, err
	}
	opts := []sim.Option{
		sim.WithCredentials(given), sim.WithKeep(f.keep),
		sim.WithCloseMinAge(f.closeMinAge), sim.WithClientCertificates(f.clientCerts), sim.WithPages(f.pages...), sim.WithPublicKeyOnly(f.publicKeyOnly),
		sim.WithOpen(f.open),
	}
	if f.billsAnyTime {
		opts = append(opts, sim.WithBillsAnyTime())
	}
	if f.mixedSerials {
		opts = append(opts, sim.WithMixedSerials())
	}
	return opts, nil
}

// given reads the credentials that the backend has, and makes room for as many as are wanted.
func (f serverFlags) given() (given sim.Config, err error) {
	switch {
	case f.apps < 1 || f.apps > 100 || f.merchants < 1 || f.merchants > 100:
		return given, errors.New("--apps and --merchants are 1 to 100")
	case f.keep < 0:
		return given, errors.New("--keep is a number of orders, or 0 for all")
	}
	if f.credentials != "" {
		raw, err := os.ReadFile(f.credentials)
		if err != nil {
			return given, fmt.Errorf("read credentials: %w", err)
		}
		if err := yaml.UnmarshalWithOptions(raw, &given, yaml.Strict(), yaml.UseJSONUnmarshaler()); err != nil {
			return given, fmt.Errorf("%s is not in the form of /_sim/config: it has other names or types", f.credentials) // NB! the parser quotes what it read
		}
	}
	for len(given.Apps) < f.apps {
		given.Apps = append(given.Apps, sim.AppConfig{})
	}
	for len(given.Merchants) < f.merchants {
		given.Merchants = append(given.Merchants, sim.MerchantConfig{})
	}
	return given, nil
}

// serve runs until ctx ends.
func serve(ctx context.Context, command *cobra.Command, dir string, f serverFlags) error {
	if f.clientCerts && f.tlsAddr == "" && f.proxyAddr == "" {
		return fmt.Errorf("--clientCertificates needs --tls or --proxy: a certificate is shown over TLS only")
	}
	opts, err := f.options()
	if err != nil {
		return err
	}
	s, err := start(ctx, f.addr, f.tlsAddr, append(opts, sim.WithStateDir(dir))...)
	if err != nil {
		return err
	}
	config := s.wechat.Config()
	_, _ = fmt.Fprintf(command.OutOrStdout(), `
  模拟微信  Simulated WeChat   %s
  面板      Panel              %s/_sim/
  配置      Credentials        %s/_sim/config   (appid %s, mchid %s)

`, config.APIBase, config.APIBase, config.APIBase, config.Apps[0].AppID, config.Merchants[0].MchID)
	if s.tlsURL != "" {
		_, _ = fmt.Fprintf(command.OutOrStdout(), "  TLS                          %s\n\n", s.tlsURL)
	}
	if f.proxyAddr != "" {
		p, err := listenProxy(ctx, f.proxyAddr, filepath.Join(dir, proxyFolder), s.wechat.Handler(), false)
		if err != nil {
			return errors.Join(err, s.close())
		}
		p.tell(command.OutOrStdout(), config.APIBase)
	}
	<-ctx.Done()
	return s.close()
}
