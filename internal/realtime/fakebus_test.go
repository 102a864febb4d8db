package realtime_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"wxbase/internal/realtime"
)

var errDown = errors.New("the bus is down")

// network connects nodes in memory, as Redis would: every node has a queue of arrivals, and a node that is down loses
// what it sends and what is sent to it.
type network struct {
	mu    sync.Mutex
	nodes []*node
	lose  func(subject string) bool // messages to lose although the network is up
}

// node is one process's bus.
type node struct {
	net *network

	mu         sync.Mutex
	up         bool
	queue      []delivery
	running    bool
	topics     map[string][]*func([]byte)
	responders map[string]func([]byte) ([]byte, bool)
	onUp       []func()
}

type delivery struct {
	subject string
	data    []byte
}

func (n *network) join() *node {
	b := &node{net: n, up: true, topics: map[string][]*func([]byte){}, responders: map[string]func([]byte) ([]byte, bool){}}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes = append(n.nodes, b)
	return b
}

func (n *network) others(b *node) []*node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.nodes), func(o *node) bool { return o == b })
}

// Publish queues data at every other node that is up.
func (b *node) Publish(subject string, data []byte) {
	if !b.Up() || b.net.lose != nil && b.net.lose(subject) {
		return
	}
	for _, o := range b.net.others(b) {
		o.arrive(delivery{subject, bytes.Clone(data)})
	}
}

func (b *node) arrive(d delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.up || len(b.topics[d.subject]) == 0 {
		return
	}
	b.queue = append(b.queue, d)
	if !b.running {
		b.running = true
		go b.dispatch()
	}
}

func (b *node) dispatch() {
	for {
		b.mu.Lock()
		if len(b.queue) == 0 {
			b.running = false
			b.mu.Unlock()
			return
		}
		d := b.queue[0]
		b.queue = b.queue[1:]
		handlers := slices.Clone(b.topics[d.subject])
		b.mu.Unlock()
		for _, f := range handlers {
			(*f)(d.data)
		}
	}
}

// Subscribe calls f until the returned function is called.
func (b *node) Subscribe(subject string, f func([]byte)) func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.topics[subject] = append(b.topics[subject], &f)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.topics[subject] = slices.DeleteFunc(b.topics[subject], func(other *func([]byte)) bool { return other == &f })
	}
}

// Request asks all nodes that respond. One that is down counts as silent for a quarter of a second.
func (b *node) Request(ctx context.Context, subject string, data []byte) (answers [][]byte, complete bool, err error) {
	b.mu.Lock()
	up := b.up
	b.mu.Unlock()
	if !up {
		return nil, false, errDown
	}
	complete = true
	for _, o := range b.net.others(b) {
		o.mu.Lock()
		f, up := o.responders[subject], o.up
		o.mu.Unlock()
		if f == nil {
			continue
		}
		if !up {
			complete = false
			time.Sleep(250 * time.Millisecond)
			continue
		}
		if a, ok := f(data); ok {
			answers = append(answers, a)
		}
	}
	return answers, complete, ctx.Err()
}

// Respond answers requests.
func (b *node) Respond(subject string, f func([]byte) ([]byte, bool)) func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.responders[subject] = f
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.responders, subject)
	}
}

// Up tells whether this node is connected.
func (b *node) Up() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.up
}

// OnUp is called after every cut.
func (b *node) OnUp(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onUp = append(b.onUp, f)
}

// Close does nothing.
func (b *node) Close() error { return nil }

func (b *node) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up, b.queue = false, nil
}

func (b *node) heal() {
	b.mu.Lock()
	b.up = true
	calls := slices.Clone(b.onUp)
	b.mu.Unlock()
	for _, f := range calls {
		f()
	}
}

func (b *node) subscribed(subject string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.topics[subject]) > 0
}

var _ realtime.Bus = (*node)(nil)
