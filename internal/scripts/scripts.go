// Package scripts runs the JavaScript hooks of a shop in PocketBase's jsvm plugin: it loads them or says why not,
// limits their run time, and applies changed files.
package scripts

import (
	"errors"
	"fmt"
	"io"
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
	"wxbase/internal/explain"
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

// Target is whom scripts speak to: the app that their handlers are bound to, and the value of $wx.
type Target struct {
	App core.App
	WX  any
}

// Deps is what scripts need of the rest.
type Deps struct {
	App   core.App
	Books *books.Books
	Out   io.Writer     // where the start lines go
	Every time.Duration // how often the folder is looked at
	Usual time.Duration // how long a handler may run
	InTx  time.Duration // and inside a transaction

	Self Target
	// Trial makes an app that is never started, which takes the handlers of files that are tried.
	Trial func() (to Target, end func(), err error)
}

// Scripts are the JavaScript hooks of an app. A nil one is an app without any.
type Scripts struct {
	Deps

	dir   string
	guard *scriptGuard
	stop  chan struct{} // closed when the watching is to end
	once  sync.Once     // of closing it: a restart that fails terminates twice

	mu      sync.Mutex
	problem string // why the files on the disk are not what runs; empty when they are
}

// New makes some, which load reads.
func New(deps Deps) *Scripts {
	s := &Scripts{Deps: deps, stop: make(chan struct{})}
	s.guard = newScriptGuard(scriptLimits{load: scriptLoad, usual: deps.Usual, transaction: deps.InTx}, s.tellStopped)
	return s
}

func (s *Scripts) setProblem(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = text
}

// Close ends the watching, and in time what still runs.
func (s *Scripts) Close() {
	if s == nil {
		return
	}
	s.once.Do(func() {
		close(s.stop)
		time.AfterFunc(stopScriptsAfter, s.Interrupt)
	})
}

// Interrupt stops every script, for the end of the process.
func (s *Scripts) Interrupt() { s.guard.stopAll() }

// Advice is the problem for the owner.
func (s *Scripts) Advice() []string {
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

// Load reads the *.pb.js files of a folder (pb_hooks beside the data folder when dir is empty), which need not exist. It fails for a
// migration in JavaScript that cannot be read; a hook that cannot be loaded stops serve.
func (s *Scripts) Load(dir string) error {
	if dir == "" {
		dir = filepath.Join(s.App.DataDir(), "../pb_hooks")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find folder of hooks: %w", err)
	}
	s.dir = dir
	if err := compile(dir); err != nil {
		s.setProblem(err.Error())
		return s.run(s.Self, jsvm.Config{HooksDir: filepath.Join(dir, noFolder)}) // the migrations all the same
	}
	err = s.run(s.Self, jsvm.Config{HooksDir: dir, HooksPoolSize: scriptPool})
	if broken, ok := errors.AsType[brokenError](err); ok {
		s.setProblem(broken.Error())
		return nil
	}
	return err
}

// brokenError is a hook that cannot be loaded.
type brokenError struct{ text string }

// Error implements error.
func (b brokenError) Error() string { return b.text }

// run gives the files to PocketBase's plugin, which binds their handlers to the app of the target.
func (s *Scripts) run(to Target, config jsvm.Config) (err error) {
	guard := s.guard
	var loading []*scriptRun
	loaded := false
	config.OnInit = func(vm *goja.Runtime) {
		if _, err := guard.watch(vm); err != nil {
			panic(err)
		}
		_ = vm.Set("$wx", to.WX) // it fails for names that are no string
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
			err = brokenError{tidyError(fmt.Sprint(r), config.HooksDir)}
		}
	}()
	return jsvm.Register(to.App, config)
}

// filesOf are the files that PocketBase's plugin would read.
func filesOf(dir string) ([]string, error) {
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

// compile finds syntax errors, with the file and line that they are in: the plugin calls every file pb.js.
func compile(dir string) error {
	files, err := filesOf(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		code, err := os.ReadFile(file) //nolint:gosec // the owner's own folder
		if err != nil {
			return fmt.Errorf("read hook: %w", err)
		}
		if _, err := goja.Compile(file, string(code), false); err != nil {
			return brokenError{explain.OneLine(err.Error())}
		}
	}
	return nil
}

var (
	failedScript = regexp.MustCompile(`^failed to execute (\S+):\s*-?\s*`)
	scriptPlace  = regexp.MustCompile(`\S*\bpb\.js:`)
)

// tidyError puts the file's own name where the plugin says pb.js, in one line.
func tidyError(text, dir string) string {
	found := failedScript.FindStringSubmatch(text)
	if found == nil {
		return explain.OneLine(text)
	}
	file := filepath.Join(dir, found[1])
	rest := scriptPlace.ReplaceAllLiteralString(text[len(found[0]):], file+":")
	if !strings.Contains(rest, file) {
		rest = file + ": " + rest
	}
	return explain.OneLine(rest)
}

// check tells whether the files on the disk would load, without touching what runs: an app that is never started takes their
// handlers. note: what a file does outside of its handlers happens once more.
func (s *Scripts) check() error {
	if err := compile(s.dir); err != nil {
		return err
	}
	trial, end, err := s.Trial()
	if err != nil {
		return err
	}
	defer end()
	return s.run(trial, jsvm.Config{HooksDir: s.dir, MigrationsDir: filepath.Join(s.dir, noFolder)})
}

// Serve refuses to serve without the shop's rules, and watches them.
func (s *Scripts) Serve() error {
	if s == nil {
		return nil
	}
	if problem := s.problem; problem != "" {
		err := fmt.Errorf("a JavaScript hook cannot be loaded: %s", problem)
		return errors.Join(err, s.Books.Raise(s.App, books.AlertHooks, alertOfLoading, map[string]any{"error": problem}))
	}
	if err := s.Books.Settle(s.App, books.AlertHooks, alertOfLoading, "a start that loaded them"); err != nil {
		return err
	}
	go s.watch()
	return nil
}

// tellStopped raises the alert of a handler that was stopped. It waits for the writer, which the handler may still hold.
func (s *Scripts) tellStopped(what string, after time.Duration, inTransaction bool) {
	details := map[string]any{"ranFor": after.String(), "inTransaction": inTransaction}
	s.App.Logger().Error("a JavaScript hook was stopped", "hook", what, "after", after.String(), "inTransaction", inTransaction)
	go func() { s.Books.LogError("alert", s.Books.Raise(s.App, books.AlertHooks, "stopped: "+what, details)) }()
}
