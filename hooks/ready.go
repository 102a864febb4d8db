package hooks

// Whether the server can do its work. A question that is answered by reading says nothing: a full disk, a lock that somebody holds, or a
// worker that stands still let every read go through while no payment can be written down.

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/redact"
)

const (
	probeEvery    = 15 * time.Second // how often the server looks at itself
	probeFresh    = 5 * time.Second  // how long an answer serves everybody who asks
	probeDeadline = 3 * time.Second  // for the writer
	backlogAge    = 10 * time.Minute // an effect that is due for so long
	workerAge     = 2 * time.Minute  // a worker that has not looked for so long
	megabyte      = 1 << 20
)

// Problems of readiness. The first two stop the work: the server answers 503.
const (
	unreadyWriter  = "writer"  // the database cannot be written, or there is no room
	unreadyWorker  = "worker"  // nobody carries out the outbox
	unreadyDisk    = "disk"    // room is short
	unreadyBacklog = "backlog" // effects wait for longer than they should
	unreadySecrets = "secrets" // stored settings that cannot be used
	unreadyHooks   = "hooks"   // JavaScript that is not in force
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

// keeper looks at the server now and then, and whenever somebody asks.
type keeper struct {
	mu   sync.Mutex // held while looking, so that many questions are one
	last readiness
	told map[string]string // alerts as they were raised last, by kind and subject
	stop chan struct{}
	once sync.Once
	done sync.WaitGroup

	backupMu sync.Mutex
	backupAt time.Time // of the newest backup
}

func newKeeper() *keeper {
	return &keeper{told: map[string]string{}, stop: make(chan struct{})}
}

// close ends the looking, and waits for the look at hand: the databases are closed next.
func (k *keeper) close() {
	k.once.Do(func() { close(k.stop) })
	ended := make(chan struct{})
	go func() { defer close(ended); k.done.Wait() }()
	select {
	case <-ended:
	case <-time.After(probeDeadline + time.Second):
	}
}

// ready looks, or gives the answer of a moment ago.
func (p *Plugin) ready(ctx context.Context) readiness {
	p.keeper.mu.Lock()
	defer p.keeper.mu.Unlock()
	if last := p.keeper.last; !last.At.IsZero() && time.Since(last.At) < p.cfg.ProbeFresh {
		return last
	}
	r := p.look(ctx)
	p.noteWriter(r)
	p.keeper.last = r
	return r
}

func (p *Plugin) look(ctx context.Context) readiness {
	r := readiness{At: time.Now(), Writer: p.probeWriter(ctx)}
	found := func(is bool, problem string) {
		if is {
			r.Problems = append(r.Problems, problem)
		}
	}
	free, err := freeBytes(p.app.DataDir())
	r.Free = free
	if err == nil && free < p.leastFree()/16 {
		r.Writer = errors.Join(r.Writer, fmt.Errorf("the disk is full: %d MB are left", free/megabyte))
	}
	found(r.Writer != nil, unreadyWriter)
	found(p.books.IdleFor() > max(workerAge, 3*p.cfg.SweepEvery), unreadyWorker)
	found(err == nil && free < p.leastFree(), unreadyDisk)
	r.Backlog, r.Oldest = p.backlog(ctx)
	found(r.Oldest > backlogAge, unreadyBacklog)
	found(len(p.accounts.Settings.Problems()) > 0, unreadySecrets)
	found(len(p.scripts.advice()) > 0, unreadyHooks)
	return r
}

// probeWriter writes one row and waits for the disk, as a payment does.
func (p *Plugin) probeWriter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeDeadline) // whoever asks may leave; the answer serves others too
	defer cancel()
	now := p.now().UTC().Format(days.Stored)
	_, err := p.app.NonconcurrentDB().NewQuery(`INSERT INTO {{_params}} ([[id]], [[value]], [[created]], [[updated]])
		VALUES ('wx_probe', {:value}, {:now}, {:now}) ON CONFLICT ([[id]]) DO UPDATE SET [[value]] = {:value}, [[updated]] = {:now}`).
		Bind(dbx.Params{"value": `"` + now + `"`, "now": now}).WithContext(ctx).Execute()
	if err != nil {
		return fmt.Errorf("write to the database: %w", err)
	}
	return nil
}

