package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	readers = 1_000
	stalled = 20
	ahead   = 200 // messages that the slowest honest reader may be behind: less than a server queues for one client
)

// stall puts readers that stopped reading among those that read, and publishes as fast as these can follow.
func stall(c config) error {
	s, err := startWxbase(c)
	if err != nil {
		return err
	}
	defer s.stop()
	// note: PocketBase's log of requests grows by a row per publish, and SQLite keeps its pages: not what is looked for here
	if err := s.call(http.MethodPatch, "/api/settings", map[string]any{"logs": map[string]any{"maxDays": 0}}, nil); err != nil {
		return fmt.Errorf("turn off the log of requests: %w", err)
	}
	crowd, err := gather(s, readers)
	if err != nil {
		return err
	}
	defer crowd.close()
	before, err := s.usage()
	if err != nil {
		return err
	}
	lazy, err := gatherLazy(s)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	for _, l := range lazy {
		defer l.conn.Close()
	}
	for _, l := range lazy[:stalled/2] {
		go l.pongs(stop)
	}
	f, err := fullRate(c, s, crowd, before.files)
	if err != nil {
		return err
	}
	return f.verdict(c, crowd)
}

// course is what the server did in the time: the memory of each second, and when it had closed the last stalled reader.
type course struct {
	sent   int64
	memory []int64
	closed time.Duration
}

func (f course) verdict(c config, crowd *crowd) error {
	early, late := slices.Max(f.memory[:len(f.memory)/2]), slices.Max(f.memory[len(f.memory)/2:])
	fmt.Fprintf(c.out, "stall: %d messages of %d bytes to %d readers in %s, %d deliveries, %d out of order, %d readers lost\n", f.sent, large, readers, c.stall, crowd.received.Load(), crowd.disorder.Load(), crowd.lost.Load())
	fmt.Fprintf(c.out, "stall: all %d stalled readers were closed after %s; memory at most %.1f MB in the first half and %.1f MB in the second (%+.1f %%)\n",
		stalled, f.closed.Round(time.Second), mb(early), mb(late), 100*float64(late-early)/float64(early))
	switch {
	case crowd.received.Load() != f.sent*readers, crowd.disorder.Load() > 0, crowd.lost.Load() > 0:
		return errors.New("an honest reader missed a message")
	case f.closed == 0:
		return errors.New("a stalled reader is still connected")
	case float64(late) > 1.1*float64(early):
		return errors.New("memory is not flat within 10 %")
	}
	return nil
}

func mb(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// lazyReader does not read. Some answer pings all the same: that proves nothing.
type lazyReader struct{ *client }

func gatherLazy(s *server) ([]*lazyReader, error) {
	var all []*lazyReader
	for i := range stalled {
		c, err := connect(s.addr, "room="+room+"&userId=lazy"+strconv.Itoa(i), readers+i)
		if err != nil {
			return nil, err
		}
		if err := c.conn.(*net.TCPConn).SetReadBuffer(4096); err != nil { //nolint:forcetypeassert // it was dialed as tcp
			return nil, fmt.Errorf("shrink the buffer: %w", err)
		}
		all = append(all, &lazyReader{c})
	}
	return all, nil
}

func (l *lazyReader) pongs(stop <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if l.write(1, "3") != nil {
				return
			}
		}
	}
}

// fullRate publishes one message after the other and never runs further ahead than a reader may be behind. Each second the
// server's memory is read, from the sixth part of the time on, since what a full load needs at all is not growth, and its open files
// are counted: with as many as before the stalled readers came, these are gone.
func fullRate(c config, s *server, crowd *crowd, files int) (course, error) {
	var f course
	from, sampled := time.Now(), time.Now()
	for time.Since(from) < c.stall {
		f.sent++
		if err := s.publishSized(f.sent, large); err != nil {
			return f, err
		}
		for f.sent-crowd.slowest() > ahead && crowd.lost.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		if time.Since(sampled) < time.Second {
			continue
		}
		sampled = time.Now()
		u, err := s.usage()
		if err != nil {
			return f, err
		}
		if f.closed == 0 && u.files <= files {
			f.closed = time.Since(from)
		}
		if time.Since(from) > c.stall/6 {
			f.memory = append(f.memory, u.rss)
		}
	}
	if len(f.memory) < 2 {
		return f, errors.New("-stall is too short to see memory grow")
	}
	return f, crowd.await(f.sent * readers)
}
