// Command ledger runs the ledger test (hooks/ledger_test.go) over very many orders, in pieces that each have a seed and a mode of their own,
// some at a time. Pieces, because the test looks through the whole books after each kill. What is done is kept, a line of
// JSON a piece, so a run can be ended and goes on later.
//
//	go run -C tools ./ledger -n 1000000                    from the root of the repository; hours
//	go run -C tools ./ledger -n 1000000 -piece 5000 -at-once 1
//	go run -C tools ./ledger -n 0                          only the table of what is done
//
// A piece whose books are not equal is kept as failed, with its log beside the file. It is run again the next time, and the failure stays in the
// account, because a race may not come back with its seed: take its line out when the fault is found and mended.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// modes are the names of hooks' ledgerModes.
var modes = []string{"v3 public key", "v3 certificate", "v3 both", "v2 MD5", "v2 HMAC-SHA256", "virtual", "mixed"}

// result is a line of the file: what the test counted, and whether the books were equal.
type result struct {
	Mode      string     `json:"mode"`
	Seed      int        `json:"seed"`
	Failed    bool       `json:"failed,omitempty"`
	Orders    int        `json:"orders"`
	Attempts  int        `json:"attempts"`
	Paid      int64      `json:"paid"`
	Late      int        `json:"late"`
	Disputed  int        `json:"disputed"`
	Refunds   int        `json:"refunds"`
	Payouts   int        `json:"payouts"`
	Deaths    int        `json:"deaths"`
	Seconds   int        `json:"seconds"`
	PerSecond [4]float64 `json:"perSecond"`
	MemoryMB  [4]float64 `json:"memoryMB"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

func run() error {
	n := flag.Int("n", 1_000_000, "orders in all")
	piece := flag.Int("piece", 2_000, "orders of a piece, at least 1000; longer ones look through longer books after each death")
	atOnce := flag.Int("at-once", 2, "pieces that run at the same time")
	keep := flag.String("keep", filepath.Join("ledger", "results.jsonl"), "file of what is done")
	flag.Parse()
	if *piece < 1_000 || *atOnce < 1 {
		return errors.New("a piece has at least 1000 orders, and one runs at least")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := open(*keep)
	if err != nil {
		return err
	}
	if *n > 0 {
		if err := b.runAll(ctx, *n, *piece, *atOnce); err != nil {
			return err
		}
	}
	return b.table()
}

// book is what is done, by seed.
type book struct {
	path   string
	mu     sync.Mutex
	done   map[int]result
	failed int // lines, also of pieces that were equal later
}

func open(path string) (*book, error) {
	b := &book{path: path, done: map[int]result{}}
	raw, err := os.ReadFile(path) //nolint:gosec // the command line names it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		b.note(r)
	}
	return b, nil
}

// note takes a line into account.
func (b *book) note(r result) {
	if b.done[r.Seed] = r; r.Failed {
		b.failed++
	}
}

// runAll runs pieces until n orders are done, the seeds 1, 2, 3 and so on.
func (b *book) runAll(ctx context.Context, n, piece, atOnce int) error {
	dir, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	test := filepath.Join(dir, "hooks.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", test, "./hooks") //nolint:gosec // into a folder of our own
	build.Dir, build.Stderr = "..", os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the test: %w", err)
	}
	seeds := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for seed := range seeds {
				if r, err := runPiece(ctx, test, seed, piece, b.path); err != nil {
					fmt.Fprintln(os.Stderr, "ledger:", err)
				} else if err := b.keep(r); err != nil {
					fmt.Fprintln(os.Stderr, "ledger:", err)
				}
			}
		})
	}
	for _, seed := range b.toRun(n, piece) {
		select {
		case seeds <- seed:
		case <-ctx.Done():
		}
	}
	close(seeds)
	workers.Wait()
	return nil
}

// toRun returns the seeds that are still to be run.
func (b *book) toRun(n, piece int) (seeds []int) {
	for seed, sum := 1, 0; sum < n; seed++ {
		if r, ok := b.done[seed]; ok && !r.Failed {
			sum += r.Orders
			continue
		}
		seeds, sum = append(seeds, seed), sum+piece
	}
	return seeds
}

// runPiece runs the test once. It fails when the piece was cut off; a piece with unequal books is a result.
func runPiece(ctx context.Context, test string, seed, orders int, path string) (result, error) {
	r := result{Mode: modes[seed%len(modes)], Seed: seed}
	cmd := exec.CommandContext(ctx, test, "-test.run", "^TestLedger$", "-test.v", "-test.timeout", "6h") //nolint:gosec // the test that we built
	cmd.Dir = filepath.Join("..", "hooks")
	cmd.Env = append(os.Environ(), "LEDGER_N="+strconv.Itoa(orders), "LEDGER_SEED="+strconv.Itoa(seed), "LEDGER_MODE="+r.Mode)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the test's servers too
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return r, fmt.Errorf("piece %d: cut off", seed)
	}
	_, line, found := bytes.Cut(out, []byte("result {"))
	if err == nil && found {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		return r, json.Unmarshal(append([]byte("{"), line...), &r)
	}
	r.Failed = true
	log := fmt.Sprintf("%s.%d.log", path, seed)
	fmt.Fprintf(os.Stderr, "ledger: piece %d (%s): the books are not equal, or the run did not end: %s\n", seed, r.Mode, log)
	return r, os.WriteFile(log, out, 0o600)
}

// keep writes a line for a piece that is done.
func (b *book) keep(r result) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(b.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // the command line names it, and it is no secret
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	b.note(r)
	fmt.Fprintf(os.Stderr, "piece %d, %s: %d orders in %d s\n", r.Seed, r.Mode, r.Orders, r.Seconds)
	return errors.Join(err, f.Close())
}

// table prints what is done, by mode, in Markdown, and fails when the books of a piece were not equal.
func (b *book) table() error {
	byMode := map[string][]result{}
	for _, r := range b.done {
		if r.Failed {
			continue
		}
		byMode[r.Mode] = append(byMode[r.Mode], r)
		byMode["all"] = append(byMode["all"], r)
	}
	fmt.Println("| mode | orders | attempts to pay | paid too late | disputed | refunds | payouts | deaths | orders a second, by quarter | memory MB, by quarter |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, mode := range append(slices.Clone(modes), "all") {
		of := byMode[mode]
		if len(of) == 0 {
			continue
		}
		var sum result
		for _, r := range of {
			sum.Orders, sum.Attempts, sum.Late, sum.Disputed = sum.Orders+r.Orders, sum.Attempts+r.Attempts, sum.Late+r.Late, sum.Disputed+r.Disputed
			sum.Refunds, sum.Payouts, sum.Deaths = sum.Refunds+r.Refunds, sum.Payouts+r.Payouts, sum.Deaths+r.Deaths
		}
		fmt.Printf("| %s | %d | %d | %d | %d | %d | %d | %d | %s | %s |\n", mode, sum.Orders, sum.Attempts, sum.Late, sum.Disputed, sum.Refunds, sum.Payouts, sum.Deaths,
			quarters(of, func(r result) [4]float64 { return r.PerSecond }), quarters(of, func(r result) [4]float64 { return r.MemoryMB }))
	}
	fmt.Printf("\n%d pieces, %d runs not equal\n", len(b.done), b.failed)
	if b.failed > 0 {
		return errors.New("there are pieces whose books were not equal")
	}
	return nil
}

// quarters are the medians of a figure by quarter of the runs.
func quarters(of []result, figure func(result) [4]float64) string {
	var text []string
	for i := range 4 {
		var all []float64
		for _, r := range of {
			all = append(all, figure(r)[i])
		}
		slices.Sort(all)
		text = append(text, strconv.FormatFloat(all[len(all)/2], 'f', 0, 64))
	}
	return strings.Join(text, ", ")
}
