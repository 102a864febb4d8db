package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// inRoom is how many of the sockets are in the room, or half of them where there are fewer; the others are connected and idle.
const inRoom = 20_000

// otherFiles are what both processes open beside sockets.
const otherFiles = 500

// sockets connects very many clients, whose addresses are many too, and says what they cost: memory at each step, connects a second,
// the delay of 10 messages a second to the room, joins and leaves a second.
func sockets(c config) error {
	c.sockets = allowed(c.sockets)
	c.env = []string{"WXBASE_REALTIME_SOCKETS=" + strconv.Itoa(c.sockets)}
	s, err := startWxbase(c)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.publish(0); err != nil {
		return err
	}
	before, err := s.usage()
	if err != nil {
		return err
	}
	room, err := gather(s, min(inRoom, c.sockets/2))
	if err != nil {
		return err
	}
	defer room.close()
	if err := s.say(c, "in the room", len(room.clients), before); err != nil {
		return err
	}
	idle := &idlers{s: s}
	defer idle.close()
	for len(room.clients)+len(idle.clients) < c.sockets {
		if err := idle.add(len(room.clients), min(20_000, c.sockets-len(room.clients)-len(idle.clients))); err != nil {
			return err
		}
		if err := s.say(c, "connected", len(room.clients)+len(idle.clients), before); err != nil {
			return err
		}
	}
	if err := idle.rest(c); err != nil {
		return err
	}
	if err := steady(c, s, room, len(room.clients), figures{}); err != nil {
		return err
	}
	return idle.comeAndGo(c, min(5_000, len(idle.clients)), len(room.clients))
}

// allowed raises the limit of open files, here and for the server, and returns how many sockets fit.
func allowed(wanted int) int {
	most := uint64(wanted + otherFiles) //nolint:gosec // a flag
	err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: most, Max: most})
	if err == nil {
		return wanted
	}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Max >= most {
		return wanted // the first connection that fails says why
	}
	fits := int(limit.Max) - otherFiles //nolint:gosec // a number of files
	fmt.Printf("this machine opens %d files: %d sockets instead of %d\n", limit.Max, fits, wanted)
	return fits
}

// say prints what the sockets cost the server, and what the kernel holds for both ends.
func (s *server) say(c config, what string, n int, before usage) error {
	now, err := s.usage()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d %s: %d MB of memory, %.1f KB each; buffers in the kernel, both ends: %s\n", n, what, now.rss>>20,
		float64(now.rss-before.rss)/1024/float64(n), kernelBuffers())
	return nil
}

// kernelBuffers is the memory of all TCP sockets of the machine.
func kernelBuffers() string {
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(text), "TCP:")
	line, _, _ := strings.Cut(rest, "\n")
	_, pages, _ := strings.Cut(line, "mem ")
	n, err := strconv.Atoi(strings.TrimSpace(pages))
	if err != nil {
		return "unknown"
	}
	return strconv.Itoa(n*os.Getpagesize()>>20) + " MB"
}

// idlers are clients in no room, who answer pings.
type idlers struct {
	s       *server
	clients []*client
	acks    []chan bool // what the server says to a client's request
	lost    atomic.Int64
	closing atomic.Bool
}

// add connects n more; from is the number of the first, for their addresses.
func (i *idlers) add(from, n int) error {
	base, began := len(i.clients), time.Now()
	i.clients = append(i.clients, make([]*client, n)...)
	for range n {
		i.acks = append(i.acks, make(chan bool, 1))
	}
	err := eachOf(n, func(k int) (err error) {
		id := from + base + k
		if i.clients[base+k], err = connect(i.s.addr, "userId="+strconv.Itoa(id), id); err == nil {
			go i.follow(i.clients[base+k], i.acks[base+k]) // at once: the server's first ping comes before the last of many is connected
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	fmt.Printf("%.0f connects a second\n", float64(n)/time.Since(began).Seconds())
	return nil
}

// follow answers pings and hands on acknowledgements.
func (i *idlers) follow(c *client, acks chan<- bool) {
	var buf []byte
	for {
		op, p, err := c.read(buf)
		if err == nil && op == 8 {
			err = errors.New("the server closed")
		}
		if err == nil && len(p) == 1 && p[0] == '2' {
			err = c.write(1, "3")
		}
		if err != nil {
			if !i.closing.Load() {
				i.lost.Add(1)
			}
			return
		}
		if bytes.HasPrefix(p, []byte("430")) {
			acks <- bytes.Contains(p, []byte(`"ok":true`))
		}
		buf = p
	}
}

// rest lets all be idle for a while: nobody is to be lost, and pings cost little.
func (i *idlers) rest(c config) error {
	before, err := i.s.usage()
	if err != nil {
		return err
	}
	time.Sleep(c.idle)
	after, err := i.s.usage()
	if err != nil {
		return err
	}
	if lost := i.lost.Load(); lost > 0 {
		return fmt.Errorf("%d idle clients lost their connection", lost)
	}
	fmt.Fprintf(c.out, "idle for %s: %.1f %% of a core\n", c.idle, 100*(after.cpu()-before.cpu()).Seconds()/c.idle.Seconds())
	return nil
}

// comeAndGo lets n clients enter the room and leave it.
func (i *idlers) comeAndGo(c config, n, others int) error {
	for _, event := range []string{"join", "leave"} {
		began := time.Now()
		err := eachOf(n, func(k int) error { return i.ask(k, `420["`+event+`",{"room":"`+room+`"}]`) })
		if err != nil {
			return fmt.Errorf("%s: %w", event, err)
		}
		fmt.Fprintf(c.out, "%s: %.0f a second, into a room of %d\n", event, float64(n)/time.Since(began).Seconds(), others)
	}
	return nil
}

func (i *idlers) ask(k int, packet string) error {
	if err := i.clients[k].write(1, packet); err != nil {
		return err
	}
	select {
	case ok := <-i.acks[k]:
		if !ok {
			return errors.New("the server refused")
		}
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("no answer in 30 s")
	}
}

func (i *idlers) close() {
	i.closing.Store(true)
	for _, c := range i.clients {
		if c != nil {
			_ = c.conn.Close()
		}
	}
}

// eachOf calls do for each number below n, 64 at a time, and returns the first error.
func eachOf(n int, do func(int) error) error {
	var (
		wg     sync.WaitGroup
		next   atomic.Int64
		failed atomic.Pointer[error]
	)
	for range 64 {
		wg.Go(func() {
			for {
				k := int(next.Add(1)) - 1
				if k >= n || failed.Load() != nil {
					return
				}
				if err := do(k); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
