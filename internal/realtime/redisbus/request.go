package redisbus

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// maxAnswering limits the questions that this process answers at a time.
const maxAnswering = 1024

// responder answers the questions on one subject.
type responder struct {
	answer func([]byte) ([]byte, bool)
}

// asking is an open question.
type asking struct {
	mu      sync.Mutex
	heard   map[string]bool // nodes that are done
	busy    map[string]bool // nodes that are working on it
	answers [][]byte
	wake    chan struct{}
}

// Respond answers questions of other processes on subject, each in its own goroutine, until stop is called. f returns
// the answer, of at most 8 MiB, or false for none; the asker then does not wait for this process. A subject has one
// responder in a process: the last.
func (b *Bus) Respond(subject string, f func(data []byte) ([]byte, bool)) (stop func()) {
	channel, r := b.channel(questions, subject), &responder{answer: f}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[channel] = r
	b.change(channel)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.asked[channel] == r {
			delete(b.asked, channel)
			b.change(channel)
		}
	}
}

// Request asks every other process that responds on subject and returns their answers, in any order. complete tells
// that all of them answered: Redis reports how many got the question, and Request stops waiting for one that is silent
// for 250 ms (Options.Silence); it waits for one that reports to be working until ctx ends, for at most 10 s. It fails
// with ErrDown while the bus is down, and with ctx.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) (answers [][]byte, complete bool, err error) {
	if len(data) > maxData {
		return nil, false, fmt.Errorf("ask %s: %d bytes are too much", subject, len(data))
	}
	b.mu.RLock()
	s, version := b.session, b.version
	b.mu.RUnlock()
	if s == nil {
		return nil, false, ErrDown
	}
	bounded, cancel := context.WithTimeout(ctx, longestReply)
	defer cancel()
	id := b.questions.Add(1)
	a := &asking{heard: map[string]bool{}, busy: map[string]bool{}, wake: make(chan struct{}, 1)}
	b.waiting.Store(id, a)
	defer b.waiting.Delete(id)
	if err := s.settled(bounded, version); err != nil { // earlier subscriptions must be in place first
		return nil, false, fmt.Errorf("ask %s: %w", subject, b.asError(ctx, err))
	}
	body := envelope{kind: question, node: b.node, id: id, data: data}.encode()
	want, err := s.client.Publish(bounded, b.channel(questions, subject), body).Result()
	if err != nil {
		if bounded.Err() == nil { // the caller's timeout is not Redis's fault
			b.failed(s, err)
		}
		return nil, false, fmt.Errorf("ask %s: %w", subject, b.asError(ctx, err))
	}
	complete, err = a.wait(bounded, s, int(want), b.options.Silence)
	if ctx.Err() != nil && !complete {
		err = ctx.Err()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.answers, complete, err
}

// asError replaces Redis's error by ErrDown, because it may quote a command.
func (b *Bus) asError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s", ErrDown, describe(err, b.redis))
}

// wait returns once all of want nodes are done, or are silent for too long.
func (a *asking) wait(ctx context.Context, s *session, want int, silence time.Duration) (complete bool, err error) {
	patience := time.NewTimer(silence)
	defer patience.Stop()
	silent := false
	for {
		heard, busy := a.count()
		if heard >= want {
			return true, nil
		}
		if silent && busy == 0 {
			return false, nil
		}
		select {
		case <-a.wake:
		case <-patience.C:
			silent = true
		case <-s.done:
			return false, ErrDown
		case <-ctx.Done():
			return false, nil
		}
	}
}

func (a *asking) count() (heard, busy int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.heard), len(a.busy)
}

// answered handles a node's message about one of our questions.
func (b *Bus) answered(e envelope) {
	found, ok := b.waiting.Load(e.id)
	if !ok { // too late
		return
	}
	a := found.(*asking) //nolint:forcetypeassert // nothing else is stored
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.heard[e.node] {
		return
	}
	if e.kind == busy {
		a.busy[e.node] = true
	} else {
		delete(a.busy, e.node)
		a.heard[e.node] = true
	}
	if e.kind == answer {
		a.answers = append(a.answers, e.data)
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// question answers one of another process. Our own question comes back if we respond on its subject, and counts as
// done.
func (b *Bus) question(s *session, channel string, e envelope) {
	if e.node == b.node {
		b.answered(envelope{kind: nothing, node: b.node, id: e.id})
		return
	}
	b.mu.RLock()
	r := b.asked[channel]
	b.mu.RUnlock()
	if r == nil {
		r = &responder{answer: func([]byte) ([]byte, bool) { return nil, false }} // stopped just now
	}
	select {
	case b.answering <- struct{}{}:
		go b.respond(s, r, e)
	default:
		b.counters.refused.Add(1)
	}
}

func (b *Bus) respond(s *session, r *responder, e envelope) {
	defer func() { <-b.answering }()
	working := time.AfterFunc(busyAfter, func() { b.reply(s, e, busy, nil) })
	data, ok := r.answer(e.data)
	working.Stop()
	if !ok || len(data) > maxData {
		b.reply(s, e, nothing, nil)
		return
	}
	b.reply(s, e, answer, data)
}

// reply uses the session on which the question came. If it fails, the asker's timeout ends the wait.
func (b *Bus) reply(s *session, to envelope, k kind, data []byte) {
	ctx, cancel := context.WithTimeout(b.ctx, ioTimeout)
	defer cancel()
	body := envelope{kind: k, node: b.node, id: to.id, data: data}.encode()
	if err := s.client.Publish(ctx, b.channel(nodes, to.node), body).Err(); err != nil && b.ctx.Err() == nil {
		b.failed(s, err)
	}
}
