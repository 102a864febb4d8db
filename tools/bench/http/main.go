// Command http measures what a shop does all day, by real HTTP against a started server: requests a second, p50 and p99, CPU and memory.
//
//	go run -C tools ./bench/http -bin ../bin/wxbase                      the table, beside the figures in results.json
//	go run -C tools ./bench/http -bin ../bin/wxbase -write               keeps the figures as the next ones to compare with
//	go run -C tools ./bench/http -bin ../bin/wxbase -listen              somebody listens: a subscriber, and two hooks in JavaScript
//	go run -C tools ./bench/http -bin ../bin/wxbase -rows order,notify   some rows only
//	go run -C tools ./bench/http -bin ../bin/wxbase -past 1000000        a million orders are there already; time of a start, CPU of an idle server
//	go run -C tools ./bench/http -bin ../bin/wxbase -bare ../bin/barepb  the reads beside PocketBase alone
//	go run -C tools ./bench/http -bin ../bin/wxbase kill                 kill -9 under load, again and again: is what was answered there?
//
// 32 closed loops, each with a connection of its own that is kept alive, send until the time is up; a second of warming up does not count.
// WeChat is a stub in this process, which checks signatures and makes them (API v2, as the article's shop). The server's own limits on
// people are off, everything else is as it is in a shop: synchronous=FULL, the log, realtime.
//
// Load, stub and server share the machine's cores, so figures are good for ratios within one run, or with the same machine when it is quiet.
// CPU is user + system of the server's process from /proc, so Linux only.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// config is what the command line says.
type config struct {
	bin, last string
	bare      string
	rows      []string
	loops     int
	rounds    int
	duration  time.Duration
	kills     int
	past      int
	listen    bool
	write     bool
}

func main() {
	var c config
	var rows string
	flag.StringVar(&c.bin, "bin", "../bin/wxbase", "executable of wxbase")
	flag.StringVar(&c.bare, "bare", "", "executable of PocketBase alone (internal/apptest/barepb), which is given the reads of the same folder")
	flag.StringVar(&c.last, "last", "bench/http/results.json", "figures to compare with")
	flag.StringVar(&rows, "rows", "", "rows to measure, with commas; all when empty")
	flag.IntVar(&c.loops, "c", 32, "loops at a time")
	flag.IntVar(&c.rounds, "rounds", 3, "how often each row is measured; the median counts")
	flag.DurationVar(&c.duration, "d", 5*time.Second, "how long a row is measured")
	flag.IntVar(&c.kills, "kills", 100, "of the command kill")
	flag.IntVar(&c.past, "past", 0, "so many paid orders are in the folder before")
	flag.BoolVar(&c.listen, "listen", false, "with a subscriber to orders/*, onRecordAfterUpdateSuccess and onWxOrderPaid")
	flag.BoolVar(&c.write, "write", false, "keep the figures")
	flag.Parse()
	if rows != "" {
		c.rows = strings.Split(rows, ",")
	}
	if err := run(c, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "http:", err)
		os.Exit(1)
	}
}

func run(c config, what string) error {
	switch what {
	case "":
		return bench(c)
	case "kill":
		return kill(c)
	default:
		return fmt.Errorf("unknown command %q", what)
	}
}

// bench measures each row in each round, so that what else the machine does hits all rows.
func bench(c config) error {
	s, err := start(c)
	if err != nil {
		return err
	}
	defer s.stop()
	shop := newShop(s)
	if c.past > 0 {
		if err := shop.fillPast(c.past); err != nil {
			return err
		}
	}
	all := figures{}
	for round := range c.rounds {
		for _, r := range rowsOf(shop) {
			if c.rows != nil && !slices.Contains(c.rows, r.name) {
				continue
			}
			f, err := measure(c, s, r)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", r.name, round+1, err)
			}
			all[r.name] = append(all[r.name], f)
		}
	}
	if len(all) == 0 {
		return errors.New("no such row")
	}
	if err := report(c, all); err != nil || c.bare == "" {
		return err
	}
	return beside(c, shop, all)
}

// beside gives the reads that PocketBase can do alone to PocketBase alone, in the same folder.
func beside(c config, p *shop, ours figures) error {
	if err := p.s.replace(c.bare); err != nil {
		return err
	}
	for range c.rounds {
		for _, r := range rowsOf(p) {
			if ours[r.name] == nil || !slices.Contains([]string{"orders of a user", "products", "health"}, r.name) {
				continue
			}
			f, err := measure(c, p.s, r)
			if err != nil {
				return fmt.Errorf("%s, PocketBase alone: %w", r.name, err)
			}
			was := medianOf(ours[r.name])
			fmt.Printf("%s, PocketBase alone: %.0f a second, p99 %.1f ms, CPU %.3f ms; ours %.2f of its requests, %.2f of its p99, %.2f of its CPU\n",
				r.name, f.PerSecond, f.P99, f.CPU, was.PerSecond/f.PerSecond, was.P99/f.P99, was.CPU/f.CPU)
		}
	}
	return nil
}
