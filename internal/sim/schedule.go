package sim

import (
	"context"
	"slices"
	"sync"
	"time"
)

// retrySteps is WeChat Pay's schedule after the first attempt: 15 more, 24 h 4 min in all.
func retrySteps() []time.Duration {
	const s, m, h = time.Second, time.Minute, time.Hour
	return []time.Duration{
		15 * s, 15 * s, 30 * s, 3 * m, 10 * m, 20 * m, 30 * m, 30 * m, 30 * m, 60 * m, 3 * h, 3 * h, 3 * h, 6 * h, 6 * h,
	}
}

const (
	deliverAtOnce = 16               // concurrent deliveries
	longestNap    = 10 * time.Second // note: the base clock may jump (a laptop that slept), so sleep only briefly
)

// deliverAll is the worker: it sends what is due, then sleeps until the next due time or until it is woken.
func (s *Sim) deliverAll(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, deliverAtOnce)
	for {
		due, nap := s.due()
		for _, do := range due {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			running.Go(func() {
				defer func() { <-slots }()
				do(ctx)
			})
		}
		if !s.sleep(ctx, nap) {
			return
		}
	}
}

// sleep returns false when the worker must end.
func (s *Sim) sleep(ctx context.Context, nap time.Duration) bool {
	timer := time.NewTimer(nap)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-s.wake:
	}
	return true
}

// due settles the refunds and takes the notifications and pictures whose time has come, and returns how long the rest
// can wait.
func (s *Sim) due() (list []errand, nap time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	for {
		next, ok := s.state.agenda.take(now)
		if !ok {
			return list, s.state.agenda.nap(now, longestNap)
		}
		if todo := next.begin(s, now); todo != nil {
			list = append(list, todo)
		}
	}
}

// deliver makes one round: usually one attempt, several or none if a fault says so.
func (s *Sim) deliver(ctx context.Context, n *notification) {
	f := s.faults.take(n.faultName())
	if f == nil {
		f = s.magicNote(n)
	}
	var tries []attempt
	switch {
	case f.hasKind("late"):
		s.finish(n, func() { n.Due = s.Now().Add(f.Delay) })
		return
	case f.hasKind("lost"):
		tries = []attempt{{At: s.Now(), Fault: f.name(), Error: "lost on the way"}}
	case f.hasKind("duplicate"):
		tries = []attempt{s.post(ctx, n, f), s.post(ctx, n, f)}
	case f.hasKind("concurrent"):
		tries = s.postMany(ctx, n, f)
	case f.hasKind("replay"):
		tries = []attempt{s.post(ctx, n, f)}
		s.replay(n, tries[0], f.Delay)
	default:
		tries = []attempt{s.post(ctx, n, f)}
	}
	if ctx.Err() != nil {
		s.finish(n, func() {}) // note: Close interrupted it; it stays due and is sent after the restart
		return
	}
	s.finish(n, func() { n.settle(tries) })
}

// postMany delivers copies of one message concurrently, as several servers of WeChat do.
func (s *Sim) postMany(ctx context.Context, n *notification, f *fault) []attempt {
	copies := f.Copies
	if copies == 0 {
		copies = defaultCopies
	}
	tries := make([]attempt, copies)
	var all sync.WaitGroup
	for i := range tries {
		all.Go(func() { tries[i] = s.post(ctx, n, f) })
	}
	all.Wait()
	return tries
}

// replay sends an attempt's bytes once more, as an eavesdropper does.
func (s *Sim) replay(n *notification, heard attempt, after time.Duration) {
	if heard.URL == "" {
		return // nothing was sent
	}
	again := newNotification(n.EventType, n.Format, n.URL, s.Now())
	again.AppID, again.Push, again.Due = n.AppID, n.Push, again.MadeAt.Add(after)
	again.Replay = &pushCopy{URL: heard.URL, ContentType: heard.Headers["Content-Type"], Body: heard.Body}
	s.mu.Lock()
	err := s.saveWith(nil, again)
	s.mu.Unlock()
	if err != nil {
		s.note(onPush, "the journal could not keep a replay: "+err.Error())
	}
}

// retries is the schedule of a message after its first attempt. note: a mini program's message gets three more tries; a
// replayed one gets none, because WeChat did not send it.
func (n *notification) retries() []time.Duration {
	switch {
	case n.Replay != nil:
		return nil
	case n.Push != nil:
		return []time.Duration{notifyTimeout, notifyTimeout, notifyTimeout}
	}
	return retrySteps()
}

// settle notes a round and sets the time of the next one.
func (n *notification) settle(tries []attempt) {
	n.Attempts = append(n.Attempts, tries...)
	if slices.ContainsFunc(tries, n.received) {
		n.State = notifyDone
		return
	}
	steps := n.retries()
	if n.Step >= len(steps) {
		n.State = notifyGivenUp
		return
	}
	// note: counted from the due time, so that a clock moved by hours sends all rounds of these hours
	n.Due = n.Due.Add(steps[n.Step])
	n.Step++
}

// finish applies and stores the result of a round and wakes the worker, because the next round may be due already.
func (s *Sim) finish(n *notification, apply func()) {
	s.mu.Lock()
	if s.state.notifications[n.ID] != n { // another state replaced the one of this message
		s.mu.Unlock()
		return
	}
	apply()
	s.state.keepBodies(n)
	if n.State == notifyPending {
		s.state.agenda.enter(n.Due, n)
	}
	err := s.save(n)
	s.mu.Unlock()
	if err != nil {
		s.note(n.faultName(), "the journal could not keep an attempt: "+err.Error())
	}
	s.wakeWorker()
}
