package simcmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"wxbase/internal/simproxy"
)

// proxyFolder holds the proxy's authority, inside the folder of the simulator's state.
const proxyFolder = "proxy"

// proxyCommand leads WeChat's hosts to a simulator that runs.
func proxyCommand(to func() client, stateDir func() string, mayListen func(addr string, open bool) error) *cobra.Command {
	var addr string
	var only bool
	command := &cobra.Command{
		Use: "proxy", Short: "Leads WeChat's hosts to the simulator, for SDKs whose hosts are constants", Args: cobra.NoArgs, SilenceUsage: true,
		Long: "Leads WeChat's hosts to the simulator: as HTTPS_PROXY, or at port 443 by a hosts file. Its certificates come from an authority that is made\n" +
			"on this machine and vouches for WeChat's names only; what programs have to trust is printed. Other hosts pass through, unless --only.",
		Example: "  wxbase sim proxy\n  sudo wxbase sim proxy --listen 127.0.0.1:443 --url http://127.0.0.1:8091",
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			if err := mayListen(addr, false); err != nil {
				return err
			}
			config, err := to().config() // note: report a missing simulator now, not at the first call
			if err != nil {
				return err
			}
			base, err := url.Parse(to().base)
			if err != nil {
				return fmt.Errorf("read --url: %w", err)
			}
			p, err := listenProxy(ctx, addr, filepath.Join(stateDir(), proxyFolder), simproxy.Forward(base), only)
			if err != nil {
				return err
			}
			p.tell(command.OutOrStdout(), config.APIBase)
			return <-p.done
		},
	}
	command.Flags().StringVar(&addr, "listen", "127.0.0.1:8443", "where the proxy listens; 127.0.0.1:443 for a hosts file")
	command.Flags().BoolVar(&only, "only", false, "refuse other hosts than WeChat's")
	return command
}

// proxy is one that listens.
type proxy struct {
	addr      string
	authority *simproxy.Authority
	done      chan error
}

// listenProxy runs one until ctx ends.
func listenProxy(ctx context.Context, addr, dir string, handler http.Handler, only bool) (*proxy, error) {
	authority, err := simproxy.Open(dir)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start the proxy: %w", err)
	}
	p := &proxy{listener.Addr().String(), authority, make(chan error, 1)}
	go func() { p.done <- simproxy.New(authority, handler, only).Serve(ctx, listener) }()
	return p, nil
}

// variables let programs use the proxy and trust its authority. Go and OpenSSL read SSL_CERT_FILE; Python's requests
// and curl read other files; all three want all authorities in one file; Node adds one to its own.
func (p *proxy) variables() []variable {
	address, bundle := "http://"+p.addr, p.authority.BundleFile()
	return []variable{
		{"HTTPS_PROXY", address},
		{"https_proxy", address},
		{"NO_PROXY", "127.0.0.1,localhost,::1"},
		{"no_proxy", "127.0.0.1,localhost,::1"},
		{"NODE_USE_ENV_PROXY", "1"},
		{"NODE_EXTRA_CA_CERTS", p.authority.CertificateFile()},
		{"SSL_CERT_FILE", bundle},
		{"REQUESTS_CA_BUNDLE", bundle},
		{"CURL_CA_BUNDLE", bundle},
	}
}

// tell prints how to use it.
func (p *proxy) tell(out io.Writer, leadsTo string) {
	host, port, _ := net.SplitHostPort(p.addr)
	_, _ = fmt.Fprintf(out, "\n  代理      Proxy              %s  →  %s\n  根证书    Authority          %s\n\n", p.addr, leadsTo, p.authority.CertificateFile())
	_, _ = fmt.Fprintln(out, "  # programs that heed a proxy")
	text, _ := writeVariables(p.variables(), "shell")
	for line := range strings.Lines(text) {
		_, _ = fmt.Fprint(out, "  "+line)
	}
	_, _ = fmt.Fprintln(out, "\n  # programs that heed none: lines for the hosts file, while the proxy listens at port 443")
	if port != "443" {
		_, _ = fmt.Fprintln(out, "  # (it does not now: start it with --listen 127.0.0.1:443)")
	}
	for _, name := range simproxy.Hosts() {
		_, _ = fmt.Fprintf(out, "  %s %s\n", host, name)
	}
	_, _ = fmt.Fprintln(out)
}
