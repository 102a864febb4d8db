package desk

import (
	"fmt"
	"sync"
	"time"

	"wxbase/internal/days"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

const (
	loginsAtOnce = 100                  // logins that are counted in memory before they are written
	loginsWait   = time.Minute          // and how long they are, while people go on logging in
	loginsLife   = 400 * 24 * time.Hour // how long a day's count is kept
)

// logins counts the logins of mini programs by day: in memory first, so that a login writes no row for it. A process that is killed loses
// what is not written yet, a minute's at most in a busy shop.
type logins struct {
	kit

	mu    sync.Mutex
	days  map[string]int64
	total int64
	since time.Time
}

func loginKey(at time.Time) string { return "logins/" + at.In(beijing).Format(day) }

// count counts one that was answered.
func (l *logins) count() {
	if l.add(l.Now()) {
		l.save()
	}
}

// add counts, and tells whether it is time to write.
func (l *logins) add(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total == 0 {
		l.days, l.since = map[string]int64{}, now
	}
	l.days[loginKey(now)]++
	l.total++
	return l.total >= loginsAtOnce || now.After(l.since.Add(loginsWait))
}

// waiting is how many of a span are not written yet.
func (l *logins) waiting(from, to time.Time) (count int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, n := range l.days {
		if key >= loginKey(from) && key < loginKey(to) {
			count += n
		}
	}
	return count
}

// take empties the memory.
func (l *logins) take() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	days := l.days
	l.days, l.total = nil, 0
	return days
}

// save writes what is counted; the end of the process calls it too.
func (l *logins) save() {
	for key, n := range l.take() {
		if err := addTo(l.App, key, n, l.Now()); err != nil {
			l.App.Logger().Warn("logins not counted", "day", key, "count", n, "error", err.Error())
		}
	}
}

func addTo(app core.App, key string, n int64, now time.Time) error {
	_, err := app.NonconcurrentDB().NewQuery(`INSERT INTO wx_quotas (id, [[key]], used, most, [[expiresAt]], created, updated)
		VALUES ({:id}, {:key}, {:n}, 0, {:until}, {:now}, {:now})
		ON CONFLICT ([[key]]) DO UPDATE SET used = used + {:n}, updated = excluded.updated`).Bind(dbx.Params{
		"id": core.GenerateDefaultRandomId(), "key": key, "n": n, "until": days.Store(now.Add(loginsLife)), "now": days.Store(now),
	}).Execute()
	if err != nil {
		return fmt.Errorf("add to %s: %w", key, err)
	}
	return nil
}
