package main

import (
	"fmt"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// burst is how many messages go to how many clients: 400,000 deliveries each time, and no client is owed more messages than a
// server may queue for it.
type burst struct{ clients, messages int }

var bursts = []burst{{1_000, 400}, {5_000, 80}}

// figure is one thing that is measured, with one number of clients.
type figure struct {
	what    string
	clients int
}

const (
	perSecond = "deliveries a second in a burst"
	burstCPU  = "microseconds of CPU per delivery in it"
	steadyCPU = "the same at 10 messages a second"
	p50, p99  = "median delay of a delivery, ms", "p99 of it"
	perConn   = "kilobytes of memory per idle connection"
)

// figures are all measurements of one server; the median of the rounds counts.
type figures map[figure][]float64

func (f figures) add(what string, clients int, value float64) {
	key := figure{what, clients}
	f[key] = append(f[key], value)
}

func (f figures) of(what string, clients int) float64 { return median(f[figure{what, clients}]) }

// bench lets the servers take turns, so that what else the machine does hits both.
func bench(c config) error {
	node, ours := figures{}, figures{}
	for range c.rounds {
		for _, b := range bursts {
			if err := measure(c, startNode, b, node); err != nil {
				return err
			}
			if err := measure(c, startWxbase, b, ours); err != nil {
				return err
			}
		}
	}
	return report(c, ours, node)
}

// measure takes one process through idle, steady and bursts.
func measure(c config, start func(config) (*server, error), b burst, f figures) error {
	s, err := start(c)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.publish(0); err != nil { // what is made once is made before the memory is read
		return err
	}
	before, err := s.usage()
	if err != nil {
		return err
	}
	crowd, err := gather(s, b.clients)
	if err != nil {
		return err
	}
	defer crowd.close()
	time.Sleep(c.idle)
	after, err := s.usage()
	if err != nil {
		return err
	}
	memory := float64(after.rss-before.rss) / 1024 / float64(b.clients)
	f.add(perConn, b.clients, memory)
	fmt.Fprintf(c.out, "%s, %d clients: %.1f KB each when idle\n", s.name, b.clients, memory)
	if err := steady(c, s, crowd, b.clients, f); err != nil {
		return err
	}
	for range 3 {
		if err := burstOnce(c, s, crowd, b, f); err != nil {
			return err
		}
	}
	return nil
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// steady publishes every 100 ms and keeps the delay of each delivery.
func steady(c config, s *server, crowd *crowd, clients int, f figures) error {
	before, err := s.usage()
	if err != nil {
		return err
	}
	base, messages := crowd.received.Load(), int64(c.steady/(100*time.Millisecond))
	crowd.keep.Store(true)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := range messages {
		<-tick.C
		if err := s.publish(n + 1); err != nil {
			return err
		}
	}
	if err := crowd.await(base + messages*int64(clients)); err != nil {
		return fmt.Errorf("%s at a steady rate: %w", s.name, err)
	}
	crowd.keep.Store(false)
	after, err := s.usage()
	if err != nil {
		return err
	}
	cost := micros(after.cpu()-before.cpu()) / float64(messages*int64(clients))
	kernel := 100 * float64(after.system-before.system) / float64(after.cpu()-before.cpu())
	delays := crowd.takeDelays()
	half, most := quantile(delays, 0.5), quantile(delays, 0.99)
	f.add(steadyCPU, clients, cost)
	f.add(p50, clients, half)
	f.add(p99, clients, most)
	fmt.Fprintf(c.out, "%s, %d clients, 10 messages/s: p50 %.1f ms, p99 %.1f ms, %.2f us CPU per delivery (%.0f %% of it in the kernel)\n", s.name, clients, half, most, cost, kernel)
	return nil
}

// burstOnce posts all messages over 8 connections, as fast as they are answered.
func burstOnce(c config, s *server, crowd *crowd, b burst, f figures) error {
	before, err := s.usage()
	if err != nil {
		return err
	}
	base, from := crowd.received.Load(), time.Now()
	numbers := make(chan int64)
	errs := make(chan error, 8)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range numbers {
				if err := s.publish(n); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for n := range b.messages {
		select {
		case numbers <- int64(n):
		case err := <-errs:
			return err
		}
	}
	close(numbers)
	wg.Wait()
	want := int64(b.clients) * int64(b.messages)
	if err := crowd.await(base + want); err != nil {
		return fmt.Errorf("%s in a burst: %w", s.name, err)
	}
	took := time.Unix(0, crowd.last.Load()).Sub(from)
	after, err := s.usage()
	if err != nil {
		return err
	}
	rate, cost := float64(want)/took.Seconds(), micros(after.cpu()-before.cpu())/float64(want)
	f.add(perSecond, b.clients, rate)
	f.add(burstCPU, b.clients, cost)
	fmt.Fprintf(c.out, "%s, %d clients, burst of %d: %.0f deliveries/s, %.2f us CPU each\n", s.name, b.clients, b.messages, rate, cost)
	return nil
}

// await waits until so many deliveries have come; it gives up when none came for 10 s or a client was lost.
func (c *crowd) await(want int64) error {
	seen, since := int64(-1), time.Now()
	for {
		got := c.received.Load()
		if lost := c.lost.Load(); lost > 0 {
			return fmt.Errorf("%d clients lost their connection", lost)
		}
		if got >= want {
			return nil
		}
		if got != seen {
			seen, since = got, time.Now()
		}
		if time.Since(since) > 10*time.Second {
			return fmt.Errorf("got %d deliveries, want %d", got, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// quantile is in milliseconds.
func quantile(sorted []int64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(float64(len(sorted)-1)*q)]) / float64(time.Millisecond)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// goal is what a figure of ours, or its ratio to Node's, has to be.
type goal struct {
	text string
	met  func(ours, ratio float64) bool
}

// report prints the table and fails when a goal is missed.
func report(c config, ours, node figures) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\n\twxbase\tNode's socket.io\tratio\tgoal\t")
	missed := 0
	row := func(title, what string, clients int, digits int, g goal) {
		mine, theirs := ours.of(what, clients), node.of(what, clients)
		verdict := ""
		if g.met != nil {
			verdict = "met"
			if !g.met(mine, mine/theirs) {
				verdict = "MISSED"
				missed++
			}
		}
		fmt.Fprintf(w, "%s\t%.*f\t%.*f\t%.2fx\t%s\t%s\n", title, digits, mine, digits, theirs, mine/theirs, g.text, verdict)
	}
	for _, b := range bursts {
		row(fmt.Sprintf("burst to %d, deliveries/s", b.clients), perSecond, b.clients, 0, goal{">= 5x", func(_, ratio float64) bool { return ratio >= 5 }})
		row("  CPU per delivery, us", burstCPU, b.clients, 2, goal{})
		row(fmt.Sprintf("10 msg/s to %d, CPU per delivery, us", b.clients), steadyCPU, b.clients, 2, goal{"<= 0.7x", func(_, ratio float64) bool { return ratio <= 0.7 }})
		row("  p50, ms", p50, b.clients, 1, goal{})
		row("  p99, ms", p99, b.clients, 1, goal{"<= 1x", func(_, ratio float64) bool { return ratio <= 1 }})
	}
	row("memory per idle connection, KB", perConn, bursts[len(bursts)-1].clients, 1, goal{"<= 22 KB", func(mine, _ float64) bool { return mine <= 22 }})
	if err := w.Flush(); err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d goals were missed", missed)
	}
	return nil
}
