package hooks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/plugins/jsvm"

	"wxbase/internal/books"
)

// scriptLoad limits what the files do outside of their handlers, at a start.
const scriptLoad = 10 * time.Second

// stopScriptsAfter is how long a script may go on after the server was told to end; PocketBase gives requests one second.
const stopScriptsAfter = 2 * time.Second

// scriptPool is how many runtimes are kept; more are made when all are busy.
const scriptPool = 8

// noFolder is the name of a folder that is not there.
const noFolder = ".none"

// alertOfLoading is the subject of the alert of scripts that were not loaded.
const alertOfLoading = "loading"

// scripts are the JavaScript hooks of an app.
type scripts struct {
	dir   string
	guard *scriptGuard
	stop  chan struct{} // closed when the watching is to end
	once  sync.Once     // of closing it: a restart that fails terminates twice

	mu      sync.Mutex
	problem string // why the files on the disk are not what runs; empty when they are
}

func (s *scripts) setProblem(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = text
}

// close ends the watching, and in time what still runs.
func (s *scripts) close() {
	if s == nil {
		return
	}
	s.once.Do(func() {
		close(s.stop)
		time.AfterFunc(stopScriptsAfter, s.guard.stopAll)
	})
}

// advice is the problem for the owner.
func (s *scripts) advice() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem == "" {
		return nil
	}
	return []string{"the changed JavaScript hooks are not in force, those of the last start are: " + s.problem}
}

// LoadScripts reads the *.pb.js files of a folder (pb_hooks beside the data folder when dir is empty), which need not exist, by
// PocketBase's jsvm plugin, and watches it while the app serves. It fails for a migration in JavaScript that cannot be read. A hook that
// cannot be loaded stops serve, with its file and line: a shop without its rules is not the shop. Call it instead of jsvm.Register.
func (p *Plugin) LoadScripts(dir string) error {
	if dir == "" {
		dir = filepath.Join(p.app.DataDir(), "../pb_hooks")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find folder of hooks: %w", err)
	}
	limits := scriptLimits{load: scriptLoad, usual: p.cfg.HookTimeout, transaction: p.cfg.HookTxTimeout}
	p.scripts = &scripts{dir: dir, guard: newScriptGuard(limits, p.tellStopped), stop: make(chan struct{})}
	if err := compileScripts(dir); err != nil {
		p.scripts.setProblem(err.Error())
		// the migrations all the same
		return explain(p.runScripts(p, jsvm.Config{HooksDir: filepath.Join(dir, noFolder)}), p.app.DataDir())
	}
	err = p.runScripts(p, jsvm.Config{HooksDir: dir, HooksPoolSize: scriptPool})
	if broken, ok := errors.AsType[brokenScriptError](err); ok {
		p.scripts.setProblem(broken.Error())
		return nil
	}
	return explain(err, p.app.DataDir())
}

// brokenScriptError is a hook that cannot be loaded.
type brokenScriptError struct{ text string }

// Error implements error.
func (b brokenScriptError) Error() string { return b.text }

// runScripts gives the files to PocketBase's plugin, which binds their handlers to the app of a plugin of ours.
func (p *Plugin) runScripts(to *Plugin, config jsvm.Config) (err error) {
	guard := p.scripts.guard
	var loading []*scriptRun
	loaded := false
	config.OnInit = func(vm *goja.Runtime) {
		if _, err := guard.watch(vm); err != nil {
			panic(err)
		}
		_ = vm.Set("$wx", to.Script()) // it fails for names that are no string
		if !loaded {
			loading = append(loading, guard.begin(vm, loadingScripts, guard.limits.load, false))
		}
	}
	defer func() {
		loaded = true
		for _, run := range loading {
			run.end()
		}
		if r := recover(); r != nil {
			err = brokenScriptError{tidyScriptError(fmt.Sprint(r), config.HooksDir)}
		}
	}()
	return jsvm.Register(to.ForJavaScript(), config)
}

// scriptFiles are the files that PocketBase's plugin would read.
func scriptFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read folder of hooks: %w", err)
	}
	var files []string
	for _, entry := range entries {
		if name := entry.Name(); !entry.IsDir() && (strings.HasSuffix(name, ".pb.js") || strings.HasSuffix(name, ".pb.ts")) {
			files = append(files, filepath.Join(dir, name))
		}
	}
	return files, nil
}

// compileScripts finds syntax errors, with the file and line that they are in: the plugin calls every file pb.js.
func compileScripts(dir string) error {
	files, err := scriptFiles(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		code, err := os.ReadFile(file) //nolint:gosec // the owner's own folder
		if err != nil {
			return fmt.Errorf("read hook: %w", err)
		}
		if _, err := goja.Compile(file, string(code), false); err != nil {
			return brokenScriptError{oneLine(err.Error())}
		}
	}
	return nil
}

var (
	failedScript = regexp.MustCompile(`^failed to execute (\S+):\s*-?\s*`)
	scriptPlace  = regexp.MustCompile(`\S*\bpb\.js:`)
)

// tidyScriptError puts the file's own name where the plugin says pb.js, in one line.
func tidyScriptError(text, dir string) string {
	found := failedScript.FindStringSubmatch(text)
	if found == nil {
		return oneLine(text)
	}
	file := filepath.Join(dir, found[1])
	rest := scriptPlace.ReplaceAllLiteralString(text[len(found[0]):], file+":")
	if !strings.Contains(rest, file) {
		rest = file + ": " + rest
	}
	return oneLine(rest)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// checkScripts tells whether the files on the disk would load, without touching what runs: an app that is never started takes their
// handlers. note: what a file does outside of its handlers happens once more.
func (p *Plugin) checkScripts() error {
	if err := compileScripts(p.scripts.dir); err != nil {
		return err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: p.app.DataDir()})
	trial, err := Register(app, Config{Env: func(string) string { return "" }, Now: p.cfg.Now, Out: p.cfg.Out})
	if err != nil {
		return err
	}
	defer trial.rooms.CloseRooms()
	return p.runScripts(trial, jsvm.Config{HooksDir: p.scripts.dir, MigrationsDir: filepath.Join(p.scripts.dir, noFolder)})
}

// serveScripts refuses to serve without the shop's rules, and watches them.
func (p *Plugin) serveScripts() error {
	if p.scripts == nil {
		return nil
	}
	if problem := p.scripts.problem; problem != "" {
		err := fmt.Errorf("a JavaScript hook cannot be loaded: %s", problem)
		return errors.Join(err, p.books.Raise(p.app, books.AlertHooks, alertOfLoading, map[string]any{"error": problem}))
	}
	if err := p.books.Settle(p.app, books.AlertHooks, alertOfLoading, "a start that loaded them"); err != nil {
		return err
	}
	go p.watchScripts()
	return nil
}

// tellStopped raises the alert of a handler that was stopped. It waits for the writer, which the handler may still hold.
func (p *Plugin) tellStopped(what string, after time.Duration, inTransaction bool) {
	details := map[string]any{"ranFor": after.String(), "inTransaction": inTransaction}
	p.app.Logger().Error("a JavaScript hook was stopped", "hook", what, "after", after.String(), "inTransaction", inTransaction)
	go func() { p.books.LogError("alert", p.books.Raise(p.app, books.AlertHooks, "stopped: "+what, details)) }()
}
