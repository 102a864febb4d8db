// Package sim is a simulated WeChat: one handler answers the paths of api.weixin.qq.com and api.mch.weixin.qq.com. It
// signs, encrypts and delivers like WeChat, plays the phone and its owner under /_sim/, and has a clock that can be
// moved forward.
//
// It is written from the fact sheets and shares no code with the clients in internal/wechat and internal/wxpay: a
// simulator with the client's own signer would prove nothing.
//
// The words: a *person* owns a phone; an *identity* is a person in one mini program; a *seller* is a merchant with
// WeChat Pay's keys for it; a *grant* is a code that a phone issued. The *books* are all that is remembered: each
// feature has a *table* there, and the *journal* is their file. The *agenda* holds what is due later, and an *errand*
// is a part of it that needs the network. A *fault* is a misbehaviour that a test, a header or a *magic* value asks
// for, and a *finding* is the cause of a refused signature.
//
// Limits: the published pages are those of WithPages; profit sharing does not exist; content security knows only a list
// of words and marks (see GET /_sim/security); a reply to a customer's message is checked and not shown; links through
// a cloud's web page are refused. Nothing here may be reachable from outside the machine, because /_sim/config returns
// private keys.
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
	magicSeen map[[32]byte]bool // bodies whose magic value has struck
	bills     []readyBill       // waiting for download, the oldest first

	base      atomic.Pointer[string]
	rules     atomic.Pointer[rules]
	snapshots sync.Map // name to bytes, without a state folder
	merchants atomic.Pointer[sellers]
	served    atomic.Int64 // calls, see tidy
	wireMoved atomic.Bool  // the merchant's backend last used the moved clock
	wake      chan struct{}

	life    sync.Mutex // guards stop
	stop    context.CancelFunc
	workers sync.WaitGroup
}

// New makes a simulator. With a state folder it loads the keys and the journal there; at first start it makes them,
// with three people. It starts no goroutine: see Start.
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

// ControlHandler answers only /_sim/, so that a server can mount it for its own pages on the same origin. Every other
// path is 404.
func (s *Sim) ControlHandler() http.Handler { return s.control }

// SetPublicBase sets the address of Handler, for Config.
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

// Close stops the deliveries, waits for the current one and closes the journal. A later Close does nothing.
func (s *Sim) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.stop != nil {
		s.stop()
	}
	s.workers.Wait()
	return s.journal.Close()
}

// wakeWorker wakes the delivery worker without waiting for it.
func (s *Sim) wakeWorker() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// wireTime is the clock that the merchant's backend last used.
func (s *Sim) wireTime() time.Time {
	if s.wireMoved.Load() {
		return s.clock.now()
	}
	return s.opts.now()
}
