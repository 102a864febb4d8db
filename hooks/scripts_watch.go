package hooks

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"wxbase/internal/books"
)

// watchScripts looks for changed files as long as the app serves. A change that loads restarts the process, as PocketBase's own watcher
// does; one that does not leaves what runs in force, and a person is told.
//
// note: it looks again and again instead of asking the system, which says nothing about folders that are not there yet, and nothing in
// many containers and on network disks.
func (p *Plugin) watchScripts() {
	tick := time.NewTicker(p.cfg.HookWatch)
	defer tick.Stop()
	running := portraitOf(p.scripts.dir)
	last := running
	for {
		select {
		case <-p.scripts.stop:
			return
		case <-tick.C:
		}
		now := portraitOf(p.scripts.dir)
		changed := now != running && now == last // and at rest: an editor may write in several steps
		last = now
		if changed {
			running = now
			p.reloadScripts()
		}
	}
}

// reloadScripts takes the changed files into use, or says why not.
func (p *Plugin) reloadScripts() {
	if err := p.checkScripts(); err != nil {
		problem := err.Error()
		p.scripts.setProblem(problem)
		_, _ = fmt.Fprintf(p.cfg.Out, "  warning: the changed JavaScript hooks are not in force: %s\n", problem)
		p.app.Logger().Error("the changed JavaScript hooks were not loaded", "error", problem)
		p.books.LogError("alert", p.books.Raise(p.app, books.AlertHooks, alertOfLoading, map[string]any{"error": problem}))
		return
	}
	p.scripts.setProblem("")
	if runtime.GOOS == "windows" {
		_, _ = fmt.Fprintln(p.cfg.Out, "  the JavaScript hooks have changed: restart wxbase to take them into use")
		return
	}
	_, _ = fmt.Fprintln(p.cfg.Out, "  the JavaScript hooks have changed: starting again")
	p.books.LogError("restart", p.app.Restart())
}

// portraitOf is a text that changes when a file below the folder does. node_modules and hidden folders are left out.
func portraitOf(dir string) string {
	var all strings.Builder
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read is not there
		}
		if name := entry.Name(); entry.IsDir() && path != dir && (strings.HasPrefix(name, ".") || name == "node_modules") {
			return filepath.SkipDir
		}
		if info, err := os.Stat(path); err == nil && !info.IsDir() { // note: not entry.Info, which does not follow links
			fmt.Fprintf(&all, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return all.String()
}
