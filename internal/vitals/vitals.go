// Package vitals tells whether the server can do its work: its writer, disk, worker, secrets and backups, for GET
// /api/wx/health, for Prometheus and for alerts.
package vitals

// Whether the server can do its work. A question that is answered by reading says nothing: a full disk, a lock that somebody holds, or a
// worker that stands still let every read go through while no payment can be written down.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/explain"
	"wxbase/internal/folder"
	"wxbase/internal/redact"
)

// How often the server looks at itself, and for how long an answer serves everybody who asks, where Config says nothing.
const (
	ProbeEvery = 15 * time.Second
	ProbeFresh = 5 * time.Second
)

const (
	probeDeadline = 3 * time.Second  // for the writer
	backlogAge    = 10 * time.Minute // an effect that is due for so long
	workerAge     = 2 * time.Minute  // a worker that has not looked for so long
	megabyte      = 1 << 20
)

// Problems of readiness. The first two stop the work: the server answers 503.
const (
	unreadyWriter  = "writer"  // the database cannot be written, or there is no room
	unreadyWorker  = "worker"  // nobody carries out the outbox
	unreadyDisk    = "disk"    // Room is short
	unreadyBacklog = "backlog" // effects wait for longer than they should
	unreadySecrets = "secrets" // stored settings that cannot be used
	unreadyHooks   = "hooks"   // JavaScript that is not in force
	unreadyReplica = "replica" // the copy elsewhere does not follow
)

// readiness is what the server found when it looked at itself.
type readiness struct {
	At       time.Time
	Problems []string
	Writer   error         // why the database cannot be written
	Free     uint64        // bytes
	Backlog  int           // effects that are due
	Oldest   time.Duration // how long the oldest of them has been
}

// stops tells whether the work stands still.
func (r readiness) stops() bool {
	return slices.Contains(r.Problems, unreadyWriter) || slices.Contains(r.Problems, unreadyWorker)
}

// Deps is what looking needs of the rest.
type Deps struct {
	App       core.App
	Now       func() time.Time
	Books     *books.Books
	Accounts  *accounts.Accounts
	Out       io.Writer // where the start lines go
	Simulated bool

	SweepEvery  time.Duration // how often the worker looks
	ProbeEvery  time.Duration // how often the server looks at itself
	ProbeFresh  time.Duration // how long an answer serves everybody who asks
	DiskFreeMB  int           // Room below which a person is told
	BackupHours int           // age of the newest backup above which a person is told; never at 0 or below

	Advice  func() []string // what stands in the owner's way
	Scripts func() []string // why the JavaScript hooks on the disk are not in force
	Replica func() Replica  // how the copy elsewhere is

	Unsynced func() error // why nothing can be written since an fsync failed
}

// Replica is the copy of the database elsewhere.
type Replica struct {
	On      bool
	Place   string        // without keys
	Lag     time.Duration // what a lost disk would take with it
	Problem string        // why it does not follow; empty when it does

	FilesOff     bool          // files are not copied: they lie in a bucket anyway
	FilesLag     time.Duration // since the copy of the files was last complete
	FilesProblem string        // why it does not follow
}

// Vitals looks at the server now and then, and whenever somebody asks.
type Vitals struct {
	Deps

	mu   sync.Mutex // held while looking, so that many questions are one
	last readiness
	told map[string]string // alerts as they were raised last, by kind and subject
	stop chan struct{}
	once sync.Once
	done sync.WaitGroup

	backupMu sync.Mutex
	backupAt time.Time // of the newest backup
}

// New makes one; Start begins the looking.
func New(deps Deps) *Vitals {
	return &Vitals{Deps: deps, told: map[string]string{}, stop: make(chan struct{})}
}

// Start looks now and then until close.
func (k *Vitals) Start() {
	k.done.Go(func() { defer k.Books.OutliveApp(); k.keep() })
}

// Close ends the looking, and waits for the look at hand: the databases are closed next.
func (k *Vitals) Close() {
	k.once.Do(func() { close(k.stop) })
	ended := make(chan struct{})
	go func() { defer close(ended); k.done.Wait() }()
	select {
	case <-ended:
	case <-time.After(probeDeadline + time.Second):
	}
}

// ready looks, or gives the answer of a moment ago.
func (k *Vitals) ready(ctx context.Context) readiness {
	k.mu.Lock()
	defer k.mu.Unlock()
	if last := k.last; !last.At.IsZero() && time.Since(last.At) < k.ProbeFresh {
		return last
	}
	r := k.look(ctx)
	k.noteWriter(r)
	k.last = r
	return r
}

// Alive tells whether a new start would be no better: the database can be read, the worker has looked lately, and no fsync has failed that this
// process cannot mend. A full disk is no reason to end.
func (k *Vitals) Alive(ctx context.Context) bool {
	var one int
	err := k.App.ConcurrentDB().NewQuery("SELECT 1").WithContext(ctx).Row(&one)
	return err == nil && !k.isWorkerLost() && k.Unsynced() == nil
}

// isWorkerLost tells whether nobody has looked into the outbox for too long.
func (k *Vitals) isWorkerLost() bool {
	return k.Books.IdleFor() > max(workerAge, 3*k.SweepEvery)
}

