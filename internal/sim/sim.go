// Package sim is a WeChat of our own: it answers the paths of api.weixin.qq.com and api.mch.weixin.qq.com on one handler,
// holds the phone and its owner behind /_sim/, signs, encrypts and delivers what WeChat signs, encrypts and delivers, and
// lets its clock be moved forward.
//
// It is written from the fact sheets and shares no code with the clients in internal/wechat and internal/wxpay: a simulator
// that shares the signer with its client proves nothing.
//
// Limits: the list of published pages is whatever WithPages says;
// profit sharing does not exist; content security knows a list of words and marks (see GET /_sim/security) and
// no more; a reply to a customer's message is checked and shown to nobody; links through a cloud's web page are refused; nothing here is meant to be reachable from outside the machine, since
// /_sim/config gives private keys away.
package sim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wxbase/internal/sim/book"
)

// Sim is one simulated WeChat. Make it with New; it is safe for concurrent use.
type Sim struct {
	opts    options
	keys    *keyring
	clock   *clock
	journal *book.Journal
	faults  *faultQueue
	calls   *callRing
	nonces  *nonceRing
	client  *http.Client
	handler http.Handler
	control http.Handler

	mu        sync.Mutex // guards state, limits and bills
	state     *state
	limits    *book.Limiter
	magicSeen map[[32]byte]bool // bodies whose magic has struck
	bills     []readyBill       // waiting to be fetched, the oldest first

	base      atomic.Pointer[string]
	rules     atomic.Pointer[rules]
	snapshots sync.Map // name to bytes, where there is no state folder
	merchants atomic.Pointer[sellers]
	served    atomic.Int64 // calls, see tidy
	wireMoved atomic.Bool  // the merchant's backend was last seen on the moved clock
	wake      chan struct{}

	life    sync.Mutex // guards stop
	stop    context.CancelFunc
	workers sync.WaitGroup
}

// New makes a simulator. With a state folder it takes up the keys and the journal found there; at first start it makes
// them, with three people. It starts no goroutine: see Start.
func New(opts ...Option) (*Sim, error) {
	o := newOptions(opts)
	list, err := loadSellers(o)
	if err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	s := &Sim{
		opts: o, keys: list[0].keyring, clock: &clock{base: o.now}, state: newState(), limits: book.NewLimiter(),
		faults: &faultQueue{}, calls: &callRing{}, nonces: &nonceRing{}, magicSeen: map[[32]byte]bool{}, client: notifyClient(o.transport), wake: make(chan struct{}, 1),
	}
	s.SetPublicBase(o.publicBase)
	s.rules.Store(&o.rules)
	s.merchants.Store(&list)
	s.journal, err = book.OpenJournal(o.stateDir, s.state.apply, func() []book.Row { return s.state.live(s.opts.now().Add(s.state.moved.Offset)) })
	if err != nil {
		return nil, err
	}
	if err := s.enforce(s.state.rules); err != nil {
		return nil, errors.Join(fmt.Errorf("take up rules: %w", err), s.journal.Close())
	}
	s.clock.advance(s.state.moved.Offset)
	s.state.reindex(s.keys.AppID, s.Now())
	if err := s.firstPeople(); err != nil {
		return nil, errors.Join(fmt.Errorf("make people: %w", err), s.journal.Close())
	}
	if err := s.addGivenApps(); err != nil {
		return nil, errors.Join(fmt.Errorf("make mini programs: %w", err), s.journal.Close())
	}
	for _, p := range o.pushes {
		if err := s.SetPush(p.appid, p.push); err != nil {
			return nil, errors.Join(err, s.journal.Close())
		}
	}
	s.handler, s.control = s.newHandler(), s.newControlHandler()
	return s, nil
}

// Handler answers WeChat's paths of both hosts at the root, the control API under /_sim/ and the panel.
func (s *Sim) Handler() http.Handler { return s.handler }

// ControlHandler answers only /_sim/; a server mounts it so that its own pages reach the phone on their own origin.
// Every other path is 404.
func (s *Sim) ControlHandler() http.Handler { return s.control }

// SetPublicBase tells at which address Handler can be reached, for Config.
func (s *Sim) SetPublicBase(url string) {
	url = strings.TrimRight(url, "/")
	s.base.Store(&url)
}

// Start runs the delivery of notifications until ctx ends or Close is called. A second Start does nothing.
func (s *Sim) Start(ctx context.Context) {
	s.life.Lock()
	defer s.life.Unlock()
	if s.stop != nil {
		return
	}
	ctx, s.stop = context.WithCancel(ctx)
	s.workers.Go(func() { s.deliverAll(ctx) })
}

// Close stops the deliveries, waits for the one under way and closes the journal. A later Close does nothing.
func (s *Sim) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.stop != nil {
		s.stop()
	}
	s.workers.Wait()
	return s.journal.Close()
}

// wakeWorker wakes the delivery worker without ever waiting for it.
func (s *Sim) wakeWorker() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// wireTime is the clock by which the merchant's backend was last seen to live.
func (s *Sim) wireTime() time.Time {
	if s.wireMoved.Load() {
		return s.clock.now()
	}
	return s.opts.now()
}
