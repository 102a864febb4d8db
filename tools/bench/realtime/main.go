// Command realtime measures rooms over WebSocket: wxbase beside Node's own socket.io, in one run, on one machine.
//
//	go run -C tools ./bench/realtime -bin ../bin/wxbase bench   burst, steady rate and idle memory of both, with ratios and the goals
//	go run -C tools ./bench/realtime -bin ../bin/wxbase stall   20 readers that stopped reading, among 1,000, at full rate
//	go run -C tools ./bench/realtime -bin ../bin/wxbase sockets 100,000 connections, 20,000 of them in a room (root, 4 GB)
//	go run -C tools ./bench/realtime -bin ../bin/wxbase churn   50,000 connects, emits and aborts: what is left behind
//
// What is the same for both servers: the clients (raw WebSocket, Engine.IO 4, written here), the room, the messages (200 bytes and a
// time stamp in a JSON string), and the way in: POST /api/wx/rooms/bench/messages with one message each, over kept-alive
// connections. A burst is 8 connections that post as fast as they are answered; the steady rate is one post every 100 ms. Node's
// server is e2e/realtime/reference.js: it parses the JSON and calls io.to(room).emit, nothing else. wxbase does all that it
// does in a shop: `serve` with its database, the superuser's token checked and the room's rule asked on each post. The room keeps no
// history, since Node's has none.
//
// The server has core 0 and the load core 1, where taskset exists. CPU is user + system of the server's process from
// /proc, so Linux only; memory is VmRSS as the system sees it, without a forced collection on either side. Figures are good for
// ratios within one run on an otherwise quiet machine, and for nothing else.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// config is what the command line says.
type config struct {
	bin, e2e string
	rounds   int
	steady   time.Duration
	idle     time.Duration
	stall    time.Duration
	churn    int
	sockets  int
	env      []string // of wxbase
	out      io.Writer
}

func main() {
	c := config{out: os.Stdout}
	flag.StringVar(&c.bin, "bin", "../bin/wxbase", "executable of wxbase")
	flag.StringVar(&c.e2e, "e2e", "../e2e", "folder of the browser tests, where socket.io is installed")
	flag.IntVar(&c.rounds, "rounds", 3, "how often each server is measured; the median counts")
	flag.DurationVar(&c.steady, "steady", 10*time.Second, "how long the steady rate is kept")
	flag.DurationVar(&c.idle, "idle", 10*time.Second, "how long idle connections settle before their memory is read")
	flag.DurationVar(&c.stall, "stall", time.Minute, "how long the stalled readers stall")
	flag.IntVar(&c.churn, "churn", 50_000, "connects of the churn")
	flag.IntVar(&c.sockets, "sockets", 100_000, "connections of the command sockets")
	flag.Parse()
	if err := run(c, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "realtime:", err)
		os.Exit(1)
	}
}

func run(c config, what string) error {
	if err := pin(); err != nil {
		return err
	}
	if err := enoughFiles(); err != nil {
		return err
	}
	switch what {
	case "bench":
		return bench(c)
	case "stall":
		return stall(c)
	case "churn":
		return churn(c)
	case "sockets":
		return sockets(c)
	default:
		return errors.New("say bench, stall, churn or sockets")
	}
}

const pinned = "WXBASE_BENCH_PINNED"

// pin starts this program anew on core 1, so that the load does not run on the server's core.
func pin() error {
	taskset, err := exec.LookPath("taskset")
	if err != nil || os.Getenv(pinned) != "" {
		return nil //nolint:nilerr // without taskset both share all cores
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find myself: %w", err)
	}
	argv := append([]string{"taskset", "-c", "1", self}, os.Args[1:]...)
	if err := syscall.Exec(taskset, argv, append(os.Environ(), pinned+"=1")); err != nil { //nolint:gosec // our own arguments
		return fmt.Errorf("start on core 1: %w", err)
	}
	return nil
}

// enoughFiles says beforehand that 5,000 connections will not fit. note: Go has raised the soft limit to the hard one already, and
// both servers do so by themselves.
func enoughFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Max < 6_000 {
		return fmt.Errorf("the hard limit of open files is %d, want 6000: raise it (ulimit -Hn)", limit.Max)
	}
	return nil
}