func (k *Vitals) look(ctx context.Context) readiness {
	r := readiness{At: time.Now(), Writer: k.probeWriter(ctx)}
	found := func(is bool, problem string) {
		if is {
			r.Problems = append(r.Problems, problem)
		}
	}
	free, err := folder.FreeBytes(k.App.DataDir())
	r.Free = free
	if err == nil && free < k.leastFree()/16 {
		r.Writer = errors.Join(r.Writer, fmt.Errorf("the disk is full: %d MB are left", free/megabyte))
	}
	found(r.Writer != nil, unreadyWriter)
	found(k.isWorkerLost(), unreadyWorker)
	found(err == nil && free < k.leastFree(), unreadyDisk)
	r.Backlog, r.Oldest = k.backlog(ctx)
	found(r.Oldest > backlogAge, unreadyBacklog)
	found(len(k.Accounts.Settings.Problems()) > 0, unreadySecrets)
	found(len(k.Scripts()) > 0, unreadyHooks)
	copied := k.Replica()
	found(copied.Problem != "" || copied.FilesProblem != "", unreadyReplica)
	return r
}

// probeWriter writes one row and waits for the disk, as a payment does.
func (k *Vitals) probeWriter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeDeadline) // whoever asks may leave; the answer serves others too
	defer cancel()
	now := k.Now().UTC().Format(days.Stored)
	_, err := k.App.NonconcurrentDB().NewQuery(`INSERT INTO {{_params}} ([[id]], [[value]], [[created]], [[updated]])
		VALUES ('wx_probe', {:value}, {:now}, {:now}) ON CONFLICT ([[id]]) DO UPDATE SET [[value]] = {:value}, [[updated]] = {:now}`).
		Bind(dbx.Params{"value": `"` + now + `"`, "now": now}).WithContext(ctx).Execute()
	if err != nil {
		return fmt.Errorf("write to the database: %w", err)
	}
	return nil
}

func (k *Vitals) leastFree() uint64 { return uint64(max(0, k.DiskFreeMB)) * megabyte }

// backlog is how many effects are due, and for how long the oldest.
func (k *Vitals) backlog(ctx context.Context) (int, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	var row struct {
		N    int    `db:"n"`
		Next string `db:"next"`
	}
	err := k.App.ConcurrentDB().NewQuery("SELECT count(*) AS n, coalesce(min([[nextAt]]), '') AS next FROM {{wx_outbox}} WHERE [[doneAt]] = '' AND [[nextAt]] <= {:now}").
		Bind(dbx.Params{"now": k.Now().UTC().Format(days.Stored)}).WithContext(ctx).One(&row)
	if err != nil || row.N == 0 {
		return 0, 0
	}
	next, err := time.Parse(days.Stored, row.Next)
	if err != nil {
		return row.N, 0
	}
	return row.N, k.Now().Sub(next)
}

// noteWriter says on the console, once, that nothing can be written: no alert can be kept then. The webhook is told directly.
func (k *Vitals) noteWriter(r readiness) {
	was := k.last.Writer
	switch {
	case r.Writer != nil && was == nil:
		_, _ = fmt.Fprintf(k.Out, "  error: nothing can be written: %s\n", explain.OneLine(redact.Text(r.Writer.Error())))
		k.Books.TellUnkept(books.AlertDisk, "writing", explain.OneLine(r.Writer.Error()))
	case r.Writer == nil && was != nil:
		_, _ = fmt.Fprintln(k.Out, "  writing works again")
		k.Books.LogError("alert", k.Books.Raise(k.App, books.AlertDisk, "writing", map[string]any{
			"error": explain.OneLine(was.Error()), "until": time.Now().UTC().Format(time.RFC3339), "now": "writing works again",
		}))
	}
}

// keep looks again and again until the app ends, and keeps the alerts of what is wrong and of what is right again.
func (k *Vitals) keep() {
	tick := time.NewTicker(k.ProbeEvery)
	defer tick.Stop()
	for round := 0; ; round++ {
		select {
		case <-k.stop:
			return
		case <-tick.C:
		}
		r := k.ready(context.Background())
		if r.Writer != nil {
			continue
		}
		k.tellDisk(r)
		k.tellSecrets()
		k.tellReplica()
		if round%backupRounds == 0 {
			k.tellBackup()
		}
	}
}

func (k *Vitals) tellDisk(r readiness) {
	short := ""
	if slices.Contains(r.Problems, unreadyDisk) {
		short = "short"
	}
	k.inform(books.AlertDisk, "space", short, map[string]any{
		"freeMB": r.Free / megabyte, "wantMB": k.DiskFreeMB, "folder": filepath.Base(k.App.DataDir()),
	})
}

func (k *Vitals) tellSecrets() {
	problems := k.Accounts.Settings.Problems()
	k.inform(books.AlertSecret, "settings", fmt.Sprint(problems), map[string]any{"problems": problems})
}

// tellReplica raises the alert of a copy that does not follow. A server without one has none to tell of.
func (k *Vitals) tellReplica() {
	if r := k.Replica(); r.On {
		k.inform(books.AlertReplica, "lag", r.Problem, map[string]any{"place": r.Place, "lagSeconds": int(r.Lag.Seconds()), "error": r.Problem})
		k.inform(books.AlertReplica, "files", r.FilesProblem, map[string]any{"place": r.Place, "lagSeconds": int(r.FilesLag.Seconds()), "error": r.FilesProblem})
	}
}

// inform raises an alert when what is wrong has changed, and settles it when nothing is. what is empty, or "[]", when nothing is.
func (k *Vitals) inform(kind books.AlertKind, subject, what string, details map[string]any) {
	if what == "[]" {
		what = ""
	}
	key := string(kind) + "/" + subject
	if was, known := k.told[key]; known && was == what {
		return
	}
	var err error
	if what == "" {
		err = k.Books.Settle(k.App, kind, subject, "it has passed")
	} else {
		err = k.Books.Raise(k.App, kind, subject, details)
	}
	if err != nil {
		k.Books.LogError("alert", err)
		return
	}
	k.told[key] = what
}
