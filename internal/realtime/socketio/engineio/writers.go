package engineio

import (
	"runtime"
	"sync"
	"syscall"
)

// crowd is how many sessions a writer takes at a time, and how many must wait before another writer starts.
const crowd = 64

// writers write for sessions whose connection takes a frame at once, which nearly always holds: a goroutine for each
// would cost a quarter of the write. A connection that does not take all of it gets its own goroutine, so that the
// others need not wait.
type writers struct {
	most int    // at a time
	work func() // run, bound once, so that starting a writer does not allocate

	mu      sync.Mutex
	waiting []*Session
	head    int // index of the first session in waiting that is not taken
	running int
}

// add queues x for writing. The caller has set x's writing flag, which stays set until the queue is empty or a
// goroutine has taken over.
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

// allow sets the number of concurrent writers, once.
func (w *writers) allow(most int) { w.most, w.work = most, w.run }

func (w *writers) run() {
	runtime.Gosched() // publishers run first, so that one call writes more
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

// take moves the longest waiting sessions into the slice and returns their number; zero ends the writer.
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
	case w.head > len(w.waiting)/2: // so that the slice does not grow under constant load
		w.waiting, w.head = w.waiting[:copy(w.waiting, w.waiting[w.head:])], 0
	}
	return n
}

// quick is a connection that can be written without waiting.
type quick struct {
	conn    syscall.RawConn
	attempt func(fd uintptr) bool // bound once, so that a write does not allocate
	frame   []byte
	n       int
	err     error
}

// newQuick returns nil for connections other than sockets, such as those under TLS.
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

// write returns how much of a frame the kernel took, possibly nothing; an error means that the connection is gone.
func (q *quick) write(frame []byte) (int, error) {
	q.frame, q.n = frame, 0
	err := q.conn.Write(q.attempt)
	q.frame = nil
	if err == nil {
		err = q.err
	}
	return max(q.n, 0), err
}

// start starts writing the queue. The caller has set the writing flag.
func (x *Session) start() {
	if x.quick == nil {
		go x.run()
		return
	}
	x.srv.writers.add(x)
}

// flushNow writes the queue as long as the connection takes it at once.
func (x *Session) flushNow() {
	var batch [][]byte
	for {
		if batch = x.swap(batch); batch == nil {
			return
		}
		if len(batch) > 1 { // a backlog is written in one call, which may wait
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
