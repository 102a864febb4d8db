package engineio

import (
	"runtime"
	"sync"
	"syscall"
)

// crowd is how many sessions a writer takes at a time, and how many must wait before another writer is worth its start.
const crowd = 64

// writers write for sessions whose connection takes a frame at once, which is nearly every one nearly every time: to start a goroutine
// for each would cost a quarter of the write. A connection that does not take all of it gets a goroutine, and nobody waits for it.
type writers struct {
	most int    // at a time
	work func() // run, bound once: starting a writer allocates nothing

	mu      sync.Mutex
	waiting []*Session
	head    int // of those in waiting that nobody has taken
	running int
}

// add has x written for. Its writing flag is set, and stays the pool's until the queue is empty or a goroutine has taken over.
func (w *writers) add(x *Session) {
	w.mu.Lock()
	w.waiting = append(w.waiting, x)
	start := w.running == 0 || w.running < w.most && len(w.waiting)-w.head > crowd
	if start {
		w.running++
	}
	w.mu.Unlock()
	if start {
		go w.work()
	}
}

// allow says how many may write at a time, once.
func (w *writers) allow(most int) { w.most, w.work = most, w.run }

func (w *writers) run() {
	runtime.Gosched() // whoever publishes goes on first, so that more leaves in one call
	var taken [crowd]*Session
	for {
		n := w.take(taken[:])
		if n == 0 {
			return
		}
		for i, x := range taken[:n] {
			taken[i] = nil
			x.flushNow()
		}
	}
}

// take moves the longest waiting into the slice and says how many; none ends the writer.
func (w *writers) take(into []*Session) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := copy(into, w.waiting[w.head:])
	clear(w.waiting[w.head : w.head+n])
	w.head += n
	switch {
	case n == 0:
		w.running--
		w.waiting, w.head = w.waiting[:0], 0
		if cap(w.waiting) > 16*crowd {
			w.waiting = nil // a burst is over
		}
	case w.head > len(w.waiting)/2: // so that a writer who never catches up does not make it grow
		w.waiting, w.head = w.waiting[:copy(w.waiting, w.waiting[w.head:])], 0
	}
	return n
}

// quick is a connection that can be written to without waiting.
type quick struct {
	conn    syscall.RawConn
	attempt func(fd uintptr) bool // bound once: a write allocates nothing
	frame   []byte
	n       int
	err     error
}

// newQuick returns nil for connections that are no sockets, such as those under TLS.
func newQuick(nc any) *quick {
	socket, ok := nc.(syscall.Conn)
	if !ok || !canAttempt {
		return nil
	}
	conn, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	q := &quick{conn: conn}
	q.attempt = func(fd uintptr) bool {
		q.n, q.err = attempt(fd, q.frame)
		return true // never waits
	}
	return q
}

// write says how much of a frame the kernel took, which may be nothing; an error means that the connection is gone.
func (q *quick) write(frame []byte) (int, error) {
	q.frame, q.n = frame, 0
	err := q.conn.Write(q.attempt)
	q.frame = nil
	if err == nil {
		err = q.err
	}
	return max(q.n, 0), err
}

// start has what is queued written. The caller has set the writing flag.
func (x *Session) start() {
	if x.quick == nil {
		go x.run()
		return
	}
	x.srv.writers.add(x)
}

// flushNow writes what is queued as long as the connection takes it at once.
func (x *Session) flushNow() {
	var batch [][]byte
	for {
		if batch = x.swap(batch); batch == nil {
			return
		}
		if len(batch) > 1 { // a backlog leaves in one call, which may wait
			go x.flushRest(batch)
			return
		}
		n, err := x.quick.write(batch[0])
		if err != nil {
			x.Abort(ReasonTransportError)
			return
		}
		done := n == len(batch[0])
		x.mu.Lock()
		if done {
			x.sent(1, n)
		} else {
			x.sent(0, n)
		}
		x.mu.Unlock()
		if !done {
			batch[0] = batch[0][n:]
			go x.flushRest(batch)
			return
		}
	}
}
