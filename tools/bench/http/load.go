package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// row is one thing that a shop does. send makes one request; n counts them.
type row struct {
	name    string
	prepare func() error // before each measurement; may be nil
	send    func(n int64) error
}

// errOut says that there is nothing left to send, which ends a measurement before its time.
var errOut = errors.New("nothing left to send")

// figure is one measurement of a row.
type figure struct {
	PerSecond float64 `json:"perSecond"`
	P50       float64 `json:"p50"` // ms
	P99       float64 `json:"p99"` // ms
	CPU       float64 `json:"cpu"` // ms a request
	RSS       float64 `json:"rss"` // MB at its end
}

type figures map[string][]figure

// measure sends for the time that is configured.
func measure(c config, s *server, r row) (figure, error) {
	if r.prepare != nil {
		if err := r.prepare(); err != nil {
			return figure{}, err
		}
	}
	var n atomic.Int64
	if _, err := loops(c, r, &n, time.Second); err != nil {
		return figure{}, err
	}
	before, _, err := s.usage()
	if err != nil {
		return figure{}, err
	}
	began := time.Now()
	delays, err := loops(c, r, &n, c.duration)
	if err != nil {
		return figure{}, err
	}
	took := time.Since(began)
	after, rss, err := s.usage()
	if err != nil {
		return figure{}, err
	}
	if len(delays) == 0 {
		return figure{}, errors.New("nothing was sent")
	}
	slices.Sort(delays)
	at := func(q float64) float64 { return delays[int(q*float64(len(delays)-1))].Seconds() * 1_000 }
	sent := float64(len(delays))
	return figure{sent / took.Seconds(), at(0.5), at(0.99), (after - before).Seconds() * 1_000 / sent, float64(rss) / (1 << 20)}, nil
}

// loops runs the closed loops for a time. The first error ends them all.
func loops(c config, r row, n *atomic.Int64, d time.Duration) ([]time.Duration, error) {
	var (
		all    = make([][]time.Duration, c.loops)
		wg     sync.WaitGroup
		failed atomic.Pointer[error]
		end    = time.Now().Add(d)
	)
	for i := range all {
		wg.Go(func() {
			for time.Now().Before(end) && failed.Load() == nil {
				began := time.Now()
				err := r.send(n.Add(1))
				if errors.Is(err, errOut) {
					return
				}
				if err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				all[i] = append(all[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return slices.Concat(all...), nil
}

// median is that of one number of the measurements.
func median(all []figure, of func(figure) float64) float64 {
	values := make([]float64, len(all))
	for i, f := range all {
		values[i] = of(f)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func medianOf(all []figure) figure {
	return figure{
		median(all, func(f figure) float64 { return f.PerSecond }), median(all, func(f figure) float64 { return f.P50 }),
		median(all, func(f figure) float64 { return f.P99 }), median(all, func(f figure) float64 { return f.CPU }),
		median(all, func(f figure) float64 { return f.RSS }),
	}
}

// report prints the medians, and what they are of the last ones.
func report(c config, all figures) error {
	last, err := read(c.last)
	if err != nil {
		return err
	}
	now := map[string]figure{}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "row\tper second\tx last\tp50 ms\tp99 ms\tx last\tCPU ms\tx last\tMB\t")
	for _, name := range rowNames {
		if all[name] == nil {
			continue
		}
		f := medianOf(all[name])
		now[name] = f
		was, known := last[name]
		ratio := func(now, was float64) string {
			if !known || was == 0 {
				return ""
			}
			return fmt.Sprintf("%.2f", now/was)
		}
		_, _ = fmt.Fprintf(table, "%s\t%.0f\t%s\t%.1f\t%.1f\t%s\t%.3f\t%s\t%.0f\t\n", name, f.PerSecond, ratio(f.PerSecond, was.PerSecond),
			f.P50, f.P99, ratio(f.P99, was.P99), f.CPU, ratio(f.CPU, was.CPU), f.RSS)
	}
	if err := table.Flush(); err != nil || !c.write {
		return err
	}
	raw, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.last, append(raw, '\n'), 0o644) //nolint:gosec // figures for everybody
}

func read(path string) (map[string]figure, error) {
	last := map[string]figure{}
	raw, err := os.ReadFile(path) //nolint:gosec // what -last says
	if errors.Is(err, os.ErrNotExist) {
		return last, nil
	}
	if err != nil {
		return nil, err
	}
	return last, json.Unmarshal(raw, &last)
}
