package hooks

import (
	"fmt"

	"wxbase/internal/serving"

	"github.com/pocketbase/pocketbase/core"
)

// installer says how the first superuser is made. On a laptop that is PocketBase's link, which opens the browser and carries a token
// of half an hour. On a server, where standard output ends in a log, it is a command: a token must not lie there.
func (c *Config) installer(e *core.ServeEvent) {
	if e.Server == nil || serving.IsLoopback(e.Server.Addr) {
		return
	}
	e.InstallerFunc = func(core.App, *core.Record, string) error {
		_, err := fmt.Fprintln(c.Out, "  to configure: no superuser yet; run: wxbase superuser create EMAIL PASSWORD")
		return err
	}
}
