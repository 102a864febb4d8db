package sim

import (
	"container/heap"
	"context"
	"time"
)

// appointment is something that WeChat does by itself at a given time.
type appointment struct {
	at time.Time
	entry
}

// entry is the subject of an appointment: a notification to deliver, a refund to settle, a picture to check.
type entry interface {
	// begin runs under the lock when the time has come. It returns the part that needs the network.
	begin(s *Sim, now time.Time) errand
}

// errand is work of the agenda that needs the network and therefore runs without the lock.
type errand func(context.Context)

// agenda holds the appointments, the earliest first, so that the worker never scans everything. Each open item has
// exactly one entry; an item settled by hand meanwhile is skipped.
type agenda struct{ list appointments }

// enter makes an appointment.
func (a *agenda) enter(at time.Time, what entry) { heap.Push(&a.list, appointment{at, what}) }

// take returns the first appointment whose time has come.
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
