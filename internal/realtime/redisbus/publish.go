package redisbus

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Limits of the publish queue, and of one write.
const (
	maxQueued      = 4096
	maxQueuedBytes = 8 << 20
	maxBatch       = 256
	maxBatchBytes  = 1 << 20
)

// parcel is an envelope on its way to a channel.
type parcel struct {
	channel string
	body    []byte
}

// outbox is the limited queue in front of the publisher.
type outbox struct {
	mu      sync.Mutex
	parcels []parcel
	bytes   int
	sending bool // the publisher has a batch in hand
	closed  bool
	missed  bool            // something did not fit since the queue was last empty
	drained []chan struct{} // closed when the queue is empty
	wake    chan struct{}
}

// Publish sends data to all other processes that subscribe to subject. It never blocks. Publishes of one process arrive
// in order; while the bus is down, or Redis is too slow, they are lost and counted.
func (b *Bus) Publish(subject string, data []byte) {
	if b.live() == nil || len(data) > maxData {
		b.counters.dropped.Add(1)
		return
	}
	body := envelope{kind: message, node: b.node, data: data}.encode()
	if !b.out.put(parcel{b.channel(subjects, subject), body}) {
		b.counters.dropped.Add(1)
	}
}

func (o *outbox) put(p parcel) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.parcels) >= maxQueued || o.bytes > 0 && o.bytes+len(p.body) > maxQueuedBytes {
		o.missed = !o.closed
		return false
	}
	o.parcels = append(o.parcels, p)
	o.bytes += len(p.body)
	o.poke()
	return true
}

func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns the next batch, at least one parcel, or nil.
func (o *outbox) take() []parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	for n < len(o.parcels) && n < maxBatch && (n == 0 || size+len(o.parcels[n].body) <= maxBatchBytes) {
		size += len(o.parcels[n].body)
		n++
	}
	batch := o.parcels[:n:n]
	o.parcels, o.bytes, o.sending = o.parcels[n:], o.bytes-size, n > 0
	if n == 0 {
		o.parcels = nil // releases the array
		for _, c := range o.drained {
			close(c)
		}
		o.drained = nil
	}
	return batch
}

// discard drops the queue and returns its length.
func (o *outbox) discard() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.parcels)
	o.parcels, o.bytes = nil, 0
	return n
}

// hasMissed tells whether something did not fit since the last call.
func (o *outbox) hasMissed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	missed := o.missed
	o.missed = false
	return missed
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

// empty returns a channel that is closed once the queue is empty and sent.
func (o *outbox) empty() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan struct{})
	if len(o.parcels) == 0 && !o.sending {
		close(c)
	} else {
		o.drained = append(o.drained, c)
	}
	return c
}

func (o *outbox) depth() (parcels, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.parcels), o.bytes
}

// publishForEver is the only publisher, so that the order is kept.
func (b *Bus) publishForEver() {
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.out.wake:
		}
		for batch := b.out.take(); len(batch) > 0; batch = b.out.take() {
			b.send(batch)
		}
		if b.out.hasMissed() {
			b.log.Warn("messages for the bus came faster than redis took them; some are lost")
			b.announce()
		}
	}
}

// send writes a batch at once. A failed one is not repeated: Redis may have delivered it, and twice is worse than
// never.
func (b *Bus) send(batch []parcel) {
	s := b.live()
	if s == nil {
		b.counters.dropped.Add(uint64(len(batch)))
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, ioTimeout)
	defer cancel()
	commands, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, p := range batch {
			pipe.Publish(ctx, p.channel, p.body)
		}
		return nil
	})
	for _, c := range commands {
		if c.Err() != nil {
			b.counters.dropped.Add(1)
		} else {
			b.counters.published.Add(1)
		}
	}
	if err != nil {
		b.failed(s, err)
	}
}

// failed handles a publish error: a refusal by Redis is logged once; any other error ends the session.
func (b *Bus) failed(s *session, err error) {
	if reply, ok := errors.AsType[redis.Error](err); ok {
		s.refused.Do(func() { b.log.Error("redis refuses to publish", "error", describe(reply, b.redis)) })
		return
	}
	s.end(err)
}
