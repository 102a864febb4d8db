package realtime

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	batchSize     = 512
	commitTimeout = 30 * time.Second
)

// pending is a message that waits for the store. It pins its room.
type pending struct {
	message Message
	room    *room
	keep    int
	done    chan error
}

// writer is the queue in front of the store. One goroutine writes, and only while the queue is not empty: what arrives
// meanwhile is its next commit.
type writer struct {
	store  Store
	rooms  *directory
	counts *counts
	log    *slog.Logger

	mu      sync.Mutex
	queue   []pending
	running chan struct{}  // closed when the goroutine ends; nil without one
	trims   map[string]int // messages since a room was trimmed; only the goroutine uses it
}

// commit queues a message. The caller holds the room's lock, so the store gets a room's numbers in order.
func (w *writer) commit(p pending) <-chan error {
	p.done = make(chan error, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, p)
	if w.running == nil {
		w.running = make(chan struct{})
		go w.write()
	}
	return p.done
}

func (w *writer) write() {
	for {
		batch := w.take()
		if batch == nil {
			return
		}
		w.keep(batch)
	}
}

// take gives the next batch, or ends the goroutine.
func (w *writer) take() []pending {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		close(w.running)
		w.running, w.queue = nil, nil
		return nil
	}
	n := min(len(w.queue), batchSize)
	batch := w.queue[:n:n]
	w.queue = w.queue[n:]
	return batch
}

func (w *writer) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

func (w *writer) wait(ctx context.Context) error {
	w.mu.Lock()
	running := w.running
	w.mu.Unlock()
	if running == nil {
		return nil
	}
	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep writes a batch in one commit. If that fails it writes each message alone, so that a bad message fails alone.
func (w *writer) keep(batch []pending) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	messages := make([]Message, len(batch))
	for i, p := range batch {
		messages[i] = p.message
	}
	err := w.store.Append(ctx, messages)
	for i, p := range batch {
		own := err
		if err != nil && len(batch) > 1 {
			own = w.store.Append(ctx, messages[i:i+1])
		}
		w.kept(p, own)
	}
	w.trim(ctx, batch)
}

// kept tells the publisher, and lets the room drop the message from memory.
func (w *writer) kept(p pending, err error) {
	if err != nil {
		w.counts.unkept.Add(1)
		w.log.Error("A room message was delivered but not kept.", "room", p.message.Room, "seq", p.message.Seq, "error", err)
	}
	p.done <- err
	p.room.mu.Lock()
	p.room.safe = max(p.room.safe, p.message.Seq)
	p.room.shrink()
	p.room.pins--
	w.rooms.forget(p.room)
}

// trim deletes old messages, but not at every message: a room may hold an eighth more than its setting, and at least
// 32.
func (w *writer) trim(ctx context.Context, batch []pending) {
	due := map[string]int{}
	for _, p := range batch {
		w.trims[p.message.Room]++
		if w.trims[p.message.Room] > max(32, p.keep/8) {
			due[p.message.Room] = p.keep
		}
	}
	for name, keep := range due {
		w.trims[name] = 0
		if err := w.store.Trim(ctx, name, keep); err != nil {
			w.log.Warn("A room's history was not trimmed.", "room", name, "error", err)
		}
	}
}

// Trim deletes a room's oldest messages until keep remain, after its setting was lowered. On an edge it does nothing.
func (h *Hub) Trim(ctx context.Context, name string, keep int) error {
	if !h.rooms.primary {
		return nil
	}
	return h.cfg.Store.Trim(ctx, name, keep)
}
