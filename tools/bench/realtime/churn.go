package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	workers   = 64
	addresses = 500 // sessions that were walked away from count for their address until they end
	slack     = 5   // files and goroutines that a database or an HTTP server may add by itself; a leak of one visit in 10,000 is as much
)

// left is what a server holds: open files, goroutines, members of the room.
type left struct {
	files, goroutines, members int
}

func (l left) within(before left) bool {
	return l.files <= before.files+slack && l.goroutines <= before.goroutines+slack && l.members == 0
}

func (s *server) left() (left, error) {
	u, err := s.usage()
	if err != nil {
		return left{}, err
	}
	members, err := s.present()
	return left{u.files, int(s.gauge("go_goroutines")), members}, err
}

// churn connects, speaks and goes away in every way there is, while messages are published, and then looks at what is left.
func churn(c config) error {
	s, err := startWxbase(c)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, failed := churnFor(s, 500); failed > 0 { // what is made once
		return errors.New("the first 500 connects did not all succeed")
	}
	before, err := s.settle(left{})
	if err != nil {
		return err
	}
	from := time.Now()
	heard, failed := churnFor(s, c.churn)
	fmt.Fprintf(c.out, "churn: %d connects in %s, %d failed, %d events heard\n", c.churn, time.Since(from).Round(time.Second), failed, heard)
	after, err := s.settle(before)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "churn: files %d -> %d, goroutines %d -> %d, members %d -> %d\n", before.files, after.files, before.goroutines, after.goroutines, before.members, after.members)
	switch {
	case failed > 0:
		return errors.New("a connect failed that should not")
	case heard == 0:
		return errors.New("nobody heard anything")
	case !after.within(before):
		return errors.New("something was left behind")
	}
	return nil
}

// settle waits until no more is left than before, for a minute at most: a polling session that was walked away from ends only
// when its ping has not been answered. Against nothing it waits until two looks in a row see the same.
func (s *server) settle(before left) (left, error) {
	var last left
	for range 70 {
		s.http.CloseIdleConnections()
		time.Sleep(time.Second)
		now, err := s.left()
		if err != nil {
			return now, err
		}
		done := now == last && now.members == 0
		if before != (left{}) {
			done = now.within(before)
		}
		if done {
			return now, nil
		}
		last = now
	}
	return last, nil
}

func churnFor(s *server, n int) (heard, failed int64) {
	var next, ok, bad atomic.Int64
	stop := make(chan struct{})
	var publisher, wg sync.WaitGroup
	publisher.Go(func() { chatter(s, stop) })
	for range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n {
					return
				}
				got, err := visit(s, i)
				ok.Add(int64(got))
				if err != nil && bad.Add(1) <= 5 {
					fmt.Fprintln(os.Stderr, "churn:", err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	publisher.Wait()
	return ok.Load(), bad.Load()
}

func chatter(s *server, stop <-chan struct{}) {
	for n := int64(1); ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(3 * time.Millisecond):
			_ = s.publish(n)
		}
	}
}

// visit is one way of coming and going. Only what should succeed counts as an error.
func visit(s *server, i int) (heard int, err error) {
	id := i % addresses * perAddress // each visit comes from another address than the one before
	query := "room=" + room + "&userId=" + strconv.Itoa(i)
	switch rand.IntN(8) { //nolint:gosec // load, not secrets
	case 0: // gone before the namespace was entered
		c, err := dial(s.addr, query, id)
		if err != nil {
			return 0, err
		}
		return 0, c.conn.Close()
	case 1: // gone while the namespace is being entered
		c, err := dial(s.addr, query, id)
		if err != nil {
			return 0, err
		}
		_ = c.write(1, "40")
		return 0, c.conn.Close()
	case 2: // a polling session that nobody polls
		return 0, s.poll(query, id)
	}
	c, err := connect(s.addr, query, id)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	if err := c.write(1, `42["exchange",{"target":"res","payload":"1|1|x"}]`); err != nil {
		return 0, err
	}
	heard = c.hear(time.Duration(1+rand.IntN(40)) * time.Millisecond) //nolint:gosec // load, not secrets
	switch rand.IntN(3) {                                             //nolint:gosec // load, not secrets
	case 0:
		_ = c.write(1, "41")
	case 1:
		_ = c.write(8, "\x03\xe8")
	}
	return heard, nil
}

// hear counts events for a while.
func (c *client) hear(d time.Duration) (events int) {
	_ = c.conn.SetReadDeadline(time.Now().Add(d))
	_ = c.listen(func(int64, int64) { events++ })
	return events
}

// poll opens a long-polling session and forgets it.
func (s *server) poll(query string, id int) error {
	conn, err := dialFrom(s.addr, id)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, err = fmt.Fprintf(conn, "GET /socket.io/?EIO=4&transport=polling&%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", query, s.addr)
	if err != nil {
		return fmt.Errorf("ask for a session: %w", err)
	}
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(status, " 200") {
		return fmt.Errorf("polling answers %q: %w", status, err)
	}
	return nil
}
