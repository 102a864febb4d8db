package hooks

import (
	"fmt"
	"net"

	"github.com/pocketbase/pocketbase/core"
)

// installer says how the first superuser is made. On a laptop that is PocketBase's link, which opens the browser and carries a token
// of half an hour. On a server, where standard output ends in a log, it is a command: a token must not lie there.
func (p *Plugin) installer(e *core.ServeEvent) {
	if e.Server == nil || isLoopback(e.Server.Addr) {
		return
	}
	e.InstallerFunc = func(core.App, *core.Record, string) error {
		_, err := fmt.Fprintln(p.cfg.Out, "  to configure: no superuser yet; run: wxbase superuser create EMAIL PASSWORD")
		return err
	}
}

// isLoopback tells whether only this machine can reach addr.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