func (p *Plugin) leastFree() uint64 { return uint64(max(0, p.cfg.DiskFreeMB)) * megabyte }

// backlog is how many effects are due, and for how long the oldest.
func (p *Plugin) backlog(ctx context.Context) (int, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	var row struct {
		N    int    `db:"n"`
		Next string `db:"next"`
	}
	err := p.app.ConcurrentDB().NewQuery("SELECT count(*) AS n, coalesce(min([[nextAt]]), '') AS next FROM {{wx_outbox}} WHERE [[doneAt]] = '' AND [[nextAt]] <= {:now}").
		Bind(dbx.Params{"now": p.now().UTC().Format(days.Stored)}).WithContext(ctx).One(&row)
	if err != nil || row.N == 0 {
		return 0, 0
	}
	next, err := time.Parse(days.Stored, row.Next)
	if err != nil {
		return row.N, 0
	}
	return row.N, p.now().Sub(next)
}

// noteWriter says on the console, once, that nothing can be written: no alert can be kept then. The webhook is told directly.
func (p *Plugin) noteWriter(r readiness) {
	was := p.keeper.last.Writer
	switch {
	case r.Writer != nil && was == nil:
		_, _ = fmt.Fprintf(p.cfg.Out, "  error: nothing can be written: %s\n", oneLine(redact.Text(r.Writer.Error())))
		p.books.TellUnkept(books.AlertDisk, "writing", oneLine(r.Writer.Error()))
	case r.Writer == nil && was != nil:
		_, _ = fmt.Fprintln(p.cfg.Out, "  writing works again")
		p.books.LogError("alert", p.books.Raise(p.app, books.AlertDisk, "writing", map[string]any{
			"error": oneLine(was.Error()), "until": time.Now().UTC().Format(time.RFC3339), "now": "writing works again",
		}))
	}
}

// keep looks again and again until the app ends, and keeps the alerts of what is wrong and of what is right again.
func (p *Plugin) keep() {
	tick := time.NewTicker(p.cfg.ProbeEvery)
	defer tick.Stop()
	for round := 0; ; round++ {
		select {
		case <-p.keeper.stop:
			return
		case <-tick.C:
		}
		r := p.ready(context.Background())
		if r.Writer != nil {
			continue
		}
		p.tellDisk(r)
		p.tellSecrets()
		if round%backupRounds == 0 {
			p.tellBackup()
		}
	}
}

func (p *Plugin) tellDisk(r readiness) {
	short := ""
	if slices.Contains(r.Problems, unreadyDisk) {
		short = "short"
	}
	p.inform(books.AlertDisk, "space", short, map[string]any{
		"freeMB": r.Free / megabyte, "wantMB": p.cfg.DiskFreeMB, "folder": filepath.Base(p.app.DataDir()),
	})
}

func (p *Plugin) tellSecrets() {
	problems := p.accounts.Settings.Problems()
	p.inform(books.AlertSecret, "settings", fmt.Sprint(problems), map[string]any{"problems": problems})
}

// inform raises an alert when what is wrong has changed, and settles it when nothing is. what is empty, or "[]", when nothing is.
func (p *Plugin) inform(kind books.AlertKind, subject, what string, details map[string]any) {
	if what == "[]" {
		what = ""
	}
	key := string(kind) + "/" + subject
	if was, known := p.keeper.told[key]; known && was == what {
		return
	}
	var err error
	if what == "" {
		err = p.books.Settle(p.app, kind, subject, "it has passed")
	} else {
		err = p.books.Raise(p.app, kind, subject, details)
	}
	if err != nil {
		p.books.LogError("alert", err)
		return
	}
	p.keeper.told[key] = what
}
