package scripts

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

// watch looks for changed files as long as the app serves. A change that loads restarts the process, as PocketBase's
// own watcher does; one that fails leaves the running scripts in force, and raises an alert.
//
// note: it polls instead of asking the system, which reports nothing about missing folders, and nothing in many
// containers and on network disks.
func (s *Scripts) watch() {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	running := portraitOf(s.dir)
	last := running
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		now := portraitOf(s.dir)
		changed := now != running && now == last // and at rest: an editor may write in several steps
		last = now
		if changed {
			running = now
			s.reload()
		}
	}
}

// reload takes the changed files into use, or says why not.
func (s *Scripts) reload() {
	if err := s.check(); err != nil {
		problem := err.Error()
		s.setProblem(problem)
		_, _ = fmt.Fprintf(s.Out, "  warning: the changed JavaScript hooks are not in force: %s\n", problem)
		s.App.Logger().Error("the changed JavaScript hooks were not loaded", "error", problem)
		s.Books.LogError("alert", s.Books.Raise(s.App, books.AlertHooks, alertOfLoading, map[string]any{"error": problem}))
		return
	}
	s.setProblem("")
	if runtime.GOOS == "windows" {
		_, _ = fmt.Fprintln(s.Out, "  the JavaScript hooks have changed: restart wxbase to take them into use")
		return
	}
	_, _ = fmt.Fprintln(s.Out, "  the JavaScript hooks have changed: starting again")
	s.Books.LogError("restart", s.App.Restart())
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
