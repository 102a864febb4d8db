package sim

import (
	"container/heap"
	"time"
)

// appointment is something that WeChat does of its own accord at a time: deliver a notification, settle a refund or look at
// a picture.
type appointment struct {
	at     time.Time
	note   *notification
	refund *refund
	media  *mediaCheck
}

// agenda holds the appointments, the earliest first, so that the worker never looks through all there is.
// Everything open has exactly one entry; what was settled by hand meanwhile is passed over when its turn comes.
type agenda struct{ list appointments }

// note enters a notification at its due time.
func (a *agenda) note(n *notification) { heap.Push(&a.list, appointment{at: n.Due, note: n}) }

// settle enters a refund at a time.
func (a *agenda) settle(r *refund, at time.Time) {
	heap.Push(&a.list, appointment{at: at, refund: r})
}

// check enters a media check at a time.
func (a *agenda) check(m *mediaCheck, at time.Time) {
	heap.Push(&a.list, appointment{at: at, media: m})
}

// take gives the first appointment whose time has come.
func (a *agenda) take(now time.Time) (next appointment, ok bool) {
	if len(a.list) == 0 || a.list[0].at.After(now) {
		return appointment{}, false
	}
	next, ok = heap.Pop(&a.list).(appointment)
	return next, ok
}

// nap is how long the worker may sleep, at most longest.
func (a *agenda) nap(now time.Time, longest time.Duration) time.Duration {
	if len(a.list) == 0 {
		return longest
	}
	return max(min(a.list[0].at.Sub(now), longest), 0)
}

// appointments is a heap by time.
type appointments []appointment

var _ heap.Interface = (*appointments)(nil)

func (l appointments) Len() int           { return len(l) }
func (l appointments) Less(i, j int) bool { return l[i].at.Before(l[j].at) }
func (l appointments) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push is for package heap only.
func (l *appointments) Push(x any) {
	if a, ok := x.(appointment); ok {
		*l = append(*l, a)
	}
}

// Pop is for package heap only.
func (l *appointments) Pop() any {
	last := len(*l) - 1
	a := (*l)[last]
	(*l)[last] = appointment{}
	*l = (*l)[:last]
	return a
}
