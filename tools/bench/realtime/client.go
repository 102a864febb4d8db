package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// perAddress stays under the server's limit of sockets per address: clients come from 127.0.1.1, 127.0.1.2 and so on.
const perAddress = 40

// client is one raw Engine.IO 4 WebSocket: as little as a load generator can do, so that the server is what is measured.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	mu   sync.Mutex
}

// dialFrom connects from the address that belongs to the client's number.
func dialFrom(addr string, id int) (net.Conn, error) {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 1+byte(id/perAddress/250), 1+byte(id/perAddress%250))} //nolint:gosec // small numbers
	d := net.Dialer{Timeout: 20 * time.Second, LocalAddr: from}
	conn, err := d.Dial("tcp", addr) //nolint:noctx // the dialer has a deadline
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return conn, nil
}

// dial upgrades to a WebSocket and reads Engine.IO's open packet.
func dial(addr, query string, id int) (*client, error) {
	conn, err := dialFrom(addr, id)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, r: bufio.NewReaderSize(conn, 2048)}
	if err := c.upgrade(addr, query); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) upgrade(addr, query string) error {
	_ = c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, err := fmt.Fprintf(c.conn, "GET /socket.io/?EIO=4&transport=websocket&%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", query, addr)
	if err != nil {
		return fmt.Errorf("ask for the upgrade: %w", err)
	}
	status, err := c.r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer to the upgrade: %w", err)
	}
	for line := status; line != "\r\n"; {
		if line, err = c.r.ReadString('\n'); err != nil {
			return fmt.Errorf("read the answer to the upgrade: %w", err)
		}
	}
	if !strings.Contains(status, " 101") {
		return fmt.Errorf("the upgrade was answered with %q", strings.TrimSpace(status))
	}
	_, open, err := c.read(nil)
	if err != nil || len(open) == 0 || open[0] != '0' {
		return fmt.Errorf("no open packet: %q: %w", open, err)
	}
	return nil
}

// connect enters the namespace and waits for the server's yes.
func connect(addr, query string, id int) (*client, error) {
	c, err := dial(addr, query, id)
	if err != nil {
		return nil, err
	}
	if err := c.enter(); err != nil {
		_ = c.conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) enter() error {
	if err := c.write(1, "40"); err != nil {
		return err
	}
	var buf []byte
	for {
		_, p, err := c.read(buf)
		if err != nil {
			return fmt.Errorf("wait for the namespace: %w", err)
		}
		if bytes.HasPrefix(p, []byte("44")) {
			return fmt.Errorf("refused: %s", p)
		}
		if bytes.HasPrefix(p, []byte("40")) {
			return c.conn.SetDeadline(time.Time{})
		}
		buf = p
	}
}

// write sends one masked frame; a mask of zeros is a mask.
func (c *client) write(op byte, text string) error {
	b := append(make([]byte, 0, len(text)+14), 0x80|op)
	if len(text) < 126 {
		b = append(b, 0x80|byte(len(text)))
	} else {
		b = append(b, 0x80|126)
		b = binary.BigEndian.AppendUint16(b, uint16(len(text))) //nolint:gosec // our own short texts
	}
	b = append(append(b, 0, 0, 0, 0), text...)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.conn.Write(b)
	return err
}

// read gives the next frame; buf is used again where it is large enough.
func (c *client) read(buf []byte) (op byte, p []byte, err error) {
	var h [8]byte
	if _, err = io.ReadFull(c.r, h[:2]); err != nil {
		return 0, nil, err
	}
	op = h[0] & 15
	size := uint64(h[1] & 127)
	switch size {
	case 126:
		if _, err = io.ReadFull(c.r, h[:2]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(h[:2]))
	case 127:
		if _, err = io.ReadFull(c.r, h[:8]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(h[:8])
	}
	if size > 1<<20 {
		return 0, nil, errors.New("frame over 1 MiB")
	}
	if uint64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	_, err = io.ReadFull(c.r, buf[:size])
	return op, buf[:size], err
}

// listen reads until the connection ends, answers pings, and hands on each event with the two numbers that its payload begins with.
func (c *client) listen(got func(sent, number int64)) error {
	var buf []byte
	for {
		op, p, err := c.read(buf)
		if err != nil {
			return err
		}
		buf = p
		switch {
		case op == 8:
			return errors.New("the server closed")
		case len(p) == 1 && p[0] == '2':
			if err := c.write(1, "3"); err != nil {
				return err
			}
		case bytes.HasPrefix(p, []byte("42")):
			if sent, number, ok := stamp(p); ok {
				got(sent, number)
			}
		}
	}
}

// stamp reads "<nanoseconds>|<number>|" out of an event's payload, without parsing JSON.
func stamp(p []byte) (sent, number int64, ok bool) {
	bar := bytes.IndexByte(p, '|')
	if bar < 0 {
		return 0, 0, false
	}
	from := bar
	for from > 0 && p[from-1] >= '0' && p[from-1] <= '9' {
		from--
	}
	end := bytes.IndexByte(p[bar+1:], '|')
	if end < 0 {
		return 0, 0, false
	}
	sent, err := strconv.ParseInt(string(p[from:bar]), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	number, err = strconv.ParseInt(string(p[bar+1:bar+1+end]), 10, 64)
	return sent, number, err == nil
}

// crowd is many clients in the room, and what they heard.
type crowd struct {
	clients  []*client
	received atomic.Int64
	last     atomic.Int64 // when the last delivery came, nanoseconds
	lost     atomic.Int64 // connections that ended by themselves
	closing  atomic.Bool
	keep     atomic.Bool
	delays   [][]int64 // nanoseconds of each delivery, per client, while keep is on
	disorder atomic.Int64
	heard    []atomic.Int64 // number of the last message, per client
}

// gather connects n clients to the room, 32 at a time.
func gather(s *server, n int) (*crowd, error) {
	c := &crowd{clients: make([]*client, n), heard: make([]atomic.Int64, n), delays: make([][]int64, n)}
	errs := make(chan error, n)
	tickets := make(chan struct{}, 32)
	for i := range n {
		tickets <- struct{}{}
		go func() {
			defer func() { <-tickets }()
			var err error
			if c.clients[i], err = connect(s.addr, "room="+room+"&userId="+strconv.Itoa(i), i); err == nil {
				go c.follow(i)
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			c.close()
			return nil, fmt.Errorf("%s, %d clients: %w", s.name, n, err)
		}
	}
	return c, nil
}

func (c *crowd) follow(i int) {
	err := c.clients[i].listen(func(sent, number int64) {
		now := time.Now().UnixNano()
		if before := c.heard[i].Swap(number); number <= before {
			c.disorder.Add(1)
		}
		if c.keep.Load() {
			c.delays[i] = append(c.delays[i], now-sent)
		}
		c.last.Store(now)
		c.received.Add(1) // last: whoever has counted all may read the rest
	})
	if err != nil && !c.closing.Load() {
		c.lost.Add(1)
	}
}

// takeDelays gives all delays in order of size, and forgets them.
func (c *crowd) takeDelays() []int64 {
	var all []int64
	for i := range c.delays {
		all = append(all, c.delays[i]...)
		c.delays[i] = nil
	}
	slices.Sort(all)
	return all
}

func (c *crowd) close() {
	c.closing.Store(true)
	for _, client := range c.clients {
		if client != nil {
			_ = client.conn.Close()
		}
	}
}

// slowest is the lowest number that all clients have heard.
func (c *crowd) slowest() int64 {
	low := c.heard[0].Load()
	for i := range c.heard {
		low = min(low, c.heard[i].Load())
	}
	return low
}
