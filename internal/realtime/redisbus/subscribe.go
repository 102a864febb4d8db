package redisbus

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// The kinds of channels. A channel's name is the prefix, one of these, and the subject.
const (
	subjects  = "msg/"
	questions = "ask/"
	nodes     = "node/" // where the answers for one node arrive
)

// Limits of what waits for a handler.
const (
	maxWaiting      = 1024
	maxWaitingBytes = 4 << 20  // of one subject
	maxBacklogBytes = 64 << 20 // of all subjects
	subscribeAtOnce = 500      // channels in one command
)

func (b *Bus) channel(what, name string) string { return b.options.Prefix + what + name }

// topic is a subject that this process subscribes to, with the queue of its handlers.
type topic struct {
	mu       sync.Mutex
	handlers []*handler
	waiting  [][]byte
	bytes    int
	running  bool // a goroutine calls the handlers
	missed   bool // something was dropped since the queue was last empty
}

type handler struct {
	call func([]byte)
}

// Subscribe calls f with the messages of other processes to subject, in sequence and in order, until unsubscribe is
// called; a running call may end later. It returns at once; a later Request is sent when it is in place. A slow handler
// misses messages: that is counted, logged, and followed by OnUp.
func (b *Bus) Subscribe(subject string, f func(data []byte)) (unsubscribe func()) {
	channel, h := b.channel(subjects, subject), &handler{call: f}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[channel]
	if t == nil {
		t = &topic{}
		b.topics[channel] = t
		b.change(channel)
	}
	t.mu.Lock()
	t.handlers = append(slices.Clone(t.handlers), h)
	t.mu.Unlock()
	return sync.OnceFunc(func() { b.unsubscribe(channel, t, h) })
}

func (b *Bus) unsubscribe(channel string, t *topic, h *handler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handlers = slices.DeleteFunc(slices.Clone(t.handlers), func(other *handler) bool { return other == h })
	if len(t.handlers) == 0 {
		b.backlog.Add(int64(-t.bytes))
		t.waiting, t.bytes = nil, 0
		delete(b.topics, channel)
		b.change(channel)
	}
}

// change notes that the subscription to a channel may be out of date. The caller holds b.mu.
func (b *Bus) change(channel string) {
	b.version++
	b.changed[channel] = struct{}{}
	if b.newest == nil {
		return
	}
	select {
	case b.newest.changes <- struct{}{}:
	default:
	}
}

// wants tells whether a channel should be subscribed. The caller holds b.mu.
func (b *Bus) wants(channel string) bool {
	return b.topics[channel] != nil || b.asked[channel] != nil || channel == b.channel(nodes, b.node)
}

// subscribeForEver updates the subscriptions as long as the session lasts.
func (s *session) subscribeForEver() {
	for {
		select {
		case <-s.done:
			return
		case <-s.changes:
		}
		if err := s.flush(s.bus.ctx); err != nil {
			s.end(err)
			return
		}
	}
}

// flush sends changed subscriptions to Redis. Only one goroutine at a time calls it.
func (s *session) flush(ctx context.Context) error {
	add, remove := s.plan()
	for part := range slices.Chunk(add, subscribeAtOnce) {
		if err := s.sub.Subscribe(ctx, part...); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(remove, subscribeAtOnce) {
		if err := s.sub.Unsubscribe(ctx, part...); err != nil {
			return err
		}
	}
	return nil
}

// plan compares the wanted subscriptions with this connection's, and expects confirmations for the difference.
func (s *session) plan() (add, remove []string) {
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.newest != s { // this session has ended, and its successor handles the changes
		return nil, nil
	}
	for channel := range b.changed {
		switch want := b.wants(channel); {
		case want && !s.listening[channel]:
			s.listening[channel] = true
			add = append(add, channel)
		case !want && s.listening[channel]:
			delete(s.listening, channel)
			remove = append(remove, channel)
		}
	}
	clear(b.changed)
	s.sent += len(add) + len(remove)
	s.versions = append(s.versions, mark{b.version, s.sent})
	s.advance()
	return add, remove
}

// confirm counts one confirmation. Redis sends one for each channel of each command, in order.
func (s *session) confirm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed++
	s.advance()
}

// advance finds the confirmed version and wakes its waiters. The caller holds s.mu.
func (s *session) advance() {
	n := 0
	for n < len(s.versions) && s.versions[n].sent <= s.confirmed {
		s.version = s.versions[n].version
		n++
	}
	s.versions = s.versions[n:]
	s.waiters = slices.DeleteFunc(s.waiters, func(w waiter) bool {
		if w.version > s.version {
			return false
		}
		close(w.c)
		return true
	})
}

// settled waits until a version of the subscriptions is in place.
func (s *session) settled(ctx context.Context, version uint64) error {
	s.mu.Lock()
	if s.version >= version {
		s.mu.Unlock()
		return nil
	}
	w := waiter{version, make(chan struct{})}
	s.waiters = append(s.waiters, w)
	s.mu.Unlock()
	select {
	case <-w.c:
		return nil
	case <-s.done:
		return s.err
	case <-ctx.Done():
		s.forget(w)
		return errors.New("subscriptions are not confirmed")
	}
}

func (s *session) forget(w waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters = slices.DeleteFunc(s.waiters, func(other waiter) bool { return other == w })
}
